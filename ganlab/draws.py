"""Parameter sets drawn at random: how a sweep's file and a tuning search say what they look through."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from ganlab.errors import GanlabError

DRAWS = ("uniform", "log", "integers", "choice")
MOST_DRAWS = 100_000


def random_draws(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parameter sets drawn independently; the same `seed` (0 when left out) gives the same sets.

    >>> random_draws({"draws": 2, "lr": {"log": [1e-4, 1e-2]}, "beta1": {"choice": [0.0, 0.5]}})
    [{'lr': 0.005012, 'beta1': 0.5}, {'lr': 0.0002114, 'beta1': 0.0}]

    Raises:
        GanlabError: a range that is none, or no number of draws.
    """
    ranges = {name: how for name, how in spec.items() if name not in ("draws", "seed")}
    if not ranges:
        return [{}]
    draws, seed = spec.get("draws"), spec.get("seed", 0)
    if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
        raise GanlabError(f"random: draws is {draws!r}; give how many parameter sets to draw, for instance draws: 20.")
    if draws > MOST_DRAWS:
        raise GanlabError(f"random: draws is {draws:,}; more than {MOST_DRAWS:,} is surely not meant.")
    for name, how in ranges.items():
        _check_range(name, how)
    # A stream for each parameter and draw: one more of either leaves the others as they were.
    return [
        {name: _draw(how, random.Random(f"{seed}/{name}/{index}")) for name, how in ranges.items()}
        for index in range(draws)
    ]


def _check_range(name: str, how: Any) -> None:
    kind = next(iter(how)) if isinstance(how, dict) and len(how) == 1 else None
    values = how[kind] if kind in DRAWS else None
    numbers = isinstance(values, list) and all(_is_number(value) for value in values)
    if kind == "choice" and isinstance(values, list) and values:
        return
    if kind not in DRAWS or kind == "choice" or not numbers or len(values) != 2 or values[0] > values[1]:
        raise GanlabError(
            f"random: {name} is {how!r}; write {{uniform: [low, high]}}, {{log: [low, high]}}, "
            "{integers: [low, high]} or {choice: [a, b]}."
        )
    if kind == "integers" and any(value != int(value) for value in values):
        raise GanlabError(f"random: {name} is drawn among integers, so {values} must be whole numbers.")
    if kind == "log" and values[0] <= 0:
        raise GanlabError(f"random: {name} is drawn on a logarithmic scale, so {values[0]} must be above 0.")


def _is_number(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole or isinstance(value, float) and math.isfinite(value)


def _draw(how: Mapping[str, Any], rng: random.Random) -> Any:
    ((kind, values),) = how.items()
    if kind == "choice":
        return rng.choice(values)
    low, high = values
    if kind == "integers":
        return rng.randint(int(low), int(high))
    if kind == "log":
        return float(f"{math.exp(rng.uniform(math.log(low), math.log(high))):.4g}")
    return float(f"{rng.uniform(low, high):.6g}")
