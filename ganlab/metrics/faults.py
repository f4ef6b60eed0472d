"""Oracle samplers: generators that nobody trained, each perfect but for one known fault.

A metric that does not move when modes are dropped cannot find dropped modes in a network either. A *source* gives
perfect samples with the mode of each; a *fault* spoils them. All of it takes `Streams`, so samples are
`(*seeds, n, ...)` and many draws cost one call.

>>> from ganlab.data.mixtures import ring
>>> from ganlab.metrics.modes import mode_report
>>> source = MixtureSource(ring(8))
>>> print(mode_report(drop(source, 2500, 0, modes=3), ring(8)).sentence())
5 of 8 modes, 99 % within 3 sigma
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture
from ganlab.errors import GanlabError
from ganlab.seeds import Streams, as_streams

Rng = Streams | int | None


class Source(Protocol):
    """Perfect samples. `training` is what a generator was shown; `centres` and `weights` are the modes'."""

    centres: Float[Tensor, "modes ..."]
    weights: Float[Tensor, " modes"]

    @property
    def training(self) -> Float[Tensor, "t ..."]: ...

    def draw(
        self, n: int, rng: Streams, weights: Tensor | None = None
    ) -> tuple[Float[Tensor, "*seeds n ..."], Int[Tensor, "*seeds n"]]: ...


class MixtureSource:
    """Fresh samples of a mixture, and a fixed training set of `training` of them."""

    def __init__(self, mixture: GaussianMixture, training: int = 1000, seed: int = 0):
        self.mixture, self.centres, self.weights = mixture, mixture.centres, mixture.weights
        self.training = mixture.sample(training, Streams(seed, "oracle training"))

    def draw(self, n: int, rng: Streams, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mixture = self.mixture if weights is None else replace(self.mixture, weights=weights)
        return mixture.sample_with_modes(n, rng)


class ArraySource:
    """Labelled samples (vectors or images), split at random: one half is `training`, perfect draws are from the rest.

    Draws are without replacement, since a perfect generator does not repeat itself.
    """

    def __init__(self, samples: Float[Tensor, "n ..."], labels: Int[Tensor, " n"], seed: int = 0):
        if len(samples) != len(labels):
            raise GanlabError(f"There are {len(samples)} samples and {len(labels)} labels; give one label each.")
        order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
        half = len(samples) // 2
        names, labels = labels.unique(return_inverse=True)
        self.training, self.pool = samples[order[:half]].float(), samples[order[half:]].float()
        self.labels = labels[order[half:]]
        self.weights = self.labels.bincount(minlength=len(names)).float() / len(self.labels)
        self.centres = torch.stack([self.pool[self.labels == k].mean(0) for k in range(len(names))])

    def draw(self, n: int, rng: Streams, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        weights = self.weights if weights is None else weights
        modes = torch.bucketize(rng.uniform(n), weights.cumsum(0)[:-1].contiguous(), right=True)
        keys = rng.uniform(len(self.pool))
        chosen = torch.empty_like(modes)
        for mine, key, index in zip(*(x.reshape(-1, x.shape[-1]) for x in (modes, keys, chosen)), strict=True):
            order = key.argsort()
            for k in mine.unique():
                wanted, available = mine == k, order[self.labels[order] == k]
                count = int(wanted.sum())
                if count > len(available):
                    raise GanlabError(
                        f"{n} samples need {count} different ones of class {int(k)} and this source holds "
                        f"{len(available)}; ask for fewer."
                    )
                index[wanted] = available[:count]
        return self.pool[chosen], modes


def _wide(t: Tensor, like: Tensor) -> Tensor:
    """`(*seeds, n)` to a shape that broadcasts with samples `(*seeds, n, ...)`."""
    return t.reshape(t.shape + (1,) * (like.ndim - t.ndim))


def _within(source: Source, samples: Tensor, modes: Tensor, rng: Streams) -> Float[Tensor, "*seeds 1 ..."]:
    """The standard deviation of a value within its mode, for each seed alone, to multiply samples with."""
    squares = (samples - source.centres[modes]).square()
    return squares.mean(dim=tuple(range(_sample_axis(rng), squares.ndim)), keepdim=True).sqrt()


def clean(source: Source, n: int, rng: Rng = None) -> Float[Tensor, "*seeds n ..."]:
    """No fault: what every metric's best value looks like."""
    return source.draw(n, as_streams(rng, "oracle"))[0]


def drop(source: Source, n: int, rng: Rng = None, modes: int | list[int] = 1) -> Float[Tensor, "*seeds n ..."]:
    """Without the last `modes` modes, or without those listed; the others keep their proportions."""
    weights = source.weights.clone()
    dropped = list(range(len(weights)))[len(weights) - modes :] if isinstance(modes, int) else modes
    weights[dropped] = 0
    if not weights.sum() > 0:
        raise GanlabError(f"Dropping {modes} of {len(weights)} modes leaves none; drop at most {len(weights) - 1}.")
    return source.draw(n, as_streams(rng, "oracle"), weights / weights.sum())[0]


def reweight(source: Source, n: int, rng: Rng = None, times: float = 3.0) -> Float[Tensor, "*seeds n ..."]:
    """All modes, in wrong proportions: the first half of them `times` as frequent, against the rest, as they should."""
    weights = source.weights.clone()
    weights[: len(weights) // 2] *= times
    return source.draw(n, as_streams(rng, "oracle"), weights / weights.sum())[0]


def shrink(source: Source, n: int, rng: Rng = None, factor: float = 0.3) -> Float[Tensor, "*seeds n ..."]:
    """Every sample drawn towards the centre of its mode: distances from it times `factor`."""
    samples, modes = source.draw(n, as_streams(rng, "oracle"))
    centres = source.centres[modes]
    return centres + factor * (samples - centres)


def bridge(source: Source, n: int, rng: Rng = None, share: float = 0.3) -> Float[Tensor, "*seeds n ..."]:
    """A `share` of samples on straight lines between two others of different modes: a continuous generator's trail."""
    rng = as_streams(rng, "oracle")
    samples, modes = source.draw(n, rng)
    # The partner is the next sample of another mode in a random order; a few roll steps find one for nearly all.
    partner, partner_modes = samples.roll(1, _sample_axis(rng)), modes.roll(1, -1)
    for step in range(2, 9):
        same = partner_modes == modes
        partner = torch.where(_wide(same, samples), samples.roll(step, _sample_axis(rng)), partner)
        partner_modes = torch.where(same, modes.roll(step, -1), partner_modes)
    between = 0.25 + 0.5 * rng.uniform(n)
    bridged = samples + _wide(between, samples) * (partner - samples)
    return torch.where(_wide(rng.uniform(n) < share, samples), bridged, samples)


def _sample_axis(rng: Streams) -> int:
    """The number of the axis that counts samples: after the seeds axis, if there is one."""
    return len(rng.axis)


def outliers(
    source: Source, n: int, rng: Rng = None, share: float = 0.1, reach: float = 1.5
) -> Float[Tensor, "*seeds n ..."]:
    """A `share` of samples uniform in the data's bounding box, stretched by `reach` about its middle."""
    rng = as_streams(rng, "oracle")
    samples, _ = source.draw(n, rng)
    low, high = source.training.amin(0), source.training.amax(0)
    middle, half = (low + high) / 2, (high - low) / 2
    noise = middle + reach * half * (2 * rng.uniform(n, *source.training.shape[1:]) - 1)
    return torch.where(_wide(rng.uniform(n) < share, samples), noise, samples)


def jitter(source: Source, n: int, rng: Rng = None, scale: float = 3.0) -> Float[Tensor, "*seeds n ..."]:
    """Gaussian noise on every sample, `scale` times the standard deviation within modes: blurred, not missing."""
    rng = as_streams(rng, "oracle")
    samples, modes = source.draw(n, rng)
    return samples + scale * _within(source, samples, modes, rng) * rng.normal(n, *source.training.shape[1:])


def memorise(source: Source, n: int, rng: Rng = None, noise: float = 0.0) -> Float[Tensor, "*seeds n ..."]:
    """Samples of the training set, drawn with replacement; `noise` in standard deviations within modes."""
    rng = as_streams(rng, "oracle")
    copies = source.training[rng.integers(len(source.training), n)]
    if noise:
        within = _within(source, *source.draw(min(n, 200), rng), rng)
        copies = copies + noise * within * rng.normal(n, *source.training.shape[1:])
    return copies


def duplicate(source: Source, n: int, rng: Rng = None, distinct: int = 50) -> Float[Tensor, "*seeds n ..."]:
    """Only `distinct` different samples, fresh ones, repeated at random."""
    rng = as_streams(rng, "oracle")
    samples, _ = source.draw(distinct, rng)
    chosen = rng.integers(distinct, n)
    if rng.single:
        return samples[chosen]
    return torch.stack([s[c] for s, c in zip(samples, chosen, strict=True)])


def one_point(source: Source, n: int, rng: Rng = None, noise: float = 0.05) -> Float[Tensor, "*seeds n ..."]:
    """Total collapse: one sample, with a little noise (in standard deviations within modes)."""
    rng = as_streams(rng, "oracle")
    samples, modes = source.draw(min(n, 200), rng)
    within = _within(source, samples, modes, rng)
    point = samples.narrow(_sample_axis(rng), 0, 1)
    return point + noise * within * rng.normal(n, *source.training.shape[1:])


@dataclass(frozen=True)
class Fault:
    """A fault with its strength, and the verdict that `diagnose` should come to."""

    name: str
    verdict: str
    sampler: Callable[..., Tensor]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, source: Source, n: int, rng: Rng = None) -> Float[Tensor, "*seeds n ..."]:
        return self.sampler(source, n, rng, **self.options)


def standard_faults(modes: int) -> Mapping[str, Fault]:
    """The bench: the clean sampler and its faults, for a source with `modes` modes.

    >>> list(standard_faults(8))[:4]
    ['clean', 'drop a few modes', 'drop most modes', 'one point']
    """
    few, most = max(1, modes // 4), modes - max(1, modes // 5)
    faults = [
        Fault("clean", "nothing found", clean),
        Fault("drop a few modes", "partial collapse", drop, {"modes": few}),
        Fault("drop most modes", "collapse", drop, {"modes": most}),
        Fault("one point", "collapse", one_point),
        Fault("reweight", "reweighting", reweight, {"times": 3.0}),
        Fault("shrink within modes", "within-mode collapse", shrink, {"factor": 0.3}),
        Fault("duplicate", "within-mode collapse", duplicate, {"distinct": 8 * modes}),
        Fault("bridge modes", "low quality", bridge, {"share": 0.4}),
        Fault("outliers", "low quality", outliers, {"share": 0.15}),
        Fault("jitter", "low quality", jitter, {"scale": 3.0}),
        Fault("memorise", "memorisation", memorise),
        Fault("memorise, with noise", "memorisation", memorise, {"noise": 0.02}),
    ]
    return MappingProxyType({fault.name: fault for fault in faults})
