"""Chapter 01: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, logsigmoid, softplus

BCE = binary_cross_entropy_with_logits


def real_term(logits):
    return softplus(-logits).mean()


def fake_term(logits):
    return softplus(logits).mean()


def turn(angles, radius):
    return radius * torch.stack([angles.cos(), angles.sin()], dim=-1)


# ----------------------------------------------------------------------------------- discriminator steps


def d_no_detach(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_no_detach_tidied(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    generator.zero_grad()
    optimiser.step()
    return loss.detach()


def d_no_zero_grad(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_step_before_backward(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.step()
    optimiser.zero_grad()
    loss.backward()
    return loss.detach()


def d_zero_then_step_then_backward(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    optimiser.step()
    loss.backward()
    return loss.detach()


def d_zero_grad_after_backward(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.detach()


def d_labels(generator, discriminator, optimiser, real, latent):
    loss = fake_term(discriminator(real)) + real_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_labels_bce(generator, discriminator, optimiser, real, latent):
    logits_real, logits_fake = discriminator(real), discriminator(generator(latent).detach())
    loss = BCE(logits_real, torch.zeros_like(logits_real)) + BCE(logits_fake, torch.ones_like(logits_fake))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_uphill(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    (-loss).backward()
    optimiser.step()
    return loss.detach()


def d_generators_loss(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_real_only(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_fake_only(generator, discriminator, optimiser, real, latent):
    loss = fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_latent_as_fake(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(latent))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_own_latent(generator, discriminator, optimiser, real, latent):
    fake = generator(torch.randn_like(latent)).detach()
    loss = real_term(discriminator(real)) + fake_term(discriminator(fake))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_generator_twice(generator, discriminator, optimiser, real, latent):
    fake = generator(generator(latent)).detach()
    loss = real_term(discriminator(real)) + fake_term(discriminator(fake))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_sum(generator, discriminator, optimiser, real, latent):
    loss = softplus(-discriminator(real)).sum() + softplus(discriminator(generator(latent).detach())).sum()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_half(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    loss = loss / 2
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_no_step(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    return loss.detach()


def d_no_backward(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.step()
    return loss.detach()


def d_two_steps(generator, discriminator, optimiser, real, latent):
    for logits, term in (
        (discriminator(real), real_term),
        (discriminator(generator(latent).detach()), fake_term),
    ):
        loss = term(logits)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.detach()


def d_own_optimiser(generator, discriminator, optimiser, real, latent):
    mine = torch.optim.SGD(discriminator.parameters(), lr=0.05)
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    mine.zero_grad()
    loss.backward()
    mine.step()
    return loss.detach()


def d_trains_both(generator, discriminator, optimiser, real, latent):
    both = torch.optim.SGD([*generator.parameters(), *discriminator.parameters()], lr=0.05)
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent)))
    both.zero_grad()
    loss.backward()
    both.step()
    optimiser.step()
    return loss.detach()


def d_discriminator_in_no_grad(generator, discriminator, optimiser, real, latent):
    with torch.no_grad():
        loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


def d_detaches_logits_of_fakes(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent)).detach())
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_sigmoid_twice(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real).sigmoid())
    loss = loss + fake_term(discriminator(generator(latent).detach()).sigmoid())
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_returns_graph(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


def d_returns_float(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def d_returns_nothing(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def d_returns_loss_afterwards(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return (real_term(discriminator(real)) + fake_term(discriminator(generator(latent)))).detach()


def d_leaves_generator_frozen(generator, discriminator, optimiser, real, latent):
    generator.requires_grad_(False)
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_leaves_eval_mode(generator, discriminator, optimiser, real, latent):
    generator.eval()
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_clamps_weights(generator, discriminator, optimiser, real, latent):
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter.clamp_(-0.01, 0.01)
    return loss.detach()


def d_right_no_grad(generator, discriminator, optimiser, real, latent):
    with torch.no_grad():
        fake = generator(latent)
    loss = -logsigmoid(discriminator(real)).mean() - logsigmoid(-discriminator(fake)).mean()
    optimiser.zero_grad(set_to_none=False)
    loss.backward()
    optimiser.step()
    return loss.data


def d_right_one_batch(generator, discriminator, optimiser, real, latent):
    optimiser.zero_grad()
    logits = discriminator(torch.cat([real, generator(latent).detach()]))
    labels = torch.cat([torch.ones(len(real)), torch.zeros(len(latent))])
    loss = 2 * nn.BCEWithLogitsLoss()(logits, labels)
    loss.backward()
    optimiser.step()
    return loss.detach()


def d_right_two_backwards(generator, discriminator, optimiser, real, latent):
    discriminator.zero_grad()
    on_real = real_term(discriminator(real))
    on_real.backward()
    on_fake = fake_term(discriminator(generator(latent).detach()))
    on_fake.backward()
    optimiser.step()
    return (on_real + on_fake).detach()


def d_right_frozen(generator, discriminator, optimiser, real, latent):
    generator.requires_grad_(False)
    loss = real_term(discriminator(real)) + fake_term(discriminator(generator(latent)))
    for parameter, gradient in zip(
        discriminator.parameters(), torch.autograd.grad(loss, list(discriminator.parameters())), strict=True
    ):
        parameter.grad = gradient
    optimiser.step()
    generator.requires_grad_(True)
    return loss.detach().clone()


# --------------------------------------------------------------------------------------- generator steps


def g_detach(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent).detach()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_no_grad(generator, discriminator, optimiser, latent):
    with torch.no_grad():
        fake = generator(latent)
    loss = real_term(discriminator(fake))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_discriminator_in_no_grad(generator, discriminator, optimiser, latent):
    fake = generator(latent)
    with torch.no_grad():
        logits = discriminator(fake)
    loss = real_term(logits)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_saturating(generator, discriminator, optimiser, latent):
    loss = -fake_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_labels(generator, discriminator, optimiser, latent):
    loss = fake_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_uphill(generator, discriminator, optimiser, latent):
    loss = -real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_no_zero_grad(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_order(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    optimiser.step()
    optimiser.zero_grad()
    loss.backward()
    return loss.detach()


def g_cleared(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    loss.backward()
    generator.zero_grad()
    optimiser.step()
    return loss.detach()


def g_sum(generator, discriminator, optimiser, latent):
    loss = softplus(-discriminator(generator(latent))).sum()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_clipped(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(generator.parameters(), 1e-3)
    optimiser.step()
    return loss.detach()


def g_own_latent(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(torch.randn(len(latent), 2))))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_twice(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(generator(latent))))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_one_sample(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent[:1])))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_moves_discriminator(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter -= 0.05 * parameter.grad
    return loss.detach()


def g_by_hand(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter -= 0.05 * parameter.grad
    return loss.detach()


def g_twice_backward(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_leaves_frozen(generator, discriminator, optimiser, latent):
    discriminator.requires_grad_(False)
    loss = real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_leaves_eval(generator, discriminator, optimiser, latent):
    discriminator.eval()
    loss = real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_graph(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


def g_tuple(generator, discriminator, optimiser, latent):
    fake = generator(latent)
    loss = real_term(discriminator(fake))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach(), fake.detach()


def g_numpy(generator, discriminator, optimiser, latent):
    loss = real_term(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach().numpy()


def g_right_bce(generator, discriminator, optimiser, latent):
    logits = discriminator(generator(latent))
    loss = BCE(logits, torch.ones_like(logits))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def g_right_frozen(generator, discriminator, optimiser, latent):
    for parameter in discriminator.parameters():
        parameter.requires_grad = False
    optimiser.zero_grad(set_to_none=False)
    loss = -logsigmoid(discriminator(generator(latent))).mean()
    loss.backward()
    optimiser.step()
    for parameter in discriminator.parameters():
        parameter.requires_grad = True
    return loss.detach()


def g_right_both_cleared(generator, discriminator, optimiser, latent):
    generator.zero_grad()
    loss = torch.log1p(torch.exp(-discriminator.forward(generator.forward(latent)))).mean()
    loss.backward()
    optimiser.step()
    discriminator.zero_grad()
    return loss.clone().detach()


def g_right_by_chain_rule(generator, discriminator, optimiser, latent):
    fake = generator(latent)
    leaf = fake.detach().requires_grad_()
    loss = real_term(discriminator(leaf))
    (to_fake,) = torch.autograd.grad(loss, leaf)
    optimiser.zero_grad()
    fake.backward(to_fake)
    optimiser.step()
    return loss.detach()


# ---------------------------------------------------------------------------------- numpy and loop forms


def d_loss_numpy(real_logits, fake_logits):
    real, fake = real_logits.detach().numpy(), fake_logits.detach().numpy()
    return np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))


def ring_with_numpy(modes, radius):
    angles = 2 * np.pi * np.arange(modes) / modes
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def ring_loop(modes, radius):
    centres = []
    for mode in range(modes):
        angle = 2 * math.pi * mode / modes
        centres.append([radius * math.cos(angle), radius * math.sin(angle)])
    return torch.tensor(centres)


def d_loss_loop(real_logits, fake_logits):
    loss = 0.0
    for logit in real_logits:
        loss = loss - logsigmoid(logit) / len(real_logits)
    for logit in fake_logits:
        loss = loss - logsigmoid(-logit) / len(fake_logits)
    return loss


def dirac_by_autograd(theta, psi, log_one_plus_exp=softplus):
    theta, psi = theta.clone().requires_grad_(), psi.clone().requires_grad_()
    objective = math.log(1 / 2) - log_one_plus_exp(psi * theta)
    to_theta, to_psi = torch.autograd.grad(objective.sum(), [theta, psi])
    return -to_theta, to_psi


WRONG = {
    "gan.dirac_field": [
        ("sign", lambda theta, psi: (-psi * torch.sigmoid(theta * psi), theta * torch.sigmoid(theta * psi))),
        (
            "generator-ascends",
            lambda theta, psi: (-psi / (1 + torch.exp(-theta * psi)), -theta / (1 + torch.exp(-theta * psi))),
        ),
        (
            "discriminator-descends",
            lambda theta, psi: (psi / (1 + torch.exp(-theta * psi)), theta / (1 + torch.exp(-theta * psi))),
        ),
        ("swapped", lambda theta, psi: (-theta * torch.sigmoid(theta * psi), psi * torch.sigmoid(theta * psi))),
        ("chain-rule", lambda theta, psi: (theta * torch.sigmoid(theta * psi), -psi * torch.sigmoid(theta * psi))),
        ("no-slope", lambda theta, psi: (psi, -theta)),
        ("slope", lambda theta, psi: (psi * torch.sigmoid(-theta * psi), -theta * torch.sigmoid(-theta * psi))),
        ("log-not-slope", lambda theta, psi: (psi * softplus(theta * psi), -theta * softplus(theta * psi))),
        (
            "overflow",
            lambda theta, psi: tuple(d * torch.exp(theta * psi) / (1 + torch.exp(theta * psi)) for d in (psi, -theta)),
        ),
        ("overflow", lambda theta, psi: dirac_by_autograd(theta, psi, lambda t: torch.log(1 + torch.exp(t)))),
        ("tuple", lambda theta, psi: torch.stack(dirac_by_autograd(theta, psi))),
        ("tuple", lambda theta, psi: psi * torch.sigmoid(theta * psi)),
        ("float", lambda theta, psi: (0.0, 0.0)),
        (
            "error",
            lambda theta, psi: (psi / (1 + math.exp(-theta * psi)), -theta / (1 + math.exp(-theta * psi))),
        ),
        ("signature", lambda theta: (theta, theta)),
        ("value", lambda theta, psi: (psi / 2, -theta / 2)),
    ],
    "gan.discriminator_loss": [
        ("sign", lambda real, fake: logsigmoid(real).mean() + logsigmoid(-fake).mean()),
        ("labels", lambda real, fake: fake_term(real) + real_term(fake)),
        ("labels", lambda real, fake: BCE(real, torch.zeros_like(real)) + BCE(fake, torch.ones_like(fake))),
        ("sum", lambda real, fake: softplus(-real).sum() + softplus(fake).sum()),
        ("half", lambda real, fake: (real_term(real) + fake_term(fake)) / 2),
        ("mean", lambda real, fake: 2 * torch.cat([softplus(-real), softplus(fake)]).mean()),
        (
            "half",
            lambda real, fake: BCE(
                *(lambda x: (x, torch.cat([torch.ones_like(real), 0 * fake])))(torch.cat([real, fake]))
            ),
        ),
        ("real-only", lambda real, fake: real_term(real)),
        ("fake-only", lambda real, fake: fake_term(fake)),
        ("both-real", lambda real, fake: real_term(real) + real_term(fake)),
        ("sigmoid-twice", lambda real, fake: real_term(real.sigmoid()) + fake_term(fake.sigmoid())),
        ("wasserstein", lambda real, fake: fake.mean() - real.mean()),
        ("overflow", lambda real, fake: -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()),
        (
            "overflow",
            lambda real, fake: -(real.sigmoid() + 1e-8).log().mean() - (1 - fake.sigmoid() + 1e-8).log().mean(),
        ),
        (
            "overflow",
            lambda real, fake: (
                binary_cross_entropy(real.sigmoid(), torch.ones_like(real))
                + binary_cross_entropy(fake.sigmoid(), torch.zeros_like(fake))
            ),
        ),
        ("overflow", lambda real, fake: (1 + (-real).exp()).log().mean() + (1 + fake.exp()).log().mean()),
        ("overflow", lambda real, fake: -real.log().mean() - (1 - fake).log().mean()),
        ("shape", lambda real, fake: softplus(-real[: len(fake)]) + softplus(fake[: len(real)])),
        ("float", lambda real, fake: (real_term(real) + fake_term(fake)).item()),
        ("numpy", d_loss_numpy),
        ("no-gradient", lambda real, fake: (real_term(real) + fake_term(fake)).detach()),
        ("gradient", lambda real, fake: real_term(real) + fake_term(fake.detach())),
        ("tuple", lambda real, fake: (real_term(real), fake_term(fake))),
        ("print", lambda real, fake: print(real_term(real) + fake_term(fake))),
        ("dtype", lambda real, fake: real_term(real.double()) + fake_term(fake.double())),
        ("mean", lambda real, fake: (softplus(-real).sum() + softplus(fake).sum()) / len(real)),
        ("error", lambda real, fake: (softplus(-real) + softplus(fake)).mean()),
    ],
    "gan.generator_loss": [
        ("saturating", lambda fake: (-softplus(fake)).mean()),
        ("saturating", lambda fake: logsigmoid(-fake).mean()),
        ("labels", lambda fake: BCE(fake, torch.zeros_like(fake))),
        ("sign", lambda fake: logsigmoid(fake).mean()),
        ("sum", lambda fake: -logsigmoid(fake).sum()),
        ("half", lambda fake: 0.5 * softplus(-fake).mean()),
        ("sigmoid-twice", lambda fake: BCE(fake.sigmoid(), torch.ones_like(fake))),
        ("wasserstein", lambda fake: -fake.mean()),
        ("no-log", lambda fake: (1 - fake.sigmoid()).mean()),
        ("overflow", lambda fake: -fake.sigmoid().log().mean()),
        ("overflow", lambda fake: -(fake.sigmoid() + 1e-12).log().mean()),
        ("overflow", lambda fake: (1 + (-fake).exp()).log().mean()),
        ("overflow", lambda fake: -fake.log().mean()),
        ("overflow", lambda fake: softplus(-fake.clamp(-50, 50)).mean()),
        ("shape", lambda fake: softplus(-fake)),
        ("shape", lambda fake: softplus(-fake).mean(0, keepdim=True)),
        ("float", lambda fake: float(softplus(-fake).mean())),
        ("numpy", lambda fake: np.logaddexp(0, -fake.detach().numpy()).mean()),
        ("numpy", lambda fake: np.logaddexp(0, -fake.numpy()).mean()),
        ("no-gradient", lambda fake: torch.tensor(softplus(-fake).mean().item())),
        ("no-gradient", lambda fake: softplus(-fake.detach()).mean()),
        ("print", lambda fake: print(softplus(-fake).mean())),
        ("in-place", lambda fake: softplus(fake.neg_()).mean()),
        ("value", lambda fake: softplus(-fake).median()),
        ("value", lambda fake: softplus(-fake)[1:].mean() if len(fake) > 1 else softplus(-fake).mean()),
        ("value", lambda fake: softplus(-fake.mean())),
        ("tuple", lambda fake: [softplus(-fake).mean()]),
    ],
    "gan.discriminator_step": [
        ("detach", d_no_detach),
        ("detach", d_no_detach_tidied),
        ("accumulated", d_no_zero_grad),
        ("order", d_step_before_backward),
        ("order", d_zero_then_step_then_backward),
        ("cleared", d_zero_grad_after_backward),
        ("labels", d_labels),
        ("labels", d_labels_bce),
        ("sign", d_uphill),
        ("generator-loss", d_generators_loss),
        ("real-only", d_real_only),
        ("fake-only", d_fake_only),
        ("latent-as-fake", d_latent_as_fake),
        ("latent", d_own_latent),
        ("twice", d_generator_twice),
        ("sum", d_sum),
        ("scale", d_half),
        ("no-step", d_no_step),
        ("backward", d_no_backward),
        ("steps", d_two_steps),
        ("no-step", d_own_optimiser),
        ("other-player", d_trains_both),
        ("no-gradient", d_discriminator_in_no_grad),
        ("real-only", d_detaches_logits_of_fakes),
        ("sigmoid-twice", d_sigmoid_twice),
        ("graph", d_returns_graph),
        ("float", d_returns_float),
        ("none", d_returns_nothing),
        ("returned", d_returns_loss_afterwards),
        ("frozen", d_leaves_generator_frozen),
        ("mode", d_leaves_eval_mode),
        ("by-hand", d_clamps_weights),
    ],
    "gan.generator_step": [
        ("detach", g_detach),
        ("detach", g_no_grad),
        ("no-gradient", g_discriminator_in_no_grad),
        ("saturating", g_saturating),
        ("labels", g_labels),
        ("sign", g_uphill),
        ("accumulated", g_no_zero_grad),
        ("order", g_order),
        ("cleared", g_cleared),
        ("sum", g_sum),
        ("scale", g_clipped),
        ("latent", g_own_latent),
        ("twice", g_twice),
        ("latent", g_one_sample),
        ("other-player", g_moves_discriminator),
        ("no-step", g_by_hand),
        ("backward-twice", g_twice_backward),
        ("frozen", g_leaves_frozen),
        ("mode", g_leaves_eval),
        ("graph", g_graph),
        ("tuple", g_tuple),
        ("numpy", g_numpy),
        (
            "signature",
            lambda generator, discriminator, latent: g_right_bce(generator, discriminator, None, latent),
        ),
    ],
    "gan.ring_centres": [
        ("linspace", lambda modes, radius: turn(torch.linspace(0, 2 * math.pi, modes), radius)),
        ("radius", lambda modes, radius: turn(2 * math.pi * torch.arange(modes) / modes, 1)),
        ("diameter", lambda modes, radius: turn(2 * math.pi * torch.arange(modes) / modes, radius / 2)),
        ("half-circle", lambda modes, radius: turn(torch.linspace(0, math.pi, modes + 1)[:-1], radius)),
        ("degrees", lambda modes, radius: turn(torch.arange(modes) * (360 / modes), radius)),
        ("eight", lambda modes, radius: turn(torch.arange(modes) * math.pi / 4, radius)),
        ("rotated", lambda modes, radius: turn(2 * math.pi * (torch.arange(modes) + 0.5) / modes, radius)),
        ("shape", lambda modes, radius: turn(2 * math.pi * torch.arange(modes) / modes, radius).T),
        ("shape", lambda modes, radius: turn(torch.linspace(0, 2 * math.pi, modes + 1), radius)),
        ("numpy", ring_with_numpy),
        ("dtype", lambda modes, radius: torch.from_numpy(ring_with_numpy(modes, radius))),
        ("tuple", lambda modes, radius: ring_loop(modes, radius).tolist()),
        ("value", lambda modes, radius: radius * torch.randn(modes, 2)),
        ("print", lambda modes, radius: print(ring_loop(modes, radius))),
    ],
}

RIGHT = {
    "gan.dirac_field": [
        dirac_by_autograd,
        lambda theta, psi: (psi / (1 + torch.exp(-theta * psi)), -theta / (1 + torch.exp(-theta * psi))),
        lambda theta, psi: [
            psi * (1 - torch.sigmoid(-theta * psi)),
            -theta * (1 - torch.sigmoid(-theta * psi)),
        ],
        lambda t, p: (p * torch.exp(-softplus(-t * p)), -t * torch.exp(-softplus(-t * p))),
    ],
    "gan.discriminator_loss": [
        lambda real, fake: -logsigmoid(real).mean() - logsigmoid(-fake).mean(),
        lambda real, fake: BCE(real, torch.ones_like(real)) + BCE(fake, torch.zeros_like(fake)),
        lambda real, fake: softplus(-real).sum() / len(real) + softplus(fake).sum() / len(fake),
        lambda real, fake: (torch.logaddexp(torch.zeros(1), -real)).mean() + (fake + softplus(-fake)).mean(),
        d_loss_loop,
    ],
    "gan.generator_loss": [
        lambda fake: -logsigmoid(fake).mean(),
        lambda fake: BCE(fake, torch.ones_like(fake)),
        lambda logits: torch.mean(softplus(-logits)),
        lambda fake: (softplus(fake) - fake).mean(),
        lambda fake: nn.BCEWithLogitsLoss()(fake, torch.ones(fake.shape)),
    ],
    "gan.discriminator_step": [d_right_no_grad, d_right_one_batch, d_right_two_backwards, d_right_frozen],
    "gan.generator_step": [g_right_bce, g_right_frozen, g_right_both_cleared, g_right_by_chain_rule],
    "gan.ring_centres": [
        ring_loop,
        lambda modes, radius: turn(torch.linspace(0, 2 * math.pi, modes + 1)[:-1], radius),
        lambda modes, radius: turn(-2 * math.pi * torch.arange(modes) / modes, radius),
        lambda modes, radius: torch.view_as_real(
            torch.polar(torch.full((modes,), radius), torch.arange(modes) * (2 * math.pi / modes))
        ),
        lambda modes, radius: torch.from_numpy(ring_with_numpy(modes, radius)).float(),
    ],
}
