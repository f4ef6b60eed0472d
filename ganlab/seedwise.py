"""Adam with settings of its own for each seed: a search over learning rates in one tensor."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.errors import GanlabError


class SeedwiseAdam(torch.optim.Optimizer):
    """Adam (Kingma and Ba, 2014, arXiv:1412.6980) whose learning rate and beta1 may differ from seed to seed.

        m <- b1 m + (1 - b1) g,    v <- b2 v + (1 - b2) g^2
        w <- w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    Member s is what `torch.optim.Adam(lr=lr[s], betas=(beta1[s], b2))` makes of it, to rounding, at about twice the
    time of the fused one.

    Args:
        params: each with one row a seed in front, or several (the K discriminators of a seed stand together).
        lr: one number, or one for each of the S seeds.
        betas: beta1 likewise; beta2 is one number.

    Raises:
        GanlabError: a parameter whose rows are not a multiple of S.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float | Float[Tensor, " seeds"],
        betas: tuple[float | Float[Tensor, " seeds"], float] = (0.5, 0.999),
        eps: float = 1e-8,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            lr, (beta1, beta2) = group["lr"], group["betas"]
            for weights in (one for one in group["params"] if one.grad is not None):
                state = self.state[weights]
                if not state:
                    state |= {"step": 0, "mean": torch.zeros_like(weights), "square": torch.zeros_like(weights)}
                state["step"] += 1
                gain = 1 - _along(beta1, weights)
                gradient = weights.grad
                if group["weight_decay"]:
                    gradient = gradient.add(weights, alpha=group["weight_decay"])
                state["mean"].lerp_(gradient, gain)
                state["square"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
                # As in the formula, with the root of 1 - b2^t taken to the other side.
                root = math.sqrt(1 - beta2 ** state["step"])
                size = _along(lr, weights) * root / (1 - (1 - gain) ** state["step"])
                towards = state["mean"] / state["square"].sqrt().add_(group["eps"] * root)
                weights.addcmul_(towards, size, value=-1)


def _along(value: float | Tensor, weights: Tensor) -> Tensor:
    """One number a seed, so that it can be multiplied with weights (seeds or seeds * K, ...)."""
    value = torch.as_tensor(value, dtype=weights.dtype, device=weights.device)
    if value.ndim == 0:
        return value
    rows, seeds = len(weights), len(value)
    if rows % seeds:
        raise GanlabError(f"There are settings for {seeds} seeds and weights of {rows} rows; give one setting a seed.")
    return value.repeat_interleave(rows // seeds).view(-1, *[1] * (weights.ndim - 1))
