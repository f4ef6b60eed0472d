"""Small DCGAN networks (Radford et al., 2015, arXiv:1511.06434), with an encoder that is the generator reversed.

Images travel as vectors `(n, channels * side * side)` in [-1, 1]: the methods, which know only `(*seeds, n, dim)`,
train images as they train points. No seeds axis here. `side` is 4, 5, 6 or 7 times a power of two, at least 8.
"""

from __future__ import annotations

import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.nets.encoder import TwoBatchNorm2d
from ganlab.seeds import Streams, as_streams


def start_and_doublings(side: int) -> tuple[int, int]:
    """The side of the first feature map, and how often it doubles: (4, 1) for 8, (7, 2) for 28, (4, 4) for 64."""
    times = max(1, (side // 4).bit_length() - 1)
    start = side >> times
    if side < 8 or start << times != side:
        raise GanlabError(
            f"side is {side}; give 4, 5, 6 or 7 times a power of two, such as 8, 20, 28, 32 or 64, "
            "and pad images of other sizes first."
        )
    return start, times


def dcgan_generator(
    side: int, channels: int = 1, latent: int = 100, width: int = 32, rng: Streams | int | None = None
) -> nn.Sequential:
    """Latents `(n, latent)` to images `(n, channels * side * side)` in [-1, 1].

    Transposed convolutions 4x4 with stride 2, batch norm, ReLU; tanh at the end. `width` channels before the last
    layer, twice as many in each layer before.
    """
    start, times = start_and_doublings(side)
    wide = width * 2 ** (times - 1)
    layers: list[nn.Module] = [nn.Linear(latent, wide * start**2, bias=False), nn.Unflatten(1, (wide, start, start))]
    layers += [TwoBatchNorm2d(wide), nn.ReLU()]
    for _ in range(times - 1):
        layers += [nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False), TwoBatchNorm2d(wide // 2), nn.ReLU()]
        wide //= 2
    layers += [nn.ConvTranspose2d(wide, channels, 4, 2, 1), nn.Tanh(), nn.Flatten()]
    return initialised(nn.Sequential(*layers), rng)


@torch.no_grad()
def upsampling_generator(
    side: int, channels: int = 1, latent: int = 100, width: int = 32, rng: Streams | int | None = None
) -> nn.Sequential:
    """Latents `(n, latent)` to images `(n, channels * side * side)` in [-1, 1], without batch norm.

    Each pixel doubled, then a convolution 3x3 and ReLU, until the side is right; a last convolution and tanh. Each
    image depends on its own latent only, whatever else is in the batch, and no stride leaves a checkerboard. The last
    layer starts small, so the first images are grey.
    """
    start, times = start_and_doublings(side)
    wide = width * 2 ** (times - 1)
    layers: list[nn.Module] = [nn.Linear(latent, wide * start**2), nn.Unflatten(1, (wide, start, start)), nn.ReLU()]
    for _ in range(times):
        narrow = max(width, wide // 2)
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(wide, narrow, 3, 1, 1), nn.ReLU()]
        wide = narrow
    last = nn.Conv2d(wide, channels, 3, 1, 1)
    generator = initialised(nn.Sequential(*layers, last, nn.Tanh(), nn.Flatten()), rng, scaled=True)
    last.weight.mul_(0.1)
    return generator


def downwards(side: int, channels: int, width: int, outputs: int, norm: bool = True) -> list[nn.Module]:
    """The layers of a network from images `(n, channels * side * side)` to `(n, outputs)`; the last one is linear."""
    start, times = start_and_doublings(side)
    layers: list[nn.Module] = [nn.Unflatten(1, (channels, side, side))]
    layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for _ in range(times - 1):
        layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=not norm)]
        layers += [nn.BatchNorm2d(2 * width)] * norm + [nn.LeakyReLU(0.2)]
        width *= 2
    return [*layers, nn.Flatten(), nn.Linear(width * start**2, outputs)]


def dcgan_discriminator(
    side: int, channels: int = 1, width: int = 32, rng: Streams | int | None = None, norm: bool = True
) -> nn.Sequential:
    """Images `(n, channels * side * side)` to logits `(n,)`. Real and fake batches go through it separately.

    Without `norm` it looks at each image by itself, as a critic with a gradient penalty must.
    """
    layers = downwards(side, channels, width, 1, norm)
    return initialised(nn.Sequential(*layers, nn.Flatten(0)), rng, scaled=not norm)


def dcgan_encoder(
    side: int,
    channels: int = 1,
    latent: int = 100,
    width: int = 32,
    rng: Streams | int | None = None,
    norm: bool = True,
) -> nn.Sequential:
    """Images `(n, channels * side * side)` to latents `(n, latent)`: the generator reversed (Che et al., app. B)."""
    return initialised(nn.Sequential(*downwards(side, channels, width, latent, norm)), rng, scaled=not norm)


@torch.no_grad()
def initialised(network: nn.Module, rng: Streams | int | None = None, scaled: bool = False) -> nn.Module:
    """DCGAN's initial weights, N(0, 0.02^2) and no bias, from the stream of one seed.

    `scaled`: N(0, 2 / inputs of a unit) instead (He et al., 2015, arXiv:1502.01852), which keeps the size of signals
    from layer to layer where no batch norm does.
    """
    rng = one_seed(as_streams(rng, "weights"))
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            size = (2 / layer.weight[0].numel()) ** 0.5 if scaled else 0.02
            layer.weight.copy_(size * rng.normal(*layer.weight.shape))
            if layer.bias is not None:
                layer.bias.zero_()
    return network


def one_seed(rng: Streams) -> Streams:
    """The streams themselves, if they are of one seed.

    Raises:
        GanlabError: they are of several; image networks have no seeds axis.
    """
    if not rng.single:
        raise GanlabError(f"Image networks train one seed at a time; this stream holds {len(rng.seeds)} seeds.")
    return rng
