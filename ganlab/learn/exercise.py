"""What an exercise is, what a question is, and the one exception by which a check says *not yet*."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


class NotYet(Exception):
    """Raised by a check: the answer is not right yet.

    `reason` is one word that names the fault (`"sign"`, `"detach"`, ...): the tests of the checks compare it.
    `sentence` is for the learner; it continues "not yet, because ...".
    """

    def __init__(self, reason: str, sentence: str):
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


@dataclass(frozen=True)
class Exercise:
    """One piece of code that a learner writes.

    name        "topic.function", as given to `@exercise`
    difficulty  1 to 5
    minutes     what a learner who has read the chapter needs
    reference   the course's version: what the notebook goes on with, and what `solution(name)` prints
    check       takes the learner's object, returns when it is right, raises `NotYet` when it is not
    hints       from a nudge to nearly the answer; at least two
    seconds     after which the check is stopped; more than the default only for a check that trains
    """

    name: str
    difficulty: int
    minutes: int
    reference: Callable
    check: Callable[[Callable], None]
    hints: Sequence[str]
    seconds: float = 5.0

    @property
    def header(self) -> str:
        """The line that stands above the exercise in the notebook: difficulty and minutes."""
        dots = "●" * self.difficulty + "○" * (5 - self.difficulty)
        unit = "minute" if self.minutes == 1 else "minutes"
        return f"**Exercise `{self.name}`** · difficulty {dots} · {self.minutes} {unit}"


@dataclass(frozen=True)
class Choice:
    """One answer offered by a question: its text, and what is said to a learner who picks it."""

    text: str
    response: str


@dataclass(frozen=True)
class Question:
    """A question of understanding with lettered answers, of which exactly one is right."""

    name: str
    text: str
    choices: Sequence[Choice]
    right: str

    @property
    def letters(self) -> list[str]:
        return [chr(ord("a") + position) for position in range(len(self.choices))]

    def choice(self, letter: str) -> Choice:
        return self.choices[self.letters.index(letter)]
