"""Where a stack's KL comes from: the three channels, or what they have to do with each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganlab.data.floors import ModeCount, count_modes
from ganlab.data.images import ImageSet
from ganlab.data.stacking import MODES, stacked_probabilities
from ganlab.errors import GanlabError
from ganlab.metrics.arrays import divergence


def channel_divergences(counts: Float[Tensor, "10 10 10"], shares: Float[Tensor, " 10"]) -> Float[Tensor, " 3"]:
    """KL(q_k || p), in nats, of each channel's class frequencies q_k from the classes' true shares p.

    From 0; at most -log(min p). A perfect generator's expectation is about 9 / (2 n) for n stacks.
    """
    q = _frequencies(counts)
    marginals = torch.stack([q.sum((1, 2)), q.sum((0, 2)), q.sum((0, 1))])
    return divergence(marginals, shares.double())


def dependence(counts: Float[Tensor, "10 10 10"]) -> Float[Tensor, ""]:
    """KL(q || q_1 q_2 q_3), in nats: what one channel tells of the others (their total correlation).

    From 0. A perfect generator's expectation is about (999 - 27) / (2 n): nearly the whole floor of the KL.
    """
    q = _frequencies(counts)
    apart = q.sum((1, 2))[:, None, None] * q.sum((0, 2))[:, None] * q.sum((0, 1))
    return divergence(q.flatten(), apart.flatten())


def _frequencies(counts: Tensor) -> Tensor:
    counts = counts.double()
    if counts.shape != (10, 10, 10) or not counts.sum() > 0:
        raise GanlabError(f"counts has shape {tuple(counts.shape)}; give (10, 10, 10), not all 0.")
    return counts / counts.sum()


@dataclass(frozen=True)
class StackScores:
    """Modes and KL of some stacks, beside what a perfect generator would show, and the parts of the KL.

    `count.reverse_kl = channels.sum() + dependence`, exactly, since the true distribution is a product.
    """

    count: ModeCount
    channels: Float[Tensor, " 3"]
    dependence: float

    @property
    def above_floor(self) -> float:
        """The KL less a perfect generator's: what the generator is to blame for."""
        return self.count.reverse_kl - self.count.kl_floor

    def __str__(self) -> str:
        parts = " ".join(f"{value:.3f}" for value in self.channels.tolist())
        return f"{self.count}; channels {parts}, dependence {self.dependence:.3f}"


def stack_scores(numbers: Int[Tensor, " n"], base: ImageSet) -> StackScores:
    """Count the modes 0..999 that stacks of `base` were read as.

    Args:
        numbers: 100 a + 10 b + c of each stack, for example from `ganlab.data.stacking.read_stacks`.
        base: what the real stacks are made of: its classes' shares are the truth for each channel.
    """
    shares = base.labels.bincount(minlength=10).double() / len(base)
    counts = numbers.cpu().bincount(minlength=MODES).view(10, 10, 10).double()
    parts = channel_divergences(counts, shares), float(dependence(counts))
    return StackScores(count_modes(numbers, stacked_probabilities(base)), *parts)
