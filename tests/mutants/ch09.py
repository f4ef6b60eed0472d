"""Chapter 09: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import math

import numpy as np
import torch

NEVER = -math.inf


def loop_best(scores):
    best, place = NEVER, 0
    for number, row in enumerate(scores.tolist()):
        mean = sum(row) / len(row)
        if mean > best:  # False for NaN
            best, place = mean, number
    return torch.tensor(place)


def masked_best(scores):
    means = scores.mean(1)
    return torch.where(means.isnan(), torch.full_like(means, NEVER), means).argmax()


def numpy_best(scores):
    means = scores.double().numpy().mean(1)
    return torch.tensor(int(np.nanargmax(means)))


def loop_steps(seconds_a_step, baseline, steps):
    seconds = steps * float(seconds_a_step[baseline])
    return torch.tensor([max(1, math.floor(seconds / one)) for one in seconds_a_step.tolist()])


def numpy_interval(a, b, draws):
    d = (a - b).numpy()
    low, high = np.percentile(d[draws.numpy()].mean(1), [2.5, 97.5])
    return torch.tensor([d.mean(), low, high], dtype=torch.float32)


def both_redrawn(a, b, draws):
    means = a[draws].mean(1) - b[draws].mean(1)
    return torch.stack([(a - b).mean(), means.quantile(0.025), means.quantile(0.975)])


def weights_of_seeds(a, b, draws):
    counts = torch.nn.functional.one_hot(draws, len(a)).sum(1).float()
    means = counts @ (a - b) / len(a)
    return torch.cat([(a - b).mean()[None], means.quantile(torch.tensor([0.025, 0.975]))])


def interval_with(redrawn, low=0.025, high=0.975):
    def answer(a, b, draws):
        values = redrawn(a, b, draws)
        return torch.stack([(a - b).mean(), values.quantile(low), values.quantile(high)])

    return answer


def loop_optimism(tuning, fresh):
    means = [float(row.mean()) for row in tuning]
    place = means.index(max(means))
    return tuning[place].mean() - fresh[place].mean()


def sorted_optimism(tuning, fresh):
    place = tuning.sum(1).argsort()[-1]
    return tuning.mean(1)[place] - fresh.mean(1)[place]


WRONG = {
    "protocol.smear_share": [
        ("one", lambda modes, sigma, side: math.pi * (3 * sigma) ** 2 / side**2),
        ("sigma", lambda modes, sigma, side: modes * math.pi * sigma**2 / side**2),
        ("triple", lambda modes, sigma, side: modes * math.pi * 3 * sigma**2 / side**2),
        ("diameter", lambda modes, sigma, side: modes * math.pi * (3 * sigma / 2) ** 2 / side**2),
        ("square", lambda modes, sigma, side: modes * (6 * sigma) ** 2 / side**2),
        ("side", lambda modes, sigma, side: modes * math.pi * (3 * sigma) ** 2 / side),
        ("gauss", lambda modes, sigma, side: modes * math.pi * 9 * sigma**2 / side**2 * (1 - math.exp(-4.5))),
        ("percent", lambda modes, sigma, side: 100 * modes * math.pi * (3 * sigma) ** 2 / side**2),
        ("type", lambda modes, sigma, side: f"{modes * math.pi * (3 * sigma) ** 2 / side**2}"),
    ],
    "protocol.best_try": [
        ("luckiest", lambda scores: scores.nan_to_num(nan=NEVER).max(1).values.argmax()),
        ("entry", lambda scores: scores.nan_to_num(nan=NEVER).argmax()),
        ("worst-seed", lambda scores: scores.nan_to_num(nan=NEVER).min(1).values.argmax()),
        ("median", lambda scores: scores.median(1).values.nan_to_num(nan=NEVER).argmax()),
        ("worst", lambda scores: scores.mean(1).argmin()),
        ("axis", lambda scores: scores.mean(0).argmax()),
        ("nan", lambda scores: scores.mean(1).argmax()),
        ("nan", lambda scores: scores.nansum(1).argmax()),
        ("float", lambda scores: int(masked_best(scores))),
    ],
    "protocol.equal_time_steps": [
        ("ratio", lambda s, b, n: (n * s / s[b]).floor().clamp(min=1).long()),
        ("round", lambda s, b, n: (n * s[b] / s).round().clamp(min=1).long()),
        ("ceil", lambda s, b, n: (n * s[b] / s).ceil().long()),
        ("none", lambda s, b, n: (n * s[b] / s).long()),
        ("first", lambda s, b, n: (n * s[0] / s).floor().clamp(min=1).long()),
        ("slowest", lambda s, b, n: (n * s.max() / s).long().clamp(min=1)),
        ("same", lambda s, b, n: torch.full((len(s),), n)),
        ("dtype", lambda s, b, n: (n * s[b] / s).clamp(min=1)),
        ("tuple", lambda s, b, n: loop_steps(s, b, n).tolist()),
    ],
    "protocol.paired_interval": [
        ("sign", lambda a, b, draws: both_redrawn(b, a, draws)),
        ("unpaired", interval_with(lambda a, b, draws: a[draws].mean(1) - b[draws.flip(0)].mean(1))),
        ("one-sided", interval_with(lambda a, b, draws: a[draws].mean(1) - b.mean())),
        ("seeds", interval_with(lambda a, b, draws: a - b)),
        ("flat", interval_with(lambda a, b, draws: (a - b)[draws].flatten())),
        ("axis", interval_with(lambda a, b, draws: (a - b)[draws].mean(0))),
        ("90", interval_with(lambda a, b, draws: (a - b)[draws].mean(1), 0.05, 0.95)),
        ("whole", interval_with(lambda a, b, draws: (a - b)[draws].mean(1), 0.0, 1.0)),
        ("shape", lambda a, b, draws: both_redrawn(a, b, draws)[1:]),
        ("tuple", lambda a, b, draws: both_redrawn(a, b, draws).tolist()),
    ],
    "protocol.optimism": [
        ("sign", lambda t, f: -loop_optimism(t, f)),
        ("two-winners", lambda t, f: t.mean(1).max() - f.mean(1).max()),
        ("all", lambda t, f: t.mean() - f.mean()),
        ("fresh-winner", lambda t, f: (t.mean(1) - f.mean(1))[f.mean(1).argmax()]),
        ("luckiest", lambda t, f: (t.mean(1) - f.mean(1))[t.max(1).values.argmax()]),
        ("tuning", lambda t, f: t.mean(1).max()),
        ("shape", lambda t, f: t[t.mean(1).argmax()].mean() - f[t.mean(1).argmax()]),
        ("float", lambda t, f: float(loop_optimism(t, f))),
    ],
}  # fmt: skip

RIGHT = {
    "protocol.smear_share": [
        lambda modes, sigma, side: 9 * math.pi * modes * (sigma / side) ** 2,
        lambda modes, sigma, side: sum(math.pi * (3 * sigma) ** 2 for _ in range(modes)) / side**2,
        lambda modes, sigma, side: torch.tensor(modes * math.pi * (3 * sigma) ** 2 / side**2),
    ],
    "protocol.best_try": [loop_best, masked_best, numpy_best],
    "protocol.equal_time_steps": [
        loop_steps,
        lambda s, b, n: torch.clamp((n * s[b]) // s, min=1).to(torch.int64),
        lambda s, b, n: torch.maximum((n * s[b] / s).int(), torch.ones(len(s), dtype=torch.int)),
    ],
    "protocol.paired_interval": [numpy_interval, both_redrawn, weights_of_seeds],
    "protocol.optimism": [loop_optimism, sorted_optimism,
                          lambda t, f: (t.mean(1) - f.mean(1))[t.mean(1).argmax()]],
}  # fmt: skip
