"""Chapter 02, measuring collapse: the metrics, written from scratch for samples of one generator.

The same numbers for any mixture and many seeds at once, with floors and ceilings, are in `ganlab.metrics`.
"""

import math

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


def high_quality_share(
    samples: Float[Tensor, "n dim"], centres: Float[Tensor, "modes dim"], sigma: float
) -> float:
    """The share of samples that lie within 3 sigma of some centre, 0 to 1."""
    nearest = torch.cdist(samples, centres).min(dim=1).values
    return (nearest <= 3 * sigma).float().mean().item()


def within_mode_spread(
    samples: Float[Tensor, "n dim"], centres: Float[Tensor, "modes dim"], sigma: float
) -> float:
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
    same_function(
        answer,
        modes_covered,
        [
            *_sample_cases(),
            Case(
                "strays only", (torch.full((5, 2), 9.0), ring, 0.05), "empty", "no good sample means no mode."
            ),
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
                lambda samples, centres, sigma: int(
                    (torch.cdist(samples, centres) <= 3 * sigma).all(0).sum()
                ),
                "it asks that all samples are at the mode; one is enough.",
            ),
            Misconception(
                "axis",
                lambda samples, centres, sigma: int(
                    (torch.cdist(samples, centres) <= 3 * sigma).any(1).sum()
                ),
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
                lambda samples, centres, sigma: (
                    (torch.cdist(samples, centres) <= 3 * sigma).float().mean().item()
                ),
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
                lambda samples, centres, sigma: (
                    _one_sigma(samples, centres, sigma).any(1).float().mean().item()
                ),
                "it allows one sigma; three are meant.",
            ),
            Misconception(
                "coordinates",
                lambda samples, centres, sigma: (
                    _by_coordinate(samples, centres, sigma).any(1).float().mean().item()
                ),
                _COORDINATES,
            ),
            Misconception(
                "squared",
                lambda samples, centres, sigma: (
                    _squared(samples, centres, sigma).any(1).float().mean().item()
                ),
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
            Case(
                "two samples at one mode", (ring[:1] + torch.tensor([[0.01, 0.0], [-0.01, 0.02]]), ring, 0.05)
            ),
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
                lambda counts, weights: (
                    (kl(counts / counts.sum(), weights) + kl(weights, counts / counts.sum())) / 2
                ),
                "it averages both directions; only the reverse one is wanted.",
            ),
        ],
    )


def two_proportion_z(
    k1: Int[Tensor, " bins"], n1: int, k2: Int[Tensor, " bins"], n2: int
) -> Float[Tensor, " bins"]:
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
            Misconception(
                "sign", lambda *given: -two_proportion_z(*given), "its sign is turned: first minus second."
            ),
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
                    (k1 / n1 - k2 / n2)
                    / ((k1 + k2) / (n1 + n2) * (1 - (k1 + k2) / (n1 + n2)) * (1 / n1 + 1 / n2))
                ),
                "it divides by the variance; divide by its root, the standard error.",
            ),
            Misconception(
                "one-n",
                lambda k1, n1, k2, n2: (
                    two_proportion_z(k1, n1, k2, n2) * ((1 / n1 + 1 / n2) * (n1 + n2)) ** 0.5
                ),
                "the factor is 1/n1 + 1/n2, not 1/(n1 + n2).",
            ),
            Misconception(
                "squared",
                lambda *given: two_proportion_z(*given) ** 2,
                "this is z squared, the chi-square statistic.",
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
]

QUESTIONS = [
    Question(
        name="metrics.ceiling",
        text=(
            "In the plane, a generator puts 100 % of its samples within 3 sigma of a mode. The data themselves have "
            "98.9 %. What does that say?"
        ),
        choices=(
            Choice(
                "It is a little better than the data.",
                "Nothing can imitate the data better than the data. More than the ceiling is a warning.",
            ),
            Choice(
                "It is perfect; the difference is noise.",
                "With 2,500 samples the share of a perfect generator lies between 98.5 and 99.3 % nearly always. "
                "100 % is too good.",
            ),
            Choice(
                "Its modes are too narrow: it lacks the tails.",
                "True samples stray beyond 3 sigma in 1.1 % of cases. A generator that never strays has collapsed "
                "within its modes; the within-mode spread shows it.",
            ),
        ),
        right="c",
    ),
    Question(
        name="metrics.blind_spot",
        text=(
            "A generator makes all 8 modes, but 93 % of its samples are in the first and 1 % in each of the others. "
            "Which number does not see it?"
        ),
        choices=(
            Choice(
                "Modes covered.",
                "One good sample is enough to cover a mode, so the count is 8. That is why it never stands alone.",
            ),
            Choice(
                "Reverse KL.", "It does see it: it compares the proportions, and these are far from equal."
            ),
            Choice(
                "The two-proportion z of each bin.",
                "It does see it: with a few hundred samples every one of the bins differs significantly.",
            ),
        ),
        right="a",
    ),
]
