"""Networks that read a condition beside their input."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.nets.dcgan import dcgan_discriminator, dcgan_generator
from ganlab.seeds import Streams


class Conditional(nn.Module):
    """`body(cat([x, c]))`: any network of one input made a network of two.

    Args:
        body: reads the joined vectors, for example `MLP([2 + classes, 64, 1], scalar=True)`.
        pixels: each number of the condition becomes a constant plane of so many pixels, appended to the image vector:
            a one-hot label joined to a 32x32 image as further channels needs 1024. With 1, the condition is joined as
            it is.

    >>> Conditional(nn.Linear(5, 2))(torch.zeros(7, 3), torch.zeros(7, 2)).shape
    torch.Size([7, 2])
    """

    def __init__(self, body: nn.Module, pixels: int = 1):
        super().__init__()
        self.body, self.pixels = body, pixels

    def forward(self, x: Float[Tensor, "*seeds n dim"], condition: Float[Tensor, "*seeds n width"]) -> Tensor:
        if self.pixels > 1:
            condition = condition.repeat_interleave(self.pixels, -1)
        return self.body(torch.cat([x, condition], -1))


def class_dcgan(
    side: int, channels: int, classes: int, latent: int, width: int, rng: Streams | int | None = None
) -> tuple[Conditional, Conditional]:
    """A DCGAN that is told a class, one-hot: generator and discriminator.

    G reads the label as further latent numbers, D as constant planes beside the image. With side 32, 3 channels,
    10 classes, latent 100 and width 128 they are the networks of MSGAN's released CIFAR-10 code (without the biases
    that the following batch norm takes away).
    """
    generator = Conditional(dcgan_generator(side, channels, latent + classes, width, rng))
    return generator, Conditional(dcgan_discriminator(side, channels + classes, width, rng), pixels=side * side)
