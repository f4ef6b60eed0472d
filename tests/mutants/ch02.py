"""Chapter 02: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import math

import numpy as np
import torch
from scipy.spatial.distance import cdist
from scipy.stats import chi2_contingency
from sklearn.neighbors import NearestNeighbors


def near(samples, centres, sigma, times=3.0):
    return torch.cdist(samples, centres) <= times * sigma


def covered_loop(samples, centres, sigma):
    found = 0
    for centre in centres:
        for sample in samples:
            if math.dist(sample.tolist(), centre.tolist()) <= 3 * sigma:
                found += 1
                break
    return found


def covered_off_by_one(samples, centres, sigma):
    found = 0
    for mode in range(len(centres) - 1):
        found += bool(((samples - centres[mode]).norm(dim=1) <= 3 * sigma).any())
    return found


def covered_by_nearest(samples, centres, sigma):
    distance, mode = torch.cdist(samples, centres).min(1)
    return torch.unique(mode[distance <= 3 * sigma]).numel()


def spread(samples, centres, sigma, about="own", ddof=1, times=3.0, per_dim=True, square=False, mean_of_modes=False):
    samples, centres = samples.numpy().astype(float), centres.numpy().astype(float)
    distances = cdist(samples, centres)
    mode = distances.argmin(1)
    keep = distances.min(1) <= times * sigma
    total, weight, each = 0.0, 0, []
    for k in np.unique(mode[keep]):
        own = samples[keep & (mode == k)]
        middle = own.mean(0) if about == "own" else centres[k]
        part, size = ((own - middle) ** 2).sum(), (len(own) - ddof) * (own.shape[1] if per_dim else 1)
        total, weight = total + part, weight + size
        if size:
            each.append(math.sqrt(part / size) / sigma)
    if mean_of_modes:
        return float(np.mean(each))
    return total / weight / sigma**2 if square else math.sqrt(total / weight) / sigma


def spread_by_residuals(samples, centres, sigma):
    distance, mode = torch.cdist(samples, centres).min(dim=1)
    samples, mode = samples[distance <= 3 * sigma], mode[distance <= 3 * sigma]
    member = torch.nn.functional.one_hot(mode, len(centres)).float()
    means = member.T @ samples / member.sum(0).clamp(min=1).unsqueeze(1)
    residuals = samples - means[mode]
    degrees = (len(samples) - int((member.sum(0) > 0).sum())) * samples.shape[1]
    return (residuals.pow(2).sum() / degrees).sqrt() / sigma


def spread_with_var(samples, centres, sigma):
    distance, mode = torch.cdist(samples, centres).min(dim=1)
    squares, degrees = torch.tensor(0.0), 0
    for k in mode[distance <= 3 * sigma].unique():
        own = samples[(mode == k) & (distance <= 3 * sigma)]
        if len(own) > 1:
            squares = squares + own.var(0).sum() * (len(own) - 1)
            degrees += (len(own) - 1) * own.shape[1]
    return (squares / degrees).sqrt().item() / sigma


def kl(p, q):
    return float(sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist(), strict=True) if a > 0))


def p_of(counts):
    return counts / counts.sum()


def kl_loop(counts, weights):
    total, divergence = sum(counts.tolist()), 0.0
    for count, weight in zip(counts.tolist(), weights.tolist(), strict=True):
        if count:
            divergence += count / total * math.log(count / total / weight)
    return divergence


def kl_off_by_one(counts, weights):
    p, divergence = p_of(counts), 0.0
    for k in range(1, len(p)):
        if p[k] > 0:
            divergence += float(p[k] * torch.log(p[k] / weights[k]))
    return divergence


def z_score(k1, n1, k2, n2):
    p1, p2 = k1.double() / n1, k2.double() / n2
    p = (k1 + k2).double() / (n1 + n2)
    z = (p1 - p2) / torch.sqrt(p * (1 - p) * (1 / n1 + 1 / n2))
    return torch.nan_to_num(z).float()


def z_loop(k1, n1, k2, n2):
    found = []
    for a, b in zip(k1.tolist(), k2.tolist(), strict=True):
        p = (a + b) / (n1 + n2)
        found.append((a / n1 - b / n2) / math.sqrt(p * (1 - p) * (n1 + n2) / (n1 * n2)) if 0 < p < 1 else 0.0)
    return torch.tensor(found)


def z_from_chi_square(k1, n1, k2, n2):
    found = []
    for a, b in zip(k1.tolist(), k2.tolist(), strict=True):
        if a + b in (0, n1 + n2):
            found.append(0.0)
            continue
        square = chi2_contingency([[a, n1 - a], [b, n2 - b]], correction=False).statistic
        found.append(math.copysign(math.sqrt(square), a / n1 - b / n2))
    return torch.tensor(found)


# ------------------------------------------------------------------- the grid, coverage, the clean band


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
    ones = torch.full((len(points),), 1 / len(points))
    return torch.zeros(cells, cells).index_put((index[:, 1], index[:, 0]), ones, accumulate=True).flatten()


def grid_with_spilled_edge(points, cells):
    column, row = (points * cells).long().unbind(1)
    return torch.bincount(column + cells * row, minlength=cells * cells) / len(points)


def grid_added_once(points, cells):
    index = (points * cells).long().clamp(max=cells - 1)
    share = torch.zeros(cells * cells)
    share[index[:, 0] + cells * index[:, 1]] += 1 / len(points)
    return share


def grid_rounded(points, cells):
    index = (points * cells).round().long().clamp(max=cells - 1)
    return torch.bincount(index[:, 0] + cells * index[:, 1], minlength=cells * cells) / len(points)


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


def grid_in_place(points, cells):
    return grid_by_loop(points.mul_(0.5).mul_(2).add_(1e-4).clamp_(max=1), cells)


def radius_of(x, place):
    return torch.cdist(x, x).sort(dim=1).values[:, place]


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


def coverage_with_self(real, generated, nearest_k=5):
    return (torch.cdist(real, generated).amin(1) < radius_of(real, nearest_k - 1)).float().mean()


def precision(real, generated, nearest_k=5):
    return (torch.cdist(generated, real) < radius_of(real, nearest_k)).any(1).float().mean()


def recall(real, generated, nearest_k=5):
    return (torch.cdist(real, generated) < radius_of(generated, nearest_k)).any(1).float().mean()


def density(real, generated, nearest_k=5):
    return (torch.cdist(generated, real) < radius_of(real, nearest_k)).float().sum(1).mean() / nearest_k


def share_of_pairs(real, generated, nearest_k=5):
    return (torch.cdist(real, generated) < radius_of(real, nearest_k)[:, None]).float().mean()


def uncovered(real, generated, nearest_k=5):
    return 1 - coverage_by_sort(real, generated, nearest_k)


def outside_by_inside(scores, clean):
    low, high = torch.quantile(clean, torch.tensor([0.025, 0.975]))
    return 1 - ((low <= scores) & (scores <= high)).float().mean()


def outside_by_numpy(scores, clean):
    low, high = np.percentile(clean.numpy(), [2.5, 97.5])
    return np.mean([not low <= score <= high for score in scores.tolist()])


def outside_by_count(scores, clean):
    low, high = clean.quantile(0.025), clean.quantile(0.975)
    return (len(scores[scores < low]) + len(scores[scores > high])) / len(scores)


def band(low, high):
    return lambda scores, clean: ((scores < low(clean)) | (scores > high(clean))).float().mean()


WRONG = {
    "metrics.modes_covered": [
        ("nearest-only", lambda s, c, sigma: torch.cdist(s, c).argmin(dim=1).unique().numel()),
        ("samples", lambda s, c, sigma: int(near(s, c, sigma).sum())),
        ("all", lambda s, c, sigma: int(near(s, c, sigma).all(dim=0).sum())),
        ("axis", lambda s, c, sigma: int(near(s, c, sigma).any(dim=1).sum())),
        ("one-sigma", lambda s, c, sigma: int(near(s, c, sigma, 1).any(dim=0).sum())),
        ("coordinates", lambda s, c, sigma: int(((s[:, None] - c).abs() <= 3 * sigma).all(-1).any(0).sum())),
        ("squared", lambda s, c, sigma: int(((s[:, None] - c).pow(2).sum(-1) <= 3 * sigma).any(0).sum())),
        ("value", lambda s, c, sigma: len(c)),
        ("value", covered_off_by_one),
        ("value", lambda s, c, sigma: int((near(s, c, sigma).sum(0) > 1).sum())),
        ("type", lambda s, c, sigma: near(s, c, sigma).any(dim=0)),
        ("type", lambda s, c, sigma: near(s, c, sigma).any(dim=0).nonzero().flatten().tolist()),
        ("print", lambda s, c, sigma: print(covered_by_nearest(s, c, sigma))),
        ("error", lambda s, c, sigma: int(near(c, s, sigma, 3).sum("modes"))),
        ("signature", lambda s, c: 8),
    ],
    "metrics.high_quality_share": [
        ("percent", lambda s, c, sigma: 100 * near(s, c, sigma).any(1).float().mean().item()),
        ("count", lambda s, c, sigma: int(near(s, c, sigma).any(1).sum())),
        ("all-pairs", lambda s, c, sigma: near(s, c, sigma).float().mean().item()),
        ("twice", lambda s, c, sigma: near(s, c, sigma).sum().item() / len(s)),
        ("complement", lambda s, c, sigma: (torch.cdist(s, c).amin(1) > 3 * sigma).float().mean().item()),
        ("modes", lambda s, c, sigma: near(s, c, sigma).any(0).float().mean().item()),
        ("one-sigma", lambda s, c, sigma: near(s, c, sigma, 1.0).any(1).float().mean().item()),
        (
            "coordinates",
            lambda s, c, sigma: ((s[:, None] - c).abs() <= 3 * sigma).all(-1).any(1).float().mean(),
        ),
        ("squared", lambda s, c, sigma: (torch.cdist(s, c).pow(2).amin(1) <= 3 * sigma).float().mean()),
        ("value", lambda s, c, sigma: near(s, c[:1], sigma).any(1).float().mean().item()),
        ("type", lambda s, c, sigma: near(s, c, sigma).any(1)),
        ("none", lambda s, c, sigma: [].append(near(s, c, sigma).any(1).float().mean().item())),
        ("in-place", lambda s, c, sigma: near(s.div_(2), c, sigma).any(1).float().mean().item()),
    ],
    "metrics.within_mode_spread": [
        ("not-divided", lambda s, c, sigma: spread(s, c, sigma) * sigma),
        ("variance", lambda s, c, sigma: spread(s, c, sigma, square=True)),
        ("about-centre", lambda s, c, sigma: spread(s, c, sigma, about="centre")),
        ("about-centre", lambda s, c, sigma: spread(s, c, sigma, about="centre", ddof=0)),
        ("degrees", lambda s, c, sigma: spread(s, c, sigma, ddof=0)),
        ("dimension", lambda s, c, sigma: spread(s, c, sigma, per_dim=False)),
        ("strays", lambda s, c, sigma: spread(s, c, sigma, times=1e9)),
        ("mean-of-modes", lambda s, c, sigma: spread(s, c, sigma, mean_of_modes=True)),
        ("all-in-one", lambda s, c, sigma: s.var(0).mean().sqrt().item() / sigma),
        ("value", lambda s, c, sigma: spread(s, c, sigma, times=1.0)),
        ("type", lambda s, c, sigma: s.std(0) / sigma),
        ("print", lambda s, c, sigma: print(spread(s, c, sigma))),
        ("value", lambda s, c, sigma: 1.0),
    ],
    "metrics.reverse_kl": [
        (
            "forward",
            lambda counts, weights: torch.special.xlogy(weights, weights / p_of(counts)).sum().item(),
        ),
        ("sign", lambda counts, weights: -kl(p_of(counts), weights)),
        ("bits", lambda counts, weights: kl(p_of(counts), weights) / math.log(2)),
        ("entropy", lambda counts, weights: -torch.special.xlogy(p_of(counts), p_of(counts)).sum().item()),
        ("uniform", lambda counts, weights: kl(p_of(counts), torch.full_like(weights, 1 / len(weights)))),
        (
            "not-normalised",
            lambda counts, weights: torch.special.xlogy(counts, counts / weights).sum().item(),
        ),
        ("mean", lambda counts, weights: kl(p_of(counts), weights) / len(weights)),
        (
            "symmetric",
            lambda counts, weights: 0.5 * ((p_of(counts) - weights) * (p_of(counts) / weights).log()).sum().item(),
        ),
        ("empty", lambda counts, weights: (p_of(counts) * (p_of(counts) / weights).log()).sum().item()),
        ("value", lambda counts, weights: kl(p_of(counts + 1), weights)),
        ("value", kl_off_by_one),
        ("type", lambda counts, weights: torch.special.xlogy(p_of(counts), p_of(counts) / weights)),
        ("value", lambda counts, weights: (p_of(counts) - weights).abs().sum().item() / 2),
        ("error", lambda counts, weights: math.log(p_of(counts) / weights)),
    ],
    "metrics.two_proportion_z": [
        ("sign", lambda k1, n1, k2, n2: z_score(k2, n2, k1, n1)),
        ("absolute", lambda k1, n1, k2, n2: z_score(k1, n1, k2, n2).abs()),
        (
            "unpooled",
            lambda k1, n1, k2, n2: (
                (k1 / n1 - k2 / n2) / (k1 / n1 * (1 - k1 / n1) / n1 + k2 / n2 * (1 - k2 / n2) / n2).sqrt()
            ),
        ),
        (
            "pooled-mean",
            lambda k1, n1, k2, n2: (
                (k1 / n1 - k2 / n2)
                / ((k1 / n1 + k2 / n2) / 2 * (1 - (k1 / n1 + k2 / n2) / 2) * (1 / n1 + 1 / n2)).sqrt()
            ),
        ),
        (
            "no-root",
            lambda k1, n1, k2, n2: (
                (k1 / n1 - k2 / n2) / ((k1 + k2) / (n1 + n2) * (1 - (k1 + k2) / (n1 + n2)) * (1 / n1 + 1 / n2))
            ),
        ),
        (
            "one-n",
            lambda k1, n1, k2, n2: (
                (k1 / n1 - k2 / n2) / ((k1 + k2) / (n1 + n2) * (1 - (k1 + k2) / (n1 + n2)) / (n1 + n2)).sqrt()
            ),
        ),
        ("squared", lambda k1, n1, k2, n2: z_score(k1, n1, k2, n2).square()),
        (
            "empty",
            lambda k1, n1, k2, n2: (
                (k1 / n1 - k2 / n2) / ((k1 + k2) / (n1 + n2) * (1 - (k1 + k2) / (n1 + n2)) * (1 / n1 + 1 / n2)).sqrt()
            ),
        ),
        ("value", lambda k1, n1, k2, n2: (k1 - k2) / (k1 + k2).clamp(min=1).sqrt()),
        ("shape", lambda k1, n1, k2, n2: z_score(k1, n1, k2, n2).mean()),
        ("dtype", lambda k1, n1, k2, n2: z_score(k1, n1, k2, n2).double()),
        ("dtype", lambda k1, n1, k2, n2: z_score(k1, n1, k2, n2).round().long()),
        ("tuple", lambda k1, n1, k2, n2: z_score(k1, n1, k2, n2).tolist()),
        ("numpy", lambda k1, n1, k2, n2: z_score(k1, n1, k2, n2).numpy()),
    ],
    "metrics.grid_proportions": [
        ("edge", lambda points, cells: grid_with_spilled_edge(points, cells)[: cells * cells]),
        ("edge", grid_with_spilled_edge),
        ("counts", lambda points, cells: grid_by_loop(points, cells) * len(points)),
        ("density", lambda points, cells: grid_by_loop(points, cells) * cells * cells),
        ("repeats", grid_added_once),
        ("transposed", lambda points, cells: grid_by_loop(points.flip(1), cells)),
        ("rounded", grid_rounded),
        (
            "shape",
            lambda points, cells: (
                ((points * cells).long().clamp(max=cells - 1) @ torch.tensor([1, cells])).bincount() / len(points)
            ),
        ),
        ("shape", lambda points, cells: grid_by_loop(points, cells).reshape(cells, cells)),
        ("value", grid_spliced),
        ("in-place", grid_in_place),
    ],
    "metrics.coverage": [
        ("self", coverage_with_self),
        ("precision", precision),
        ("recall", recall),
        ("density", density),
        ("every-pair", share_of_pairs),
        ("swapped", lambda real, generated, nearest_k=5: coverage_by_sort(generated, real, nearest_k)),
        ("k", lambda real, generated, nearest_k=5: coverage_by_sort(real, generated, 1)),
        ("count", lambda real, generated, nearest_k=5: len(real) * coverage_by_sort(real, generated, nearest_k)),
        ("value", lambda real, generated, nearest_k=5: coverage_by_sort(real, generated, 5)),
        ("value", lambda real, generated, nearest_k=5: coverage_by_sort(real, generated, nearest_k + 1)),
        ("value", uncovered),
    ],
    "metrics.outside_band": [
        ("inside", lambda scores, clean: 1 - outside_by_inside(scores, clean)),
        ("above-only", lambda scores, clean: (scores > clean.quantile(0.975)).float().mean()),
        ("below-only", lambda scores, clean: (scores < clean.quantile(0.025)).float().mean()),
        ("normal", band(lambda c: c.mean() - 1.96 * c.std(), lambda c: c.mean() + 1.96 * c.std())),
        ("ninety", band(lambda c: c.quantile(0.05), lambda c: c.quantile(0.95))),
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

RIGHT = {
    "metrics.modes_covered": [
        covered_loop,
        covered_by_nearest,
        lambda s, c, sigma: (torch.cdist(c, s).amin(1) <= 3 * sigma).sum(),
        lambda s, c, sigma: np.sum(cdist(s.numpy(), c.numpy()).min(0) <= 3 * sigma),
        lambda s, c, sigma: sum(bool(((s - m).square().sum(1) <= 9 * sigma**2).any()) for m in c),
    ],
    "metrics.high_quality_share": [
        lambda s, c, sigma: near(s, c, sigma).any(1).float().mean(),
        lambda s, c, sigma: sum(bool(((c - x).norm(dim=1) <= 3 * sigma).any()) for x in s) / len(s),
        lambda s, c, sigma: float((cdist(s.numpy(), c.numpy()).min(1) <= 3 * sigma).mean()),
        lambda s, c, sigma: 1 - (torch.cdist(s, c).amin(1) > 3 * sigma).double().mean().item(),
    ],
    "metrics.within_mode_spread": [spread, spread_by_residuals, spread_with_var],
    "metrics.reverse_kl": [
        kl_loop,
        lambda counts, weights: torch.special.xlogy(p_of(counts), p_of(counts) / weights).sum(),
        lambda counts, weights: torch.nn.functional.kl_div(weights.log(), p_of(counts), reduction="sum").item(),
        lambda counts, weights: float(np.nansum(p_of(counts).numpy() * np.log(p_of(counts).numpy() / weights.numpy()))),
    ],
    "metrics.two_proportion_z": [
        z_score,
        z_loop,
        z_from_chi_square,
        lambda k1, n1, k2, n2: (
            ((k1 / n1 - k2 / n2) / ((k1 + k2) / (n1 + n2) * (1 - (k1 + k2) / (n1 + n2))).sqrt())
            .div(math.sqrt(1 / n1 + 1 / n2))
            .nan_to_num(0.0)
        ),
    ],
    "metrics.grid_proportions": [grid_by_histogram, grid_by_loop, grid_accumulated],
    "metrics.coverage": [coverage_by_sort, coverage_by_sklearn, coverage_by_kthvalue],
    "metrics.outside_band": [outside_by_inside, outside_by_numpy, outside_by_count],
}
