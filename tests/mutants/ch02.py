"""Chapter 02: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import math

import numpy as np
import torch
from scipy.stats import entropy
from sklearn.neighbors import NearestNeighbors

from ganlab.metrics.modes import nearest_mode

xlogy = torch.special.xlogy


def counts_of(samples, mixture, within=3.0):
    mode, in_sigmas = nearest_mode(samples, mixture)
    return mode[in_sigmas <= within].bincount(minlength=mixture.modes)


def proportions(samples, mixture, within=3.0):
    counts = counts_of(samples, mixture, within)
    return counts / counts.sum()


def own_samples(samples, mixture, within=3.0):
    mode, in_sigmas = nearest_mode(samples, mixture)
    return [samples[(mode == k) & (in_sigmas <= within)] for k in range(mixture.modes)]


# ------------------------------------------------------------------------------------------------- right


def counts_by_loop(samples, mixture, within=3.0):
    mode, in_sigmas = nearest_mode(samples, mixture)
    return torch.stack([((mode == k) & (in_sigmas <= within)).sum() for k in range(mixture.modes)])


def counts_from_cdist(samples, mixture, within=3):
    nearest = (torch.cdist(samples, mixture.centres) / mixture.sigma).min(dim=1)
    good = nearest.values < within
    return torch.bincount(nearest.indices[good], minlength=len(mixture.centres))


def counts_one_hot(samples, mixture, within=3.0):
    mode, in_sigmas = nearest_mode(samples, mixture)
    return (torch.nn.functional.one_hot(mode, mixture.modes) * (in_sigmas <= within)[:, None]).sum(0)


def counts_scattered(samples, mixture, within=3.0):
    mode, in_sigmas = nearest_mode(samples, mixture)
    return torch.zeros(mixture.modes, dtype=torch.long).index_add(0, mode, (in_sigmas <= within).long())


def kl_without_empty_modes(samples, mixture, within=3.0):
    p = proportions(samples, mixture, within)
    seen = p > 0
    return (p[seen] * (p[seen].log() - mixture.weights[seen].log())).sum()


def kl_by_loop(samples, mixture, within=3.0):
    p = proportions(samples, mixture, within).tolist()
    return sum(a * math.log(a / b) for a, b in zip(p, mixture.weights.tolist(), strict=True) if a > 0)


def kl_by_scipy(samples, mixture, within=3.0):
    return torch.tensor(entropy(counts_of(samples, mixture, within), mixture.weights))


def kl_by_torch(samples, mixture, within=3.0):
    p = proportions(samples, mixture, within)
    return torch.nn.functional.kl_div(mixture.weights.log(), p, reduction="sum")


def spread_by_std(samples, mixture, within=3.0):
    own = own_samples(samples, mixture, within)
    square = sum(
        x.var(0).sum() * (len(x) - 1) / s**2 for x, s in zip(own, mixture.sigma, strict=True) if len(x) > 1
    )
    return (square / sum(mixture.dim * (len(x) - 1) for x in own if len(x) > 1)).sqrt()


def spread_from_deviations(samples, mixture, within=3.0):
    own = [x for x in own_samples(samples, mixture, within)]
    pooled = torch.cat([(x - x.mean(0)) / s for x, s in zip(own, mixture.sigma, strict=True) if len(x)])
    freedom = 2 * sum(max(0, len(x) - 1) for x in own)
    return pooled.square().sum().div(freedom).sqrt()


def spread_in_python(samples, mixture, within=3.0):
    squares = freedom = 0
    for x, s in zip(own_samples(samples, mixture, within), mixture.sigma.tolist(), strict=True):
        if len(x) < 2:
            continue
        squares += float(((x - x.mean(dim=0, keepdim=True)) / s).pow(2).sum())
        freedom += 2 * len(x) - 2
    return math.sqrt(squares / freedom)


def grid_by_histogram(points, cells):
    table, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=cells, range=[[0, 1], [0, 1]])
    return torch.tensor(table.flatten() / len(points))


def grid_by_loop(points, cells):
    share = torch.zeros(cells * cells)
    for x, y in points.tolist():
        share[min(int(x * cells), cells - 1) + cells * min(int(y * cells), cells - 1)] += 1 / len(points)
    return share


def grid_accumulated(points, cells):
    index = (points * cells).floor().long().clamp(0, cells - 1)
    share = torch.zeros(cells, cells)
    ones = torch.full((len(points),), 1 / len(points))
    return share.index_put((index[:, 1], index[:, 0]), ones, accumulate=True).flatten()


def z_nan_to_num(p, n, q, m):
    r = (p * n + q * m) / (n + m)
    return torch.nan_to_num((q - p) / torch.sqrt(r * (1 - r) * (1 / n + 1 / m)))


def z_from_counts(p, n, q, m):
    a, b = p * n, q * m
    r = (a + b) / (n + m)
    return (b / m - a / n) / (r * (1 - r) * (n + m) / (n * m)).sqrt().clamp(min=1e-12)


def z_in_double(p, n, q, m):
    p, q = p.double(), q.double()
    r = (p * n + q * m) / (n + m)
    variance = r * (1 - r) * (1 / n + 1 / m)
    z = torch.zeros_like(p)
    filled = variance > 0
    z[filled] = (q - p)[filled] / variance[filled].sqrt()
    return z


def coverage_by_sort(real, generated, nearest_k=5):
    between = (real[:, None] - real).norm(dim=-1)
    radius = between.sort(dim=1).values[:, nearest_k]
    return ((real[:, None] - generated).norm(dim=-1) < radius[:, None]).any(1).float().mean()


def coverage_by_sklearn(real, generated, nearest_k=5):
    radius = NearestNeighbors(n_neighbors=nearest_k).fit(real).kneighbors()[0][:, -1]
    closest = NearestNeighbors(n_neighbors=1).fit(generated).kneighbors(real)[0][:, 0]
    return float((closest < radius).mean())


def coverage_by_kthvalue(real, generated, nearest_k=5):
    between = torch.cdist(real, real).fill_diagonal_(math.inf)
    inside = torch.cdist(generated, real) < between.kthvalue(nearest_k, dim=1).values
    return inside.any(0).sum() / len(real)


def outside_by_inside(scores, clean):
    low, high = torch.quantile(clean, torch.tensor([0.025, 0.975]))
    return 1 - ((low <= scores) & (scores <= high)).float().mean()


def outside_by_numpy(scores, clean):
    low, high = np.percentile(clean.numpy(), [2.5, 97.5])
    return np.mean([not low <= score <= high for score in scores.tolist()])


def outside_by_count(scores, clean):
    low, high = clean.quantile(0.025), clean.quantile(0.975)
    return (len(scores[scores < low]) + len(scores[scores > high])) / len(scores)


RIGHT = {
    "metrics.mode_counts": [counts_by_loop, counts_from_cdist, counts_one_hot, counts_scattered],
    "metrics.modes_covered": [
        lambda samples, mixture, within=3.0: (counts_of(samples, mixture, within) > 0).sum(),
        lambda samples, mixture, within=3.0: int(counts_of(samples, mixture, within).count_nonzero()),
        lambda samples, mixture, within=3.0: len(counts_of(samples, mixture, within).nonzero()),
        lambda samples, mixture, within=3.0: sum(len(x) > 0 for x in own_samples(samples, mixture, within)),
    ],
    "metrics.high_quality_share": [
        lambda samples, mixture, within=3.0: (nearest_mode(samples, mixture)[1] <= within).float().mean(),
        lambda samples, mixture, within=3.0: counts_of(samples, mixture, within).sum() / samples.shape[0],
        lambda samples, mixture, within=3.0: (
            sum(map(len, own_samples(samples, mixture, within))) / len(samples)
        ),
        lambda samples, mixture, within=3.0: torch.mean(
            (torch.cdist(samples, mixture.centres) / mixture.sigma).amin(1).le(within), dtype=torch.float64
        ),
    ],
    "metrics.reverse_kl": [kl_without_empty_modes, kl_by_loop, kl_by_scipy, kl_by_torch],
    "metrics.within_mode_spread": [spread_by_std, spread_from_deviations, spread_in_python],
    "metrics.grid_proportions": [grid_by_histogram, grid_by_loop, grid_accumulated],
    "metrics.two_proportion_z": [z_nan_to_num, z_from_counts, z_in_double],
    "metrics.coverage": [coverage_by_sort, coverage_by_sklearn, coverage_by_kthvalue],
    "metrics.outside_band": [outside_by_inside, outside_by_numpy, outside_by_count],
}

# ------------------------------------------------------------------------------------------------- wrong


def spread_about_centre(samples, mixture, within=3.0):
    mode, in_sigmas = nearest_mode(samples, mixture)
    good = in_sigmas <= within
    squares = (samples - mixture.centres[mode])[good].square().sum(1) / mixture.sigma[mode][good] ** 2
    reached = counts_of(samples, mixture, within)
    return (squares.sum() / (2 * (reached - 1).clamp(min=0).sum())).sqrt()


def spread_mean_of_modes(samples, mixture, within=3.0):
    own = own_samples(samples, mixture, within)
    each = [x.var(0).mean().sqrt() / s for x, s in zip(own, mixture.sigma, strict=True) if len(x) > 1]
    return torch.stack(each).mean()


def spread_with_parts(minus=1, dim=2, sigma=True, root=True, filtered=True):
    def spread(samples, mixture, within=3.0):
        squares = freedom = 0
        own = own_samples(samples, mixture, within if filtered else math.inf)
        for x, s in zip(own, mixture.sigma, strict=True):
            if len(x) > 1:
                squares = squares + (x - x.mean(0)).square().sum() / (s**2 if sigma else 1)
                freedom += dim * (len(x) - minus)
        return (squares / freedom).sqrt() if root else squares / freedom

    return spread


def spread_nan(samples, mixture, within=3.0):
    own = own_samples(samples, mixture, within)
    return torch.stack([x.std(0).mean() / s for x, s in zip(own, mixture.sigma, strict=True)]).mean()


def grid_with_spilled_edge(points, cells):
    index = (points * cells).long()
    return torch.bincount(index[:, 0] + cells * index[:, 1], minlength=cells * cells) / len(points)


def grid_added_once(points, cells):
    index = (points * cells).long().clamp(max=cells - 1)
    share = torch.zeros(cells * cells)
    share[index[:, 0] + cells * index[:, 1]] += 1 / len(points)
    return share


def grid_spliced(points, cells):
    """The published mistake: takes a growing piece out of the list, and uses its first two numbers."""
    values, share = points.flatten().tolist(), torch.zeros(cells * cells)
    for i in range(len(points)):
        piece = values[2 * i : 4 * i + 2]
        del values[2 * i : 4 * i + 2]
        if len(piece) >= 2:
            column, row = (min(int(x * cells), cells - 1) for x in piece[:2])
            share[column + cells * row] += 1 / len(points)
    return share


def z_pooled_by(pool):
    def z(p, n, q, m):
        r = pool(p, n, q, m)
        error = (r * (1 - r) * (1 / n + 1 / m)).sqrt()
        return torch.where(error > 0, (q - p) / error, 0.0)

    return z


def z_over(variance):
    def z(p, n, q, m):
        v = variance(p, n, q, m)
        return torch.where(v > 0, (q - p) / v.sqrt(), torch.zeros_like(p))

    return z


def radius_of(x, place):
    return torch.cdist(x, x).sort(dim=1).values[:, place]


def coverage_from(inside):
    def wrong(real, generated, nearest_k=5):
        return inside(real, generated, nearest_k)

    return wrong


def band(low, high):
    def wrong(scores, clean):
        return ((scores < low(clean)) | (scores > high(clean))).float().mean()

    return wrong


WRONG = {
    "metrics.mode_counts": [
        (
            "filter",
            lambda samples, mixture, within=3.0: nearest_mode(samples, mixture)[0].bincount(
                minlength=mixture.modes
            ),
        ),
        (
            "sigma-twice",
            lambda samples, mixture, within=3.0: counts_of(
                samples, mixture, within * float(mixture.sigma[0])
            ),
        ),
        (
            "outside",
            lambda samples, mixture, within=3.0: (pair := nearest_mode(samples, mixture))[0][
                pair[1] > within
            ].bincount(minlength=mixture.modes),
        ),
        ("covered", lambda samples, mixture, within=3.0: (counts_of(samples, mixture, within) > 0).long()),
        ("covered", lambda samples, mixture, within=3.0: counts_of(samples, mixture, within) > 0),
        ("dtype", proportions),
        ("within", lambda samples, mixture, within=3.0: counts_of(samples, mixture)),
        (
            "shape",
            lambda samples, mixture, within=3.0: (pair := nearest_mode(samples, mixture))[0][
                pair[1] <= within
            ].bincount(),
        ),
        ("shape", lambda samples, mixture, within=3.0: counts_of(samples, mixture, within).sum()),
        (
            "shape",
            lambda samples, mixture, within=3.0: (pair := nearest_mode(samples, mixture))[0][
                pair[1] <= within
            ].unique(return_counts=True)[1],
        ),
        (
            "every-mode",
            lambda samples, mixture, within=3.0: (
                torch.cdist(samples, mixture.centres) <= within * mixture.sigma.max()
            ).sum(0),
        ),
        ("tuple", lambda samples, mixture, within=3.0: counts_of(samples, mixture, within).tolist()),
        ("signature", lambda samples, mixture, centres, sigma: counts_of(samples, mixture)),
    ],
    "metrics.modes_covered": [
        ("filter", lambda samples, mixture, within=3.0: len(nearest_mode(samples, mixture)[0].unique())),
        (
            "share",
            lambda samples, mixture, within=3.0: (counts_of(samples, mixture, within) > 0).float().mean(),
        ),
        ("missing", lambda samples, mixture, within=3.0: (counts_of(samples, mixture, within) == 0).sum()),
        ("samples", lambda samples, mixture, within=3.0: counts_of(samples, mixture, within).sum()),
        ("two-samples", lambda samples, mixture, within=3.0: (counts_of(samples, mixture, within) > 1).sum()),
        ("within", lambda samples, mixture, within=3.0: (counts_of(samples, mixture) > 0).sum()),
        ("value", lambda samples, mixture, within=3.0: int(counts_of(samples, mixture, within).max() > 0)),
        (
            "print",
            lambda samples, mixture, within=3.0: print((counts_of(samples, mixture, within) > 0).sum()),
        ),
        ("type", lambda samples, mixture, within=3.0: counts_of(samples, mixture, within) > 0),
    ],
    "metrics.high_quality_share": [
        ("count", lambda samples, mixture, within=3.0: counts_of(samples, mixture, within).sum()),
        (
            "percent",
            lambda samples, mixture, within=3.0: (
                100 * counts_of(samples, mixture, within).sum() / len(samples)
            ),
        ),
        (
            "outside",
            lambda samples, mixture, within=3.0: (nearest_mode(samples, mixture)[1] > within).float().mean(),
        ),
        (
            "modes",
            lambda samples, mixture, within=3.0: (counts_of(samples, mixture, within) > 0).float().mean(),
        ),
        (
            "mean-count",
            lambda samples, mixture, within=3.0: counts_of(samples, mixture, within).float().mean(),
        ),
        ("within", lambda samples, mixture, within=3.0: counts_of(samples, mixture).sum() / len(samples)),
        (
            "value",
            lambda samples, mixture, within=3.0: counts_of(samples, mixture, within).sum() / samples.numel(),
        ),
        (
            "value",
            lambda samples, mixture, within=3.0: (
                ((samples[:, None] - mixture.centres).abs().amax(-1).amin(1) <= within * mixture.sigma[0])
                .float()
                .mean()
            ),
        ),
    ],
    "metrics.reverse_kl": [
        (
            "empty-mode",
            lambda samples, mixture, within=3.0: (
                (p := proportions(samples, mixture, within)) * (p.log() - mixture.weights.log())
            ).sum(),
        ),
        (
            "direction",
            lambda samples, mixture, within=3.0: (
                mixture.weights * (mixture.weights / proportions(samples, mixture, within)).log()
            ).sum(),
        ),
        (
            "bits",
            lambda samples, mixture, within=3.0: (
                kl_without_empty_modes(samples, mixture, within) / math.log(2)
            ),
        ),
        ("sign", lambda samples, mixture, within=3.0: -kl_without_empty_modes(samples, mixture, within)),
        (
            "uniform",
            lambda samples, mixture, within=3.0: xlogy(
                p := proportions(samples, mixture, within), p * mixture.modes
            ).sum(),
        ),
        (
            "uniform",
            lambda samples, mixture, within=3.0: (
                math.log(mixture.modes) - entropy(proportions(samples, mixture, within))
            ),
        ),
        (
            "kept",
            lambda samples, mixture, within=3.0: xlogy(
                p := counts_of(samples, mixture, within) / len(samples), p / mixture.weights
            ).sum(),
        ),
        ("filter", lambda samples, mixture, within=3.0: kl_without_empty_modes(samples, mixture, math.inf)),
        ("entropy", lambda samples, mixture, within=3.0: entropy(proportions(samples, mixture, within))),
        (
            "mean",
            lambda samples, mixture, within=3.0: xlogy(
                p := proportions(samples, mixture, within), p / mixture.weights
            ).mean(),
        ),
        ("within", lambda samples, mixture, within=3.0: kl_without_empty_modes(samples, mixture)),
        (
            "type",
            lambda samples, mixture, within=3.0: (
                (p := proportions(samples, mixture, within)) * (p / mixture.weights).log()
            ),
        ),
    ],
    "metrics.within_mode_spread": [
        ("about-centre", spread_about_centre),
        ("pooled", spread_mean_of_modes),
        ("freedom", spread_with_parts(minus=0)),
        ("dim", spread_with_parts(dim=1)),
        ("sigma", spread_with_parts(sigma=False)),
        ("variance", spread_with_parts(root=False)),
        ("filter", spread_with_parts(filtered=False)),
        ("global", lambda samples, mixture, within=3.0: samples.std(0).mean() / mixture.sigma.mean()),
        ("within", lambda samples, mixture, within=3.0: spread_by_std(samples, mixture)),
        ("single", spread_nan),
        ("value", lambda samples, mixture, within=3.0: nearest_mode(samples, mixture)[1].mean()),
        ("value", lambda samples, mixture, within=3.0: samples.std() / mixture.sigma.mean()),
    ],
    "metrics.grid_proportions": [
        ("edge", lambda points, cells: grid_with_spilled_edge(points, cells)[: cells * cells]),
        ("edge", grid_with_spilled_edge),
        ("counts", lambda points, cells: grid_by_loop(points, cells) * len(points)),
        ("density", lambda points, cells: grid_by_loop(points, cells) * cells * cells),
        ("occupied", grid_added_once),
        ("transposed", lambda points, cells: grid_by_loop(points.flip(1), cells)),
        (
            "rounded",
            lambda points, cells: (
                (
                    (index := (points * cells).round().long().clamp(max=cells - 1))[:, 0]
                    + cells * index[:, 1]
                ).bincount(minlength=cells * cells)
                / len(points)
            ),
        ),
        ("shape", lambda points, cells: grid_by_loop(points, cells).reshape(cells, cells)),
        ("value", grid_spliced),
        (
            "in-place",
            lambda points, cells: grid_by_loop(points.mul_(cells).clamp_(max=cells - 1).div_(cells), cells),
        ),
    ],
    "metrics.two_proportion_z": [
        (
            "empty-bin",
            lambda p, n, q, m: (
                (q - p) / ((r := (n * p + m * q) / (n + m)) * (1 - r) * (1 / n + 1 / m)).sqrt()
            ),
        ),
        ("sign", lambda p, n, q, m: -z_in_double(p, n, q, m)),
        ("absolute", lambda p, n, q, m: z_in_double(p, n, q, m).abs()),
        ("unpooled", z_over(lambda p, n, q, m: p * (1 - p) / n + q * (1 - q) / m)),
        ("simple-mean", z_pooled_by(lambda p, n, q, m: (p + q) / 2)),
        ("one-sample", z_over(lambda p, n, q, m: p * (1 - p) / m)),
        ("difference", lambda p, n, q, m: q - p),
        (
            "root",
            lambda p, n, q, m: torch.nan_to_num(
                (q - p) / ((r := (n * p + m * q) / (n + m)) * (1 - r) * (1 / n + 1 / m))
            ),
        ),
        ("value", z_over(lambda p, n, q, m: (r := (n * p + m * q) / (n + m)) * (1 - r) * (1 / n))),
        ("value", z_pooled_by(lambda p, n, q, m: (n * q + m * p) / (n + m))),
        ("shape", lambda p, n, q, m: z_in_double(p, n, q, m).sum()),
    ],
    "metrics.coverage": [
        (
            "self",
            coverage_from(
                lambda real, fake, k: (
                    (torch.cdist(real, fake).amin(1) < radius_of(real, k - 1)).float().mean()
                )
            ),
        ),
        (
            "precision",
            coverage_from(
                lambda real, fake, k: (torch.cdist(fake, real) < radius_of(real, k)).any(1).float().mean()
            ),
        ),
        (
            "recall",
            coverage_from(
                lambda real, fake, k: (torch.cdist(real, fake) < radius_of(fake, k)).any(1).float().mean()
            ),
        ),
        (
            "density",
            coverage_from(
                lambda real, fake, k: (torch.cdist(fake, real) < radius_of(real, k)).float().sum(1).mean() / k
            ),
        ),
        (
            "every-pair",
            coverage_from(
                lambda real, fake, k: (torch.cdist(real, fake) < radius_of(real, k)[:, None]).float().mean()
            ),
        ),
        ("swapped", lambda real, generated, nearest_k=5: coverage_by_sort(generated, real, nearest_k)),
        ("k", lambda real, generated, nearest_k=5: coverage_by_sort(real, generated, 1)),
        (
            "count",
            lambda real, generated, nearest_k=5: len(real) * coverage_by_sort(real, generated, nearest_k),
        ),
        ("value", lambda real, generated, nearest_k=5: coverage_by_sort(real, generated, 5)),
        ("value", lambda real, generated, nearest_k=5: coverage_by_sort(real, generated, nearest_k + 1)),
        (
            "value",
            coverage_from(
                lambda real, fake, k: (torch.cdist(real, fake).amin(1) >= radius_of(real, k)).float().mean()
            ),
        ),
    ],
    "metrics.outside_band": [
        ("inside", lambda scores, clean: 1 - outside_by_inside(scores, clean)),
        ("above-only", lambda scores, clean: (scores > clean.quantile(0.975)).float().mean()),
        ("below-only", lambda scores, clean: (scores < clean.quantile(0.025)).float().mean()),
        ("normal", band(lambda c: c.mean() - 1.96 * c.std(), lambda c: c.mean() + 1.96 * c.std())),
        ("90", band(lambda c: c.quantile(0.05), lambda c: c.quantile(0.95))),
        ("one-tail", lambda scores, clean: (scores > clean.quantile(0.95)).float().mean()),
        ("range", band(torch.min, torch.max)),
        ("swapped", lambda scores, clean: outside_by_inside(clean, scores)),
        ("count", lambda scores, clean: outside_by_inside(scores, clean) * len(scores)),
        (
            "edge",
            lambda scores, clean: (
                ((scores <= clean.quantile(0.025)) | (scores >= clean.quantile(0.975))).float().mean()
            ),
        ),
        ("type", lambda scores, clean: (scores < clean.quantile(0.025)) | (scores > clean.quantile(0.975))),
    ],
}
