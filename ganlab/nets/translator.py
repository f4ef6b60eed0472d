"""Content and style: the networks of a translator between two domains of images (DRIT in miniature).

Images travel as vectors `(n, 3 * side * side)` in [-1, 1]; `side` is even. Content is a stack of maps of half the side,
which keep *where* things are; style is a short vector, which says nothing about where.

Departures from DRIT: nothing is shared between the domains' networks; group norm instead of instance norm (which takes
away from each map what a constant plane adds to it), the style joined to the maps before each of two layers.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.nets.dcgan import initialised
from ganlab.seeds import Streams

CHANNELS = 3


def content_encoder(side: int, width: int = 16, rng: Streams | int | None = None) -> nn.Sequential:
    """Images to content maps `(n, 2 width, side / 2, side / 2)`."""
    layers = [nn.Unflatten(1, (CHANNELS, side, side)), nn.Conv2d(CHANNELS, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for inputs in (width, 2 * width):
        layers += [nn.Conv2d(inputs, 2 * width, 3, 1, 1, bias=False), nn.GroupNorm(4, 2 * width), nn.LeakyReLU(0.2)]
    return initialised(nn.Sequential(*layers), rng)


class StyleEncoder(nn.Module):
    """Images to mean and log variance of their style, each `(n, style)`. A mean over positions cannot say where."""

    def __init__(self, side: int, style: int = 8, width: int = 16, rng: Streams | int | None = None):
        super().__init__()
        layers = [nn.Unflatten(1, (CHANNELS, side, side)), nn.Conv2d(CHANNELS, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.body = initialised(nn.Sequential(*layers, nn.Linear(2 * width, 2 * style)), rng)

    def forward(self, image: Float[Tensor, "n pixels"]) -> tuple[Float[Tensor, "n style"], Float[Tensor, "n style"]]:
        return self.body(image).chunk(2, -1)


class Decoder(nn.Module):
    """Content maps and styles to images of one domain."""

    def __init__(self, style: int = 8, width: int = 16, rng: Streams | int | None = None):
        super().__init__()
        wide = 2 * width
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(wide + style, wide, 3, 1, 1, bias=False), nn.GroupNorm(4, wide), nn.ReLU())
            for _ in range(2)
        )
        self.paint = nn.Sequential(nn.ConvTranspose2d(wide, CHANNELS, 4, 2, 1), nn.Tanh(), nn.Flatten())
        initialised(self, rng)

    def forward(self, maps: Float[Tensor, "n w h v"], style: Float[Tensor, "n style"]) -> Float[Tensor, "n pixels"]:
        plane = style[:, :, None, None].expand(-1, -1, *maps.shape[-2:])
        for layer in self.layers:
            maps = layer(torch.cat([maps, plane], 1))
        return self.paint(maps)


def content_discriminator(width: int = 16, rng: Streams | int | None = None) -> nn.Sequential:
    """Content maps to logits of patches: from the first domain?"""
    layers = nn.Sequential(
        nn.Conv2d(2 * width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(2 * width, 1, 3, 1, 1), nn.Flatten(0)
    )
    return initialised(layers, rng)
