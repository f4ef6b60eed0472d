"""Many seeds side by side: batched inside a process, and one process for each core.

Measured (bench/seeds.py) for 2D networks: a batch of a few seeds on one thread beats a seed at a time, one thread
beats two, and two processes double it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from joblib import cpu_count
from torch import Tensor

from ganlab.errors import GanlabError


def available_cores() -> int:
    """The cores that this process may use: its affinity, its container's share, LOKY_MAX_CPU_COUNT."""
    return cpu_count()


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Run torch with n threads inside the block. For tiny networks one is faster than all."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(
    function: Callable[[list[int]], dict[str, Any]], seeds: Sequence[int], workers: int | None = None
) -> dict[str, Tensor]:
    """Run `function(group)` on groups of the seeds, one process a core, and join the results along the seeds axis.

    Args:
        function: takes a list of seeds, returns a dict of tensors (or arrays, or lists) with the seeds axis first.
            It may be defined in a notebook.
        seeds: all of them.
        workers: processes; `None` takes one a core but no more than there are seeds. With 1 nothing is started.

    Returns:
        The same names, each with one row a seed in the order of `seeds`. Which seeds share a process makes no
        difference to the random numbers that they draw.

    Raises:
        GanlabError: no seeds, or no processes.
    """
    seeds = [int(seed) for seed in seeds]
    if not seeds:
        raise GanlabError("side_by_side was given no seeds; give at least one, for example [0].")
    if workers is not None and workers < 1:
        raise GanlabError(f"side_by_side was given {workers} workers; give at least 1, or None for one a core.")
    workers = min(workers or available_cores(), len(seeds))
    size, rest = divmod(len(seeds), workers)
    edges = [i * size + min(i, rest) for i in range(workers + 1)]
    groups = [seeds[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    if workers == 1:
        results = [_one_group(function, seeds)]
    else:
        from joblib import Parallel, delayed  # loky: spawned processes that also take functions of a notebook

        results = Parallel(n_jobs=workers)(delayed(_one_group)(function, group) for group in groups)
    return {name: torch.cat([torch.as_tensor(result[name]) for result in results]) for name in results[0]}


def _one_group(function: Callable[[list[int]], dict[str, Any]], seeds: list[int]) -> dict[str, Any]:
    with threads(1):
        result = function(seeds)
    return {name: value.numpy() if isinstance(value, Tensor) else value for name, value in result.items()}
