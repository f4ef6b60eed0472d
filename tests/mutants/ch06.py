"""Chapter 06: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import torch
from torch.nn.functional import normalize


def norms(x):
    return torch.linalg.vector_norm(x, dim=1)


# ---------------------------------------------------------------------------------------------- spheres


def right_sphere(s):
    return s.mean(0), norms(s - s.mean(0)).mean()


def s_loop(s):
    centre = sum(s) / len(s)
    return centre, sum((centre - one).norm() for one in s) / len(s)


def s_cdist(s):
    centre = s.mean(dim=0, keepdim=True)
    return centre.squeeze(0), torch.cdist(s, centre).mean()


def s_eps(s):
    centre = s.mean(0)
    return centre, ((s - centre) ** 2).sum(1).add(1e-8).sqrt().mean()


def s_list(s):
    return [s.mean(0), norms(s - s.mean(0)).mean()]


def s_frozen(s):
    with torch.no_grad():
        centre = s.mean(0)
    return s.mean(0), norms(s - centre).mean()


def l_of(real, fake, form):
    (c, r), (d, q) = right_sphere(real), right_sphere(fake)
    return form(c - d, r - q)


def l_right_swapped(real, fake):
    return l_of(fake, real, lambda c, r: c.norm() + r.abs())


def l_right_max(real, fake):
    return l_of(real, fake, lambda c, r: torch.linalg.norm(c) + torch.maximum(r, -r))


def l_eps(real, fake):
    return l_of(real, fake, lambda c, r: (c.square().sum() + 1e-8).sqrt() + r.abs())


# ---------------------------------------------------------------------------------------------- kernels


def k(a, b, sigma):
    return torch.exp(-((a - b) ** 2).sum(-1) / (2 * sigma * sigma))


def full(kernel, a, b, sigma):
    return kernel(a, a, sigma) - 2 * kernel(a, b, sigma) + kernel(b, b, sigma)


def eq8(real, fake, sigma, alpha, kernel=k):
    c, d = real.mean(0), fake.mean(0)
    radii = full(kernel, c, real, sigma).mean() - full(kernel, d, fake, sigma).mean()
    return full(kernel, c, d, sigma) + alpha * radii.abs()


def k_short(real, fake, sigma, alpha):
    c, d = real.mean(0), fake.mean(0)
    return 2 - 2 * k(c, d, sigma) + 2 * alpha * (k(d, fake, sigma).mean() - k(c, real, sigma).mean()).abs()


def k_loop(real, fake, sigma, alpha):
    c, d = real.mean(0), fake.mean(0)
    l_y = sum(full(k, c, one, sigma) for one in real) / len(real)
    l_x = sum(full(k, d, one, sigma) for one in fake) / len(fake)
    return full(k, c, d, sigma) + alpha * torch.abs(l_x - l_y)


def mmd(real, fake, sigma, alpha):
    pairs = [(real, real, 1), (fake, fake, 1), (real, fake, -2)]
    return sum(w * k(a[:, None], b[None], sigma).mean() for a, b, w in pairs)


def k_mmd_radii(real, fake, sigma, alpha):
    return mmd(real, fake, sigma, alpha) + eq8(real, fake, sigma, alpha) - eq8(real, fake, sigma, 0.0)


def k_plain_radii(real, fake, sigma, alpha):
    gap = right_sphere(real)[1] - right_sphere(fake)[1]
    return eq8(real, fake, sigma, 0.0) + alpha * gap.abs()


def k_similarity(real, fake, sigma, alpha):
    return eq8(real, fake, sigma, alpha) - eq8(real, fake, sigma, 0.0) + k(real.mean(0), fake.mean(0), sigma)


def k_exponential(real, fake, sigma, alpha):
    return eq8(real, fake, sigma, alpha, lambda a, b, s: torch.exp(-torch.linalg.vector_norm(a - b, dim=-1) / s))


def k_root(real, fake, sigma, alpha):
    centres = eq8(real, fake, sigma, 0.0)
    return centres.sqrt() + eq8(real, fake, sigma, alpha) - centres


# -------------------------------------------------------------------------------------------------- R_G


def cosines(rows):
    return normalize(rows, dim=1) @ normalize(rows, dim=1).T


def a_s(s):
    return cosines(s - s.mean(1, keepdim=True))


def r_corrcoef(s):
    return torch.linalg.matrix_norm(torch.eye(len(s)) - torch.corrcoef(s))


def r_loop(s):
    table = torch.corrcoef(s)
    total = sum(table[i, j] ** 2 for i in range(len(s)) for j in range(len(s)) if i != j)
    return total.sqrt()


def r_norm(s):
    return (torch.eye(len(s)) - a_s(s)).square().sum().sqrt()


def off(table):
    return table * (1 - torch.eye(len(table)))


# ------------------------------------------------------------------------------------- moving averages


def e_lerp(old, new, delta):
    return torch.lerp(new, old.detach(), delta)


def e_step(old, new, delta):
    past = old.detach()
    return past + (1 - delta) * (new - past)


def e_no_grad(old, new, delta):
    with torch.no_grad():
        past = delta * old
    return past + new - delta * new


WRONG = {
    "mmgan.sphere": [
        ("printed", lambda s: (s.mean(0), (s - s.mean(0)).norm() / len(s))),
        ("squared", lambda s: (s.mean(0), (s - s.mean(0)).square().sum(1).mean())),
        ("root-mean-square", lambda s: (s.mean(0), norms(s - s.mean(0)).square().mean().sqrt())),
        ("coordinates", lambda s: (s.mean(0), (s - s.mean(0)).abs().mean())),
        ("manhattan", lambda s: (s.mean(0), torch.linalg.vector_norm(s - s.mean(0), ord=1, dim=1).mean())),
        ("sum", lambda s: (s.mean(0), norms(s - s.mean(0)).sum())),
        ("largest", lambda s: (s.mean(0), norms(s - s.mean(0)).max())),
        ("origin", lambda s: (s.mean(0), norms(s).mean())),
        ("root-at-zero", lambda s: (s.mean(0), torch.sqrt(((s - s.mean(0)) ** 2).sum(1)).mean())),
        ("frozen-centre", s_frozen),
        ("no-gradient", lambda s: right_sphere(s.detach())),
        ("shape", lambda s: (s.mean(0), norms(s - s.mean(0)))),
        ("tuple", lambda s: norms(s - s.mean(0)).mean()),
        ("float", lambda s: (s.mean(0), norms(s - s.mean(0)).mean().item())),
    ],
    "mmgan.sphere_loss": [
        ("squared", lambda y, x: l_of(y, x, lambda c, r: c @ c + r.abs())),
        ("both-squared", lambda y, x: l_of(y, x, lambda c, r: c @ c + r**2)),
        ("signed", lambda y, x: l_of(y, x, lambda c, r: c.norm() + r)),
        ("centres-only", lambda y, x: (y.mean(0) - x.mean(0)).norm()),
        ("radii-only", lambda y, x: l_of(y, x, lambda c, r: r.abs())),
        ("mean-coordinates", lambda y, x: l_of(y, x, lambda c, r: c.abs().mean() + r.abs())),
        ("minus", lambda y, x: l_of(y, x, lambda c, r: c.norm() - r.abs())),
        ("root-at-zero", lambda y, x: l_of(y, x, lambda c, r: c.square().sum().sqrt() + r.abs())),
        ("real-only-gradient", lambda y, x: l_right_swapped(y, x.detach())),
        ("no-gradient", lambda y, x: l_right_swapped(y.detach(), x.detach())),
        ("float", lambda y, x: l_right_swapped(y, x).item()),
    ],
    "mmgan.rbf_loss": [
        ("discrepancy", mmd),
        ("discrepancy-and-radii", k_mmd_radii),
        ("root", k_root),
        ("plain-radii", k_plain_radii),
        ("centres-only", lambda y, x, s, a: eq8(y, x, s, 0.0)),
        ("similarity", k_similarity),
        ("half", lambda y, x, s, a: eq8(y, x, s, a) - eq8(y, x, s, 0.0) / 2),
        ("alpha", lambda y, x, s, a: eq8(y, x, s, 1.0)),
        ("width", lambda y, x, s, a: eq8(y, x, s / 2**0.5, a)),
        ("width", lambda y, x, s, a: eq8(y, x, s**0.5, a)),
        ("exponential", k_exponential),
        ("no-gradient", lambda y, x, s, a: eq8(y.detach(), x.detach(), s, a)),
    ],
    "mmgan.correlation_regulariser": [
        ("not-centred", lambda s: off(cosines(s)).norm()),
        ("centred-over-batch", lambda s: off(cosines(s - s.mean(0))).norm()),
        ("features", lambda s: (torch.eye(s.shape[1]) - torch.corrcoef(s.T)).norm()),
        ("covariance", lambda s: (torch.eye(len(s)) - torch.cov(s)).norm()),
        ("squared", lambda s: (torch.eye(len(s)) - a_s(s)).square().sum()),
        ("mean", lambda s: (torch.eye(len(s)) - a_s(s)).square().mean().sqrt()),
        ("absolute", lambda s: (torch.eye(len(s)) - a_s(s)).abs().sum()),
        ("spectral", lambda s: torch.linalg.matrix_norm(torch.eye(len(s)) - a_s(s), ord=2)),
        ("no-identity", lambda s: a_s(s).norm()),
        ("one-way", lambda s: off(a_s(s)).relu().norm()),
        ("no-gradient", lambda s: r_norm(s.detach())),
        ("shape", lambda s: torch.eye(len(s)) - a_s(s)),
    ],
    "mmgan.moving_average": [
        ("swapped", lambda old, new, delta: torch.lerp(old.detach(), new, delta)),
        ("swapped-no-detach", lambda old, new, delta: torch.lerp(old, new, delta)),
        ("no-detach", lambda old, new, delta: torch.lerp(new, old, delta)),
        ("no-new", lambda old, new, delta: delta * old.detach() + new),
        ("all-detached", lambda old, new, delta: e_lerp(old, new.detach(), delta) + delta * (old - old.detach())),
        ("straight-through", lambda old, new, delta: e_step(old, new, delta).detach() + new - new.detach()),
        ("no-gradient", lambda old, new, delta: e_step(old, new.detach(), delta)),
        ("in-place", lambda old, new, delta: old.detach().mul_(delta) + (1 - delta) * new),
    ],
}  # fmt: skip

RIGHT = {
    "mmgan.sphere": [right_sphere, s_loop, s_cdist, s_eps],
    "mmgan.sphere_loss": [l_right_swapped, l_right_max, l_eps],
    "mmgan.rbf_loss": [eq8, k_short, k_loop],
    "mmgan.correlation_regulariser": [r_corrcoef, r_loop, r_norm],
    "mmgan.moving_average": [e_lerp, e_step, e_no_grad],
}
