"""`ganlab diagnose`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ganlab.errors import GanlabError


def diagnose(
    real: Annotated[str, typer.Argument(help="Real data: a folder of images, or an .npy, .npz or .safetensors file.")],
    generated: Annotated[str | None, typer.Argument(help="Generated samples, in any of the same forms.")] = None,
    out: Annotated[Path, typer.Option(help="The report; the JSON goes beside it.")] = Path("diagnosis.html"),
    generator: Annotated[
        Path | None, typer.Option(help="Instead of samples: a generator from torch.export (.pt2) or TorchScript.")
    ] = None,
    latent: Annotated[int | None, typer.Option(min=1, help="The size of the generator's latent.")] = None,
    latent_distribution: Annotated[str, typer.Option(help="normal, or uniform on [-1, 1].")] = "normal",
    trust_generator: Annotated[
        bool, typer.Option("--trust-generator", help="Yes, run that file: a generator is a program.")
    ] = False,
    held_out: Annotated[
        str | None, typer.Option(help="Real data that the generator was not trained on, to test for memorisation.")
    ] = None,
    features: Annotated[
        str, typer.Option(help="auto, raw, components, random-convolutions, digits, fashion, faces or inception.")
    ] = "auto",
    inception_weights: Annotated[
        Path | None, typer.Option(help="torch-fidelity's Inception weights; without them they are looked for.")
    ] = None,
    resize: Annotated[int | None, typer.Option(min=4, max=1024, help="Bring all images to N x N pixels.")] = None,
    value_range: Annotated[
        str, typer.Option(help="Black and white in arrays of floating-point images: auto, 0:1 or -1:1.")
    ] = "auto",
    most: Annotated[int, typer.Option(min=2, max=100_000, help="Read at most this many samples of each.")] = 5000,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
) -> None:
    """Is this mode collapse? Compare generated samples with real ones and write a report.

    The verdict is one of: collapse, partial collapse, within-mode collapse, memorisation, reweighting, low quality,
    another distribution, nothing found, too few samples to tell. Works offline. Exit code 0 whatever the verdict is.

    Images and arrays are only read, never executed. A generator file is a program and runs with your rights, in a
    process of its own: give --trust-generator only for files that you made or trust.
    """
    if (generated is None) == (generator is None):
        raise GanlabError("Give either generated samples or --generator FILE, and not both.")
    if generator is not None and latent is None:
        raise GanlabError("--generator needs --latent N, the size of its latent, for example --latent 64.")
    if generator is not None and not trust_generator:
        raise GanlabError(
            f"{generator} is a program that would run with your rights. If you made it or trust who did, add "
            "--trust-generator; else sample it elsewhere and give the samples."
        )
    if latent_distribution not in ("normal", "uniform"):
        raise GanlabError(f"--latent-distribution is {latent_distribution!r}; give normal or uniform.")
    if value_range not in ("auto", "0:1", "-1:1"):
        raise GanlabError(f"--value-range is {value_range!r}; give auto, 0:1 or -1:1.")
    target = out.with_suffix(".html")
    _refuse_strangers(target.with_suffix(".json"), target)

    from ganlab.files import write_atomically
    from ganlab.metrics.diagnose import diagnose_samples
    from ganlab.metrics.loading import SYMMETRIC, UNIT, load_samples, sample_generator
    from ganlab.metrics.report import to_html, to_json

    stated = {"auto": None, "0:1": UNIT, "-1:1": SYMMETRIC}[value_range]
    real_samples = load_samples(real, most, resize, seed, stated)
    scale = stated or real_samples.scale
    if generator is not None:
        made = sample_generator(generator, latent, most, latent_distribution, seed, scale=scale)
    else:
        made = load_samples(generated, most, resize, seed, scale)
    unseen = load_samples(held_out, most, resize, seed, scale) if held_out is not None else None
    weights = str(inception_weights) if inception_weights is not None else None
    found = diagnose_samples(real_samples, made, features, weights, unseen, seed=seed)
    write_atomically(target, to_html(found))
    write_atomically(target.with_suffix(".json"), to_json(found))
    verdict = found.verdict
    print(f"{verdict.name}: {verdict.because}.")
    for name, because in verdict.also:
        print(f"also {name}: {because}.")
    if verdict.splits:
        print(f"{verdict.agreement} of {verdict.splits} splits agree; measured on {found.features}.")
    print(f"Chapter {verdict.chapter}. Report: {target}")


def _refuse_strangers(data: Path, page: Path) -> None:
    """Write over an earlier report of ours, and over nothing else."""
    if not data.exists() and not page.exists():
        return
    try:
        ours = json.loads(data.read_text(encoding="utf-8")).get("made_by") == "ganlab diagnose"
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise GanlabError(f"{page} or {data.name} exists and is not a report of ours; choose another name with --out.")
