"""The course's own answers, one short module a chapter.

`chNN.py` has a list `EXERCISES` of `Exercise` and, if it asks any, a list `QUESTIONS` of `Question`. That is
all that adding an exercise takes: nothing is registered, the modules are looked up when a name is asked for.
Its planted wrong answers and differently written right ones go to `tests/mutants/chNN.py`.

A whole exercise (`ch04.py`), check included:

    def _check_mode_regulariser(answer):
        same_function(
            answer,
            mode_regulariser,                                   # from ganlab.methods.mdgan
            [
                Case("16 random logits", (torch.randn(16),)),
                Case("a batch of one", (torch.randn(1),)),
            ],
            gradients=True,
            misconceptions=[
                Misconception("sum", lambda logits: softplus(-logits).sum(), "it adds up: take the mean."),
            ],
        )

    EXERCISES = [
        Exercise(
            name="mdgan.mode_regulariser",
            difficulty=2,
            minutes=5,
            reference=mode_regulariser,
            check=_check_mode_regulariser,
            hints=("Which samples does the term look at?", "Reconstructions, through the discriminator."),
        ),
    ]

For a training step use `ganlab.learn.probe.check_step`. The notebook shows `Exercise.header` above the cell.
"""

import importlib
import pkgutil
from collections.abc import Callable

from ganlab.errors import unknown
from ganlab.learn.exercise import Exercise, Question


def numbers() -> list[str]:
    """The chapters that have exercises or questions: "00", "01", ..."""
    return sorted(module.name[2:] for module in pkgutil.iter_modules(__path__) if module.name.startswith("ch"))


def exercises(number: str | None = None) -> dict[str, Exercise]:
    """Exercises by name, of one chapter or of all, in the order of the course."""
    return _collect("EXERCISES", number)


def questions(number: str | None = None) -> dict[str, Question]:
    """Questions by name, of one chapter or of all, in the order of the course."""
    return _collect("QUESTIONS", number)


def find(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        GanlabError: there is none; the sentence gives the nearest name.
    """
    return _find(exercises, name, "exercise")


def find_question(name: str) -> Question:
    """The question of that name.

    Raises:
        GanlabError: there is none; the sentence gives the nearest name.
    """
    return _find(questions, name, "question")


def _collect(attribute: str, number: str | None) -> dict:
    found = {}
    for chapter in numbers() if number is None else {number} & set(numbers()):
        for item in getattr(importlib.import_module(f"{__name__}.ch{chapter}"), attribute, ()):
            if item.name in found:
                raise ValueError(f"two {attribute.lower()} are called {item.name}")
            found[item.name] = item
    return found


def _find(collect: Callable[..., dict], name: str, kind: str):
    # Chapter by chapter: the first exercise of chapter 01 need not wait until chapter 10 has been imported.
    for number in numbers():
        if name in collect(number):
            return collect(number)[name]
    raise unknown(kind, name, collect())
