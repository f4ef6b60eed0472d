"""The longer 2D runs of chapter 07, each written to data/results/07_nemgan/NAME.json. One process, one thread.

    python bench/nemgan_2d.py arms     # ten arms on the unequal ring, 10 seeds
    python bench/nemgan_2d.py labels   # how many labelled points does the prior need? 0 to 200, 10 seeds each
    python bench/nemgan_2d.py start    # the prior starts at once or after 500 steps, with labels or none, slow or fast

`--only ARM` adds one arm to what is there. The target: five Gaussians on a ring of radius 1, sigma 0.05, with weights
.1, .1, .2, .3, .3.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from ganlab.data.mixtures import GaussianMixture, ring
from ganlab.methods.gan import GAN
from ganlab.methods.nemgan import NEMGAN, ClusterGANStyle, InfoGANStyle, gumbel_modes
from ganlab.metrics.modes import mass_in_place, mode_counts, nearest_mode
from ganlab.nets.encoder import UniformCube
from ganlab.nets.inversion import CosineHead, InversionNetwork
from ganlab.nets.mlp import MLP, Linear
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically
from ganlab.train.run import plain, versions

FOLDER = Path(__file__).parents[1] / "data" / "results" / "07_nemgan"
WEIGHTS = [0.1, 0.1, 0.2, 0.3, 0.3]
SAMPLES = 2500
SETTINGS = {
    "steps": 2500, "batch": 64, "width": 32, "extra": 2, "lr": 1e-3, "betas": [0.5, 0.999], "labelled": 50,
    "supervise_start": 0, "adversary": "cross-entropy", "z_weight": 1.0, "prior_start": 500, "prior_lr": 1e-2,
}  # fmt: skip


def target() -> GaussianMixture:
    return ring(5, 1.0, 0.05, WEIGHTS)


EARLY = 125  # steps that `start` looks at closely


def players(
    seeds: list[int], settings: dict, modes: int = 5, cosine: bool = False
) -> tuple[Streams, MLP, MLP, InversionNetwork]:
    rng, width, latent = Streams(seeds, "weights"), settings["width"], modes + settings["extra"]
    generator = MLP([latent, width, width, 2], rng)
    discriminator = MLP([2, width, width, 1], rng, "leaky_relu", scalar=True)
    body = MLP([2, width, width, latent], rng)
    head = (CosineHead if cosine else Linear)(latent, modes, rng)
    return rng, generator, discriminator, InversionNetwork(body, head)


class GumbelNEMGAN(NEMGAN):
    """The prior's step with a Gumbel-softmax draw instead of the smoothed step."""

    def drawn(self, n: int) -> Tensor:
        return gumbel_modes(self.rng.uniform(n, self.modes), self.prior.logits, 0.5).mean(-2)


class ClosedFormNEMGAN(NEMGAN):
    """The prior's step without a draw: the mean of the modes is known."""

    def drawn(self, n: int) -> Tensor:
        return self.prior.logits.softmax(-1)


def nemgan(
    seeds: list[int], settings: dict, labelled: int | None = None, kind: type = NEMGAN, cosine: bool = False, **more
) -> NEMGAN:
    """NEMGAN-P as in chapter 07; `labelled` labelled points, of each seed its own, drawn from the mixture."""
    rng, generator, discriminator, inversion = players(seeds, settings, cosine=cosine)
    count = settings["labelled"] if labelled is None else labelled
    few = target().sample_with_modes(count, Streams(seeds, "labelled")) if count else None
    chosen = {
        name: settings[name]
        for name in ("lr", "betas", "adversary", "z_weight", "supervise_start", "prior_start", "prior_lr")
    } | more
    return kind(
        generator, discriminator, inversion, rng=rng, modes=5, latent=5 + settings["extra"], labelled=few, **chosen
    )


def uniform_gan(seeds: list[int], settings: dict) -> GAN:
    """The plain GAN with the same generator and discriminator on a cube: a latent that is one piece."""
    rng, generator, discriminator, _ = players(seeds, settings)
    latent = 5 + settings["extra"]
    cube = nn.Sequential(UniformCube(), generator)
    return GAN(cube, discriminator, rng=rng, latent=latent, lr=settings["lr"], betas=tuple(settings["betas"]))


def box_table(method: NEMGAN, mixture: GaussianMixture, n: int = 500) -> Tensor:
    """(seeds, boxes, modes): of n samples of each box, the share nearest to each mode."""
    rows = []
    for box in range(method.modes):
        mode, _ = nearest_mode(method.sample(n, mode=box), mixture)
        rows.append(torch.nn.functional.one_hot(mode, mixture.modes).double().mean(-2))
    return torch.stack(rows, -2)


def look(mixture: GaussianMixture):
    """What is recorded: counts of high-quality samples by mode, the prior, what h says of real points."""
    real, modes = mixture.sample_with_modes(1000, 12345)

    @torch.no_grad()
    def measure(step: int, method) -> dict:
        samples = method.sample(SAMPLES)
        record = {"counts": mode_counts(samples, mixture)}
        if isinstance(method, NEMGAN):
            found = method.posteriors(real.expand(*samples.shape[:-2], -1, -1))
            record |= {"prior": method.prior.probabilities, "found": found.mean(-2)}
            record["agreement"] = (found.argmax(-1) == modes).double().mean(-1)
        return record

    return measure


def run(method, seeds: list[int], settings: dict, shown: int = 0, early: int = 0) -> dict:
    """Train and measure one arm of all seeds; the first `early` steps are looked at every 5."""
    before, mixture = time.process_time(), target()
    batches, every, seen = mixture.batches(settings["batch"], seeds), settings["steps"] // 20, look(mixture)
    result = {}
    if early:
        history = train(method, batches, early, every=5, look=seen)
        result["early"] = {"steps": history.steps, "prior": history["prior"], "agreement": history["agreement"]}
    history = train(method, batches, settings["steps"] - early, every=every, look=seen)
    names = [name for name in ("counts", "prior", "found", "agreement") if name in history.names]
    result |= {"steps": [early + step for step in history.steps], **{name: history[name] for name in names}}
    if isinstance(method, NEMGAN):
        result["boxes"] = box_table(method, mixture)
    if shown:
        samples, modes = method.sample(shown), None
        result["samples"] = samples[0].mul(1000).round().int()
        if isinstance(method, NEMGAN):
            modes = method.draw(shown, method.rng.for_purpose("look"))[1].argmax(-1)
            result["sample_boxes"] = modes[0]
    return result | {"cpu_seconds": round(time.process_time() - before)}


def write(name: str, arm: str, result: dict, settings: dict) -> None:
    """Put one arm's result into the file of its experiment, beside the arms with the same settings."""
    path = FOLDER / f"{name}.json"
    content = json.loads(path.read_text()) if path.exists() else {}
    if content.get("settings") != plain(settings):
        content = {"runs": {}}
    runs = {**content["runs"], arm: rounded(plain(result))}
    order = list(EXPERIMENTS[name](SETTINGS, settings["seeds"]))
    content = {
        "command": f"python bench/nemgan_2d.py {name}", "seconds": sum(run["cpu_seconds"] for run in runs.values()),
        "versions": versions(), "settings": settings, "weights": WEIGHTS,
        "runs": {arm: runs[arm] for arm in order if arm in runs},
    }  # fmt: skip
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(plain(content), separators=(",", ":")) + "\n")


def rounded(value):
    """Four digits are enough."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) and abs(value) > 1e-2 else value


def say(title: str, result: dict) -> None:
    placed = mass_in_place(result["counts"][:, -1], SAMPLES, torch.tensor(WEIGHTS))
    line = f"{title}: mass in place {placed.mean():.3f}"
    if "prior" in result:
        error = (result["prior"][:, -1] - torch.tensor(WEIGHTS)).abs().sum(-1) / 2
        right = result["agreement"][:, -1].mean()
        line += f", prior off by {error.mean():.3f} (worst {error.max():.3f}), h right {right:.3f}"
    print(line, f"{result['cpu_seconds']} s", flush=True)


def arms(settings: dict, seeds: list[int]) -> dict:
    """A latent in one piece; boxes with a wrong and a learned prior; other draws, a critic, labels that are late."""
    fixed = {"prior_start": None}
    critic = {"adversary": "wasserstein", "betas": (0.5, 0.9), "penalty": 0.1, "lr": 2e-3}
    unlabelled = {"labelled": 0, **fixed}
    return {
        "one uniform latent": lambda: uniform_gan(seeds, settings),
        "InfoGAN-style, no labels": lambda: nemgan(
            seeds, settings, kind=InfoGANStyle, **unlabelled | {"z_weight": 0.0}
        ),
        "ClusterGAN-style, no labels": lambda: nemgan(seeds, settings, kind=ClusterGANStyle, **unlabelled),
        "uniform prior, AM-softmax, no labels": lambda: nemgan(seeds, settings, cosine=True, margin=12.0, **unlabelled),
        "boxes, uniform prior": lambda: nemgan(seeds, settings, **fixed),
        "boxes, learned prior": lambda: nemgan(seeds, settings),
        "learned, Gumbel-softmax": lambda: nemgan(seeds, settings, kind=GumbelNEMGAN),
        "learned, closed form": lambda: nemgan(seeds, settings, kind=ClosedFormNEMGAN),
        "learned, WGAN-GP": lambda: nemgan(seeds, settings, **critic),
        "learned, labels from step 100": lambda: nemgan(seeds, settings, supervise_start=100),
    }


def labels(settings: dict, seeds: list[int]) -> dict:
    counts = (0, 5, 10, 20, 50, 200)
    return {f"{n} labelled": lambda n=n: nemgan(seeds, settings, labelled=n) for n in counts}


def start(settings: dict, seeds: list[int]) -> dict:
    """At once or after 500 steps, with labels and without, at the usual rate and ten times as fast."""
    rates = {"": settings["prior_lr"], ", fast prior": 10 * settings["prior_lr"]}
    return {
        f"from step {first}, {n} labels{words}": lambda a=first, n=n, rate=rate: nemgan(
            seeds, settings, labelled=n, prior_start=a, prior_lr=rate
        )
        for words, rate in rates.items() for n in (50, 0) for first in (0, 500)
    }  # fmt: skip


EXPERIMENTS = {"arms": arms, "labels": labels, "start": start}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=list(EXPERIMENTS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--set", default="{}", help="JSON of settings to change; nothing is written then")
    parser.add_argument("--only", nargs="+", default=[], help="these arms, beside those in the file")
    arguments = parser.parse_args()
    changes = json.loads(arguments.set)
    chosen = list(range(arguments.first_seed, arguments.first_seed + arguments.seeds))
    name, settings = arguments.experiment, SETTINGS | changes
    with threads(1):
        for arm, build in EXPERIMENTS[name](settings, chosen).items():
            if arguments.only and arm not in arguments.only:
                continue
            early = EARLY if name == "start" else 0
            result = run(build(), chosen, settings, shown=0 if name == "start" else 400, early=early)
            say(arm, result)
            if not changes and arguments.first_seed == 0:
                write(name, arm, result, {**SETTINGS, "seeds": chosen})
