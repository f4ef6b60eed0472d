"""MSGAN on text to image: StackGAN++ in miniature (Zhang et al., 2018, arXiv:1710.10916), with the mode-seeking term.

Two stages paint the same face, at half the side and at the whole. Each stage's discriminator answers two questions:
is it a face, and does it fit the caption? To learn the second it also sees real faces with the caption of *another*
face. The networks are `ganlab.nets.text`'s; the captions' codes come from a text encoder that was trained before,
by matching captions with faces, and no longer changes (Reed et al., 2016, arXiv:1605.05395 and 1605.05396).
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.methods.gan import adam, descend
from ganlab.methods.msgan import MSGAN, discriminator_loss
from ganlab.nets.text import split_stages
from ganlab.seeds import Streams

# The text encoder ---------------------------------------------------------------------------------------------


def matching_loss(
    images: Float[Tensor, "n features"], captions: Float[Tensor, "n features"], temperature: float = 0.2
) -> Float[Tensor, ""]:
    """Which of the batch's captions belongs to an image, and which image to a caption: two cross-entropies, averaged.

        s_ij = cos(image_i, caption_j) / temperature,   L = (CE(s_i., i) + CE(s_.i, i)) / 2

    Departure: Reed et al. use a hinge on the differences of scores; this is the symmetric form of CLIP (Radford et al.,
    2021, arXiv:2103.00020). Several images of a batch may fit one caption, so 0 is out of reach.
    """
    scores = F.normalize(images, dim=-1) @ F.normalize(captions, dim=-1).T / temperature
    own = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


class Matching:
    """Trains a text encoder and an image encoder to give a caption and its face the same code.

    Args:
        text: tokens `(n, length)` to codes `(n, features)`.
        image: images `(n, dim)` to codes `(n, features)`; needed for this training only.
    """

    def __init__(self, text: nn.Module, image: nn.Module, *, lr: float = 2e-3):
        self.text, self.image = text, image
        self.optimiser = adam(nn.ModuleList([text, image]), lr, (0.9, 0.999))

    def step(self, batch: tuple[Float[Tensor, "n dim"], Int[Tensor, "n length"]]) -> dict[str, Tensor]:
        """One step on faces and their captions."""
        images, tokens = batch
        loss = matching_loss(self.image(images), self.text(tokens))
        descend(loss, self.optimiser)
        return {"matching_loss": loss.detach()}

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name).state_dict() for name in ("text", "image", "optimiser")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in state.items():
            getattr(self, name).load_state_dict(part)


# The game -----------------------------------------------------------------------------------------------------


class TextToImage(MSGAN):
    """MSGAN with two stages. `weight=0` is the baseline, two latents for each caption and all.

    The loss of a batch is the mean over the four judgements (two stages, two questions), where StackGAN++ adds them up:
    its code's lambda_ms = 1 is `weight=0.25` here. As in that code, the term sees the last stage alone.

    Args:
        generator, discriminator: `StackedGenerator` and `StackedDiscriminator` of `ganlab.nets.text`.
        The rest as for `MSGAN`.
    """

    def discriminator_step(self, real: Tensor, condition: Tensor, fakes: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """As `ConditionalGAN`'s; and real faces with the caption of the next one in the batch must not fit.

        Departures: a caption of another face may fit by chance, here as there; the wrong pairs are re-paired reals
        of the same batch, where StackGAN++ draws further images.
        """
        player = self.discriminator
        seen = player.maps(real)
        logits = torch.cat([player.real(seen), player.fits(seen, condition)])
        wrong = F.softplus(player.fits(seen, condition.roll(1, 0))).mean()
        loss = discriminator_loss(logits, *(player(fake.detach(), condition) for fake in fakes))
        loss = loss + self.draws * wrong / 2  # of the four judgements of each batch, the two that read the caption
        descend(loss, self.discriminator_optimiser)
        return {"discriminator_loss": loss.detach()}

    def term(self, fakes: tuple[Tensor, ...], latents: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """The mode-seeking term on the large images."""
        return super().term(tuple(split_stages(fake)[1] for fake in fakes), latents)

    @torch.no_grad()
    def sample(self, condition: Float[Tensor, "n features"], rng: Streams | None = None) -> Tensor:
        """One image of both stages for each row, with the running statistics of G's batch norms.

        With those of the batch, a batch of one caption would have the caption normalised away.
        """
        training = self.generator.training
        self.generator.eval()
        try:
            return super().sample(condition, rng)
        finally:
            self.generator.train(training)
