"""Networks that read a condition beside their input."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


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
