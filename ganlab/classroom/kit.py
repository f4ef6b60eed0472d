"""The folder that a teacher starts a class with, and what becomes of the class's runs."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import secrets
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ganlab.classroom.concepts import AFTER, BEFORE, concept_test, key
from ganlab.classroom.slides import slides_page
from ganlab.classroom.submission import Submission
from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.learn import chapters as known
from ganlab.learn.exercise import Exercise
from ganlab.runner.chapters import Chapter
from ganlab.runner.minutes import minutes_in

SEEDS = 1_000_000
LESSONS = (50, 90, 180)  # minutes
QUESTION = 4  # minutes: think alone, vote, discuss, run the cell
HAND_IN = """# {name}

Work in the notebooks of this folder, from top to bottom; each exercise is checked when you run its cell.

Your own seed, so that the class together sees many: `ganlab class seed {code} YOUR-NAME`.

Handing in, without a network: `ganlab submit YOUR-NAME 01_gan_from_scratch.ipynb` makes `YOUR-NAME.json`, a small file
with the code of your cells; further notebooks are added to it. Give that file, or the notebooks themselves, to your
teacher.

Before you begin, and again at the end, there is a concept test of 15 minutes, which is not marked:
`ganlab submit YOUR-NAME concept_test_before.ipynb`.
"""

TEACH = """# {name}: for the teacher

- `solutions/`, `answers.md`: solved notebooks, and every exercise and question with its answer
- `slides/`: a file a chapter; open it in a browser, arrow keys turn the slides
- `plans.md`: lessons of 50, 90 and 180 minutes
- `concept_test.md`: the key to the test that students take before and after

`ganlab grade FOLDER` marks what was handed in; `ganlab class merge FOLDER` puts everybody's runs into one table and
counts the concept test. nbgrader takes the students' notebooks as they are: copy one to `source/ch01/` and run
`nbgrader generate_assignment ch01 --create` (tried with nbgrader 0.9.6 and chapter 01, through to `autograde` without
executing). They hold no graded cells of nbgrader's, so marks come from `ganlab grade`.
"""


def new_class(name: str, folder: Path, chapters: Sequence[Chapter]) -> Path:
    """Make `folder`: notebooks and the concept test for the students; solved ones, keys, slides and plans for the
    teacher.

    Raises:
        GanlabError: the folder exists and is not empty, a chapter has no notebook, or the folder cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise GanlabError(f"{folder} is not empty: choose another name, or another folder with --out.")
    for chapter in chapters:
        if not chapter.learner.exists():
            raise GanlabError(f"Chapter {chapter.name} has no notebook yet.")
    code = secrets.token_hex(4)
    for chapter in chapters:
        _copy(chapter.learner, folder / "students" / chapter.learner.name)
        _copy(chapter.notebook(solutions=True), folder / "teacher" / "solutions" / chapter.learner.name)
        page = slides_page(chapter.learner.read_text(encoding="utf-8"))
        write_atomically(folder / "teacher" / "slides" / f"{chapter.name}.html", page)
    for when in (BEFORE, AFTER):
        write_atomically(folder / "students" / f"concept_test_{when}.ipynb", concept_test(when))
    write_atomically(folder / "teacher" / "concept_test.md", key())
    write_atomically(folder / "students" / "README.md", HAND_IN.format(name=name, code=code))
    write_atomically(folder / "teacher" / "answers.md", answer_key([chapter.number for chapter in chapters]))
    write_atomically(folder / "teacher" / "plans.md", lesson_plans(chapters))
    write_atomically(folder / "teacher" / "README.md", TEACH.format(name=name))
    content = {"class": name, "code": code, "chapters": [chapter.name for chapter in chapters]}
    write_atomically(folder / "class.json", json.dumps(content, indent=2) + "\n")
    return folder


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def student_seed(code: str, student: str) -> int:
    """A seed for each student of a class: the same whenever it is asked for, another in another class."""
    digest = hashlib.sha256(f"{code}/{student.strip().casefold()}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEEDS


def answer_key(numbers: Sequence[str]) -> str:
    """All exercises and questions of these chapters with the course's answers, as Markdown."""
    text = ["# Answers", ""]
    for number in numbers:
        exercises, questions = known.exercises(number), known.questions(number)
        if not exercises and not questions:
            continue
        minutes = sum(exercise.minutes for exercise in exercises.values())
        text += [f"## Chapter {number}: {len(exercises)} exercises, {minutes} minutes; {len(questions)} questions", ""]
        for exercise in exercises.values():
            source = inspect.cleandoc(inspect.getsource(exercise.reference))
            text += [f"### {exercise.name} (difficulty {exercise.difficulty}, {exercise.minutes} minutes)", ""]
            text += ["```python", source, "```", ""]
        for question in questions.values():
            text += [f"### {question.name}", "", question.text, ""]
            for letter, choice in zip(question.letters, question.choices, strict=True):
                mark = " **right**" if letter == question.right else ""
                text += [f"- {letter}) {choice.text}{mark}. {choice.response}"]
            text += [""]
    return "\n".join(text)


def lesson_plans(chapters: Sequence[Chapter]) -> str:
    """For each chapter a plan of 50, 90 and 180 minutes, as Markdown: what to show, ask, let do, and leave for home.

    Minutes of exercises are the course's, those of questions ours (`QUESTION`), and the notebook's the README's, which
    are measured. Half of a lesson goes to exercises, in the chapter's order; what does not fit is for home.
    """
    readme = chapters[0].notebooks.parent / "README.md" if chapters else None
    measured = minutes_in(readme.read_text(encoding="utf-8")) if readme and readme.exists() else {}
    text = ["# Lesson plans", "", "Let the notebook run before you begin; its figures stay in the slides.", ""]
    for chapter in chapters:
        exercises, questions = known.exercises(chapter.number), known.questions(chapter.number)
        runs = f"{measured[chapter.name]:.1f} minutes" if chapter.name in measured else "a few minutes"
        text += [f"## {chapter.name} (the notebook runs {runs})", ""]
        for lesson in LESSONS:
            chosen = _that_fit(exercises.values(), lesson / 2)
            asked = list(questions)[: max(1, lesson // 45)]
            done = sum(exercise.minutes for exercise in chosen)
            shown = lesson - done - QUESTION * len(asked)
            text += [f"### {lesson} minutes", "", f"1. Slides and live figures: {shown} minutes, between what follows."]
            if asked:
                text += [f"2. Ask, let vote, run the cell, discuss ({QUESTION} minutes each): {', '.join(asked)}."]
            if chosen:
                text += [f"3. In pairs, at the keyboard ({done} minutes): {', '.join(e.name for e in chosen)}."]
            left = [e.name for e in exercises.values() if e not in chosen] + [q for q in questions if q not in asked]
            text += [f"4. For home: {', '.join(left) or 'the chapter once more, with another seed'}.", ""]
    return "\n".join(text)


def _that_fit(exercises: Iterable[Exercise], minutes: float) -> list[Exercise]:
    chosen: list[Exercise] = []
    for exercise in exercises:
        if sum(e.minutes for e in chosen) + exercise.minutes <= minutes:
            chosen.append(exercise)
    return chosen


def merged_results(submissions: Sequence[Submission]) -> list[dict[str, Any]]:
    """One row for each number of each student's runs; a list of numbers, one a seed, gives a row each."""
    rows = []
    for submission in submissions:
        pairs = ((chapter, run) for chapter, runs in submission.results.items() for run in _some(runs))
        for chapter, result in pairs:
            parameters = result["parameters"] if isinstance(result.get("parameters"), dict) else {}
            first = parameters.get("seed", 0)
            for quantity, value in result.items():
                numbers = value if isinstance(value, list) else [value]
                one_a_seed = len(numbers) == (parameters.get("seeds", 1) if isinstance(value, list) else 1)
                if quantity == "seconds" or not one_a_seed or not all(_is_number(number) for number in numbers):
                    continue
                for place, number in enumerate(numbers):
                    seed = first + place if _is_number(first) else place
                    rows.append(
                        {
                            "student": submission.student,
                            "chapter": str(chapter),
                            "quantity": quantity,
                            "seed": seed,
                            "value": float(number),
                        }
                    )
    return rows


def _some(runs: Any) -> list[dict[str, Any]]:
    return [run for run in runs if isinstance(run, dict)] if isinstance(runs, list) else []


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # JSON allows integers of any length
        return False
