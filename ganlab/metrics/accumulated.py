"""`update / compute / reset` for every function of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from ganlab.errors import GanlabError


class _Boxed:
    def __init__(self, value: Any):
        self.value = value


class Accumulated(Metric):
    """Any function of samples as a metric with `update / compute / reset`, for data that come in batches.

    Batches are kept by the name of the function's argument and joined along `dim` in `compute`; torchmetrics does
    the resetting, moving between devices and gathering from several processes.

    >>> from ganlab.metrics.clustering import purity
    >>> metric = Accumulated(purity, "clusters", "classes")
    >>> metric.update(clusters=torch.tensor([0, 0]), classes=torch.tensor([3, 3]))
    >>> metric.update(clusters=torch.tensor([1, 1]), classes=torch.tensor([3, 5]))
    >>> metric.compute()
    0.75
    """

    full_state_update = False

    def __init__(self, function: Callable, *names: str, dim: int = 0, **options: Any):
        super().__init__()
        self.function, self.names, self.dim, self.options = function, names, dim, options
        for name in names:
            self.add_state(name, default=[], dist_reduce_fx=None)

    def _wrap_compute(self, compute: Callable) -> Callable:
        # torchmetrics rewrites the tensors inside a result, which a frozen report does not allow: hand it over boxed.
        wrapped = super()._wrap_compute(lambda *args, **kwargs: _Boxed(compute(*args, **kwargs)))
        return lambda *args, **kwargs: wrapped(*args, **kwargs).value

    def update(self, **batches: Tensor) -> None:
        """Add a batch under one or several of the names.

        Raises:
            GanlabError: a name that the function has no argument for.
        """
        for name, batch in batches.items():
            if name not in self.names:
                raise GanlabError(f"update was given {name!r}; this metric takes {', '.join(self.names)}.")
            getattr(self, name).append(torch.as_tensor(batch).detach())

    def compute(self) -> Any:
        """The function of everything seen since the last reset.

        Raises:
            GanlabError: nothing was given under one of the names.
        """
        joined = {}
        for name in self.names:
            batches = getattr(self, name)
            if not batches:
                raise GanlabError(f"There is no {name!r} yet; call update({name}=...) before compute().")
            joined[name] = torch.cat(batches, self.dim)
        return self.function(**joined, **self.options)
