"""Make the run cards of chapter 13: `python data/clinic/make_cards.py` (about three minutes on one core).

Each card is a real run. A spec says what is done to a run, and what is therefore wrong with it; of a few seeds the
first whose numbers say so clearly (the rules of `ganlab.learn.clinic`) becomes the card, and the others that do are
kept as numbers without a card. So the cards are clear cases by choice: no borderline ones.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture, ring
from ganlab.data.store import write_manifest
from ganlab.learn.clinic import (
    ARTEFACT,
    COLLAPSE,
    HEALTHY,
    MEMORISATION,
    OSCILLATION,
    OVERPOWERED,
    diagnose,
    modes_kept,
)
from ganlab.metrics.memorisation import copy_share
from ganlab.metrics.modes import (
    high_quality_share,
    mode_counts,
    modes_covered,
    nearest_mode,
    perfect_scores,
    within_mode_spread,
)
from ganlab.recipes import build, recipe
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically
from ganlab.train.run import versions

HERE = Path(__file__).parent
COMMAND = "python data/clinic/make_cards.py"
SEEDS = (200, 201, 202, 203)
LOOKS, LATE = 20, 5  # looks at a run, and how many of them are its end
COUNTED, SHOWN, STREAM = 2500, 300, 1000
WIDE = {"generator": [64, 64], "discriminator": [64, 64], "steps": 2500}
ROUND = WIDE | {"sigma": 0.2}  # a healthy run; several cards come from its seeds


@dataclass(frozen=True)
class Spec:
    """What is done to a run: `change` to the recipe's settings, `points` of training data if few, `weights` of the
    modes, and how it is looked at afterwards."""

    diagnosis: str
    note: str
    change: dict[str, Any] = field(default_factory=dict)
    like: str = "ring-healthy"
    points: int = 0
    weights: tuple[float, ...] = ()
    seed: int = 0  # the first of `SEEDS` that may become the card: but for 4 and 10, cards show different runs
    counted: int = COUNTED
    within: float = 3.0
    units: float = 1.0


SPECS = (
    Spec(  # 1
        OSCILLATION,
        "Both losses are those of a perfect GAN. All samples run after one mode, then another: the generator learns "
        "twenty times as fast as the discriminator.",
        like="fast-generator",
    ),
    Spec(  # 2
        HEALTHY,
        "Every number is near a perfect generator's. Its losses are those of card 1 to a hundredth: they cannot tell "
        "the two apart.",
        ROUND,
    ),
    Spec(  # 3
        COLLAPSE,
        "The discriminator learns ten times as fast as the generator, and yet it has not won. The samples sit on "
        "the few modes that they have, and nothing leads them to the others.",
        {"discriminator_lr": 0.003, "generator_lr": 0.0003},
    ),
    Spec(  # 4
        ARTEFACT,
        "Eight points are too few to lose a mode by. The generator is healthy.",
        ROUND,
        seed=2,
        counted=8,
    ),
    Spec(  # 5
        MEMORISATION,
        "Modes are missing as well; but what could be learned from six points?",
        WIDE | {"sigma": 0.4, "discriminator": [128, 128]},
        points=6,
    ),
    Spec(  # 6
        OVERPOWERED,
        "The loss of D is near 0 and D on samples too. With the minimax loss a sample is pulled in proportion to D: "
        "no belief, no pull. Most samples are on no mode at all, so it is not a choice of modes that went wrong.",
        like="starved-generator",
    ),
    Spec(  # 7
        HEALTHY,
        "A loss below zero is no alarm: the minimax loss of a perfect generator is -log 2. What a loss should be "
        "depends on which one it is.",
        ROUND | {"loss": "minimax"},
    ),
    Spec(  # 8
        COLLAPSE,
        "Four modes are rare, two points in a thousand each. Losing them costs the generator next to nothing: the "
        "losses are those of a perfect GAN.",
        WIDE | {"sigma": 0.1},
        weights=(0.248, 0.002) * 4,
    ),
    Spec(  # 9
        OSCILLATION,
        "Too much momentum: each player keeps going where it was sent fifty steps ago, and all samples overshoot "
        "together.",
        like="momentum",
    ),
    Spec(  # 10
        ARTEFACT,
        "It was counted within half a sigma, where only one true point in eight lies. The generator is healthy: this "
        "is the run of card 4, under another bad yardstick.",
        ROUND,
        seed=2,
        within=0.5,
    ),
    Spec(  # 11
        MEMORISATION,
        "Losses nearer to a perfect GAN's than on card 3. Samples that are no copies lie on the ways from one point "
        "to the next.",
        WIDE | {"sigma": 0.4, "latent": 4},
        points=5,
    ),
    Spec(  # 12
        OVERPOWERED,
        "The generator's rate is three thousandths of the discriminator's, and it has hardly left its start: what "
        "looks like lost modes is a generator that never learned.",
        {"generator_lr": 0.00001, "discriminator_lr": 0.003},
    ),
    Spec(  # 13
        HEALTHY,
        "The losses stand a little off those of a perfect GAN: there is some dust between modes, and the "
        "discriminator sees it. All modes are there, and most samples on them; it may need more time, and no "
        "remedy.",
        WIDE | {"sigma": 0.12, "batch": 128, "steps": 3000},
    ),
    Spec(  # 14
        ARTEFACT,
        "By its first two rows all is well; the picture shows a cloud. They hide a generator that has hardly begun to "
        "learn: first mend the yardstick, then look again.",
        {"steps": 200},
        seed=1,
        within=60.0,
    ),
    Spec(  # 15
        COLLAPSE,
        "Three units in the generator's only layer give its sheet three bends: enough for a line along a few modes, "
        "too few to follow the ring.",
        {"generator": [3], "sigma": 0.2, "steps": 3000},
    ),
    Spec(  # 16
        OSCILLATION,
        "The generator learns five times as fast as the discriminator. What one look counts is luck; two looks show "
        "the chase.",
        {"sigma": 0.1, "generator_lr": 0.002, "discriminator_lr": 0.0004},
    ),
    Spec(  # 17
        MEMORISATION,
        "Eight points this time. Copying is a matter of degree; unseen points say where it begins.",
        WIDE | {"sigma": 0.4, "discriminator": [128, 128]},
        points=8,
    ),
    Spec(  # 18
        ARTEFACT,
        "The data were scaled to unit deviation before training, and the samples never scaled back. Compare the "
        "sizes of the two rings.",
        WIDE | {"spread": 1.4, "sigma": 0.07, "batch": 128, "steps": 3000},
        units=1.43,
    ),
    Spec(  # 19
        OVERPOWERED,
        "These are the first steps with a discriminator that learns a hundred times as fast. Most samples are at no "
        "mode, so no collapse explains that it is right. Trained on, it ends in one: the recipe strong-discriminator.",
        {"steps": 300},
        like="strong-discriminator",
    ),
    Spec(  # 20
        COLLAPSE,
        "The loss of G is below zero as on card 7, and the samples are no better for it. D has not won: against three "
        "perfect modes of eight any good discriminator is right on 81 %.",
        {"sigma": 0.1, "loss": "minimax", "discriminator_lr": 0.005, "generator_lr": 0.0005},
        seed=1,
    ),
)


class SamePoints:
    """Batches from the same few points, for ever."""

    def __init__(self, points: Tensor, batch: int, rng: Streams):
        self.points, self.batch, self.rng = points, batch, rng

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        rows = self.rng.integers(self.points.shape[-2], self.batch)
        return self.points.gather(-2, rows.unsqueeze(-1).expand(*rows.shape, 2))

    def state_dict(self) -> dict[str, Tensor]:
        return self.rng.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.rng.load_state_dict(state)


@cache
def trained(like: str, change: str, points: int, weights: tuple[float, ...]) -> dict[str, Any]:
    """Train all seeds side by side; `change` is JSON, so that cards of one setting share its training."""
    seeds = list(SEEDS)
    started = time.perf_counter()
    chosen = recipe(like).but(**json.loads(change))
    settings = chosen.settings
    method, batches, target = build(chosen, seeds)
    if weights:
        target = ring(8, settings.spread, settings.sigma, weights)
        batches = target.batches(settings.batch, Streams(seeds, "data"))
    training = target.sample(points or STREAM, Streams(seeds, "training points"))
    if points:
        batches = SamePoints(training, settings.batch, Streams(seeds, "data"))
    fresh = target.sample(COUNTED, Streams(seeds, "fresh"))
    kept = {"before": nearest_mode(method.sample(COUNTED), target)[0]}

    def look(step: int, method: Any) -> dict[str, Tensor]:
        samples = method.sample(COUNTED)
        nearest = nearest_mode(samples, target)[0]
        moved = (nearest != kept["before"]).float().mean(-1)
        kept.update(before=nearest, early=kept.get("late", samples), late=samples)
        with torch.no_grad():
            real, fake = method.discriminator(fresh), method.discriminator(samples)
        right = ((real > 0).float().mean(-1) + (fake <= 0).float().mean(-1)) / 2
        return {"moved": moved, "right": right, "belief": fake.sigmoid().mean(-1)}

    history = train(method, batches, settings.steps, every=settings.steps // LOOKS, look=look)
    return {
        "settings": settings,
        "target": target,
        "training": training,
        "fresh": fresh,
        "history": history,
        "early": kept["early"],
        "late": kept["late"],
        "seconds": (time.perf_counter() - started) / len(seeds),
    }


def records_of(spec: Spec) -> list[dict[str, Any]]:
    """What there is to see of each seed, looked at as the spec says."""
    one = trained(spec.like, json.dumps(spec.change), spec.points, spec.weights)
    settings, target, history = one["settings"], one["target"], one["history"]
    training, fresh = one["training"], one["fresh"]
    # Counted against the data as the card describes them; the generator may have been trained in other units.
    judged_by = ring(8, settings.spread * spec.units, settings.sigma * spec.units) if spec.units != 1 else target
    records = []
    for row, seed in enumerate(SEEDS):
        samples = one["late"][row]
        early, counted = one["early"][row][: spec.counted], samples[: spec.counted]
        ideal = perfect_scores(spec.counted, judged_by, spec.within)
        late = {
            name: float(history[name][row, -LATE:].mean())
            for name in ("moved", "right", "belief", "discriminator_loss", "generator_loss")
        }
        numbers = {
            "modes": int(modes_covered(counted, judged_by, spec.within)),
            "modes_perfect": ideal["modes_covered"].mean,
            "of": judged_by.modes,
            "quality": float(high_quality_share(counted, judged_by, spec.within)),
            "quality_perfect": ideal["high_quality_share"].mean,
            "counted": spec.counted,
            "within": spec.within,
            "units": spec.units,
            "kept": modes_kept(*(mode_counts(look, judged_by, spec.within) for look in (early, counted))),
            "copies": copy_share(training[row], samples)[0],
            "copies_unseen": copy_share(training[row], fresh[row])[0],
            **late,
        }
        shown = training[row] if spec.points else fresh[row][:SHOWN]
        records.append(
            {
                "data": described(judged_by),
                "training": trained_on(spec),
                "target": {
                    "centres": rounded(judged_by.centres),
                    "sigma": rounded(judged_by.sigma),
                    "weights": rounded(judged_by.weights, 5),
                },
                "steps": history.steps,
                "discriminator_loss": rounded(history["discriminator_loss"][row], 4),
                "generator_loss": rounded(history["generator_loss"][row], 4),
                "early": rounded(one["early"][row][:SHOWN]),
                "late": rounded(samples[:SHOWN]),
                "real": rounded(shown * spec.units),
                "numbers": {name: round(number, 4) for name, number in numbers.items()},
                "recount": {
                    "modes": int(modes_covered(samples, target)),
                    "quality": round(float(high_quality_share(samples, target)), 2),
                    "spread": _number(within_mode_spread(samples, target)),
                },
                "diagnosis": spec.diagnosis,
                "note": spec.note,
                "run": {
                    "command": COMMAND,
                    "recipe": spec.like,
                    "changed": spec.change,
                    "settings": asdict(settings),
                    "training_points": spec.points or "fresh at every step",
                    "weights": list(spec.weights) or "equal",
                    "counted": spec.counted,
                    "within": spec.within,
                    "units": spec.units,
                    "seed": seed,
                    "device": "cpu",
                    "seconds": round(one["seconds"], 1),
                    "versions": versions(),
                },
            }
        )
    return records


def described(target: GaussianMixture) -> str:
    apart = "" if len(set(rounded(target.weights, 4))) == 1 else ", some of them rare"
    return f"Data: {target.modes} modes on a ring{apart}, σ = {float(target.sigma[0]):.2g}."


def trained_on(spec: Spec) -> str:
    return f"Trained on {spec.points} points, again and again." if spec.points else "Trained on fresh points."


def _number(value: Tensor) -> float | None:
    return round(float(value), 2) if value.isfinite() else None


def rounded(values: Tensor, digits: int = 3) -> list:
    return [round(v, digits) if isinstance(v, float) else [round(x, digits) for x in v] for v in values.tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, nargs="*", help="look at these specs (from 1), write nothing")
    wanted = parser.parse_args().only
    cards, unseen, tried = [], [], 0
    for place, spec in enumerate(SPECS, start=1):
        if wanted and place not in wanted:
            continue
        records = records_of(spec)
        clear = [record for record in records[spec.seed :] + records[: spec.seed] if is_clear(record)]
        tried += len(records)
        for record in records:
            numbers = {name: round(number, 2) for name, number in record["numbers"].items()}
            verdict = "clear" if record in clear else "-"
            print(place, spec.diagnosis, record["run"]["seed"], verdict, numbers, flush=True)
        if wanted:
            continue
        if not clear:
            raise SystemExit(f"No seed of spec {place} ({spec.diagnosis}) is a clear case: change the spec.")
        cards.append({"number": place, **clear[0]})
        unseen += [{name: record[name] for name in ("numbers", "diagnosis")} for record in clear[1:]]
    if wanted:
        return
    content = {"command": COMMAND, "tried": tried, "cards": cards, "unseen": unseen}
    write_atomically(HERE / "cards.json", json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n")
    write_manifest(
        HERE,
        ["cards.json"],
        title="Run cards of the clinic",
        licence="Apache-2.0",
        source="GANs trained on the 2D mixtures of ganlab.data.mixtures",
        made_by=COMMAND,
    )
    print(f"{len(cards)} cards and {len(unseen)} runs without a card, of {tried}.")


def is_clear(record: dict[str, Any]) -> bool:
    """Whether the rules see what was done, and nothing else on the card speaks against it.

    A healthy run has all modes, good samples, and spreads within its modes. A collapse lacks the same modes at both
    looks, and most of its samples are at the others. Where the discriminator has won most samples are at no mode: on
    a few perfect modes a collapse alone would let it be right. Few samples are counted as a perfect generator's would
    be, not worse by bad luck.
    """
    numbers, again = record["numbers"], record["recount"]
    supported = {
        HEALTHY: numbers["modes"] == numbers["of"] and again["quality"] >= 0.8 and (again["spread"] or 0) >= 0.7,
        COLLAPSE: numbers["kept"] == 1 and numbers["quality"] >= 0.5,
        OVERPOWERED: numbers["quality"] < 0.5,
        ARTEFACT: numbers["counted"] == COUNTED or abs(numbers["modes"] - numbers["modes_perfect"]) <= 1,
    }
    return diagnose(numbers) == record["diagnosis"] and supported.get(record["diagnosis"], True)


if __name__ == "__main__":
    with threads(1):
        main()
