"""Mode Regularized GAN (Che, Li, Jacob, Bengio, Li, ICLR 2017, arXiv:1612.02136): an encoder shows G every mode.

Two methods of one paper. `RegularizedGAN` (sections 3.1 and 3.2) adds two terms to the generator's loss. `MDGAN`
(section 3.3), manifold-diffusion training, splits learning into two steps with a discriminator each. Both train an
encoder E so that G(E(x)) is near x: each real x, also in a mode that G(z) never visits, then pulls on G.

Other methods are called MDGAN too: mixture density GAN, multi-discriminator GAN. This is not they.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.gan import GAN, adam, descend, frozen
from ganlab.nets.encoder import encoder_statistics

AS_ARGUED, AS_PRINTED = -1, +1  # the sign of lambda2 log D(G(E(x))) in a loss that is minimised


def squared_distance(
    real: Float[Tensor, "*seeds n dim"], reconstruction: Float[Tensor, "*seeds n dim"]
) -> Float[Tensor, "*seeds"]:
    """d(x, G(E(x))) = ||x - G(E(x))||^2: summed over the coordinates, averaged over the batch.

    The paper leaves d open (pixels, or features of a network). Sum or mean over coordinates: the choice rescales
    lambda1 by `dim`, so a lambda1 is worth nothing without it.
    """
    return (real - reconstruction).square().sum(-1).mean(-1)


def mode_regulariser(reconstruction_logits: Float[Tensor, "*seeds n"]) -> Float[Tensor, "*seeds"]:
    """E[log D(G(E(x)))] over real x (section 3.2): 0 when D takes every reconstruction for real, else negative."""
    return -softplus(-reconstruction_logits).mean(-1)


def regulariser(
    real: Float[Tensor, "*seeds n dim"],
    reconstruction: Float[Tensor, "*seeds n dim"],
    reconstruction_logits: Float[Tensor, "*seeds n"],
    lambda1: float | Float[Tensor, "*seeds"],
    lambda2: float | Float[Tensor, "*seeds"],
    mode_sign: int = AS_ARGUED,
) -> Float[Tensor, "*seeds"]:
    """What the encoder minimises, and the generator as well (eq. 2); also the loss of MDGAN's manifold step.

        L_E = lambda1 E[d(x, G(E(x)))] - lambda2 E[log D(G(E(x)))]

    Departure: arXiv v1 prints `+ lambda2` and does not say whether its target is minimised. The text wants
    reconstructions pushed *towards* a mode, so log D must rise and in a minimised loss its sign is minus.
    `mode_sign=AS_PRINTED` keeps the printed plus in the minimised loss, as public code does.
    """
    distance = squared_distance(real, reconstruction)
    return lambda1 * distance + mode_sign * lambda2 * mode_regulariser(reconstruction_logits)


def generator_loss(
    fake_logits: Float[Tensor, "*seeds m"],
    real: Float[Tensor, "*seeds n dim"],
    reconstruction: Float[Tensor, "*seeds n dim"],
    reconstruction_logits: Float[Tensor, "*seeds n"],
    lambda1: float | Float[Tensor, "*seeds"],
    lambda2: float | Float[Tensor, "*seeds"],
) -> Float[Tensor, "*seeds"]:
    """What the generator of a Regularized GAN minimises (eq. 1): L_G = -E[log D(G(z))] + L_E.

    Departure: v1 prints all three terms with a plus. Maximised, the distance is wrong; minimised, both log D terms are.
    These signs are the ones that the argument needs.
    """
    regularised = regulariser(real, reconstruction, reconstruction_logits, lambda1, lambda2)
    return gan.generator_loss(fake_logits) + regularised


class GANWithEncoder(GAN):
    """A GAN that also has an encoder and can therefore reconstruct."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, encoder: nn.Module, **settings: Any):
        super().__init__(generator, discriminator, **settings)
        betas = self.generator_optimiser.defaults["betas"]
        self.encoder = encoder
        self.encoder_optimiser = adam(encoder, self.generator_optimiser.defaults["lr"], betas)

    def reconstruct(self, real: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds n dim"]:
        """G(E(x)), with the batch-norm statistics that G keeps for encoded batches (appendix B).

        Raises:
            GanlabError: reconstructions of another shape than the reals, for example because images are not flat.
        """
        with encoder_statistics(self.generator):
            reconstruction = self.generator(self.encoder(real))
        if reconstruction.shape != real.shape:
            raise GanlabError(
                f"Reals have shape {tuple(real.shape)} and their reconstructions {tuple(reconstruction.shape)}; "
                "they must be the same. Images travel as vectors: (n, channels * side * side)."
            )
        return reconstruction

    def _parts(self) -> dict[str, Any]:
        return super()._parts() | {"encoder": self.encoder, "encoder_optimiser": self.encoder_optimiser}


class RegularizedGAN(GANWithEncoder):
    """A GAN whose generator also reconstructs, through an encoder (sections 3.1, 3.2).

    The discriminator's step is the plain GAN's, on x against G(z): D never sees a reconstruction.

    Args:
        generator, discriminator, and `settings` (rng and the others): as for `GAN`.
        encoder: real samples `(*seeds, n, dim)` to latents `(*seeds, n, latent)`; it learns at the generator's rate.
        lambda1: weight of the reconstruction distance; lambda2: of the mode regulariser. 0 and 0 is the plain GAN.
            A tensor of shape `(*seeds)` gives each seed its own, so a sweep trains side by side.
        mode_sign: `AS_ARGUED` (-1) or `AS_PRINTED` (+1).
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        encoder: nn.Module,
        *,
        lambda1: float | Float[Tensor, "*seeds"] = 0.005,
        lambda2: float | Float[Tensor, "*seeds"] = 0.005,
        mode_sign: int = AS_ARGUED,
        **settings: Any,
    ):
        if mode_sign not in (AS_ARGUED, AS_PRINTED):
            raise GanlabError(f"mode_sign is {mode_sign!r}; choose -1 (as argued) or +1 (as printed).")
        super().__init__(generator, discriminator, encoder, **settings)
        self.lambda1, self.lambda2, self.mode_sign = lambda1, lambda2, mode_sign

    def generator_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """Train G on eq. 1 and E on eq. 2. What eq. 1 has more holds no E, so one backward pass serves both."""
        with frozen(self.discriminator):
            fake = self.generator(self.rng.normal(real.shape[-2], self.latent))
            reconstruction = self.reconstruct(real)
            fake_loss = self.loss(self.discriminator(fake))
            regularised = regulariser(
                real, reconstruction, self.discriminator(reconstruction), self.lambda1, self.lambda2, self.mode_sign
            )
            descend(fake_loss + regularised, self.generator_optimiser, self.encoder_optimiser)
        return {"generator_loss": (fake_loss + regularised).detach(), "encoder_loss": regularised.detach()}

    def step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """One turn: the discriminator, then generator and encoder together. The same reals serve both halves."""
        return self.discriminator_step(real) | self.generator_step(real)


class MDGAN(GANWithEncoder):
    """Manifold-diffusion training (section 3.3, appendix A): two discriminators, two steps.

    Manifold step: E and G learn to reconstruct, and D1 tells x from G(E(x)). Diffusion step: a plain GAN whose data
    are the reconstructions, so D2 compares two outputs of G and cannot win by leaving G's manifold behind.

    The manifold step minimises distance_weight E||x - G(E(x))||^2 - weight E[log D1(G(E(x)))]. The text of section 3.3
    (v1) puts its only lambda on the distance; the procedure in appendix A, as public code reports it, puts it on log D1
    (unverified). Two weights cover both. G has one Adam for both steps, so the larger gradient sets the pace of both.

    Args:
        discriminator: D2, of the diffusion step. manifold_discriminator: D1.
        weight: of log D1 in the manifold step; distance_weight: of the squared distance. A tensor of shape `(*seeds)`
            gives each seed its own. The rest as for `RegularizedGAN`.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        encoder: nn.Module,
        manifold_discriminator: nn.Module,
        *,
        weight: float | Float[Tensor, "*seeds"] = 0.01,
        distance_weight: float | Float[Tensor, "*seeds"] = 1.0,
        **settings: Any,
    ):
        super().__init__(generator, discriminator, encoder, **settings)
        defaults = self.discriminator_optimiser.defaults
        self.weight, self.distance_weight = weight, distance_weight
        self.manifold_discriminator = manifold_discriminator
        self.manifold_optimiser = adam(manifold_discriminator, defaults["lr"], defaults["betas"])

    def manifold_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """D1 on x against G(E(x)); then G, and E with it (appendix A names only G, by a public code's comment)."""
        with torch.no_grad():
            reconstruction = self.reconstruct(real)
        told_apart = gan.discriminator_loss(
            self.manifold_discriminator(real), self.manifold_discriminator(reconstruction)
        )
        descend(told_apart, self.manifold_optimiser)

        with frozen(self.manifold_discriminator):
            reconstruction = self.reconstruct(real)
            logits = self.manifold_discriminator(reconstruction)
            loss = regulariser(real, reconstruction, logits, self.distance_weight, self.weight)
            descend(loss, self.generator_optimiser, self.encoder_optimiser)
        return {"manifold_discriminator_loss": told_apart.detach(), "manifold_loss": loss.detach()}

    def diffusion_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """D2 and G: a plain GAN step with the reconstructions as data. No gradient reaches E or D1."""
        with torch.no_grad():
            reconstruction = self.reconstruct(real)
        return super().step(reconstruction)

    def step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """One manifold and one diffusion step, on the same reals (the paper's has a new batch; unverified)."""
        return self.manifold_step(real) | self.diffusion_step(real)

    def _parts(self) -> dict[str, Any]:
        players = {"manifold_discriminator": self.manifold_discriminator, "manifold_optimiser": self.manifold_optimiser}
        return super()._parts() | players
