"""How many modes, how good, how evenly: what a known mixture lets us count exactly.

Every function takes samples `(*seeds, n, dim)` and a `GaussianMixture`, and returns one number for each seed
(shape `(*seeds)`). Conventions, the same throughout:

- A sample belongs to its **nearest mode**, nearest in units of that mode's sigma.
- A sample is of **high quality** when it lies within 3 sigma of that mode (`within`), in dim dimensions: the
  distance is the Euclidean one over sigma, so a true sample passes with probability chi2.cdf(9, dim): .98889 in
  2D, but about 0 in 1200-D. Give a larger `within` there.
- A mode is **covered** by at least one high-quality sample (PacGAN, Lin et al. 2018, `MetricLogger`).
- **Proportions** over modes are those of the high-quality samples, divided by their number, as PacGAN does.
  `counted="nearest"` counts every finite sample at its nearest mode instead and divides by that number.
- Logarithms are natural. Without any counted sample the proportions do not exist and the result is NaN.

None of these numbers means much without what a perfect generator scores with as few samples: `mode_report`
prints it beside each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import chi2
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture
from ganlab.errors import GanlabError
from ganlab.metrics.arrays import divergence

Counted = Literal["high-quality", "nearest"]


def nearest_mode(
    samples: Float[Tensor, "*seeds n dim"], mixture: GaussianMixture
) -> tuple[Int[Tensor, "*seeds n"], Float[Tensor, "*seeds n"]]:
    """The nearest mode of each sample and its distance in sigmas (NaN for a sample that is not finite).

    Raises:
        GanlabError: samples that are not vectors of the mixture's dimension, or none at all.
    """
    if samples.ndim < 2 or samples.shape[-1] != mixture.dim:
        raise GanlabError(
            f"samples have shape {tuple(samples.shape)}; the {mixture.name} needs (*seeds, n, {mixture.dim})."
        )
    if samples.shape[-2] == 0:
        raise GanlabError("There are 0 samples; draw at least one before counting modes.")
    centres = mixture.centres.to(samples)
    # Without the matrix-product shortcut, whose rounding (3e-4 here) matters at sigma = 0.01.
    distance = torch.cdist(samples, centres, compute_mode="donot_use_mm_for_euclid_dist")
    in_sigmas, mode = (distance / mixture.sigma.to(samples)).min(-1)
    return mode, in_sigmas


def mode_counts(
    samples: Float[Tensor, "*seeds n dim"],
    mixture: GaussianMixture,
    within: float = 3.0,
    counted: Counted = "high-quality",
) -> Int[Tensor, "*seeds modes"]:
    """Samples counted at each mode: those within `within` sigma, or with `counted="nearest"` all finite ones.

    >>> from ganlab.data.mixtures import ring
    >>> mode_counts(ring(4).centres[[0, 0, 2]], ring(4))
    tensor([2, 0, 1, 0])
    """
    mode, in_sigmas = nearest_mode(samples, mixture)
    if counted == "high-quality":
        kept = in_sigmas <= within
    elif counted == "nearest":
        kept = in_sigmas.isfinite()
    else:
        raise GanlabError(f'counted is {counted!r}; it must be "high-quality" or "nearest".')
    empty = mode.new_zeros((*mode.shape[:-1], mixture.modes))
    return empty.scatter_add(-1, mode, kept.to(mode.dtype))


def mode_proportions(counts: Int[Tensor, "*seeds modes"]) -> Float[Tensor, "*seeds modes"]:
    """Counts over their sum, in float64; NaN when there is nothing to count."""
    counts = counts.double()
    return counts / counts.sum(-1, keepdim=True)


def modes_covered(
    samples: Float[Tensor, "*seeds n dim"], mixture: GaussianMixture, within: float = 3.0
) -> Int[Tensor, "*seeds"]:
    """Modes with at least one sample within `within` sigma. Range 0 to `mixture.modes`, more is better.

    >>> from ganlab.data.mixtures import ring
    >>> modes_covered(ring(8).sample(2500, 0), ring(8))
    tensor(8)
    """
    return (mode_counts(samples, mixture, within) > 0).sum(-1)


def high_quality_share(
    samples: Float[Tensor, "*seeds n dim"], mixture: GaussianMixture, within: float = 3.0
) -> Float[Tensor, "*seeds"]:
    """The share of samples within `within` sigma of some mode. Range 0 to 1.

    A perfect generator reaches chi2.cdf(within^2, dim), in 2D at 3 sigma 1 - exp(-4.5) = .98889, and no more: a
    generator that scores higher is collapsed *within* its modes (see `within_mode_spread`).
    """
    return mode_counts(samples, mixture, within).sum(-1).double() / samples.shape[-2]


def mass_in_place(
    counts: Int[Tensor, "*seeds modes"], n: int, weights: Float[Tensor, "*any modes"]
) -> Float[Tensor, "*seeds"]:
    """The overlap of the true weights and the shares of all n samples: sum over k of min(w_k, c_k / n).

    `counts` are the samples within 3 sigma of each mode (`mode_counts`). 1 when every mode has its share, 0 when no
    sample is on a mode; a generator of one mode alone gets that mode's weight; a smear over all modes gets little.

    >>> mass_in_place(torch.tensor([500, 0]), 1000, torch.tensor([0.5, 0.5]))
    tensor(0.5000)
    """
    return torch.minimum(counts / n, weights).sum(-1)


def _jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    middle = (p + q) / 2
    return (divergence(p, middle) + divergence(q, middle)) / 2


def _proportions_and_weights(samples, mixture, within, counted) -> tuple[Tensor, Tensor]:
    proportions = mode_proportions(mode_counts(samples, mixture, within, counted))
    return proportions, mixture.weights.to(proportions)


def reverse_kl(
    samples: Float[Tensor, "*seeds n dim"],
    mixture: GaussianMixture,
    within: float = 3.0,
    counted: Counted = "high-quality",
) -> Float[Tensor, "*seeds"]:
    """KL(generated || true) over modes, sum_k p_k log(p_k / weight_k). Nats, 0 to -log(min weight), less is better.

    This is what PacGAN, VEEGAN and the Stacked-MNIST tables call KL or reverse KL. Modes without a sample add
    nothing, so it stays finite when modes are missing: 4 of 8 equal modes give log 2. A perfect generator scores
    about (modes - 1) / (2 n) with n samples, not 0.
    """
    proportions, weights = _proportions_and_weights(samples, mixture, within, counted)
    return divergence(proportions, weights)


def forward_kl(
    samples: Float[Tensor, "*seeds n dim"],
    mixture: GaussianMixture,
    within: float = 3.0,
    counted: Counted = "high-quality",
    pseudo_count: float = 0.5,
) -> Float[Tensor, "*seeds"]:
    """KL(true || generated) over modes, sum_k weight_k log(weight_k / p_k). Nats, from 0, less is better.

    One missing mode makes it infinite. So that it can be averaged and compared, each mode is given `pseudo_count`
    extra samples first (1/2: Krichevsky and Trofimov 1981); `pseudo_count=0` is the bare definition.
    """
    counts = mode_counts(samples, mixture, within, counted).double()
    proportions = (counts + pseudo_count) / (counts + pseudo_count).sum(-1, keepdim=True)
    proportions = torch.where(counts.sum(-1, keepdim=True) > 0, proportions, torch.nan)
    return divergence(mixture.weights.to(proportions).expand_as(proportions), proportions)


def jensen_shannon(
    samples: Float[Tensor, "*seeds n dim"],
    mixture: GaussianMixture,
    within: float = 3.0,
    counted: Counted = "high-quality",
) -> Float[Tensor, "*seeds"]:
    """The Jensen-Shannon divergence over modes, KL(p || m) / 2 + KL(weights || m) / 2 with m their mean.

    Nats, 0 to log 2, less is better (the divergence, not its square root).
    """
    proportions, weights = _proportions_and_weights(samples, mixture, within, counted)
    return _jensen_shannon(proportions, weights)


def total_variation(
    samples: Float[Tensor, "*seeds n dim"],
    mixture: GaussianMixture,
    within: float = 3.0,
    counted: Counted = "high-quality",
) -> Float[Tensor, "*seeds"]:
    """Half the sum of |p_k - weight_k|: the share of samples that sit at the wrong mode. 0 to 1, less is better."""
    proportions, weights = _proportions_and_weights(samples, mixture, within, counted)
    return (proportions - weights).abs().sum(-1) / 2


def within_mode_spread(
    samples: Float[Tensor, "*seeds n dim"],
    mixture: GaussianMixture,
    within: float = 3.0,
    by_mode: bool = False,
) -> Float[Tensor, "*seeds"] | Float[Tensor, "*seeds modes"]:
    """The standard deviation of high-quality samples about their own mean in each mode, over the mode's sigma.

    Pooled over modes: sqrt(sum_k SS_k / sigma_k^2 / (dim * sum_k (n_k - 1))), SS_k being the squared deviations
    of the n_k samples of mode k from *their* mean, so that a mode collapsed to one misplaced point scores 0.
    `by_mode=True` gives `(*seeds, modes)`. NaN where no mode has two samples.

    A perfect generator scores not 1 but sqrt(chi2.cdf(w^2, dim + 2) / chi2.cdf(w^2, dim)), w = `within`, since
    the tails were cut off: .9744 in 2D at 3 sigma. Near 0: collapse within modes.
    """
    mode, in_sigmas = nearest_mode(samples, mixture)
    member = torch.nn.functional.one_hot(mode, mixture.modes).double() * (in_sigmas <= within).unsqueeze(-1)
    count = member.sum(-2)
    # Measured from the mode's own centre first: the two-pass formula stays exact for tight, far-away modes.
    offset = samples.double() - mixture.centres.to(samples).double()[mode]
    offset = torch.where((in_sigmas <= within).unsqueeze(-1), offset, 0.0)
    mean = member.mT @ offset / count.clamp(min=1).unsqueeze(-1)
    deviation = offset - mean.gather(-2, mode.unsqueeze(-1).expand_as(offset))
    squares = (member.mT @ deviation.square().sum(-1, keepdim=True)).squeeze(-1)
    squares = squares / mixture.sigma.to(squares).square()
    freedom = mixture.dim * (count - 1).clamp(min=0)
    if not by_mode:
        squares, freedom = torch.where(freedom > 0, squares, 0.0).sum(-1), freedom.sum(-1)
    return torch.where(freedom > 0, squares / freedom, torch.nan).sqrt()


# What a perfect generator scores with n samples -------------------------------------------------------------


@dataclass(frozen=True)
class Perfect:
    """What draws of n samples from the true mixture score: mean, and the middle 95 % of draws."""

    mean: float
    low: float
    high: float


def perfect_scores(n: int, mixture: GaussianMixture, within: float = 3.0) -> dict[str, Perfect]:
    """What a perfect generator scores with n samples, for each number of `mode_report` and for `mass_in_place`. Cached.

    The counts of the modes are multinomial; 2,000 draws of them from a fixed generator give the numbers over
    modes. High-quality share and spread follow from the chi-square distribution of the squared distance. Modes
    closer than twice `within` sigmas take each other's samples: there the cell probabilities are measured on
    200,000 samples of the mixture.

    >>> from ganlab.data.mixtures import ring
    >>> floor = perfect_scores(2500, ring(8))["reverse_kl"].mean
    >>> f"{floor:.4f}, against (8 - 1) / (2 * 2500) = {7 / 5000:.4f}"
    '0.0014, against (8 - 1) / (2 * 2500) = 0.0014'
    """
    return dict(_perfect_scores(n, within, mixture.dim, _cells(mixture, within), tuple(mixture.weights.tolist())))


def _cells(mixture: GaussianMixture, within: float) -> tuple[float, ...]:
    """The probability that a true sample is of high quality and counted at mode k, for each k."""
    gaps = torch.cdist(mixture.centres.double(), mixture.centres.double())
    reach = within * (mixture.sigma[:, None] + mixture.sigma[None, :])
    gaps.fill_diagonal_(math.inf)
    if mixture.modes == 1 or (gaps > reach).all():
        return tuple((mixture.weights.double() * float(chi2.cdf(within**2, mixture.dim))).tolist())
    draws = 200_000
    return tuple((mode_counts(mixture.sample(draws, 0), mixture, within).double() / draws).tolist())


@lru_cache(maxsize=256)
def _perfect_scores(
    n: int, within: float, dim: int, cells: tuple[float, ...], weights: tuple[float, ...]
) -> tuple[tuple[str, Perfect], ...]:
    inside = np.array(cells)
    probabilities = np.append(inside, max(0.0, 1 - inside.sum()))
    draws = np.random.default_rng(0).multinomial(n, probabilities / probabilities.sum(), size=2000)
    counts = torch.from_numpy(draws[:, :-1])
    kept = counts.sum(-1) > 0
    proportions, true = mode_proportions(counts[kept]), torch.tensor(weights, dtype=torch.float64)
    smooth = (counts[kept].double() + 0.5) / (counts[kept].double() + 0.5).sum(-1, keepdim=True)
    simulated = {
        "modes_covered": (counts > 0).sum(-1).double(),
        "reverse_kl": divergence(proportions, true),
        "forward_kl": divergence(true.expand_as(smooth), smooth),
        "jensen_shannon": _jensen_shannon(proportions, true),
        "total_variation": (proportions - true).abs().sum(-1) / 2,
        "mass_in_place": mass_in_place(counts, n, true),
    }
    found = {}
    for name, values in simulated.items():
        low, high = np.quantile(values.numpy(), [0.025, 0.975]) if len(values) else (math.nan, math.nan)
        found[name] = Perfect(float(values.mean()), float(low), float(high))
    share = float(inside.sum())
    half = 1.96 * math.sqrt(share * (1 - share) / n)
    found["high_quality_share"] = Perfect(share, max(0.0, share - half), min(1.0, share + half))
    # The squared distance of a kept sample is a chi-square variable cut at within^2: its first two moments.
    cut = chi2.cdf(within**2, [dim, dim + 2, dim + 4])
    if cut[0] > 0:
        square, fourth = cut[1] / cut[0], (dim + 2) / dim * cut[2] / cut[0]
        half = 1.96 * math.sqrt((fourth - square**2) / max(1.0, n * share)) / (2 * math.sqrt(square))
        centre = math.sqrt(square)
        found["within_mode_spread"] = Perfect(centre, max(0.0, centre - half), centre + half)
    else:
        found["within_mode_spread"] = Perfect(math.nan, math.nan, math.nan)
    return tuple(found.items())


# The report ---------------------------------------------------------------------------------------------------

_TITLES = {
    "modes_covered": "modes covered",
    "high_quality_share": "high-quality share",
    "within_mode_spread": "within-mode spread",
    "reverse_kl": "reverse KL, nats",
    "forward_kl": "forward KL, nats",
    "jensen_shannon": "Jensen-Shannon, nats",
    "total_variation": "total variation",
}


@dataclass(frozen=True)
class ModeNumber:
    """One number with what bounds it at this sample size.

    `floor` and `ceiling` are the lowest and the highest value that make sense: for a divergence the floor is what
    a perfect generator scores on average, and the ceiling what a generator of the rarest mode alone scores; for
    coverage, quality and spread the ceiling is the perfect generator's. `perfect` holds its mean and 95 % range.
    """

    value: Float[Tensor, "*seeds"]
    floor: float
    ceiling: float
    perfect: Perfect

    @property
    def mean(self) -> float:
        return float(self.value.double().mean())

    @property
    def standard_error(self) -> float:
        """Of the mean over seeds; NaN for one seed."""
        count = self.value.numel()
        return float(self.value.double().std() / math.sqrt(count)) if count > 1 else math.nan


@dataclass(frozen=True)
class ModeReport:
    """What `mode_report` found; `str()` is a table, `sentence()` one line."""

    mixture: str
    modes: int
    n: int
    within: float
    numbers: dict[str, ModeNumber]

    def __getitem__(self, name: str) -> ModeNumber:
        return self.numbers[name]

    @property
    def seeds(self) -> int:
        return self.numbers["modes_covered"].value.numel()

    def sentence(self) -> str:
        """One line, such as `7 of 8 modes, 91 % within 3 sigma`, with means over seeds."""
        covered = self["modes_covered"].mean
        shown = f"{covered:.0f}" if self.seeds == 1 else f"{covered:.1f}"
        return (
            f"{shown} of {self.modes} modes, {100 * self['high_quality_share'].mean:.0f} % "
            f"within {self.within:g} sigma" + (f" (mean of {self.seeds} seeds)" if self.seeds > 1 else "")
        )

    def __str__(self) -> str:
        over = ", mean ± s.e." if self.seeds > 1 else ""
        lines = [
            f"{self.mixture}, {self.n} samples{over}: {self.sentence()}",
            f"{'':22}{'value':>18}{'floor':>11}{'ceiling':>11}   perfect generator, 95 %",
        ]
        for name, title in _TITLES.items():
            number = self.numbers[name]
            value = f"{number.mean:.4f}" + (f" ± {number.standard_error:.4f}" if self.seeds > 1 else "")
            lines.append(
                f"{title:22}{value:>18}{number.floor:11.4f}{number.ceiling:11.4f}"
                f"   {number.perfect.low:.4f} to {number.perfect.high:.4f}"
            )
        return "\n".join(lines)


def mode_report(samples: Float[Tensor, "*seeds n dim"], mixture: GaussianMixture, within: float = 3.0) -> ModeReport:
    """Every number of this file for the samples, each beside its floor and ceiling at this sample size.

    >>> from ganlab.data.mixtures import ring
    >>> print(mode_report(ring(8).sample(2500, 0), ring(8)).sentence())
    8 of 8 modes, 99 % within 3 sigma
    """
    nearest_mode(samples, mixture)  # complains about samples that do not fit, before anything is computed
    perfect = perfect_scores(samples.shape[-2], mixture, within)
    rarest = float(mixture.weights[mixture.weights > 0].min())
    n, modes = samples.shape[-2], mixture.modes
    # All n samples at the rarest mode: the most that each divergence can be.
    worst_forward = torch.full((modes,), 0.5, dtype=torch.float64)
    worst_forward[int(mixture.weights.argmin())] += n
    worst = {
        "reverse_kl": -math.log(rarest),
        "forward_kl": float(divergence(mixture.weights.double(), worst_forward / worst_forward.sum())),
        "jensen_shannon": 0.5 * math.log(2 / (1 + rarest))
        + 0.5 * ((1 - rarest) * math.log(2) + rarest * math.log(2 * rarest / (1 + rarest))),
        "total_variation": 1 - rarest,
    }
    values = {
        "modes_covered": modes_covered(samples, mixture, within),
        "high_quality_share": high_quality_share(samples, mixture, within),
        "within_mode_spread": within_mode_spread(samples, mixture, within),
        "reverse_kl": reverse_kl(samples, mixture, within),
        "forward_kl": forward_kl(samples, mixture, within),
        "jensen_shannon": jensen_shannon(samples, mixture, within),
        "total_variation": total_variation(samples, mixture, within),
    }
    numbers = {}
    for name, value in values.items():
        if name in worst:
            numbers[name] = ModeNumber(value, perfect[name].mean, worst[name], perfect[name])
        else:
            numbers[name] = ModeNumber(value, 0.0, perfect[name].mean, perfect[name])
    return ModeReport(mixture.name, modes, n, within, numbers)
