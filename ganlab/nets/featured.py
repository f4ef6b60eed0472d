"""Discriminators that show their features: a body that makes them, and a head that turns them into a logit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.nets.dcgan import downwards, initialised
from ganlab.nets.mlp import ACTIVATIONS, MLP
from ganlab.seeds import Streams, as_streams


class FeatureDiscriminator(nn.Module):
    """logits = head(body(x)); the features are body(x), `(*seeds, n, dim)`."""

    def __init__(self, body: nn.Module, head: nn.Module):
        super().__init__()
        self.body, self.head = body, head

    def forward(self, x: Float[Tensor, "*seeds n inputs"]) -> Float[Tensor, "*seeds n"]:
        return self.head(self.body(x))

    def features_and_logits(
        self, x: Float[Tensor, "*seeds n inputs"]
    ) -> tuple[Float[Tensor, "*seeds n dim"], Float[Tensor, "*seeds n"]]:
        """Both at the price of one call."""
        features = self.body(x)
        return features, self.head(features)


def feature_mlp(
    sizes: Sequence[int], rng: Streams | int | None = None, activation: str = "relu"
) -> FeatureDiscriminator:
    """`MLP([*sizes, 1], scalar=True)`, the same weights from the same stream, with its last hidden layer in view.

    >>> feature_mlp([2, 32, 128], Streams([0, 1])).features_and_logits(torch.zeros(2, 5, 2))[0].shape
    torch.Size([2, 5, 128])
    """
    rng = as_streams(rng, "weights")
    body = nn.Sequential(MLP(sizes, rng, activation), ACTIVATIONS[activation]())
    return FeatureDiscriminator(body, MLP([sizes[-1], 1], rng, scalar=True))


def feature_dcgan(
    side: int, channels: int = 1, width: int = 32, rng: Streams | int | None = None
) -> FeatureDiscriminator:
    """`dcgan_discriminator`, the same weights from the same stream, with its last convolution layer in view.

    The features are what that layer gives after its activation, flattened: 16 times its channels. At 64 pixels and
    width 128, as in the paper, that is 4 x 4 x 1024 = 16,384.
    """
    layers = downwards(side, channels, width, 1)
    discriminator = FeatureDiscriminator(nn.Sequential(*layers[:-1]), nn.Sequential(layers[-1], nn.Flatten(0)))
    return initialised(discriminator, rng)


class Noise(nn.Module):
    """Adds N(0, sigma^2) while training. The numbers come from torch's global stream, which checkpoints keep."""

    def __init__(self, sigma: float):
        super().__init__()
        self.sigma = sigma

    def forward(self, x: Tensor) -> Tensor:
        return x + self.sigma * torch.randn_like(x) if self.training else x


class GlobalMean(nn.Module):
    """The mean over all positions: `(n, channels, height, width)` to `(n, channels)`."""

    def forward(self, x: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n channels"]:
        return x.mean((-2, -1))


def pooled_discriminator(
    side: int, channels: int = 1, width: int = 32, rng: Streams | int | None = None
) -> FeatureDiscriminator:
    """In the manner of improved GAN's: noise on the input, leaky ReLU, features averaged over all positions.

    Two convolutions of stride 2 and two 1x1 ("network in network") ones; 4 x `width` features. A simplification of
    the public CIFAR-10 network (nine layers, weight norm, dropout; 192 features): batch norm stands for weight norm.
    """
    wide = 4 * width
    layers: list[nn.Module] = [nn.Unflatten(1, (channels, side, side)), Noise(0.05)]
    layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
    layers += [nn.Conv2d(2 * width, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2)]
    layers += [nn.Conv2d(wide, wide, 1), nn.LeakyReLU(0.2), GlobalMean()]
    head = nn.Sequential(nn.Linear(wide, 1), nn.Flatten(0))
    return initialised(FeatureDiscriminator(nn.Sequential(*layers), head), rng)
