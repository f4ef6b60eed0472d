"""Chapter 08: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import logsigmoid, softplus


def ones(logits):
    return torch.ones_like(logits)


# ------------------------------------------------------------------------------------------- the views


def u_loop(filters):
    return torch.stack([one / (one * one).sum().sqrt() for one in filters])


def u_in_place(filters):
    filters /= filters.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return filters


def p_loop(samples, projections):
    views = []
    for matrix in projections:
        views.append(torch.stack([matrix.T @ x for x in samples]))
    return torch.stack(views)


def p_one_product(samples, projections):
    count, dim, features = projections.shape
    together = samples @ projections.permute(1, 0, 2).reshape(dim, count * features)
    return together.view(len(samples), count, features).transpose(0, 1)


def p_wrong_order(samples, projections):
    return torch.einsum("nd,kdm->nkm", samples, projections)


# ------------------------------------------------------------------------------------------ the losses


def l_loop(logits):
    return sum(bce(one, ones(one)) for one in logits) / len(logits)


def l_combined(logits):
    return -torch.log(logits.sigmoid().mean(0)).mean()


# -------------------------------------------------------------------------------- one at a time


def s_right(generator, discriminators, optimiser, latent):
    optimiser.zero_grad()
    fake = generator(latent)
    leaf = fake.detach().requires_grad_()
    gradient, total = 0, 0
    for discriminator in discriminators:
        loss = softplus(-discriminator(leaf)).mean() / len(discriminators)
        gradient = gradient + torch.autograd.grad(loss, leaf)[0]
        total = total + loss.detach()
    fake.backward(gradient)
    optimiser.step()
    return total


def s_right_leaf_grad(generator, discriminators, optimiser, latent):
    fake = generator(latent)
    leaf = fake.detach().clone().requires_grad_(True)
    losses = []
    for discriminator in discriminators:
        logits = discriminator(leaf)
        loss = bce(logits, ones(logits))
        loss.backward()
        losses.append(loss.item())
    optimiser.zero_grad()
    torch.autograd.backward(fake, leaf.grad / len(discriminators))
    optimiser.step()
    return torch.tensor(losses).mean()


def s_right_once_more(generator, discriminators, optimiser, latent):
    """G is run again for every discriminator: slower, but the memory is that of one."""
    optimiser.zero_grad()
    total = torch.zeros(())
    for discriminator in discriminators:
        loss = -logsigmoid(discriminator(generator(latent))).mean() / len(discriminators)
        loss.backward()
        total += loss.detach()
    optimiser.step()
    return total


def s_all_at_once(generator, discriminators, optimiser, latent):
    fake = generator(latent)
    loss = torch.stack([softplus(-d(fake)).mean() for d in discriminators]).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def one_by_one(loss_of, share=lambda k: 1 / k, keep=torch.add, clear=True, detach=True):
    """The right step but for one thing."""

    def step(generator, discriminators, optimiser, latent):
        fake = generator(latent)
        leaf = fake.detach().requires_grad_()
        gradient, total = torch.zeros_like(leaf), torch.zeros(())
        for discriminator in discriminators:
            loss = share(len(discriminators)) * loss_of(discriminator(leaf))
            gradient = keep(gradient, torch.autograd.grad(loss, leaf, retain_graph=not detach)[0])
            total = total + (loss.detach() if detach else loss)
        if clear:
            optimiser.zero_grad()
        fake.backward(gradient)
        optimiser.step()
        return total

    return step


def real(logits):
    return softplus(-logits).mean()


def s_no_generator_backward(generator, discriminators, optimiser, latent):
    leaf = generator(latent).detach().requires_grad_()
    loss = sum(real(d(leaf)) for d in discriminators) / len(discriminators)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def s_returns_nothing(*pieces):
    s_right(*pieces)


def s_early_step(generator, discriminators, optimiser, latent):
    optimiser.step()
    fake = generator(latent)
    leaf = fake.detach().requires_grad_()
    gradient, total = torch.zeros_like(leaf), torch.zeros(())
    for discriminator in discriminators:
        loss = real(discriminator(leaf)) / len(discriminators)
        gradient += torch.autograd.grad(loss, leaf)[0]
        total += loss.detach()
    optimiser.zero_grad()
    fake.backward(gradient)
    return total


# ------------------------------------------------------------------------------------------- K as one


def c_loop(views, weights):
    parts = views.chunk(len(weights), 1)
    return torch.cat([F.conv2d(x, w, stride=2, padding=1) for x, w in zip(parts, weights, strict=True)], 1)


def c_block_diagonal(views, weights):
    count, outputs, channels = weights.shape[:3]
    whole = weights.new_zeros(count * outputs, count * channels, 4, 4)
    for k, w in enumerate(weights):
        whole[k * outputs : (k + 1) * outputs, k * channels : (k + 1) * channels] = w
    return F.conv2d(views, whole, stride=2, padding=1)


def c_patches(views, weights):
    n, _, height, width = views.shape
    count = len(weights)
    patches = F.unfold(views, 4, padding=1, stride=2).view(n, count, -1, height * width // 4)
    return (weights.flatten(2) @ patches).view(n, -1, height // 2, width // 2)


def c_cards(views, weights):
    dealt = views.unflatten(1, (-1, len(weights))).transpose(1, 2).flatten(1, 2)
    return F.conv2d(dealt, weights.flatten(0, 1), stride=2, padding=1, groups=len(weights))


def c_outputs_mixed(views, weights):
    y = F.conv2d(views, weights.flatten(0, 1), stride=2, padding=1, groups=len(weights))
    return y.unflatten(1, (len(weights), -1)).transpose(1, 2).flatten(1, 2)


# --------------------------------------------------------------------------------------- fresh directions


def w_loop(real, fake, directions):
    total = 0
    for w in directions.T:
        total = total + ((real @ w).sort().values - (fake @ w).sort().values).pow(2).mean()
    return total / directions.shape[1]


def w_argsort(real, fake, directions):
    a, b = real @ directions, fake @ directions
    return F.mse_loss(b.gather(0, b.argsort(0)), a.gather(0, a.argsort(0)))


WRONG = {
    "rpgan.project": [
        ("shape", p_wrong_order),
        ("shape", lambda x, w: x @ w[0]),
        ("first", lambda x, w: torch.stack([x @ w[0] for _ in w])),
        ("averaged", lambda x, w: torch.stack([x @ w.mean(0) for _ in w])),
        ("scaled", lambda x, w: (x @ w) / torch.tensor(float(w.shape[2])).sqrt()),
        ("normalised", lambda x, w: x @ F.normalize(w, dim=1)),
        ("no-gradient", lambda x, w: (x @ w).detach()),
        ("numpy", lambda x, w: np.matmul(x.detach().numpy(), w.detach().numpy())),
        ("tuple", lambda x, w: [x @ one for one in w]),
        ("none", lambda x, w: None if x.shape[0] else x),
    ],
    "rpgan.generator_loss": [
        ("sum", lambda logits: sum(bce(one, ones(one)) for one in logits)),
        ("combined", l_combined),
        ("logits", lambda logits: bce(logits.mean(0), ones(logits[0]))),
        ("hardest", lambda logits: max(bce(one, ones(one)) for one in logits)),
        ("kindest", lambda logits: min(bce(one, ones(one)) for one in logits)),
        ("first", lambda logits: bce(logits[0], ones(logits[0]))),
        ("saturating", lambda logits: (1 - logits.sigmoid()).log().mean()),
        ("labels", lambda logits: bce(logits, 0 * logits)),
        ("sign", lambda logits: logsigmoid(logits).mean()),
        ("batch", lambda logits: softplus(-logits).sum() / len(logits)),
        ("shape", lambda logits: softplus(-logits).mean(1)),
        ("shape", lambda logits: softplus(-logits).mean(0)),
        ("overflow", lambda logits: -logits.sigmoid().log().mean()),
        ("overflow", lambda logits: -(logits.sigmoid() + 1e-8).log().mean()),
        ("float", lambda logits: float(softplus(-logits).mean())),
        ("no-gradient", lambda logits: softplus(-logits.detach()).mean()),
    ],
    "rpgan.generator_step": [
        ("memory", s_all_at_once),
        ("added", one_by_one(real, share=lambda k: 1)),
        ("last", one_by_one(real, keep=lambda old, new: new)),
        ("only-last", one_by_one(real, share=lambda k: 1, keep=lambda old, new: new)),
        ("saturating", one_by_one(lambda logits: -softplus(logits).mean())),
        ("labels", one_by_one(lambda logits: softplus(logits).mean())),
        ("sign", one_by_one(lambda logits: -real(logits))),
        ("sum", one_by_one(lambda logits: softplus(-logits).sum())),
        ("accumulated", one_by_one(real, clear=False)),
        ("graph", one_by_one(real, detach=False)),
        ("detach", s_no_generator_backward),
        ("order", s_early_step),
        ("none", s_returns_nothing),
        ("signature", lambda generator, discriminators, latent: s_right(generator, discriminators, None, latent)),
    ],
    "rpgan.unit_filters": [
        ("together", lambda w: w / w.square().sum().sqrt()),
        ("channel", lambda w: F.normalize(w.flatten(2), dim=2).view_as(w)),
        ("pixel", lambda w: F.normalize(w, dim=1)),
        ("across", lambda w: F.normalize(w, dim=0)),
        ("absolute", lambda w: F.normalize(w.flatten(1), p=1, dim=1).view_as(w)),
        ("squared", lambda w: w / w.flatten(1).square().sum(1).view(-1, 1, 1, 1)),
        ("deviation", lambda w: w / w.std((1, 2, 3), keepdim=True)),
        ("shape", lambda w: F.normalize(w.flatten(1), dim=1)),
        ("value", lambda w: w / 192**0.5),
        ("in-place", u_in_place),
    ],
    "rpgan.grouped": [
        ("loop", c_loop),
        ("shared", lambda x, w: torch.cat([F.conv2d(p, w[0], None, 2, 1) for p in x.chunk(len(w), 1)], 1)),
        ("interleaved-in", c_cards),
        ("interleaved-out", c_outputs_mixed),
        ("shape", lambda x, w: F.conv2d(x, w.flatten(0, 1), stride=2, padding=0, groups=len(w))),
        ("shape", lambda x, w: F.conv2d(x, w.flatten(0, 1), stride=1, padding=1, groups=len(w))),
        ("shape", lambda x, w: F.conv2d(x[:, : w.shape[2]], w[0], stride=2, padding=1)),
        ("no-gradient", lambda x, w: F.conv2d(x, w.detach().flatten(0, 1), None, 2, 1, groups=len(w)).detach()),
    ],
    "rpgan.sliced_distance": [
        ("unsorted", lambda a, b, w: F.mse_loss(b @ w, a @ w)),
        ("sorted-first", lambda a, b, w: F.mse_loss(b.sort(0).values @ w, a.sort(0).values @ w)),
        ("across", lambda a, b, w: F.mse_loss((b @ w).sort().values, (a @ w).sort().values)),
        ("means", lambda a, b, w: ((a.mean(0) - b.mean(0)) @ w).square().mean()),
        ("absolute", lambda a, b, w: F.l1_loss((b @ w).sort(0).values, (a @ w).sort(0).values)),
        ("root", lambda a, b, w: w_loop(a, b, w).sqrt()),
        ("sum", lambda a, b, w: w_loop(a, b, w) * w.shape[1]),
        ("batch", lambda a, b, w: w_loop(a, b, w) * len(a)),
        ("shape", lambda a, b, w: ((a @ w).sort(0).values - (b @ w).sort(0).values).square().mean(0)),
        ("float", lambda a, b, w: w_loop(a, b, w).item()),
    ],
}  # fmt: skip

RIGHT = {
    "rpgan.project": [p_loop, p_one_product, lambda x, w: x @ w, lambda x, w: torch.tensordot(w, x, ([1], [1])).mT],
    "rpgan.generator_loss": [
        l_loop,
        lambda logits: softplus(-logits).mean(),
        lambda logits: -logsigmoid(logits).mean(1).mean(0),
    ],
    "rpgan.generator_step": [s_right, s_right_leaf_grad, s_right_once_more],
    "rpgan.unit_filters": [
        u_loop,
        lambda w: w / w.flatten(1).norm(dim=1)[:, None, None, None],
        lambda w: F.normalize(w.flatten(1), dim=1).view_as(w),
    ],
    "rpgan.grouped": [
        lambda x, w: F.conv2d(x, w.reshape(-1, *w.shape[2:]), stride=2, padding=1, groups=w.shape[0]),
        c_block_diagonal,
        c_patches,
    ],
    "rpgan.sliced_distance": [
        w_loop,
        w_argsort,
        lambda a, b, w: F.mse_loss((w.T @ b.T).sort(1).values, (w.T @ a.T).sort(1).values),
    ],
}
