"""What a perfect generator scores on n samples: no count of modes means anything without it.

All numbers here are exact for n independent draws from the true probabilities of the modes, read by a perfect judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor

from ganlab.errors import GanlabError


def expected_modes(probabilities: Tensor, n: int) -> float:
    """Distinct modes expected among n draws: sum over k of 1 - (1 - p_k)^n."""
    p = _checked(probabilities, n)
    return float(-np.expm1(n * np.log1p(-np.minimum(p, 1 - 1e-16))).sum())


def modes_deviation(probabilities: Tensor, n: int) -> float:
    """Standard deviation of the number of distinct modes among n draws.

    With A_k = "mode k is missed": variance = sum over k, l of P(A_k and A_l) - P(A_k) P(A_l),
    where P(A_k and A_l) = (1 - p_k - p_l)^n for k != l.
    """
    values, times = np.unique(_checked(probabilities, n), return_counts=True)
    missed = (1 - values) ** n
    both = np.clip(1 - values[:, None] - values[None], 0, None) ** n
    pairs = np.outer(times, times) - np.diag(times)
    variance = (times * missed * (1 - missed)).sum() + (pairs * (both - np.outer(missed, missed))).sum()
    return float(np.sqrt(max(variance, 0.0)))


def expected_reverse_kl(probabilities: Tensor, n: int, reference: Tensor | None = None) -> float:
    """Expected KL(frequencies of n draws ‖ reference), in nats, with unseen modes counting 0.

    For each mode, with X ~ Binomial(n, p): E[(X / n) ln(X / (n r))], summed exactly. The reference r is p itself when
    not given; then this is the sampling floor, close to (K - 1) / (2 n) when n is large against the K modes.
    """
    p = _checked(probabilities, n)
    r = p if reference is None else _checked(reference, n)
    if ((p > 0) & (r == 0)).any():
        return float("inf")
    total = 0.0
    for value in np.unique(p[p > 0]):
        reach = 12 * np.sqrt(n * value * (1 - value)) + 40  # what lies further has a weight below 1e-16
        x = np.arange(max(1, int(n * value - reach)), min(n, int(n * value + reach)) + 1)
        weight = stats.binom.pmf(x, n, value) * x / n
        same = p == value
        total += same.sum() * (weight * np.log(x / n)).sum() - weight.sum() * np.log(r[same]).sum()
    return float(total)


@dataclass(frozen=True)
class ModeCount:
    """A count of modes beside what a perfect generator would show on the same number of samples.

    Attributes:
        n: samples; modes: distinct modes among them; possible: modes with a probability above 0;
        expected, deviation: mean and standard deviation of the count for n draws from the true distribution;
        reverse_kl: KL(counted frequencies ‖ truth) in nats; kl_floor: its expectation for those draws;
        outside: samples read as a mode that cannot occur, left out of reverse_kl.
    """

    n: int
    modes: int
    possible: int
    expected: float
    deviation: float
    reverse_kl: float
    kl_floor: float
    outside: int

    def __str__(self) -> str:
        kl = f"reverse KL {self.reverse_kl:.3f} (floor {self.kl_floor:.3f})"
        outside = f", {self.outside:,} samples of no mode" if self.outside else ""
        return (
            f"{self.modes} of {self.possible} modes in {self.n:,} samples "
            f"(a perfect generator: {self.expected:.1f} ± {self.deviation:.1f}), {kl}{outside}"
        )


def count_modes(labels: Int[Tensor, " n"], probabilities: Float[Tensor, " modes"]) -> ModeCount:
    """Count the distinct modes among the labels, and say what a perfect generator would have scored.

    Args:
        labels: the mode of each sample; -1, or a mode of probability 0, is a sample of no mode.
        probabilities: the true probability of each mode.
    """
    labels = labels.cpu()
    n = len(labels)
    p = torch.as_tensor(probabilities, dtype=torch.float64).cpu()
    _checked(p, n)
    if n and int(labels.max()) >= len(p):
        raise GanlabError(f"A label is {int(labels.max())} and there are {len(p)} modes; labels start at 0.")
    possible = (labels >= 0) & (p[labels.clamp(min=0)] > 0)
    counts = labels[possible].bincount(minlength=len(p)).double()
    q, seen = counts / counts.sum().clamp(min=1), counts > 0
    kl = (q[seen] * (q[seen] / p[seen]).log()).sum().item() if seen.any() else float("nan")
    return ModeCount(n, int(seen.sum()), int((p > 0).sum()), expected_modes(p, n), modes_deviation(p, n), kl,
                     expected_reverse_kl(p, n), n - int(possible.sum()))  # fmt: skip


def _checked(probabilities: Tensor, n: int) -> np.ndarray:
    p = torch.as_tensor(probabilities, dtype=torch.float64).cpu().numpy()
    if n < 1:
        raise GanlabError(f"n is {n}; a floor needs at least one sample.")
    if p.ndim != 1 or (p < 0).any() or not np.isclose(p.sum(), 1, atol=1e-6):
        raise GanlabError(f"Probabilities must be a row of numbers of at least 0 with sum 1; theirs is {p.sum():.6g}.")
    return p
