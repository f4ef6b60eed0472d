"""The 2D runs of chapter 05, each written to data/results/05_msgan/NAME.json. One process, one thread.

python bench/msgan_2d.py arms      # a conditional GAN, MSGAN and its relatives, 10 seeds: 4 minutes
python bench/msgan_2d.py sweep     # weight by form, 6 seeds: 6 minutes
"""

import argparse
import time

import results
import torch
from torch import Tensor

from ganlab.data.conditional import LabelledMixture, interlaced
from ganlab.methods.msgan import MSGAN, ConditionalGAN
from ganlab.metrics.modes import mode_counts
from ganlab.nets.conditional import Conditional
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.train import threads, train

FOLDER = results.ROOT / "05_msgan"
EACH = 500  # samples of each class
TARGET = interlaced()
# With Adam's own betas the conditional GAN collapses: one of five changes that were looked at on seeds 100 to 103
# (beta1 0.9; learning rates 3e-4, and 4e-3 for D; L1 with weight 0.3 and 1). The term's weight is 1, as published.
SETTINGS = {"batch": 64, "lr": 1e-3, "beta1": 0.9, "width": 64, "latent": 2, "samples_each": EACH}


def real_ratio(target: LabelledMixture = TARGET, pairs: int = 100_000) -> float:
    """The ratio that a perfect generator with well-used latents would have: real pairs of one class over E|z1 - z2|."""
    found = []
    for label in range(target.classes):
        own = target.mixture.centres[target.of_class(label)]
        one, other = (own[Streams(seed, "pairs").integers(len(own), pairs)] for seed in (0, 1))
        found.append((one - other).abs().mean())
    return float(torch.stack(found).mean() * torch.pi**0.5 / 2)


def arms(cap: float, steps: int) -> dict[str, dict]:
    """Name to the settings of MSGAN; without a form it is the conditional GAN."""
    return {
        "conditional GAN": {},
        "one latent": {"draws": 1},
        "β1 = 0.5": {"beta1": 0.5},
        "β1 = 0.5, fast D": {"beta1": 0.5, "fast": 4.0},
        "1/(r+ε)": {"form": "reciprocal"},
        "-r": {"form": "maximised"},
        "-min(r, cap)": {"form": "capped", "cap": cap},
        "numerator": {"form": "numerator"},
        "DSGAN": {"form": "dsgan", "cap": cap},
        "StarGAN v2": {"form": "numerator", "fade": steps},
    }


def build(settings: dict, seeds: list[int], weight: float | Tensor = 1.0) -> ConditionalGAN:
    """A conditional GAN, or with a form MSGAN, on the toy."""
    settings = dict(settings)
    rng, width, latent = Streams(seeds, "weights"), SETTINGS["width"], SETTINGS["latent"]
    generator = Conditional(MLP([latent + TARGET.classes, width, width, 2], rng))
    discriminator = Conditional(MLP([2 + TARGET.classes, width, width, 1], rng, scalar=True))
    betas = (settings.pop("beta1", SETTINGS["beta1"]), 0.999)
    common = {"rng": rng, "latent": latent, "lr": SETTINGS["lr"], "betas": betas}
    if "form" in settings:
        return MSGAN(generator, discriminator, weight=weight, **settings, **common)
    fast = settings.pop("fast", 1.0)
    common |= {"lr": fast * SETTINGS["lr"], "generator_lr": SETTINGS["lr"]}
    return ConditionalGAN(generator, discriminator, **settings, **common)


def counts_by_class(points: Tensor, target: LabelledMixture = TARGET) -> Tensor:
    """(*seeds, classes * each, 2), class by class, to counts within 3 sigma (*seeds, classes, modes)."""
    return torch.stack([mode_counts(part, target.mixture) for part in points.chunk(target.classes, -2)], -2)


def look_at(target: LabelledMixture = TARGET):
    condition = target.conditions(EACH)

    @torch.no_grad()
    def look(step: int, method: ConditionalGAN) -> dict:
        points = method.sample(condition.expand(*method.rng.axis, *condition.shape))
        return {"counts": counts_by_class(points, target)}

    return look


def write(name: str, content: dict, started: float, command: str) -> None:
    results.write(FOLDER / f"{name}.json", command, started, content)


def stored(name: str, settings: dict) -> dict:
    """What an earlier run under the same settings left in NAME.json, else nothing."""
    return results.stored(FOLDER / f"{name}.json", settings)


def run_arms(steps: int, seeds: list[int]) -> None:
    """Every arm from the same random starts."""
    started, runs, cap = time.perf_counter(), {}, real_ratio()
    for name, settings in arms(cap, steps).items():
        before, method = time.process_time(), build(settings, seeds)
        history = train(method, TARGET.batches(SETTINGS["batch"], seeds), steps, every=steps // 6, look=look_at())
        cpu = time.process_time() - before
        kept = {key: history[key] for key in ("counts", "ratio") if key in history.names}
        runs[name] = {"cpu_seconds": round(cpu, 1), "steps": history.steps, **kept}
        print(name, (kept["counts"][:, -1] > 0).sum(-1).double().mean(-1).tolist(), round(cpu), flush=True)
        settings = SETTINGS | {"steps": steps, "seeds": seeds, "weight": 1.0, "cap": cap}
        write("arms", {"settings": settings, "runs": runs}, started, "python bench/msgan_2d.py arms")


def run_sweep(steps: int, seeds: list[int]) -> None:
    """Weight by form; all runs of a form side by side in one tensor."""
    started, weights, table = time.perf_counter(), [0.1, 0.3, 1.0, 3.0, 10.0], {}
    for name in ("1/(r+ε)", "-r", "-min(r, cap)", "numerator"):
        members = seeds * len(weights)
        weight = torch.tensor(weights).repeat_interleave(len(seeds))
        method = build(arms(real_ratio(), steps)[name], members, weight)
        history = train(method, TARGET.batches(SETTINGS["batch"], members), steps, look=look_at())
        table[name] = history["counts"][:, -1].unflatten(0, (len(weights), len(seeds)))
        print(name, (table[name] > 0).sum(-1).double().mean((-2, -1)).tolist(), flush=True)
        settings = SETTINGS | {"steps": steps, "seeds": seeds, "weights": weights}
        write("sweep", {"settings": settings, "counts": table}, started, "python bench/msgan_2d.py sweep")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["arms", "sweep"])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int)
    arguments = parser.parse_args()
    run, steps, seeds = (run_arms, 3000, 10) if arguments.experiment == "arms" else (run_sweep, 2000, 6)
    with threads(1):
        run(arguments.steps or steps, list(range(arguments.seeds or seeds)))
