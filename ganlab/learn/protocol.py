"""What a learner meets: `@exercise`, `hint`, `solution`, `progress`, `predict`.

Everything is plain text, and the same text on every machine, so that nbval can compare it.
"""

import ast
import html
import inspect
import textwrap
from collections.abc import Callable

from ganlab.errors import GanlabError
from ganlab.learn import chapters, state
from ganlab.learn.exercise import Question
from ganlab.learn.judge import NOT_ATTEMPTED, NOT_YET, RIGHT, judge

WIDTH = 100
PRINTS_SHOWN = 5


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Check the function or class below at once, say what came of it, and go on with something that works.

    One of three outcomes is printed: *not attempted*, *right*, or *not yet* with the reason. The name is then
    bound to the learner's own object when it is right, else to the course's version: the notebook always runs
    on.

    Raises:
        GanlabError: there is no exercise of that name.
    """
    known = chapters.find(name)

    def check(answer: Callable) -> Callable:
        verdict = judge(known, answer)
        state.record(name, verdict.outcome)
        if verdict.outcome == RIGHT:
            print(f"{name}: right. Going on with your version.")
            return answer
        if verdict.outcome == NOT_ATTEMPTED:
            print(f'{name}: not attempted. Going on with the course\'s version. (Stuck? hint("{name}"))')
            return known.reference
        _print_wrapped(f"{name}: not yet, because {verdict.sentence}")
        if verdict.printed.strip():
            lines = verdict.printed.strip().splitlines()
            shown = [line[:WIDTH] for line in lines[:PRINTS_SHOWN]] + ["..."] * (len(lines) > PRINTS_SHOWN)
            print("Your code printed:", *shown, sep="\n  ")
        print("Going on with the course's version.")
        return known.reference

    return check


def hint(name: str) -> None:
    """Show the hints so far and one more; from a nudge to nearly the answer."""
    hints = chapters.find(name).hints
    seen = min(state.entries().get(name, {}).get("hints", 0) + 1, len(hints))
    state.record(name, hints=seen)
    for number, text in enumerate(hints[:seen], start=1):
        _print_wrapped(f"Hint {number} of {len(hints)}: {text}")
    if seen == len(hints):
        print(f'That was the last one. solution("{name}") shows the course\'s version.')


def solution(name: str) -> None:
    """Show the course's version of an exercise, or the answer to a question with its reason."""
    if name in chapters.questions():
        asked = chapters.find_question(name)
        _print_wrapped(f"{asked.right}) {asked.choice(asked.right).text}")
        _print_wrapped(asked.choice(asked.right).response)
        return
    print(_without_docstring(inspect.getsource(chapters.find(name).reference)))


def progress(number: str | int | None = None) -> None:
    """What is done: a line for each chapter, or for `progress("01")` a line for each of its exercises.

    Kept in a small file on this machine, never sent anywhere.

    Raises:
        GanlabError: there is no such chapter.
    """
    entries = state.entries()
    known = chapters.numbers()
    if number is None:
        done = total = 0
        for chapter in known:
            outcomes = [_outcome(entries, name) for name in _names(chapter)]
            done, total = done + outcomes.count(RIGHT), total + len(outcomes)
            bar = "".join({RIGHT: "●", NOT_YET: "◐", NOT_ATTEMPTED: "○"}[outcome] for outcome in outcomes)
            print(f"Chapter {chapter}: {outcomes.count(RIGHT)} of {len(outcomes)} right  {bar}")
        print(f"The course: {done} of {total} right.")
        return
    chapter = f"{number:0>2}"
    if chapter not in known:
        raise GanlabError(f"Chapter {number!r} has no exercises. There are: {', '.join(known)}.")
    for name in _names(chapter):
        print(f"{name:34} {_outcome(entries, name)}")


def predict(name: str, answer: str = "") -> None:
    """Ask a question of understanding, and respond to the answer: to the particular wrong one too.

    `answer` is a letter; empty means not answered yet. In a notebook with a front end radio buttons stand
    below the question as long as it is not answered; without one the learner edits the cell.

    Raises:
        GanlabError: there is no question of that name.
    """
    asked = chapters.find_question(name)
    _print_wrapped(asked.text)
    for letter, choice in zip(asked.letters, asked.choices, strict=True):
        _print_wrapped(f"{letter}) {choice.text}", indent="   ")
    letter = str(answer).strip().lower().rstrip(").")
    if not letter and _radio_buttons(asked):
        return
    print(_respond(asked, letter))


# ---------------------------------------------------------------------------------------- small pieces


def _respond(asked: Question, letter: str) -> str:
    if not letter:
        state.record(asked.name, NOT_ATTEMPTED)
        letters = ", ".join(asked.letters)
        return f"{asked.name}: not attempted. Set answer to one of {letters} and run the cell again."
    if letter not in asked.letters:
        return f"{asked.name}: {letter!r} is none of the answers. Choose one of {', '.join(asked.letters)}."
    outcome = RIGHT if letter == asked.right else NOT_YET
    state.record(asked.name, outcome, answer=letter)
    joint = "right." if outcome == RIGHT else "not yet."
    return textwrap.fill(f"{asked.name}: {joint} {asked.choice(letter).response}", WIDTH)


def _radio_buttons(asked: Question) -> bool:
    """Show the choices as radio buttons, if a notebook front end is there. Says whether it did."""
    if not state.interactive():
        return False
    try:
        import ipywidgets
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return False
    if getattr(get_ipython(), "kernel", None) is None:
        return False
    buttons = ipywidgets.RadioButtons(options=asked.letters, value=None, description="Answer")
    response = ipywidgets.HTML()

    def respond(change):
        said = _respond(asked, change["new"]) if change["new"] else ""
        response.value = html.escape(said.replace("-\n", "-"))  # a browser breaks the lines itself

    buttons.observe(respond, "value")
    display(ipywidgets.VBox([buttons, response]))
    return True


def _names(chapter: str) -> list[str]:
    return [*chapters.exercises(chapter), *chapters.questions(chapter)]


def _outcome(entries: dict[str, dict], name: str) -> str:
    return entries.get(name, {}).get("outcome", NOT_ATTEMPTED)


def _print_wrapped(text: str, indent: str = "  ") -> None:
    for number, paragraph in enumerate(text.splitlines()):
        print(textwrap.fill(paragraph, WIDTH, subsequent_indent=indent if number == 0 else "", break_long_words=False))


def _without_docstring(source: str) -> str:
    """A function's or class's source without its own docstring, which the notebook shows already."""
    source = textwrap.dedent(source).rstrip()
    definition = ast.parse(source).body[0]
    first = definition.body[0]
    if len(definition.body) > 1 and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines = source.splitlines()
        source = "\n".join(lines[: first.lineno - 1] + lines[first.end_lineno :])
    return source
