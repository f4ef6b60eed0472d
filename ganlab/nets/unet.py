"""A small U-Net from image to image with a latent at every layer, and a patch discriminator (pix2pix, BicycleGAN).

Images travel as vectors `(n, channels * side * side)` in [-1, 1], as in `ganlab.nets.dcgan`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.nets.conditional import Conditional
from ganlab.nets.dcgan import initialised, start_and_doublings
from ganlab.seeds import Streams


class UNet(nn.Module):
    """Latents `(n, latent)` and images `(n, channels * side * side)` to images of `outputs` channels.

    Halved until 4 to 7 pixels wide and doubled again, with the layer of the same size handed across. The latent is
    spread over the plane and joined to the input of every layer on the way down (BicycleGAN's "add to all", as MSGAN's
    pix2pix). Layers have `width` channels at first, twice as many at each halving, `widest * width` at most.

    Departures: not narrowed to 1x1 at the bottom; group norm instead of instance norm, because an instance norm
    subtracts from each image just what a constant plane adds to it. (Batch norm behaves otherwise in evaluation.)
    """

    def __init__(
        self,
        side: int,
        channels: int,
        outputs: int,
        latent: int = 8,
        width: int = 24,
        rng: Streams | int | None = None,
        widest: int = 4,
    ):
        super().__init__()
        self.side, self.channels = side, channels
        widths = [width * min(2**i, widest) for i in range(start_and_doublings(side)[1])]
        into = [channels, *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs + latent, out, 4, 2, 1, bias=False),
                nn.GroupNorm(4, out) if i else nn.Identity(),
                nn.LeakyReLU(0.2),
            )
            for i, (inputs, out) in enumerate(zip(into, widths, strict=True))
        )
        self.up = nn.ModuleList()
        for i in reversed(range(1, len(widths))):
            inputs = widths[i] * (1 if i == len(widths) - 1 else 2)
            block = (nn.ConvTranspose2d(inputs, widths[i - 1], 4, 2, 1, bias=False), nn.GroupNorm(4, widths[i - 1]))
            self.up.append(nn.Sequential(*block, nn.ReLU()))
        last = widths[0] * (2 if len(widths) > 1 else 1)
        self.up.append(nn.Sequential(nn.ConvTranspose2d(last, outputs, 4, 2, 1), nn.Tanh()))
        initialised(self, rng)

    def forward(self, z: Float[Tensor, "n latent"], image: Float[Tensor, "n pixels"]) -> Float[Tensor, "n out"]:
        x, handed = image.view(-1, self.channels, self.side, self.side), []
        for layer in self.down:
            plane = z[:, :, None, None].expand(-1, -1, *x.shape[-2:])
            x = layer(torch.cat([x, plane], 1))
            handed.append(x)
        handed.pop()
        for layer in self.up[:-1]:
            x = torch.cat([layer(x), handed.pop()], 1)
        return self.up[-1](x).flatten(1)


def patch_discriminator(
    side: int, channels: int, width: int = 24, rng: Streams | int | None = None, batch_norm: bool = False
) -> Conditional:
    """Image and condition, both images, to logits of patches 16 pixels wide, all patches of all images in one row.

    `channels` is that of both together. With a batch norm it sees a batch as a whole, and with it how much the fakes
    vary; without, one patch at a time. Departures: no instance norm, one scale instead of two.
    """
    layers = [
        nn.Unflatten(1, (channels, side, side)),
        nn.Conv2d(channels, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=not batch_norm),
        *[nn.BatchNorm2d(2 * width)] * batch_norm,
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 3, 1, 1),
        nn.Flatten(0),
    ]
    return Conditional(initialised(nn.Sequential(*layers), rng))
