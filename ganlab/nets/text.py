"""Captions to images in two stages (StackGAN++ in miniature): a text encoder, a generator, a discriminator.

Images of both stages travel as one vector, small image first: `(n, 3 * (side / 2)^2 + 3 * side^2)` in [-1, 1]. So a
method that knows only vectors trains both stages at once, as StackGAN++ does.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.nets.dcgan import initialised, start_and_doublings
from ganlab.seeds import Streams, as_streams

CHANNELS = 3


def split_stages(images: Float[Tensor, "n both"]) -> tuple[Float[Tensor, "n small"], Float[Tensor, "n large"]]:
    """The images of the two stages, apart: the first fifth of the numbers is the small one."""
    small = images.shape[-1] // 5
    return images.split([small, 4 * small], -1)


class TextEncoder(nn.Module):
    """Tokens `(n, length)`, 0 after the end, to codes `(n, features)` of length sqrt(features).

    An embedding for each word and a gated recurrent unit that reads them in order; the code is a linear map of its
    state after the last word. Order matters: "with glasses and no hat" is not "no glasses and a hat".
    """

    def __init__(self, words: int, features: int = 16, width: int = 48, rng: Streams | int | None = None):
        super().__init__()
        self.embedding = nn.Embedding(words, width // 2)
        self.reader = nn.GRU(width // 2, width, batch_first=True)
        self.head = nn.Linear(width, features)
        rng = as_streams(rng, "weights")
        with torch.no_grad():
            for weights in self.parameters():
                weights.copy_(rng.normal(*weights.shape) / weights.shape[-1] ** 0.5 if weights.ndim > 1 else 0.0)

    def forward(self, tokens: Int[Tensor, "n length"]) -> Float[Tensor, "n features"]:
        states, _ = self.reader(self.embedding(tokens))
        last = (tokens != 0).sum(1).clamp(min=1) - 1
        code = self.head(states[torch.arange(len(tokens)), last])
        return F.normalize(code, dim=-1) * code.shape[-1] ** 0.5


def _joined(maps: Float[Tensor, "n w h v"], code: Float[Tensor, "n c"]) -> Float[Tensor, "n both h v"]:
    return torch.cat([maps, code[:, :, None, None].expand(-1, -1, *maps.shape[-2:])], 1)


class StackedGenerator(nn.Module):
    """Latents `(n, latent)` and codes `(n, features)` to the images of both stages, one vector each.

    The first stage turns latent and code into maps of half the side and paints a small image of them. The second reads
    the *maps* (not the image) and the code again, and paints the large one. The latent enters once, at the bottom.
    """

    def __init__(
        self, side: int, features: int = 16, latent: int = 16, width: int = 16, rng: Streams | int | None = None
    ):
        super().__init__()
        start, times = start_and_doublings(side // 2)
        wide = 4 * width
        layers = [nn.Linear(latent + features, wide * start**2, bias=False), nn.Unflatten(1, (wide, start, start))]
        layers += [nn.BatchNorm2d(wide), nn.ReLU()]
        for _ in range(times):
            layers += [nn.ConvTranspose2d(wide, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU()]
            wide = 2 * width
        self.first = nn.Sequential(*layers)
        self.small = nn.Sequential(nn.Conv2d(wide, CHANNELS, 1), nn.Tanh())
        refined = nn.Conv2d(wide + features, wide, 3, 1, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()
        self.second = nn.Sequential(*refined)
        self.large = nn.Sequential(nn.ConvTranspose2d(wide, CHANNELS, 4, 2, 1), nn.Tanh())
        initialised(self, rng)

    def forward(self, z: Float[Tensor, "n latent"], code: Float[Tensor, "n features"]) -> Float[Tensor, "n both"]:
        maps = self.first(torch.cat([z, code], -1))
        finer = self.second(_joined(maps, code))
        return torch.cat([self.small(maps).flatten(1), self.large(finer).flatten(1)], 1)


class StageDiscriminator(nn.Module):
    """One stage's: is it a face, whatever the caption? Does it fit the caption?"""

    def __init__(self, side: int, features: int, width: int):
        super().__init__()
        start, times = start_and_doublings(side)
        layers, inputs = [nn.Unflatten(1, (CHANNELS, side, side))], CHANNELS
        for i in range(times):
            norm = [nn.BatchNorm2d(width)] if i else []
            layers += [nn.Conv2d(inputs, width, 4, 2, 1, bias=not i), *norm, nn.LeakyReLU(0.2)]
            inputs, width = width, 2 * width
        self.body = nn.Sequential(*layers)
        self.real = nn.Sequential(nn.Flatten(), nn.Linear(inputs * start**2, 1))
        joint = nn.Conv2d(inputs + features, inputs, 1, bias=False), nn.BatchNorm2d(inputs), nn.LeakyReLU(0.2)
        self.fits = nn.Sequential(*joint, nn.Flatten(), nn.Linear(inputs * start**2, 1))


class StackedDiscriminator(nn.Module):
    """Images of both stages and codes to logits: `(2n,)` "is it a face?", then `(2n,)` "does it fit its caption?".

    Each stage has a network of its own.
    """

    def __init__(self, side: int, features: int = 16, width: int = 16, rng: Streams | int | None = None):
        super().__init__()
        self.stages = nn.ModuleList(StageDiscriminator(s, features, width) for s in (side // 2, side))
        initialised(self, rng)

    def maps(self, images: Float[Tensor, "n both"]) -> list[Tensor]:
        """What each stage's network sees in its image."""
        return [stage.body(part) for stage, part in zip(self.stages, split_stages(images), strict=True)]

    def real(self, maps: list[Tensor]) -> Float[Tensor, " logits"]:
        return torch.cat([stage.real(m).flatten() for stage, m in zip(self.stages, maps, strict=True)])

    def fits(self, maps: list[Tensor], code: Float[Tensor, "n features"]) -> Float[Tensor, " logits"]:
        return torch.cat([stage.fits(_joined(m, code)).flatten() for stage, m in zip(self.stages, maps, strict=True)])

    def forward(self, images: Float[Tensor, "n both"], code: Float[Tensor, "n features"]) -> Float[Tensor, " logits"]:
        maps = self.maps(images)
        return torch.cat([self.real(maps), self.fits(maps, code)])
