"""Chapter 02, measuring collapse: the metrics, written from scratch for samples of one generator.

The same numbers for any mixture and many seeds at once, with floors and ceilings, are in `ganlab.metrics`.
"""

import functools
import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, Question

# -------------------------------------------------------------------------- samples, centres and sigma


def modes_covered(samples: Float[Tensor, "n dim"], centres: Float[Tensor, "modes dim"], sigma: float) -> int:
    """How many modes have at least one sample within 3 sigma of their centre."""
    distance = torch.cdist(samples, centres)
    return int((distance <= 3 * sigma).any(dim=0).sum())


def high_quality_share(samples: Float[Tensor, "n dim"], centres: Float[Tensor, "modes dim"], sigma: float) -> float:
    """The share of samples that lie within 3 sigma of some centre, 0 to 1."""
    nearest = torch.cdist(samples, centres).min(dim=1).values
    return (nearest <= 3 * sigma).float().mean().item()


def within_mode_spread(samples: Float[Tensor, "n dim"], centres: Float[Tensor, "modes dim"], sigma: float) -> float:
    """The standard deviation of samples about the mean of their own mode, over sigma.

    Only samples within 3 sigma of their nearest centre count. With SS the sum of their squared distances from the
    mean of their mode, n their number and m the number of modes that have any,

        spread = sqrt(SS / (dim (n - m))) / sigma.

    0 when every mode has collapsed to a point, wherever the point lies. A perfect generator has .974 in the plane,
    not 1, since the tails beyond 3 sigma are cut off.
    """
    distance, mode = torch.cdist(samples, centres).min(dim=1)
    squares, degrees = 0.0, 0
    for k in range(len(centres)):
        own = samples[(mode == k) & (distance <= 3 * sigma)]
        if len(own):
            squares += float((own - own.mean(dim=0)).square().sum())
            degrees += samples.shape[1] * (len(own) - 1)
    return math.sqrt(squares / degrees) / sigma


def _ring(modes: int = 8, radius: float = 1.0) -> Tensor:
    angles = 2 * math.pi * torch.arange(modes) / modes
    return radius * torch.stack([angles.cos(), angles.sin()], dim=-1)


def _around(centres: Tensor, counts: list[int], spread: float) -> Tensor:
    """counts[k] samples about each centre, in random order."""
    mode = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    samples = centres[mode] + spread * torch.randn(len(mode), centres.shape[1])
    return samples[torch.randperm(len(samples))]


def _sample_cases() -> list[Case]:
    ring, sigma = _ring(), 0.05
    line = torch.arange(4.0).unsqueeze(1) * 10
    far = torch.tensor([[0.5, 0.5], [3.0, 0.0], [-3.0, 1.0], [0.0, 0.0]])
    far = torch.cat([far, ring[2:3] + torch.tensor([5 * sigma, 0.0])])  # near, but not near enough
    good = _around(ring, [30] * 8, sigma)
    near_and_far = torch.cat([_around(ring, [40, 25, 0, 10, 0, 0, 5, 0], sigma), far])
    # 2.5 sigma along both axes: inside 3 sigma by each coordinate, outside by distance.
    corner = ring[:3] + 2.5 * sigma
    return [
        Case("30 samples at each of 8 modes", (good, ring, sigma)),
        Case("4 of 8 modes, and strays", (near_and_far, ring, sigma)),
        Case(
            "samples 2.5 sigma off along both axes",
            (torch.cat([_around(ring, [20, 10], sigma), corner]), ring, sigma),
        ),
        Case("4 modes on a line, sigma 2", (_around(line, [9, 0, 20, 3], 1.5), line, 2.0)),
        Case("samples shrunk to a tenth of sigma", (_around(ring, [20] * 8, 0.1 * sigma), ring, sigma)),
    ]


def _by_coordinate(samples: Tensor, centres: Tensor, sigma: float) -> Tensor:
    return (samples.unsqueeze(1) - centres).abs().amax(-1) <= 3 * sigma


def _one_sigma(samples: Tensor, centres: Tensor, sigma: float) -> Tensor:
    return torch.cdist(samples, centres) <= sigma


def _squared(samples: Tensor, centres: Tensor, sigma: float) -> Tensor:
    return torch.cdist(samples, centres).square() <= 3 * sigma


_COORDINATES = (
    "it looks at each coordinate by itself, so its region is a square; the distance to the centre counts, and the "
    "region is a disc."
)
_SQUARED = "it compares squared distances with 3 sigma; compare the distance, or the square with 9 sigma²."


def _check_modes_covered(answer):
    ring = _ring()
    close = _ring(8, 0.1)
    same_function(
        answer,
        modes_covered,
        [
            *_sample_cases(),
            Case("modes so close that they overlap", (_around(close, [3] * 8, 0.02), close, 0.05)),
            Case("strays only", (torch.full((5, 2), 9.0), ring, 0.05), "empty", "no good sample means no mode."),
            Case("a single sample", (ring[3:4] + 0.01, ring, 0.05)),
        ],
        misconceptions=[
            Misconception(
                "nearest-only",
                lambda samples, centres, sigma: len(torch.cdist(samples, centres).argmin(1).unique()),
                "it counts a mode as soon as it is some sample's nearest, however far that sample is.",
            ),
            Misconception(
                "samples",
                lambda samples, centres, sigma: int((torch.cdist(samples, centres) <= 3 * sigma).sum()),
                "it counts good samples; ten samples at one mode are one mode.",
            ),
            Misconception(
                "all",
                lambda samples, centres, sigma: int((torch.cdist(samples, centres) <= 3 * sigma).all(0).sum()),
                "it asks that all samples are at the mode; one is enough.",
            ),
            Misconception(
                "axis",
                lambda samples, centres, sigma: int((torch.cdist(samples, centres) <= 3 * sigma).any(1).sum()),
                "the axes are swapped: it counts samples that have a mode, not modes that have a sample.",
            ),
            Misconception(
                "one-sigma",
                lambda samples, centres, sigma: int(_one_sigma(samples, centres, sigma).any(0).sum()),
                "it allows one sigma; three are meant. In the plane only 39 % of true samples lie within one.",
            ),
            Misconception(
                "coordinates",
                lambda samples, centres, sigma: int(_by_coordinate(samples, centres, sigma).any(0).sum()),
                _COORDINATES,
            ),
            Misconception(
                "squared",
                lambda samples, centres, sigma: int(_squared(samples, centres, sigma).any(0).sum()),
                _SQUARED,
            ),
        ],
    )


def _check_high_quality_share(answer):
    ring = _ring()
    close = _ring(8, 0.1)
    same_function(
        answer,
        high_quality_share,
        [
            *_sample_cases(),
            Case("strays only", (torch.full((5, 2), 9.0), ring, 0.05)),
            Case("modes so close that they overlap", (_around(close, [10] * 8, 0.05), close, 0.05)),
        ],
        misconceptions=[
            Misconception(
                "percent",
                lambda samples, centres, sigma: 100 * high_quality_share(samples, centres, sigma),
                "it is in percent; a share lies between 0 and 1.",
            ),
            Misconception(
                "count",
                lambda samples, centres, sigma: len(samples) * high_quality_share(samples, centres, sigma),
                "it is a number of samples; divide by how many there are.",
            ),
            Misconception(
                "all-pairs",
                lambda samples, centres, sigma: (torch.cdist(samples, centres) <= 3 * sigma).float().mean().item(),
                "it averages over all pairs of sample and mode; a sample is good when it is near one mode.",
            ),
            Misconception(
                "twice",
                lambda samples, centres, sigma: (
                    (torch.cdist(samples, centres) <= 3 * sigma).float().sum().item() / len(samples)
                ),
                "a sample near two modes counts twice.",
            ),
            Misconception(
                "complement",
                lambda samples, centres, sigma: 1 - high_quality_share(samples, centres, sigma),
                "it is the share of bad samples.",
            ),
            Misconception(
                "modes",
                lambda samples, centres, sigma: modes_covered(samples, centres, sigma) / len(centres),
                "it is the share of modes covered; the share of samples is wanted.",
            ),
            Misconception(
                "one-sigma",
                lambda samples, centres, sigma: _one_sigma(samples, centres, sigma).any(1).float().mean().item(),
                "it allows one sigma; three are meant.",
            ),
            Misconception(
                "coordinates",
                lambda samples, centres, sigma: _by_coordinate(samples, centres, sigma).any(1).float().mean().item(),
                _COORDINATES,
            ),
            Misconception(
                "squared",
                lambda samples, centres, sigma: _squared(samples, centres, sigma).any(1).float().mean().item(),
                _SQUARED,
            ),
        ],
    )


def _spread(samples, centres, sigma, *, about="mean", bias=0, cut=3.0, divide=True, by_mode=False):
    """The spread with one thing done otherwise, for the misconceptions."""
    distance, mode = torch.cdist(samples, centres).min(dim=1)
    kept = distance <= cut * sigma
    dim = samples.shape[1] if divide else 1
    squares, degrees, each = 0.0, 0, []
    for k in range(len(centres)):
        own = samples[(mode == k) & kept]
        if len(own) > 1:
            middle = own.mean(0) if about == "mean" else centres[k]
            own_squares = float((own - middle).square().sum())
            squares, degrees = squares + own_squares, degrees + dim * (len(own) - bias)
            each.append(math.sqrt(own_squares / (dim * (len(own) - bias))) / sigma)
    if by_mode:
        return sum(each) / len(each)
    return math.sqrt(squares / degrees) / sigma


def _check_within_mode_spread(answer):
    ring = _ring()
    collapsed = ring[torch.arange(8).repeat(5)] + torch.tensor([0.06, 0.02])
    same_function(
        answer,
        within_mode_spread,
        [
            *_sample_cases(),
            Case("every mode collapsed to one misplaced point", (collapsed, ring, 0.05)),
            Case("two samples at one mode", (ring[:1] + torch.tensor([[0.01, 0.0], [-0.01, 0.02]]), ring, 0.05)),
        ],
        misconceptions=[
            Misconception(
                "not-divided",
                lambda samples, centres, sigma: within_mode_spread(samples, centres, sigma) * sigma,
                "it is not divided by sigma, so its size depends on the data.",
            ),
            Misconception(
                "variance",
                lambda samples, centres, sigma: within_mode_spread(samples, centres, sigma) ** 2,
                "it is a variance; take the square root.",
            ),
            Misconception(
                "about-centre",
                lambda samples, centres, sigma: _spread(samples, centres, sigma, about="centre", bias=1),
                "it measures from the mode's true centre. A mode collapsed to one misplaced point would then seem "
                "spread out: measure from the mean of the mode's own samples.",
            ),
            Misconception(
                "about-centre",
                lambda samples, centres, sigma: _spread(samples, centres, sigma, about="centre"),
                "it measures from the mode's true centre. A mode collapsed to one misplaced point would then seem "
                "spread out: measure from the mean of the mode's own samples.",
            ),
            Misconception(
                "degrees",
                lambda samples, centres, sigma: _spread(samples, centres, sigma),
                "it divides by n: the mean was computed from the same samples, so each mode has n - 1.",
            ),
            Misconception(
                "dimension",
                lambda samples, centres, sigma: _spread(samples, centres, sigma, bias=1, divide=False),
                "the squared distances add up all dimensions: divide by their number.",
            ),
            Misconception(
                "strays",
                lambda samples, centres, sigma: _spread(samples, centres, sigma, bias=1, cut=math.inf),
                "samples beyond 3 sigma are in it; they belong to no mode.",
            ),
            Misconception(
                "mean-of-modes",
                lambda samples, centres, sigma: _spread(samples, centres, sigma, bias=1, by_mode=True),
                "it averages the modes' standard deviations; a mode with three samples then weighs as much as one "
                "with a thousand. Add up squares first.",
            ),
            Misconception(
                "all-in-one",
                lambda samples, centres, sigma: (
                    float((samples - samples.mean(0)).square().sum()) ** 0.5
                    / (samples.shape[1] * (len(samples) - 1)) ** 0.5
                    / sigma
                ),
                "it measures the spread of all samples together: that is the size of the ring, not of a mode.",
            ),
        ],
    )


# ------------------------------------------------------------------------------------------- counts


def reverse_kl(counts: Int[Tensor, " modes"], weights: Float[Tensor, " modes"]) -> float:
    """KL(generated || true) over modes, sum_k p_k log(p_k / w_k) with p = counts / sum(counts), in nats.

    A mode without a sample adds nothing, since p log p goes to 0.
    """
    p = counts / counts.sum()
    seen = p > 0
    return float((p[seen] * (p[seen] / weights[seen]).log()).sum())


def _entropy(p: Tensor) -> float:
    return float(-torch.special.xlogy(p, p).sum())


def _check_reverse_kl(answer):
    uneven = torch.tensor([0.4, 0.3, 0.2, 0.1])
    uniform = torch.full((8,), 1 / 8)

    def kl(p: Tensor, q: Tensor) -> float:
        return float((torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum())

    same_function(
        answer,
        reverse_kl,
        [
            Case(
                "counts [10, 40, 30, 20] and weights [.4, .3, .2, .1]",
                (torch.tensor([10, 40, 30, 20]), uneven),
            ),
            Case("counts in perfect proportion", (torch.tensor([40, 30, 20, 10]), uneven)),
            Case(
                "4 of 8 equal modes missing",
                (torch.tensor([5, 0, 5, 0, 5, 0, 5, 0]), uniform),
                "empty",
                "a missing mode must add 0, not nan: log(0) is infinite, and 0 times it is undefined.",
            ),
            Case("everything in one mode", (torch.tensor([0, 0, 77, 0]), uneven)),
            Case("random counts of 8 modes", (torch.randint(1, 50, (8,)), uniform)),
        ],
        misconceptions=[
            Misconception(
                "forward",
                lambda counts, weights: kl(weights, counts / counts.sum()),
                "this is the forward divergence, KL(true || generated): it becomes infinite when a mode is missing.",
            ),
            Misconception(
                "sign",
                lambda counts, weights: -reverse_kl(counts, weights),
                "its sign is turned: log(p / w), not log(w / p).",
            ),
            Misconception(
                "bits",
                lambda counts, weights: reverse_kl(counts, weights) / math.log(2),
                "it is in bits; take the natural log.",
            ),
            Misconception(
                "entropy",
                lambda counts, weights: _entropy(counts / counts.sum()),
                "this is the entropy of the counts, which is large when all is well.",
            ),
            Misconception(
                "uniform",
                lambda counts, weights: math.log(len(counts)) - _entropy(counts / counts.sum()),
                "it compares with equal weights; these modes have weights of their own.",
            ),
            Misconception(
                "not-normalised",
                lambda counts, weights: kl(counts.float(), weights),
                "the counts are not divided by their sum.",
            ),
            Misconception(
                "mean",
                lambda counts, weights: reverse_kl(counts, weights) / len(counts),
                "it is the mean over the modes; a divergence is a sum.",
            ),
            Misconception(
                "symmetric",
                lambda counts, weights: (kl(counts / counts.sum(), weights) + kl(weights, counts / counts.sum())) / 2,
                "it averages both directions; only the reverse one is wanted.",
            ),
        ],
    )


def two_proportion_z(k1: Int[Tensor, " bins"], n1: int, k2: Int[Tensor, " bins"], n2: int) -> Float[Tensor, " bins"]:
    """z for each bin: is the share k1 / n1 another one than k2 / n2?

        z = (p1 - p2) / sqrt(p (1 - p) (1/n1 + 1/n2)),   p = (k1 + k2) / (n1 + n2)

    0 where a bin is empty (or full) in both samples. |z| > 1.96 has a chance of 5 % when nothing differs.
    """
    pooled = (k1 + k2) / (n1 + n2)
    error = (pooled * (1 - pooled) * (1 / n1 + 1 / n2)).sqrt()
    difference = k1 / n1 - k2 / n2
    return torch.where(error > 0, difference / error.clamp(min=1e-12), 0.0)


def _check_two_proportion_z(answer):
    def unpooled(k1, n1, k2, n2, power=0.5, extra=0.0):
        p1, p2 = k1 / n1, k2 / n2
        return (p1 - p2) / (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2 + extra) ** power

    def average(k1, n1, k2, n2):
        p = (k1 / n1 + k2 / n2) / 2
        return (k1 / n1 - k2 / n2) / (p * (1 - p) * (1 / n1 + 1 / n2)).sqrt()

    same_function(
        answer,
        two_proportion_z,
        [
            Case(
                "k1 = [20, 50, 130] of 200 and k2 = [30, 50, 20] of 100",
                (torch.tensor([20, 50, 130]), 200, torch.tensor([30, 50, 20]), 100),
            ),
            Case("equal shares", (torch.tensor([20, 40]), 200, torch.tensor([10, 20]), 100)),
            Case("random bins", (torch.randint(1, 60, (10,)), 600, torch.randint(1, 40, (10,)), 400)),
            Case(
                "a bin that is empty in both samples",
                (torch.tensor([0, 30]), 60, torch.tensor([0, 40]), 90),
                "empty",
                "0 / 0: where neither sample has anything the difference is 0, and so should z be.",
            ),
            Case("a bin that is empty in one", (torch.tensor([0, 60]), 60, torch.tensor([7, 83]), 90)),
        ],
        misconceptions=[
            Misconception("sign", lambda *given: -two_proportion_z(*given), "its sign is turned: first minus second."),
            Misconception(
                "absolute",
                lambda *given: two_proportion_z(*given).abs(),
                "its sign is lost: which share is larger matters.",
            ),
            Misconception(
                "unpooled",
                unpooled,
                "it uses each sample's own variance. Under the hypothesis that both shares are equal there is one "
                "share, p = (k1 + k2) / (n1 + n2); and with an empty bin the other form divides by zero.",
            ),
            Misconception(
                "pooled-mean",
                average,
                "the pooled share is the mean of the two shares; with samples of unequal size it is "
                "(k1 + k2) / (n1 + n2).",
            ),
            Misconception(
                "no-root",
                lambda k1, n1, k2, n2: (
                    (k1 / n1 - k2 / n2) / ((k1 + k2) / (n1 + n2) * (1 - (k1 + k2) / (n1 + n2)) * (1 / n1 + 1 / n2))
                ),
                "it divides by the variance; divide by its root, the standard error.",
            ),
            Misconception(
                "one-n",
                lambda k1, n1, k2, n2: two_proportion_z(k1, n1, k2, n2) * ((1 / n1 + 1 / n2) * (n1 + n2)) ** 0.5,
                "the factor is 1/n1 + 1/n2, not 1/(n1 + n2).",
            ),
            Misconception(
                "squared",
                lambda *given: two_proportion_z(*given) ** 2,
                "this is z squared, the chi-square statistic.",
            ),
        ],
    )


# ---------------------------------------------------------------------------------------- the autopsy


def grid_proportions(points: Float[Tensor, "n 2"], cells: int) -> Float[Tensor, " cells*cells"]:
    """The share of the points in each cell of a `cells` x `cells` grid over the unit square, row by row.

    The cell of (x, y) has the number column + cells * row; a point on the right or the upper edge of the
    square belongs to the last column or row.
    """
    column, row = (points * cells).long().clamp(max=cells - 1).unbind(-1)
    return (column + cells * row).bincount(minlength=cells * cells) / len(points)


def _single_precision(function: Callable) -> Callable:
    """The same function with a float32 result: whether it is computed in 32 or 64 bits is not checked here."""

    @functools.wraps(function)
    def single(*arguments):
        result = function(*arguments)
        return result.float() if isinstance(result, Tensor) and result.is_floating_point() else result

    return single


def _check_grid_proportions(answer):
    def without_edge(points, cells):
        column, row = (points * cells).long().unbind(-1)
        return (column + cells * row).bincount(minlength=cells * cells)[: cells * cells] / len(points)

    edge = torch.rand(50, 2)
    edge[:10, 0] = 1.0
    edge[:10, 1] *= 0.7  # a row higher, and the misplaced point would leave the table: a wrong shape
    same_function(
        _single_precision(answer),
        _single_precision(grid_proportions),
        [
            Case("200 points, 3 x 3 cells", (torch.rand(200, 2), 3)),
            Case("450 points, 30 x 30 cells", (torch.rand(450, 2), 30)),
            Case("two points in opposite corners", (torch.tensor([[0.05, 0.1], [0.9, 0.95]]), 2)),
            Case("points of which ten lie on the right edge", (edge, 4)),
            Case("a point in the corner (1, 1)", (torch.tensor([[1.0, 1.0], [0.2, 0.3]]), 3)),
            Case(
                "points that leave the last cells empty, 4 x 4 cells", (torch.rand(60, 2) * torch.tensor([1.0, 0.5]), 4)
            ),
        ],
        misconceptions=[
            Misconception(
                "edge",
                without_edge,
                "a point on the right edge, x = 1, falls into the first column of the next row. The last column "
                "includes its end: clamp.",
            ),
            Misconception(
                "counts",
                lambda points, cells: grid_proportions(points, cells) * len(points),
                "it gives counts. Proportions sum to 1: divide by the number of points.",
            ),
            Misconception(
                "density",
                lambda points, cells: grid_proportions(points, cells) * cells**2,
                "it divides by the area of a cell too. Asked are proportions, which sum to 1.",
            ),
            Misconception(
                "repeats",
                lambda points, cells: (grid_proportions(points, cells) > 0).float() / len(points),
                "points that share a cell are added only once: share[cell] += 1 / n does that with repeated "
                "indices. Use bincount.",
            ),
            Misconception(
                "transposed",
                lambda points, cells: grid_proportions(points.flip(-1), cells),
                "columns and rows are exchanged: x gives the column, and the number is column + cells * row.",
            ),
            Misconception(
                "rounded",
                lambda points, cells: grid_proportions((points * cells).round() / cells, cells),
                "it rounds to the nearest corner. A cell begins at its lower left corner: cut the digits off, .long().",
            ),
        ],
    )


# ----------------------------------------------------------------------------- samples among real samples


def coverage(real: Float[Tensor, "n dim"], generated: Float[Tensor, "m dim"], nearest_k: int = 5) -> float:
    """The share of real samples with a generated one nearer than their k-th nearest other real sample."""
    neighbours = torch.cdist(real, real).topk(nearest_k + 1, largest=False).values
    radius = neighbours[:, nearest_k]  # place 0 is the sample itself, at distance 0
    closest = torch.cdist(real, generated).min(dim=1).values
    return (closest < radius).float().mean().item()


def _radius(x: Tensor, place: int) -> Tensor:
    return torch.cdist(x, x).topk(place + 1, largest=False).values[:, place]


def _check_coverage(answer):
    # float64, since float32 distances from cdist are rounded differently from those of a plain subtraction.
    blob, other = torch.randn(40, 3).double(), 0.8 * torch.randn(60, 3).double() + 0.3
    ring = _ring()
    real, fake = (
        _around(ring, [20] * 8, 0.05).double(),
        _around(ring, [20, 30, 0, 9, 0, 9, 9, 0], 0.05).double(),
    )
    same_function(
        answer,
        coverage,
        [
            Case("40 real and 60 generated samples in three dimensions, k = 3", (blob, other, 3)),
            Case("160 real samples and 77 generated ones", (real, fake)),
            Case("a generator that makes one point", (real, real[:1].expand(20, 2) + 1e-4)),
        ],
        misconceptions=[
            Misconception(
                "self",
                lambda real, generated, nearest_k=5: (
                    (torch.cdist(real, generated).amin(1) < _radius(real, nearest_k - 1)).double().mean()
                ),
                "each real sample is taken for its own nearest neighbour: the smallest distance, 0, is to itself. "
                "The k-th other sample stands in place k, counted from 0.",
            ),
            Misconception(
                "precision",
                lambda real, generated, nearest_k=5: (
                    (torch.cdist(generated, real) < _radius(real, nearest_k)).any(1).double().mean()
                ),
                "it is the share of generated samples near a real one: that is precision. Coverage is a share of "
                "real samples.",
            ),
            Misconception(
                "recall",
                lambda real, generated, nearest_k=5: (
                    (torch.cdist(real, generated) < _radius(generated, nearest_k)).any(1).double().mean()
                ),
                "the balls are drawn around the generated samples: that is recall. For coverage they are around the "
                "real ones.",
            ),
            Misconception(
                "density",
                lambda real, generated, nearest_k=5: (
                    (torch.cdist(generated, real) < _radius(real, nearest_k)).double().sum(1).mean() / nearest_k
                ),
                "it counts how many balls each generated sample lies in: that is density.",
            ),
            Misconception(
                "every-pair",
                lambda real, generated, nearest_k=5: (
                    (torch.cdist(real, generated) < _radius(real, nearest_k)[:, None]).double().mean()
                ),
                "it is the share of pairs. One generated sample in the ball is enough: any(dim=1), then the mean.",
            ),
            Misconception(
                "swapped",
                lambda real, generated, nearest_k=5: coverage(generated, real, nearest_k),
                "real and generated are exchanged.",
            ),
            Misconception(
                "k",
                lambda real, generated, nearest_k=5: coverage(real, generated, 1),
                "the radius is the distance to the nearest neighbour, not to the k-th.",
            ),
            Misconception(
                "count",
                lambda real, generated, nearest_k=5: coverage(real, generated, nearest_k) * len(real),
                "it is a number of samples; divide by the number of real ones.",
            ),
        ],
    )


# ---------------------------------------------------------------------------------------- the test bench


def outside_band(scores: Float[Tensor, " draws"], clean: Float[Tensor, " draws"]) -> float:
    """The share of `scores` outside the range that holds the middle 95 % of `clean`."""
    low, high = clean.quantile(0.025), clean.quantile(0.975)
    return ((scores < low) | (scores > high)).float().mean().item()


def _check_outside_band(answer):
    skewed = torch.randn(200).exp()

    def between(scores, clean, low, high):
        return ((scores < low) | (scores > high)).float().mean().item()

    same_function(
        answer,
        outside_band,
        [
            Case("scores that scatter more than the clean ones", (2.2 * torch.randn(60), torch.randn(200))),
            Case("scores that are mostly too high, clean ones skewed", (torch.randn(60).exp() + 1.5, skewed)),
            Case("scores that are mostly too low, clean ones skewed", (torch.randn(60).exp() - 0.7, skewed)),
            Case(
                "scores of 8, 8, 7 and 8, and clean scores that are all 8",
                (torch.tensor([8.0, 8.0, 7.0, 8.0]), torch.full((100,), 8.0)),
                "edge",
                "the ends of the band belong to it: a score of 8 is not outside a band from 8 to 8.",
            ),
        ],
        misconceptions=[
            Misconception(
                "inside",
                lambda scores, clean: 1 - outside_band(scores, clean),
                "it is the share inside the band.",
            ),
            Misconception(
                "above-only",
                lambda scores, clean: between(scores, clean, -torch.inf, clean.quantile(0.975)),
                "it looks only at scores that are too high. A fault can move a metric either way.",
            ),
            Misconception(
                "below-only",
                lambda scores, clean: between(scores, clean, clean.quantile(0.025), torch.inf),
                "it looks only at scores that are too low. A fault can move a metric either way.",
            ),
            Misconception(
                "normal",
                lambda scores, clean: between(
                    scores, clean, clean.mean() - 1.96 * clean.std(), clean.mean() + 1.96 * clean.std()
                ),
                "mean ± 1.96 standard deviations holds 95 % only if the scores are normally distributed, and a KL "
                "is not: take the quantiles.",
            ),
            Misconception(
                "ninety",
                lambda scores, clean: between(scores, clean, clean.quantile(0.05), clean.quantile(0.95)),
                "5 % are cut off on each side: that leaves 90 %. Cut 2.5 % off each.",
            ),
            Misconception(
                "one-tail",
                lambda scores, clean: between(scores, clean, -torch.inf, clean.quantile(0.95)),
                "it cuts all 5 % off at the upper end. Cut 2.5 % off each.",
            ),
            Misconception(
                "range",
                lambda scores, clean: between(scores, clean, clean.min(), clean.max()),
                "it takes the whole range of the clean scores, which the most unusual draw decides: cut 2.5 % off "
                "each end.",
            ),
            Misconception(
                "swapped",
                lambda scores, clean: outside_band(clean, scores),
                "the two arguments are exchanged: the band comes from the clean scores.",
            ),
            Misconception(
                "count",
                lambda scores, clean: outside_band(scores, clean) * len(scores),
                "it is a number of draws; divide by how many there are.",
            ),
        ],
    )


EXERCISES = [
    Exercise(
        name="metrics.modes_covered",
        difficulty=2,
        minutes=8,
        reference=modes_covered,
        check=_check_modes_covered,
        hints=(
            "You need the distance of every sample from every centre: torch.cdist(samples, centres), shape (n, modes).",
            "A mode is covered if any of its distances is at most 3 sigma. Along which axis do you ask any()?",
        ),
    ),
    Exercise(
        name="metrics.high_quality_share",
        difficulty=1,
        minutes=5,
        reference=high_quality_share,
        check=_check_high_quality_share,
        hints=(
            "A sample is good if its nearest centre is near enough.",
            "torch.cdist(samples, centres).min(dim=1).values holds each sample's distance from its nearest centre.",
        ),
    ),
    Exercise(
        name="metrics.reverse_kl",
        difficulty=2,
        minutes=8,
        reference=reverse_kl,
        check=_check_reverse_kl,
        hints=(
            "First turn the counts into proportions p.",
            "sum p log(p / w). What does your code do where p is 0? The term's limit is 0.",
            "Either select the modes with p > 0, or use torch.special.xlogy, which knows that 0 log 0 = 0.",
        ),
    ),
    Exercise(
        name="metrics.within_mode_spread",
        difficulty=3,
        minutes=12,
        reference=within_mode_spread,
        check=_check_within_mode_spread,
        hints=(
            "Give each sample to its nearest centre and drop those beyond 3 sigma.",
            "In each mode take squared distances from the mean of its own samples, not from the true centre.",
            "Add the squares of all modes, divide by dim times (samples - modes that have any), take the root, "
            "divide by sigma.",
        ),
    ),
    Exercise(
        name="metrics.grid_proportions",
        difficulty=2,
        minutes=6,
        reference=grid_proportions,
        check=_check_grid_proportions,
        hints=(
            "Multiply the points by `cells` and cut the digits after the point off, with .long(): columns and rows.",
            "A coordinate of exactly 1 gives `cells`, one too many: .clamp(max=cells - 1).",
            "Number the cells by column + cells * row, count with bincount(minlength=cells * cells), divide by the "
            "number of points.",
        ),
    ),
    Exercise(
        name="metrics.two_proportion_z",
        difficulty=3,
        minutes=10,
        reference=two_proportion_z,
        check=_check_two_proportion_z,
        hints=(
            "If both samples came from one distribution, the best estimate of a bin's share uses both: "
            "p = (k1 + k2) / (n1 + n2).",
            "The difference of the two shares then has the variance p (1 - p) (1/n1 + 1/n2).",
            "Where p is 0 or 1 this is 0 / 0: torch.where(error > 0, difference / error, 0.0).",
        ),
    ),
    Exercise(
        name="metrics.coverage",
        difficulty=3,
        minutes=8,
        reference=coverage,
        check=_check_coverage,
        hints=(
            "Two tables of distances: real to real gives the radius of each real sample, real to generated says who "
            "is inside.",
            "torch.cdist(real, real).topk(nearest_k + 1, largest=False).values has, in each row, 0 (the sample "
            "itself), then the nearest neighbours in order.",
            "A real sample is covered when torch.cdist(real, generated).min(dim=1).values is below its radius.",
        ),
    ),
    Exercise(
        name="metrics.outside_band",
        difficulty=1,
        minutes=4,
        reference=outside_band,
        check=_check_outside_band,
        hints=(
            "Where does the middle 95 % of the clean scores begin, and where does it end?",
            "clean.quantile(0.025) and clean.quantile(0.975).",
            "A draw is outside if it is below the one or above the other: (scores < low) | (scores > high). "
            "Then the mean.",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="metrics.blind_spot",
        text=(
            "A generator sends 993 of 1,000 samples to the first mode, and a single one to each of the seven "
            "others. What does modes_covered say?"
        ),
        choices=(
            Choice("1 of 8.", "The seven are negligible for you. But by the definition one good sample is enough."),
            Choice(
                "8 of 8.",
                "One good sample covers a mode, so this generator and a perfect one get the same mark. That is why "
                "the count never stands alone.",
            ),
            Choice(
                "Something between: it depends on how many samples are drawn.",
                "With more samples it can only rise, and it is at 8 already: each mode has its one good sample.",
            ),
        ),
        right="b",
    ),
    Question(
        name="metrics.by_eye",
        text="Nine of these samplers have a fault. Which can you not tell from the clean one by eye?",
        choices=(
            Choice(
                "None: each of the nine looks different.",
                "Look again at the two that memorise: every point of theirs is a training point or next to one. And "
                "would you have noticed the reweighted one without its label?",
            ),
            Choice(
                "The two that memorise the training data.",
                "They show training points, which are as good as any sample can be, in the right "
                "proportions. What "
                "is wrong is that they never show anything else.",
            ),
            Choice(
                "The one that shrinks its modes.",
                "It is easy here, with sigma circles drawn to scale. With PacGAN's sigma of 0.01 on a ring of "
                "radius 1 a mode is a dot either way. But two others look perfect even here.",
            ),
        ),
        right="b",
    ),
    Question(
        name="metrics.target_quality",
        text="Samples of the target itself: which high-quality share (within 3 sigma) do they get?",
        choices=(
            Choice("100 %: they are real.", "A Gaussian has tails, and real samples lie in them too."),
            Choice(
                "About 99.7 %, as everybody knows of 3 sigma.",
                "That is the share in one dimension. In two, x² + y² has to be small, and there is more room outside.",
            ),
            Choice(
                "About 98.9 %.",
                "In two dimensions the squared distance in sigmas is exponential with mean 2, so that exp(-9/2) = "
                "1.1 % lie outside.",
            ),
            Choice(
                "It depends on how many samples are drawn.",
                "Its scatter does. Its mean does not: it is a plain average over samples. (The KL further down is "
                "another matter.)",
            ),
        ),
        right="c",
    ),
    Question(
        name="metrics.published_row",
        text=(
            "A published table gives a plain GAN on a ring of 8: 1 mode, and 99.3 % high-quality samples (mean of 5 "
            "runs). What does the 99.3 % say?"
        ),
        choices=(
            Choice(
                "The quality is very good, though it found only one mode.",
                "Better than real samples? 98.9 % is what the target itself scores. More is not better.",
            ),
            Choice(
                "It is a fluctuation: 99.3 is not far from 98.9.",
                "A single run of 2,500 samples scatters by 0.21 points, so one run could do that. The mean of five "
                "scatters by 0.09, and is more than four of these too high.",
            ),
            Choice(
                "The mode that it found is too narrow: it is collapsed within the mode as well.",
                "There are too few samples in the tails. How narrow, this number hardly says: it stops at 100 %.",
            ),
        ),
        right="c",
    ),
    Question(
        name="metrics.floor",
        text=(
            "Draws of the target itself do not have reverse KL 0. You take ten times as many samples. What happens "
            "to the average KL?"
        ),
        choices=(
            Choice(
                "It stays: it belongs to the target.",
                "It comes from the scatter of the counts, and that shrinks with n.",
            ),
            Choice(
                "It falls to about a third (1 / √10).",
                "The proportions come √10 times nearer to the weights. But the KL is quadratic in that difference.",
            ),
            Choice(
                "It falls to a tenth.",
                "The proportions come √10 times nearer, and the KL is quadratic near its minimum: 1 / n.",
            ),
        ),
        right="c",
    ),
    Question(
        name="metrics.floor_rule",
        text="n times the mean KL of the target is 1.5 for 4 modes, 3.5 for 8, 7.5 for 16. For K modes it is ...",
        choices=(
            Choice("K / 2.", "That would be 2, 4 and 8: half a unit too much each time."),
            Choice(
                "(K - 1) / 2.",
                "3/2, 7/2, 15/2. K proportions that sum to one have K - 1 ways to be wrong, and each costs 1/2.",
            ),
            Choice("log K.", "That is 1.4, 2.1 and 2.8: it would grow by the same step with each doubling of K."),
        ),
        right="b",
    ),
    Question(
        name="metrics.points_as_modes",
        text=(
            "A generator draws the eight modes in the right proportions, but each as one single point, at its "
            "centre. What do the three metrics so far say?"
        ),
        choices=(
            Choice(
                "All three find it.",
                "Modes covered: 8 of 8. High-quality share: 100 %. Reverse KL: at its floor. Nothing is found.",
            ),
            Choice(
                "Reverse KL finds it, since the two distributions are quite different.",
                "This KL is over modes: it compares eight proportions. Within a mode it sees nothing.",
            ),
            Choice(
                "8 of 8, 100 %, KL at its floor: it looks better than the target itself.",
                "None of the three looks inside a mode. The only trace is a share that is too good.",
            ),
        ),
        right="c",
    ),
    Question(
        name="metrics.fool_the_spread",
        text="Which of these generators gets the best possible spread?",
        choices=(
            Choice(
                "One that makes a single mode of the eight, at its true width.",
                "The spread is pooled over the modes that are there. How many there are is not its business.",
            ),
            Choice(
                "One whose modes are half as wide in x and as wide as they should be in y.",
                "The squares of both directions are pooled: the root of (1/4 + 1)/2 is 0.79 of the true width.",
            ),
            Choice(
                "One that adds as much noise as the modes are wide.",
                "Its modes are wider by a factor of about 1.4. Cutting at 3 sigma hides a part of it, not all.",
            ),
        ),
        right="a",
    ),
    Question(
        name="metrics.autopsy",
        text="Which outcome of these checks can no amount of luck explain?",
        choices=(
            Choice(
                "The target against itself is not 0.",
                "It need not be: 900 cells and few points have a high floor. (It should be printed, though.)",
            ),
            Choice(
                "The true proportions sum to 0.342.",
                "Proportions sum to 1, whatever the sample. Something is lost before the KL begins.",
            ),
            Choice(
                "A generator that misses half of the square gets a larger KL than a perfect one.",
                "That is as it should be, and why nobody noticed: a wrong metric can still rise and fall in the "
                "right places.",
            ),
        ),
        right="b",
    ),
    Question(
        name="metrics.perfect_ndb",
        text="Twenty bins, a test at the 5 % level in each. How many bins differ for a perfect generator, on average?",
        choices=(
            Choice("None.", "Each test errs in 5 % of cases, by construction, and there are twenty tests."),
            Choice("About one.", "5 % of 20. So the floor of NDB is 1 here, not 0."),
            Choice(
                "About ten.",
                "Then each test would say 'different' half of the time. It does so in 5 % of cases.",
            ),
        ),
        right="b",
    ),
    Question(
        name="metrics.praise",
        text="Which fault makes precision and density go up, beyond what real samples score?",
        choices=(
            Choice(
                "Missing modes.",
                "The samples that are left are as good as before: precision stays where it was.",
            ),
            Choice(
                "Shrunken modes.",
                "All samples move to where real ones are dense. Both metrics take that for quality.",
            ),
            Choice(
                "Outliers.",
                "They lie far from every real sample, so that precision goes down. But look at what recall does.",
            ),
        ),
        right="b",
    ),
    Question(
        name="metrics.memory",
        text="What must a metric look at to find out that a generator has memorised its training data?",
        choices=(
            Choice(
                "More samples: with enough of them every fault shows.",
                "Training points look as good as real ones because they are. More of them do not look worse.",
            ),
            Choice(
                "The training data, beside real data that the generator has not seen.",
                "Is a sample nearer to the training data than a fresh real one is? Nothing else tells copying from "
                "quality.",
            ),
            Choice(
                "The modes: a memorised mode has another weight.",
                "The training data have the right modes in nearly the right proportions, and so have copies of them.",
            ),
        ),
        right="b",
    ),
    Question(
        name="metrics.case_a",
        text="Generator A. What is wrong with it?",
        choices=(
            Choice(
                "It misses a mode.",
                "8 of 8 are covered, and a missing mode would give a KL of at least log(8/7) = 0.13.",
            ),
            Choice(
                "Its modes are too narrow.",
                "The spread says so, and the share of good samples is too good. The proportions are right.",
            ),
            Choice(
                "Nothing: every number is at its best value or beyond.",
                "Beyond the value of real samples is the sign of a fault, not of quality.",
            ),
        ),
        right="b",
    ),
    Question(
        name="metrics.case_b",
        text="Generator B. What is wrong with it?",
        choices=(
            Choice(
                "Its proportions are wrong.",
                "The KL is far above its floor, while all is well within the modes and none is missing.",
            ),
            Choice(
                "It misses a mode.",
                "All 8 are covered. A KL above the floor can come from a missing mode or from wrong proportions.",
            ),
            Choice(
                "Its samples lie between the modes.",
                "Then fewer than 98.9 % would be within 3 sigma.",
            ),
        ),
        right="a",
    ),
    Question(
        name="metrics.report",
        text=(
            "A paper reports, as the mean of 10 seeds: '8 of 8 modes, 99.9 % high-quality samples, state of the art.' "
            "What do you ask?"
        ),
        choices=(
            Choice(
                "How wide are the modes, and in which proportions?",
                "Eight points in any proportions would score this. Spread and KL, each beside its floor, settle it.",
            ),
            Choice(
                "Nothing: 98.9 % is the ceiling, and it is above.",
                "Above the ceiling is where real samples are not.",
            ),
            Choice(
                "The same for more seeds: ten are few.",
                "More seeds make the two numbers sharper. But both are blind to the fault that 99.9 % hints at, and "
                "a sharper blind number does not show it.",
            ),
        ),
        right="a",
    ),
]
