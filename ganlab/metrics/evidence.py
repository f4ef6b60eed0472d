"""From two sets of feature vectors to a verdict in words: the statistics behind `ganlab diagnose`.

Every statistic is taken twice on the same splits of the real data: reference against held-out real samples, and
reference against as many generated ones. Their difference in standard deviations over the splits (`z`), together with
how large it is, decides. The rules are the table `RULES` at the end of this file, read from the top.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.stats import binom, chi2
from torch import Tensor

from ganlab.metrics.arrays import check_pair, local_spacing, slow, squared_distances, waiting

LEAST_SAMPLES = 100
SPLITS = 20
MOST_SAMPLES = 2000


# The modes of the real data ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RealModes:
    """Groups found in the real data. `clear`: whether they are separate modes, or only regions of a continuum."""

    labels: Int[Tensor, " n"]
    centres: Float[Tensor, "modes features"]
    silhouette: float
    clear: bool

    @property
    def count(self) -> int:
        return len(self.centres)

    @property
    def noun(self) -> str:
        return "modes" if self.clear else "regions"


def find_modes(real: Float[Tensor, "n features"], clear_from: float = 0.5, most: int = 100) -> RealModes:
    """Ward's hierarchical clustering, cut where the mean silhouette is largest.

    Silhouettes of at least `clear_from` mean clear modes. Below that the data have none that stand apart, and 16
    regions (or fewer) serve as bins. Groups have at least 1 % of the samples and 5 of them.
    """
    distance = squared_distances(real, real).sqrt().cpu().numpy()
    tree = linkage(real.cpu().numpy(), "ward")
    n = len(real)
    found: dict[int, tuple[float, np.ndarray]] = {}
    for count in range(2, min(most, n // 10) + 1):
        labels = fcluster(tree, count, "maxclust") - 1
        if np.bincount(labels).min() < max(5, n // 100):
            if count > 16:
                break
            continue
        found[count] = (_silhouette(distance, labels), labels)
    if not found:
        return RealModes(torch.zeros(n, dtype=torch.int64), real.mean(0, keepdim=True), 0.0, False)
    best = max(found, key=lambda count: found[count][0])
    clear = found[best][0] >= clear_from
    if not clear:
        best = max((count for count in found if count <= 16), default=best)
    silhouette, labels = found[best]
    labels = torch.from_numpy(labels.astype(np.int64))
    order = labels.bincount().argsort(descending=True)
    labels = order.argsort()[labels]
    centres = torch.stack([real[labels == k].mean(0) for k in range(best)])
    return RealModes(labels.to(real.device), centres, silhouette, clear)


def _silhouette(distance: np.ndarray, labels: np.ndarray) -> float:
    """The mean over samples of (b - a) / max(a, b): a to the own group's others, b to the nearest other group."""
    rows = np.arange(len(labels))
    member = np.eye(labels.max() + 1)[labels]
    sums, sizes = distance @ member, member.sum(0)
    own = sums[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    other = means.min(1)
    return float(np.mean((other - own) / np.maximum(np.maximum(own, other), 1e-300)))


# The statistics ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Within:
    """The distances among one set of samples; its neighbours are sorted once for every statistic that asks."""

    distance: Float[Tensor, "n n"]

    @cached_property
    def neighbours(self) -> Float[Tensor, "n k"]:
        """Distances to the 30 nearest others, in order; column 0 is the sample itself."""
        return self.distance.topk(min(31, len(self.distance)), dim=1, largest=False).values

    def radii(self, k: int) -> Float[Tensor, " n"]:
        """The distance to the k-th nearest other sample."""
        return self.neighbours[:, min(k, self.neighbours.shape[1] - 1)]

    @cached_property
    def mean(self) -> float:
        """Over pairs of different samples."""
        return float(self.distance.sum() / (len(self.distance) * (len(self.distance) - 1)))


class Placed(NamedTuple):
    """Where samples lie: mode, squared deviation within it, margin to the next, distance from the data's middle."""

    mode: Int[Tensor, " n"]
    deviation: Float[Tensor, " n"]
    margin: Float[Tensor, " n"]
    middle: Float[Tensor, " n"]

    def at(self, rows: Tensor) -> Placed:
        return Placed(*(values[rows] for values in self))


@dataclass(frozen=True)
class Split:
    """One comparison: reference samples (rows `a`) against samples `x`, by their distances and places."""

    aa: Within
    ax: Float[Tensor, "a x"]
    xx: Within
    a: Placed
    x: Placed
    modes: int

    @cached_property
    def counts(self) -> tuple[Tensor, Tensor]:
        """Of `a` and of `x` in each mode."""
        return tuple(part.mode.bincount(minlength=self.modes) for part in (self.a, self.x))

    @cached_property
    def shares(self) -> tuple[Tensor, Tensor]:
        """The same over all of `a` and of `x`."""
        return tuple(counts.double() / counts.sum() for counts in self.counts)


def missing_modes(split: Split) -> Tensor:
    """Whether each mode is missing: under a fifth of its due samples, and that not by chance (p < .001 / modes)."""
    share, found, n = split.shares[0], split.counts[1], len(split.x.mode)
    chance = torch.from_numpy(np.asarray(binom.cdf(found.cpu().numpy(), n, share.cpu().numpy())))
    return (found < 0.2 * share * n) & (chance.to(share) < 1e-3 / split.modes)


def missing_mass(split: Split) -> float:
    return float(split.shares[0][missing_modes(split)].sum())


def mode_variation(split: Split) -> float:
    """Total variation between the proportions over modes."""
    p, q = split.shares
    return float((p - q).abs().sum() / 2)


def spread(split: Split) -> float:
    """The standard deviation of `x` within modes over that of the reference, pooled over the modes `x` fills."""
    total_x = total_a = 0.0
    for k in range(split.modes):
        mine, theirs = (part.deviation[part.mode == k] for part in (split.x, split.a))
        if len(mine) >= 5 and len(theirs) >= 2:
            total_x += float(mine.sum())
            total_a += float(theirs.mean()) * len(mine)
    return math.sqrt(total_x / total_a) if total_a > 0 else math.nan


def repeats(split: Split, nearer: float = 0.2) -> float:
    """The share of `x` with another `x` much nearer than real samples lie to each other in that place."""
    place = local_spacing(split.aa.radii(1))[split.ax.min(0).indices]
    return float((split.xx.radii(1) <= nearer * place).double().mean())


def copies(split: Split, nearer: float = 0.2) -> float:
    """The share of `x` much nearer to a reference sample than that one's own nearest neighbour is."""
    distance, index = split.ax.min(0)
    return float((distance <= nearer * local_spacing(split.aa.radii(1))[index]).double().mean())


def precision(split: Split) -> float:
    return float((split.ax < split.aa.radii(5)[:, None]).any(0).double().mean())


def recall(split: Split) -> float:
    return float((split.ax < split.xx.radii(5)).any(1).double().mean())


def density(split: Split) -> float:
    return float((split.ax < split.aa.radii(5)[:, None]).sum(0).double().mean() / 5)


def coverage(split: Split) -> float:
    return float((split.ax.min(1).values < split.aa.radii(5)).double().mean())


def far(split: Split) -> float:
    """The share of `x` farther from the reference than 99 % of its samples are from one another."""
    limit = split.aa.radii(1).quantile(0.99)
    return float((split.ax.min(0).values > limit).double().mean())


def holes(split: Split, k: int = 30) -> float:
    """The share of reference samples around which `x` is missing: under a fifth of what is due in their k-NN ball."""
    k = min(k, len(split.ax) - 1)
    inside = (split.ax < split.aa.radii(k)[:, None]).sum(1)
    due = k * split.ax.shape[1] / len(split.ax)
    return float((inside < 0.2 * due).double().mean())


def between(split: Split) -> float:
    """The share of `x` less clearly of one mode than 95 % of the reference samples are (see `_margin`)."""
    return float((split.x.margin < split.a.margin.quantile(0.05)).double().mean())


def interior(split: Split) -> float:
    """The share of `x` nearer to the mean of the real data than 98 % of the reference: blends of samples lie there."""
    return float((split.x.middle < split.a.middle.quantile(0.02)).double().mean())


def energy(split: Split) -> float:
    """The energy distance 2 E|a - x| - E|a - a'| - E|x - x'| (Székely and Rizzo), unbiased: 0 for one distribution."""
    return 2 * float(split.ax.mean()) - split.aa.mean - split.xx.mean


STATISTICS: dict[str, tuple[Callable[[Split], float], str]] = {
    "missing": (missing_mass, "share of the real data in missing modes"),
    "variation": (mode_variation, "total variation of the proportions over modes"),
    "spread": (spread, "spread within modes, over the real one"),
    "repeats": (repeats, "share of samples that nearly repeat another"),
    "copies": (copies, "share of samples that nearly copy a real one"),
    "precision": (precision, "precision (k = 5)"),
    "recall": (recall, "recall (k = 5)"),
    "density": (density, "density (k = 5)"),
    "coverage": (coverage, "coverage (k = 5)"),
    "far": (far, "share of samples far from all real ones"),
    "holes": (holes, "share of real samples with hardly a generated one around"),
    "between": (between, "share of samples between modes"),
    "interior": (interior, "share of samples near the mean of all data"),
    "energy": (energy, "energy distance"),
}


@dataclass(frozen=True)
class Row:
    """One statistic: its mean over splits for generated and for held-out real samples, and how far apart they are.

    `each`: the generated value in each split. `z`: the difference in standard deviations of the real row over splits.
    Splits share samples, so z is a scale of surprise, calibrated on oracle samplers, and no exact significance level.
    """

    name: str
    title: str
    generated: float
    real: float
    real_deviation: float
    each: tuple[float, ...] = ()

    @property
    def z(self) -> float:
        difference = self.generated - self.real
        return difference / max(self.real_deviation, 1e-3)

    @property
    def difference(self) -> float:
        return self.generated - self.real


@dataclass(frozen=True)
class Evidence:
    """Everything that the verdict is decided from."""

    rows: dict[str, Row]
    modes: RealModes
    missing: list[int]
    real_shares: Float[Tensor, " modes"]
    generated_shares: Float[Tensor, " modes"]
    mode_p_value: float
    n_real: int
    n_generated: int
    compared: int

    def __getitem__(self, name: str) -> Row:
        return self.rows[name]

    @property
    def lost(self) -> float:
        """The share of the real data that is lost: in missing modes, or in places without generated samples."""
        holes = self["holes"]
        return max(self["missing"].generated, holes.difference if holes.z >= 8 else 0.0)

    @property
    def smallest_visible(self) -> float:
        """The share of the data that a mode must have for its absence to show in this many samples."""
        return min(1.0, -math.log(1e-3 / self.modes.count) / self.compared)

    def of_split(self, i: int) -> Evidence:
        """The same evidence with the generated values of split i alone."""
        rows = {name: replace(row, generated=row.each[i]) for name, row in self.rows.items() if name != "copies"}
        return replace(self, rows={**rows, "copies": self["copies"]})


def gather(
    real: Float[Tensor, "n features"],
    generated: Float[Tensor, "m features"],
    splits: int = SPLITS,
    most: int = MOST_SAMPLES,
    seed: int = 0,
) -> Evidence:
    """All statistics, on `splits` random halvings of at most `most` real samples.

    Raises:
        GanlabError: fewer than 20 samples on a side, unequal widths, values that are not finite.
    """
    real, generated = check_pair(real, generated, least=20)
    n_real, n_generated = len(real), len(generated)
    rng = torch.Generator().manual_seed(seed)
    real, generated = (x[torch.randperm(len(x), generator=rng)[:most].to(x.device)].double() for x in (real, generated))
    with waiting("looking for modes in the real data"):
        modes = find_modes(real)
    # By nearest centre on both sides: the tree's own labels would favour the real samples.
    r, g = (_placed(x, modes, real.mean(0)) for x in (real, generated))
    rr, rg, gg = (squared_distances(a, b).sqrt() for a, b in ((real, real), (real, generated), (generated, generated)))
    rr.fill_diagonal_(0.0)
    gg.fill_diagonal_(0.0)
    size = min(len(real) // 2, len(generated))
    values: dict[str, list[tuple[float, float]]] = {name: [] for name in STATISTICS}
    for _ in slow(range(splits), "comparing with splits of the real data"):
        order = torch.randperm(len(real), generator=rng).to(real.device)
        held, ref = order[:size], order[size:]
        fake = torch.randperm(len(generated), generator=rng)[:size].to(real.device)
        aa = Within(rr[ref][:, ref])
        ours = Split(aa, rg[ref][:, fake], Within(gg[fake][:, fake]), r.at(ref), g.at(fake), modes.count)
        null = Split(aa, rr[ref][:, held], Within(rr[held][:, held]), r.at(ref), r.at(held), modes.count)
        for name, (statistic, _) in STATISTICS.items():
            values[name].append((statistic(ours), statistic(null)))
    rows = {}
    for name, pairs in values.items():
        ours, null = np.array(pairs).T
        mean, real_mean, deviation = float(ours.mean()), float(null.mean()), float(null.std(ddof=1))
        rows[name] = Row(name, STATISTICS[name][1], mean, real_mean, deviation, tuple(ours.tolist()))
    # A copy of any real sample counts, also of one that a split put aside.
    everything = Split(Within(rr), rg, Within(gg), r, g, modes.count)
    row = rows["copies"]
    rows["copies"] = replace(row, generated=max(copies(everything), row.generated))
    return Evidence(
        rows,
        modes,
        missing_modes(everything).nonzero().flatten().tolist(),
        *everything.shares,
        _two_sample_p_value(*(counts.double() for counts in everything.counts)),
        n_real,
        n_generated,
        size,
    )


def _placed(x: Tensor, modes: RealModes, middle: Tensor) -> Placed:
    mode, margin = _place(x, modes.centres)
    return Placed(mode, _squared_deviation(x, mode, modes.count), margin, (x - middle).norm(dim=1))


def _place(x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest mode of each sample, and by how much: 1 - (distance to it) / (distance to the next)."""
    distance = squared_distances(x, centres).sqrt()
    if len(centres) == 1:
        return torch.zeros_like(x[:, 0], dtype=torch.int64), torch.ones_like(x[:, 0])
    two = distance.topk(2, dim=1, largest=False)
    return two.indices[:, 0], 1 - two.values[:, 0] / two.values[:, 1].clamp(min=1e-300)


def _squared_deviation(x: Tensor, mode: Tensor, modes: int) -> Tensor:
    """Squared distance of each sample to the mean of its own set in its mode, with the n / (n - 1) correction."""
    result = torch.zeros(len(x), dtype=x.dtype, device=x.device)
    for k in range(modes):
        rows = mode == k
        count = int(rows.sum())
        if count > 1:
            result[rows] = (x[rows] - x[rows].mean(0)).square().sum(1) * count / (count - 1)
    return result


def _two_sample_p_value(a: Tensor, b: Tensor) -> float:
    """Of the chi-square test that both rows of counts come from one distribution."""
    keep = (a + b) > 0
    a, b = a[keep], b[keep]
    scale = (b.sum() / a.sum()).sqrt()
    statistic = ((scale * a - b / scale).square() / (a + b)).sum()
    return float(chi2.sf(float(statistic), max(1, len(a) - 1)))


# The rules -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """One line of the table: a verdict, when it is reached, what is said about it, and where to read on."""

    verdict: str
    holds: Callable[[Evidence], bool]
    because: Callable[[Evidence], str]
    advice: str
    chapter: str


def _percent(x: float) -> str:
    return f"{100 * x:.0f} %"


def _above(e: Evidence, name: str, by: float, z: float = 8.0) -> bool:
    return e[name].difference >= by and e[name].z >= z


def _lost_words(e: Evidence) -> str:
    lost = f"{_percent(e.lost)} of the real data have hardly any generated sample near them"
    if e.missing:
        lost += f"; {len(e.missing)} of {e.modes.count} {e.modes.noun} get under a fifth of their share"
    return lost + f" (recall {e['recall'].generated:.2f}, real against real {e['recall'].real:.2f})"


def _quality_words(e: Evidence) -> str:
    said = []
    for name, text in (
        ("far", "are farther from all real ones than 99 % of real ones are"),
        ("between", "lie between modes (real: {real})"),
        ("interior", "are blends near the middle of the data (real: {real})"),
    ):
        if _above(e, name, 0.05):
            said.append(f"{_percent(e[name].generated)} of the samples " + text.format(real=_percent(e[name].real)))
    return "; ".join(said)


# Read from the top: the first that holds is the verdict, the others that hold are reported as well. The numbers
# were set on oracle samplers over a ring, a grid and the 8 x 8 digits, and tested on other draws and other mixtures
# (bench/metrics_diagnose_confusion.py).
RULES: tuple[Rule, ...] = (
    Rule(
        "collapse",
        lambda e: e.lost >= 0.5 and _above(e, "variation", 0.3),
        _lost_words,
        "Pack samples or seek modes (PacGAN, MSGAN), match distributions (MMGAN) or tie the generator to the data "
        "with an encoder (MDGAN). First look whether the discriminator won: its losses and learning rate.",
        "03 Collapse on demand, then 04 MDGAN and 05 MSGAN",
    ),
    Rule(
        "memorisation",
        lambda e: _above(e, "copies", 0.2),
        lambda e: (
            f"{_percent(e['copies'].generated)} of the samples are nearer to a real sample than a fifth of the "
            f"distance between real neighbours (real against real: {_percent(e['copies'].real)})"
        ),
        "More data or augmentation, a smaller generator, or stop earlier; test with real data that were held out.",
        "02 Measuring collapse, the memorisation tests",
    ),
    Rule(
        "within-mode collapse",
        lambda e: (e["spread"].difference <= -0.2 and e["spread"].z <= -5) or _above(e, "repeats", 0.25),
        lambda e: (
            f"within {e.modes.noun} the samples spread {e['spread'].generated:.2f} times as much as real ones "
            f"do, and {_percent(e['repeats'].generated)} nearly repeat another (real: {_percent(e['repeats'].real)})"
        ),
        "Reward distance between samples of different latents (MSGAN), match second moments (MMGAN), or add noise "
        "or a latent of more dimensions.",
        "05 MSGAN and 06 MMGAN",
    ),
    Rule(
        "low quality",
        lambda e: any(_above(e, name, 0.05) for name in ("far", "between", "interior")),
        _quality_words,
        "Train longer, lower the learning rates, give the discriminator more capacity or more steps; for bridges "
        "between modes use several generators or a discrete latent (NEMGAN).",
        "03 Collapse on demand, then 07 NEMGAN and 08 RPGAN",
    ),
    Rule(
        "partial collapse",
        # Most of what is displaced must be what is lost: otherwise it is reweighting with a mode run low.
        lambda e: e.lost >= max(0.02, 0.5 * e["variation"].difference),
        _lost_words,
        "Tie the generator to every real sample with an encoder (MDGAN), seek modes (MSGAN), or use several "
        "discriminators (RPGAN). Look at the least covered samples below: what do they have in common?",
        "04 MDGAN, 05 MSGAN and 08 RPGAN",
    ),
    Rule(
        "reweighting",
        lambda e: e.mode_p_value < 1e-4 and e["variation"].difference >= 0.02,
        lambda e: (
            f"all {e.modes.count} {e.modes.noun} are there in other proportions: total variation "
            f"{e['variation'].generated:.2f}, real against real {e['variation'].real:.2f}, p = {e.mode_p_value:.0e}"
        ),
        "Learn the proportions of the latent's modes (NEMGAN), or match moments over whole batches (MMGAN).",
        "07 NEMGAN and 06 MMGAN",
    ),
    Rule(
        "another distribution",
        lambda e: e["energy"].z >= 10,
        lambda e: (
            f"the energy distance is {e['energy'].generated:.3g}, real against real {e['energy'].real:.3g}, but "
            "no single fault explains it"
        ),
        "Compare brightness, contrast, crop and scale of both sets: preprocessing that differs looks like this.",
        "02 Measuring collapse",
    ),
)

NOTHING_FOUND, TOO_FEW = "nothing found", "too few samples to tell"


@dataclass(frozen=True)
class Verdict:
    """What the rules say. `agreement`: in how many of the splits the same rule comes first when judged alone."""

    name: str
    because: str
    also: tuple[tuple[str, str], ...]
    advice: str
    chapter: str
    agreement: int
    splits: int


def _first(e: Evidence) -> str:
    found = next((rule.verdict for rule in RULES if rule.holds(e)), NOTHING_FOUND)
    return TOO_FEW if found == NOTHING_FOUND and _cannot_see(e) else found


def _cannot_see(e: Evidence) -> bool:
    """Whether even a mode of middling size could be missing unseen."""
    return min(e.n_real, e.n_generated) < LEAST_SAMPLES or e.smallest_visible > float(e.real_shares.median())


def decide(e: Evidence) -> Verdict:
    """The first rule that holds, and the others that hold as well; else nothing found, or too few samples to tell.

    A fault that shows is reported however few the samples; only its absence needs enough of them.
    """
    name = _first(e)
    splits = len(e["energy"].each)
    agreement = sum(_first(e.of_split(i)) == name for i in range(splits))
    holding = [rule for rule in RULES if rule.holds(e)]
    if holding:
        main, *others = holding
        # Whatever collapsed has lost modes, other proportions and another distribution too: not news.
        implied = {"another distribution", "reweighting"}
        if main.verdict == "collapse":
            implied.add("partial collapse")
        if main.verdict == "memorisation" and e["spread"].difference > -0.2:
            implied.add("within-mode collapse")  # copies of few samples repeat one another
        if main.verdict == "within-mode collapse" and not (_above(e, "far", 0.05) or _above(e, "between", 0.05)):
            implied.add("low quality")  # drawn together, they are nearer to the middle of everything
        also = tuple((rule.verdict, rule.because(e)) for rule in others if rule.verdict not in implied)
        return Verdict(name, main.because(e), also, main.advice, main.chapter, agreement, splits)
    visible = f"a part of the data smaller than {100 * e.smallest_visible:.1f} % could be missing unnoticed"
    if name == TOO_FEW:
        because = f"with {e.compared} samples in each comparison {visible}, which is more than a typical mode"
        advice = f"Draw more samples (at least {LEAST_SAMPLES}, better 2,000) and give more real ones."
        return Verdict(name, because, (), advice, "02 Measuring collapse", agreement, splits)
    because = (
        f"every statistic lies where held-out real samples lie; with {e.compared} samples in each comparison {visible}"
    )
    advice = "Repeat with more samples and another feature network before you believe it."
    return Verdict(name, because, (), advice, "02 Measuring collapse", agreement, splits)
