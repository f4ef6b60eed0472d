"""Chapter 07: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import numpy as np
import torch
from torch.nn.functional import (
    binary_cross_entropy,
    cross_entropy,
    hardsigmoid,
    kl_div,
    mse_loss,
    one_hot,
    pad,
)

# -------------------------------------------------------------------------------- the engineered latent


def padded(modes, noise):
    return torch.cat([modes, torch.zeros(len(modes), noise.shape[1] - modes.shape[1])], 1)


def l_in_place(modes, noise):
    noise *= 0.3
    noise[:, : modes.shape[1]] += modes
    return noise


def l_right_copy(modes, noise):
    z = 0.3 * noise
    z[:, : modes.shape[1]] += modes
    return z


def l_right_matrix(modes, noise):
    return modes @ torch.eye(modes.shape[1], noise.shape[1]) + noise * 0.3


# ------------------------------------------------------------------------------------------- the draw


def edges(logits):
    return logits.softmax(0).cumsum(0)


def step(t):
    return (t / 5 + 0.5).clamp(0, 1)


def d_right_product(u, logits):
    """The published product, with 1 for the last step."""
    below = [1 - step(1e7 * (u - a) ** 3) for a in edges(logits)[:-1]] + [torch.ones_like(u)]
    first = [torch.zeros_like(u), *below[:-1]]
    return torch.stack([(1 - before) * here for before, here in zip(first, below, strict=True)], 1)


def d_right_min_max(u, logits):
    t = 1e7 * (u[:, None] - edges(logits)[None, :-1]).pow(3)
    h = 1 - torch.minimum(torch.maximum(0.2 * t + 0.5, torch.tensor(0.0)), torch.tensor(1.0))
    whole = torch.cat([torch.zeros(len(u), 1), h, torch.ones(len(u), 1)], 1)
    return whole[:, 1:] - whole[:, :-1]


def d_right_loop(u, logits):
    before, columns = torch.zeros_like(u), []
    for a in edges(logits)[:-1]:
        here = 1 - step(1e7 * (u - a) * (u - a) ** 2)
        columns.append(here - before)
        before = here
    return torch.stack([*columns, 1 - before], -1)


def d_published(u, logits):
    below = 1 - step(1e7 * (u[:, None] - edges(logits)) ** 3)
    before = torch.cat([torch.zeros(len(u), 1), below[:, :-1]], 1)
    return (1 - before) * below


def differences(u, logits, below):
    h = below(u[:, None] - edges(logits)[:-1])
    return torch.diff(torch.cat([torch.zeros(len(u), 1), h, torch.ones(len(u), 1)], 1), dim=1)


def d_hard(u, logits):
    return one_hot(torch.bucketize(u, edges(logits)[:-1].detach().contiguous()), len(logits)).float()


def d_cumulative(u, logits):
    return torch.cat([1 - step(1e7 * (u[:, None] - edges(logits)[:-1]) ** 3), torch.ones(len(u), 1)], 1)


# ------------------------------------------------------------------------------------------- the losses


def i_right_loop(found, logits, z, modes):
    label = modes.argmax(1)
    total = sum(torch.logsumexp(row, 0) - row[k] for row, k in zip(logits, label, strict=True)) / len(z)
    return 10 * ((found - z) ** 2).sum() / z.numel() + total


def i_log_softmax_bare(found, logits, z, modes):
    return 10 * mse_loss(found, z) - (modes * logits.softmax(1).log()).sum(1).mean()


def i_binary(found, logits, z, modes):
    return 10 * mse_loss(found, z) + binary_cross_entropy(logits.sigmoid().clamp(0, 1), modes)


def i_detached(found, logits, z, modes):
    return 10 * mse_loss(found.detach(), z) + cross_entropy(logits, modes)


def k_right_loop(found, drawn):
    p, q = found.detach(), torch.maximum(drawn, torch.tensor(1e-3))
    return sum(a * (a.log() - b.log()) for a, b in zip(p, q, strict=True) if a > 0)


def k_right_kl_div(found, drawn):
    return kl_div(drawn.clamp(min=1e-3).log(), found.detach(), reduction="sum")


def k_right_where(found, drawn):
    with torch.no_grad():
        own = torch.special.entr(found).sum()
    return -own - (found.detach() * torch.clamp(drawn, min=0.001).log()).sum()


def k_bare(found, drawn):
    p = found.detach()
    return (torch.xlogy(p, p) - p * drawn.log()).sum()


def k_zero(found, drawn):
    p = found.detach()
    return (p * (p / drawn.clamp(min=1e-3)).log()).sum()


def k_found_learns(found, drawn):
    return kl_div(drawn.clamp(min=1e-3).log(), found, reduction="sum")


def between(real, fake, mix):
    return real + mix * (fake - real)


def slopes(critic, x):
    """As most public code has it."""
    if not x.requires_grad:
        x = x.clone().requires_grad_()
    return torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]


def p_right_autograd(critic, real, fake, mix):
    return ((slopes(critic, between(real, fake, mix)).norm(2, dim=1) - 1) ** 2).mean()


def p_right_vmap(critic, real, fake, mix):
    x = (1 - mix) * real + mix * fake
    slope = torch.func.vmap(torch.func.grad(lambda point: critic(point[None])[0]))(x)
    return (torch.linalg.vector_norm(slope, dim=1) - 1).square().mean()


def p_right_loop(critic, real, fake, mix):
    x = between(real, fake, mix)
    total = 0.0
    for point in x:
        slope = torch.func.grad(lambda one: critic(one[None]).sum())(point)
        total = total + (slope.norm() - 1) ** 2 / len(x)
    return total


def p_no_graph(critic, real, fake, mix):
    x = between(real, fake, mix).requires_grad_()
    return (torch.autograd.grad(critic(x).sum(), x)[0].norm(dim=1) - 1).square().mean()


def p_of_mean(critic, real, fake, mix):
    x = between(real, fake, mix).requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    return (slope.norm(dim=1) - 1).square().mean()


# --------------------------------------------------------------------------------------- the prior's step


def said(inversion, real):
    return inversion(real)[1].softmax(1).mean(0)


def train(loss, optimiser):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def divergence(p, q):
    return (p * (p.log() - q.clamp(min=1e-3).log())).sum()


def s_right_detach(prior, inversion, optimiser, real, uniform):
    return train(divergence(said(inversion, real).detach(), prior(uniform).mean(0)), optimiser)


def s_right_no_grad(prior, inversion, optimiser, real, uniform):
    with torch.no_grad():
        _, logits = inversion(real)
        p = logits.exp() / logits.exp().sum(1, keepdim=True)
        p = p.sum(0) / len(real)
    drawn = prior(uniform).sum(0) / len(uniform)
    return train(divergence(p, drawn), optimiser)


def s_right_kl_div(prior, inversion, optimiser, real, uniform):
    optimiser.zero_grad()
    drawn = prior(uniform).mean(0)
    loss = kl_div(drawn.clamp(min=1e-3).log(), said(inversion, real).detach(), reduction="sum")
    loss.backward()
    optimiser.step()
    return loss.detach()


def s_not_detached(prior, inversion, optimiser, real, uniform):
    return train(divergence(said(inversion, real), prior(uniform).mean(0)), optimiser)


def s_softmax_of_mean(prior, inversion, optimiser, real, uniform):
    p = inversion(real)[1].mean(0).softmax(0).detach()
    return train(divergence(p, prior(uniform).mean(0)), optimiser)


def s_hard(prior, inversion, optimiser, real, uniform):
    p = one_hot(inversion(real)[1].argmax(1), 3).float().mean(0) + 1e-12
    return train(divergence(p, prior(uniform).mean(0)), optimiser)


def s_direction(prior, inversion, optimiser, real, uniform):
    p, q = said(inversion, real).detach(), prior(uniform).mean(0)
    return train((q * (q / p).log()).sum(), optimiser)


def s_prior_detached(prior, inversion, optimiser, real, uniform):
    loss = divergence(said(inversion, real).detach(), prior(uniform).mean(0).detach())
    loss.requires_grad_()
    return train(loss, optimiser)


def s_no_zero_grad(prior, inversion, optimiser, real, uniform):
    loss = divergence(said(inversion, real).detach(), prior(uniform).mean(0))
    loss.backward()
    optimiser.step()
    return loss.detach()


def s_graph(prior, inversion, optimiser, real, uniform):
    loss = divergence(said(inversion, real).detach(), prior(uniform).mean(0))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


def s_uphill(prior, inversion, optimiser, real, uniform):
    loss = divergence(said(inversion, real).detach(), prior(uniform).mean(0))
    train(-loss, optimiser)
    return loss.detach()


def c_moved(z, logits, mode, away):
    n, modes = logits.shape
    there = torch.eye(modes)[mode].expand(n, -1)
    return z + torch.cat([there - away, torch.zeros(n, z.shape[1] - modes)], 1)


def c_right_eye(z, logits, mode):
    return c_moved(z, logits, mode, torch.eye(logits.shape[1])[logits.argmax(1)])


def c_right_loop(z, logits, mode):
    out = z.clone()
    for row, said in zip(out, logits, strict=True):
        row[int(said.argmax())] -= 1
        row[mode] += 1
    return out


def c_right_scatter(z, logits, mode):
    out = z.scatter_add(1, logits.argmax(1, keepdim=True), torch.full((len(z), 1), -1.0))
    out[:, mode] += 1
    return out


def c_place(z, logits, mode):
    return torch.cat([torch.eye(logits.shape[1])[mode].expand(len(z), -1), z[:, logits.shape[1] :]], 1)


def c_in_place(z, logits, mode):
    z[range(len(z)), logits.argmax(1)] -= 1
    z[:, mode] += 1
    return z


WRONG = {
    "nemgan.engineered_latent": [
        ("width", lambda y, e: padded(y, e) + e),
        ("continuous-only", lambda y, e: torch.cat([y, 0.3 * e[:, y.shape[1] :]], 1)),
        ("discrete-only", lambda y, e: padded(y + 0.3 * e[:, : y.shape[1]], e)),
        ("last", lambda y, e: pad(y, (e.shape[1] - y.shape[1], 0)) + 0.3 * e),
        ("shape", lambda y, e: torch.cat([y, 0.3 * e], 1)),
        ("times", lambda y, e: padded(y, e) * 0.3 * e),
        ("in-place", l_in_place),
    ],
    "nemgan.smoothed_modes": [
        ("hard", d_hard),
        ("torch-hard-sigmoid", lambda u, x: differences(u, x, lambda d: 1 - hardsigmoid(1e7 * d**3))),
        ("upside-down", lambda u, x: differences(u, x, lambda d: step(1e7 * d**3))),
        ("cumulative", d_cumulative),
        ("last-step", d_published),
        ("soft", lambda u, x: differences(u, x, lambda d: torch.sigmoid(-1e7 * d**3))),
        ("hard", lambda u, x: differences(u, x, lambda d: 1 - step(1e7 * d))),
        ("no-fifth", lambda u, x: differences(u, x, lambda d: 1 - (1e7 * d**3 + 0.5).clamp(0, 1))),
        ("shape", lambda u, x: d_right_product(u, x).T),
        ("no-gradient", lambda u, x: d_right_product(u.detach(), x.detach())),
    ],
    "nemgan.gradient_penalty": [
        ("no-gradient", p_no_graph),
        ("of-mean", p_of_mean),
        ("one-sided", lambda c, r, f, m: (slopes(c, between(r, f, m)).norm(dim=1) - 1).relu().pow(2).mean()),
        ("whole-norm", lambda c, r, f, m: (slopes(c, between(r, f, m)).norm() - 1).pow(2)),
        ("no-one", lambda c, r, f, m: slopes(c, between(r, f, m)).pow(2).sum(1).mean()),
        ("norm-squared", lambda c, r, f, m: (slopes(c, between(r, f, m)).pow(2).sum(1) - 1).pow(2).mean()),
        ("not-squared", lambda c, r, f, m: (slopes(c, between(r, f, m)).norm(dim=1) - 1).abs().mean()),
        ("sum", lambda c, r, f, m: (slopes(c, between(r, f, m)).norm(dim=1) - 1).pow(2).sum()),
        ("at-real", lambda c, r, f, m: (slopes(c, r).norm(dim=1) - 1).pow(2).mean()),
        ("at-fake", lambda c, r, f, m: (slopes(c, f).norm(dim=1) - 1).pow(2).mean()),
        ("swapped-mix", lambda c, r, f, m: (slopes(c, between(f, r, m)).norm(dim=1) - 1).pow(2).mean()),
        ("signature", lambda c, r, f: 0),
    ],
    "nemgan.inversion_loss": [
        ("unweighted", lambda f, x, z, y: mse_loss(f, z) + cross_entropy(x, y)),
        ("weight-on-modes", lambda f, x, z, y: mse_loss(f, z) + 10 * cross_entropy(x, y)),
        ("sum-coordinates", lambda f, x, z, y: 10 * (f - z).pow(2).sum(1).mean() + cross_entropy(x, y)),
        ("no-modes", lambda f, x, z, y: 10 * mse_loss(f, z)),
        ("no-z", lambda f, x, z, y: cross_entropy(x, y)),
        ("absolute", lambda f, x, z, y: 10 * (f - z).abs().mean() + cross_entropy(x, y)),
        ("mean-over-modes", lambda f, x, z, y: 10 * mse_loss(f, z) - (y * x.log_softmax(1)).mean()),
        ("binary", i_binary),
        ("softmax-twice", lambda f, x, z, y: 10 * mse_loss(f, z) + cross_entropy(x.softmax(1), y)),
        ("sign", lambda f, x, z, y: 10 * mse_loss(f, z) - cross_entropy(x, y)),
        ("overflow", i_log_softmax_bare),
        ("gradient", i_detached),
        ("float", lambda f, x, z, y: (10 * mse_loss(f, z) + cross_entropy(x, y)).item()),
    ],
    "nemgan.prior_divergence": [
        ("direction", lambda p, q: (q * (q / p.detach()).log()).sum()),
        ("found-learns", k_found_learns),
        ("empty", k_bare),
        ("zero", k_zero),
        ("plus", lambda p, q: kl_div((q + 1e-3).log(), p.detach(), reduction="sum")),
        ("squared", lambda p, q: mse_loss(q, p.detach())),
        ("mean", lambda p, q: kl_div(q.clamp(min=1e-3).log(), p.detach(), reduction="mean")),
        ("cross-entropy", lambda p, q: -(p.detach() * q.clamp(min=1e-3).log()).sum()),
        ("sign", lambda p, q: -kl_div(q.clamp(min=1e-3).log(), p.detach(), reduction="sum")),
        ("numpy", lambda p, q: np.sum(p.detach().numpy())),
    ],
    "nemgan.prior_step": [
        ("detach", s_not_detached),
        ("softmax-of-mean", s_softmax_of_mean),
        ("hard", s_hard),
        ("direction", s_direction),
        ("detach", s_prior_detached),
        ("accumulated", s_no_zero_grad),
        ("graph", s_graph),
        ("sign", s_uphill),
        ("none", lambda *x: s_right_detach(*x) and None),
    ],
    "nemgan.carried": [
        ("stays", lambda z, x, k: c_moved(z, x, k, 0 * x)),
        ("nowhere", lambda z, x, k: c_right_eye(z, x, k) - c_moved(0 * z, x, k, 0 * x)),
        ("place", c_place),
        ("soft", lambda z, x, k: c_moved(z, x, k, x.softmax(1))),
        ("coordinates", lambda z, x, k: c_right_eye(z, z[:, : x.shape[1]], k)),
        ("end", lambda z, x, k: c_right_eye(z.flip(1), x.flip(1), x.shape[1] - 1 - k).flip(1)),
        ("shape", lambda z, x, k: c_right_eye(z, x, k)[:, : x.shape[1]]),
        ("in-place", c_in_place),
    ],
}  # fmt: skip

RIGHT = {
    "nemgan.engineered_latent": [
        lambda y, e: padded(y, e) + 0.3 * e,
        l_right_copy,
        l_right_matrix,
    ],
    "nemgan.smoothed_modes": [d_right_product, d_right_min_max, d_right_loop],
    "nemgan.gradient_penalty": [p_right_autograd, p_right_vmap, p_right_loop],
    "nemgan.inversion_loss": [
        lambda f, x, z, y: 10 * mse_loss(f, z) + cross_entropy(x, y),
        lambda f, x, z, y: 10 * (z - f).pow(2).mean() + cross_entropy(x, y.argmax(1)),
        i_right_loop,
    ],
    "nemgan.prior_divergence": [k_right_loop, k_right_kl_div, k_right_where],
    "nemgan.prior_step": [s_right_detach, s_right_no_grad, s_right_kl_div],
    "nemgan.carried": [c_right_eye, c_right_loop, c_right_scatter],
}
