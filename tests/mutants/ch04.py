"""Chapter 04: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import math

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import logsigmoid, mse_loss, softplus


def ones(logits):
    return torch.ones_like(logits)


def squared(x, y):
    return ((x - y) ** 2).sum(1).mean()


# ------------------------------------------------------------------------------------- the regulariser


def g_right_loop(fake, real, rec, rec_logits, a, b):
    total = -logsigmoid(fake).mean()
    for x, y, logit in zip(real, rec, rec_logits, strict=True):
        total = total + (a * torch.dot(x - y, x - y) - b * logsigmoid(logit)) / len(real)
    return total


def g_right_bce(fake, real, rec, rec_logits, a, b):
    distance = real.shape[1] * mse_loss(rec, real)
    return bce(fake, ones(fake)) + a * distance + b * bce(rec_logits, ones(rec_logits))


def g_right_norm(fake, real, rec, rec_logits, a, b):
    distance = torch.linalg.vector_norm(real - rec, dim=-1).pow(2).mean()
    return softplus(-fake).mean() + a * distance + b * softplus(-rec_logits).mean()


def g_printed_v5(fake, real, rec, rec_logits, a, b):
    return -logsigmoid(fake).mean() + a * squared(real, rec) + b * logsigmoid(rec_logits).mean()


def g_printed_v1(fake, real, rec, rec_logits, a, b):
    return logsigmoid(fake).mean() + a * squared(real, rec) + b * logsigmoid(rec_logits).mean()


def g_label_zero(fake, real, rec, rec_logits, a, b):
    return bce(fake, ones(fake)) + a * squared(real, rec) + b * bce(rec_logits, 0 * rec_logits)


def g_eps(fake, real, rec, rec_logits, a, b):
    log_d = (rec_logits.sigmoid() + 1e-8).log().mean()
    return -(fake.sigmoid() + 1e-8).log().mean() + a * squared(real, rec) - b * log_d


def g_detached_logits(fake, real, rec, rec_logits, a, b):
    return softplus(-fake).mean() + a * squared(real, rec) + b * softplus(-rec_logits.detach()).mean()


def g_one_axis(fake, real, rec, rec_logits, a, b):
    return softplus(-fake).mean() + a * ((real - rec) ** 2).mean(1).mean() + b * softplus(-rec_logits).mean()


def g_one_mean(fake, real, rec, rec_logits, a, b):
    return (softplus(-fake) + a * ((real - rec) ** 2).sum(1) + b * softplus(-rec_logits)).mean()


def g_not_squared(fake, real, rec, rec_logits, a, b):
    return softplus(-fake).mean() + a * (real - rec).norm(dim=1).mean() + b * softplus(-rec_logits).mean()


def g_pooled(fake, real, rec, rec_logits, a, b):
    log_d = torch.cat([logsigmoid(fake), b * logsigmoid(rec_logits)])
    return a * squared(real, rec) - log_d.mean()


def g_saturating(fake, real, rec, rec_logits, a, b):
    return softplus(-fake).mean() + a * squared(real, rec) + b * (1 - rec_logits.sigmoid()).log().mean()


def g_numpy(fake, real, rec, rec_logits, a, b):
    return np.mean(np.log1p(np.exp(-fake.detach().numpy())))


# ---------------------------------------------------------------------------------- the diffusion step


def train(loss, optimiser):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def apart(d, real, fake):
    real_logits, fake_logits = d(real), d(fake)
    return bce(real_logits, ones(real_logits)) + bce(fake_logits, 0 * fake_logits)


def s_detach(g, e, d, optimiser, real, latent):
    return train(apart(d, g(e(real)).detach(), g(latent).detach()), optimiser)


def s_no_grad_one_by_one(g, e, d, optimiser, real, latent):
    with torch.no_grad():
        code = e(real)
        decoded = g(code)
        fake = g(latent)
    loss = softplus(-d(decoded)).mean() + softplus(d(fake)).mean()
    d.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def s_autograd_twice(g, e, d, optimiser, real, latent):
    with torch.no_grad():
        decoded, fake = g(e(real)), g(latent)
    optimiser.zero_grad()
    first = softplus(-d(decoded)).mean()
    second = softplus(d(fake)).mean()
    first.backward()
    second.backward()
    optimiser.step()
    return (first + second).detach()


def s_no_detach(g, e, d, optimiser, real, latent):
    return train(apart(d, g(e(real)), g(latent)), optimiser)


def s_encoder_reached(g, e, d, optimiser, real, latent):
    for weight in g.parameters():
        weight.requires_grad_(False)
    loss = train(apart(d, g(e(real)), g(latent)), optimiser)
    for weight in g.parameters():
        weight.requires_grad_(True)
    return loss


def s_real_is_data(g, e, d, optimiser, real, latent):
    return train(apart(d, real, g(latent).detach()), optimiser)


def s_manifold(g, e, d, optimiser, real, latent):
    return train(apart(d, real, g(e(real)).detach()), optimiser)


def s_labels(g, e, d, optimiser, real, latent):
    return train(apart(d, g(latent).detach(), g(e(real)).detach()), optimiser)


def s_both_fake(g, e, d, optimiser, real, latent):
    with torch.no_grad():
        decoded, fake = g(e(real)), g(latent)
    return train(softplus(d(decoded)).mean() + softplus(d(fake)).mean(), optimiser)


def s_code(g, e, d, optimiser, real, latent):
    return train(apart(d, e(real).detach(), g(latent).detach()), optimiser)


def s_no_zero_grad(g, e, d, optimiser, real, latent):
    loss = apart(d, g(e(real)).detach(), g(latent).detach())
    loss.backward()
    optimiser.step()
    return loss.detach()


def s_early_step(g, e, d, optimiser, real, latent):
    loss = apart(d, g(e(real)).detach(), g(latent).detach())
    optimiser.step()
    optimiser.zero_grad()
    loss.backward()
    return loss.detach()


def s_graph(g, e, d, optimiser, real, latent):
    loss = apart(d, g(e(real)).detach(), g(latent).detach())
    train(loss, optimiser)
    return loss


def s_left_frozen(g, e, d, optimiser, real, latent):
    for player in (g, e):
        player.requires_grad_(False)
    return train(apart(d, g(e(real)), g(latent)), optimiser)


# --------------------------------------------------------------------------------------------- metrics


def kl(p, q):
    return float((torch.xlogy(p, p) - torch.xlogy(p, q)).sum())


def m_right_loop(p, train):
    p, train = p.double(), train.double()
    generated = p.mean(0)
    return math.exp(sum(kl(row, generated) for row in p) / len(p) - kl(generated, train))


def m_right_entropies(p, train):
    generated = p.mean(0)

    def entropy(q):
        return -torch.xlogy(q, q).sum(-1)

    balance = -entropy(generated) - torch.xlogy(generated, train).sum()
    return float((entropy(generated) - entropy(p).mean() - balance).exp())


def m_right_tensor(p, train):
    generated = p.mean(0)
    inception = (torch.xlogy(p, p) - torch.xlogy(p, generated)).sum(1).mean().exp()
    return inception * (-(torch.xlogy(generated, generated) - torch.xlogy(generated, train)).sum()).exp()


def m_printed(p, train):
    return math.exp(sum(kl(row, train) for row in p) / len(p) - kl(p.mean(0), train))


def m_inception(p, train):
    return math.exp(sum(kl(row, p.mean(0)) for row in p) / len(p))


def m_plus(p, train):
    return math.exp(sum(kl(row, p.mean(0)) for row in p) / len(p) + kl(p.mean(0), train))


def m_no_exp(p, train):
    return sum(kl(row, p.mean(0)) for row in p) / len(p) - kl(p.mean(0), train)


def m_direction(p, train):
    return math.exp(sum(kl(row, p.mean(0)) for row in p) / len(p) - kl(train, p.mean(0)))


def m_bare_logs(p, train):
    generated = p.mean(0)
    first = (p * (p.log() - generated.log())).sum(1).mean()
    return float((first - (generated * (generated.log() - train.log())).sum()).exp())


def m_rows(p, train):
    return (torch.xlogy(p, p) - torch.xlogy(p, p.mean(0))).sum(1).exp()


def i_exponentials(data, generated):
    return data.exp() / (data.exp() + generated.exp())


def i_shifted(data, generated):
    top = torch.maximum(data, generated)
    return (data - top).exp() / ((data - top).exp() + (generated - top).exp())


def p_loop(counts, n, weights):
    rows = counts.reshape(-1, counts.shape[-1])
    found = [sum(min(float(w), int(c) / n) for c, w in zip(row, weights, strict=True)) for row in rows]
    return torch.tensor(found).reshape(counts.shape[:-1])


def p_one_minus_lacking(counts, n, weights):
    return 1 - (weights - counts / n).clamp(min=0).sum(-1)


WRONG = {
    "mdgan.mode_regulariser": [
        ("sign", lambda logits: bce(logits, ones(logits))),
        ("fake", lambda logits: (1 - logits.sigmoid()).log().mean()),
        ("sum", lambda logits: logsigmoid(logits).sum()),
        ("no-log", lambda logits: torch.sigmoid(logits).mean()),
        ("logits", lambda logits: logits.mean()),
        ("log-of-mean", lambda logits: torch.sigmoid(logits).mean().log()),
        ("overflow", lambda logits: torch.sigmoid(logits).log().mean()),
        ("overflow", lambda logits: (torch.sigmoid(logits) + 1e-12).log().mean()),
        ("shape", lambda logits: logsigmoid(logits)),
        ("float", lambda logits: logsigmoid(logits).mean().item()),
        ("no-gradient", lambda logits: logsigmoid(logits.detach()).mean()),
    ],
    "mdgan.generator_loss": [
        ("printed-sign", g_printed_v5),
        ("printed", g_printed_v1),
        ("maximised", lambda *x: -g_right_bce(*x)),
        ("distance-sign", lambda f, r, c, s, a, b: g_right_bce(f, r, c, s, -a, b)),
        ("fake-sign", lambda f, r, c, s, a, b: g_right_bce(f, r, c, s, a, b) - 2 * softplus(-f).mean()),
        ("swapped", lambda f, r, c, s, a, b: g_right_bce(f, r, c, s, b, a)),
        ("encoder-loss", lambda f, r, c, s, a, b: a * squared(r, c) - b * logsigmoid(s).mean()),
        ("no-mode", lambda f, r, c, s, a, b: g_right_bce(f, r, c, s, a, 0.0)),
        ("no-distance", lambda f, r, c, s, a, b: g_right_bce(f, r, c, s, 0.0, b)),
        ("unweighted", lambda f, r, c, s, a, b: g_right_bce(f, r, c, s, 1.0, 1.0)),
        ("mean-coordinates", g_one_axis),
        ("summed-distance", lambda f, r, c, s, a, b: g_right_bce(f, r, c, s, len(r) * a, b)),
        ("pooled", g_pooled),
        ("not-squared", g_not_squared),
        ("sum", lambda f, r, c, s, a, b: len(r) * g_right_bce(f, r, c, s, a, b)),
        ("pushed-to-fake", g_label_zero),
        ("fakes-twice", lambda f, r, c, s, a, b: g_right_bce(f, r, c, f, a, b)),
        ("saturating", g_saturating),
        ("detached", lambda f, r, c, s, a, b: g_right_bce(f, r, c.detach(), s, a, b)),
        ("gradient", g_detached_logits),
        ("overflow", g_eps),
        ("numpy", g_numpy),
        ("error", g_one_mean),  # as many fakes as reals is not a given
    ],
    "mdgan.diffusion_discriminator_step": [
        ("detach", s_no_detach),
        ("detach", s_encoder_reached),
        ("plain-gan", s_real_is_data),
        ("manifold-step", s_manifold),
        ("labels", s_labels),
        ("both-fake", s_both_fake),
        ("code-as-real", s_code),
        ("accumulated", s_no_zero_grad),
        ("order", s_early_step),
        ("graph", s_graph),
        ("frozen", s_left_frozen),
        ("none", lambda *x: s_detach(*x) and None),
    ],
    "mdgan.mass_in_place": [
        ("kept-only", lambda c, n, w: torch.minimum(c / c.sum(-1, keepdim=True).clamp(min=1), w).sum(-1)),
        ("quality", lambda c, n, w: c.sum(-1) / n),
        ("covered", lambda c, n, w: ((c > 0) * w).sum(-1)),
        ("mean", lambda c, n, w: torch.minimum(c / n, w).mean(-1)),
        ("maximum", lambda c, n, w: torch.maximum(c / n, w).sum(-1)),
        ("difference", lambda c, n, w: (w - c / n).abs().sum(-1)),
        ("shape", lambda c, n, w: (c / n).minimum(w).sum()),
        ("float", lambda c, n, w: float((c / n).minimum(w).sum())),
    ],
    "mdgan.mode_score": [
        ("inception", m_printed),
        ("inception", m_inception),
        ("balance-sign", m_plus),
        ("log", m_no_exp),
        ("direction", m_direction),
        ("balance-only", lambda p, train: math.exp(-kl(p.mean(0), train))),
        ("zero", m_bare_logs),
        ("type", m_rows),
    ],
    "mdgan.ideal_discriminator": [
        ("printed", lambda data, generated: 1 / (1 + (data - generated).exp())),
        ("underflow", i_exponentials),
        ("ratio", lambda data, generated: torch.exp(data) / torch.exp(generated)),
        ("logits", lambda data, generated: data - generated),
        ("of-logs", lambda data, generated: data / (data + generated)),
        ("data-only", lambda data, generated: data.sigmoid()),
        ("shape", lambda data, generated: torch.sigmoid(data - generated).mean()),
    ],
}  # fmt: skip

RIGHT = {
    "mdgan.mode_regulariser": [
        lambda logits: logsigmoid(logits).mean(),
        lambda logits: -bce(logits, ones(logits)),
        lambda logits: (logits - softplus(logits)).mean(),
    ],
    "mdgan.generator_loss": [g_right_loop, g_right_bce, g_right_norm],
    "mdgan.diffusion_discriminator_step": [s_detach, s_no_grad_one_by_one, s_autograd_twice],
    "mdgan.mass_in_place": [
        lambda c, n, w: (c / n).clamp(max=w).sum(-1),
        p_loop,
        p_one_minus_lacking,
    ],
    "mdgan.mode_score": [m_right_loop, m_right_entropies, m_right_tensor],
    "mdgan.ideal_discriminator": [
        lambda data, generated: 1 / (1 + (generated - data).exp()),
        lambda data, generated: torch.stack([data, generated]).softmax(0)[0],
        i_shifted,
    ],
}
