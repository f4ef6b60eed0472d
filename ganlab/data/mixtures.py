"""Two-dimensional Gaussian mixtures, whose modes, weights and density are known exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganlab.errors import GanlabError
from ganlab.seeds import Streams, as_streams


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A mixture of isotropic Gaussians, sum_k weights_k N(centres_k, sigma_k^2 I).

    >>> ring().centres.shape, ring().name
    (torch.Size([8, 2]), 'ring of 8')
    """

    centres: Float[Tensor, "modes dim"]
    sigma: Float[Tensor, " modes"]
    weights: Float[Tensor, " modes"]
    name: str = "mixture"

    @property
    def modes(self) -> int:
        return len(self.centres)

    @property
    def dim(self) -> int:
        return self.centres.shape[1]

    def to(self, device: str | torch.device) -> GaussianMixture:
        return replace(
            self, centres=self.centres.to(device), sigma=self.sigma.to(device), weights=self.weights.to(device)
        )

    def rotated(self, angle: float) -> GaussianMixture:
        """The mixture turned by `angle` radians about the origin in its first two coordinates."""
        cos, sin = math.cos(angle), math.sin(angle)
        rotation = torch.eye(self.dim, dtype=self.centres.dtype, device=self.centres.device)
        rotation[:2, :2] = torch.tensor([[cos, -sin], [sin, cos]])
        return replace(self, centres=self.centres @ rotation.T, name=f"{self.name}, rotated")

    def sample(self, n: int, rng: Streams | int | None = None) -> Float[Tensor, "*seeds n dim"]:
        """n independent points for each seed of `rng`."""
        return self.sample_with_modes(n, rng)[0]

    def sample_with_modes(
        self, n: int, rng: Streams | int | None = None
    ) -> tuple[Float[Tensor, "*seeds n dim"], Int[Tensor, "*seeds n"]]:
        """n independent points and the index of the mode that each was drawn from."""
        rng = as_streams(rng, "data")
        boundaries = self.weights.cumsum(0)[:-1].contiguous()
        modes = torch.bucketize(rng.uniform(n), boundaries, right=True)
        noise = rng.normal(n, self.dim)
        return self.centres[modes] + self.sigma[modes].unsqueeze(-1) * noise, modes

    def log_density(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """The exact log density (natural logarithm) at each row of `x`."""
        squared = (x.unsqueeze(-2) - self.centres).square().sum(-1)
        log_normaliser = self.dim * (self.sigma.log() + 0.5 * math.log(2 * math.pi))
        terms = self.weights.log() - log_normaliser - 0.5 * squared / self.sigma.square()
        return terms.logsumexp(-1)

    def batches(self, batch: int, seeds: int | Sequence[int] | Streams) -> MixtureBatches:
        """An endless iterator over fresh batches, whose position is saved with the run."""
        rng = seeds if isinstance(seeds, Streams) else Streams(seeds, "data", self.centres.device)
        return MixtureBatches(self, batch, rng)


@dataclass
class MixtureBatches:
    """Fresh real batches `(*seeds, batch, dim)`, for ever. Its state is that of its random streams.

    `mixture` may be anything with `sample(n, rng)`; one with labels gives pairs.
    """

    mixture: GaussianMixture
    batch: int
    rng: Streams

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Float[Tensor, "*seeds batch dim"]:
        return self.mixture.sample(self.batch, self.rng)

    def state_dict(self) -> dict:
        return self.rng.state_dict()

    def load_state_dict(self, state: dict) -> None:
        self.rng.load_state_dict(state)


def mixture(
    centres: Tensor | Sequence[Sequence[float]],
    sigma: float | Sequence[float] | Tensor,
    weights: Sequence[float] | Tensor | None = None,
    name: str = "mixture",
) -> GaussianMixture:
    """A mixture from your own centres.

    Args:
        centres: one row for each mode, shape `(modes, dim)`.
        sigma: the standard deviation (not the variance), one number or one for each mode.
        weights: probabilities of the modes; equal when not given. They must sum to 1.

    Raises:
        GanlabError: shapes that do not fit, a sigma that is not positive, weights that are negative or do not sum to 1.
    """
    centres = torch.as_tensor(centres, dtype=torch.float32)
    if centres.ndim != 2 or not centres.numel():
        raise GanlabError(
            f"centres has shape {tuple(centres.shape)}; give one row for each mode, for example [[0, 0], [1, 0]]."
        )
    modes = len(centres)
    if not centres.isfinite().all():
        raise GanlabError("centres holds a value that is not finite; give real coordinates.")
    sigma = torch.as_tensor(sigma, dtype=torch.float32)
    if sigma.ndim > 1 or sigma.ndim == 1 and len(sigma) != modes:
        raise GanlabError(f"sigma has shape {tuple(sigma.shape)}; give one number, or one for each of {modes} modes.")
    if not (sigma > 0).all() or not sigma.isfinite().all():
        raise GanlabError(f"sigma is {sigma.tolist()}; every standard deviation must be positive.")
    if weights is None:
        weights = torch.full((modes,), 1 / modes)
    weights = torch.as_tensor(weights, dtype=torch.float32)
    if weights.shape != (modes,):
        raise GanlabError(f"weights has shape {tuple(weights.shape)}; give one weight for each of {modes} modes.")
    if not (weights >= 0).all() or abs(float(weights.sum()) - 1) > 1e-4:
        raise GanlabError(f"weights are {weights.tolist()}; they must not be negative and must sum to 1.")
    return GaussianMixture(centres, sigma.expand(modes).clone(), weights / weights.sum(), name)


def ring(
    modes: int = 8, radius: float = 1.0, sigma: float = 0.01, weights: Sequence[float] | None = None
) -> GaussianMixture:
    """`modes` Gaussians on a circle. The defaults are PacGAN's 2D ring (8 modes, radius 1, sigma 0.01).

    The angles are 2 pi k / modes. `linspace(0, 2 * pi, modes)`, which several public codes use, puts the last
    centre on top of the first: 8 asked for, 7 there.
    """
    angles = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    centres = radius * torch.stack([angles.cos(), angles.sin()], -1)
    return mixture(centres, sigma, weights, f"ring of {modes}")


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> GaussianMixture:
    """`side` x `side` Gaussians. The defaults are PacGAN's 2D grid: {-4, -2, 0, 2, 4}^2, sigma 0.05."""
    ticks = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    return mixture(torch.cartesian_prod(ticks, ticks), sigma, None, f"grid of {side * side}")


def unequal_ring(modes: int = 8, radius: float = 1.0, sigma: float = 0.01, ratio: float = 0.6) -> GaussianMixture:
    """A ring on which each mode weighs `ratio` times the one before it: frequent modes and rare ones."""
    weights = ratio ** torch.arange(modes, dtype=torch.float64)
    return replace(ring(modes, radius, sigma, weights / weights.sum()), name=f"unequal ring of {modes}")
