"""Is this mode collapse? Everything that `ganlab diagnose` measures, in one value that the report is written from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganlab.errors import GanlabError
from ganlab.metrics import evidence as ev
from ganlab.metrics.arrays import local_spacing, nearest, slow, squared_distances
from ganlab.metrics.distances import frechet_distance, kernel_distance
from ganlab.metrics.features import (
    FeatureNetwork,
    classifier,
    inception,
    principal_components,
    random_convolutions,
    standardised,
)
from ganlab.metrics.loading import Samples, check_same_kind
from ganlab.metrics.memorisation import collision_threshold, nearest_neighbour_test, support_size
from ganlab.metrics.ndb import ndb
from ganlab.metrics.prdc import least_covered

FEATURES = ("auto", "raw", "components", "random-convolutions", "digits", "fashion", "faces", "inception")


@dataclass(frozen=True)
class Measurement:
    """One line of the report: the generated value, the same for held-out real data, and what the ends mean.

    `deviation`: of the real value over splits; `z`: how many of these apart, NaN where there was one split.
    `best` and `worst` are what the number is for a perfect and for a hopeless generator with endless samples: at this
    number of samples a perfect one scores `real`, which is the floor or ceiling to compare with.
    """

    title: str
    generated: float
    real: float
    deviation: float
    z: float
    best: str
    worst: str
    source: str


@dataclass(frozen=True)
class Finding:
    """A sample worth looking at: its row in its set, its name, and why."""

    row: int
    name: str
    note: str
    partner: int | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The verdict, what was compared and, unless there were too few samples, all that was measured and found.

    `mode_shares`: (real, generated) share of each group of the real data; `missing`: which of these are missing.
    `compared`: how many samples each split compares.
    """

    verdict: ev.Verdict
    features: str
    real: Samples
    generated: Samples
    held_out: Samples | None
    seed: int
    measurements: list[Measurement] = field(default_factory=list)
    least_covered: list[Finding] = field(default_factory=list)
    most_repeated: list[Finding] = field(default_factory=list)
    nearest_copies: list[Finding] = field(default_factory=list)
    mode_shares: list[tuple[float, float]] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    mode_noun: str = "modes"
    silhouette: float = math.nan
    plane: tuple[Float[Tensor, "n 2"], Float[Tensor, "m 2"]] | None = None
    compared: int = 0


def choose_features(real: Samples, wanted: str = "auto", weights: str | None = None) -> FeatureNetwork:
    """The feature network for these samples.

    `auto`: vectors of up to 64 values are standardised; longer ones and images go to principal components of the real
    set; images go through Inception when its weights file is given. `digits`, `fashion` and `faces` are the course's
    own classifiers.

    Raises:
        GanlabError: a network that these samples do not fit, or whose weights are not to be had.
    """
    if wanted not in FEATURES:
        raise GanlabError(f"--features is {wanted!r}; choose from {', '.join(FEATURES)}.")
    if wanted == "auto":
        if real.images:
            wanted = "inception" if weights else "components"
        else:
            wanted = "raw" if real.values.shape[1] <= 64 else "components"
    if wanted == "raw":
        return standardised(real.values.flatten(1))
    if wanted == "components":
        return principal_components(real.values)
    if not real.images:
        raise GanlabError(f"{wanted} features need images and {real.source} holds {real.shape}; use components.")
    if wanted == "random-convolutions":
        return random_convolutions(real.values.shape[1])
    if wanted in ("digits", "fashion", "faces"):
        network = classifier(wanted)
        judge, channels = network.module, 3 if wanted == "faces" else 1
        if real.values.shape[1] != channels:
            kind = "colour" if channels == 3 else "greyscale"
            raise GanlabError(f"The {wanted} classifier reads {kind} images and {real.source} holds {real.shape}.")
        return FeatureNetwork(lambda x: judge(2 * x.clamp(0, 1) - 1), network.name, network.num_features)
    network = inception(weights)
    inner = network.module

    def prepared(x: Tensor) -> Tensor:
        x = (x.clamp(0, 1) * 255).round().to(torch.uint8)
        return inner(x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x)

    return FeatureNetwork(prepared, network.name, network.num_features)


def diagnose_samples(
    real: Samples,
    generated: Samples,
    features: str = "auto",
    weights: str | None = None,
    held_out: Samples | None = None,
    splits: int = ev.SPLITS,
    seed: int = 0,
    network: FeatureNetwork | None = None,
) -> Diagnosis:
    """Measure, decide, and pick the samples to look at.

    Args:
        real, generated: of one kind and size.
        features: one of `FEATURES`; or give a `network` of your own.
        held_out: real samples that the generator was *not* trained on, `real` being those that it was: makes the
            memorisation test exact.

    Raises:
        GanlabError: sets that cannot be compared, or that hold a single sample.
    """
    check_same_kind(real, generated)
    if held_out is not None:
        check_same_kind(real, held_out)
    for samples in (real, generated):
        if len(samples) < 2:
            raise GanlabError(
                f"{samples.source} holds {len(samples)} sample; collapse shows only in many: give at least 100."
            )
    network = choose_features(real, features, weights) if network is None else network
    a, b = network.of(real.values).double(), network.of(generated.values).double()
    about = {"features": network.name, "real": real, "generated": generated, "held_out": held_out, "seed": seed}
    if min(len(a), len(b)) < 20:
        return Diagnosis(verdict=_too_few(len(a), len(b)), **about)
    e = ev.gather(a, b, splits=splits, seed=seed)
    # What follows is looked at, not decided from: at most as many as the evidence used.
    rng = torch.Generator().manual_seed(seed)
    rows_a = torch.randperm(len(a), generator=rng)[: ev.MOST_SAMPLES]
    rows_b = torch.randperm(len(b), generator=rng)[: ev.MOST_SAMPLES]
    a, b = a[rows_a], b[rows_b]
    measurements = [_from_row(row) for row in e.rows.values()] + _one_off(a, b, e.compared, seed, network.name)
    if held_out is not None:
        measurements += _held_out_test(network.of(held_out.values).double(), a, b)
    worst, how_far = least_covered(a, b, 12)
    covered = [
        Finding(row, real.names[row], f"{float(ratio):.1f} times the distance between real neighbours")
        for row, ratio in zip(rows_a[worst].tolist(), how_far, strict=True)
    ]
    return Diagnosis(
        verdict=ev.decide(e),
        measurements=measurements,
        least_covered=covered,
        most_repeated=_most_repeated(a, b, rows_b, generated),
        nearest_copies=_nearest_copies(a, b, rows_a, rows_b, real, generated),
        mode_shares=[(float(p), float(q)) for p, q in zip(e.real_shares, e.generated_shares, strict=True)],
        missing=e.missing,
        mode_noun=e.modes.noun,
        silhouette=e.modes.silhouette,
        plane=_plane(a, b),
        compared=e.compared,
        **about,
    )


def _too_few(real: int, generated: int) -> ev.Verdict:
    return ev.Verdict(
        ev.TOO_FEW,
        f"there are {real} real and {generated} generated samples, and nothing can be said below 20",
        (),
        f"Draw more samples (at least {ev.LEAST_SAMPLES}, better 2,000) and give more real ones.",
        "02 Measuring collapse",
        0,
        0,
    )


_ENDS = {
    "missing": ("0", "1"),
    "variation": ("0", "1"),
    "spread": ("1", "0"),
    "repeats": ("0", "1"),
    "copies": ("0", "1"),
    "precision": ("1", "0"),
    "recall": ("1", "0"),
    "density": ("1", "0"),
    "coverage": ("1", "0"),
    "far": ("0", "1"),
    "holes": ("0", "1"),
    "between": ("0.05", "1"),
    "interior": ("0.02", "1"),
    "energy": ("0", "no bound"),
}
_SOURCES = {
    "precision": "Kynkäänniemi et al. 2019",
    "recall": "Kynkäänniemi et al. 2019",
    "density": "Naeem et al. 2020",
    "coverage": "Naeem et al. 2020",
    "energy": "Székely and Rizzo 2013",
}


def _from_row(row: ev.Row) -> Measurement:
    best, worst = _ENDS[row.name]
    title = row.title[0].upper() + row.title[1:]
    return Measurement(
        title, row.generated, row.real, row.real_deviation, row.z, best, worst, _SOURCES.get(row.name, "this course")
    )


def _one_off(a: Tensor, b: Tensor, size: int, seed: int, name: str, splits: int = 5) -> list[Measurement]:
    """NDB, Fréchet and kernel distance, support size: reference against generated and against held-out real data."""
    rng = torch.Generator().manual_seed(seed + 1)
    values: dict[str, list[tuple[float, float]]] = {"ndb": [], "jsd": [], "frechet": [], "kernel": []}
    bins = max(5, min(100, len(a) // 20))
    for _ in slow(range(splits), "bins and distances"):
        order = torch.randperm(len(a), generator=rng)
        held, ref = a[order[:size]], a[order[size:]]
        fake = b[torch.randperm(len(b), generator=rng)[:size]]
        cells = ndb(ref, fake, held, bins=bins, seed=seed)
        values["ndb"].append((cells.generated.share, cells.real.share))
        values["jsd"].append((cells.generated.jensen_shannon, cells.real.jensen_shannon))
        values["frechet"].append((frechet_distance(ref, fake).value, frechet_distance(ref, held).value))
        pair = [kernel_distance(ref, x, subsets=10, seed=seed).value for x in (fake, held)]
        values["kernel"].append((pair[0], pair[1]))
    titles = {
        "ndb": (f"NDB, share of {bins} bins that differ", "0.05", "1", "Richardson and Weiss 2018"),
        "jsd": (f"Jensen-Shannon divergence over {bins} bins, nats", "0", "0.69", "Richardson and Weiss 2018"),
        "frechet": (f"Fréchet distance on {name}", "0", "no bound", "Heusel et al. 2017, through torchmetrics"),
        "kernel": (f"Kernel distance on {name}", "0", "no bound", "Bińkowski et al. 2018, through torchmetrics"),
    }
    found = []
    for key, (title, best, worst, source) in titles.items():
        ours, null = np.array(values[key]).T
        deviation = float(null.std(ddof=1))
        z = float(ours.mean() - null.mean()) / max(deviation, 1e-9)
        found.append(Measurement(title, float(ours.mean()), float(null.mean()), deviation, z, best, worst, source))
    n = min(len(a), len(b))
    if n >= 20:
        threshold = collision_threshold(a[:n])
        sizes = [support_size(x[:n], threshold).size for x in (b, a)]
        title = f"Support size by the birthday paradox, pairs closer than {threshold:.3g}"
        source = "Arora and Zhang 2018"
        found.append(Measurement(title, sizes[0], sizes[1], math.nan, math.nan, "no bound", "1", source))
    return found


def _held_out_test(held: Tensor, a: Tensor, b: Tensor) -> list[Measurement]:
    test = nearest_neighbour_test(a, b, held)
    return [
        Measurement(
            "Probability to be nearer to the training set than held-out data are",
            test.closer,
            0.5,
            (test.closer - 0.5) / test.z if test.z else math.nan,
            test.z,
            "0.5",
            "1",
            "Meehan et al. 2020",
        )
    ]


def _most_repeated(a: Tensor, b: Tensor, rows: Tensor, generated: Samples, count: int = 12) -> list[Finding]:
    """Samples with the most near repeats, one of each group; without repeats the closest pairs."""
    spacing = local_spacing(nearest(a, a, same=True)[0][:, 0])
    radius = 0.2 * spacing[nearest(b, a)[1][:, 0]]
    distance = squared_distances(b, b).sqrt()
    distance.fill_diagonal_(torch.inf)
    close = distance <= radius[:, None]
    found, taken = [], torch.zeros(len(b), dtype=torch.bool, device=b.device)
    for i in close.sum(1).argsort(descending=True).tolist():
        if len(found) == count or taken[i] or not close[i].any():
            continue
        taken |= close[i]
        taken[i] = True
        times, row, partner = int(close[i].sum()), int(rows[i]), int(rows[int(distance[i].argmin())])
        repeats = "1 near repeat" if times == 1 else f"{times} near repeats"
        note = f"{repeats} among {len(b)}, the nearest {generated.names[partner]}"
        found.append(Finding(row, generated.names[row], note, partner))
    return found


def _nearest_copies(
    a: Tensor, b: Tensor, rows_a: Tensor, rows_b: Tensor, real: Samples, generated: Samples, count: int = 8
) -> list[Finding]:
    """Generated samples nearest to a real one, in units of that one's own distance to its neighbour."""
    spacing = local_spacing(nearest(a, a, same=True)[0][:, 0])
    distance, index = nearest(b, a)
    ratio = distance[:, 0] / spacing[index[:, 0]]
    found = []
    for i in ratio.argsort()[:count].tolist():
        partner = int(rows_a[int(index[i, 0])])
        note = f"beside {real.names[partner]}, at {float(ratio[i]):.2f} of the distance between real neighbours"
        found.append(Finding(int(rows_b[i]), generated.names[int(rows_b[i])], note, partner))
    return found


def _plane(a: Tensor, b: Tensor, most: int = 500) -> tuple[Tensor, Tensor]:
    """Both sets on the first two principal components of the real one (as they are when there are only two)."""
    if a.shape[1] > 2:
        directions = principal_components(a, most=2, keep=1.0)
        a, b = directions.of(a, len(a)), directions.of(b, len(b))
    elif a.shape[1] == 1:
        a, b = (torch.cat([x, torch.zeros_like(x)], 1) for x in (a, b))
    return a[:most], b[:most]
