"""One house style for all figures, and the alt text that each of them carries.

Figures are plain `matplotlib.figure.Figure` objects without pyplot state, so a callback, a thread or a test
can build one without touching the reader's own plots.
"""

import base64
import io
from collections.abc import Sequence
from functools import cache
from typing import Any

import matplotlib
import numpy as np
import seaborn
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure

from ganlab.errors import GanlabError

DPI = 90
PALETTE = tuple(to_hex(colour) for colour in seaborn.color_palette("colorblind"))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")  # colour is never the only difference
SERIES = tuple(PALETTE[index] for index in (0, 1, 4, 5, 9, 7))  # green and vermilion: ceiling and floor

# What colours mean, in every figure of the course.
REAL = PALETTE[0]  # blue: real data, the target, "the discriminator says real"
FAKE = PALETTE[1]  # orange: generated samples, "the discriminator says fake"
GOOD = PALETTE[2]  # green: ceiling
BAD = PALETTE[3]  # vermilion: floor, missing
INK = "#262626"
GREY = "#6b6b6b"  # 5.3:1 on white: small text stays readable
PALE = "#d9d9d9"

# Paler than the marks that lie on it.
BELIEF = LinearSegmentedColormap.from_list("belief", ["#eab765", "#f6dcb0", "#fbfaf7", "#b9d6ea", "#74b1d8"])

STYLE = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.labelcolor": GREY,
    "axes.edgecolor": "#9a9a9a",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": "#9a9a9a",
    "ytick.color": "#9a9a9a",
    "xtick.labelcolor": GREY,
    "ytick.labelcolor": GREY,
}


class DescribedFigure(Figure):
    """A Figure that shows itself with its alt text when it is the last expression of a cell."""

    alt: str = ""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return mimebundle(self)


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, **subplots: Any
) -> tuple[DescribedFigure, np.ndarray]:
    """An empty figure in the house style and its axes, shape (rows, columns); sizes in inches."""
    with matplotlib.rc_context(STYLE):
        figure = DescribedFigure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **subplots)
    return figure, axes


def placed_figure(
    width: float, height: float, places: dict[str, tuple[float, float, float, float]]
) -> tuple[DescribedFigure, dict[str, Axes]]:
    """An empty figure with axes at fixed places (left, bottom, width, height; of the figure's size).

    Finding places for the labels doubles the time of a frame: live views fix them.
    """
    with matplotlib.rc_context(STYLE):
        figure = DescribedFigure(figsize=(width, height))
        panels = {name: figure.add_axes(place) for name, place in places.items()}
    return figure, panels


def heading(axes: Axes, text: str, pad: float = 10) -> None:
    """The panel's title, which says the finding: bold, at the left."""
    axes.set_title(text, loc="left", fontsize=11.5, fontweight="bold", color=INK, pad=pad)


def headline(figure: Figure, text: str) -> None:
    """The title of a figure with several panels."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=11.5, fontweight="bold", color=INK)


def legend_below(target: Axes | Figure, **where: Any) -> None:
    """What the marks mean, in one unframed line under the axes or the figure."""
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.07)} if isinstance(target, Axes) else {}
    look = {"ncols": 4, "fontsize": 9, "labelcolor": GREY, "frameon": False, "handletextpad": 0.3}
    target.legend(**place | look | {"columnspacing": 1.4} | where)


def with_alt(figure: Figure, text: str) -> Figure:
    """Attach alt text, the figure in words and numbers, and return the figure."""
    text = " ".join(text.split())
    if not text:
        raise GanlabError("The alt text is empty: say in a sentence or two what the figure shows, with its numbers.")
    figure.alt = text
    return figure


def alt_of(figure: Figure) -> str:
    """The alt text of a figure; a figure without one is refused."""
    text = getattr(figure, "alt", "")
    if not text:
        raise GanlabError("This figure has no alt text: attach it with show.with_alt(figure, text).")
    return text


def png(figure: Figure, optimise: bool = True) -> bytes:
    """The figure as PNG bytes at no more than 90 dots per inch, the same bytes for the same figure.

    Without `optimise` it is somewhat larger and sooner there: for frames that nobody keeps.
    """
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(
            buffer,
            format="png",
            dpi=min(figure.dpi, DPI),
            metadata={"Software": None},
            pil_kwargs={"optimize": optimise},
        )
    return buffer.getvalue()


def mimebundle(figure: Figure) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """(data, metadata) as Jupyter wants them: an image with alt text, and the same words as plain text."""
    alt = alt_of(figure)
    data = {"image/png": base64.b64encode(png(figure)).decode("ascii"), "text/plain": f"Figure: {alt}"}
    return data, {"image/png": {"alt": alt}}


def display(figure: Figure) -> None:
    """Show a figure in a notebook: an image/png with its alt text, and `Figure: <alt>` as text."""
    from IPython.display import display as show

    data, metadata = mimebundle(figure)
    show(data, metadata=metadata, raw=True)


def lead(title: str | None) -> str:
    """How alt text opens: with the finding, when the caller gave one."""
    return f"{title.rstrip('.')}. " if title else ""


def contrast(one: Any, other: Any = "white") -> float:
    """The contrast of two colours as WCAG 2 defines it, 1 to 21; text needs 4.5."""

    def luminance(colour: Any) -> float:
        part = np.array(to_rgb(colour))
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@cache
def for_text(colour: str) -> str:
    """The colour, made darker until it can be read as text on white."""
    red, green, blue = to_rgb(colour)
    shades = (to_hex((red * s, green * s, blue * s)) for s in np.arange(1, 0, -0.04))
    return next(shade for shade in shades if contrast(shade) >= 4.5)


# Small helpers ------------------------------------------------------------------------------------------


def as_array(values: Any) -> np.ndarray:
    """Tensors (on any device, with or without a graph), lists and arrays as one NumPy array."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def planar_points(samples: Any, name: str = "samples") -> np.ndarray:
    """Points of the plane, shape (n, 2); one leading seeds axis of length one is dropped."""
    points = as_array(samples)
    if points.ndim == 3 and len(points) == 1:
        points = points[0]
    if points.ndim == 3:
        raise GanlabError(
            f"{name} hold {len(points)} seeds (shape {points.shape}): pick one, samples[0], or use show.many_seeds."
        )
    if points.ndim != 2 or points.shape[1] != 2:
        raise GanlabError(f"{name} have shape {points.shape}: figures of the plane need (n, 2).")
    return points.astype(float)


def seeds_by_steps(values: Any, steps: np.ndarray, name: str) -> np.ndarray:
    """Recorded values as (seeds, T), one row a seed; a single row is one seed."""
    table = np.atleast_2d(as_array(values)).astype(float)
    if table.ndim != 2 or table.shape[1] != len(steps):
        raise GanlabError(
            f"{name} has shape {table.shape} but there are {len(steps)} steps: it must be (seeds, {len(steps)})."
        )
    return table


def plain_axes(axes: Axes) -> None:
    """Take everything off the axes: for images and small multiples."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def number(value: float) -> str:
    """A number for people: three significant digits, no trailing zeros, an exponent only below 0.001."""
    value = float(value)
    if not np.isfinite(value):
        return "n/a" if np.isnan(value) else ("∞" if value > 0 else "−∞")
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u2009").replace("-", "−")
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}".replace("-", "−")
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))) if value else 0)
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return ("0" if text in ("-0", "") else text).replace("-", "−")


def listed(items: Sequence[Any]) -> str:
    """`0, 2 and 5`; `none` when there is nothing."""
    words = [str(item) for item in items]
    if not words:
        return "none"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def spread_labels(positions: Sequence[float], gap: float) -> np.ndarray:
    """Move labels apart so that neighbours are at least `gap` from each other, in their order."""
    positions = np.asarray(positions, dtype=float)
    order = np.argsort(positions, kind="stable")
    moved = positions[order].copy()
    for _ in range(200):
        overlap = gap - np.diff(moved)
        if not (overlap > 1e-9 * max(gap, 1e-300)).any():
            break
        push = np.where(overlap > 0, overlap, 0) / 2
        moved[:-1] -= push
        moved[1:] += push
    result = np.empty_like(moved)
    result[order] = moved
    return result
