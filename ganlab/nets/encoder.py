"""What a generator needs to be fed by an encoder as well as by random latents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class UniformCube(nn.Module):
    """The normal distribution function, coordinate by coordinate: z ~ N(0, I) becomes uniform on [0, 1]^d, exactly.

    As a generator's first layer it gives a uniform prior to every method that draws normal latents, and whatever an
    encoder says lands inside the cube.
    """

    def forward(self, z: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch latent"]:
        return torch.special.ndtr(z)


class TwoBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with one set of parameters and two sets of running statistics (Che et al. 2017, appendix B).

    A generator sees two kinds of batch, from random latents and from encoded ones. While training, each call is
    normalised by its own batch: two calls, two statistics, as long as nobody concatenates the batches. What would
    mix are the *running* averages that evaluation uses, so there are two sets of them. `encoder_statistics` chooses.
    """

    def __init__(self, channels: int):
        super().__init__(channels)
        self.encoded = False
        self.register_buffer("encoded_mean", torch.zeros(channels))
        self.register_buffer("encoded_var", torch.ones(channels))

    def forward(self, x: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n channels height width"]:
        mean, var = (self.encoded_mean, self.encoded_var) if self.encoded else (self.running_mean, self.running_var)
        return F.batch_norm(x, mean, var, self.weight, self.bias, self.training, self.momentum, self.eps)


@contextmanager
def encoder_statistics(generator: nn.Module) -> Iterator[None]:
    """Inside, every `TwoBatchNorm2d` of the generator keeps and uses the statistics of encoded batches."""
    layers = [layer for layer in generator.modules() if isinstance(layer, TwoBatchNorm2d)]
    for layer in layers:
        layer.encoded = True
    try:
        yield
    finally:
        for layer in layers:
            layer.encoded = False
