"""Every metric against an independent reference on fixed arrays: the table of largest differences.

python bench/metrics_agreement.py
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings

import numpy as np
import torch
from prdc import compute_prdc
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, jensenshannon
from scipy.stats import chi2_contingency, entropy, mannwhitneyu
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.pairwise import polynomial_kernel
from torch import nn
from torchmetrics.clustering import AdjustedRandScore, NormalizedMutualInfoScore
from torchmetrics.image.inception import InceptionScore

from ganlab.data.mixtures import ring, unequal_ring
from ganlab.metrics import clustering, distances, memorisation, modes, ndb, scores
from ganlab.metrics.prdc import prdc


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rows():
    """(metric, reference, largest absolute difference)."""
    target = unequal_ring(5, ratio=0.7)
    counts = torch.tensor([7, 0, 3, 9, 1])
    samples = target.centres.repeat_interleave(counts, 0).double()
    p, q = counts.numpy() / 20, target.weights.double().numpy()
    yield "reverse KL", "scipy.stats.entropy", abs(float(modes.reverse_kl(samples, target)) - entropy(p, q))
    smooth = (20 * p + 0.5) / 22.5
    yield "forward KL", "scipy.stats.entropy", abs(float(modes.forward_kl(samples, target)) - entropy(q, smooth))
    js = jensenshannon(p, q) ** 2
    yield "Jensen-Shannon", "scipy jensenshannon squared", abs(float(modes.jensen_shannon(samples, target)) - js)
    tv = np.abs(p - q).sum() / 2
    yield "total variation", "numpy", abs(float(modes.total_variation(samples, target)) - tv)
    perfect = modes.perfect_scores(2500, ring(8))
    ceiling = perfect["high_quality_share"].mean
    yield "high-quality ceiling, 2D", "1 - exp(-4.5)", abs(ceiling - (1 - math.exp(-4.5)))
    cut = math.sqrt(1 - 4.5 * math.exp(-4.5) / (1 - math.exp(-4.5)))
    yield "spread ceiling, 2D", "closed form .97439", abs(perfect["within_mode_spread"].mean - cut)
    yield "reverse-KL floor (simulated)", "(K - 1) / 2N, first order", abs(perfect["reverse_kl"].mean - 7 / 5000)

    for k, d in ((5, 64), (3, 1000)):
        real, fake = normal(1000, d), normal(800, d, seed=1) * 0.95 + 0.05
        with contextlib.redirect_stdout(io.StringIO()):
            theirs = compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
        mine = prdc(real, fake, nearest_k=k)._asdict()
        yield f"PRDC, k = {k}, {d}-D", "prdc 0.2", max(abs(mine[name] - theirs[name]) for name in theirs)

    result = ndb.ndb(normal(2000, 3), normal(800, 3, seed=1) * 0.7, normal(800, 3, seed=2), bins=12)
    a, b = result.bins.proportions.numpy() * 2000, result.generated_proportions.numpy() * 800
    tables = [[[x, 2000 - x], [y, 800 - y]] for x, y in zip(a, b, strict=True)]
    chi = np.array([chi2_contingency(table, correction=False).statistic for table in tables])
    yield "NDB z per bin", "scipy chi2_contingency", float(np.abs(result.z.numpy() ** 2 - chi).max())
    js = jensenshannon(a / 2000, b / 800) ** 2
    yield "JSD over bins", "scipy jensenshannon squared", abs(result.generated.jensen_shannon - js)

    x, y = normal(300, 5) @ normal(5, 5, seed=3), normal(350, 5, seed=1) @ normal(5, 5, seed=4) + 1
    cx, cy = np.cov(x.numpy().T), np.cov(y.numpy().T)
    known = float((x.mean(0) - y.mean(0)).square().sum()) + np.trace(cx + cy - 2 * sqrtm(cx @ cy).real)
    yield "Fréchet distance", "scipy sqrtm", abs(distances.frechet_distance(x, y).value - known)
    known = float((2.0 - 1) ** 2 * 3)
    unit = x - x.mean(0)
    unit = (unit @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(unit.T)).T))[:, :3]
    yield "Fréchet distance", "Gaussians, closed form", abs(distances.frechet_distance(unit, 2 * unit).value - known)
    x, y = normal(60, 7), normal(60, 7, seed=1) * 1.2 + 0.3
    kxx, kyy, kxy = (polynomial_kernel(u, v, degree=3, gamma=1 / 7, coef0=1) for u, v in ((x, x), (y, y), (x, y)))
    known = (kxx.sum() - np.trace(kxx) + kyy.sum() - np.trace(kyy)) / (60 * 59) - 2 * kxy.mean()
    found = distances.kernel_distance(x, y, subsets=2, subset_size=60).value
    yield "kernel distance", "scikit-learn polynomial_kernel", abs(found - known)

    posteriors, train = (normal(200, 6) * 2).softmax(1), (normal(6) * 0.5).softmax(0)
    metric = InceptionScore(feature=nn.Identity(), splits=1)
    metric.update(posteriors.log().float())
    found = scores.inception_score(posteriors)
    yield "Inception score", "torchmetrics (float32)", abs(found - float(metric.compute()[0]))
    p_g = posteriors.mean(0).numpy()
    by_hand = np.exp(np.mean([entropy(row, p_g) for row in posteriors.numpy()]) - entropy(p_g, train.numpy()))
    yield "MODE score, form B", "scipy entropy", abs(scores.mode_score(posteriors, train) - by_hand)
    printed = scores.mode_score_as_printed(posteriors, train)
    yield "MODE score as printed", "our Inception score", abs(printed - found)
    balance = scores.class_balance_kl(posteriors, train)
    yield "class-balance KL", "scipy entropy", abs(balance - entropy(p_g, train.numpy()))

    rng = torch.Generator().manual_seed(0)
    classes = torch.randint(10, (500,), generator=rng)
    clusters = torch.where(torch.rand(500, generator=rng) < 0.6, classes, torch.randint(12, (500,), generator=rng))
    table = np.zeros((12, 10), dtype=int)
    np.add.at(table, (clusters.numpy(), classes.numpy()), 1)
    known = table[linear_sum_assignment(-table)].sum() / 500
    yield (
        "cluster accuracy",
        "scipy linear_sum_assignment",
        abs(clustering.cluster_accuracy(clusters, classes).accuracy - known),
    )
    nmi, ari = (
        clustering.normalised_mutual_information(clusters, classes),
        clustering.adjusted_rand_index(clusters, classes),
    )
    yield "NMI", "scikit-learn", abs(nmi - normalized_mutual_info_score(classes, clusters))
    yield "NMI", "torchmetrics (float32)", abs(nmi - float(NormalizedMutualInfoScore("arithmetic")(clusters, classes)))
    yield "ARI", "scikit-learn", abs(ari - adjusted_rand_score(classes, clusters))
    yield "ARI", "torchmetrics (float32)", abs(ari - float(AdjustedRandScore()(clusters, classes)))

    train_set, one, two = normal(200, 4), normal(150, 4, seed=1), normal(120, 4, seed=2)
    mine, other = cdist(one, train_set).min(1), cdist(two, train_set).min(1)
    known = mannwhitneyu(other, mine).statistic / (150 * 120)
    found = memorisation.nearest_neighbour_test(train_set, one, two).closer
    yield "nearest-neighbour test", "scipy cdist, mannwhitneyu", abs(found - known)
    draws = torch.arange(200.0)[torch.randint(200, (500,), generator=rng)][:, None]
    seen = torch.bincount(draws.flatten().long())
    known = int((seen * (seen - 1) // 2).sum())
    yield "collisions", "counting", abs(memorisation.support_size(draws, 0.0).collisions - known)


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"{'metric':32}{'reference':34}{'largest difference':>18}")
    for metric, reference, difference in rows():
        print(f"{metric:32}{reference:34}{difference:18.1e}")


if __name__ == "__main__":
    main()
