"""Where a learner's run lies among committed runs of many seeds.

`expect("ring.gan.modes", values)` compares with `data/expected/ring.gan.json`: typical, unusual or outside. The
committed runs are runs of the chapter's own notebook, so that they cannot drift away from what a learner does;
`ganlab expected make ring.gan` makes them again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ganlab.errors import GanlabError, unknown

FOLDER = "expected"
GROUPS = 10_000  # random groups of committed runs, to compare the mean of several runs with


@dataclass(frozen=True)
class Recipe:
    """How the committed runs of one experiment are made, and what is kept of them.

    chapter     the notebook to run
    parameters  that differ from the class profile's
    quantities  key in the notebook's result.json (one number for each seed) to what it is in words
    """

    name: str
    chapter: str
    parameters: dict[str, Any] = field(default_factory=dict)
    quantities: dict[str, str] = field(default_factory=dict)


# The seeds are far from those that a learner starts with: their runs are new ones, not copies of ours.
RECIPES = {
    recipe.name: recipe
    for recipe in [
        Recipe(
            name="ring.gan",
            chapter="01",
            parameters={"seeds": 64, "seed": 1000, "ablation_steps": 20, "ablation_seeds": 1},
            quantities={
                "modes": "modes covered, of 8",
                "high_quality": "share of points within 3 sigma of a mode",
            },
        ),
    ]
}


@dataclass(frozen=True)
class Place:
    """Where a value lies in a distribution: the verdict, on which side, and the central 95 %."""

    verdict: Literal["typical", "unusual", "outside"]
    side: Literal["low", "high"]
    low: float
    high: float


def place(values: Sequence[float], committed: Sequence[float]) -> Place:
    """Place one run, or the mean of several, among committed runs.

    One value is compared with single runs, the mean of S values with the means of random groups of S committed
    runs. With p the smaller of the shares at most and at least as large: *outside* is p = 0, *unusual* is
    p < 2.5 %, everything else is *typical*.
    """
    ours = np.asarray(committed, dtype=float)
    mine = np.asarray(values, dtype=float)
    if len(mine) > 1:
        rng = np.random.default_rng(0)
        order = rng.random((GROUPS, len(ours))).argsort(1) if len(mine) <= len(ours) else None
        chosen = rng.integers(len(ours), size=(GROUPS, len(mine))) if order is None else order[:, : len(mine)]
        ours = ours[chosen].mean(1)
    value = mine.mean()
    slack = 1e-9 * max(1.0, abs(value))
    below, above = (ours <= value + slack).mean(), (ours >= value - slack).mean()
    tail = min(below, above)
    verdict = "outside" if tail == 0 else "unusual" if tail < 0.025 else "typical"
    low, high = np.quantile(ours, [0.025, 0.975])
    return Place(verdict, "low" if below < above else "high", float(low), float(high))


def expect(name: str, values: Any) -> None:
    """Say whether a run is typical, and show it among the committed ones.

    Args:
        name: experiment and quantity, such as "ring.gan.modes".
        values: one number, or one for each seed that was run (a tensor, array or list).

    Raises:
        GanlabError: there is no such name, or the values are not numbers.
    """
    recipe, quantity = _find(name)
    mine = _numbers(name, values)
    committed = read(recipe.name)
    if committed is None:
        print(f"{name}: no runs to compare with yet. `ganlab expected make {recipe.name}` makes them.")
        return
    ours = committed["values"][quantity]
    if not np.isfinite(mine).all():
        print(f"{name}: outside. It is not a finite number: the training has diverged.")
        return
    found = place(mine, ours)
    print(_sentence(name, found, len(mine), len(ours), committed["parameters"]))
    _show(recipe.quantities[quantity], found, mine, ours)


def read(name: str) -> dict | None:
    """The committed runs of an experiment: parameters, versions, seeds, values. None when not made yet.

    Raises:
        GanlabError: the file is damaged.
    """
    from ganlab.data.store import MANIFEST, embedded, embedded_folder, read_json

    folder = embedded_folder() / FOLDER
    if not (folder / MANIFEST).exists() or f"{name}.json" not in read_json(folder / MANIFEST)["files"]:
        return None
    return read_json(embedded(f"{FOLDER}/{name}.json"))


def _find(name: str) -> tuple[Recipe, str]:
    known = [f"{recipe.name}.{quantity}" for recipe in RECIPES.values() for quantity in recipe.quantities]
    if name not in known:
        raise unknown("expected result", name, known)
    experiment, _, quantity = name.rpartition(".")
    return RECIPES[experiment], quantity


def _numbers(name: str, values: Any) -> np.ndarray:
    try:
        array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=float).ravel()
    except (TypeError, ValueError):
        array = np.empty(0)
    if values is None or not array.size:
        raise GanlabError(f"expect({name!r}, ...) needs a number, or one for each seed; it got {values!r}.")
    return array


def _sentence(name: str, found: Place, mine: int, ours: int, parameters: dict) -> str:
    what = f"of {ours} runs with other seeds" if mine == 1 else f"of means of {mine} out of {ours} runs"
    span = f"95 % {what} lie between {found.low:.3g} and {found.high:.3g}"
    if found.verdict == "typical":
        return f"{name}: typical. {span}."
    extent = "None of ours is" if found.verdict == "outside" else "Few of ours are"
    asked = ", ".join(f"{key} = {value}" for key, value in parameters.items())
    return (
        f"{name}: {found.verdict}, on the {found.side} side. {extent} like this: {span}.\n"
        f"If you changed nothing, tell us; if you did, that is what your change does. Ours ran with {asked}."
    )


def _show(label: str, found: Place, mine: np.ndarray, ours: Sequence[float]) -> None:
    from ganlab.show import display, strip, with_alt

    yours = "yours" if len(mine) == 1 else f"yours ({len(mine)} seeds)"
    figure = strip({f"ours ({len(ours)} seeds)": ours, yours: mine}, label, title=f"Your result is {found.verdict}")
    # Without the learner's own numbers, which differ between machines: nbval compares this text.
    text = (
        f"Strip plot of {label}. {len(ours)} committed runs: from {min(ours):.3g} to {max(ours):.3g}, "
        f"mean {np.mean(ours):.3g}. Your result beside them is {found.verdict}."
    )
    display(with_alt(figure, text))
