"""K discriminators, each with a view of its own, run as one network (Neyshabur et al., 2017, arXiv:1705.07831).

A *view* turns samples into K inputs, one for each discriminator: fixed random projections of vectors, fixed random
convolutions of images, or K times the same. The K networks behind it share nothing. `Projected` joins both: samples
`(*seeds, n, dim)` to logits `(*seeds, K, n)`.

Everything random is drawn from one stream a discriminator, so discriminator k of a seed begins the same whatever K is.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from ganlab.errors import GanlabError
from ganlab.nets.dcgan import one_seed
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams, as_streams, derive_seed


def members(rng: Streams, count: int) -> Streams:
    """A stream for each of `count` networks of each seed: `(*seeds, ...)` becomes `(seeds * count, ...)`."""
    if count < 1:
        raise GanlabError(f"The number of discriminators is {count}; give at least 1.")
    seeds = [derive_seed(seed, f"{rng.purpose}/{k}") for seed in rng.seeds for k in range(count)]
    return Streams(seeds, "member", rng.device)


# Views --------------------------------------------------------------------------------------------------------


def random_projections(
    dim: int, features: int, count: int, rng: Streams | int | None = None
) -> Float[Tensor, "*seeds count dim features"]:
    """K matrices W_k with entries N(0, 1), each column then divided by its length: y_k = W_k^T x is in R^features.

    The paper's theory takes Gaussian matrices as they are; unit columns are what its code does to filters.
    """
    if not 1 <= features <= dim:
        raise GanlabError(f"features is {features}; a projection from {dim} dimensions has 1 to {dim}.")
    rng = as_streams(rng, "projections")
    drawn = members(rng.for_purpose("projections"), count).normal(dim, features)
    return (drawn / drawn.norm(dim=-2, keepdim=True)).unflatten(0, (*rng.axis, count))


def random_filters(
    channels: int, count: int, rng: Streams | int | None = None, size: int = 8
) -> Float[Tensor, "count channels size size"]:
    """K filters with entries N(0, 1), each divided by its length over channels and pixels together.

    From the authors' public code: size 8, applied with stride 2, no bias.
    """
    drawn = members(one_seed(as_streams(rng, "projections")).for_purpose("projections"), count)
    drawn = drawn.normal(channels, size, size)
    return drawn / drawn.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


class Projections(nn.Module):
    """Dense views of vectors, `(*seeds, n, dim)` to `(*seeds, K, n, features)`: one matrix product for all K.

    `weight` is `(*seeds, K, dim, features)`, for example from `random_projections`. It is a buffer: saved with the
    run, moved with the module, never trained.
    """

    def __init__(self, weight: Float[Tensor, "*seeds K dim features"]):
        super().__init__()
        self.register_buffer("weight", weight.detach().clone())
        self.count = weight.shape[-3]

    def forward(self, x: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds K n features"]:
        side_by_side = self.weight.transpose(-3, -2).flatten(-2)  # (*seeds, dim, K * features)
        return (x @ side_by_side).unflatten(-1, (self.count, -1)).transpose(-3, -2)

    def one(self, k: int, x: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds n features"]:
        return x @ self.weight[..., k, :, :]


class Filters(nn.Module):
    """Convolved views of images, `(n, channels * side * side)` to `(n, K, side / 2, side / 2)`, one grey image each.

    `weight` is `(K, channels, 8, 8)`, for example from `random_filters`; a buffer, as in `Projections`. Zero padding
    of (8 - 2) / 2 = 3 pixels, stride 2. 3 x 64 x 64 numbers become 32 x 32: 12 times fewer.
    """

    def __init__(self, weight: Float[Tensor, "K channels size size"], side: int, stride: int = 2):
        super().__init__()
        self.register_buffer("weight", weight.detach().clone())
        self.count, self.side, self.stride = len(weight), side, stride

    def forward(self, x: Float[Tensor, "n pixels"]) -> Float[Tensor, "n K height width"]:
        return self._convolve(x, self.weight)

    def one(self, k: int, x: Float[Tensor, "n pixels"]) -> Float[Tensor, "n 1 height width"]:
        return self._convolve(x, self.weight[k : k + 1])

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        _, channels, size, _ = weight.shape
        image = x.view(-1, channels, self.side, self.side)
        return F.conv2d(image, weight, stride=self.stride, padding=(size - self.stride) // 2)


class SameView(nn.Module):
    """Every discriminator sees the sample itself: `(*seeds, n, dim)` to `(*seeds, K, n, dim)`, or images to K copies.

    With K = 1 it is the ordinary GAN; with more, what GMAN (Durugkar et al., 2016, arXiv:1611.01673) starts from.

    Args:
        count: K.
        image: `(channels, side)` of images, which then come out as `(n, K * channels, side, side)`.
    """

    def __init__(self, count: int = 1, image: tuple[int, int] | None = None):
        super().__init__()
        self.count, self.image = count, image

    def forward(self, x: Float[Tensor, "*seeds n dim"]) -> Tensor:
        if self.image is None:
            return x.unsqueeze(-3).expand(*x.shape[:-2], self.count, *x.shape[-2:])
        return self.one(0, x).repeat(1, self.count, 1, 1)

    def one(self, k: int, x: Float[Tensor, "*seeds n dim"]) -> Tensor:
        if self.image is None:
            return x
        channels, side = self.image
        return x.view(-1, channels, side, side)


# Networks -----------------------------------------------------------------------------------------------------


class MLPs(nn.Module):
    """K multilayer perceptrons of each seed as one batched `MLP`: views `(*seeds, K, n, inputs)` to logits."""

    def __init__(self, sizes: list[int], count: int, rng: Streams | int | None = None, activation: str = "leaky_relu"):
        super().__init__()
        rng = as_streams(rng, "weights")
        self.leading = (*rng.axis, count)
        self.all = MLP(sizes, members(rng.for_purpose("discriminators"), count), activation, scalar=True)

    def forward(self, views: Float[Tensor, "*seeds K n inputs"]) -> Float[Tensor, "*seeds K n"]:
        return self.all(views.flatten(0, -3)).unflatten(0, self.leading)

    def one(self, k: int, view: Float[Tensor, "*seeds n inputs"]) -> Float[Tensor, "*seeds n"]:
        own = {name: w.unflatten(0, self.leading)[..., k, :, :] for name, w in self.all.named_parameters()}
        return functional_call(self.all, own, view)


Layers = list[tuple[Tensor, Tensor]]  # weight (K, outputs, inputs, height, width) and bias (K, outputs) of each layer

FORMS = ("loop", "grouped", "by size")

#: Networks without a wider layer are run together as grouped convolutions, others one after another ("by size").
#: Grouping pays while networks are thin; bench/rpgan_cost.py measured where that ends.
THIN = 64


def _layer(x: Tensor, weight: Tensor, bias: Tensor, groups: int = 1) -> Tensor:
    """4x4 with stride 2 and leaky ReLU, or the last one: 2x2 pixels to a logit."""
    if weight.shape[-1] == 2:
        return F.conv2d(x, weight, bias, groups=groups)
    return F.leaky_relu(F.conv2d(x, weight, bias, stride=2, padding=1, groups=groups), 0.2, inplace=True)


def _grouped(views: Float[Tensor, "n K_channels side side"], layers: Layers) -> Float[Tensor, "K n"]:
    """K networks as one, each layer a convolution with K groups."""
    # the K networks' channels next to each other in memory: three times as fast on one-channel views
    x = views.contiguous(memory_format=torch.channels_last)
    for weight, bias in layers:
        x = _layer(x, weight.flatten(0, 1), bias.flatten(), groups=len(weight))
    return x.flatten(1).T


def _one_by_one(views: Float[Tensor, "n K_channels side side"], layers: Layers) -> Float[Tensor, "K n"]:
    """K networks, one after another."""
    apart = zip(*(zip(weight.unbind(), bias.unbind(), strict=True) for weight, bias in layers), strict=True)
    logits = []
    for x, network in zip(views.chunk(len(layers[0][0]), 1), apart, strict=True):
        for weight, bias in network:
            x = _layer(x, weight, bias)
        logits.append(x.flatten())
    return torch.stack(logits)


class ConvolutionalNetworks(nn.Module):
    """K discriminators of images that share nothing, `(n, K * channels, side, side)` to logits `(K, n)`.

    The paper's D_k: convolutions 4x4 with stride 2 and leaky ReLU 0.2 down to 2x2 pixels, the first with `width`
    channels, each later one with twice as many; then 2x2 to one logit. No batch norm. Initial weights uniform with
    variance 1 / fan_in, biases 0 (public code).

    Args:
        count: K. side: of a view, a power of two, at least 4. channels: of one view.
        form: how K networks are run; the numbers are the same and so are the weights. `"loop"`, one network after
            another; `"grouped"`, convolutions with K groups; `"by size"`, the faster of the two as measured.
    """

    def __init__(
        self,
        count: int,
        side: int,
        channels: int = 1,
        width: int = 128,
        rng: Streams | int | None = None,
        form: str = "by size",
    ):
        super().__init__()
        if side < 4 or side & (side - 1):
            raise GanlabError(f"The discriminators' views have a side of {side}; give 4, 8, 16, 32, 64 or 128.")
        if form not in FORMS:
            raise GanlabError(f"form is {form!r}; choose one of {', '.join(FORMS)}.")
        self.count, self.form = count, form
        stream = members(one_seed(as_streams(rng, "weights")).for_purpose("discriminators"), count)
        shapes, inputs = [], channels
        for doubling in range(side.bit_length() - 2):
            shapes.append((width * 2**doubling, inputs, 4, 4))
            inputs = width * 2**doubling
        shapes.append((1, inputs, 2, 2))
        self.weights = nn.ParameterList(
            (2 * stream.uniform(*shape) - 1) * math.sqrt(3 / math.prod(shape[1:])) for shape in shapes
        )
        self.biases = nn.ParameterList(torch.zeros(count, shape[0], device=self.weights[0].device) for shape in shapes)

    def forward(self, views: Float[Tensor, "n K_channels side side"]) -> Float[Tensor, "K n"]:
        thin = self.count == 1 or max(len(bias[0]) for bias in self.biases) <= THIN
        run = _grouped if self.form == "grouped" or (self.form == "by size" and thin) else _one_by_one
        return run(views, list(zip(self.weights, self.biases, strict=True)))

    def one(self, k: int, view: Float[Tensor, "n channels side side"]) -> Float[Tensor, " n"]:
        layers = [(w[k : k + 1], b[k : k + 1]) for w, b in zip(self.weights, self.biases, strict=True)]
        return _one_by_one(view, layers)[0]


class CentredCube(nn.Module):
    """z ~ N(0, I) made uniform on [-1, 1]^d, coordinate by coordinate: the paper's latents. A generator's first layer.

    Centred matters: a latent with a mean gives every position of the first feature map a constant of its own, which
    batch norm, over positions too, does not take away, and next to which the latent's own part is small.
    """

    def forward(self, z: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch latent"]:
        return torch.special.erf(z / math.sqrt(2))


# Both together ------------------------------------------------------------------------------------------------


class Projected(nn.Module):
    """K discriminators behind their views: samples `(*seeds, n, dim)` to logits `(*seeds, K, n)`."""

    def __init__(self, view: Projections | Filters | SameView, networks: MLPs | ConvolutionalNetworks):
        super().__init__()
        self.view, self.networks = view, networks

    @property
    def count(self) -> int:
        """K."""
        return self.view.count

    def forward(self, x: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds K n"]:
        return self.networks(self.view(x))

    def one(self, k: int, x: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds n"]:
        """The logits of discriminator k alone, without the work or the memory of the others."""
        return self.networks.one(k, self.view.one(k, x))


def projected_mlp(
    dim: int, features: int, count: int, hidden: list[int], rng: Streams | int | None = None
) -> Projected:
    """K multilayer perceptrons with hidden widths `hidden`, each behind a random projection to `features` numbers."""
    view = Projections(random_projections(dim, features, count, rng))
    return Projected(view, MLPs([features, *hidden, 1], count, rng))


def full_view_mlp(dim: int, hidden: list[int], rng: Streams | int | None = None, count: int = 1) -> Projected:
    """The baseline, one perceptron that sees everything; with a larger `count`, several that all do (as in GMAN)."""
    return Projected(SameView(count), MLPs([dim, *hidden, 1], count, rng))


def projected_convolutions(
    side: int, channels: int, count: int, width: int = 128, rng: Streams | int | None = None, form: str = "by size"
) -> Projected:
    """The paper's K discriminators of images, each behind a random 8x8 filter with stride 2."""
    view = Filters(random_filters(channels, count, rng), side)
    return Projected(view, ConvolutionalNetworks(count, side // 2, 1, width, rng, form))


def full_view_convolutions(side: int, channels: int, width: int = 64, rng: Streams | int | None = None) -> Projected:
    """The paper's baseline: one discriminator of the whole image, without batch norm too.

    Its first layer has half the width of a projected one's (64 against 128 in the paper): on half-size maps, one layer
    on, both have the same.
    """
    view = SameView(1, (channels, side))
    return Projected(view, ConvolutionalNetworks(1, side, channels, width, rng))
