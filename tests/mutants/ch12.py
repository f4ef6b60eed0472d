"""Chapter 12: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import torch


def means(seeds, values, of):
    return torch.stack([of(values[seeds == seed]) for seed in seeds.unique()])


def pandas_mean(seeds, values):
    import pandas as pd

    table = pd.DataFrame({"seed": seeds.numpy(), "value": values.double().numpy()})
    return torch.tensor(table.groupby("seed")["value"].mean().to_numpy(), dtype=torch.float32)


def scattered(seeds, values):
    _, place, count = seeds.unique(return_inverse=True, return_counts=True)
    return torch.zeros(len(count)).index_add(0, place, values) / count


def matrix(seeds, values):
    belongs = (seeds.unique()[:, None] == seeds[None, :]).float()
    return belongs @ values / belongs.sum(1)


def overwritten(seeds, values):
    found = {}
    for seed, value in zip(seeds.tolist(), values, strict=True):
        found[seed] = value
    return torch.stack([found[seed] for seed in sorted(found)])


def neighbours(seeds, values):
    means_, start = [], 0
    for end in range(1, len(seeds) + 1):
        if end == len(seeds) or seeds[end] != seeds[end - 1]:
            means_.append(values[start:end].mean())
            start = end
    return torch.stack(means_)


def changes_its_input(seeds, values):
    result = means(seeds, values, torch.mean)
    values.zero_()
    return result


def loop(seeds_a, a, seeds_b, b):
    found = []
    for seed in seeds_a.sort().values.tolist():
        if seed in seeds_b.tolist():
            found.append(a[seeds_a.tolist().index(seed)] - b[seeds_b.tolist().index(seed)])
    return torch.stack(found) if found else torch.empty(0)


def masks(seeds_a, a, seeds_b, b):
    in_a, in_b = torch.isin(seeds_a, seeds_b), torch.isin(seeds_b, seeds_a)
    one, other = a[in_a][seeds_a[in_a].argsort()], b[in_b][seeds_b[in_b].argsort()]
    return one - other


def pandas_pairs(seeds_a, a, seeds_b, b):
    import pandas as pd

    one, other = pd.Series(a.numpy(), seeds_a.numpy()), pd.Series(b.numpy(), seeds_b.numpy())
    return torch.tensor((one - other).dropna().sort_index().to_numpy())


def join(seeds_a, a, seeds_b, b):
    same = seeds_a[:, None] == seeds_b[None, :]
    rows, columns = same.nonzero(as_tuple=True)
    order = seeds_a[rows].argsort()
    return (a[rows] - b[columns])[order]


def short(seeds_a, a, seeds_b, b):
    size = min(len(a), len(b))
    return torch.stack([x - y for x, y in zip(a[:size], b[:size], strict=True)])


def filled(seeds_a, a, seeds_b, b):
    size = int(max(seeds_a.max(), seeds_b.max())) + 1
    one, other = torch.zeros(size), torch.zeros(size)
    one[seeds_a], other[seeds_b] = a, b
    return (one - other)[sorted({*seeds_a.tolist(), *seeds_b.tolist()})]


def no_empty(seeds_a, a, seeds_b, b):
    shared = sorted(set(seeds_a.tolist()) & set(seeds_b.tolist()))
    return torch.stack([a[seeds_a == s][0] - b[seeds_b == s][0] for s in shared])


def order_of_a(seeds_a, a, seeds_b, b):
    kept = [value - b[seeds_b == seed][0] for seed, value in zip(seeds_a, a, strict=True) if seed in seeds_b]
    return torch.stack(kept) if kept else torch.empty(0)


WRONG = {
    "report.one_number_a_seed": [
        ("all", lambda seeds, values: values),
        ("all", lambda seeds, values: values[torch.argsort(seeds, stable=True)]),
        ("sum", lambda seeds, values: means(seeds, values, torch.sum)),
        ("first", lambda seeds, values: means(seeds, values, lambda v: v[0])),
        ("last", overwritten),
        ("median", lambda seeds, values: means(seeds, values, torch.median)),
        ("best", lambda seeds, values: means(seeds, values, torch.max)),
        ("appearance", lambda seeds, values: torch.stack(
            [values[seeds == s].mean() for s in sorted(set(seeds.tolist()), key=seeds.tolist().index)])),
        ("neighbours", neighbours),
        ("in-place", changes_its_input),
        ("shape", lambda seeds, values: values.mean()),
        ("tuple", lambda seeds, values: means(seeds, values, torch.mean).tolist()),
        ("type", lambda seeds, values: dict(zip(seeds.tolist(), values, strict=True))),
        ("numpy", lambda seeds, values: means(seeds, values, torch.mean).numpy()),
    ],
    "report.paired_differences": [
        ("by-place", short),
        ("by-value", lambda sa, a, sb, b: a.sort().values[: len(b)] - b.sort().values[: len(a)]),
        ("sign", lambda sa, a, sb, b: loop(sb, b, sa, a)),
        ("absolute", lambda sa, a, sb, b: loop(sa, a, sb, b).abs()),
        ("unpaired", lambda sa, a, sb, b: a - b.mean()),
        ("filled", filled),
        ("order", order_of_a),
        ("shape", lambda sa, a, sb, b: loop(sa, a, sb, b).mean()),
        ("error", no_empty),
        ("print", lambda sa, a, sb, b: print(loop(sa, a, sb, b))),
        ("tuple", lambda sa, a, sb, b: loop(sa, a, sb, b).tolist()),
    ],
}  # fmt: skip

RIGHT = {
    "report.one_number_a_seed": [scattered, matrix, pandas_mean,
                                 lambda seeds, values: means(seeds, values, torch.mean)],
    "report.paired_differences": [loop, masks, pandas_pairs, join],
}  # fmt: skip
