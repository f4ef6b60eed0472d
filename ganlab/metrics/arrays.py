"""What metrics share: checked input, distances in chunks, the divergence, a progress bar for slow work."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from ganlab.errors import GanlabError


def as_features(x: Any, name: str, least: int = 1) -> Float[Tensor, "n features"]:
    """`x` (a tensor or array whose first axis counts samples) as a float matrix, one row a sample.

    Raises:
        GanlabError: fewer than `least` samples, nothing in a sample, or a value that is not finite.
    """
    x = torch.as_tensor(x).detach()
    if x.ndim < 2:
        raise GanlabError(f"{name} has shape {tuple(x.shape)}; give (n, features) or (n, ...), one row a sample.")
    x = x.flatten(1)
    if len(x) < least:
        raise GanlabError(f"{name} holds {len(x)} samples; this needs at least {least}.")
    if x.shape[1] == 0:
        raise GanlabError(f"{name} has shape {tuple(x.shape)}: a sample without any value; give at least one.")
    if not x.is_floating_point():
        x = x.float()
    bad = (~x.isfinite()).any(1)
    if bad.any():
        raise GanlabError(
            f"{name} has {int(bad.sum())} samples with NaN or infinite values (the first is number "
            f"{int(bad.nonzero()[0])}); leave them out, and count them as failures of the generator."
        )
    return x


def check_pair(real: Any, generated: Any, least: int = 1) -> tuple[Tensor, Tensor]:
    """Both as float matrices of one width, on one device and of one type."""
    real, generated = as_features(real, "real", least), as_features(generated, "generated", least)
    if real.shape[1] != generated.shape[1]:
        raise GanlabError(
            f"real has {real.shape[1]} values a sample and generated has {generated.shape[1]}; "
            "bring both to the same shape (size, channels) or through the same feature network first."
        )
    return real, generated.to(real)


def progress_bar() -> Progress | None:
    """On standard error, removed when done. None where nobody looks: no terminal or notebook, GANLAB_INTERACTIVE=0."""
    console = Console(stderr=True)
    if os.environ.get("GANLAB_INTERACTIVE") == "0" or not (console.is_terminal or console.is_jupyter):
        return None
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, transient=True)


def slow(steps: Iterable, doing: str, total: int | None = None, after: float = 2.0) -> Iterator:
    """Iterate over `steps`; once that has taken `after` seconds, show a progress bar."""
    total = len(steps) if total is None and hasattr(steps, "__len__") else total
    start, bar, task = time.monotonic(), progress_bar(), None
    try:
        for done, step in enumerate(steps):
            if bar is not None and task is None and time.monotonic() - start > after:
                bar.start()
                task = bar.add_task(doing, total=total)
            if task is not None:
                bar.update(task, completed=done)
            yield step
    finally:
        if task is not None:
            bar.stop()


@contextmanager
def waiting(doing: str, after: float = 2.0) -> Iterator[None]:
    """For one long call that cannot say how far it is: after `after` seconds, a bar that moves and the time elapsed."""
    bar = progress_bar()
    if bar is None:
        yield
        return
    bar.add_task(doing, total=None)
    timer = threading.Timer(after, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def local_spacing(nearest_other: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Each sample's distance to its nearest other, at least a tenth of the median: duplicates divide nothing by 0."""
    return nearest_other.clamp(min=float(nearest_other.median()) / 10 + 1e-300)


def divergence(p: Float[Tensor, "*any bins"], q: Float[Tensor, "*any bins"]) -> Float[Tensor, "*any"]:
    """KL(p || q) over the last axis, in nats, with 0 log 0 = 0; infinite where p > 0 = q; NaN when p is."""
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(-1)


def squared_distances(x: Float[Tensor, "a d"], y: Float[Tensor, "b d"]) -> Float[Tensor, "a b"]:
    """|x_i - y_j|^2 in float64 by |x|^2 + |y|^2 - 2 x.y, not below 0.

    Both are measured from the mean of `y` first, so that a common offset costs no digits.
    """
    x, y = x.double(), y.double()
    middle = y.mean(0)
    return _squared(x - middle, y - middle)


def _squared(x: Tensor, y: Tensor) -> Tensor:
    squares = x.square().sum(1, keepdim=True) + y.square().sum(1)
    return torch.addmm(squares, x, y.mT, alpha=-2).clamp_(min=0)


def distance_chunks(
    x: Float[Tensor, "a d"], y: Float[Tensor, "b d"], doing: str, chunk_bytes: int = 2**27
) -> Iterator[tuple[slice, Float[Tensor, "chunk b"]]]:
    """Squared distances from the rows of `x` to all of `y`, a block of rows at a time: memory O(a + b).

    Yields the rows' slice and their block, at most `chunk_bytes` large.
    """
    y = y.double()
    middle = y.mean(0)
    y = y - middle
    rows = max(1, chunk_bytes // (8 * len(y)))
    blocks = [slice(start, start + rows) for start in range(0, len(x), rows)]
    for block in slow(blocks, doing):
        yield block, _squared(x[block].double() - middle, y)


def nearest(
    x: Float[Tensor, "a d"], y: Float[Tensor, "b d"], k: int = 1, same: bool = False, doing: str = "neighbours"
) -> tuple[Float[Tensor, "a k"], Tensor]:
    """Distances to, and indices of, the k nearest rows of `y`; with `same`, x is y and a row is not its own neighbour.

    The distances to the neighbours found are computed again by subtraction: a copy is at distance 0 exactly.
    """
    if len(y) - same < k:
        raise GanlabError(f"{len(y)} samples do not have {k} neighbours each; give more samples or a smaller k.")
    found = []
    for block, squared in distance_chunks(x, y, doing):
        if same:
            rows = torch.arange(block.start, block.start + len(squared), device=squared.device)
            squared[torch.arange(len(squared), device=squared.device), rows] = torch.inf
        found.append(squared.topk(k, dim=1, largest=False).indices)
    index = torch.cat(found)
    # One neighbour at a time keeps this O(a d) in memory.
    exact = [(x.double() - y.double()[index[:, j]]).norm(dim=1) for j in range(k)]
    distance, order = torch.stack(exact, 1).sort(1)
    return distance, index.gather(1, order)
