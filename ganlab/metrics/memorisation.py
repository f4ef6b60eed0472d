"""Is the generator copying? Nearest neighbours against held-out data, and support size by the birthday paradox."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy.stats import chi2, mannwhitneyu
from torch import Tensor

from ganlab.errors import GanlabError
from ganlab.metrics.arrays import as_features, check_pair, distance_chunks, local_spacing, nearest


@dataclass(frozen=True)
class NearestNeighbourTest:
    """`closer`: P(a generated sample is nearer to the training set than a held-out one), .5 when not copying.

    `z`: its standard score (large and positive: copying). `copies`: the share of generated samples nearer to a
    training sample than a fifth of that sample's distance to its own nearest neighbour; `real_copies`: the same
    for held-out data. `examples`: (generated, training) indices of the closest pairs.
    """

    closer: float
    z: float
    p_value: float
    copies: float
    real_copies: float
    examples: list[tuple[int, int]]


def copy_share(
    training: Float[Tensor, "n features"], sample: Float[Tensor, "m features"], nearer: float = 0.2
) -> tuple[float, Tensor]:
    """The share of `sample` within `nearer` of the local spacing of a training sample; and each one's ratio.

    The ratio is the distance to the nearest training sample over that sample's distance to its own nearest
    neighbour (`local_spacing`).
    Measured locally, dense regions are not taken for copying: fresh samples of d-dimensional data score about
    nearer^d.
    """
    training, sample = check_pair(training, sample)
    spacing = local_spacing(nearest(training, training, same=True, doing="spacing")[0][:, 0])
    distance, index = nearest(sample, training, doing="copies")
    ratio = distance[:, 0] / spacing[index[:, 0]]
    return float((ratio <= nearer).double().mean()), ratio


def nearest_neighbour_test(
    training: Float[Tensor, "n features"],
    generated: Float[Tensor, "m features"],
    held_out: Float[Tensor, "h features"],
) -> NearestNeighbourTest:
    """Are generated samples nearer to the training set than unseen real ones are?

    The Mann-Whitney U test on the distances to the nearest training sample (the global form of Meehan, Chaudhuri
    and Dasgupta 2020): `closer` = U / (m h), from 0 to 1. About .5 for a perfect generator; towards 1 for one that
    copies, towards 0 for one of low quality. A generator that stays in the densest regions is nearer too without
    copying anything: `copies` tells the two apart.

    Raises:
        GanlabError: fewer than two samples in one of the sets.

    >>> x = torch.randn(900, 8, generator=torch.Generator().manual_seed(0))
    >>> honest = nearest_neighbour_test(x[:300], x[300:600], x[600:])
    >>> copied = nearest_neighbour_test(x[:300], x[:300] + 0.01, x[600:])
    >>> abs(honest.z) < 3 < copied.z, honest.copies, copied.copies
    (True, 0.0, 1.0)
    """
    training, generated = check_pair(training, generated, least=2)
    held_out = check_pair(training, held_out, least=2)[1]
    mine, match = nearest(generated, training, doing="generated to training")
    other = nearest(held_out, training, doing="held out to training")[0]
    a, b = mine[:, 0].cpu().numpy(), other[:, 0].cpu().numpy()
    test = mannwhitneyu(b, a, alternative="greater", method="asymptotic", use_continuity=False)
    closer = float(test.statistic) / (len(a) * len(b))
    error = math.sqrt((len(a) + len(b) + 1) / (12 * len(a) * len(b)))
    copies, ratio = copy_share(training, generated)
    first = ratio.topk(min(12, len(ratio)), largest=False).indices
    return NearestNeighbourTest(
        closer,
        (closer - 0.5) / error,
        float(test.pvalue),
        copies,
        copy_share(training, held_out)[0],
        [(int(i), int(match[i, 0])) for i in first],
    )


@dataclass(frozen=True)
class SupportSize:
    """`size`: as many equally likely distinct samples would collide as often; `low` to `high`: 95 % interval.

    `collisions`: pairs nearer than `threshold` among `pairs`. Without any the size is infinite and `low` is what
    the sample can rule out.
    """

    size: float
    low: float
    high: float
    collisions: int
    pairs: int
    threshold: float


def count_pairs_within(x: Float[Tensor, "n features"], threshold: float) -> int:
    """How many of the n (n - 1) / 2 pairs are at most `threshold` apart."""
    x = as_features(x, "samples", least=2)
    # Room for the rounding of the distances, so that a threshold of 0 finds exact copies.
    limit = threshold**2 + 1e-13 * float((x.double() - x.double().mean(0)).square().sum(1).mean())
    count = 0
    for block, squared in distance_chunks(x, x, "pairs"):
        rows = torch.arange(block.start, block.start + len(squared), device=x.device)
        later = torch.arange(len(x), device=x.device) > rows[:, None]
        count += int((later & (squared <= limit)).sum())
    return count


def support_size(x: Float[Tensor, "n features"], threshold: float) -> SupportSize:
    """How many distinct samples a generator seems to have, from how often two of n collide (Arora and Zhang 2018).

    Two draws from S equally likely samples are the same with probability 1 / S, so that C collisions among
    n (n - 1) / 2 pairs estimate S = n (n - 1) / (2 C): the inverse collision probability, a lower bound on the
    support when samples are not equally likely. The interval is Poisson's for C. Duplicates first become likely
    near n = sqrt(S): the birthday paradox. For images the authors let people judge which near pairs are the same;
    `threshold` (a distance) decides here, see `collision_threshold`.

    >>> x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    >>> draws = x[torch.randint(50, (400,), generator=torch.Generator().manual_seed(1))]
    >>> found = support_size(draws, threshold=1e-4)
    >>> round(found.size), found.low < 50 < found.high
    (49, True)
    """
    n = len(as_features(x, "samples", least=2))
    if threshold < 0:
        raise GanlabError(f"threshold is {threshold}; give a distance of at least 0.")
    collisions, pairs = count_pairs_within(x, threshold), n * (n - 1) // 2
    most = float(chi2.ppf(0.975, 2 * collisions + 2)) / 2
    least = float(chi2.ppf(0.025, 2 * collisions)) / 2 if collisions else 0.0
    return SupportSize(
        pairs / collisions if collisions else math.inf,
        pairs / most,
        pairs / least if least else math.inf,
        collisions,
        pairs,
        float(threshold),
    )


def collision_threshold(real: Float[Tensor, "n features"], expected: int = 5) -> float:
    """The distance within which `expected` pairs of real samples lie: what chance alone makes look the same.

    Used for generated samples of the same number, `expected` is the real-against-real row of the collision count.
    """
    real = as_features(real, "real", least=expected + 2)
    distance = nearest(real, real, k=min(expected, len(real) - 1), same=True, doing="pairs")[0]
    # Each pair is seen from both ends, so the `expected`-th smallest pair is in place 2 * expected.
    smallest = distance.flatten().sort().values
    return float(smallest[2 * expected - 1])
