"""Figures and tables that compare: groups of seeds, metrics against faults, rows of images."""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganlab.errors import GanlabError
from ganlab.metrics.intervals import bootstrap_interval
from ganlab.show.figure import (
    BAD,
    GOOD,
    INK,
    MARKERS,
    SERIES,
    as_array,
    for_text,
    heading,
    headline,
    lead,
    new_figure,
    number,
    plain_axes,
    with_alt,
)


def interval_text(interval: Sequence[float]) -> str:
    mean, low, high = interval
    return f"{number(mean)} [{number(low)}, {number(high)}]"


def strip(
    values: Mapping[str, Any],
    label: str,
    floor: float | None = None,
    ceiling: float | None = None,
    title: str | None = None,
) -> Figure:
    """Every seed of every group as a dot, and below its dots the mean with its 95 % bootstrap interval.

    A group of one value has no interval. With more groups than colours all have one: their names stand beside them.

    Args:
        values: group name to one number a seed.
        label: what the numbers are.
        floor, ceiling: levels to mark.
    """
    if not values:
        raise GanlabError("There is no group to draw: give a dict of name to values.")
    groups = {name: as_array(numbers).astype(float).ravel() for name, numbers in values.items()}
    everything = np.concatenate([*groups.values(), [x for x in (floor, ceiling) if x is not None]])
    everything = everything[np.isfinite(everything)]
    if not len(everything):
        raise GanlabError(f"There is no finite value of {label} to draw.")
    span = float(np.ptp(everything)) or 1.0
    figure, ((axes,),) = new_figure(7.6, 1.15 + 0.72 * len(groups))
    looks = list(zip(SERIES, MARKERS, strict=False)) if len(groups) <= len(SERIES) else [(SERIES[0], MARKERS[0])]
    words, spread = [], False
    for index, (name, numbers) in enumerate(groups.items()):
        colour, marker = looks[index % len(looks)]
        known = numbers[np.isfinite(numbers)]
        axes.scatter(
            known,
            index + 0.06 - _stacked(known, span),
            s=34,
            marker=marker,
            color=colour,
            alpha=0.8,
            edgecolors="white",
            linewidths=0.6,
            zorder=3,
        )
        lost = f", {len(numbers) - len(known)} without a value" if len(known) < len(numbers) else ""
        if len(known) > 1:
            spread = True
            interval = bootstrap_interval(known)
            axes.plot(interval[1:], [index + 0.28] * 2, color=INK, linewidth=2.2, solid_capstyle="butt", zorder=5)
            axes.plot([interval[0]] * 2, [index + 0.19, index + 0.37], color=INK, linewidth=2.2, zorder=5)
            text = interval_text(interval)
            words.append(
                f"{name}: mean {number(interval[0])}, 95 % interval {number(interval[1])} to "
                f"{number(interval[2])}, {len(known)} seeds{lost}"
            )
        else:
            text = number(known[0]) if len(known) else "n/a"
            words.append(f"{name}: {f'{text}, one seed' if len(known) else 'no value'}{lost if len(known) else ''}")
        axes.annotate(
            text,
            (1, index + 0.1),
            xycoords=("axes fraction", "data"),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            fontweight="bold",
            annotation_clip=False,
        )
    _mark_levels(axes, floor, ceiling, span)
    words += [f"{word} {number(x)}" for word, x in (("ceiling", ceiling), ("floor", floor)) if x is not None]
    axes.set_yticks(np.arange(len(groups)) + 0.1, groups, fontsize=10, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(everything.min() - 0.05 * span, everything.max() + 0.05 * span)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    key = "a dot: a seed" + ("; the bar and the numbers: mean and 95 % interval" if spread else "")
    axes.set_xlabel(f"{label}\n({key})", fontsize=9.5)
    heading(axes, title or label, pad=22 if floor is not None or ceiling is not None else 10)
    return with_alt(figure, f"{title or label}. {label} by group. {'; '.join(words)}.")


def _mark_levels(axes: Axes, floor: float | None, ceiling: float | None, span: float) -> None:
    """Floor and ceiling as lines with their names above: towards each other, or apart where they are near."""
    levels = [("ceiling", ceiling, GOOD, "--"), ("floor", floor, BAD, ":")]
    levels = sorted((level for level in levels if level[1] is not None), key=lambda level: level[1])
    near = len(levels) == 2 and levels[1][1] - levels[0][1] < 0.35 * span
    for place, (word, level, colour, style) in enumerate(levels):
        rightwards = (place == 0) != near if len(levels) == 2 else word == "floor"
        axes.axvline(level, color=colour, linewidth=1.4, linestyle=style, zorder=1)
        axes.annotate(
            f"{word} {number(level)}",
            (level, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3 if rightwards else -3, 2),
            textcoords="offset points",
            fontsize=9,
            color=for_text(colour),
            ha="left" if rightwards else "right",
            annotation_clip=False,
        )


def _stacked(values: np.ndarray, span: float) -> np.ndarray:
    """Heights that stack near-equal values on each other, closer together where there are many."""
    slots = np.zeros(len(values), dtype=int)
    placed: list[tuple[float, int]] = []
    for index in np.argsort(values, kind="stable"):
        taken = {slot for value, slot in placed if abs(values[index] - value) <= 0.016 * span}
        slots[index] = next(slot for slot in range(len(values)) if slot not in taken)
        placed.append((values[index], slots[index]))
    return slots * min(0.1, 0.5 / max(1, slots.max(initial=0)))


def heatmap(
    table: Any,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str = "",
    title: str | None = None,
    centre: float | None = None,
    text: Callable[[float], str] = number,
    by_row: bool = False,
    better: Literal["high", "low"] | None = None,
) -> Figure:
    """A table as colours with its numbers, for example metric by fault.

    Args:
        table: (rows, columns); NaN is hatched and reads "n/a".
        label: what the numbers are.
        centre: a value that means "no change": colours then diverge from it.
        text: how a number is written in its cell.
        by_row: colours show each count's share of its row, so that rows of different sums compare.
        better: which end is good; it gets the yellow, or beside a centre the purple. High is yellow when not given.
    """
    table = as_array(table).astype(float)
    if table.shape != (len(rows), len(columns)):
        raise GanlabError(f"The table is {table.shape}, the names are {len(rows)} rows by {len(columns)} columns.")
    shown = table / np.maximum(table.sum(1, keepdims=True), 1) if by_row else table
    finite = shown[np.isfinite(shown)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if centre is not None:
        reach = max(abs(high - centre), abs(low - centre)) or 1.0
        low, high = centre - reach, centre + reach
    elif low == high:
        high = low + 1
    longest = max(len(str(row)) for row in rows)
    width = min(9.6, 0.095 * longest + 0.92 * len(columns) + 1.2)
    figure, ((axes,),) = new_figure(max(width, 4), 0.42 * len(rows) + 1.5)
    if centre is None:
        colours = "cividis_r" if better == "low" else "cividis"
    else:
        colours = "PuOr" if better == "high" else "PuOr_r"
    if better == "low":
        label = f"{label or 'values'}, lower is better"
    axes.patch.set(hatch="////", edgecolor="#cfcfcf", facecolor="#f4f4f4")
    image = axes.imshow(np.ma.masked_invalid(shown), cmap=colours, vmin=low, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        shade = image.cmap(image.norm(shown[row, column]))[:3] if np.isfinite(value) else (1, 1, 1)
        light = np.dot(shade, (0.299, 0.587, 0.114)) > 0.55
        axes.text(
            column,
            row,
            text(value) if np.isfinite(value) else "n/a",
            ha="center",
            va="center",
            fontsize=9.5,
            color=INK if light else "white",
        )
    cell = (max(width, 4) - 0.095 * longest - 0.3) / len(columns)  # inches; a letter takes about 0.078
    slanted = any(0.078 * len(str(column)) > cell - 0.05 for column in columns)
    axes.set_xticks(
        range(len(columns)),
        columns,
        color=INK,
        fontsize=9.5,
        **({"rotation": 28, "ha": "left", "rotation_mode": "anchor"} if slanted else {}),
    )
    axes.set_yticks(range(len(rows)), rows, color=INK, fontsize=9.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(1, len(columns)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(rows)) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    axes.set_axisbelow(False)
    if title or label:
        headline(figure, title or label)
    if title and label:
        axes.set_xlabel(label)
    lines = [
        f"{row}: "
        + ", ".join(
            f"{column} {text(value) if np.isfinite(value) else 'n/a'}"
            for column, value in zip(columns, line, strict=True)
        )
        for row, line in zip(rows, table, strict=True)
    ]
    return with_alt(
        figure,
        f"{lead(title or label)}Table of {label or 'values'}. {'; '.join(lines)}.",
    )


def image_grid(
    images: Any,
    rows: int = 1,
    labels: Sequence[str] | None = None,
    title: str | None = None,
    alt: str | None = None,
    size: float = 0.62,
) -> Figure:
    """Images in a grid, filled row by row.

    Args:
        images: (n, channels, height, width) or (n, height, width): uint8 in 0..255, or floats in [-1, 1].
        rows: how many rows.
        labels: one for each row, or one for each image.
        alt: what is seen, where the labels do not say it.
        size: of one image, in inches.
    """
    pixels = as_pixels(images)
    if rows < 1 or rows > len(pixels):
        raise GanlabError(f"rows is {rows} for {len(pixels)} images: choose 1 to {len(pixels)}.")
    columns = -(-len(pixels) // rows)
    labels = [] if labels is None else [str(label) for label in labels]
    by_row, by_image = len(labels) == rows, len(labels) == len(pixels) != rows
    if labels and not (by_row or by_image):
        raise GanlabError(f"There are {len(labels)} labels: give one for each of {rows} rows or {len(pixels)} images.")
    if by_image:
        size = max(size, 0.075 * max(map(len, labels)) + 0.1)
    left = 0.09 * max(map(len, labels)) + 0.25 if by_row else 0
    figure, grid = new_figure(
        min(9.6, size * columns + left + 0.1),
        (size + 0.24 * by_image) * rows + (0.4 if title else 0.1),
        rows,
        columns,
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for index, axes in enumerate(grid.flat):
        plain_axes(axes)
        if index >= len(pixels):
            axes.set_visible(False)
            continue
        axes.imshow(pixels[index], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        if by_row and index % columns == 0:
            axes.set_ylabel(labels[index // columns], rotation=0, ha="right", va="center", color=INK, labelpad=6)
        if by_image:
            axes.set_title(labels[index], fontsize=8.5, fontweight="normal", loc="center", pad=3)
    if title:
        headline(figure, title)
    named = f" {'Rows' if by_row else 'Labels'}: {', '.join(labels)}." if labels else ""
    return with_alt(
        figure,
        f"{lead(title)}{len(pixels)} images in {rows} "
        f"{'row' if rows == 1 else 'rows'} of {columns}.{named}{' ' + alt if alt else ''}",
    )


def as_pixels(images: Any) -> np.ndarray:
    """Images as uint8, (n, height, width) for one channel and (n, height, width, 3) for three."""
    images = as_array(images)
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise GanlabError(f"images have shape {images.shape}: give (n, 1 or 3, height, width).")
    if images.dtype != np.uint8:
        if not np.issubdtype(images.dtype, np.floating):
            raise GanlabError(f"images are {images.dtype}: give uint8 in 0..255 or floats in [-1, 1].")
        if images.min() < -1.01 or images.max() > 1.01:
            raise GanlabError(
                f"images run from {images.min():.2f} to {images.max():.2f}: floats must be in [-1, 1]; "
                "convert 0..255 to uint8 first."
            )
        images = np.clip((images + 1) * 127.5, 0, 255).round().astype(np.uint8)
    return images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)


class Table:
    """Rows of cells that show as an HTML table in a notebook and as aligned text elsewhere."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = ""):
        self.columns, self.rows, self.caption = list(columns), [list(row) for row in rows], caption

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        text = [
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join(([self.caption] if self.caption else []) + [text[0], "─" * max(map(len, text)), *text[1:]])

    def _repr_html_(self) -> str:
        def head(text: str, scope: str, side: str) -> str:
            return f'<th scope="{scope}" style="text-align:{side}">{html.escape(text)}</th>'

        def cells(line: Sequence[str]) -> str:
            return "".join(f'<td style="text-align:right">{html.escape(cell)}</td>' for cell in line)

        top = "".join(head(name, "col", "right" if place else "left") for place, name in enumerate(self.columns))
        caption = f"<caption>{html.escape(self.caption)}</caption>" if self.caption else ""
        body = "".join(f"<tr>{head(row[0], 'row', 'left')}{cells(row[1:])}</tr>" for row in self.rows)
        return f"<table>{caption}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

    def _repr_markdown_(self) -> str:
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        return f"{self.caption}\n\n{table}" if self.caption else table


def interval_table(rows: Sequence[Mapping[str, Any]], caption: str = "") -> Table:
    """A table of results. The first key of a row names it; a cell is text, a number, or an interval.

    An interval is a (mean, low, high) tuple and reads "5.2 [3.9, 6.4]"; None reads "–".

    >>> interval_table([{"method": "GAN", "modes": (5.25, 3.9, 6.4), "seeds": 8}])
    method            modes  seeds
    ──────────────────────────────
    GAN     5.25 [3.9, 6.4]      8
    """
    if not rows:
        raise GanlabError("The table has no rows.")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return Table(columns, [[_cell(row.get(column)) for column in columns] for row in rows], caption)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list) and len(value) == 3:
        return interval_text([float(part) for part in value])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(float(value))
