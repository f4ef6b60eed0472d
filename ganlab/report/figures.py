"""Figures of the long table and of its summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ganlab.errors import GanlabError
from ganlab.report.reading import label as in_words
from ganlab.report.reading import named
from ganlab.report.summary import by_seed, heads
from ganlab.show import figure as house
from ganlab.show.compare import heatmap, interval_text, strip

MOST_ROWS, MOST_COLUMNS = 40, 12  # of a figure that can still be read


def group_strip(numbers: pd.DataFrame, label: str, levels: Sequence[float] = (), title: str | None = None) -> Figure:
    """A dot a seed in each of the first 40 groups, mean and interval; `levels` are floor and ceiling, or empty."""
    floor, ceiling = levels or (None, None)
    names, note = _first(dict.fromkeys(numbers["group"]), MOST_ROWS, "groups")
    values = {group: part["value"].to_numpy() for group, part in by_seed(numbers).groupby("group", sort=False)}
    return strip({name: values.get(name, []) for name in names}, label, floor, ceiling, (title or label) + note)


def curve(
    summary: pd.DataFrame, over: str, label: str, levels: Sequence[float] = (), title: str | None = None
) -> Figure:
    """Mean and interval over a parameter that is a number; a line for each value of what else the groups differ in.

    The axis is logarithmic when the parameter is positive and spans a factor of ten or more.

    Raises:
        GanlabError: the groups do not differ in `over`, or it is not a number.
    """
    if over not in summary or not all(isinstance(x, int | float) for x in summary[over]):
        raise GanlabError(f"There is no curve over '{over}': group by it, and let it be a number.")
    shown = summary.dropna(subset="mean")
    rest = [name for name in heads(summary) if name != over]
    words = [", ".join(named(name, row[name]) for name in rest) for row in shown.to_dict("records")]
    figure, ((axes,),) = house.new_figure(7.6, 3.9)
    values = sorted(set(shown[over].astype(float)))
    logarithmic = bool(values) and values[0] > 0 and values[-1] >= 10 * values[0]
    said, lines = [], list(shown.groupby(words, sort=False))
    for place, (name, part) in enumerate(lines):
        colour, marker = house.SERIES[place % len(house.SERIES)], house.MARKERS[place % len(house.MARKERS)]
        part = part.assign(**{over: part[over].astype(float)}).sort_values(over)
        reach = np.clip([part["mean"] - part["low"], part["high"] - part["mean"]], 0, None)
        # Side by side, or the intervals of several lines would hide each other.
        aside = 0.012 * (place - (len(lines) - 1) / 2)
        x = part[over] * (values[-1] / values[0]) ** aside if logarithmic else part[over] + aside * np.ptp(values)
        axes.errorbar(
            x, part["mean"], yerr=reach, color=colour, marker=marker, markersize=6, linewidth=1.8,
            elinewidth=1.8, capsize=4, markeredgecolor="white", markeredgewidth=0.8, zorder=3, label=name or label,
        )  # fmt: skip
        points = "; ".join(
            f"{interval_text(three)} at {x:g}"
            for x, *three in part[[over, "mean", "low", "high"]].itertuples(index=False)
        )
        said.append(f"{name + ': ' if name else ''}{points}")
    for level, colour, style, word in zip(
        levels, (house.BAD, house.GOOD), (":", "--"), ("floor", "ceiling"), strict=False
    ):
        axes.axhline(level, color=colour, linewidth=1.4, linestyle=style, zorder=1)
        axes.annotate(
            f"{word} {house.number(level)}", (1, level), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=9, color=house.for_text(colour), annotation_clip=False,
        )  # fmt: skip
        said.append(f"{word} {house.number(level)}")
    if logarithmic:
        axes.set_xscale("log")
        axes.minorticks_off()
    if len(values) <= 8:
        axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.grid(axis="y")
    axes.set_xlabel(over)
    axes.set_ylabel(f"{label}  (mean, 95 % interval)")
    house.heading(axes, title or f"{label} over {over}")
    if any(words):
        house.legend_below(axes, bbox_to_anchor=(0.5, -0.16))
    return house.with_alt(figure, f"{house.lead(title)}{label} over {over}, mean and 95 % interval. {'. '.join(said)}.")


def mean_map(summary: pd.DataFrame, rows: str, columns: str, label: str, title: str | None = None) -> Figure:
    """The groups' means as colours over two of their parameters; hatched: no value.

    Raises:
        GanlabError: the groups differ in more, or in less.
    """
    differ = heads(summary)
    if {rows, columns} != set(differ) or rows == columns:
        raise GanlabError(f"A map needs groups of two parameters; these differ in {', '.join(differ) or 'nothing'}.")
    down, across = ([*dict.fromkeys(summary[name].map(in_words))] for name in (rows, columns))
    table = np.full((len(down), len(across)), np.nan)
    for row in summary.to_dict("records"):
        table[down.index(in_words(row[rows])), across.index(in_words(row[columns]))] = row["mean"]
    names = [named(rows, value) for value in down], [named(columns, value) for value in across]
    return heatmap(table, *names, label=label, title=title)


def seed_map(numbers: pd.DataFrame, label: str, title: str | None = None) -> Figure:
    """Every value: a row for each group and setting, a column a seed (the first 40 and 12); hatched: none."""
    words = [", ".join(filter(None, pair)) for pair in zip(numbers["group"], _settings(numbers), strict=True)]
    wide = numbers.assign(row=words).groupby(["row", "seed"], sort=False)["value"].mean().unstack("seed")
    rows, note = _first(dict.fromkeys(words), MOST_ROWS, "settings")
    seeds, and_note = _first(sorted(wide.columns), MOST_COLUMNS, "seeds")
    table = wide.reindex(index=rows, columns=seeds).to_numpy()
    return heatmap(table, rows, [f"seed {seed}" for seed in seeds], label, (title or label) + note + and_note)


def _settings(numbers: pd.DataFrame) -> list[str]:
    return ["" if setting == "all runs" else setting for setting in numbers["setting"]]


def _first(items: Iterable, most: int, what: str) -> tuple[list, str]:
    """As many as a figure can show, and the words that say so."""
    items = list(items)
    return items[:most], f" (the first {most} of {len(items)} {what})" if len(items) > most else ""
