"""Numbers over steps: every seed as a thin line, the median as a thick one, floor and ceiling beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganlab.errors import GanlabError
from ganlab.show.figure import (
    BAD,
    GOOD,
    GREY,
    MARKERS,
    SERIES,
    as_array,
    for_text,
    heading,
    lead,
    new_figure,
    number,
    seeds_by_steps,
    spread_labels,
    with_alt,
)

STEPS = "training steps"
Level = tuple[str, float, str, str]  # what it is, where, its colour, its line's style


def _series(values: Any, steps: np.ndarray, label: str) -> dict[str, np.ndarray]:
    groups = values if isinstance(values, Mapping) else {"": values}
    if not groups:
        raise GanlabError(f"There are no values of {label} to draw.")
    return {name: seeds_by_steps(table, steps, name or label) for name, table in groups.items()}


def draw_metric(
    axes: Axes,
    steps: Any,
    values: Any,
    label: str,
    floor: float | None = None,
    ceiling: float | None = None,
    whole: bool = False,
    colours: Sequence[str] = SERIES,
    limits: tuple[float, float] | None = None,
    x_label: str = STEPS,
    equilibrium: float | None = None,
) -> str:
    """One panel of curves; returns the numbers in words."""
    steps = as_array(steps).astype(float)
    groups = _series(values, steps, label)
    for index, table in enumerate(groups.values()):
        colour, marker = colours[index % len(colours)], MARKERS[index % len(MARKERS)]
        if len(table) > 1:
            axes.plot(steps, table.T, color=colour, alpha=0.28, linewidth=0.9, zorder=2)
        marked = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), 7)).astype(int))
        axes.plot(
            steps,
            _median(table),
            color=colour,
            linewidth=2.6,
            zorder=4,
            marker=marker,
            markersize=5.5,
            markevery=marked.tolist(),
            markeredgecolor="white",
            markeredgewidth=0.8,
            solid_capstyle="round",
        )
    marked = (("ceiling", ceiling, GOOD, "--"), ("floor", floor, BAD, ":"), ("equilibrium", equilibrium, GREY, "--"))
    levels = [level for level in marked if level[1] is not None]
    for _, level, colour, style in levels:
        axes.axhline(level, color=colour, linewidth=1.4, linestyle=style, zorder=1)
    axes.grid(axis="y")
    axes.set_xlabel(x_label)
    axes.set_xlim(steps[0], steps[-1] if len(steps) > 1 else steps[0] + 1)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=bool((steps == steps.round()).all())))
    if limits is None:
        limits = _limits([*groups.values(), *[np.array([level]) for _, level, *_ in levels]])
    axes.set_ylim(*limits)
    if whole:
        axes.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    _end_labels(axes, groups, levels, colours)
    return _in_words(steps, groups, label, levels, x_label)


def _median(table: np.ndarray) -> np.ndarray:
    """Median over seeds at each step, of the seeds that have a value; NaN where none has."""
    known = ~np.isnan(table).all(0)
    result = np.full(table.shape[1], np.nan)
    result[known] = np.nanmedian(table[:, known], 0)
    return result


def _limits(tables: list[np.ndarray]) -> tuple[float, float]:
    everything = np.concatenate([table.ravel() for table in tables])
    everything = everything[np.isfinite(everything)]
    if not len(everything):
        return 0.0, 1.0
    low, high = float(everything.min()), float(everything.max())
    pad = 0.06 * (high - low) or 0.5
    return low - pad, high + pad


def _end_labels(
    axes: Axes,
    groups: Mapping[str, np.ndarray],
    levels: Sequence[Level],
    colours: Sequence[str],
) -> None:
    """Names at the right end of the lines, moved apart where they would overlap."""
    entries = []
    for index, (name, table) in enumerate(groups.items()):
        end = float(_median(table)[-1])
        what = f"{name}: " if name else ("median " if len(table) > 1 else "")
        entries.append((end, f"{what}{number(end)}", colours[index % len(colours)], "bold"))
    entries += [(level, f"{word} {number(level)}", colour, "normal") for word, level, colour, _ in levels]
    entries = [entry for entry in entries if np.isfinite(entry[0])]
    if not entries:
        return
    low, high = axes.get_ylim()
    height = 72 / axes.figure.dpi * axes.bbox.height
    places = spread_labels([entry[0] for entry in entries], 13 / height * (high - low))
    for place, (_, text, colour, weight) in zip(places, entries, strict=True):
        axes.annotate(
            text,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=for_text(colour),
            fontweight=weight,
            fontsize=9.5,
            annotation_clip=False,
        )


def _in_words(
    steps: np.ndarray,
    groups: Mapping[str, np.ndarray],
    label: str,
    levels: Sequence[Level],
    x_label: str,
) -> str:
    parts, at = [], "step " if x_label == STEPS else ""
    for name, table in groups.items():
        middle, last = _median(table), table[:, -1]
        median = "median " if len(table) > 1 else ""
        known = last[~np.isnan(last)]
        spread = f" (seeds from {number(known.min())} to {number(known.max())})" if median and len(known) else ""
        parts.append(
            f"{name + ': ' if name else ''}{median}{number(middle[0])} at {at}{number(steps[0])}, "
            f"{number(middle[-1])} at {at}{number(steps[-1])}{spread}"
        )
    seeds = next(iter(groups.values())).shape[0]
    who = f" of {seeds} seeds" if seeds > 1 else ""
    beside = f" {', '.join(f'{word} {number(level)}' for word, level, *_ in levels)}." if levels else ""
    return f"{label}{who} over {x_label}. {'; '.join(parts)}.{beside}"


def _name_lines(axes: Axes, values: Any, x_label: str = STEPS) -> None:
    """Say under the axis what thin and thick lines are, where there are both."""
    groups = values.values() if isinstance(values, Mapping) else [values]
    if any(as_array(table).ndim > 1 and len(table) > 1 for table in groups):
        axes.set_xlabel(f"{x_label}  (a thin line: a seed; a thick one: the median)")


def metric_over_steps(
    steps: Any,
    values: Any,
    label: str,
    floor: float | None = None,
    ceiling: float | None = None,
    title: str | None = None,
    x_label: str = STEPS,
) -> Figure:
    """A metric over training: thin lines for the seeds, a thick line for their median.

    Args:
        steps: (T,).
        values: (seeds, T), (T,) for one seed, or a dict of them by name to compare.
        label: the metric's name.
        x_label: what `steps` holds, where that is something else.
        floor: what a worthless generator scores; ceiling: what real data scores.
    """
    figure, ((axes,),) = new_figure(7.6, 3.9)
    words = draw_metric(axes, steps, values, label, floor, ceiling, x_label=x_label)
    _name_lines(axes, values, x_label)
    heading(axes, title or label)
    if title:
        axes.set_ylabel(label)
    return with_alt(figure, f"{lead(title)}{words}")


def coverage_over_steps(
    steps: Any, covered: Any, modes: int, floor: float | None = None, title: str | None = None
) -> Figure:
    """Modes covered over training, with the ceiling at `modes`.

    Args:
        steps: (T,).
        covered: counts, (seeds, T), or a dict of them by name.
        modes: how many there are.
        floor: for example 1, what a generator that emits one point covers.
    """
    figure, ((axes,),) = new_figure(7.6, 3.9)
    limits = (-0.3, modes * 1.05 + 0.1)
    words = draw_metric(axes, steps, covered, "modes covered", floor, modes, whole=True, limits=limits)
    _name_lines(axes, covered)
    groups = _series(covered, as_array(steps), "modes covered")
    axes.set_ylabel("modes covered")
    if title is None:
        last = next(iter(groups.values()))[:, -1]
        seeds = f" in {int((last >= modes).sum())} of {len(last)} seeds" if len(last) > 1 else ""
        title = f"All {modes} modes at the end{seeds}" if len(groups) == 1 and seeds else "Modes covered"
    heading(axes, title)
    return with_alt(figure, f"{title}. {words}")


def loss_curves(
    steps: Any, losses: Mapping[str, Any], title: str | None = None, equilibrium: float | None = None
) -> Figure:
    """Losses of the players over training.

    Args:
        steps: (T,).
        losses: name to (seeds, T) or (T,).
        equilibrium: a level to mark, for example 2 log 2 = 1.386 for the discriminator.
    """
    figure, ((axes,),) = new_figure(7.6, 3.7)
    words = draw_metric(axes, steps, losses, "loss", equilibrium=equilibrium)
    _name_lines(axes, losses)
    heading(axes, title or "Losses")
    axes.set_ylabel("loss")
    return with_alt(figure, f"{lead(title)}{words}")
