"""The long 2D runs of chapter 06, each written to data/results/06_mmgan/NAME.json. One process, one thread.

    python bench/mmgan_2d.py arms        # recipes of chapter 03 with every method, 10 seeds: about 12 minutes
    python bench/mmgan_2d.py ablation    # one knob at a time, 10 seeds: about 5 minutes
    python bench/mmgan_2d.py rates       # three methods at four learning rates, 10 seeds: about 6 minutes
    python bench/mmgan_2d.py controls    # two questions that `arms` leaves open, 10 seeds: about 2 minutes

`--only` and `--methods` run a part of the first three (`arms --only momentum --methods GAN`) and leave the rest of the
file as it is.

Every discriminator, the plain GAN's too, has 128 features before its logit: the recipe's own layers and one more.
Nothing was tuned: rates, momentum and batch are the recipe's, and alpha = 1, delta = 0.9, B = 1 and the bandwidth's
factor 1 were set before the first run. beta = 0.01 is one hundredth of the paper's; `ablation` shows its neighbours.
"""

import argparse
import math
import time

import results
import torch
from torch import Tensor

from ganlab.methods.gan import GAN
from ganlab.methods.mmgan import MMGAN, FeatureMatchingGAN
from ganlab.metrics import mode_counts
from ganlab.nets.featured import feature_mlp
from ganlab.nets.mlp import MLP
from ganlab.recipes import recipe
from ganlab.seeds import Streams
from ganlab.train import threads, train

FOLDER = results.ROOT / "06_mmgan"
SAMPLES, FEATURES = 2500, 128
RECIPES = ["ring-healthy", "strong-discriminator", "fast-generator", "momentum"]
ARMS = {
    "GAN": (GAN, {}),
    "feature matching": (FeatureMatchingGAN, {}),
    "MMGAN eq. 5, no R_G": (MMGAN, {"form": "sphere", "beta": 0.0}),
    "MMGAN linear, no R_G": (MMGAN, {"form": "linear", "beta": 0.0}),
    "MMGAN RBF, no R_G": (MMGAN, {"form": "rbf", "beta": 0.0}),
    "MMGAN EXP, no R_G": (MMGAN, {"form": "exponential", "beta": 0.0}),
    "MMGAN RBF": (MMGAN, {"form": "rbf", "beta": 0.01}),
    "MMGAN eq. 5, no bound": (MMGAN, {"form": "sphere", "beta": 0.0, "bound": math.inf}),
}
# What separates equation 5 from feature matching; each row keeps what the rows above it changed. (Left after the last:
# a mean absolute difference for a norm, and fresh fakes for each player.)
TOWARDS = {
    "D only classifies": {"adversarial": 0.0},
    "and no ball": {"bound": math.inf},
    "and no average": {"delta": 0.0},
    "and no radius": {"alpha": 0.0},
}
USUAL = {"alpha": 1.0, "beta": 0.0, "delta": 0.9, "adversarial": 1.0}
RATES = ["0.0003", "0.001", "0.003", "0.01"]
KNOBS = {
    "usual: α 1, β 0, δ 0.9": {},
    "δ 0": {"delta": 0.0},
    "δ 0.5": {"delta": 0.5},
    "δ 0.99": {"delta": 0.99},
    "α 0: centres only": {"alpha": 0.0},
    "β 0.001": {"beta": 0.001},
    "β 0.01": {"beta": 0.01},
    "β 0.1": {"beta": 0.1},
    "D only classifies": {"adversarial": 0.0},
}


def trained(name: str, kind: type[GAN], seeds: list[int], steps: int = 0, **settings) -> dict:
    """Counts by mode (seeds, modes) after the recipe's steps and, of a longer run, at its end; `settings` go first."""
    chosen, rng = recipe(name).settings, Streams(seeds)
    generator = MLP([chosen.latent, *chosen.generator, 2], rng.for_purpose("generator"), chosen.activation)
    sizes = [2, *chosen.discriminator, FEATURES]
    discriminator = feature_mlp(sizes, rng.for_purpose("discriminator"), chosen.activation)
    common = {"rng": rng, "latent": chosen.latent, "betas": (chosen.beta1, 0.999)}
    common |= {"lr": chosen.discriminator_lr, "generator_lr": chosen.generator_lr}
    method, target = kind(generator, discriminator, **common | settings), chosen.target()
    seen: list[tuple[float, Tensor]] = []

    def look(step: int, method: GAN) -> dict:
        seen.append((time.process_time() - started, mode_counts(method.sample(SAMPLES), target)))
        return {}

    started = time.process_time()
    batches = target.batches(chosen.batch, rng.for_purpose("data"))
    history = train(method, batches, steps or chosen.steps, every=chosen.steps, look=look)
    (cpu_seconds, counts), (_, later) = seen[0], seen[-1]
    found = {"counts": counts, "later": later, "cpu_seconds": cpu_seconds}
    return found | {key: history[key][:, -1] for key in history.names}


def show(title: str, found: dict) -> None:
    counts = found["counts"].double()
    place = torch.minimum(counts / SAMPLES, torch.tensor(1 / counts.shape[-1])).sum(-1)
    modes = (counts > 0).sum(-1).double().mean()
    print(
        f"{title:45} modes {modes:.1f}  in place {100 * place.mean():.0f} %  {found['cpu_seconds']:.0f} s", flush=True
    )


def write(name: str, content: dict, seconds: float, command: str) -> None:
    with results.alone("mmgan"):
        results.merge(FOLDER / f"{name}.json", command, seconds, content)


def arms(seeds: list[int], only: list[str], methods: list[str]) -> None:
    """Each recipe with each method; on the healthy ring also eq. 5 without our bound, as printed."""
    facts = {"seeds": seeds, "samples": SAMPLES, "features": FEATURES, "beta": 0.01, "bound": 1.0, "factor": 1.0}
    facts |= {name: value for name, value in USUAL.items() if name != "beta"}
    for name in only or RECIPES:
        for arm, (kind, settings) in ARMS.items():
            elsewhere = name != "ring-healthy" and "no bound" in arm
            if arm not in methods if methods else elsewhere:
                continue
            started = time.perf_counter()
            found = trained(name, kind, seeds, recipe(name).settings.steps * (2 if arm == "GAN" else 1), **settings)
            show(f"{name}, {arm}", found)
            content = {"settings": facts, "runs": {name: {arm: found}}}
            write("arms", content, time.perf_counter() - started, "python bench/mmgan_2d.py arms")


def ablation(seeds: list[int], only: list[str], methods: list[str]) -> None:
    """One knob at a time on the healthy ring, RBF. Knobs are tensors along the seeds axis and train side by side."""
    facts = {"recipe": "ring-healthy", "form": "rbf", "seeds": seeds, "samples": SAMPLES, "features": FEATURES}
    for k in range(0, len(KNOBS), 3):
        group = list(KNOBS)[k : k + 3]
        if only and str(k // 3) not in only:
            continue
        started = time.perf_counter()
        values = [USUAL | KNOBS[knob] for knob in group]
        settings = {name: torch.tensor([v[name] for v in values]).repeat_interleave(len(seeds)) for name in USUAL}
        found = trained("ring-healthy", MMGAN, seeds * len(group), form="rbf", **settings)
        runs = {}
        for position, knob in enumerate(group):
            rows = slice(position * len(seeds), (position + 1) * len(seeds))
            own = {key: value[rows] for key, value in found.items() if isinstance(value, Tensor)}
            runs[knob] = own | {"cpu_seconds": found["cpu_seconds"] / len(group)}
            show(knob, runs[knob])
        content = {"settings": facts | {"usual": USUAL}, "runs": runs}
        write("ablation", content, time.perf_counter() - started, "python bench/mmgan_2d.py ablation")


def rates(seeds: list[int], only: list[str], methods: list[str]) -> None:
    """Both players at one learning rate, from 0.0003 to 0.01."""
    facts = {"recipe": "ring-healthy", "seeds": seeds, "samples": SAMPLES, "features": FEATURES}
    for arm in methods or ("GAN", "MMGAN eq. 5, no R_G", "MMGAN RBF, no R_G"):
        kind, settings = ARMS[arm]
        for lr in (float(rate) for rate in only or RATES):
            started = time.perf_counter()
            found = trained("ring-healthy", kind, seeds, lr=lr, generator_lr=lr, **settings)
            show(f"{arm}, {lr:g}", found)
            content = {"settings": facts, "runs": {arm: {f"{lr:g}": found}}}
            write("rates", content, time.perf_counter() - started, "python bench/mmgan_2d.py rates")


def controls(seeds: list[int], only: list[str], methods: list[str]) -> None:
    """Too fast a generator: from equation 5 to feature matching step by step. Too strong a discriminator: at 0.003."""
    facts = {"seeds": seeds, "samples": SAMPLES, "features": FEATURES, "strong": {"lr": 0.003, "generator_lr": 1e-4}}
    settings, asked = USUAL | {"bound": 1.0, "form": "sphere"}, {}
    for step, change in TOWARDS.items():
        settings = settings | change
        asked["fast-generator", step] = MMGAN, settings
    for arm in ("GAN", "MMGAN eq. 5, no R_G", "MMGAN RBF, no R_G"):
        kind, settings = ARMS[arm]
        asked["strong-discriminator", arm] = kind, settings | facts["strong"]
    for (name, arm), (kind, settings) in asked.items():
        started = time.perf_counter()
        found = trained(name, kind, seeds, **settings)
        show(f"{name}, {arm}", found)
        content = {"settings": facts, "runs": {name: {arm: found}}}
        write("controls", content, time.perf_counter() - started, "python bench/mmgan_2d.py controls")


EXPERIMENTS = {"arms": arms, "ablation": ablation, "rates": rates, "controls": controls}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--only", nargs="+", default=[], help="recipes, groups of three knobs (0, 1, 2), or rates")
    parser.add_argument("--methods", nargs="+", default=[], choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    with threads(1):
        EXPERIMENTS[asked.experiment](list(range(asked.seeds)), asked.only, asked.methods)
