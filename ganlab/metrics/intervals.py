"""The uncertainty of a mean over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ganlab.errors import GanlabError


def bootstrap_interval(values: Any, level: float = 0.95, draws: int = 10_000) -> tuple[float, float, float]:
    """(mean, low, high): the mean and its percentile bootstrap interval over seeds, the same at every call.

    With one value there is no spread to resample: the interval is that value.

    Args:
        values: one number a seed, a tensor, array or list; those that are not finite are left out.

    Raises:
        GanlabError: no value is finite.
    """
    values = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    values = values.astype(float).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        raise GanlabError("There is no finite value to average.")
    chosen = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(values[chosen].mean(1), [tail, 100 - tail])
    return float(values.mean()), float(low), float(high)
