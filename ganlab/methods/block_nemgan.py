"""A combination for data made of several independent parts: NEMGAN's latent in blocks, on a steadied GAN.

From NEMGAN (chapter 07): a latent with a place for each mode, an inversion network that reads the mode back from the
sample, and a few labelled reals that tell it which is which. A thousand modes made of three times ten need not be a
thousand places: here are three blocks of ten. From outside the course's five methods come two stabilisers: a penalty
on the discriminator's slope at real samples, and an average over the generator's weights.

All losses keep the seeds axis.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.gan import GAN, adam, descend, frozen, peek
from ganlab.nets.averaging import average
from ganlab.seeds import Streams

# The stabilisers ------------------------------------------------------------------------------------------------


def zero_centred_penalty(
    discriminator: Callable[[Tensor], Tensor], real: Float[Tensor, "*seeds n dim"]
) -> Float[Tensor, "*seeds"]:
    """R1 = E ||grad_x D(x)||^2 at real samples, of the logit (Mescheder et al. 2018, arXiv:1801.04406, eq. 9).

    From 0. At the solution the discriminator is flat on the data: this keeps it there, where the plain game circles.
    (Eq. 9 has a factor gamma / 2 in front. WGAN-GP's penalty wants a slope of 1, between real and fake.)
    """
    slope = torch.func.grad(lambda x: discriminator(x).sum())(real)
    return slope.square().sum(-1).mean(-1)


class SteadyGAN(GAN):
    """A GAN with the two stabilisers.

    Args:
        penalty: gamma of (gamma / 2) R1 in the discriminator's loss; 0 leaves it out. The discriminator must look at
            each sample by itself: no batch norm, no packing.
        keep: decay of the average over the generator's weights. `sample` is by the average; `averaged=False` gives
            the generator as it is.
        The rest as for `GAN`.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        penalty: float = 0.3,
        keep: float = 0.999,
        **settings: Any,
    ):
        super().__init__(generator, discriminator, **settings)
        self.penalty, self.keep = penalty, keep
        self.average = copy.deepcopy(generator).requires_grad_(False)

    def latents(self, n: int, rng: Streams | None = None) -> Float[Tensor, "*seeds n latent"]:
        """n latents: what another latent overrides."""
        return (self.rng if rng is None else rng).normal(n, self.latent)

    def discriminator_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        with torch.no_grad():
            fake = self.generator(self.latents(real.shape[-2]))
        loss = gan.discriminator_loss(self.discriminator(real), self.discriminator(fake))
        if self.penalty:
            loss = loss + self.penalty / 2 * zero_centred_penalty(self.discriminator, real)
        descend(loss, self.discriminator_optimiser)
        return {"discriminator_loss": loss.detach()}

    def generator_step(self, n: int) -> dict[str, Tensor]:
        with frozen(self.discriminator):
            loss = self.loss(self.discriminator(self.generator(self.latents(n))))
            descend(loss, self.generator_optimiser)
        average(self.average, self.generator, self.keep)
        return {"generator_loss": loss.detach()}

    @torch.no_grad()
    def sample(self, n: int, rng: Streams | None = None, averaged: bool = True) -> Float[Tensor, "*seeds n dim"]:
        rng = self.rng.for_purpose("look") if rng is None else rng
        return peek(self.average if averaged else self.generator, self.latents(n, rng))

    def _parts(self) -> dict[str, Any]:
        return super()._parts() | {"average": self.average}


# The blocks -----------------------------------------------------------------------------------------------------


def block_latent(
    classes: Int[Tensor, "*seeds n blocks"], noise: Float[Tensor, "*seeds n extra"], values: int = 10
) -> Float[Tensor, "*seeds n latent"]:
    """(one-hot of the first class, one-hot of the second, ..., noise): blocks * values + extra numbers.

    Departure from NEMGAN: its latent has a place for each of values^blocks modes, and noise in all places; here the
    blocks are clean and the noise stands beside them.
    """
    return torch.cat([F.one_hot(classes, values).flatten(-2).to(noise.dtype), noise], -1)


def block_cross_entropy(
    logits: Float[Tensor, "*seeds n outputs"], classes: Int[Tensor, "*seeds n blocks"]
) -> Float[Tensor, "*seeds"]:
    """-E sum over blocks of log softmax(that block's logits)[its class]: what reading the blocks wrongly costs.

    3 log 10 = 6.91 for three blocks of ten and an inversion network that knows nothing.
    """
    found = logits.unflatten(-1, (classes.shape[-1], -1)).log_softmax(-1)
    return -found.gather(-1, classes.unsqueeze(-1)).squeeze(-1).sum(-1).mean(-1)


class BlockNEMGAN(SteadyGAN):
    """Blocks of classes in the latent, uniform and independent; the generator keeps them readable.

    The generator descends the GAN's loss plus `block_cross_entropy` of what the inversion network reads in its samples.
    The inversion network learns from labelled reals, and tells the generator which class is which. Without labelled
    reals it learns from the generated samples, as in NEMGAN.

    Args:
        generator: latents of blocks * values + latent numbers to samples.
        inversion: samples to blocks * values logits.
        blocks, values: three times ten for stacks of digits.
        latent: how many numbers of N(0, 1) stand beside the blocks.
        labelled: for a block, a few labelled reals `(m, dim / blocks)` and their classes `(m,)`; stacks of them are
            made anew in each step, every class equally often. `None`: what it finds need not be the true classes.
        together: the inversion network learns from labelled reals *and* generated samples. The two then drift away
            from the true classes in company.
        The rest as for `SteadyGAN`.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        inversion: nn.Module,
        *,
        blocks: int = 3,
        values: int = 10,
        labelled: tuple[Float[Tensor, "m part"], Int[Tensor, " m"]] | None = None,
        together: bool = False,
        **settings: Any,
    ):
        super().__init__(generator, discriminator, **settings)
        self.inversion, self.blocks, self.values = inversion, blocks, values
        defaults = self.generator_optimiser.defaults
        self.inversion_optimiser = adam(inversion, defaults["lr"], (0.5, defaults["betas"][1]))
        self.labelled = None if labelled is None else LabelledParts(*labelled, values)
        self.learns_from_fakes = together or labelled is None

    def latents(self, n: int, rng: Streams | None = None) -> Float[Tensor, "*seeds n latent"]:
        return self.draw(n, rng)[0]

    def draw(self, n: int, rng: Streams | None = None) -> tuple[Tensor, Int[Tensor, "*seeds n blocks"]]:
        """n latents and the classes in their blocks."""
        rng = self.rng if rng is None else rng
        classes = rng.integers(self.values, n, self.blocks)
        return block_latent(classes, rng.normal(n, self.latent), self.values), classes

    def draw_labelled(self, n: int) -> tuple[Float[Tensor, "*seeds n dim"], Int[Tensor, "*seeds n blocks"]]:
        """n stacks of labelled reals and their classes."""
        classes = self.rng.integers(self.values, n, self.blocks)
        chosen = (self.rng.uniform(n, self.blocks).to(classes.device) * self.labelled.counts[classes]).long()
        return self.labelled.parts[classes, chosen].flatten(-2), classes

    def generator_step(self, n: int) -> dict[str, Tensor]:
        latents, classes = self.draw(n)
        self.inversion_optimiser.zero_grad(set_to_none=True)
        with frozen(self.discriminator, *([] if self.learns_from_fakes else [self.inversion])):
            fake = self.generator(latents)
            adversarial = self.loss(self.discriminator(fake))
            reading = block_cross_entropy(self.inversion(fake), classes)
            descend(adversarial + reading, self.generator_optimiser)
        if self.labelled is not None:
            stacks, true = self.draw_labelled(n)
            block_cross_entropy(self.inversion(stacks), true).sum().backward()
        self.inversion_optimiser.step()
        average(self.average, self.generator, self.keep)
        return {"generator_loss": adversarial.detach(), "reading": reading.detach()}

    def _parts(self) -> dict[str, Any]:
        names = ("inversion", "inversion_optimiser")
        return super()._parts() | {name: getattr(self, name) for name in names}


class LabelledParts:
    """A few labelled parts in a table `(values, most, part)`, so that a class and a place in it pick one."""

    def __init__(self, parts: Float[Tensor, "m part"], classes: Int[Tensor, " m"], values: int):
        self.counts = classes.bincount(minlength=values)
        if len(parts) != len(classes) or len(self.counts) != values or not self.counts.all():
            raise GanlabError(
                f"labelled holds {len(parts)} reals and the classes {classes.unique().tolist()}; give one class each, "
                f"and at least one real of every class from 0 to {values - 1}."
            )
        self.parts = parts.new_zeros(values, int(self.counts.max()), parts.shape[1])
        for value in range(values):
            own = parts[classes == value]
            self.parts[value, : len(own)] = own
