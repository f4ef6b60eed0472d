"""The long 2D runs of chapter 06, each written to data/results/06_mmgan/NAME.json. One process, one thread.

    python bench/mmgan_2d.py arms        # recipes of chapter 03 with every method, 10 seeds: about 12 minutes
    python bench/mmgan_2d.py ablation    # one knob at a time, 10 seeds: about 5 minutes a form
    python bench/mmgan_2d.py rates       # three methods at four learning rates, 10 seeds: about 6 minutes

Every discriminator, the plain GAN's too, has 128 features before its logit: the recipe's own layers and one more.
Nothing was tuned: rates, momentum and batch are the recipe's, and alpha = 1, delta = 0.9, B = 1 and the bandwidth's
factor 1 were set before the first run. beta = 0.01 is one hundredth of the paper's; `ablation` shows its neighbours.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch

from ganlab.methods.gan import GAN
from ganlab.methods.mmgan import MMGAN, FeatureMatchingGAN
from ganlab.metrics import mode_counts
from ganlab.nets.featured import feature_mlp
from ganlab.nets.mlp import MLP
from ganlab.recipes import recipe
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically
from ganlab.train.run import plain, versions

FOLDER = Path(__file__).parents[1] / "data" / "results" / "06_mmgan"
SAMPLES, FEATURES = 2500, 128
RECIPES = ["ring-healthy", "strong-discriminator", "fast-generator", "momentum"]
ARMS = {
    "GAN": (GAN, {}),
    "GAN, 2x the steps": (GAN, {}),
    "feature matching": (FeatureMatchingGAN, {}),
    "MMGAN eq. 5, no R_G": (MMGAN, {"form": "sphere", "beta": 0.0}),
    "MMGAN linear, no R_G": (MMGAN, {"form": "linear", "beta": 0.0}),
    "MMGAN RBF, no R_G": (MMGAN, {"form": "rbf", "beta": 0.0}),
    "MMGAN EXP, no R_G": (MMGAN, {"form": "exponential", "beta": 0.0}),
    "MMGAN RBF": (MMGAN, {"form": "rbf", "beta": 0.01}),
}
USUAL = {"alpha": 1.0, "beta": 0.0, "delta": 0.9, "adversarial": 1.0}
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


def trained(name: str, kind: type[GAN], seeds: list[int], steps: int = 0, lr: float = 0.0, **settings) -> dict:
    """Counts by mode (seeds, modes) of a method on a recipe, and the processor time that it took."""
    chosen, rng = recipe(name).settings, Streams(seeds)
    generator = MLP([chosen.latent, *chosen.generator, 2], rng.for_purpose("generator"), chosen.activation)
    sizes = [2, *chosen.discriminator, FEATURES]
    discriminator = feature_mlp(sizes, rng.for_purpose("discriminator"), chosen.activation)
    common = {"rng": rng, "latent": chosen.latent, "betas": (chosen.beta1, 0.999)}
    common |= {"lr": lr or chosen.discriminator_lr, "generator_lr": lr or chosen.generator_lr}
    method, target = kind(generator, discriminator, **common, **settings), chosen.target()
    started = time.process_time()
    history = train(method, target.batches(chosen.batch, rng.for_purpose("data")), steps or chosen.steps)
    found = {"counts": mode_counts(method.sample(SAMPLES), target), "cpu_seconds": time.process_time() - started}
    return found | {key: history[key][:, -1] for key in history.names}


def show(title: str, found: dict) -> None:
    counts = found["counts"].double()
    place = torch.minimum(counts / SAMPLES, torch.tensor(1 / counts.shape[-1])).sum(-1)
    modes = (counts > 0).sum(-1).double().mean()
    print(
        f"{title:45} modes {modes:.1f}  in place {100 * place.mean():.0f} %  {found['cpu_seconds']:.0f} s", flush=True
    )


def write(name: str, content: dict, started: float, command: str) -> None:
    content = {"command": command, "seconds": round(time.perf_counter() - started), "versions": versions(), **content}
    FOLDER.mkdir(parents=True, exist_ok=True)
    rounded = json.loads(json.dumps(plain(content)), parse_float=lambda text: float(f"{float(text):.5g}"))
    write_atomically(FOLDER / f"{name}.json", json.dumps(rounded, separators=(",", ":")) + "\n")


def arms(seeds: list[int], names: list[str]) -> None:
    """Each recipe with each method; on the healthy ring also eq. 5 without our bound, as printed."""
    started, runs = time.perf_counter(), {}
    for name in names:
        runs[name] = {}
        chosen = ARMS | ({"MMGAN eq. 5, no bound": (MMGAN, {"form": "sphere", "beta": 0.0, "bound": math.inf})})
        for arm, (kind, settings) in chosen.items():
            if name != "ring-healthy" and ("no bound" in arm or "linear" in arm):
                continue
            steps = recipe(name).settings.steps * (2 if "2x" in arm else 1)
            runs[name][arm] = trained(name, kind, seeds, steps, **settings)
            show(f"{name}, {arm}", runs[name][arm])
        facts = {"seeds": seeds, "samples": SAMPLES, "features": FEATURES, "beta": 0.01, **USUAL_BUT_BETA}
        write("arms", {"settings": facts, "runs": runs}, started, "python bench/mmgan_2d.py arms")


USUAL_BUT_BETA = {name: value for name, value in USUAL.items() if name != "beta"} | {"bound": 1.0, "factor": 1.0}


def ablation(seeds: list[int], forms: list[str]) -> None:
    """One knob at a time on the healthy ring. Knobs are tensors along the seeds axis, so they train side by side."""
    started, runs = time.perf_counter(), {}
    for form in forms:
        runs[form] = {}
        for group in (list(KNOBS)[k : k + 3] for k in range(0, len(KNOBS), 3)):
            values = [USUAL | KNOBS[knob] for knob in group]
            settings = {name: torch.tensor([v[name] for v in values]).repeat_interleave(len(seeds)) for name in USUAL}
            found = trained("ring-healthy", MMGAN, seeds * len(group), form=form, **settings)
            for k, knob in enumerate(group):
                rows = slice(k * len(seeds), (k + 1) * len(seeds))
                own = {key: value[rows] for key, value in found.items() if isinstance(value, torch.Tensor)}
                runs[form][knob] = own | {"cpu_seconds": found["cpu_seconds"] / len(group)}
                show(f"{form}, {knob}", runs[form][knob])
        facts = {"recipe": "ring-healthy", "seeds": seeds, "samples": SAMPLES, "features": FEATURES, "usual": USUAL}
        write("ablation", {"settings": facts, "runs": runs}, started, "python bench/mmgan_2d.py ablation")


def rates(seeds: list[int]) -> None:
    """Both players at one learning rate, from 0.0003 to 0.01."""
    started, runs = time.perf_counter(), {}
    for arm in ("GAN", "MMGAN eq. 5, no R_G", "MMGAN RBF, no R_G"):
        kind, settings = ARMS[arm]
        runs[arm] = {}
        for lr in (3e-4, 1e-3, 3e-3, 1e-2):
            runs[arm][f"{lr:g}"] = trained("ring-healthy", kind, seeds, lr=lr, **settings)
            show(f"{arm}, {lr:g}", runs[arm][f"{lr:g}"])
        facts = {"recipe": "ring-healthy", "seeds": seeds, "samples": SAMPLES, "features": FEATURES}
        write("rates", {"settings": facts, "runs": runs}, started, "python bench/mmgan_2d.py rates")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["arms", "ablation", "rates"])
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--forms", nargs="+", default=["rbf", "sphere"])
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    members = list(range(asked.seeds))
    with threads(1):
        if asked.experiment == "arms":
            arms(members, asked.recipes)
        elif asked.experiment == "ablation":
            ablation(members, asked.forms)
        else:
            rates(members)
