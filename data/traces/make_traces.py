"""Record the runs that the player shows: `python data/traces/make_traces.py [NAME ...]` (two minutes for all).

The traces are runs of the chapters, with their settings and seeds: those of chapters 04 to 08 are built by the scripts
of the chapters' long runs (`bench/`). Other processors round differently, so a trace made again shows the same story
in other places.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture, ring
from ganlab.data.store import write_manifest
from ganlab.methods.gan import GAN
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.show import TraceRecorder
from ganlab.train import train

FRAMES, HERE = 30, Path(__file__).parent


def gan(seed: int, hidden: list[int], **rates: float) -> GAN:
    rng = Streams(seed, "weights")
    return GAN(MLP([2, *hidden, 2], rng), MLP([2, *hidden, 1], rng, scalar=True), rng=rng, **rates)


def record(
    name: str, title: str, target: GaussianMixture, method: Any, batches: Any, steps: int, **recording: Any
) -> None:
    """Train, record, save."""
    recorder = TraceRecorder(target, title, **recording)
    recorder.look(0, method)
    train(method, batches, steps, every=steps // FRAMES, look=recorder.look)
    trace = recorder.trace()
    trace.save(HERE / f"{name}.json")
    print(f"{name}: {trace.sentences[-1]}", flush=True)


def first_chapters() -> dict[str, Callable[[str], None]]:
    wide, narrow = ring(8, 2.0, 0.2), ring(8, 2.0, 0.02)

    def fast(name: str) -> None:
        method = gan(0, [64, 64, 64], lr=4e-4, generator_lr=2e-3)
        record(name, "Generator learns 5 times as fast", wide, method, wide.batches(128, 0), 1500)

    def even(name: str) -> None:
        method = gan(0, [64, 64, 64], lr=4e-4)
        record(name, "Both learn equally fast", wide, method, wide.batches(128, 0), 1500)

    def of_seed(name: str, seed: int) -> None:
        method = gan(seed, [64, 64], lr=1e-3)
        record(name, f"GAN, seed {seed}", narrow, method, narrow.batches(128, seed), 3000)

    both = {f"gan_seed_{seed}": partial(of_seed, seed=seed) for seed in (0, 1)}
    return {"collapse": fast, "even_rates": even, **both}


def mdgan(name: str, title: str, **settings: Any) -> None:
    """Chapter 04: the contest on the paper's ring of six, first of its seeds."""
    import mdgan_2d as bench

    target, seed = ring(6, 5.0, 0.1), 100
    method = bench.toy_method(title, [seed], 64, **settings)
    record(name, title, target, method, target.batches(128, [seed]), 3000)


def msgan(name: str, title: str, arm: str) -> None:
    """Chapter 05: the conditional toy; the samples of all its labels."""
    import msgan_2d as bench

    method = bench.build(bench.arms(bench.real_ratio(), 3000)[arm], [0])
    batches = bench.TARGET.batches(bench.SETTINGS["batch"], [0])

    class AllLabels:
        """The method, sampled as many times for each label."""

        def step(self, real: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
            return method.step(real)

        def sample(self, n: int) -> Tensor:
            condition = bench.TARGET.conditions(-(-n // bench.TARGET.classes))
            order = torch.randperm(len(condition), generator=torch.Generator().manual_seed(0))
            return method.sample(condition[order].expand(1, *condition.shape))[:, :n]

    record(name, title, bench.TARGET.mixture, AllLabels(), batches, 3000, size=0)


def mmgan(name: str, title: str, arm: str) -> None:
    """Chapter 06: the recipe with too fast a generator."""
    import mmgan_2d as bench

    from ganlab.nets.featured import feature_mlp
    from ganlab.recipes import recipe

    (kind, settings), chosen, rng = bench.ARMS[arm], recipe("fast-generator").settings, Streams([0])
    generator = MLP([chosen.latent, *chosen.generator, 2], rng.for_purpose("generator"), chosen.activation)
    sizes = [2, *chosen.discriminator, bench.FEATURES]
    discriminator = feature_mlp(sizes, rng.for_purpose("discriminator"), chosen.activation)
    rates = {"lr": chosen.discriminator_lr, "generator_lr": chosen.generator_lr, "betas": (chosen.beta1, 0.999)}
    method, target = kind(generator, discriminator, rng=rng, **rates, **settings), chosen.target()
    record(name, title, target, method, target.batches(chosen.batch, rng.for_purpose("data")), chosen.steps)


def nemgan(name: str, title: str, boxes: bool) -> None:
    """Chapter 07: five modes of unequal weight."""
    import nemgan_2d as bench

    target = bench.target()
    method = (bench.nemgan if boxes else bench.uniform_gan)([0], bench.SETTINGS)
    batches = target.batches(bench.SETTINGS["batch"], [0])
    record(name, title, target, method, batches, bench.SETTINGS["steps"])


def rpgan(name: str, title: str, views: int) -> None:
    """Chapter 08: one full view, or several views of one dimension of the plane."""
    import rpgan_vectors as bench

    rng, target = Streams([0]), ring(8, radius=2.0, sigma=0.1)
    if views:
        heads = bench.projected_mlp(2, 1, views, bench.HIDDEN, rng)
    else:
        heads = bench.full_view_mlp(2, bench.HIDDEN, rng)
    generator = MLP([2, *bench.GENERATOR, 2], Streams([0], "weights"))
    method = bench.RPGAN(generator, heads, rng=rng, latent=2, lr=bench.LR)

    def probability(method: Any, points: Tensor) -> Tensor:
        """The mean of what the discriminators believe."""
        return method.discriminator(points.expand(1, *points.shape))[0].sigmoid().mean(0)

    record(name, title, target, method, target.batches(128, [0]), 3000, probability=probability)


METHODS = {
    "04_gan": partial(mdgan, title="GAN"),
    "04_mdgan": partial(mdgan, title="MDGAN"),
    "05_conditional_gan": partial(msgan, title="Conditional GAN", arm="conditional GAN"),
    "05_msgan": partial(msgan, title="MSGAN", arm="1/(r+ε)"),
    "06_gan": partial(mmgan, title="GAN, fast generator", arm="GAN"),
    "06_mmgan": partial(mmgan, title="MMGAN, fast generator", arm="MMGAN RBF"),
    "07_gan": partial(nemgan, title="GAN, one latent", boxes=False),
    "07_nemgan": partial(nemgan, title="NEMGAN, a box for each mode", boxes=True),
    "08_gan": partial(rpgan, title="One discriminator, full view", views=0),
    "08_rpgan": partial(rpgan, title="RPGAN, 8 views of one dimension", views=8),
}


def main(wanted: list[str]) -> None:
    torch.set_num_threads(1)
    sys.path.insert(0, str(HERE.parents[1] / "bench"))
    known = first_chapters() | METHODS
    if odd := sorted(set(wanted) - set(known)):
        raise SystemExit(f"There is no trace {', '.join(odd)}: choose from {', '.join(known)}.")
    for name in wanted or known:
        known[name](name)
    write_manifest(
        HERE,
        [f"{name}.json" for name in known if (HERE / f"{name}.json").exists()],
        title="Recorded runs for the player",
        licence="Apache-2.0",
        source="trained on the 2D mixtures of ganlab.data.mixtures",
        made_by="python data/traces/make_traces.py",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
