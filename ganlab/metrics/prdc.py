"""Precision, recall, density, coverage: are the samples near the data, and the data near the samples?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ganlab.metrics.arrays import check_pair, distance_chunks, local_spacing, nearest


class PRDC(NamedTuple):
    """Each the higher the better. A perfect generator does not reach 1: compare with the real-against-real row."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbour_radii(x: Float[Tensor, "n features"], nearest_k: int) -> Float[Tensor, " n"]:
    """The squared distance of each sample to its `nearest_k`-th nearest other sample."""
    radii = []
    for block, squared in distance_chunks(x, x, "radii"):
        rows = torch.arange(block.start, block.start + len(squared), device=x.device)
        squared[torch.arange(len(squared), device=x.device), rows] = 0.0
        # topk: ten times faster than kthvalue on long rows.
        radii.append(squared.topk(nearest_k + 1, dim=1, largest=False).values[:, -1])
    return torch.cat(radii)


def prdc(real: Float[Tensor, "n features"], generated: Float[Tensor, "m features"], nearest_k: int = 5) -> PRDC:
    """Precision, recall, density and coverage (Kynkäänniemi et al. 2019; Naeem et al. 2020, equations 3 to 6).

    B(x) is the open ball around x whose radius is the distance to its `nearest_k`-th nearest neighbour in its own
    set, itself excluded (Naeem uses 5, Kynkäänniemi 3):

    - precision: the share of generated samples in B(r) of any real r. 0 to 1. One real outlier can inflate it.
    - recall: the share of real samples in B(g) of any generated g. 0 to 1.
    - density: how many of the real balls a generated sample lies in, over `nearest_k`. From 0; expected 1 for
      a perfect generator, and above 1 for one that stays in the densest places.
    - coverage: the share of real balls B(r) that hold a generated sample. 0 to 1; expected about
      1 - 1 / 2^nearest_k when n = m.

    Equal to the package `prdc` (same strict `<`, same k), in blocks of rows: memory O(n + m), time O((n + m)^2).

    Raises:
        GanlabError: not more than `nearest_k` samples on either side, unequal widths, values that are not finite.

    >>> x = torch.randn(600, 4, generator=torch.Generator().manual_seed(0))
    >>> half = prdc(x[:300], x[300:][x[300:, 0] > 0])  # a generator of one half of the data
    >>> f"{half.precision:.2f} {half.recall:.2f} {half.density:.2f} {half.coverage:.2f}"
    '0.98 0.74 1.01 0.62'
    """
    real, generated = check_pair(real, generated, least=nearest_k + 1)
    real_radii, generated_radii = neighbour_radii(real, nearest_k), neighbour_radii(generated, nearest_k)
    inside = torch.zeros(len(generated), dtype=torch.int64, device=real.device)
    recalled, covered = [], []
    for block, squared in distance_chunks(real, generated, "precision and recall"):
        within_real = squared < real_radii[block, None]
        inside += within_real.sum(0)
        covered.append(within_real.any(1))
        recalled.append((squared < generated_radii).any(1))
    return PRDC(
        precision=float((inside > 0).double().mean()),
        recall=float(torch.cat(recalled).double().mean()),
        density=float(inside.double().mean() / nearest_k),
        coverage=float(torch.cat(covered).double().mean()),
    )


def least_covered(
    real: Float[Tensor, "n features"], generated: Float[Tensor, "m features"], count: int = 12
) -> tuple[Tensor, Tensor]:
    """The real samples that generated ones come least near to: indices, worst first, and how far they are.

    How far: the distance to the nearest generated sample over the distance to the nearest other real one.

    >>> real = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    >>> least_covered(real, torch.tensor([[0.0], [1.5]]), count=2)
    (tensor([3, 2]), tensor([9.5000, 8.5000], dtype=torch.float64))
    """
    real, generated = check_pair(real, generated, least=1)
    spacing = local_spacing(nearest(real, real, same=True)[0][:, 0])
    gap = nearest(real, generated)[0][:, 0] / spacing
    worst = gap.topk(min(count, len(gap)))
    return worst.indices, worst.values
