"""The concept test: twelve questions before the course and the same twelve after it, and what a class gained.

Each wrong answer is what somebody with a known misconception would choose. Answers are noted without a word on whether
they are right; the teacher has the key.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nbformat

from ganlab.classroom.submission import Submission, take_apart
from ganlab.errors import GanlabError
from ganlab.learn.exercise import Choice, Question

BEFORE, AFTER = "before", "after"
NAME = re.compile(rf"concept\.({BEFORE}|{AFTER})\.(\w+)")
LEAST = 5  # students below whom no interval is given


def _question(name: str, text: str, right: str, *choices: tuple[str, str]) -> Question:
    """A question whose wrong choices come with the misconception that leads to them."""
    return Question(name, text, tuple(Choice(*choice) for choice in choices), right)


CONCEPTS = [
    _question(
        "losses",
        "A GAN trains calmly: the discriminator's loss stays at 1.39, the generator's at 0.69. What do you know?",
        "c",
        ("Its samples are like the data.", "Those are the losses of a perfect generator, so it must be one."),
        ("It has collapsed.", "Calm losses are taken for a symptom of collapse."),
        ("Next to nothing about its samples.", "Right: the discriminator guesses, for a good or a bad reason."),
        ("The discriminator is too strong.", "A loss far from 0 is taken for strength."),
    ),
    _question(
        "best_response",
        "The discriminator is frozen half-way, and the generator is trained to the very end against it, with -E[log "
        "D]. Where are the generator's samples?",
        "b",
        ("Spread like the data.", "The generator is thought to see data; it sees the discriminator only."),
        (
            "At the points where D is highest.",
            "Right: nothing in its loss asks for more than one place.",
        ),
        ("Where D is one half.", "The equilibrium of the game is taken for the best response."),
        ("Anywhere: without its opponent it learns nothing.", "A frozen network is thought to give no gradient."),
    ),
    _question(
        "covered",
        "“8 of 8 modes covered”, counted on 2,500 samples. What follows?",
        "d",
        ("Each mode gets about an eighth of the samples.", "Coverage is taken for proportions."),
        ("Most samples lie on a mode.", "Coverage is taken for quality."),
        ("The generator has not collapsed within any mode.", "Coverage is taken for spread within modes."),
        ("Each mode gets at least one sample.", "Right, and nothing else."),
    ),
    _question(
        "floor",
        "On 2,500 samples a generator has a reverse KL over 8 modes of 0.0014. Another one, on as many, of 0.0011. "
        "Which is better?",
        "c",
        ("The second: less is better.", "A difference within chance is read as one of the generators."),
        ("Neither is good: a perfect one has 0.", "The value for endless samples is taken for the one for 2,500."),
        ("You cannot say: a perfect one scores about as much on so few.", "Right: the floor depends on the number."),
        ("The first: the second has memorised.", "A low divergence is taken for copying."),
    ),
    _question(
        "too_good",
        "Of true points 98.9 % lie within 3 sigma of a mode. Of a generator's samples 99.9 % do. So it is",
        "b",
        ("better than the data.", "Quality is thought to have no upper end."),
        ("too narrow within its modes.", "Right: true points have tails."),
        ("memorising its training points.", "Copies of true points would have 98.9 % as well."),
        ("covering all modes.", "Quality is taken for coverage."),
    ),
    _question(
        "one_seed",
        "With seed 0, method A covers 8 modes and method B 5. What would convince you that A is better?",
        "c",
        ("That is enough: same seed, same conditions.", "Sharing a seed is thought to remove chance."),
        ("The same again with longer training.", "Chance of the start is taken for lack of training."),
        ("Many seeds, and the differences seed by seed with their interval.", "Right."),
        ("The best of many seeds of each.", "The best case is taken for the typical one."),
    ),
    _question(
        "detach",
        "In the discriminator's step you forget to detach the fakes; only the discriminator's optimiser steps. What "
        "happens?",
        "b",
        ("The generator learns to help the discriminator.", "Gradients are taken for updates."),
        (
            "The generator's weights stay, but gradients pile up in them and spoil its next step unless they are "
            "zeroed.",
            "Right.",
        ),
        ("PyTorch raises an error.", "A wasteful graph is taken for a wrong one."),
        ("The discriminator's own gradients are wrong.", "Detaching is thought to change what it learns."),
    ),
    _question(
        "strong",
        "The discriminator is always right. The generator has the non-saturating loss, -E[log D]. Its gradient",
        "c",
        ("vanishes.", "What holds for the minimax loss is taken to hold for every loss."),
        ("is exact: the better the discriminator, the better the teacher.", "Strength is taken for information."),
        ("is strong, and shows each sample its nearest way up only.", "Right: strong and short-sighted."),
        ("points to the mode that has fewest samples.", "The discriminator is thought to count."),
    ),
    _question(
        "memory",
        "A generator draws only from its 5,000 training images, exactly. Which check finds it out?",
        "d",
        ("Precision and recall.", "Copies of real images have precision and recall near 1."),
        ("The Fréchet distance to the training set.", "It is small for copies."),
        ("Counting modes with a classifier.", "Copies have all modes."),
        (
            "The distance to training images, beside that of held-out images.",
            "Right: held-out images say how near is near.",
        ),
    ),
    _question(
        "conditional",
        "A generator gets a label and a latent. For each label it makes one image, whatever the latent. A "
        "classifier finds",
        "a",
        ("all classes in the right proportions.", "Right: collapse within a condition does not show there."),
        ("one class only.", "Collapse is thought to mean one output in all."),
        ("classes that it cannot tell.", "Lack of variety is taken for lack of quality."),
        ("fewer classes, the more latents are drawn.", "The latent is thought to choose the class."),
    ),
    _question(
        "fair",
        "A new method has two networks more than the GAN and covers more modes after as many steps. To call it "
        "better you also need",
        "c",
        ("nothing: equal steps are equal conditions.", "Steps are taken for cost."),
        ("the same learning rate for both.", "Equal settings are taken for equally good settings."),
        ("the GAN, as well tuned, with as much computing.", "Right."),
        ("a larger data set.", "A doubt about the comparison is taken for one about the data."),
    ),
    _question(
        "optimal",
        "Where real and generated points are equally dense, the best discriminator says",
        "b",
        ("1: there are real points.", "D is taken for a density of real data."),
        ("1/2.", "Right: real over real plus generated."),
        ("0: there are fakes.", "D is taken for a detector of fakes."),
        ("anything: it has nothing to learn there.", "Equal densities are taken for no data."),
    ),
]


def note(name: str, answer: str = "") -> None:
    """Say that an answer to a question of the concept test was noted, and nothing else.

    Raises:
        GanlabError: there is no question of that name.
    """
    match = NAME.fullmatch(name)
    asked = next((one for one in CONCEPTS if match and one.name == match[2]), None)
    if asked is None:
        raise GanlabError(f"The concept test has no question {name!r}: leave the cells' names as they are.")
    letter = _letter(answer)
    if not letter:
        print("No answer yet. “I do not know” is an answer too: leave it empty.")
    elif letter not in asked.letters:
        print(f"{answer!r} is none of the answers: choose one of {', '.join(asked.letters)}, or leave it empty.")
    else:
        print(f"Noted: {letter}.")


def concept_test(when: str) -> str:
    """The test as a notebook, given as its text: each question with a cell for its answer."""
    first = (
        f"# Concept test, {when} the course\n\nTwelve questions, about 15 minutes, alone and without looking things "
        "up. Write a letter between the quotes and run the cell; leave it empty when you do not know. It is not "
        "marked: it shows your teacher what to talk about."
    )
    cells = [
        nbformat.v4.new_markdown_cell(first),
        nbformat.v4.new_code_cell("from ganlab.classroom.concepts import note"),
    ]
    for number, asked in enumerate(CONCEPTS, start=1):
        choices = "\n".join(
            f"- **{letter})** {choice.text}" for letter, choice in zip(asked.letters, asked.choices, strict=True)
        )
        cells.append(nbformat.v4.new_markdown_cell(f"## Question {number}\n\n{asked.text}\n\n{choices}"))
        cells.append(nbformat.v4.new_code_cell(f'reply = ""\nnote("concept.{when}.{asked.name}", reply)'))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same file whenever it is made
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    return nbformat.writes(notebook)


def key() -> str:
    """For the teacher, as Markdown: the right answers, and the misconception behind each wrong one."""
    text = [
        "# Concept test: the key",
        "",
        "The same twelve questions before and after. What a class gains includes what comes of having seen them; "
        "only a second class without the course could tell the two apart. `ganlab class merge FOLDER` counts.",
        "",
    ]
    for number, asked in enumerate(CONCEPTS, start=1):
        text += [f"## {number}. {asked.name}", "", asked.text, ""]
        for letter, choice in zip(asked.letters, asked.choices, strict=True):
            mark = " **right**." if letter == asked.right else ""
            reason = choice.response.removeprefix("Right").lstrip(":,. ") if mark else choice.response
            reason = f" {reason[0].upper()}{reason[1:]}" if reason else ""
            text += [f"- {letter}) {choice.text}{mark}{reason}"]
        text += [""]
    return "\n".join(text)


# What a class gained ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gain:
    """Of the students who took both tests: right answers before and after, student by student in this order."""

    students: list[str]
    before: list[int]
    after: list[int]

    def sentence(self) -> str:
        """The class's gain, in words that claim no more than was counted."""
        n, most = len(self.students), len(CONCEPTS)
        if not n:
            return "Nobody has handed in both tests."
        first, last = sum(self.before) / n, sum(self.after) / n
        share = f", {100 * (last - first) / (most - first):.0f} % of what could be gained" if first < most else ""
        text = f"{n} students took both: {first:.1f} of {most} right before, {last:.1f} after{share}."
        if n < LEAST:
            return f"{text} Too few for an interval."
        from ganlab.metrics.intervals import bootstrap_interval

        _, low, high = bootstrap_interval([b - a for a, b in zip(self.before, self.after, strict=True)])
        return f"{text} Gain a student: {last - first:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}."


def answers_of(submissions: Sequence[Submission]) -> dict[str, dict[str, dict[str, str]]]:
    """student -> "before" or "after" -> question -> letter, of all that each student handed in."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for submission in submissions:
        for name, answer in take_apart(submission.cells).answers.items():
            if match := NAME.fullmatch(name):
                when, which = match.groups()
                found.setdefault(submission.student, {}).setdefault(when, {})[which] = _letter(answer)
    return found


def gain(answers: dict[str, dict[str, dict[str, str]]]) -> Gain:
    """Right answers before and after, of those who took both; a question left empty is not right."""
    both = sorted(student for student, tests in answers.items() if tests.keys() >= {BEFORE, AFTER})
    before, after = ([_right(answers[student][when]) for student in both] for when in (BEFORE, AFTER))
    return Gain(both, before, after)


def item_table(answers: dict[str, dict[str, dict[str, str]]]) -> list[dict[str, Any]]:
    """A row a question: how many took each test, how many were right, and the wrong answer that most chose."""
    rows = []
    for asked in CONCEPTS:
        row: dict[str, Any] = {"question": asked.name}
        for when in (BEFORE, AFTER):
            given = [tests[when].get(asked.name, "") for tests in answers.values() if when in tests]
            wrong = Counter(letter for letter in given if letter in asked.letters and letter != asked.right)
            row[f"{when}: took it"] = len(given)
            row[f"{when}: right"] = given.count(asked.right)
            row[f"{when}: most chosen wrong answer"] = wrong.most_common(1)[0][0] if wrong else ""
        rows.append(row)
    return rows


def _right(test: dict[str, str]) -> int:
    return sum(test.get(asked.name) == asked.right for asked in CONCEPTS)


def _letter(answer: str) -> str:
    return str(answer).strip().lower().rstrip(").")
