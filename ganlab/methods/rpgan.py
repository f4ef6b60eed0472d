"""GAN with multiple random projections (Neyshabur, Bhojanapalli, Chakrabarti, 2017, arXiv:1705.07831).

One generator, K discriminators. Discriminator k sees samples only through a fixed random projection W_k that throws
most dimensions away; the generator has to satisfy all K at once. The networks are in `ganlab.nets.projected`.

Other methods have this abbreviation: random path GAN, and the relativistic pairing GAN. This is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.gan import GAN, descend, frozen, scaled, take_step
from ganlab.nets.projected import Projected

Logits = Callable[[Tensor], Tensor]  # samples (*seeds, n, dim) to logits (*seeds, n)
REDUCTIONS = {"mean": lambda losses: losses.mean(-1), "sum": lambda losses: losses.sum(-1)}


def discriminator_losses(
    real_logits: Float[Tensor, "*seeds K n"], fake_logits: Float[Tensor, "*seeds K n"]
) -> Float[Tensor, "*seeds K"]:
    """The loss of each discriminator on its own view, as if the others did not exist (eq. 2, maximised over each D_k).

        L_k = -E[log D_k(W_k^T x)] - E[log(1 - D_k(W_k^T G(z)))]

    Minimise their sum: L_k holds no weight of another discriminator, so each gets the gradient of its own loss. The
    public code has a factor 1/2 here; to Adam it makes no difference.
    """
    return gan.discriminator_loss(real_logits, fake_logits)


def generator_loss(
    fake_logits: Float[Tensor, "*seeds K n"],
    loss: Callable[[Tensor], Tensor] = gan.generator_loss,
    reduction: str = "mean",
) -> Float[Tensor, "*seeds"]:
    """The mean of K non-saturating losses, one for each discriminator (text and public code).

        L_G = -(1/K) sum_k E[log D_k(W_k^T G(z))]

    Losses are averaged; probabilities are never combined. Equation 2 prints the sum, which is K times as steep: to
    Adam nearly the same, to SGD a learning rate K times as high.

    Raises:
        GanlabError: an unknown `reduction`.
    """
    return _reduction(reduction)(loss(fake_logits))


def accumulated_gradient(
    fake: Float[Tensor, "*seeds n dim"],
    discriminators: Sequence[Logits],
    loss: Callable[[Tensor], Tensor] = gan.generator_loss,
    reduction: str = "mean",
) -> tuple[Float[Tensor, "*seeds"], Float[Tensor, "*seeds n dim"]]:
    """L_G and its gradient with respect to the fakes, one discriminator at a time.

        dL_G / dG(z) = (1/K) sum_k d L_k / dG(z),   then one backward pass through G: fake.backward(gradient)

    The memory trick of the public code: the intermediate results of one discriminator are kept, not those of K.

    Raises:
        GanlabError: no discriminator, or an unknown `reduction`.
    """
    _reduction(reduction)
    if not discriminators:
        raise GanlabError("accumulated_gradient was given no discriminators; give at least one.")
    leaf = fake.detach().requires_grad_()
    share = 1 / len(discriminators) if reduction == "mean" else 1.0
    total, gradient = torch.zeros(()), torch.zeros_like(leaf)
    for discriminator in discriminators:
        own = share * loss(discriminator(leaf))
        gradient += torch.autograd.grad(own.sum(), leaf)[0]
        total = total + own.detach()
    return total, gradient


def _reduction(name: str) -> Callable[[Tensor], Tensor]:
    if name not in REDUCTIONS:
        raise GanlabError(f"reduction is {name!r}; choose one of {', '.join(REDUCTIONS)}.")
    return REDUCTIONS[name]


class RPGAN(GAN):
    """A generator against K discriminators, each with its own fixed view (the algorithm of the public code).

    Args:
        generator, rng, and the other settings: as for `GAN`.
        discriminator: the K of them, for example `ganlab.nets.projected.projected_mlp(...)`. Their projections are
            buffers: saved with the state, given to no optimiser.
        reduction: of the generator's K losses, `"mean"` as in the paper, or `"sum"`.
        accumulate: one discriminator after another, in both steps: slower, the same to rounding, and the memory of
            one discriminator's pass in place of K.
    """

    def __init__(
        self,
        generator: torch.nn.Module,
        discriminator: Projected,
        *,
        reduction: str = "mean",
        accumulate: bool = False,
        **settings: Any,
    ):
        _reduction(reduction)
        super().__init__(generator, discriminator, **settings)
        self.reduction, self.accumulate = reduction, accumulate

    def discriminator_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """Train all K on the same batch of reals and the same fakes. The mean of their losses is reported."""
        with torch.no_grad():
            fake = self.generator(self.rng.normal(real.shape[-2], self.latent))
        if self.accumulate:
            losses = self._train_one_by_one(real, fake)
        else:
            losses = discriminator_losses(self.discriminator(real), self.discriminator(fake))
            descend(losses, self.discriminator_optimiser)
        return {"discriminator_loss": losses.detach().mean(-1)}

    def generator_step(self, n: int) -> dict[str, Tensor]:
        """Train the generator on n latents, against all K at once."""
        with frozen(self.discriminator):
            fake = self.generator(self.rng.normal(n, self.latent))
            if self.accumulate:
                loss = self._descend_one_by_one(fake)
            else:
                loss = generator_loss(self.discriminator(fake), self.loss, self.reduction)
                descend(loss, self.generator_optimiser)
        return {"generator_loss": loss.detach()}

    def _train_one_by_one(self, real: Tensor, fake: Tensor) -> Tensor:
        losses = []
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        for k in range(self.discriminator.count):
            one = gan.discriminator_loss(self.discriminator.one(k, real), self.discriminator.one(k, fake))
            # This reaches the weights of network k only, and frees its graph.
            scaled(one.sum(), self.discriminator_optimiser).backward()
            losses.append(one.detach())
        take_step(self.discriminator_optimiser)
        return torch.stack(losses, -1)

    def _descend_one_by_one(self, fake: Tensor) -> Tensor:
        views = [lambda x, k=k: self.discriminator.one(k, x) for k in range(self.discriminator.count)]
        loss, gradient = accumulated_gradient(fake, views, self.loss, self.reduction)
        self.generator_optimiser.zero_grad(set_to_none=True)
        fake.backward(scaled(gradient, self.generator_optimiser))
        take_step(self.generator_optimiser)
        return loss

    def step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """One turn: the generator first, then the discriminators against fakes of other latents (public code)."""
        return self.generator_step(real.shape[-2]) | self.discriminator_step(real)
