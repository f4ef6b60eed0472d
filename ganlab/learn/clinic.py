"""The clinic of chapter 13: run cards, the rules that tell six diagnoses apart, and what each answer is told.

A card is what somebody sees of a run of theirs: losses, samples at two looks, and a few numbers, some of them counted
badly. `data/clinic/make_cards.py` makes the cards from real training; `run` on each says how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture, mixture
from ganlab.data.store import embedded
from ganlab.errors import GanlabError
from ganlab.files import read_json
from ganlab.learn import state
from ganlab.learn.exercise import Choice, Question
from ganlab.metrics.evidence import decide, gather
from ganlab.metrics.memorisation import copy_share
from ganlab.seeds import Streams

Numbers = Mapping[str, float]

COLLAPSE, OSCILLATION, MEMORISATION = "collapse", "oscillation", "memorisation"
OVERPOWERED, ARTEFACT, HEALTHY = "overpowered discriminator", "metric artefact", "healthy"
DIAGNOSES = (COLLAPSE, OSCILLATION, MEMORISATION, OVERPOWERED, ARTEFACT, HEALTHY)

LATE = "; mean over the last quarter of the run"

# What a card's numbers are. What does not say otherwise is counted at the end.
MEANING = {
    "modes": "modes covered, as reported",
    "modes_perfect": "the same for a perfect generator, counted the same way (mean over draws)",
    "of": "modes of the data",
    "quality": "share of the samples near a mode, as reported",
    "quality_perfect": "the same for a perfect generator, counted the same way",
    "counted": "how many samples were counted",
    "within": "how near is near, in sigmas of the mode",
    "units": "length in the data that the generator calls 1",
    "kept": "modes covered at the last two looks, over those covered at either",
    "moved": "share of the samples whose nearest mode is another one than at the look before" + LATE,
    "copies": "share of the samples that nearly lie on a training point (a fifth of its distance to its neighbour)",
    "copies_unseen": "the same for real points that were not trained on",
    "right": "share of fresh real and generated points that the discriminator tells apart" + LATE,
    "belief": "mean of D over the samples" + LATE,
    "discriminator_loss": "the discriminator's loss" + LATE,
    "generator_loss": "the generator's loss" + LATE,
}


@dataclass(frozen=True)
class Card:
    """One run, as somebody would show it to you.

    Attributes:
        number: 1 to 20, in the order of the chapter.
        data, training: what the data are, and how they reached the discriminator, in words.
        steps: of the looks; `discriminator_loss` and `generator_loss` are means since the look before.
        early, late: generated points at the last look but one and at the last, in the generator's own units.
        real: training points if there are few, else some fresh ones.
        numbers: by the names of `MEANING`.
        recount: modes, quality and spread within modes of 2,500 samples, within 3 sigma, in the right units.
        diagnosis: what was done to the run.
        note: what there is to learn from it.
        run: everything that the run depends on, as run.json has it.
    """

    number: int
    data: str
    training: str
    target: GaussianMixture
    steps: list[int]
    discriminator_loss: list[float]
    generator_loss: list[float]
    early: Float[Tensor, "n 2"]
    late: Float[Tensor, "n 2"]
    real: Float[Tensor, "m 2"]
    numbers: dict[str, float]
    recount: dict[str, float | None]
    diagnosis: str
    note: str
    run: dict[str, Any]

    def __repr__(self) -> str:  # without the diagnosis
        return f"Card({self.number}, {self.data!r})"


@cache
def _file() -> dict[str, Any]:
    return read_json(embedded("clinic/cards.json"))


@cache
def cards() -> tuple[Card, ...]:
    """The twenty cards, in order."""
    return tuple(_card(entry) for entry in _file()["cards"])


def unseen() -> list[tuple[dict[str, float], str]]:
    """(numbers, diagnosis) of runs without a card: other seeds of the same settings."""
    return [(entry["numbers"], entry["diagnosis"]) for entry in _file()["unseen"]]


def tried() -> int:
    """How many runs were made, with those left out because their numbers did not show what had been done to them."""
    return _file()["tried"]


def card(number: int) -> Card:
    """The card of that number.

    Raises:
        GanlabError: there is none.
    """
    if number not in range(1, len(cards()) + 1):
        raise GanlabError(f"There is no card {number}: they are numbered from 1 to {len(cards())}.")
    return cards()[number - 1]


def _card(entry: dict[str, Any]) -> Card:
    points = {name: torch.tensor(entry[name]) for name in ("early", "late", "real")}
    target = entry["target"]
    entry = entry | points | {"target": mixture(target["centres"], target["sigma"], target["weights"])}
    return Card(**entry)


def copied_points(training: Float[Tensor, "n 2"], samples: Float[Tensor, "m 2"]) -> int:
    """How many of the training points have a sample nearly on them, in the sense of `copy_share`."""
    nearest = torch.cdist(samples, training).argmin(1)
    return sum(copy_share(training, samples[nearest == k])[0] > 0 for k in nearest.unique())


def modes_kept(early: Int[Tensor, " modes"], late: Int[Tensor, " modes"]) -> float:
    """Samples at each mode at two looks, to the modes covered at both over those covered at either; 1 where no mode is
    covered at all."""
    one, other = early > 0, late > 0
    either = int((one | other).sum())
    return int((one & other).sum()) / either if either else 1.0


# Telling them apart -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sign:
    """How one diagnosis shows: the numbers it shows in, when it holds, and words for and against it."""

    row: str
    holds: Callable[[Numbers], bool]
    present: Callable[[Numbers], str]
    absent: Callable[[Numbers], str]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def sound_yardstick(numbers: Numbers) -> bool:
    """Whether a perfect generator would be told apart from others by what was counted."""
    enough = numbers["modes_perfect"] >= 0.95 * numbers["of"]
    return enough and 0.9 <= numbers["quality_perfect"] <= 0.995 and numbers["units"] == 1


def _artefact_words(n: Numbers) -> str:
    if n["units"] != 1:
        return (
            f"The generator's 1 is {n['units']:.2f} in the data: its points were held against modes that lie "
            "elsewhere in its own units"
        )
    if n["quality_perfect"] > 0.995:
        return f"Within {n['within']:g}σ lies nearly the whole plane: this yardstick praises whatever it is shown"
    if n["quality_perfect"] < 0.9:
        return f"Within {n['within']:g}σ a perfect generator scores no more than {n['quality_perfect']:.2f}"
    return (
        f"Only {n['counted']:.0f} points were counted: a perfect generator would reach {n['modes_perfect']:.1f} of "
        f"{n['of']:.0f} modes with so few"
    )


def _missing_words(n: Numbers) -> str:
    same = "the same ones as" if n["kept"] == 1 else "but not the same ones as"
    return f"{n['of'] - n['modes']:.0f} of {n['of']:.0f} modes get no sample, {same} at the look before"


# In the order in which they are asked: what comes first explains what comes after.
SIGNS = {
    ARTEFACT: Sign(
        "a perfect generator",
        lambda n: not sound_yardstick(n),
        _artefact_words,
        lambda n: (
            f"The yardstick is sound: {n['counted']:.0f} points, counted within {n['within']:g}σ, with which a "
            f"perfect generator gets {n['modes_perfect']:.1f} modes and {n['quality_perfect']:.2f}"
        ),
    ),
    MEMORISATION: Sign(
        "nearly on a training point",
        lambda n: n["copies"] >= 0.2 and n["copies"] >= 3 * n["copies_unseen"],
        lambda n: (
            f"{_percent(n['copies'])} of the samples lie nearly on a training point, and only "
            f"{_percent(n['copies_unseen'])} of real points that it has not seen"
        ),
        lambda n: (
            f"{_percent(n['copies'])} of the samples lie nearly on a training point, and of unseen real points "
            f"{_percent(n['copies_unseen'])}: nothing is copied"
        ),
    ),
    OVERPOWERED: Sign(
        "discriminator is right on",
        lambda n: n["right"] >= 0.95,
        lambda n: f"The discriminator is right on {_percent(n['right'])} of fresh points: it has won",
        lambda n: f"The discriminator is right on {_percent(n['right'])} of fresh points, so it has not won",
    ),
    OSCILLATION: Sign(
        "changed their nearest mode",
        lambda n: n["moved"] >= 0.5,
        lambda n: (
            f"From one look to the next, on average over the end, {_percent(n['moved'])} of the samples changed their "
            "nearest mode"
        ),
        lambda n: (
            f"From one look to the next, on average over the end, {_percent(n['moved'])} of the samples changed their "
            "nearest mode: they stay"
        ),
    ),
    COLLAPSE: Sign(
        "modes covered",
        lambda n: n["modes"] <= 0.8 * n["modes_perfect"],
        _missing_words,
        lambda n: (
            f"{n['modes']:.0f} of {n['of']:.0f} modes are reported, and a perfect generator would get "
            f"{n['modes_perfect']:.1f}: nothing is shown to be missing"
        ),
    ),
}


def diagnose(numbers: Numbers) -> str:
    """The first sign that holds, in the order of `SIGNS`; healthy when none does."""
    return next((name for name, sign in SIGNS.items() if sign.holds(numbers)), HEALTHY)


# What an answer is told -------------------------------------------------------------------------------------------


def responses(card: Card) -> dict[str, str]:
    """What is said to each answer, from the card's own numbers."""
    right, numbers = card.diagnosis, card.numbers
    said = {}
    for given in DIAGNOSES:
        if given == right:
            because = SIGNS[right].present(numbers) + ". " if right in SIGNS else ""
            said[given] = because + card.note + _looked_again(card)
        elif given == HEALTHY:
            said[given] = f"Look at the row “{SIGNS[right].row}” before you send it home."
        elif SIGNS[given].holds(numbers):
            there = SIGNS[given].present(numbers)
            said[given] = f"{there}: true. But what comes before it? Look at the row “{SIGNS[right].row}”."
        else:
            said[given] = f"{SIGNS[given].absent(numbers)}."
    return said


def _looked_again(card: Card) -> str:
    """What the card itself does not say: a sound count behind an artefact, how many of the points are copied."""
    if card.diagnosis == ARTEFACT:
        again = card.recount
        return f" Counted well: {again['modes']} of {card.target.modes} modes, {again['quality']:.2f} within 3σ."
    if card.diagnosis == MEMORISATION:
        copied = copied_points(card.real, card.late)
        return f" Of the {len(card.real)} training points, {copied} have one of the drawn samples nearly on them."
    return ""


def question(card: Card) -> Question:
    """The card as a question with the six diagnoses as its choices."""
    said = responses(card)
    return Question(
        name=f"clinic.card_{card.number:02}",
        text=f"Card {card.number}: what is wrong, if anything?",
        choices=tuple(Choice(f"{name[0].upper()}{name[1:]}.", said[name]) for name in DIAGNOSES),
        right=chr(ord("a") + DIAGNOSES.index(card.diagnosis)),
    )


def first_answers() -> dict[int, str]:
    """Card to the diagnosis that the learner gave it first, of the cards that have been examined."""
    given = {}
    for card in cards():
        asked = question(card)
        letter = state.entries().get(asked.name, {}).get("answer", "")
        if letter in asked.letters:
            given[card.number] = DIAGNOSES[asked.letters.index(letter)]
    return given


def revealed(card: Card) -> str:
    """What was done to the run, in one line."""
    run = card.run
    changes = [f"{name} {value}" for name, value in run["changed"].items()]
    if run["training_points"] != "fresh at every step":
        changes.append(f"{run['training_points']} training points")
    if run["weights"] != "equal":
        changes.append(f"weights {run['weights'][:2]} in turn")
    changes += [f"counted {run['counted']}"] if run["counted"] != 2500 else []
    changes += [f"within {run['within']:g}σ"] if run["within"] != 3 else []
    changes += [f"units {run['units']}"] if run["units"] != 1 else []
    what = f"{run['recipe']}, seed {run['seed']}" + (f"; {', '.join(changes)}" if changes else "")
    return f"Card {card.number:2}  {card.diagnosis}: {what}"


def verdicts_from_samples(points: int, splits: int, seed: int) -> list[str]:
    """What the rules of `ganlab diagnose` say of each card's 300 last samples.

    Args:
        points: fresh points of the card's data to compare them with.
        splits: random halvings of these points: what differs between the halves is chance.
        seed: of the points and of the halvings.
    """
    found = []
    for card in cards():
        real = card.target.sample(points, Streams(seed, f"card {card.number}"))
        found.append(decide(gather(real, card.late, splits, seed=seed)).name)
    return found


def confusion(truths: Sequence[str], given: Sequence[str]) -> Int[Tensor, "truths given"]:
    """How often each truth (row, in the order of `DIAGNOSES`) was given each name (column); what is no name is left
    out."""
    table = torch.zeros(len(DIAGNOSES), len(DIAGNOSES), dtype=torch.int64)
    for truth, name in zip(truths, given, strict=True):
        if name in DIAGNOSES:
            table[DIAGNOSES.index(truth), DIAGNOSES.index(name)] += 1
    return table


# How a card looks -------------------------------------------------------------------------------------------------


def rows(card: Card) -> list[tuple[str, str, str]]:
    """(what, here, for a perfect generator or unseen real points) of everything that the card reports."""
    n = card.numbers
    units = "" if n["units"] == 1 else f"; the generator's 1 is {n['units']:.2f} in the data"
    return [
        ("modes covered", f"{n['modes']:.0f} of {n['of']:.0f}", f"{n['modes_perfect']:.1f}"),
        (f"share within {n['within']:g}σ of a mode", f"{n['quality']:.2f}", f"{n['quality_perfect']:.2f}"),
        ("modes kept since the look before", f"{n['kept']:.2f}", ""),
        ("changed their nearest mode", f"{n['moved']:.2f}", ""),
        ("nearly on a training point", f"{n['copies']:.2f}", f"{n['copies_unseen']:.2f} (unseen real points)"),
        ("discriminator is right on", f"{n['right']:.2f}", "0.50"),
        ("D on samples, mean", f"{n['belief']:.2f}", "0.50"),
        ("loss of D", f"{n['discriminator_loss']:.2f}", "1.39"),
        ("loss of G", f"{n['generator_loss']:.2f}", "-0.69" if card.run["settings"]["loss"] == "minimax" else "0.69"),
        ("counted", f"{n['counted']:.0f} samples{units}", ""),
    ]


def words(card: Card) -> str:
    """The card's text: data, training, and its rows as an aligned table."""
    table = [("", "here", "a perfect generator"), *rows(card)]
    wide, middle = max(len(row[0]) for row in table), max(len(row[1]) for row in table[:-1])
    loss = card.run["settings"]["loss"]
    head = f"Card {card.number}. {card.data} {card.training} {card.steps[-1]} steps, {loss} loss."
    return "\n".join([head, "", *(f"{a:<{wide}}  {b:<{middle}}  {c}".rstrip() for a, b, c in table)])


def figure(card: Card) -> Figure:
    """Losses at the left; samples at the last look but one, and at the last, at the right."""
    from ganlab.show.curves import draw_metric
    from ganlab.show.figure import FAKE, INK, REAL, as_array, heading, new_figure, with_alt
    from ganlab.show.planar import extent_of, frame

    panel, ((left, *planes),) = new_figure(9.2, 3.05, 1, 3, width_ratios=(1.15, 1, 1))
    losses = {"D": card.discriminator_loss, "G": card.generator_loss}
    said = draw_metric(left, card.steps, losses, "loss")
    heading(left, "Losses")
    left.set_ylabel("")
    extent = extent_of(card.target)
    few = len(card.real) < len(card.late)  # the training points themselves: above the samples that may hide them
    what, colour = ("training points", INK) if few else ("real points", REAL)
    size = {"s": 60, "linewidths": 1.5, "zorder": 4} if few else {"s": 14, "linewidths": 0.7, "zorder": 2}
    spreads = []
    for axes, points, step in zip(planes, (card.early, card.late), card.steps[-2:], strict=True):
        axes.scatter(*as_array(card.real).T, marker="+", color=colour, alpha=0.8, **size)
        axes.scatter(*as_array(points).T, s=5, color=FAKE, alpha=0.6, linewidths=0, zorder=3)
        frame(axes, extent)
        heading(axes, f"Step {step}")
        (x, y), (wide, high) = points.mean(0).tolist(), points.std(0).tolist()
        spreads.append(f"at step {step} they spread {wide:.2f} by {high:.2f} about ({x:.2f}, {y:.2f})")
        low, top = torch.tensor(extent[::2]), torch.tensor(extent[1::2])
        if outside := int(((points < low) | (points > top)).any(1).sum()):
            said_there = f"{outside} of {len(points)} outside"
            axes.set_xlabel(said_there, fontsize=9)
            spreads[-1] += f", {said_there} the picture"
    planes[0].scatter([], [], s=14, color=FAKE, linewidths=0, label="generated")
    planes[0].scatter([], [], s=20, marker="+", color=colour, linewidths=0.9, label=what)
    panel.legend(loc="outside lower right", ncols=2, fontsize=9, frameon=False)
    x, y = card.real.std(0).tolist()
    return with_alt(
        panel,
        f"Card {card.number}. {said} Samples as dots, {what} as crosses: {'; '.join(spreads)}; the {what} spread "
        f"{x:.2f} by {y:.2f}.",
    )


def show_card(number: int) -> None:
    """Show a card: the figure, and the text below it."""
    from ganlab.show import display

    chosen = card(number)
    display(figure(chosen))
    print(words(chosen))
