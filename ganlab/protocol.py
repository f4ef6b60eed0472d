"""One protocol for every method: the same targets, networks, batches, steps, tuning budget, seeds and numbers.

    target, budget = TARGETS["ring"], Budget(steps=2000)
    found = tune(CONTESTANTS["PacGAN2"], target, 12, [100, 101], budget)
    numbers = compete(CONTESTANTS["PacGAN2"], found.best, target, range(10), budget)[2000]
    numbers["modes"]                      # one number a seed

A contestant is a name, a function that builds its players, its usual settings, and the ranges that are searched. Write
one of your own and give it to the same two functions.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture, MixtureBatches, grid, ring, unequal_ring
from ganlab.data.store import embedded_folder
from ganlab.draws import random_draws
from ganlab.errors import GanlabError
from ganlab.files import read_json
from ganlab.methods.gan import GAN
from ganlab.methods.mdgan import MDGAN, RegularizedGAN
from ganlab.methods.mmgan import MMGAN
from ganlab.methods.msgan import MSGAN
from ganlab.methods.nemgan import NEMGAN
from ganlab.methods.pacgan import Packing
from ganlab.methods.rpgan import RPGAN
from ganlab.metrics.intervals import bootstrap_interval
from ganlab.metrics.modes import (
    high_quality_share,
    mass_in_place,
    mode_counts,
    modes_covered,
    reverse_kl,
    within_mode_spread,
)
from ganlab.nets.conditional import Conditional
from ganlab.nets.featured import feature_mlp
from ganlab.nets.inversion import InversionNetwork
from ganlab.nets.mlp import MLP, Linear
from ganlab.nets.projected import projected_mlp
from ganlab.seeds import Streams
from ganlab.train import train

BASELINE = "GAN, tuned"
SAMPLES = 2500  # looked at of each seed: PacGAN's number
NUMBERS = {
    "modes": "modes covered",
    "high_quality": "share within 3 sigma of a mode",
    "reverse_kl": "reverse KL, nats",
    "spread": "within-mode spread, in sigmas",
    "in_place": "mass in place",
}

# Targets --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A mixture in the plane, or the same mixture on a flat sheet in many dimensions.

    Args:
        mixture: in the plane; its modes are what is counted.
        dim: of a sample. Above 2, x = A u: u from the mixture, A (dim, 2) with orthonormal columns.
        latent: dimension of z, for every method that may choose.
    """

    name: str
    mixture: GaussianMixture
    dim: int = 2
    latent: int = 2

    @cached_property
    def frame(self) -> Float[Tensor, "dim 2"]:
        """A."""
        return torch.eye(2) if self.dim == 2 else torch.linalg.qr(Streams(0, "frame").normal(self.dim, 2)).Q

    @property
    def mean_square(self) -> float:
        """E||x||^2: what weights of squared distances are measured in."""
        m = self.mixture
        return float((m.weights * (m.centres.square().sum(1) + 2 * m.sigma.square())).sum())

    def sample(self, n: int, rng: Streams) -> Float[Tensor, "*seeds n dim"]:
        points = self.mixture.sample(n, rng)
        return points if self.dim == 2 else points @ self.frame.T

    def smear(self, n: int, rng: Streams) -> Float[Tensor, "*seeds n dim"]:
        """Samples spread evenly over a square (on the sheet) that is a quarter wider than the modes' centres."""
        low, high = self.mixture.centres.amin(0), self.mixture.centres.amax(0)
        points = (low + high) / 2 + 1.25 * (high - low) * (rng.uniform(n, 2) - 0.5)
        return points if self.dim == 2 else points @ self.frame.T

    def batches(self, batch: int, seeds: Sequence[int]) -> MixtureBatches:
        return MixtureBatches(self, batch, Streams(list(seeds), "data"))

    def in_plane(self, x: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds n 2"]:
        """Where the samples are on the sheet; NaN, at no mode, for one farther than 3 sigma from the sheet."""
        if self.dim == 2:
            return x
        points = x @ self.frame
        off = (x - points @ self.frame.T).norm(dim=-1, keepdim=True)
        return torch.where(off <= 3 * self.mixture.sigma.max(), points, torch.nan)

    def measure(self, x: Float[Tensor, "*seeds n dim"]) -> dict[str, Float[Tensor, "*seeds"]]:
        """The `NUMBERS`, one a seed."""
        points, mixture = self.in_plane(x), self.mixture
        counts = mode_counts(points, mixture)
        return {
            "modes": modes_covered(points, mixture).double(),
            "high_quality": high_quality_share(points, mixture),
            "reverse_kl": reverse_kl(points, mixture),
            "spread": within_mode_spread(points, mixture),
            "in_place": mass_in_place(counts, x.shape[-2], mixture.weights).double(),
        }


TARGETS = {
    target.name: target
    for target in (
        Target("ring", ring(8, 2.0, 0.05)),
        Target("unequal ring", unequal_ring(8, 2.0, 0.05)),
        Target("sheet", ring(8, 2.0, 0.1), dim=64, latent=8),
        Target("grid", grid(5, 2.0, 0.1)),
    )
}

# Contestants ----------------------------------------------------------------------------------------------------


class Method(Protocol):
    def step(self, real: Tensor) -> dict[str, Tensor]: ...
    def sample(self, n: int) -> Tensor: ...


@dataclass(frozen=True)
class Contestant:
    """A method that takes part.

    Args:
        build: `build(target, rng, width, **settings)` gives an object with `step(real)` and `sample(n)`. While
            settings are searched, each is a tensor with one number a seed.
        usual: settings by name; the first that is tried.
        space: what is searched, setting by setting, as in a sweep's file: `{"log": [1e-3, 1e-1]}`,
            `{"uniform": [0, 1]}`, `{"choice": [0.0, 0.5]}`.
        batches: real samples a step, in units of the budget's batch.
        told: what it is told of the target beside samples.
    """

    name: str
    build: Callable[..., Method]
    usual: Mapping[str, float]
    space: Mapping[str, Any] = field(default_factory=dict)
    batches: int = 1
    told: str = ""

    def settings(self, tries: int) -> list[dict[str, float]]:
        """The usual settings and `tries - 1` random draws; the same ones at every call."""
        if tries < 1:
            raise GanlabError(f"tries is {tries}; a method is tried at least once.")
        draws = random_draws({"draws": tries - 1, **self.space}) if tries > 1 and self.space else []
        return [dict(self.usual), *(dict(self.usual) | draw for draw in draws)]


def generator(target: Target, rng: Streams, width: int, latent: int = 0) -> MLP:
    """The generator that every contestant gets: two hidden layers."""
    return MLP([latent or target.latent, width, width, target.dim], rng.for_purpose("generator"))


def discriminator(target: Target, rng: Streams, width: int, samples: int = 1, purpose: str = "discriminator") -> MLP:
    """The discriminator that every contestant gets; of packs when it sees several samples at once."""
    return MLP([samples * target.dim, width, width, 1], rng.for_purpose(purpose), "leaky_relu", scalar=True)


def encoder(target: Target, rng: Streams, width: int) -> MLP:
    return MLP([target.dim, width, width, target.latent], rng.for_purpose("encoder"))


def rates(lr: Any, ratio: Any, beta1: Any) -> dict[str, Any]:
    """Adam's settings: `lr` is the discriminator's, `ratio` times that the generator's."""
    return {"lr": lr, "generator_lr": ratio * lr, "betas": (beta1, 0.999)}


def build_gan(target: Target, rng: Streams, width: int, lr: Any, ratio: Any, beta1: Any) -> GAN:
    players = generator(target, rng, width), discriminator(target, rng, width)
    return GAN(*players, rng=rng, latent=target.latent, **rates(lr, ratio, beta1))


def build_pacgan(target: Target, rng: Streams, width: int, lr: Any, ratio: Any, beta1: Any, size: int) -> GAN:
    judge = Packing(discriminator(target, rng, width, samples=size), size)
    return GAN(generator(target, rng, width), judge, rng=rng, latent=target.latent, **rates(lr, ratio, beta1))


def build_regularized(target, rng, width, lr, ratio, beta1, distance, mode) -> RegularizedGAN:
    """`distance`: lambda1 in units of 1 / E||x||^2; `mode`: lambda2."""
    players = generator(target, rng, width), discriminator(target, rng, width), encoder(target, rng, width)
    common = {"rng": rng, "latent": target.latent} | rates(lr, ratio, beta1)
    return RegularizedGAN(*players, lambda1=distance / target.mean_square, lambda2=mode, **common)


def build_mdgan(target, rng, width, lr, ratio, beta1, distance, weight) -> MDGAN:
    """`distance`: weight of the squared distance, in units of 1 / E||x||^2; `weight`: of log D1."""
    players = generator(target, rng, width), discriminator(target, rng, width), encoder(target, rng, width)
    first = discriminator(target, rng, width, purpose="manifold discriminator")
    common = {"rng": rng, "latent": target.latent} | rates(lr, ratio, beta1)
    return MDGAN(*players, first, weight=weight, distance_weight=distance / target.mean_square, **common)


class Unconditional(MSGAN):
    """The mode-seeking term without a condition: one of width 0."""

    def step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        return super().step((real, real[..., :0]))

    def sample(self, n: int, rng: Streams | None = None) -> Float[Tensor, "*seeds n dim"]:
        return super().sample(torch.empty(*self.rng.axis, n, 0), rng)


def build_msgan(target: Target, rng: Streams, width: int, lr: Any, ratio: Any, beta1: Any, weight: Any) -> MSGAN:
    players = Conditional(generator(target, rng, width)), Conditional(discriminator(target, rng, width))
    return Unconditional(*players, rng=rng, latent=target.latent, weight=weight, **rates(lr, ratio, beta1))


def build_mmgan(target, rng, width, lr, ratio, beta1, alpha, beta, delta) -> MMGAN:
    """Eq. 8 with the RBF kernel. Its discriminator has one layer more, of 128 features; see `mmgan.rank_floor`."""
    judge = feature_mlp([target.dim, width, width, 128], rng.for_purpose("discriminator"), "leaky_relu")
    common = {"rng": rng, "latent": target.latent} | rates(lr, ratio, beta1)
    return MMGAN(generator(target, rng, width), judge, alpha=alpha, beta=beta, delta=delta, **common)


def build_nemgan(target: Target, rng: Streams, width: int, lr: Any, beta1: Any, z_weight: Any, labels: int) -> NEMGAN:
    """As in chapter 07: it is told the number of modes, and the modes of `labels` real samples."""
    modes = target.mixture.modes
    latent, stream = modes + 2, rng.for_purpose("inversion")
    inversion = InversionNetwork(MLP([target.dim, width, width, latent], stream), Linear(latent, modes, stream))
    points, named = target.mixture.sample_with_modes(labels, rng.for_purpose("labelled"))
    labelled = (points if target.dim == 2 else points @ target.frame.T, named)
    return NEMGAN(
        generator(target, rng, width, latent), discriminator(target, rng, width), inversion, rng=rng, modes=modes,
        latent=latent, labelled=labelled, adversary="cross-entropy", z_weight=z_weight, lr=lr, betas=(beta1, 0.999),
        prior_start=500, prior_lr=1e-2, supervise_start=0,
    )  # fmt: skip


def build_rpgan(target: Target, rng: Streams, width: int, lr: Any, ratio: Any, beta1: Any, count: int) -> RPGAN:
    """`count` discriminators that see one dimension of two, or 8 of many."""
    judges = projected_mlp(target.dim, 1 if target.dim == 2 else 8, count, [width, width], rng)
    return RPGAN(generator(target, rng, width), judges, rng=rng, latent=target.latent, **rates(lr, ratio, beta1))


USUAL = {"lr": 1e-3, "ratio": 1.0, "beta1": 0.5}
RATES = {"lr": {"log": [5e-4, 2e-2]}, "ratio": {"log": [0.2, 5.0]}, "beta1": {"choice": [0.0, 0.5, 0.9]}}


def _pacgan(size: int) -> Contestant:
    """With as many packs a step as others have samples, as in its public code."""
    build = lambda *players, **settings: build_pacgan(*players, **settings, size=size)
    return Contestant(f"PacGAN{size}", build, USUAL, RATES, batches=size)


CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        Contestant("GAN, as usually run", build_gan, {"lr": 2e-4, "ratio": 1.0, "beta1": 0.5}),
        Contestant(BASELINE, build_gan, USUAL, RATES),
        _pacgan(2),
        _pacgan(4),
        Contestant(
            "Regularized GAN", build_regularized, USUAL | {"distance": 1.0, "mode": 0.05},
            RATES | {"distance": {"log": [0.1, 10]}, "mode": {"log": [0.005, 0.5]}},
        ),
        Contestant(
            "MDGAN", build_mdgan, USUAL | {"distance": 10.0, "weight": 0.01},
            RATES | {"distance": {"log": [1, 100]}, "weight": {"log": [0.003, 0.3]}},
        ),
        Contestant("MSGAN's term", build_msgan, USUAL | {"weight": 1.0}, RATES | {"weight": {"log": [0.01, 3]}}),
        Contestant(
            "MMGAN", build_mmgan, USUAL | {"alpha": 1.0, "beta": 0.01, "delta": 0.9},
            RATES | {"alpha": {"log": [0.3, 3]}, "beta": {"log": [1e-4, 0.03]}, "delta": {"choice": [0.0, 0.5, 0.9]}},
        ),
        Contestant(
            "NEMGAN", lambda *players, **s: build_nemgan(*players, **s, labels=50),
            {"lr": 1e-3, "beta1": 0.5, "z_weight": 1.0},
            {"lr": RATES["lr"], "beta1": RATES["beta1"], "z_weight": {"log": [0.1, 10]}},
            told="the number of modes, and the modes of 50 real samples",
        ),
        Contestant("RPGAN", lambda *players, **s: build_rpgan(*players, **s, count=8), USUAL, RATES),
    )
}  # fmt: skip


# The two stages -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Budget:
    """What every contestant gets alike."""

    steps: int = 2000  # of the generator
    batch: int = 64  # real samples a step
    width: int = 32  # of every hidden layer
    clock: float = 2.0  # seconds at equal time, in units of what the tuned GAN takes for `steps`


@dataclass(frozen=True)
class Tuning:
    """What a search found. `scores` is the mass in place at the end, one row a try, one column a seed."""

    settings: list[dict[str, float]]
    scores: Float[Tensor, "tries seeds"]

    @property
    def winner(self) -> int:
        """The try with the highest mean over the tuning seeds; the first of equal ones. One that diverged loses."""
        means = self.scores.mean(1)
        if means.isnan().all():
            raise GanlabError("No try of the search ended with a number; search with lower learning rates.")
        return int(means.nan_to_num(-torch.inf).argmax())

    @property
    def best(self) -> dict[str, float]:
        return self.settings[self.winner]


def tune(contestant: Contestant, target: Target, tries: int, seeds: Sequence[int], budget: Budget) -> Tuning:
    """Train every try from every tuning seed, side by side in one tensor, and see which has the most mass in place.

    Each try begins with the same weights and sees the same reals as every other try of its seed. Contestants that
    share a range share its draws, so all are tried at the same learning rates.
    """
    settings = contestant.settings(tries)
    side_by_side = {
        name: torch.tensor([one[name] for one in settings]).repeat_interleave(len(seeds)) for name in contestant.usual
    }
    members = list(seeds) * len(settings)
    method = contestant.build(target, Streams(members), budget.width, **side_by_side)
    train(method, target.batches(budget.batch * contestant.batches, members), budget.steps)
    scores = target.measure(method.sample(SAMPLES))["in_place"]
    return Tuning(settings, scores.view(len(settings), len(seeds)))


def compete(
    contestant: Contestant,
    settings: Mapping[str, float],
    target: Target,
    seeds: Sequence[int],
    budget: Budget,
    at: Sequence[int] = (),
) -> dict[int, dict[str, Float[Tensor, " seeds"]]]:
    """Train with given settings from every evaluation seed. The numbers after each of `at` steps, one a seed."""
    at, done, found = sorted(set(at) or {budget.steps}), 0, {}
    method = contestant.build(target, Streams(list(seeds)), budget.width, **settings)
    batches = target.batches(budget.batch * contestant.batches, seeds)
    for steps in at:
        train(method, batches, steps - done)
        found[steps], done = target.measure(method.sample(SAMPLES)), steps
    return found


def seconds_a_step(
    contestants: Sequence[Contestant], target: Target, budget: Budget, seeds: int = 10, rounds: int = 7
) -> dict[str, float]:
    """Processor time of a step of `seeds` seeds, the median of rounds in which every contestant has its turn.

    In turn, so that whatever else the machine does slows all of them alike: what counts is their ratio.
    """
    steps, took = 20, {}
    players = []
    for c in contestants:
        method = c.build(target, Streams(list(range(seeds))), budget.width, **c.usual)
        players.append((c.name, method, target.batches(budget.batch * c.batches, range(seeds))))
    for turn in range(rounds + 1):
        for name, method, batches in players:
            start = time.process_time()
            train(method, batches, steps)
            if turn:  # the first one warms up
                took.setdefault(name, []).append((time.process_time() - start) / steps)
    return {name: statistics.median(times) for name, times in took.items()}


def equal_time_steps(name: str, a_step: Mapping[str, float], budget: Budget) -> int:
    """Whole steps that a contestant can do in the time that the budget's clock gives to all; at least one."""
    return max(1, int(budget.clock * budget.steps * a_step[BASELINE] / a_step[name]))


def bounds(target: Target, seeds: Sequence[int]) -> dict[str, dict[str, Float[Tensor, " seeds"]]]:
    """The rows that frame every table: real samples; those of the most frequent mode alone; an even smear."""
    rng, weights = Streams(list(seeds), "bounds"), torch.zeros(target.mixture.modes)
    weights[target.mixture.weights.argmax()] = 1
    one_mode = replace(target, mixture=replace(target.mixture, weights=weights))
    return {
        "real samples": target.measure(target.sample(SAMPLES, rng)),
        "one mode, perfectly": target.measure(one_mode.sample(SAMPLES, rng)),
        "evenly over the square": target.measure(target.smear(SAMPLES, rng)),
    }


# The table ------------------------------------------------------------------------------------------------------

Interval = tuple[float, float, float]


def interval(values: Float[Tensor, " seeds"]) -> Interval | None:
    """(mean, low, high) over the seeds that have a value; None when none has (KL of samples that are at no mode)."""
    return bootstrap_interval(values) if bool(values.isfinite().any()) else None


def head_to_head(numbers: Mapping[str, Mapping[str, Float[Tensor, " seeds"]]]) -> list[dict[str, Any]]:
    """A row a method: the interval of each number, and under `difference` that of the paired one to the baseline.

    Pairs are the seeds: seed 3 of one method with seed 3 of the other; there is a difference only where every seed of
    both has the number. A row has none when the tuned GAN is not among the methods, or is the row.
    """
    rows = []
    for method, found in numbers.items():
        row = {"method": method} | {name: interval(found[name]) for name in NUMBERS}
        if BASELINE in numbers and method != BASELINE:
            against = numbers[BASELINE]
            pairs = {name: found[name] - against[name] for name in NUMBERS}
            row["difference"] = {
                name: interval(pair) if bool(pair.isfinite().all()) else None for name, pair in pairs.items()
            }
        rows.append(row)
    return rows


def verdict(difference: Interval | None, less_is_better: bool = False) -> str:
    """What an interval of differences says: "better", "worse", "not told apart" (it holds 0), or "no value"."""
    if difference is None:
        return "no value"
    low, high = (-difference[2], -difference[1]) if less_is_better else difference[1:]
    return "better" if low > 0 else "worse" if high < 0 else "not told apart"


def stored(target: str) -> dict[str, Any]:
    """The committed comparison of a target, as chapter 09 wrote it: settings, bounds, tuning, runs.

    Raises:
        GanlabError: there is none of that name.
    """
    path = _result(target)
    if not path.exists():
        raise GanlabError(f"There is no stored comparison for {target!r}; there are: {', '.join(TARGETS)}.")
    return read_json(path)


def _result(name: str) -> Path:
    return embedded_folder() / "results" / "09_one_protocol" / f"{name.replace(' ', '_')}.json"


def stored_costs(target: str) -> dict[str, float]:
    """Processor time of a step of each contestant, as `bench/one_protocol.py --costs` measured it.

    Apart from the comparison, so that its clock does not depend on what else a machine does meanwhile.
    """
    return read_json(_result("costs"))["seconds_a_step"][target]


def stored_targets() -> list[str]:
    """The targets whose stored comparison is whole: every contestant has run."""
    there = [name for name in TARGETS if _result(name).exists()]
    return [name for name in there if set(stored(name)["runs"]) >= set(CONTESTANTS)]


def stored_settings(contestant: Contestant, target: str) -> dict[str, float]:
    """The settings that won the committed search; the usual ones of a contestant that is not tuned."""
    if not contestant.space:
        return dict(contestant.usual)
    found = stored(target)["tuning"].get(contestant.name)
    if found is None:
        raise GanlabError(f"{contestant.name} was never tuned on the {target}; tune it first, with `tune`.")
    return Tuning(found["settings"], torch.tensor(found["scores"])).best


def stored_numbers(runs: Mapping[str, Any], clock: str) -> dict[str, dict[str, Float[Tensor, " seeds"]]]:
    """The numbers of the committed runs as tensors: `clock` is "steps" or "seconds"."""
    return {method: of_seeds(run[clock]) for method, run in runs.items()}


def of_seeds(numbers: Mapping[str, Any]) -> dict[str, Float[Tensor, " seeds"]]:
    """The `NUMBERS` of a JSON record as tensors; null becomes NaN."""
    return {
        name: torch.tensor([float("nan") if value is None else value for value in numbers[name]], dtype=torch.float64)
        for name in NUMBERS
    }
