"""Chapter 05: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import l1_loss, logsigmoid, pairwise_distance, softplus

# ------------------------------------------------------------------------------------------- the ratio


def r_right_if(a, b, u, v):
    below = (u - v).abs().mean()
    return (a - b).abs().mean() / below if below > 0 else 0.0 * (a - b).abs().mean()


def r_right_new_zero(a, b, u, v):
    if torch.equal(u, v):
        return torch.tensor(0.0)
    return (a - b).abs().mean() / (u - v).abs().mean()


def r_right_l1_loss(a, b, u, v):
    below = l1_loss(u, v)
    safe = torch.where(below == 0, torch.ones_like(below), below)
    return torch.where(below == 0, torch.zeros_like(below), l1_loss(a, b) / safe)


def r_right_einsum(a, b, u, v):
    images = (a - b).abs().sum() / a.numel()
    latents = (u - v).abs().sum() / u.numel()
    return torch.where(latents != 0, images / torch.where(latents != 0, latents, 1), 0)


def r_no_guard(a, b, u, v):
    return (a - b).abs().mean() / (u - v).abs().mean()


def r_where_with_nan(a, b, u, v):
    below = (u - v).abs().mean()
    return torch.where(below > 0, (a - b).abs().mean() / below, torch.zeros_like(below))


def r_mean_of_ratios(a, b, u, v):
    total = 0.0
    for i in range(len(a)):
        total = total + (a[i] - b[i]).abs().mean() / (u[i] - v[i]).abs().mean()
    return total / len(a)


def loss(a, b, u, v):
    return 1 / (r_right_if(a, b, u, v) + 1e-5)


def m_spelled_out(a, b, u, v):
    images, latents = (b - a).abs().mean(), (v - u).abs().mean()
    return latents / (images + 1e-5 * latents)


def m_power(a, b, u, v):
    return ((a - b).abs().mean() / (u - v).abs().mean() + 1e-5) ** -1


def m_by_pair(a, b, u, v):
    ratios = (a - b).abs().mean(1) / (u - v).abs().mean(1)
    return (1 / (ratios + 1e-5)).mean()


def m_eps_below(a, b, u, v):
    return 1 / ((a - b).abs().mean() / ((u - v).abs().mean() + 1e-5))


# ----------------------------------------------------------------------------------- the generator's step


def judged(d, x, c):
    logits = d(x, c)
    return bce(logits, torch.ones_like(logits))


def train(value, optimiser):
    optimiser.zero_grad()
    value.backward()
    optimiser.step()
    return value.detach()


def together(g, c, u, v):
    return g(torch.cat([u, v]), torch.cat([c, c])).chunk(2)


def g_right(g, d, optimiser, c, u, v, weight=1.0):
    a, b = together(g, c, u, v)
    return train(judged(d, a, c) + judged(d, b, c) + weight * loss(a, b, u, v), optimiser)


def g_right_repeat(g, d, optimiser, c, u, v, weight=1.0):
    optimiser.zero_grad(set_to_none=False)
    fakes = g(torch.stack([u, v]).flatten(0, 1), c.repeat(2, 1))
    a, b = fakes[: len(c)], fakes[len(c) :]
    total = -logsigmoid(d(a, c)).mean() - logsigmoid(d(b, c)).mean()
    total = total + weight / ((a - b).abs().mean() / (u - v).abs().mean() + 1e-5)
    total.backward()
    optimiser.step()
    return total.detach()


def g_right_joint_judge(g, d, optimiser, c, u, v, weight=1.0):
    fakes = g(torch.cat([u, v]), torch.cat([c, c]))
    adversarial = 2 * softplus(-d(fakes, torch.cat([c, c]))).mean()
    return train(adversarial + weight * loss(*fakes.chunk(2), u, v), optimiser)


def g_two_passes(g, d, optimiser, c, u, v, weight=1.0):
    a, b = g(u, c), g(v, c)
    return train(judged(d, a, c) + judged(d, b, c) + weight * loss(a, b, u, v), optimiser)


def g_interleaved(g, d, optimiser, c, u, v, weight=1.0):
    a, b = g(torch.cat([u, v]), c.repeat_interleave(2, 0)).chunk(2)
    return train(judged(d, a, c) + judged(d, b, c) + weight * loss(a, b, u, v), optimiser)


def g_from(change):
    """A wrong step: change(judged a, judged b, term, weight, fakes, latents) is its loss."""

    def step(g, d, optimiser, c, u, v, weight=1.0):
        a, b = together(g, c, u, v)
        return train(change(judged(d, a, c), judged(d, b, c), loss(a, b, u, v), weight, (a, b), (u, v)), optimiser)

    return step


def g_no_zero_grad(g, d, optimiser, c, u, v, weight=1.0):
    a, b = together(g, c, u, v)
    value = judged(d, a, c) + judged(d, b, c) + weight * loss(a, b, u, v)
    value.backward()
    optimiser.step()
    return value.detach()


def g_detached(g, d, optimiser, c, u, v, weight=1.0):
    a, b = (x.detach() for x in together(g, c, u, v))
    value = judged(d, a, c) + judged(d, b, c) + weight * loss(a, b, u, v)
    return train(value, optimiser)


def g_graph(g, d, optimiser, c, u, v, weight=1.0):
    a, b = together(g, c, u, v)
    value = judged(d, a, c) + judged(d, b, c) + weight * loss(a, b, u, v)
    train(value, optimiser)
    return value


def g_own_latents(g, d, optimiser, c, u, v, weight=1.0):
    return g_right(g, d, optimiser, c, torch.randn_like(u), torch.randn_like(v), weight)


# ------------------------------------------------------------------------------------------ the measures


def a_right_loop(images, answers):
    found = []
    for some, true in zip(images, answers, strict=True):
        found.append(len({int((true - image).square().sum(1).argmin()) for image in some}))
    return torch.tensor(found)


def a_right_one_hot(images, answers):
    nearest = torch.cdist(images, answers).argmin(-1)
    return torch.nn.functional.one_hot(nearest, answers.shape[1]).any(1).sum(1)


def a_right_bincount(images, answers):
    nearest = (images[:, :, None] - answers[:, None]).norm(dim=-1).argmin(-1)
    return torch.stack([(row.bincount(minlength=8) > 0).sum() for row in nearest])


def a_farthest(images, answers):
    return torch.tensor([len(set(row.tolist())) for row in torch.cdist(images, answers).argmax(-1)])


def a_wrong_axis(images, answers):
    return torch.tensor([len(set(row.tolist())) for row in torch.cdist(images, answers).argmin(1)])


def a_pooled(images, answers):
    count = len(set(torch.cdist(images, answers).argmin(-1).flatten().tolist()))
    return torch.tensor([count] * len(images))


def a_share(images, answers):
    return a_right_loop(images, answers) / answers.shape[1]


def d_right_loop(features, first, second):
    found = [
        (own[i] - own[j]).square().sum(-1).sqrt().mean()
        for own, i, j in zip(features, first, second, strict=True)
    ]  # fmt: skip
    return torch.stack(found).mean()


def d_right_gather(features, first, second):
    def taken(index):
        return features.gather(1, index.unsqueeze(-1).expand(-1, -1, features.shape[-1]))

    return (taken(first) - taken(second)).norm(dim=-1).mean()


def d_right_pairwise(features, first, second):
    rows = torch.arange(len(features))[:, None]
    return pairwise_distance(features[rows, first], features[rows, second], eps=0.0).mean()


def d_across(features, first, second):
    pool = features.reshape(-1, features.shape[-1])
    return (pool[first] - pool[second]).norm(dim=-1).mean()


def d_from(change):
    """change(difference of the pairs) instead of the mean Euclidean length."""

    def answer(features, first, second):
        rows = torch.arange(len(features))[:, None]
        return change(features[rows, first] - features[rows, second])

    return answer


WRONG = {
    "msgan.distance_ratio": [
        ("mean-of-ratios", r_mean_of_ratios),
        ("sum", lambda a, b, u, v: (a - b).abs().sum() / (u - v).abs().sum()),
        ("sum", lambda a, b, u, v: (a - b).abs().sum(1).mean() / (u - v).abs().sum(1).mean()),
        ("euclidean", lambda a, b, u, v: (a - b).norm(dim=1).mean() / (u - v).norm(dim=1).mean()),
        ("squared", lambda a, b, u, v: ((a - b) ** 2).mean() / ((u - v) ** 2).mean()),
        ("upside-down", lambda a, b, u, v: l1_loss(u, v) / l1_loss(a, b)),
        ("numerator", lambda a, b, u, v: l1_loss(a, b)),
        ("signs-cancel", lambda a, b, u, v: ((a - b).mean() / (u - v).mean()).abs()),
        ("zero", r_no_guard),
        ("gradient", r_where_with_nan),
        ("eps-below", lambda a, b, u, v: l1_loss(a, b) / (l1_loss(u, v) + 1e-5)),
        ("detached", lambda a, b, u, v: r_right_if(a, b.detach(), u, v)),
        ("float", lambda a, b, u, v: r_right_if(a, b, u, v).item()),
        ("float", lambda a, b, u, v: 0.0 if torch.equal(u, v) else l1_loss(a, b) / l1_loss(u, v)),
        ("shape", lambda a, b, u, v: (a - b).abs().mean(1) / (u - v).abs().mean(1)),
        ("numpy", lambda a, b, u, v: np.abs((a - b).detach().numpy()).mean() / np.abs((u - v).detach().numpy()).mean()),
    ],
    "msgan.mode_seeking_loss": [
        ("maximised", lambda *x: -r_right_if(*x)),
        ("ratio", r_right_if),
        ("sign", lambda *x: -loss(*x)),
        ("no-eps", m_eps_below),
        ("no-eps", lambda *x: 1 / r_right_if(*x)),
        ("mean-of-reciprocals", m_by_pair),
        ("log", lambda *x: -(r_right_if(*x) + 1e-5).log()),
        ("eps", lambda *x: 1 / (r_right_if(*x) + 1e-8)),
        ("no-gradient", lambda *x: loss(*x).detach()),
    ],
    "msgan.slope": [
        ("sign", lambda r: (r + 1e-5) ** -2),
        ("value", lambda r: 1 / (r + 1e-5)),
        ("maximised", lambda r: torch.full_like(r, -1.0)),
        ("not-squared", lambda r: -1 / (r + 1e-5)),
        ("logarithm", lambda r: torch.log(r + 1e-5)),
        ("eps", lambda r: -1 / r**2),
        ("shape", lambda r: (-1 / (r + 1e-5) ** 2).sum()),
    ],
    "msgan.balance": [
        ("no-root", lambda weight, pull: weight / pull),
        ("upside-down", lambda weight, pull: torch.sqrt(pull / weight)),
        ("product", lambda weight, pull: (weight * pull) ** 0.5),
        ("weight-outside", lambda weight, pull: weight / pull**0.5),
        ("value", lambda weight, pull: torch.full_like(weight, 1.128)),
        ("shape", lambda weight, pull: (weight / pull).sqrt().mean()),
    ],
    "msgan.generator_step": [
        ("two-passes", g_two_passes),
        ("interleaved", g_interleaved),
        ("one-judged", g_from(lambda a, b, term, weight, *_: a + weight * term)),
        ("mean", g_from(lambda a, b, term, weight, *_: (a + b) / 2 + weight * term)),
        ("no-term", g_from(lambda a, b, term, weight, *_: a + b)),
        ("minus", g_from(lambda a, b, term, weight, *_: a + b - weight * term)),
        ("maximised", g_from(lambda a, b, term, weight, fakes, z: a + b - weight * r_right_if(*fakes, *z))),
        ("unweighted", g_from(lambda a, b, term, weight, *_: a + b + term)),
        ("only-term", g_from(lambda a, b, term, weight, *_: weight * term)),
        ("accumulated", g_no_zero_grad),
        ("latent", g_own_latents),
        ("graph", g_graph),
        ("none", lambda *x, **y: g_right(*x, **y) and None),
    ],
    "msgan.answers_found": [
        ("images", lambda images, answers: torch.full((len(images),), images.shape[1])),
        ("pooled", a_pooled),
        ("farthest", a_farthest),
        ("wrong-axis", a_wrong_axis),
        ("dtype", a_share),
        ("shape", lambda images, answers: a_right_loop(images, answers).sum()),
        ("tuple", lambda images, answers: a_right_loop(images, answers).tolist()),
    ],
    "msgan.pair_diversity": [
        ("across", d_across),
        ("contexts", lambda f, i, j: (f.unsqueeze(0) - f.unsqueeze(1)).norm(dim=-1).mean()),
        ("everything", lambda f, i, j: torch.cdist(f, f).mean()),
        ("sum", d_from(lambda d: d.norm(dim=-1).sum())),
        ("absolute", d_from(lambda d: d.abs().mean())),
        ("squared", d_from(lambda d: d.square().sum(-1).mean())),
        ("shape", d_from(lambda d: d.norm(dim=-1).mean(-1))),
    ],
}

RIGHT = {
    "msgan.distance_ratio": [r_right_if, r_right_new_zero, r_right_l1_loss, r_right_einsum],
    "msgan.mode_seeking_loss": [loss, m_spelled_out, m_power],
    "msgan.slope": [
        lambda r: -1 / (r + 1e-5) ** 2,
        lambda r: -((r + 1e-5) ** -2),
        lambda r: -(1 / (r + 1e-5)).square(),
    ],
    "msgan.balance": [
        lambda weight, pull: (weight / pull).sqrt() - 1e-5,
        lambda weight, pull: weight**0.5 * pull**-0.5 - 1e-5,
        lambda weight, pull: torch.sqrt(weight / pull),
    ],
    "msgan.generator_step": [g_right, g_right_repeat, g_right_joint_judge],
    "msgan.answers_found": [a_right_loop, a_right_one_hot, a_right_bincount],
    "msgan.pair_diversity": [d_right_loop, d_right_gather, d_right_pairwise],
}
