"""Multilayer perceptrons that can train many seeds at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.seeds import Streams, as_streams

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "leaky_relu": lambda: nn.LeakyReLU(0.2)}


class Linear(nn.Module):
    """A linear layer for one seed, or for S seeds side by side as one batched matrix product.

    With the seeds axis the weight has shape `(S, inputs, outputs)`, and member s sees only row s of the input: S
    independent layers for the price of one call. Initialised like `torch.nn.Linear`, uniformly within
    1 / sqrt(inputs), from each seed's own stream.
    """

    def __init__(self, inputs: int, outputs: int, rng: Streams):
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter((2 * rng.uniform(inputs, outputs) - 1) * bound)
        self.bias = nn.Parameter((2 * rng.uniform(1, outputs) - 1) * bound)

    def forward(self, x: Float[Tensor, "*seeds n inputs"]) -> Float[Tensor, "*seeds n outputs"]:
        if self.weight.ndim == 2:
            return F.linear(x, self.weight.T, self.bias.squeeze(0))
        return torch.baddbmm(self.bias, x, self.weight)


class MLP(nn.Module):
    """Linear layers with an activation between them.

    Args:
        sizes: widths from input to output, for example `[2, 128, 128, 2]`.
        rng: where the initial weights come from; its seeds become the leading axis of every weight.
        activation: `"relu"`, `"tanh"` or `"leaky_relu"`.
        scalar: for discriminators: one output, returned without its last axis, so logits have shape `(*seeds, n)`.

    >>> MLP([2, 16, 1], rng=Streams([0, 1, 2]), scalar=True)(torch.zeros(3, 5, 2)).shape
    torch.Size([3, 5])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        rng: Streams | int | None = None,
        activation: str = "relu",
        scalar: bool = False,
    ):
        super().__init__()
        rng = as_streams(rng, "weights")
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [Linear(inputs, outputs, rng), ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*layers[:-1])
        self.scalar = scalar

    def forward(self, x: Float[Tensor, "*seeds n inputs"]) -> Float[Tensor, "*seeds n *outputs"]:
        out = self.layers(x)
        return out.squeeze(-1) if self.scalar else out
