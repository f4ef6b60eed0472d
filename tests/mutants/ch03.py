"""Chapter 03: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import math

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, softplus


def slope_by_autograd(fake_logits, loss):
    leaf = fake_logits.clone().requires_grad_()
    value = softplus(-leaf) if loss == "non-saturating" else -softplus(leaf)
    return torch.autograd.grad(value.sum(), leaf)[0]


def slope_loop(fake_logits, loss):
    slopes = []
    for logit in fake_logits.tolist():
        probability = 1 / (1 + math.exp(-logit))
        slopes.append(probability - 1 if loss == "non-saturating" else -probability)
    return torch.tensor(slopes)


def slope_of_batch_mean(fake_logits, loss):
    leaf = fake_logits.clone().requires_grad_()
    value = softplus(-leaf) if loss == "non-saturating" else -softplus(leaf)
    return torch.autograd.grad(value.mean(), leaf)[0]


def with_lists(settings):
    copy = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
    copy["activation"] = "leaky_relu"
    return copy


def change_in_place(settings):
    settings["activation"] = "leaky_relu"
    return settings


WRONG = {
    "collapse.minimax_generator_loss": [
        ("non-saturating", lambda fake: -logsigmoid(fake).mean()),
        ("sign", lambda fake: binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))),
        ("no-complement", lambda fake: logsigmoid(fake).mean()),
        ("sum", lambda fake: logsigmoid(-fake).sum()),
        ("no-log", lambda fake: (-fake).sigmoid().mean()),
        ("sigmoid-twice", lambda fake: -softplus(fake.sigmoid()).mean()),
        ("overflow", lambda fake: (1 - fake.sigmoid()).log().mean()),
        ("overflow", lambda fake: (1 - fake.sigmoid() + 1e-8).log().mean()),
        ("overflow", lambda fake: -(1 + fake.exp()).log().mean()),
        ("shape", lambda fake: -softplus(fake)),
        ("float", lambda fake: -softplus(fake).mean().item()),
        ("no-gradient", lambda fake: -softplus(fake.detach()).mean()),
        ("numpy", lambda fake: -np.logaddexp(0, fake.detach().numpy()).mean()),
    ],
    "collapse.gradient_of_fakes": [
        ("exchanged", lambda x, loss: x.sigmoid() - 1 if loss == "minimax" else -x.sigmoid()),
        ("sign", lambda x, loss: 1 - x.sigmoid() if loss == "non-saturating" else x.sigmoid()),
        ("same", lambda x, loss: x.sigmoid() - 1),
        ("mean", slope_of_batch_mean),
        ("by-probability", lambda x, loss: -1 / x.sigmoid() if loss == "non-saturating" else -1 / (1 - x.sigmoid())),
        ("value", lambda x, loss: softplus(-x) if loss == "non-saturating" else -softplus(x)),
        ("shape", lambda x, loss: slope_by_autograd(x, loss).mean()),
        ("shape", lambda x, loss: torch.autograd.grad(softplus(-x.requires_grad_()), x)[0]),
        ("in-place", lambda x, loss: x.sigmoid_() - 1 if loss == "non-saturating" else -x.sigmoid_()),
        ("signature", lambda x: x.sigmoid() - 1),
    ],
    "collapse.mend_momentum": [
        ("beta1", lambda settings: {**settings, "beta1": 0.5}),
        ("several", lambda settings: {**settings, "activation": "leaky_relu", "batch": 128}),
        ("nothing", lambda settings: dict(settings)),
        ("data", lambda settings: {**settings, "sigma": 0.5}),
        ("steps", lambda settings: {**settings, "steps": 20_000}),
        ("keys", lambda settings: {"activation": "leaky_relu"}),
        ("keys", lambda settings: {**settings, "dropout": 0.5}),
        ("value", lambda settings: {**settings, "activation": "swish"}),
        ("large", lambda settings: {**settings, "generator": (4096, 4096)}),
        ("in-place", change_in_place),
        ("none", lambda settings: settings.copy().update(activation="tanh")),
        ("type", lambda settings: "leaky_relu"),
        ("collapsed", lambda settings: {**settings, "generator": [32] * 4}),
    ],
}

RIGHT = {
    "collapse.minimax_generator_loss": [
        lambda fake: logsigmoid(-fake).mean(),
        lambda fake: -binary_cross_entropy_with_logits(fake, torch.zeros_like(fake)),
        lambda fake: (logsigmoid(fake) - fake).mean(),
    ],
    "collapse.gradient_of_fakes": [
        slope_by_autograd,
        slope_loop,
        lambda x, loss: {"non-saturating": -(-x).sigmoid(), "minimax": -x.sigmoid()}[loss],
    ],
    "collapse.mend_momentum": [
        # One setting only: these train, and others mend it in most seeds but not in all.
        lambda settings: {**settings, "activation": "leaky_relu"},
        lambda settings: dict(settings, activation="leaky_relu"),
        with_lists,
    ],
}
