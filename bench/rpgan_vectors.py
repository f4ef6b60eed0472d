"""The long runs of chapter 08 on vectors, each written to data/results/08_rpgan/NAME.json. One process, one thread.

    python bench/rpgan_vectors.py sweep   # a sheet in 64 dimensions: K, and full views with the same budget
    python bench/rpgan_vectors.py times   # only the sweep's last part: a step of each contestant, timed in turns
    python bench/rpgan_vectors.py ring    # 2D, views of one dimension; GMAN's plain mean and sliced Wasserstein beside
    python bench/rpgan_vectors.py axes    # 2D, two diagonals with the same marginals: views along the axes, or random

`--arms` makes a part and leaves the rest of the file as it is: a file need not hold all arms. Seeds 0 to 9.

The sheet, its scale, the number of steps and the learning rate were chosen on seeds 100 and 101, in about eleven tries:
two with the single discriminator, four with the wide one, five with projected ones. In the plane networks and rate are
the same, and nothing was tuned there. On the sheet "1.75x" the steps are about as much time as K = 16 takes and "5x" a
fifth more; on the ring "4x" is 1.4 times what eight views take.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import results
import torch
from jaxtyping import Float
from rpgan_common import FOLDER, fastest, standing
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture, mixture, ring
from ganlab.methods.gan import GAN
from ganlab.methods.rpgan import RPGAN
from ganlab.metrics import mass_in_place, mode_counts
from ganlab.nets.mlp import MLP
from ganlab.nets.projected import MLPs, Projected, Projections, full_view_mlp, projected_mlp, random_projections
from ganlab.seeds import Streams
from ganlab.train import threads, train

SAMPLES, DIM, LATENT, BATCH, LR = 2500, 64, 8, 64, 1e-3
HIDDEN, GENERATOR, RADIUS = [32, 32], [64, 64], 4.0
LONGER = {"1.75x the steps": 1.75, "5x the steps": 5}  # arms that get at least the time that K = 16 takes


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


def on_the_sheet(arm: str, discriminator: Projected, seeds: list[int], steps: int, looks: int) -> dict:
    """Train one arm and measure it: everything has one row a seed, one column a look."""
    sheet = Sheet()
    fresh = sheet.sample(500, Streams(seeds, "fresh"))
    rng = Streams(seeds, "weights")
    method = RPGAN(MLP([LATENT, *GENERATOR, DIM], rng), discriminator, rng=rng, latent=LATENT, lr=LR)

    def look(step: int, method: RPGAN) -> dict:
        samples = method.sample(SAMPLES)
        counts = mode_counts(samples, sheet.mixture)
        record = {"modes": (counts > 0).sum(-1)}
        record["in_place"] = mass_in_place(counts, SAMPLES, sheet.mixture.weights)
        record["off"] = sheet.off(samples).median(-1).values
        flat = samples @ sheet.frame  # where the sample would be without its distance from the plane
        record["flat_in_place"] = mass_in_place(mode_counts(flat, sheet.flat), SAMPLES, sheet.flat.weights)
        return record | standing(method, fresh, samples[..., :500, :])

    before = time.process_time()
    history = train(method, sheet.batches(BATCH, seeds), steps, every=max(1, steps // looks), look=look)
    found = {"steps": history.steps, "cpu_seconds": round(time.process_time() - before, 1)}
    found["weights"] = weights_of(discriminator, len(seeds))
    found |= {name: history[name] for name in history.names}
    last = {name: round(float(found[name][:, -1].double().mean()), 3) for name in history.names}
    print(f"{arm}: {found['cpu_seconds']} s, {found['weights']} weights, {last}", flush=True)
    return found


def settings(steps: int, seeds: list[int], **more) -> dict:
    common = {"steps": steps, "seeds": seeds, "lr": LR, "hidden": HIDDEN, "generator": GENERATOR}
    return common | {"samples": SAMPLES} | more


def keep_arm(path: Path, facts: dict, arm: str, found: dict, started: float) -> None:
    command = f"python bench/rpgan_vectors.py {path.stem}"
    results.merge(path, command, time.perf_counter() - started, {"settings": facts, "runs": {arm: found}})


def contestants(seeds: list[int], features: int) -> dict[str, Callable[[], Projected]]:
    """K projected discriminators, and one (or sixteen) with a full view at the same budget of weights or of time."""
    rng = Streams(seeds)
    one = as_many_weights(weights_of(projected_mlp(DIM, features, 1, HIDDEN, rng), len(seeds)), DIM)
    sixteen = as_many_weights(weights_of(projected_mlp(DIM, features, 16, HIDDEN, rng), len(seeds)), DIM)
    build = {
        "one, full view": lambda: full_view_mlp(DIM, HIDDEN, rng),
        "one, full view, 5x the steps": lambda: full_view_mlp(DIM, HIDDEN, rng),
        "one, full view, wide": lambda: full_view_mlp(DIM, [sixteen] * 2, rng),
        "one, full view, wide, 1.75x the steps": lambda: full_view_mlp(DIM, [sixteen] * 2, rng),
        "16, full view": lambda: full_view_mlp(DIM, HIDDEN, rng, count=16),
        "16, full view, thin": lambda: full_view_mlp(DIM, [one] * 2, rng, count=16),
    }
    return build | {f"K = {k}": lambda k=k: projected_mlp(DIM, features, k, HIDDEN, rng) for k in (1, 4, 8, 16, 32)}


def sweep(path: Path, steps: int, seeds: list[int], features: int, arms: list[str]) -> None:
    build = contestants(seeds, features)
    for arm in arms or build:
        started = time.perf_counter()
        longer = next((factor for words, factor in LONGER.items() if words in arm), 1)
        found = on_the_sheet(arm, build[arm](), seeds, round(longer * steps), 12)
        facts = settings(steps, seeds, batch=BATCH, features=features, dim=DIM, latent=LATENT)
        keep_arm(path, facts, arm, found, started)
    times(path, seeds, features)


def times(path: Path, seeds: list[int], features: int) -> None:
    """CPU milliseconds of a training step of all seeds: each contestant in turns, the smallest of 50 times."""
    real, works = next(Sheet().batches(BATCH, seeds)), {}
    for arm, build in contestants(seeds, features).items():
        rng = Streams(seeds, "weights")
        method = RPGAN(MLP([LATENT, *GENERATOR, DIM], rng), build(), rng=rng, latent=LATENT, lr=LR)
        works[arm] = lambda method=method: method.step(real)
    taken = {arm: round(1000 * seconds, 2) for arm, seconds in fastest(works, 50, time.process_time).items()}
    print(taken)
    results.merge(path, "python bench/rpgan_vectors.py sweep", 0, {"milliseconds": taken})


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


def ring_2d(path: Path, steps: int, seeds: list[int], arms: list[str]) -> None:
    """Views of one dimension of the plane, and relatives; "wide" has as many weights as eight views."""
    rng, target = Streams(seeds), ring(8, radius=2.0, sigma=0.1)
    wide = as_many_weights(weights_of(projected_mlp(2, 1, 8, HIDDEN, rng), len(seeds)), 2)
    build = {
        "one, full view": lambda: full_view_mlp(2, HIDDEN, rng),
        "one, full view, 4x the steps": lambda: full_view_mlp(2, HIDDEN, rng),
        "one, full view, wide": lambda: full_view_mlp(2, [wide] * 2, rng),
    }
    build |= {f"{k} views of one dimension": lambda k=k: projected_mlp(2, 1, k, HIDDEN, rng) for k in (1, 2, 4, 8, 16)}
    build |= {"GMAN's plain mean, 8 full views": lambda: full_view_mlp(2, HIDDEN, rng, count=8)}
    build |= {"sliced Wasserstein": None}
    for arm in arms or build:
        started = time.perf_counter()
        generator = MLP([2, *GENERATOR, 2], Streams(seeds, "weights"))
        common = {"rng": rng, "latent": 2, "lr": LR}
        found = {"weights": 0}
        if build[arm] is None:
            method = SlicedWassersteinGenerator(generator, count=16, **common)
        else:
            discriminators = build[arm]()
            method = RPGAN(generator, discriminators, **common)
            found["weights"] = weights_of(discriminators, len(seeds))
        before, length = time.process_time(), 4 * steps if "4x" in arm else steps
        history = train(method, target.batches(128, seeds), length, every=max(1, length // 20))
        found["cpu_seconds"] = round(time.process_time() - before, 1)
        counts = mode_counts(method.sample(SAMPLES), target)
        found |= {"counts": counts, "generator_loss": history["generator_loss"]}
        share = mass_in_place(counts, SAMPLES, target.weights).mean()
        print(f"{arm}: {(counts > 0).sum(-1).tolist()}, in place {share:.2f}, {found['cpu_seconds']} s", flush=True)
        keep_arm(path, settings(steps, seeds, batch=128, dim=2, latent=2), arm, found, started)


def views_of_the_plane(path: Path, steps: int, seeds: list[int], arms: list[str]) -> None:
    """Can views of one dimension lead a generator to the right one of two diagonals? They have the same marginals.

    Kept is the share of each seed's samples in each quadrant; the data lie in the first and the third.
    """
    target = mixture([[1.0, 1.0], [-1.0, -1.0]], 0.1)
    build = {"two axes": lambda: torch.eye(2).reshape(2, 2, 1).expand(len(seeds), -1, -1, -1)}
    build |= {f"{k} random directions": lambda k=k: random_projections(2, 1, k, Streams(seeds)) for k in (2, 4, 8)}
    for arm in arms or build:
        started, rng = time.perf_counter(), Streams(seeds, "plane")
        view = Projections(build[arm]())
        discriminators = Projected(view, MLPs([1, *HIDDEN, 1], view.count, rng))
        method = RPGAN(MLP([2, *GENERATOR, 2], rng), discriminators, rng=rng, latent=2, lr=LR)
        train(method, target.batches(128, seeds), steps)
        right, up = (method.sample(SAMPLES) > 0).unbind(-1)
        quadrants = {"first": right & up, "second": ~right & up, "third": ~right & ~up, "fourth": right & ~up}
        found = {"quadrants": torch.stack([each.float().mean(-1) for each in quadrants.values()], -1)}
        print(f"{arm}: {found['quadrants'].mul(100).round().int().tolist()} %", flush=True)
        keep_arm(path, settings(steps, seeds, batch=128, dim=2, latent=2), arm, found, started)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["sweep", "times", "ring", "axes"])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--features", type=int, default=8)
    parser.add_argument("--arms", nargs="+", help="all if not given")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    chosen = list(range(arguments.first, arguments.first + arguments.seeds))
    path = arguments.folder / f"{arguments.experiment.replace('times', 'sweep')}.json"
    with threads(1):
        if arguments.experiment == "sweep":
            sweep(path, arguments.steps or 3000, chosen, arguments.features, arguments.arms)
        elif arguments.experiment == "times":
            times(path, chosen, arguments.features)
        elif arguments.experiment == "ring":
            ring_2d(path, arguments.steps or 2000, chosen, arguments.arms)
        else:
            views_of_the_plane(path, arguments.steps or 1000, chosen, arguments.arms)
