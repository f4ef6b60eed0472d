"""The small networks of the "Unrolled setting" of Stacked MNIST, for images of any side.

Metz et al. (arXiv:1611.02163) tried their method with a generator of four layers and a discriminator with a fraction
of its channels; PacGAN's public code (github.com/fjxmlzn/PacGAN) has both as they stand here. Published at 28 pixels:
4x4x64, 7x7x32, 14x14x16, 28x28x8 against three convolutions of 2, 4, 8 channels ("1/4") or 4, 8, 16 ("1/2").

Images travel as vectors `(n, channels * side * side)` in [-1, 1]; no seeds axis. Memory is laid out channels last,
which on a CPU makes a step of networks as thin as these faster by a quarter.
"""

from __future__ import annotations

import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.nets.dcgan import initialised
from ganlab.nets.encoder import TwoBatchNorm2d
from ganlab.nets.featured import FeatureDiscriminator
from ganlab.seeds import Streams


def sides(side: int) -> list[int]:
    """The sides of the generator's feature maps: halved, rounding up, down to 4. Published: [4, 7, 14, 28].

    >>> sides(28), sides(8)
    ([4, 7, 14, 28], [4, 8])
    """
    found = [side]
    while found[0] > 4:
        found.insert(0, -(-found[0] // 2))
    if side < 8 or found[0] != 4:
        raise GanlabError(f"side is {side}; give at least 8 pixels, of which halving makes 4: 8, 16, 28 or 32.")
    return found


def unrolled_generator(
    side: int, channels: int = 3, latent: int = 256, width: int = 8, rng: Streams | int | None = None
) -> nn.Sequential:
    """Latents `(n, latent)` to images. `width` channels at full size, twice as many at each smaller one.

    Linear, then transposed convolutions 3x3 with stride 2, each with batch norm and ReLU; a convolution 3x3 and tanh at
    the end.
    """
    chain = sides(side)
    wide = width * 2 ** (len(chain) - 1)
    layers: list[nn.Module] = [nn.Linear(latent, 16 * wide, bias=False), nn.Unflatten(1, (wide, 4, 4))]
    layers += [TwoBatchNorm2d(wide), nn.ReLU()]
    for before, after in zip(chain[:-1], chain[1:], strict=True):
        odd = after - (2 * before - 1)  # 7 needs none, 8 needs a row more
        layers += [nn.ConvTranspose2d(wide, wide // 2, 3, 2, 1, odd, bias=False), TwoBatchNorm2d(wide // 2), nn.ReLU()]
        wide //= 2
    layers += [nn.Conv2d(wide, channels, 3, padding=1), nn.Tanh(), nn.Flatten()]
    return _built(nn.Sequential(*layers), rng)


def unrolled_discriminator(
    side: int, channels: int = 3, width: int = 2, rng: Streams | int | None = None
) -> FeatureDiscriminator:
    """Images to logits `(n,)`, through three convolutions with `width`, 2 `width` and 4 `width` channels.

    Convolutions 3x3 with stride 2, batch norm, leaky ReLU 0.3; then linear. The features are those of the third.
    """
    layers, features = _downwards(side, channels, width)
    head = nn.Sequential(nn.Linear(features, 1), nn.Flatten(0))
    return _built(FeatureDiscriminator(nn.Sequential(*layers), head), rng)


def unrolled_encoder(
    side: int, channels: int = 3, outputs: int = 256, width: int = 8, rng: Streams | int | None = None
) -> nn.Sequential:
    """Images to `(n, outputs)`, built like the discriminator: for the methods that need a way back to the latent."""
    layers, features = _downwards(side, channels, width)
    return _built(nn.Sequential(*layers, nn.Linear(features, outputs)), rng)


def _downwards(side: int, channels: int, width: int) -> tuple[list[nn.Module], int]:
    sides(side)  # complains about sides that do not fit
    layers: list[nn.Module] = [nn.Unflatten(1, (channels, side, side))]
    for _ in range(3):
        layers += [nn.Conv2d(channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.LeakyReLU(0.3)]
        channels, width, side = width, 2 * width, -(-side // 2)
    return [*layers, nn.Flatten()], channels * side**2


def _built(network: nn.Module, rng: Streams | int | None) -> nn.Module:
    return initialised(network, rng).to(memory_format=torch.channels_last)
