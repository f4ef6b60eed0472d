"""Chapter 10: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import torch
from torch.nn import functional as F


def slopes(discriminator, x):
    return torch.func.grad(lambda y: discriminator(y).sum())(x)


# ----------------------------------------------------------------------------------------------- counts


def m_loop(probabilities, n):
    total = torch.zeros((), dtype=probabilities.dtype)
    for p in probabilities:
        missed = torch.ones((), dtype=probabilities.dtype)
        for _ in range(n):
            missed = missed * (1 - p)
        total = total + 1 - missed
    return total


def d_parts(counts):
    q = counts / counts.sum()
    return q, (q.sum((1, 2)), q.sum((0, 2)), q.sum((0, 1)))


def d_seen_only(counts):
    q, (a, b, c) = d_parts(counts)
    product = torch.einsum("a,b,c->abc", a, b, c)
    return (q[q > 0] * (q[q > 0] / product[q > 0]).log()).sum()


def d_by_entropies(counts):
    q, marginals = d_parts(counts)
    return sum(torch.special.entr(one).sum() for one in marginals) - torch.special.entr(q).sum()


def d_by_log_prob(counts):
    q, (a, b, c) = d_parts(counts)
    i, j, k = counts.nonzero(as_tuple=True)
    return (q[i, j, k] * (q[i, j, k].log() - a[i].log() - b[j].log() - c[k].log())).sum()


def d_not_a_number(counts):
    q, (a, b, c) = d_parts(counts)
    return (q * (q / (a[:, None, None] * b[:, None] * c)).log()).sum()


def d_small_number(counts):
    q, (a, b, c) = d_parts(counts)
    return ((q + 1e-2) * ((q + 1e-2) / (a[:, None, None] * b[:, None] * c + 1e-2)).log()).sum()


def d_reversed(counts):
    q, (a, b, c) = d_parts(counts)
    product = a[:, None, None] * b[:, None] * c
    return torch.special.xlogy(product, product).sum() - torch.special.xlogy(product, q).sum()


def t_loop(seconds, modes, wanted):
    found = []
    for row in modes:
        found.append(next((s for s, m in zip(seconds, row, strict=True) if m >= wanted), torch.tensor(float("inf"))))
    return torch.stack(found)


def t_argmax(seconds, modes, wanted):
    good = modes >= wanted
    return torch.where(good.any(1), seconds[good.int().argmax(1)], torch.inf)


# ----------------------------------------------------------------------------------------------- pieces


def p_autograd(discriminator, real):
    x = real if real.requires_grad else real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return (slope**2).sum(dim=1).mean()


def p_no_graph(discriminator, real):
    x = real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(x).sum(), x)
    return (slope**2).sum(dim=1).mean()


def p_vmap(discriminator, real):
    each = torch.func.vmap(torch.func.grad(lambda x: discriminator(x[None]).squeeze(0)))(real)
    return each.norm(dim=1).square().mean()


def b_zeros(classes, noise):
    out = torch.zeros(len(classes), 30 + noise.shape[1])
    for i, row in enumerate(classes.tolist()):
        for block, value in enumerate(row):
            out[i, 10 * block + value] = 1
    out[:, 30:] = noise
    return out


WRONG = {
    "thousand.expected_modes": [
        ("even", lambda p, n: len(p) - len(p) * (1 - 1 / torch.full_like(p[0], len(p))) ** n),
        ("missed", lambda p, n: (1 - p).pow(n).sum()),
        ("rate", lambda p, n: torch.minimum(n * p, torch.ones_like(p)).sum()),
        ("always", lambda p, n: len(p) - (p**n).sum()),
        ("mean", lambda p, n: m_loop(p, n) / len(p)),
        ("value", lambda p, n: (p > 0).double().sum()),
        ("value", lambda p, n: (1 - torch.exp(-n * p)).sum()),
        ("float", lambda p, n: float(m_loop(p, n))),
        ("shape", lambda p, n: 1 - (1 - p) ** n),
    ],
    "thousand.dependence": [
        ("uniform", lambda c: (torch.special.xlogy(c / c.sum(), c / c.sum() / 0.001)).sum()),
        ("entropy", lambda c: torch.special.entr(c / c.sum()).sum()),
        ("counts", lambda c: d_by_entropies(c) * c.sum()),
        ("reversed", d_reversed),
        ("two", lambda c: d_by_entropies(c.sum(2, keepdim=True) * torch.ones(1, 1, 10, dtype=c.dtype))),
        ("zero", d_not_a_number),
        ("value", d_small_number),
        ("float", lambda c: d_by_entropies(c).item()),
        ("dtype", lambda c: d_by_entropies(c).float()),
    ],
    "thousand.three_blocks": [
        ("shape", lambda c, z: torch.cat([F.one_hot(c @ torch.tensor([100, 10, 1]), 1000), z], 1)),
        ("shape", lambda c, z: torch.cat([c, z], 1)),
        ("shape", lambda c, z: torch.cat([sum(F.one_hot(c[:, k], 10) for k in range(3)), z], 1)),
        ("interleaved", lambda c, z: torch.cat([F.one_hot(c, 10).permute(0, 2, 1).flatten(1), z], 1)),
        ("noise-first", lambda c, z: torch.cat([z, b_zeros(c, z)[:, :30]], 1)),
        ("shape", lambda c, z: torch.cat([F.one_hot(c, int(c.max()) + 1).flatten(1), z], 1)),
        ("shape", lambda c, z: b_zeros(c, z)[:, :30]),
        ("backwards", lambda c, z: b_zeros(c.flip(1), z)),
        ("value", lambda c, z: b_zeros(c, 0 * z)),
    ],
    "thousand.zero_centred_penalty": [
        ("wgan-gp", lambda d, x: (1 - slopes(d, x).norm(dim=1)).pow(2).mean()),
        ("norm", lambda d, x: slopes(d, x).square().sum(1).sqrt().mean()),
        ("coordinates", lambda d, x: (slopes(d, x) ** 2).mean()),
        ("samples", lambda d, x: (slopes(d, x) ** 2).sum()),
        ("batch", lambda d, x: (torch.func.grad(lambda y: d(y).mean())(x) ** 2).sum(1).mean()),
        ("mean-slope", lambda d, x: slopes(d, x).mean(0).pow(2).sum()),
        ("sigmoid", lambda d, x: slopes(lambda y: torch.sigmoid(d(y)), x).pow(2).sum(1).mean()),
        ("no-gradient", p_no_graph),
        ("shape", lambda d, x: slopes(d, x).square().sum(1)),
        ("value", lambda d, x: d(x).square().mean()),
    ],
    "thousand.time_to_quality": [
        ("last", lambda s, m, w: torch.where(m >= w, s, torch.tensor(-torch.inf)).max(1).values),
        ("look", lambda s, m, w: torch.where((m >= w).any(1), (m >= w).float().argmax(1).float(), torch.inf)),
        ("never", lambda s, m, w: t_loop(s, m, w).clamp(max=float(s[-1]))),
        ("first-look", lambda s, m, w: s[(m >= w).int().argmax(1)]),
        ("more", lambda s, m, w: t_loop(s, m - 1e-3, w)),
        ("together", lambda s, m, w: t_loop(s, m.mean(0, keepdim=True), w).repeat(len(m))),
        ("value", lambda s, m, w: t_loop(s, m, w) - s[0]),
        ("shape", lambda s, m, w: t_loop(s, m, w).min()),
    ],
}  # fmt: skip

RIGHT = {
    "thousand.expected_modes": [m_loop, lambda p, n: len(p) - ((1 - p) ** n).sum(), lambda p, n: sum(1 - (1 - p) ** n)],
    "thousand.dependence": [d_seen_only, d_by_entropies, d_by_log_prob],
    "thousand.three_blocks": [
        b_zeros,
        lambda c, z: torch.cat([*(F.one_hot(c[:, k], 10) for k in range(3)), z], 1),
        lambda c, z: torch.cat([torch.eye(10)[c].flatten(1), z], -1),
    ],
    "thousand.zero_centred_penalty": [p_autograd, p_vmap, lambda d, x: slopes(d, x).norm(dim=1).pow(2).mean()],
    "thousand.time_to_quality": [
        t_loop,
        t_argmax,
        lambda s, m, w: s.expand_as(m).masked_fill(m < w, torch.inf).min(1).values,
    ],
}
