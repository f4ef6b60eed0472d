"""Figures of the plane: samples over their target, many seeds, the discriminator's field, trajectories.

Beside the figures stand panel functions (`draw_...`), which draw on given axes and return what they found,
so that any panels can be put side by side.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from ganlab.errors import GanlabError
from ganlab.metrics.modes import mode_counts
from ganlab.show.figure import (
    BELIEF,
    FAKE,
    GREY,
    INK,
    MARKERS,
    PALE,
    PALETTE,
    REAL,
    as_array,
    heading,
    headline,
    lead,
    legend_below,
    listed,
    new_figure,
    number,
    plain_axes,
    planar_points,
    with_alt,
)

Extent = tuple[float, float, float, float]  # left, right, bottom, top

RING_POINTS = 8.0  # smallest radius, in typographic points, at which a mode is still seen
SHOWN = 3000  # more dots than this only make the picture heavy
OVER = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5}  # under words that lie on marks


class Coverage(NamedTuple):
    """Which modes a sample reaches, and the share of its points within 3 sigma of a mode."""

    covered: np.ndarray
    high_quality: float

    @property
    def count(self) -> int:
        return int(self.covered.sum())

    def finding(self) -> str:
        return f"{self.count} of {len(self.covered)} modes"

    def words(self) -> str:
        everything = range(len(self.covered))
        reached = [mode for mode in everything if self.covered[mode]]
        missing = [mode for mode in everything if not self.covered[mode]]
        which = f" (covered: {listed(reached)}; missing: {listed(missing)})" if len(self.covered) <= 12 else ""
        quality = f"{100 * self.high_quality:.0f} % of points within 3 sigma of a mode"
        return f"{self.finding()} covered{which}, {quality}"


def coverage_of(samples: Any, mixture: Any) -> Coverage:
    """Coverage as `ganlab.metrics.modes` defines it: a mode counts with one sample within 3 sigma."""
    points = torch.as_tensor(planar_points(samples), dtype=mixture.centres.dtype)
    counts = as_array(mode_counts(points, mixture))
    return Coverage(counts > 0, float(counts.sum() / len(points)))


def extent_of(mixture: Any, margin: float = 0.3) -> Extent:
    """A square around the mixture, as wide as its centres plus a margin on each side."""
    centres, sigma = as_array(mixture.centres), as_array(mixture.sigma)
    if centres.shape[-1] != 2:
        raise GanlabError(f"The mixture has {centres.shape[-1]} dimensions: figures of the plane need two.")
    low, high = centres.min(0), centres.max(0)
    middle = (low + high) / 2
    half = max(float((high - low).max()) / 2 * (1 + margin), float((high - low).max()) / 2 + 4 * float(sigma.max()))
    return middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half


def frame(axes: Axes, extent: Extent, ticks: bool = True) -> None:
    """Equal aspect and fixed limits; few ticks, or none."""
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])
    axes.set_aspect("equal", adjustable="box")
    if ticks:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_locator(MaxNLocator(3))
    else:
        plain_axes(axes)


def _inside(points: np.ndarray, extent: Extent) -> np.ndarray:
    x, y = points.T
    return (extent[0] <= x) & (x <= extent[1]) & (extent[2] <= y) & (y <= extent[3])


def _points_per_unit(axes: Axes, extent: Extent) -> float:
    """Typographic points for each unit of data, before the layout has its last word."""
    return 72 / axes.figure.dpi * min(axes.bbox.width, axes.bbox.height) / (extent[1] - extent[0])


def draw_target(axes: Axes, mixture: Any, covered: np.ndarray | None, extent: Extent, ring: float) -> None:
    """The modes: sigma circles where they can be seen, else rings of fixed size; missing ones crossed."""
    centres, sigma, weights = (as_array(part) for part in (mixture.centres, mixture.sigma, mixture.weights))
    covered = np.ones(len(centres), bool) if covered is None else covered
    per_unit = _points_per_unit(axes, extent)
    for centre, width, seen in zip(centres, sigma, covered, strict=True):
        colour, dashes = (REAL, "-") if seen else (INK, (0, (2.2, 1.6)))
        if 3 * width * per_unit < ring:
            axes.scatter(
                *centre,
                s=(2 * ring) ** 2,
                facecolors="none",
                edgecolors=colour,
                linewidths=1.7 if seen else 1.3,
                linestyles=[dashes],
                zorder=4,
            )
            if seen:
                axes.scatter(*centre, s=(2 * ring) ** 2, color=REAL, alpha=0.13, linewidths=0, zorder=1)
        else:
            for sigmas, opacity in ((3, 1.0), (2, 0.6), (1, 0.4)):
                axes.add_patch(
                    Circle(
                        centre,
                        sigmas * width,
                        fill=False,
                        edgecolor=colour,
                        alpha=opacity,
                        linewidth=1.5 if sigmas == 3 else 0.9,
                        linestyle=dashes,
                        zorder=4,
                    )
                )
        if not seen:
            axes.scatter(*centre, s=(0.9 * ring) ** 2, marker="x", color=INK, linewidths=1.5, zorder=5)
    if np.ptp(weights) > 1e-6 and ring >= RING_POINTS:
        outward = centres - centres.mean(0)
        outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
        for centre, direction, weight, width in zip(centres, outward, weights, sigma, strict=True):
            axes.annotate(
                f"{100 * weight:.0f} %",
                centre,
                xytext=(max(ring, 3 * width * per_unit) + 15) * direction,
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=8.5,
                color=GREY,
            )


def draw_samples(
    axes: Axes,
    samples: Any,
    mixture: Any,
    extent: Extent | None = None,
    ring: float = RING_POINTS,
    dot: float = 5.0,
    colour: str = FAKE,
) -> Coverage:
    """One panel of generated points over the target; returns the coverage."""
    points = planar_points(samples)
    coverage = coverage_of(points, mixture)
    extent = extent_of(mixture) if extent is None else extent
    shown = points[:SHOWN]
    axes.scatter(*shown.T, s=dot, color=colour, alpha=0.55, linewidths=0, zorder=3)
    draw_target(axes, mixture, coverage.covered, extent, ring)
    frame(axes, extent)
    return coverage


def _key(axes: Axes, covered: bool, missing: bool, points: str = "generated") -> None:
    axes.scatter([], [], s=26, color=REAL if points == "real" else FAKE, linewidths=0, label=points)
    if covered:
        axes.scatter([], [], s=80, facecolors="none", edgecolors=REAL, linewidths=1.6, label="mode covered")
    if missing:
        axes.scatter([], [], s=45, marker="x", color=INK, linewidths=1.5, label="mode missing")


def _outside(points: np.ndarray, extent: Extent) -> str:
    lost = int((~_inside(points, extent)).sum())
    return f" {lost} points lie outside the frame." if lost else ""


def samples_over_target(
    samples: Any,
    mixture: Any,
    title: str | None = None,
    extent: Extent | None = None,
    points_are: str = "generated",
) -> Figure:
    """Generated points over the target's modes.

    A covered mode is a blue ring, a missing one a dashed ring with a cross. The circles are 1, 2 and 3 sigma
    where that can be seen; a narrower mode gets a ring of fixed size, as its circle would be a dot.

    Args:
        samples: shape (n, 2).
        mixture: a `GaussianMixture` of the plane.
        title: the finding; "3 of 8 modes" when not given.
        extent: left, right, bottom, top.
        points_are: what to call them, for example "real".
    """
    points = planar_points(samples)
    extent = extent_of(mixture) if extent is None else extent
    figure, ((axes,),) = new_figure(5.2, 5.5)
    colour = REAL if points_are == "real" else FAKE
    coverage = draw_samples(axes, points, mixture, extent, colour=colour)
    outside = _outside(points, extent)
    heading(axes, title or coverage.finding())
    _key(axes, coverage.covered.any(), not coverage.covered.all(), points_are)
    legend_below(axes)
    if outside:
        where = {"transform": axes.transAxes, "ha": "right", "fontsize": 9, "color": GREY, "zorder": 6}
        axes.text(0.99, 0.01, outside.strip(), **where, bbox=OVER)
    what = f"{len(points)} {points_are} points over the {mixture.name}"
    return with_alt(figure, f"{lead(title)}{what}: {coverage.words()}.{outside}")


def many_seeds(
    samples: Any,
    mixture: Any,
    title: str | None = None,
    labels: Sequence[str] | None = None,
    columns: int = 4,
) -> Figure:
    """Small multiples: one panel a seed (or a method, with `labels`), each with its count of modes.

    Args:
        samples: shape (seeds, n, 2), or a list of (n, 2).
        labels: names of the panels; "seed 0", "seed 1", ... when not given.
    """
    panels = [planar_points(panel, "samples") for panel in samples]
    labels = [f"seed {index}" for index in range(len(panels))] if labels is None else list(labels)
    if len(labels) != len(panels):
        raise GanlabError(f"There are {len(labels)} labels for {len(panels)} panels: give one for each.")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    size = min(2.25 if columns >= 4 else 2.7, 9.5 / columns)
    extent = extent_of(mixture)
    figure, grid = new_figure(size * columns, (size + 0.3) * rows + (0.65 if title else 0.3), rows, columns)
    found = []
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, points, label in zip(grid.flat, panels, labels, strict=False):
        coverage = draw_samples(axes, points, mixture, extent, ring=5.0, dot=3.5)
        frame(axes, extent, ticks=False)
        axes.spines[:].set(visible=True, color=PALE)  # what is cut off is seen to be
        complete = coverage.covered.all()
        axes.set_title(
            f"{label}: {coverage.count} of {len(coverage.covered)}",
            fontsize=10,
            fontweight="bold" if complete else "normal",
            loc="center",
            pad=4,
        )
        found.append(coverage)
        if not _inside(points, extent).any():
            words = "all points lie\noutside the frame"
            where = {"transform": axes.transAxes, "ha": "center", "va": "center", "zorder": 6}
            axes.text(0.5, 0.5, words, **where, fontsize=9, color=GREY, bbox=OVER)
    if title:
        headline(figure, title)
    _key(grid[0, 0], any(one.covered.any() for one in found), not all(one.covered.all() for one in found))
    legend_below(figure, handles=grid[0, 0].get_legend_handles_labels()[0], loc="outside lower center")
    counts = [coverage.count for coverage in found]
    each = "; ".join(f"{label}: {coverage.finding()}" for label, coverage in zip(labels, found, strict=True))
    return with_alt(
        figure,
        f"{lead(title)}{len(panels)} panels of generated points over the {mixture.name}. {each}. "
        f"Median {number(np.median(counts))} of {len(found[0].covered)} modes.",
    )


# The discriminator's field ------------------------------------------------------------------------------


def cell_centres(extent: Extent, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the centres of a resolution x resolution raster over the extent."""
    middle = (np.arange(resolution) + 0.5) / resolution
    return extent[0] + middle * (extent[1] - extent[0]), extent[2] + middle * (extent[3] - extent[2])


def field_on_grid(discriminator: Callable[[torch.Tensor], torch.Tensor], extent: Extent, resolution: int) -> np.ndarray:
    """D = sigmoid(logit) at the cell centres, shape (resolution, resolution), row 0 at the bottom."""
    points = np.stack(np.meshgrid(*cell_centres(extent, resolution)), -1).reshape(-1, 2)
    with torch.no_grad():
        logits = discriminator(torch.tensor(points, dtype=torch.float32))
    return as_array(torch.sigmoid(logits).reshape(resolution, resolution)).astype(float)


def draw_belief(axes: Axes, probability: np.ndarray, extent: Extent) -> Any:
    """D over the plane as colours; returns the image."""
    return axes.imshow(
        probability,
        origin="lower",
        extent=extent,
        cmap=BELIEF,
        vmin=0,
        vmax=1,
        interpolation="bilinear",
        zorder=0,
    )


def generator_pull(
    discriminator: Callable[[torch.Tensor], torch.Tensor], samples: Any, loss: str = "non-saturating"
) -> np.ndarray:
    """Where the generator's loss would move each sample: minus the gradient of its loss there, (n, 2).

    non-saturating: grad log D(x);  minimax: -grad log(1 - D(x)).
    """
    losses = {
        "non-saturating": lambda logits: torch.nn.functional.softplus(-logits),
        "minimax": lambda logits: -torch.nn.functional.softplus(logits),
    }
    if loss not in losses:
        raise GanlabError(f"loss is {loss!r}: choose one of {', '.join(losses)}.")
    points = torch.tensor(planar_points(samples), dtype=torch.float32, requires_grad=True)
    (gradient,) = torch.autograd.grad(losses[loss](discriminator(points)).sum(), points)
    return -as_array(gradient).astype(float)


def _spread_out(points: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the points, each as far as possible from those before it."""
    if len(points) <= count:
        return points
    chosen = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < count and distance.max() > 0:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return points[chosen]


class Field(NamedTuple):
    """What a panel of the discriminator's field holds."""

    at_fake: float
    at_real: float
    longest: float

    def finding(self) -> str:
        return f"D is {self.at_real:.2f} at real, {self.at_fake:.2f} at fake"


def draw_field(
    axes: Axes,
    discriminator: Callable[[torch.Tensor], torch.Tensor],
    samples: Any,
    real: Any,
    extent: Extent,
    loss: str = "non-saturating",
    arrows: int = 28,
    arrow_scale: float | None = None,
    resolution: int = 101,
    size: float = 1.0,
) -> tuple[Field, Any]:
    """One panel of the field, its marks `size` times the usual; returns its numbers and the image."""
    fake, true = planar_points(samples), planar_points(real, "real")
    probability = field_on_grid(discriminator, extent, resolution)
    image = draw_belief(axes, probability, extent)
    if probability.min() < 0.5 < probability.max():
        contour = axes.contour(
            *cell_centres(extent, resolution),
            probability,
            levels=[0.5],
            colors=[INK],
            linewidths=1.1,
            zorder=2,
        )
        axes.clabel(contour, fmt={0.5: "D = 0.5"}, fontsize=8 if size >= 1 else 7)
    line = 0.5 * size
    dot = 18 * size**2
    axes.scatter(*true[:300].T, s=dot, marker="o", color=REAL, edgecolors="white", linewidths=line, zorder=3)
    axes.scatter(*fake[:300].T, s=dot, marker="D", color=FAKE, edgecolors=INK, linewidths=line, zorder=4)
    chosen = _spread_out(fake[:SHOWN], arrows)
    pull = generator_pull(discriminator, chosen, loss)
    lengths = np.linalg.norm(pull, axis=1)
    longest = float(lengths.max()) if len(lengths) else 0.0
    scale = 0.16 * (extent[1] - extent[0]) / max(longest, 1e-12) if arrow_scale is None else arrow_scale
    if longest > 0:
        axes.quiver(
            *chosen.T,
            *(scale * pull).T,
            angles="xy",
            scale_units="xy",
            scale=1,
            color=INK,
            width=0.0036,
            headwidth=4.5,
            headlength=5,
            headaxislength=4.5,
            minlength=0.5,
            zorder=5,
        )
    frame(axes, extent)
    with torch.no_grad():
        mean = [float(torch.sigmoid(discriminator(torch.tensor(x, dtype=torch.float32))).mean()) for x in (fake, true)]
    return Field(mean[0], mean[1], longest), image


def discriminator_field(
    discriminator: Callable[[torch.Tensor], torch.Tensor],
    samples: Any,
    real: Any,
    extent: Extent,
    title: str | None = None,
    loss: str = "non-saturating",
    arrow_scale: float | None = None,
) -> Figure:
    """What the discriminator believes over the plane, and where it would push the generator's samples.

    Blue where D is near 1 (real), orange where it is near 0 (fake), the line at D = 0.5; an arrow at a sample
    is minus the gradient of its loss, to scale within the figure.

    Args:
        discriminator: (n, 2) to logits (n,).
        samples, real: (n, 2).
        extent: left, right, bottom, top.
        loss: "non-saturating" or "minimax": the loss whose gradient the arrows show.
        arrow_scale: length of an arrow for each unit of gradient; the same number in two figures makes them
            comparable. By default the longest arrow takes 16 % of the width.
    """
    figure, ((axes,),) = new_figure(6.1, 5.2)
    found, image = draw_field(axes, discriminator, samples, real, extent, loss, arrow_scale=arrow_scale)
    believes(figure, image, ax=[axes])
    heading(axes, title or found.finding())
    field_key(axes)
    legend_below(axes)
    return with_alt(
        figure,
        f"{lead(title)}Map of the discriminator's probability D that a point is real, with arrows at "
        f"generated points where the {loss} loss would move them. Mean D is {found.at_real:.2f} at real "
        f"points, {found.at_fake:.2f} at generated ones; longest arrow: gradient {number(found.longest)}.",
    )


def field_key(axes: Axes) -> None:
    """What the marks of `draw_field` are, for a legend."""
    axes.scatter([], [], s=26, marker="D", color=FAKE, edgecolors=INK, linewidths=0.5, label="generated")
    axes.scatter([], [], s=24, color=REAL, edgecolors="white", linewidths=0.5, label="real")
    arrow = {"color": INK, "marker": r"$\rightarrow$", "markersize": 13, "linewidth": 0}
    axes.plot([], [], **arrow, label="the generator's next move")


def believes(figure: Figure, image: Any, ax: Sequence[Axes] = (), cax: Axes | None = None) -> None:
    """The colour bar of the field, in words: beside the axes `ax`, or in the axes `cax`."""
    place = {"cax": cax} if cax else {"ax": list(ax), "shrink": 0.75, "aspect": 28, "pad": 0.02}
    bar = figure.colorbar(image, ticks=[0, 0.5, 1], **place)
    bar.ax.set_yticklabels(["0  fake", "0.5", "1  real"], fontsize=9, color=GREY)
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)


# Trajectories -------------------------------------------------------------------------------------------


def trajectories(
    paths: Sequence[Any],
    field: Callable[[np.ndarray], np.ndarray] | None = None,
    labels: Sequence[str] | None = None,
    title: str | None = None,
    x_label: str = "generator's parameter θ",
    y_label: str = "discriminator's parameter ψ",
    equilibrium: tuple[float, float] | None = (0.0, 0.0),
    extent: Extent | None = None,
) -> Figure:
    """Paths through the plane of two parameters, over the vector field that drives them.

    Args:
        paths: each (steps, 2). A hollow mark is the start, a filled one the end; each path has its own.
        field: (n, 2) points to (n, 2) directions, tensors or arrays; drawn as arrows of equal length.
        equilibrium: marked with a plus; None for none.
    """
    tracks = [planar_points(path, f"path {index}") for index, path in enumerate(paths)]
    if not tracks and extent is None:
        raise GanlabError("There is no path to draw: give at least one (steps, 2) path, or an extent.")
    labels = [""] * len(tracks) if labels is None else list(labels)
    if len(labels) != len(tracks):
        raise GanlabError(f"There are {len(labels)} labels for {len(tracks)} paths: give one for each.")
    if extent is None:
        everything = np.concatenate(tracks + ([np.array([equilibrium])] if equilibrium else []))
        middle = (everything.min(0) + everything.max(0)) / 2
        half = 1.12 * max(float(np.ptp(everything, axis=0).max()) / 2, 1e-6)
        extent = (middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half)
    figure, ((axes,),) = new_figure(5.6, 5.6)
    if field is not None:
        _arrows(axes, field, extent)
    if equilibrium:
        axes.scatter(*equilibrium, marker="+", s=130, color=INK, linewidths=2, zorder=6)
        axes.annotate(
            "equilibrium",
            equilibrium,
            xytext=(-8, -13),
            textcoords="offset points",
            fontsize=9,
            color=INK,
            ha="right",
            zorder=7,
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.8},
        )
    words = []
    for index, (track, label) in enumerate(zip(tracks, labels, strict=True)):
        colour, marker = PALETTE[(0, 3, 2, 4, 5, 7)[index % 6]], MARKERS[index % len(MARKERS)]
        axes.plot(*track.T, color=colour, linewidth=1.6, zorder=4)
        axes.scatter(*track[0], marker=marker, s=60, facecolors="white", edgecolors=colour, linewidths=1.8, zorder=8)
        axes.scatter(*track[-1], marker=marker, s=64, color=colour, edgecolors="white", linewidths=0.8, zorder=8)
        if index == 0:
            axes.annotate(
                "start",
                track[0],
                xytext=(0, -15),
                textcoords="offset points",
                color=colour,
                ha="center",
                fontsize=9,
                zorder=9,
                bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1},
            )
        if label:
            inward = -1 if track[-1, 0] > (extent[0] + extent[1]) / 2 else 1
            axes.annotate(
                label,
                track[-1],
                xytext=(9 * inward, 9),
                textcoords="offset points",
                color=colour,
                ha="left" if inward > 0 else "right",
                fontweight="bold",
                fontsize=9.5,
                zorder=9,
                bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1},
            )
        distance = [float(np.linalg.norm(track[step] - np.array(equilibrium or (0, 0)))) for step in (0, -1)]
        words.append(
            f"{label or f'path {index}'}: {len(track) - 1} steps from ({number(track[0, 0])}, "
            f"{number(track[0, 1])}) to ({number(track[-1, 0])}, {number(track[-1, 1])})"
            + (f", distance to the equilibrium {number(distance[0])} then {number(distance[1])}" if equilibrium else "")
        )
    frame(axes, extent)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    heading(axes, title or "From the hollow mark to the filled one")
    backdrop = "over the vector field of a step" if field is not None else "of two parameters"
    return with_alt(figure, f"{lead(title)}Paths {backdrop}. {'; '.join(words)}.")


def _arrows(axes: Axes, field: Callable, extent: Extent, across: int = 17) -> None:
    x, y = np.linspace(extent[0], extent[1], across), np.linspace(extent[2], extent[3], across)
    points = np.stack(np.meshgrid(x[:-1] + (x[1] - x[0]) / 2, y[:-1] + (y[1] - y[0]) / 2), -1).reshape(-1, 2)
    directions = as_array(field(torch.tensor(points, dtype=torch.float32))).astype(float)
    if directions.shape != points.shape:
        raise GanlabError(f"field gave shape {directions.shape} for points {points.shape}: it must keep the shape.")
    length = np.linalg.norm(directions, axis=1)
    scale = length.max() if length.max() > 0 else 1.0
    # Equal lengths show the direction everywhere; the strength is left to the shade of grey.
    unit = directions / np.maximum(length[:, None], 1e-12)
    shade = np.clip(length / scale, 0, 1)
    axes.quiver(
        *points.T,
        *unit.T,
        shade,
        cmap="Greys",
        clim=(-0.6, 1.5),
        angles="xy",
        pivot="mid",
        scale=across * 1.35,
        width=0.0042,
        headwidth=4,
        headlength=4.5,
        zorder=1,
    )
