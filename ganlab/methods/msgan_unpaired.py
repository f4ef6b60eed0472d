"""MSGAN without pairs: DRIT in miniature (Lee et al., ECCV 2018, arXiv:1808.00948), with the mode-seeking term.

Two domains X and Y, faces without and with a hat, say, and no face in both. An image is taken apart into content,
which a discriminator keeps free of the domain, and a style of its domain. A face of X becomes one of Y when its content
is painted with a style of Y: one taken from an image, or a latent z ~ N(0, I). What holds the content in place is the
cross-cycle: swap the styles of two images, swap back, and both must return.

The weights are those of the released code (DRIT with mode seeking): 10 for every reconstruction, of images and of the
latent, .01 for the styles' KL, 1 for the rest and for the term.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab.methods import gan
from ganlab.methods.gan import Stateful, adam, descend, frozen, peek
from ganlab.methods.msgan import discriminator_loss, distance_ratio, generator_loss, mean_distance, reciprocal
from ganlab.nets.translator import Decoder, StyleEncoder, content_discriminator, content_encoder
from ganlab.nets.unet import patch_discriminator
from ganlab.seeds import Streams

X, Y = "xy"
OTHER = {X: Y, Y: X}


def style_divergence(mean: Float[Tensor, "n style"], log_variance: Float[Tensor, "n style"]) -> Float[Tensor, ""]:
    """KL(N(mean, variance) || N(0, I)) in nats, mean over the batch and the style's numbers; 0 if they are equal."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()


def undecided(logits: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """Cross-entropy to one half: smallest, log 2, where the discriminator cannot tell."""
    return 0.5 * (softplus(logits) + softplus(-logits)).mean()


class Translator(Stateful):
    """Two domains, and the way from each to the other.

    Args:
        side: of the images, even.
        rng: gives first weights and latents.
        style: numbers of a style and of the latent that may stand for it.
        width: of all networks.
        weight: lambda_ms, of the term in each of the two directions; 0 is the baseline, DRIT.
        reconstruction, divergence: weights of the reconstructions and of the styles' KL.
        lr: of all players.
    """

    def __init__(
        self,
        side: int,
        *,
        rng: Streams,
        style: int = 8,
        width: int = 16,
        weight: float = 1.0,
        reconstruction: float = 10.0,
        divergence: float = 0.01,
        lr: float = 5e-4,
    ):
        self.style, self.weight = style, weight
        self.reconstruction, self.divergence = reconstruction, divergence
        self.content = nn.ModuleDict({d: content_encoder(side, width, rng) for d in (X, Y)})
        self.styles = nn.ModuleDict({d: StyleEncoder(side, style, width, rng) for d in (X, Y)})
        self.decoders = nn.ModuleDict({d: Decoder(style, width, rng) for d in (X, Y)})
        self.judges = nn.ModuleDict({d: patch_discriminator(side, 3, width, rng).body for d in (X, Y)})
        self.judges["content"] = content_discriminator(width, rng)
        self.rng = rng.for_purpose("latent")
        self.generator = nn.ModuleList([self.content, self.styles, self.decoders])
        self.generator_optimiser = adam(self.generator, lr, (0.5, 0.999))
        self.discriminator_optimiser = adam(self.judges, lr, (0.5, 0.999))

    # One turn ------------------------------------------------------------------------------------------------

    def translate(self, images: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """All that is made of a batch: content, style, and for each domain what its decoder painted in one pass.

        `own`: the image again. `crossed`: the other image's content, this one's style. `drawn1`, `drawn2`: the other
        image's content and two latents, which both directions share.
        """
        content = {d: self.content[d](images[d]) for d in (X, Y)}
        moments = {d: self.styles[d](images[d]) for d in (X, Y)}
        n = len(images[X])
        z1, z2 = latents = self.rng.normal(2 * n, self.style).chunk(2)
        style = {d: mean + (0.5 * log).exp() * self.rng.normal(n, self.style) for d, (mean, log) in moments.items()}
        made = {}
        for d in (X, Y):
            own, other = content[d], content[OTHER[d]]
            painted = self.decoders[d](torch.cat([own, other, other, other]), torch.cat([style[d], style[d], z1, z2]))
            made[d] = dict(zip(("own", "crossed", "drawn1", "drawn2"), painted.chunk(4), strict=True))
        return {"content": content, "moments": moments, "made": made, "latents": latents}

    def discriminator_step(self, images: dict[str, Tensor], found: dict[str, Any]) -> dict[str, Tensor]:
        """The domains' discriminators against three batches of fakes each; the content's against the encoders."""
        content = [self.judges["content"](found["content"][d].detach()) for d in (X, Y)]
        loss = gan.discriminator_loss(*content)
        for d in (X, Y):
            fakes = [self.judges[d](found["made"][d][name].detach()) for name in ("crossed", "drawn1", "drawn2")]
            loss = loss + discriminator_loss(self.judges[d](images[d]), *fakes)
        descend(loss, self.discriminator_optimiser)
        return {"discriminator_loss": loss.detach()}

    def generator_step(self, images: dict[str, Tensor], found: dict[str, Any]) -> dict[str, Tensor]:
        """Everything that makes images, on the fakes that the discriminators have just seen."""
        made, (z1, z2), parts, ratios = found["made"], found["latents"], {}, {}
        with frozen(self.judges):
            parts["content"] = sum(undecided(self.judges["content"](found["content"][d])) for d in (X, Y))
            crossed = {d: made[d]["crossed"] for d in (X, Y)}  # in domain d, with the content of the other
            for d in (X, Y):
                fakes = [self.judges[d](made[d][name]) for name in ("crossed", "drawn1", "drawn2")]
                back = self.decoders[d](self.content[OTHER[d]](crossed[OTHER[d]]), self.styles[d](crossed[d])[0])
                again = self.styles[d](made[d]["drawn1"])[0]
                ratios[d] = distance_ratio(made[d]["drawn1"], made[d]["drawn2"], z1, z2)
                parts[d] = (
                    generator_loss(*fakes)
                    + self.reconstruction * mean_distance(images[d], made[d]["own"])
                    + self.reconstruction * mean_distance(images[d], back)
                    + self.reconstruction * mean_distance(z1, again)
                    + self.divergence * style_divergence(*found["moments"][d])
                    + self.weight * reciprocal(ratios[d])
                )
            loss = sum(parts.values())
            descend(loss, self.generator_optimiser)
        return {"generator_loss": loss.detach()} | {f"ratio_{d}": ratio.detach() for d, ratio in ratios.items()}

    def step(self, batch: tuple[Float[Tensor, "n pixels"], Float[Tensor, "n pixels"]]) -> dict[str, Tensor]:
        """One turn on a batch of each domain; row i of one has nothing to do with row i of the other.

        Departures: one turn of each player (the released code trains the content's discriminator three times as often
        and splits the generator's turn into two); latent regression on the first latent only, as there.
        """
        images = dict(zip((X, Y), batch, strict=True))
        found = self.translate(images)
        return self.discriminator_step(images, found) | self.generator_step(images, found)

    @torch.no_grad()
    def sample(self, images: Float[Tensor, "n pixels"], to: str, rng: Streams | None = None) -> Tensor:
        """Each image of the other domain as one of domain `to`, with a latent of its own."""
        rng = self.rng.for_purpose("look") if rng is None else rng
        content = peek(self.content[OTHER[to]], images)
        return peek(self.decoders[to], content, rng.normal(len(images), self.style))

    def _parts(self) -> dict[str, Any]:
        names = ("generator", "judges", "generator_optimiser", "discriminator_optimiser", "rng")
        return {name: getattr(self, name) for name in names}
