"""The training loop: one flat function for every method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ganlab.errors import GanlabError
from ganlab.train.checkpoint import random_state, set_random_state
from ganlab.train.run import RunFolder, plain


class Method(Protocol):
    """All that the loop knows of a method."""

    def step(self, real: Tensor) -> dict[str, Tensor]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Batches(Protocol):
    """An endless iterator over real batches that knows where it is."""

    def __next__(self) -> Tensor: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class History:
    """What was recorded: `history.steps`, and `history["name"]` with shape `(*seeds, looks, ...)`."""

    def __init__(self, records: list[dict[str, Any]] | None = None):
        self.records = records or []

    @property
    def steps(self) -> list[int]:
        return [record["step"] for record in self.records]

    @property
    def names(self) -> list[str]:
        return sorted({name for record in self.records for name in record} - {"step"})

    def __getitem__(self, name: str) -> Tensor:
        values = [_tensor(record[name]) for record in self.records]
        return torch.stack(values, dim=min(values[0].ndim, 1))

    def __len__(self) -> int:
        return len(self.records)


def train(
    method: Method,
    batches: Batches | Iterator[Tensor],
    steps: int,
    *,
    every: int = 0,
    look: Callable[[int, Method], dict[str, Any]] | None = None,
    run: RunFolder | None = None,
    checkpoint_every: int = 0,
    stop: Callable[[int], bool] | None = None,
) -> History:
    """Train a method, look at it now and then, and survive being killed.

    Args:
        method: anything with `step(real) -> dict of detached tensors` and a state.
        batches: endless iterator over real batches.
        steps: how many in all, those before a resume included.
        every: record after each `every` steps (0: only `steps`): the mean of each step's numbers since the last
            record, and what `look` returns. Looking must not draw from the streams that train the method.
        look: `look(step, method) -> dict` of numbers or tensors.
        run: where checkpoints and metrics go. When it holds a checkpoint, training goes on from there, to the very
            same numbers as if it had never stopped: networks, optimisers, random states, data order, metrics.
        checkpoint_every: 0 writes one at the end only.
        stop: `stop(step)`, asked after each step; when it says yes, a checkpoint is written and training ends early.

    Returns:
        The history, with that of before the resume.

    Raises:
        GanlabError: `run` has a folder and the batches have no state, so that no checkpoint could be written.
    """
    run = run or RunFolder()
    if run.path is not None and not hasattr(batches, "state_dict"):
        raise GanlabError(
            f"The batches are a {type(batches).__name__}, which cannot be saved; give batches with state_dict and "
            "load_state_dict, as ganlab.data.batches makes them, or no run folder."
        )
    every = every or steps
    sums: dict[str, Tensor] = {}
    start, history = _resume(run, method, batches)
    if start.get("sums"):
        sums = start["sums"]

    for step in range(start["step"] + 1, steps + 1):
        for name, value in method.step(next(batches)).items():
            sums[name] = sums[name].to(value.device) + value if name in sums else value

        stopping = stop is not None and stop(step)
        # Only here does the host wait for the device.
        if step % every == 0 or step == steps:
            since = step - (history.steps[-1] if history.records else 0)
            record = {"step": step} | plain({name: total / since for name, total in sums.items()})
            if look is not None:
                record |= plain(look(step, method))
            history.records.append(record)
            run.append_metrics(record)
            sums = {}
        due = checkpoint_every and step % checkpoint_every == 0
        if run.path is not None and (due or stopping or step == steps):
            run.save_checkpoint(step, _state(step, method, batches, sums))
        if stopping:
            break
    return history


def _tensor(value: Any) -> Tensor:
    array = np.asarray(value)
    if array.dtype == object:  # JSON has no NaN: what was not finite was recorded as null
        array = array.astype(np.float32)
    return torch.as_tensor(array.tolist())


def _state(step: int, method: Method, batches: Batches, sums: dict[str, Tensor]) -> dict[str, Any]:
    return {
        "step": step,
        "method": method.state_dict(),
        "batches": batches.state_dict(),
        "random": random_state(),
        "sums": sums,
    }


def _resume(run: RunFolder, method: Method, batches: Batches) -> tuple[dict[str, Any], History]:
    state = run.newest_checkpoint()
    if state is None:
        run.read_metrics(up_to=0)  # a run killed before its first checkpoint starts again, and so do its metrics
        return {"step": 0}, History()
    method.load_state_dict(state["method"])
    batches.load_state_dict(state["batches"])
    set_random_state(state["random"])
    return state, History(run.read_metrics(up_to=state["step"]))
