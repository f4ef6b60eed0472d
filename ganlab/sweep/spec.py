"""What a sweep is: one YAML file that names a notebook, parameter sets and seeds.

    notebook: "04"              # a chapter's number or name
    profile: smoke              # class when left out
    fixed: {seeds: 2}           # the same in every run
    grid:                       # every combination
      lambda1: [0.005, 0.05]
      lambda2: [0.0, 0.005]
    list:                       # each combined with every point of the grid
      - {width: 64}
      - {width: 128, learning_rate: 0.0005}
    random:                     # and with each of these draws; also {uniform: [low, high]}, {log: [low, high]}
      draws: 3
      seed: 0
      steps: {integers: [50, 100]}
      batch: {choice: [64, 128]}
    seeds: [0, 10]              # the parameter `seed`: a list, or 0-9; [0] when left out
    minutes: 0.5                # of a run, about: for the estimate as long as none has been finished here

Everything is checked against the notebook's `parameters` cell before the first run.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ganlab.draws import random_draws
from ganlab.errors import GanlabError
from ganlab.runner.chapters import find_chapter, nearest
from ganlab.runner.run import Plan, plan_runs

KNOWN = ("notebook", "profile", "solutions", "fixed", "grid", "list", "random", "seeds", "minutes")
MOST_RUNS = 100_000


@dataclass(frozen=True)
class Sweep:
    """A sweep that can start: `plans` are its runs, each once, and `varied` the parameters that differ in them."""

    name: str
    plans: list[Plan]
    varied: list[str]
    text: str  # the file as it was read
    minutes: float | None = None  # of a run, as the file says


def read_sweep(path: Path, notebooks: Path) -> Sweep:
    """Read a sweep's file and check every run that it asks for.

    Raises:
        GanlabError: not readable YAML, an unknown entry, an unknown parameter, a value out of its range.
    """
    try:
        text = path.read_text(encoding="utf-8")
        spec = yaml.safe_load(text)
    except OSError as error:
        raise GanlabError(f"{path} cannot be read ({error.strerror}): give the sweep's YAML file.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise GanlabError(f"{path} is not YAML{line}: {getattr(error, 'problem', None) or 'not text'}.") from None
    if not isinstance(spec, dict) or "notebook" not in spec:
        raise GanlabError(f"{path} must be a mapping with at least an entry `notebook:`, for instance notebook: '04'.")
    for entry in spec:
        if entry not in KNOWN:
            raise GanlabError(
                f"{path} has an unknown entry '{entry}'{nearest(str(entry), KNOWN)}: known are {', '.join(KNOWN)}."
            )
    solutions = spec.get("solutions", False)
    if not isinstance(solutions, bool):
        raise GanlabError(f"`solutions:` is {solutions!r}; write true (the solved notebook) or false.")
    minutes = spec.get("minutes")
    if minutes is not None and (not isinstance(minutes, int | float) or isinstance(minutes, bool) or not minutes > 0):
        raise GanlabError(f"`minutes:` is {minutes!r}; write about how long one run takes, for instance minutes: 10.")
    settings = parameter_sets(spec)
    chapter = find_chapter(notebooks, str(spec["notebook"]))
    plans = plan_runs(chapter, settings, profile=str(spec.get("profile", "class")), solutions=solutions)
    unique = list({plan.key: plan for plan in plans}.values())
    names = unique[0].parameters
    varied = [name for name in names if any(plan.parameters[name] != names[name] for plan in unique)]
    return Sweep(path.stem, unique, varied, text, minutes)


def example() -> str:
    """A sweep file to start from: the one above."""
    return "\n".join(line[4:] for line in __doc__.splitlines() if line.startswith("    ")) + "\n"


def parameter_sets(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All parameter sets that a sweep asks for: grid x list x random draws x seeds, each over `fixed`.

    Raises:
        GanlabError: an entry has the wrong form, a parameter stands in two, or there are more than 100,000 runs.
    """
    fixed = _mapping(spec, "fixed")
    grid = {name: _some(values, f"grid: {name}") for name, values in _mapping(spec, "grid").items()}
    listed = spec.get("list") or [{}]
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise GanlabError("`list:` must hold mappings, one a line, for instance - {lr: 0.001}.")
    draws = random_draws(_mapping(spec, "random"))
    seeds = read_seeds(spec.get("seeds", [0]))
    _each_once(fixed, grid, {name for item in listed for name in item}, draws[0])
    count = math.prod(len(values) for values in grid.values()) * len(listed) * len(draws) * len(seeds)
    if count > MOST_RUNS:
        raise GanlabError(f"The sweep asks for {count:,} runs; more than {MOST_RUNS:,} is surely not meant.")
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return [
        fixed | point | item | draw | {"seed": seed}
        for point, item, draw, seed in itertools.product(points, listed, draws, seeds)
    ]


def read_seeds(value: Any) -> list[int]:
    """`[0, 1, 5]`, `3` (that one seed), or `"0-9"` with both ends."""
    seeds = value if isinstance(value, list) else [value]
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", value)):
        low, high = int(match[1]), int(match[2])
        seeds = list(range(low, min(high, low + MOST_RUNS) + 1))  # one more than is allowed, not 10^11 of them
    if not seeds or not all(isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in seeds):
        raise GanlabError(f"seeds is {value!r}; give a list such as [0, 1, 2], or a range such as 0-9.")
    return seeds


def shared_seeds(sweep: Sweep) -> str:
    """A sentence when two runs of the same setting train the same seed; nothing otherwise.

    A notebook with the parameter `seeds` trains that many, from `seed` on.
    """
    settings: dict[str, list[tuple[int, int]]] = {}
    for plan in sweep.plans:
        rest = {name: value for name, value in plan.parameters.items() if name not in ("seed", "seeds")}
        own = (plan.parameters.get("seed", 0), plan.parameters.get("seeds", 1))
        settings.setdefault(str(rest), []).append(own)
    for runs in map(sorted, settings.values()):
        for (seed, count), (following, _) in itertools.pairwise(runs):
            if following < seed + count:
                return (
                    f"Each run trains {count} seeds (its parameter `seeds`), so those with seed={seed} and "
                    f"seed={following} share some: for fresh ones write seeds: [{seed}, {seed + count}, ...]."
                )
    return ""


def _each_once(fixed: Mapping, grid: Mapping, listed: set[str], draws: Mapping) -> None:
    for name in {*fixed, *grid, *listed, *draws}:
        if name == "seed":
            raise GanlabError("Write the seeds under `seeds:`, for instance seeds: 0-9, not as a parameter.")
        where = [e for e, names in (("grid", grid), ("list", listed), ("random", draws)) if name in names]
        if len(where) > 1:
            raise GanlabError(f"'{name}' stands under `{where[0]}:` and under `{where[1]}:`: which of them is meant?")


def _mapping(spec: Mapping[str, Any], entry: str) -> dict[str, Any]:
    value = spec.get(entry) or {}
    if not isinstance(value, dict):
        raise GanlabError(f"`{entry}:` must be a mapping from parameter names, but it is {value!r}.")
    return value


def _some(values: Any, where: str) -> list[Any]:
    if not isinstance(values, list) or not values:
        raise GanlabError(f"`{where}` must be a list of at least one value, but it is {values!r}.")
    return values
