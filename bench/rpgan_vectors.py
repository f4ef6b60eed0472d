"""The long runs of chapter 08 on vectors, each written to data/results/08_rpgan/NAME.json. One process, one thread.

    python bench/rpgan_vectors.py sweep   # a sheet in 64 dimensions: K, and one discriminator with the same budget
    python bench/rpgan_vectors.py views   # the same: K against the dimension of a view
    python bench/rpgan_vectors.py ring    # 2D, views of one dimension; GMAN and sliced Wasserstein beside them

The sheet, its scale, the number of steps and the learning rate were chosen on seeds 100 and 101, in about eleven tries:
two with the single discriminator, four with the wide one, five with projected ones. The seeds 0 to 9 were run once.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture, mixture, ring
from ganlab.methods.gan import GAN, generator_loss, minimax_generator_loss
from ganlab.methods.rpgan import RPGAN
from ganlab.metrics import high_quality_share, mass_in_place, mode_counts
from ganlab.nets.mlp import MLP
from ganlab.nets.projected import Projected, full_view_mlp, projected_mlp
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically
from ganlab.train.run import plain, versions

FOLDER = Path(__file__).parents[1] / "data" / "results" / "08_rpgan"
SAMPLES, DIM, LATENT, BATCH, LR = 2500, 64, 8, 64, 1e-3
HIDDEN, GENERATOR, RADIUS = [32, 32], [64, 64], 4.0


class Sheet:
    """A 2D mixture on a plane in many dimensions: x = A u, with the columns of A orthonormal and u from a ring."""

    def __init__(self, dim: int = DIM):
        self.flat = ring(8, radius=RADIUS, sigma=RADIUS / 20)
        self.frame = torch.linalg.qr(Streams(0, "frame").normal(dim, 2)).Q  # A, (dim, 2)
        self.mixture: GaussianMixture = mixture(self.flat.centres @ self.frame.T, RADIUS / 20)

    def sample(self, n: int, rng: Streams) -> Float[Tensor, "*seeds n dim"]:
        return self.flat.sample(n, rng) @ self.frame.T

    def off(self, x: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds n"]:
        """Distance to the plane."""
        return (x - x @ self.frame @ self.frame.T).norm(dim=-1)

    def batches(self, batch: int, seeds: list[int]):
        rng = Streams(seeds, "data")
        while True:
            yield self.sample(batch, rng)


def weights_of(discriminator: Projected, members: int) -> int:
    """Trained numbers of one seed's discriminators; for perceptrons also their multiplications for one sample."""
    return sum(w.numel() for w in discriminator.parameters()) // members


def as_many_weights(weights: int, dim: int) -> int:
    """The width h of dim -> h -> h -> 1 that has about so many weights."""
    return round((-(dim + 3) + ((dim + 3) ** 2 + 4 * weights) ** 0.5) / 2)


def state_of_play(sheet: Sheet, method: RPGAN, fresh: Tensor) -> dict[str, Tensor]:
    """Accuracy of the discriminators on fresh data, and the gradient of L_G at the samples (per sample)."""
    samples = method.sample(500)
    with torch.enable_grad():
        leaf = samples.clone().requires_grad_()
        logits = method.discriminator(leaf)
        n = samples.shape[-2]
        (push,) = torch.autograd.grad(n * generator_loss(logits).mean(-1).sum(), leaf, retain_graph=True)
        (minimax,) = torch.autograd.grad(n * minimax_generator_loss(logits).mean(-1).sum(), leaf)
    with torch.no_grad():
        real_logits = method.discriminator(fresh)
    accuracy = ((real_logits > 0).float().mean(-1) + (logits <= 0).float().mean(-1)) / 2
    return {
        "accuracy": accuracy.mean(-1),
        "push": push.norm(dim=-1).mean(-1),
        "minimax_push": minimax.norm(dim=-1).mean(-1),
        "push_in_plane": (push @ sheet.frame).norm(dim=-1).mean(-1),
    }


def on_the_sheet(arm: str, discriminator: Projected, seeds: list[int], steps: int, looks: int) -> dict:
    """Train one arm and measure it: everything has one row a seed, one column a look."""
    sheet = Sheet()
    fresh = sheet.sample(500, Streams(seeds, "fresh"))
    rng = Streams(seeds, "weights")
    generator = MLP([LATENT, *GENERATOR, DIM], rng)
    method = RPGAN(generator, discriminator, rng=rng, latent=LATENT, lr=LR)

    def look(step: int, method: RPGAN) -> dict:
        samples = method.sample(SAMPLES)
        counts = mode_counts(samples, sheet.mixture)
        record = {"modes": (counts > 0).sum(-1), "within": counts.sum(-1) / SAMPLES}
        record["in_place"] = mass_in_place(counts, SAMPLES, sheet.mixture.weights)
        record["off"] = sheet.off(samples).median(-1).values
        flat = samples @ sheet.frame  # where the sample would be without its distance from the plane
        record["flat_within"] = high_quality_share(flat, sheet.flat)
        record["flat_in_place"] = mass_in_place(mode_counts(flat, sheet.flat), SAMPLES, sheet.flat.weights)
        return record | state_of_play(sheet, method, fresh)

    before = time.process_time()
    history = train(method, sheet.batches(BATCH, seeds), steps, every=max(1, steps // looks), look=look)
    names = [name for name in history.names]
    found = {"steps": history.steps, "cpu_seconds": round(time.process_time() - before, 1)}
    found["weights"] = weights_of(discriminator, len(seeds))
    found |= {name: history[name].double().mul(10_000).round().div(10_000) for name in names}
    last = {name: round(float(found[name][:, -1].mean()), 3) for name in names}
    print(f"{arm}: {found['cpu_seconds']} s, {found['weights']} weights, {last}", flush=True)
    return found


def write(name: str, content: dict, started: float) -> None:
    """To FOLDER, which --folder replaces."""
    seconds = round(time.perf_counter() - started)
    content = {
        "command": f"python bench/rpgan_vectors.py {name}",
        "seconds": seconds,
        "versions": versions(),
        **content,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_atomically(FOLDER / f"{name}.json", json.dumps(plain(content), separators=(",", ":")) + "\n")


def settings(steps: int, seeds: list[int], **more) -> dict:
    common = {"steps": steps, "seeds": seeds, "dim": DIM, "latent": LATENT, "batch": BATCH, "lr": LR}
    return common | {"hidden": HIDDEN, "generator": GENERATOR, "samples": SAMPLES} | more


STORED = ["one, full view", "one, full view, wide", "16, full view", "K = 1", "K = 4", "K = 16"]


def sweep(steps: int, seeds: list[int], features: int, arms: list[str]) -> None:
    """K projected discriminators, and one (or sixteen) with a full view at the same budget of weights or of time."""
    started, runs, rng = time.perf_counter(), {}, Streams(seeds)
    budget = weights_of(projected_mlp(DIM, features, 16, HIDDEN, rng), len(seeds))
    wide = [as_many_weights(budget, DIM)] * 2
    build = {
        "one, full view": lambda: full_view_mlp(DIM, HIDDEN, rng),
        "one, full view, 3x the steps": lambda: full_view_mlp(DIM, HIDDEN, rng),
        "one, full view, wide": lambda: full_view_mlp(DIM, wide, rng),
        "16, full view": lambda: full_view_mlp(DIM, HIDDEN, rng, count=16),
    }
    build |= {f"K = {k}": lambda k=k: projected_mlp(DIM, features, k, HIDDEN, rng) for k in (1, 4, 8, 16)}
    for arm in arms or STORED:
        runs[arm] = on_the_sheet(arm, build[arm](), seeds, 3 * steps if "3x" in arm else steps, 12)
    write("sweep", {"settings": settings(steps, seeds, features=features), "runs": runs}, started)


def views(steps: int, seeds: list[int]) -> None:
    started, rows, rng = time.perf_counter(), [], Streams(seeds)
    counts, sizes = [4, 16], [1, 2, 8, 32]
    for count in counts:
        rows.append([])
        for features in sizes:
            discriminator = projected_mlp(DIM, features, count, HIDDEN, rng)
            found = on_the_sheet(f"K {count}, m {features}", discriminator, seeds, steps, 1)
            rows[-1].append({name: found[name] for name in ("modes", "in_place", "flat_in_place", "off", "accuracy")})
        axes = {"counts": counts[: len(rows)], "features": sizes}
        write("views", {"settings": settings(steps, seeds), **axes, "rows": rows}, started)


# 2D -----------------------------------------------------------------------------------------------------------


def sliced_wasserstein(
    real: Float[Tensor, "*seeds n dim"],
    fake: Float[Tensor, "*seeds n dim"],
    directions: Float[Tensor, "*seeds dim K"],
) -> Float[Tensor, "*seeds"]:
    """The squared 2-Wasserstein distance along K directions, averaged: sort both and compare in order."""
    along = (real @ directions).sort(-2).values - (fake @ directions).sort(-2).values
    return along.square().mean((-2, -1))


class SlicedWassersteinGenerator(GAN):
    """A generator without any discriminator: it descends the sliced distance along fresh directions."""

    def __init__(self, generator: torch.nn.Module, *, count: int, **kwargs):
        super().__init__(generator, torch.nn.Linear(1, 1), **kwargs)
        self.count, self.directions = count, self.rng.for_purpose("directions")

    def step(self, real: Tensor) -> dict[str, Tensor]:
        directions = self.directions.normal(real.shape[-1], self.count)
        fake = self.generator(self.rng.normal(real.shape[-2], self.latent))
        loss = sliced_wasserstein(real, fake, directions / directions.norm(dim=-2, keepdim=True))
        self.generator_optimiser.zero_grad(set_to_none=True)
        loss.sum().backward()
        self.generator_optimiser.step()
        return {"generator_loss": loss.detach()}


def ring_2d(steps: int, seeds: list[int]) -> None:
    started, runs, rng = time.perf_counter(), {}, Streams(seeds)
    target = ring(8, radius=2.0, sigma=0.1)
    arms = {"one, full view": lambda: full_view_mlp(2, HIDDEN, rng)}
    arms |= {f"{k} views of one dimension": lambda k=k: projected_mlp(2, 1, k, HIDDEN, rng) for k in (1, 2, 4, 8, 16)}
    arms |= {"GMAN, 8 full views": lambda: full_view_mlp(2, HIDDEN, rng, count=8), "sliced Wasserstein": None}
    for arm, build in arms.items():
        generator = MLP([2, *GENERATOR, 2], Streams(seeds, "weights"))
        common = {"rng": rng, "latent": 2, "lr": 1e-3}
        if build is None:
            method = SlicedWassersteinGenerator(generator, count=16, **common)
        else:
            method = RPGAN(generator, build(), **common)
        before = time.process_time()
        train(method, target.batches(128, seeds), steps)
        counts = mode_counts(method.sample(SAMPLES), target)
        runs[arm] = {"counts": counts, "cpu_seconds": round(time.process_time() - before, 1)}
        runs[arm]["samples"] = method.sample(250)[0].mul(1000).round().int()
        share = mass_in_place(counts, SAMPLES, sheet.mixture.weights).mean()
        print(f"{arm}: {(counts > 0).sum(-1).tolist()}, in place {share:.2f}, {runs[arm]['cpu_seconds']} s", flush=True)
    facts = {"steps": steps, "seeds": seeds, "batch": 128, "lr": 1e-3, "hidden": HIDDEN, "samples": SAMPLES}
    write("ring", {"settings": facts, "runs": runs}, started)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["sweep", "views", "ring"])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, help="10 if not given, 2 for the ring")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--features", type=int, default=8)
    parser.add_argument("--arms", nargs="+", help="of the sweep; those of the stored result if not given")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    FOLDER = arguments.folder
    count = arguments.seeds or (2 if arguments.experiment == "ring" else 10)
    chosen = list(range(arguments.first, arguments.first + count))
    with threads(1):
        if arguments.experiment == "sweep":
            sweep(arguments.steps or 3000, chosen, arguments.features, arguments.arms)
        elif arguments.experiment == "views":
            views(arguments.steps or 3000, chosen)
        else:
            ring_2d(arguments.steps or 2000, chosen)
