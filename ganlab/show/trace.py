"""A recorded run, to be replayed without a kernel: samples, field, metrics and a sentence for each frame.

A trace is one JSON file of at most 300 kB. Points are stored as 16-bit numbers over twice the frame's width
(a resolution of 1 / 32768 of the frame), probabilities as 8-bit ones.
"""

from __future__ import annotations

import base64
import json
import math
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from ganlab.data.mixtures import GaussianMixture, mixture
from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.metrics.modes import mode_counts, mode_report
from ganlab.show.figure import FAKE, INK, as_array, headline, new_figure, with_alt
from ganlab.show.planar import Extent, cell_centres, draw_belief, draw_target, extent_of, frame

FORMAT, VERSION, LIMIT = "ganlab-trace", 1, 300_000
LEVELS = 65535


@dataclass(frozen=True)
class Curve:
    """A metric over the frames, with the levels that bound it; None where there is no value."""

    values: list[float | None]
    floor: float | None = None
    ceiling: float | None = None


@dataclass(frozen=True)
class Trace:
    """A run, frame by frame.

    Attributes:
        title: what was run.
        steps: training step of each frame.
        extent: left, right, bottom, top of the frame.
        centres, radii: of the target's modes; a radius is 3 sigma.
        covered: for each frame, which modes are covered.
        samples: (frames, n, 2).
        field: D on a raster, (frames, size, size) with row 0 at the bottom, or None.
        metrics: by name.
        sentences: what each frame shows, in words.
        counted: how many points the metrics counted; `samples` holds the first of them.
    """

    title: str
    steps: list[int]
    extent: Extent
    centres: np.ndarray
    radii: np.ndarray
    covered: np.ndarray
    samples: np.ndarray
    field: np.ndarray | None
    metrics: dict[str, Curve]
    sentences: list[str]
    counted: int

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"Trace({self.title!r}, {len(self)} frames)"

    def payload(self) -> dict[str, Any]:
        """The trace as JSON types: what the file holds and what the player reads."""
        left, right, bottom, top = self.extent
        half = np.array([right - left, top - bottom])
        unit = (self.samples - [(left + right) / 2, (bottom + top) / 2]) / (2 * half) + 0.5
        points = np.round(np.clip(np.nan_to_num(unit, nan=1.0), 0, 1) * LEVELS).astype("<u2")
        payload = {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "steps": [int(step) for step in self.steps],
            "extent": [_short(edge) for edge in self.extent],
            "centres": [[_short(x) for x in centre] for centre in self.centres.tolist()],
            "radii": [_short(radius) for radius in self.radii.tolist()],
            "covered": ["".join("01"[int(seen)] for seen in row) for row in self.covered],
            "samples": {"count": int(points.shape[1]), "counted": int(self.counted), "data": _encode(points)},
            "metrics": {name: asdict(curve) for name, curve in self.metrics.items()},
            "sentences": list(self.sentences),
        }
        if self.field is not None:
            levels = np.round(np.clip(self.field, 0, 1) * 255).astype(np.uint8)
            payload["field"] = {"size": int(levels.shape[1]), "data": _encode(levels)}
        return payload

    def to_json(self) -> str:
        """The file's text.

        Raises:
            GanlabError: it would be larger than 300 kB.
        """
        text = json.dumps(self.payload(), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        if len(text.encode()) > LIMIT:
            raise GanlabError(
                f"The trace {self.title!r} takes {len(text.encode()) // 1000} kB, more than {LIMIT // 1000}: "
                "record fewer frames, fewer samples or a coarser field."
            )
        return text

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all."""
        write_atomically(path, self.to_json())


def load_trace(path: str | Path) -> Trace:
    """Read a trace.

    Raises:
        GanlabError: there is no such file, it is too large, or it is not a trace.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LIMIT:
            raise GanlabError(f"{path} is larger than {LIMIT // 1000} kB: it is not a trace.")
        return trace_from(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise GanlabError(f"There is no trace at {path}: record one with show.TraceRecorder.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GanlabError(f"{path} is not a trace that can be read ({error}): record it anew.") from None


def trace_from(payload: dict[str, Any]) -> Trace:
    """The trace that a payload holds; ValueError, KeyError or TypeError when it holds none."""
    if payload.get("format") != FORMAT or payload.get("version") != VERSION:
        raise ValueError(f"it says {payload.get('format')!r} version {payload.get('version')!r}")
    frames, count = len(payload["steps"]), int(payload["samples"]["count"])
    left, right, bottom, top = (float(edge) for edge in payload["extent"])
    unit = _decode(payload["samples"]["data"], "<u2").reshape(frames, count, 2) / LEVELS
    span = np.array([right - left, top - bottom])
    samples = (unit - 0.5) * 2 * span + [(left + right) / 2, (bottom + top) / 2]
    raster = payload.get("field")
    size = int(raster["size"]) if raster else 0
    trace = Trace(
        title=str(payload["title"]),
        steps=[int(step) for step in payload["steps"]],
        extent=(left, right, bottom, top),
        centres=np.array(payload["centres"], dtype=float).reshape(-1, 2),
        radii=np.array(payload["radii"], dtype=float),
        covered=np.array([[mark == "1" for mark in row] for row in payload["covered"]], dtype=bool),
        samples=samples,
        field=_decode(raster["data"], np.uint8).reshape(frames, size, size) / 255 if raster else None,
        metrics={str(name): Curve(**curve) for name, curve in payload["metrics"].items()},
        sentences=[str(sentence) for sentence in payload["sentences"]],
        counted=int(payload["samples"]["counted"]),
    )
    lengths = {len(trace.covered), len(trace.sentences), *(len(c.values) for c in trace.metrics.values())}
    if not frames or lengths != {frames} or trace.covered.shape[1:] != trace.radii.shape:
        raise ValueError(f"its parts disagree on the number of frames: {sorted(lengths | {frames})}")
    return trace


def _encode(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _decode(text: str, kind: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind)


def _short(value: float | None) -> float | None:
    """Five significant digits, enough for a curve; None for what is not a number."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")


# Recording ----------------------------------------------------------------------------------------------


class TraceRecorder:
    """Look at a run and keep what the player needs.

    >>> recorder = TraceRecorder(mixture, "GAN, seed 0")                      # doctest: +SKIP
    >>> recorder.look(0, method)                                              # doctest: +SKIP
    >>> train(method, batches, steps=3000, every=75, look=recorder.look)      # doctest: +SKIP
    >>> recorder.trace().save("gan.json")                                     # doctest: +SKIP

    Args:
        mixture: the target.
        title: what is run.
        seed: which row of the seeds axis to keep, when the method trains many.
        samples: points in a frame; the metrics use `counted` points.
        size: cells of the field along each side; 0 for no field.
        probability: (method, (n, 2) points) to D at the points, (n,), for a method whose discriminator does
            not map points to logits.
    """

    def __init__(
        self,
        mixture: GaussianMixture,
        title: str,
        *,
        seed: int = 0,
        samples: int = 256,
        size: int = 32,
        counted: int = 2000,
        extent: Extent | None = None,
        probability: Callable[[Any, torch.Tensor], torch.Tensor] | None = None,
    ):
        if samples > counted:
            raise GanlabError(f"samples is {samples}, more than the {counted} counted points it is taken from.")
        self.mixture, self.title, self.seed = mixture, title, seed
        self.samples, self.size, self.counted = samples, size, counted
        self.extent = extent_of(mixture, 0.5) if extent is None else extent
        self.probability = probability or self._probability
        self._frames: list[tuple] = []
        self._metrics: dict[str, list[float | None]] = {}
        self._levels: dict[str, tuple[float | None, float | None]] = {}

    @torch.no_grad()
    def look(self, step: int, method: Any) -> dict[str, float]:
        """Keep a frame; returns its metrics, so that it can be `train`'s `look`."""
        if self._frames and step <= self._frames[-1][0]:
            raise GanlabError(f"Step {step} comes after step {self._frames[-1][0]}: a trace goes forwards.")
        samples = self._row(method.sample(self.counted))
        report = mode_report(samples, self.mixture)
        found = {"modes covered": report["modes_covered"], "high-quality share": report["high_quality_share"]}
        for name, number in found.items():
            self._metrics.setdefault(name, []).append(_short(number.mean))
            ceiling = float(self.mixture.modes) if name == "modes covered" else number.ceiling
            self._levels[name] = (None, _short(ceiling))
        raster = None
        if self.size:
            points = np.stack(np.meshgrid(*cell_centres(self.extent, self.size)), -1).reshape(-1, 2)
            believed = self.probability(method, torch.tensor(points, dtype=torch.float32))
            raster = as_array(believed).astype(float).reshape(self.size, self.size)
        covered = as_array(mode_counts(samples, self.mixture)) > 0
        self._frames.append((int(step), as_array(samples[: self.samples]).astype(float), raster, covered,
                             f"Step {step}: {report.sentence()}."))  # fmt: skip
        return {name.replace("-", "_").replace(" ", "_"): number.mean for name, number in found.items()}

    def trace(self) -> Trace:
        """What was recorded so far."""
        if not self._frames:
            raise GanlabError("Nothing was recorded: call look(step, method) at least once.")
        steps, samples, rasters, covered, sentences = zip(*self._frames, strict=True)
        return Trace(
            title=self.title,
            steps=list(steps),
            extent=self.extent,
            centres=as_array(self.mixture.centres).astype(float),
            radii=3 * as_array(self.mixture.sigma).astype(float),
            covered=np.stack(covered),
            samples=np.stack(samples),
            field=np.stack(rasters) if self.size else None,
            metrics={name: Curve(list(values), *self._levels[name]) for name, values in self._metrics.items()},
            sentences=list(sentences),
            counted=self.counted,
        )

    def _row(self, values: torch.Tensor) -> torch.Tensor:
        return values[self.seed] if values.ndim == 3 else values

    def _probability(self, method: Any, points: torch.Tensor) -> torch.Tensor:
        seeds = method.sample(1).shape[:-2]
        logits = method.discriminator(points.expand(*seeds, *points.shape))
        return torch.sigmoid(logits[self.seed] if seeds else logits)


# Without JavaScript -------------------------------------------------------------------------------------


def film_strip(*traces: Trace, frames: int = 5) -> Figure:
    """The traces as a figure: one row each, `frames` frames from first to last."""
    if not traces:
        raise GanlabError("There is no trace to show: give at least one.")
    columns = min(frames, max(len(trace) for trace in traces))
    size = min(2.25, 9.4 / columns)
    figure, grid = new_figure(size * columns, (size + 0.52) * len(traces) + 0.1, len(traces), columns)
    words = []
    for row, trace in zip(grid, traces, strict=True):
        target = mixture(trace.centres, trace.radii / 3)
        chosen = np.unique(np.linspace(0, len(trace) - 1, columns).round().astype(int))
        for axes in row[len(chosen) :]:
            axes.set_visible(False)
        for axes, index in zip(row, chosen, strict=False):
            if trace.field is not None:
                draw_belief(axes, trace.field[index], trace.extent)
            axes.scatter(*trace.samples[index].T, s=5, marker="D", color=FAKE, edgecolors=INK, linewidths=0.2, zorder=3)
            draw_target(axes, target, trace.covered[index], trace.extent, ring=4.5)
            frame(axes, trace.extent, ticks=False)
            count = int(trace.covered[index].sum())
            axes.set_title(f"step {trace.steps[index]}", fontsize=9.5, fontweight="normal", pad=3)
            axes.set_xlabel(f"{count} of {len(trace.radii)} modes", fontsize=9.5)
            words.append(f"{trace.title}, {trace.sentences[index]}")
        if len(traces) > 1:
            row[0].set_ylabel(textwrap.fill(trace.title, 20), fontsize=9.5, fontweight="bold", color=INK)
    if len(traces) == 1:
        headline(figure, traces[0].title)
    return with_alt(figure, f"Frames of recorded training. {' '.join(words)}")
