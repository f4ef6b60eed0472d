"""The exponential average over a generator's weights."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def average(running: nn.Module, network: nn.Module, decay: float) -> None:
    """running <- decay running + (1 - decay) network, weights and statistics; a few kernels, no waiting."""
    mine, new = (list(m.parameters()) + [b for b in m.buffers() if b.is_floating_point()] for m in (running, network))
    torch._foreach_lerp_(mine, new, 1 - decay)
