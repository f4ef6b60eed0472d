"""Chapter 13, the clinic: what a perfect generator would score, modes that stay, twenty cards, rules for them."""

import math
from collections import Counter

import torch

from ganlab.learn import clinic
from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, NotYet, Question


def expected_modes(modes: int, quality: float, samples: int) -> float:
    """How many of `modes` equal modes at least one of the samples reaches, on average, when each is near one with
    probability `quality`: modes (1 - (1 - quality / modes)^samples)."""
    return modes * (1 - (1 - quality / modes) ** samples)


def _check_expected_modes(answer):
    def of(formula):
        return lambda modes, quality, samples: float(formula(modes, quality, samples))

    same_function(
        answer,
        expected_modes,
        [
            Case("8 modes, quality 0.989, 14 samples", (8, 0.989, 14)),
            Case("25 modes, quality 0.989, 40 samples", (25, 0.989, 40)),
            Case("8 modes, quality 0.5, 10 samples", (8, 0.5, 10)),
            Case("one sample", (8, 0.5, 1)),
            Case("no sample", (8, 1.0, 0)),
            Case("a million samples", (25, 0.989, 1_000_000)),
        ],
        misconceptions=[
            Misconception("quality", of(lambda m, q, n: m * (1 - (1 - 1 / m) ** n)),
                          "it takes every sample for a good one: a sample reaches a given mode with probability "
                          "quality / modes."),
            Misconception("missing", of(lambda m, q, n: m * (1 - q / m) ** n),
                          "it is the number of modes that are missed."),
            Misconception("probability", of(lambda m, q, n: 1 - (1 - q / m) ** n),
                          "it is the probability that one given mode is reached: there are several modes."),
            Misconception("counting", of(lambda m, q, n: min(m, q * n)),
                          "it counts samples: two of them may well fall on the same mode."),
            Misconception("quality-after", of(lambda m, q, n: q * m * (1 - (1 - 1 / m) ** n)),
                          "it applies the quality after counting the modes: it belongs to each sample."),
            Misconception("exponential", of(lambda m, q, n: m * (1 - math.exp(-q * n / m))),
                          "it is the approximation with the exponential; here the exact number is wanted."),
        ],
    )  # fmt: skip


def _check_modes_kept(answer):
    t = torch.tensor

    same_function(
        answer,
        clinic.modes_kept,
        [
            Case("the same modes, other counts", (t([90, 0, 10, 0]), t([20, 0, 80, 0]))),
            Case("two modes each, one of them in both", (t([5, 5, 0, 0]), t([0, 3, 7, 0]))),
            Case("two modes each, none in both", (t([5, 5, 0, 0]), t([0, 0, 4, 6]))),
            Case("three modes, then two of them", (t([5, 5, 5, 0]), t([4, 6, 0, 0]))),
            Case("two modes, then four", (t([5, 5, 0, 0]), t([4, 3, 2, 1]))),
            Case("no mode at either look", (t([0, 0, 0]), t([0, 0, 0])), "empty",
                 "without any covered mode nothing was lost: return 1, not a division by 0."),
            Case("no mode at the second look", (t([1, 0, 0]), t([0, 0, 0]))),
        ],
        misconceptions=[
            Misconception("numbers", lambda a, b: min(int((a > 0).sum()), int((b > 0).sum()))
                          / max(1, int((a > 0).sum()), int((b > 0).sum())),
                          "it compares how many modes there are. The same number need not be the same modes: that is "
                          "how a chase hides."),
            Misconception("early", lambda a, b: int(((a > 0) & (b > 0)).sum()) / max(1, int((a > 0).sum())),
                          "it divides by the modes of the first look alone: then modes that are new do not count."),
            Misconception("late", lambda a, b: int(((a > 0) & (b > 0)).sum()) / max(1, int((b > 0).sum())),
                          "it divides by the modes of the second look alone: then modes that were lost do not "
                          "count."),
            Misconception("all", lambda a, b: int(((a > 0) & (b > 0)).sum()) / len(a),
                          "it divides by all modes: then a collapse that stands still looks like a chase."),
            Misconception("agreement", lambda a, b: int(((a > 0) == (b > 0)).sum()) / len(a),
                          "it counts modes that are missing at both looks as kept."),
            Misconception("shares", lambda a, b: float(torch.minimum(a / a.sum().clamp(min=1), b / b.sum().clamp(min=1))
                                                      .sum()),
                          "it compares shares of samples; here only whether a mode is covered counts."),
        ],
    )  # fmt: skip


CLEAR = 0.9  # of the runs must be named rightly


def _check_diagnose(answer):
    truths, given = [], []
    runs = [(card.numbers, card.diagnosis) for card in clinic.cards()] + clinic.unseen()
    for numbers, truth in runs:
        before = dict(numbers)
        name = answer(before)
        if before != numbers:
            raise NotYet("in-place", "it changes the numbers that it was given.")
        if name is None:
            raise NotYet("none", "it returns nothing for some of the runs. Is there a return at the end?")
        if not isinstance(name, str) or name not in clinic.DIAGNOSES:
            raise NotYet("name", f"it returns {name!r}, which is none of the names: {', '.join(clinic.DIAGNOSES)}.")
        truths.append(truth)
        given.append(name)
    cards = len(clinic.cards())
    on_cards, on_unseen = (_share(truths[part], given[part]) for part in (slice(0, cards), slice(cards, None)))
    if on_cards >= CLEAR and on_unseen >= CLEAR:
        return
    if on_cards >= CLEAR and on_unseen < 0.6:
        raise NotYet("cards", f"it names {100 * on_cards:.0f} % of the cards and {100 * on_unseen:.0f} % of the runs "
                     "without a card: it knows the cards, not the signs.")  # fmt: skip
    wrong = Counter((truth, name) for truth, name in zip(truths, given, strict=True) if truth != name)
    (truth, name), times = wrong.most_common(1)[0]
    total = truths.count(truth)
    row = clinic.SIGNS[truth].row if truth in clinic.SIGNS else clinic.SIGNS[name].row
    sentence = f"it calls {times} of {total} runs with the diagnosis {truth!r} {name!r}. What does the row “{row}” say "
    raise NotYet(truth.split()[0], f"{sentence}there, and in which order do you ask?")


def _share(truths: list[str], given: list[str]) -> float:
    return sum(map(str.__eq__, truths, given)) / len(truths)


EXERCISES = [
    Exercise(
        name="clinic.expected_modes",
        difficulty=2,
        minutes=6,
        reference=expected_modes,
        check=_check_expected_modes,
        hints=(
            "With which probability does one sample reach mode 3? And miss it?",
            "All samples miss it with probability (1 - quality / modes)^samples.",
            "Expectations add up, whether or not the modes depend on each other: modes times the probability of one.",
        ),
    ),
    Exercise(
        name="clinic.modes_kept",
        difficulty=2,
        minutes=5,
        reference=clinic.modes_kept,
        check=_check_modes_kept,
        hints=(
            "Which modes are covered? counts > 0 says so, for each of the two looks.",
            "& is true where both are, | where at least one is.",
            "Modes in both over modes in either. What if neither look covers any?",
        ),
    ),
    Exercise(
        name="clinic.diagnose",
        difficulty=3,
        minutes=15,
        reference=clinic.diagnose,
        check=_check_diagnose,
        hints=(
            "Ask in the order of section 1, and return at the first yes.",
            "The yardstick is bad when a perfect generator would not reach nearly all modes, when its share is far "
            "from 0.989, or when the units are not 1.",
            "A copy: copies well above copies_unseen. A discriminator that has won: right close to 1. A chase: "
            "moved above one half. A collapse: modes well below modes_perfect. Else healthy.",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="clinic.first_look",
        text="Two runs have the same losses, 1.38 and 0.70, to the second digit. What do you ask for first?",
        choices=(
            Choice(
                "More training.",
                "Before you know what you have? Both may be at their end: one at the data, one in a circle.",
            ),
            Choice(
                "Samples, at two looks.",
                "One look shows what is covered, two show whether it stays. The losses measure one player against "
                "the other.",
            ),
            Choice(
                "The losses of more seeds.",
                "More of the same number that could not tell the two apart.",
            ),
        ),
        right="b",
    ),
    *map(clinic.question, clinic.cards()),
    Question(
        name="clinic.samples_only",
        text="`ganlab diagnose` sees samples of one moment, and as real data whatever you give it, the training set "
        "too. Which of these can it not tell from a collapse, whatever it is given?",
        choices=(
            Choice(
                "Memorisation.",
                "It can, when you give it the training set: copies lie nearer to its points than these lie to each "
                "other.",
            ),
            Choice(
                "Oscillation.",
                "At any one moment a chase is a collapse. It takes a second moment to see that it moves. (An "
                "overpowered discriminator is just as hidden: samples do not say why.)",
            ),
            Choice(
                "A metric artefact.",
                "It counts again with a yardstick of its own, so a bad one does not reach it.",
            ),
        ),
        right="b",
    ),
]
