"""NDB, the number of statistically different bins: collapse seen without labels, by k-means on the real data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from ganlab.errors import GanlabError
from ganlab.metrics.arrays import as_features, check_pair, nearest, waiting


class BinComparison(NamedTuple):
    """How one sample set fills the bins, against the real samples they were fitted to.

    `different`: NDB, how many bins differ; `share`: NDB / bins; `jensen_shannon`: over bins, nats, 0 to log 2.
    """

    different: int
    share: float
    jensen_shannon: float


@dataclass(frozen=True)
class Bins:
    """Cells around k-means centres, largest first, with the proportions of the samples they were fitted to."""

    centres: Float[Tensor, "bins features"]
    mean: Float[Tensor, " features"]
    scale: Float[Tensor, " features"]
    proportions: Float[Tensor, " bins"]
    n: int

    def assign(self, x: Float[Tensor, "n features"]) -> Int[Tensor, " n"]:
        """The bin of each sample: the nearest centre, after the whitening that the bins were fitted with."""
        whitened = (x.double() - self.mean) / self.scale
        return nearest(whitened, self.centres, doing="bins")[1][:, 0]

    def fill(self, x: Float[Tensor, "n features"]) -> Float[Tensor, " bins"]:
        """The proportion of `x` in each bin."""
        return self.assign(x).bincount(minlength=len(self.centres)).double() / len(x)


def fit_bins(real: Float[Tensor, "n features"], bins: int = 100, whiten: bool = False, seed: int = 0) -> Bins:
    """k-means (scikit-learn, k-means++, one start, at most 100 iterations) on the real samples.

    `whiten` divides each feature by its standard deviation over `real` first.

    Raises:
        GanlabError: fewer samples than bins.
    """
    real = as_features(real, "real").double()
    if not 1 < bins <= len(real):
        raise GanlabError(f"bins is {bins} and there are {len(real)} real samples; give 2 to {len(real)} bins.")
    mean = real.mean(0) if whiten else torch.zeros_like(real[0])
    scale = real.std(0) + 1e-6 if whiten else torch.ones_like(real[0])
    with warnings.catch_warnings(), waiting(f"k-means, {bins} bins"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than bins: empty bins, no harm
        means = KMeans(bins, n_init=1, max_iter=100, random_state=seed).fit(((real - mean) / scale).cpu().numpy())
    centres = torch.as_tensor(means.cluster_centers_).to(real)
    found = Bins(centres, mean, scale, torch.zeros(bins, dtype=torch.float64), len(real))
    proportions = found.fill(real)
    order = proportions.argsort(descending=True)
    return Bins(centres[order], mean, scale, proportions[order], len(real))


def two_proportion_z(p: Float[Tensor, " bins"], n: int, q: Float[Tensor, " bins"], m: int) -> Float[Tensor, " bins"]:
    """z = (q - p) / sqrt(r (1 - r) (1/n + 1/m)) with r the pooled proportion; 0 where both are 0 or both 1.

    Its square is the chi-square statistic of the 2 x 2 table, without continuity correction.
    """
    pooled = (p * n + q * m) / (n + m)
    error = (pooled * (1 - pooled) * (1 / n + 1 / m)).sqrt()
    return torch.where(error > 0, (q - p) / error.clamp(min=1e-300), 0.0)


def jensen_shannon_bins(p: Float[Tensor, " bins"], q: Float[Tensor, " bins"]) -> float:
    """KL(p || m) / 2 + KL(q || m) / 2, m = (p + q) / 2. Nats, 0 to log 2."""
    middle = (p + q) / 2
    terms = torch.special.xlogy(p, p) + torch.special.xlogy(q, q) - 2 * torch.special.xlogy(middle, middle)
    return float(terms.sum().clamp(min=0) / 2)


@dataclass(frozen=True)
class NDB:
    """What `ndb` found. `generated` and `real` are the two rows to print together.

    `z`: for each bin, how many standard errors generated samples are above (+) or below (-) the real proportion.
    """

    generated: BinComparison
    real: BinComparison
    z: Float[Tensor, " bins"]
    bins: Bins
    generated_proportions: Float[Tensor, " bins"]

    def __str__(self) -> str:
        k = len(self.z)
        rows = [("generated", self.generated), ("real, held out", self.real)]
        return "\n".join(
            f"{name:15} NDB {row.different:4d} of {k} ({row.share:.3f})   JSD {row.jensen_shannon:.4f}"
            for name, row in rows
        )


def ndb(
    real: Float[Tensor, "n features"],
    generated: Float[Tensor, "m features"],
    held_out: Float[Tensor, "h features"] | None = None,
    bins: int = 100,
    whiten: bool = False,
    z_threshold: float = 1.959964,
    seed: int = 0,
) -> NDB:
    """Number of statistically different bins (Richardson and Weiss, NeurIPS 2018), beside its real-against-real row.

    k-means bins are fitted to `real`; each sample goes to its nearest centre; a bin differs when the two-proportion
    z-test |z| exceeds `z_threshold` (1.96: two-sided 5 %; the authors' MNIST demo used 4). 0 to `bins`, lower is
    better.

    With bins fixed in advance two samples of one distribution give NDB of about .05 bins. But these bins were fitted
    to `real`, and in high dimension that alone makes fresh *real* data fail (16 of 20 bins on i.i.d. 784-d noise):
    the number means nothing without the row `real`, the same comparison for real data that the bins have not seen.
    Without `held_out` the real samples are split in two at random. The larger of `held_out` and `generated` is cut
    to the size of the other, so that both rows have the same power.

    Departures from the public code: all dimensions are kept (it takes a sixth of them above 1,000).

    >>> x = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    >>> result = ndb(x[:2000], x[2000:3000][x[2000:3000, 0] > 0], held_out=x[3000:], bins=20)
    >>> result.generated.different > 15 > 5 > result.real.different
    True
    """
    real, generated = check_pair(real, generated, least=2)
    shuffle = torch.Generator().manual_seed(seed)
    if held_out is None:
        order = torch.randperm(len(real), generator=shuffle).to(real.device)
        held_out, real = real[order[: len(real) // 2]], real[order[len(real) // 2 :]]
    else:
        held_out = check_pair(real, held_out)[1]
    size = min(len(held_out), len(generated))
    generated = generated[torch.randperm(len(generated), generator=shuffle)[:size].to(real.device)]
    held_out = held_out[torch.randperm(len(held_out), generator=shuffle)[:size].to(real.device)]
    cells = fit_bins(real, bins, whiten, seed)
    rows, scores, fills = [], [], []
    for sample in (generated, held_out):
        fill = cells.fill(sample)
        z = two_proportion_z(cells.proportions, cells.n, fill, size)
        different = int((z.abs() > z_threshold).sum())
        rows.append(BinComparison(different, different / bins, jensen_shannon_bins(cells.proportions, fill)))
        scores.append(z)
        fills.append(fill)
    return NDB(rows[0], rows[1], scores[0], cells, fills[0])
