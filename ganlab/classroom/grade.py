"""Grading a folder of submissions, each judged in a process of its own, with bounds.

grades.csv           a row a submission: how many right, and the outcome of each exercise and question
feedback/FILE.md     what its student gets back, with the reasons
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ganlab.classroom.concepts import NAME
from ganlab.classroom.sandbox import MEGABYTES, SECONDS
from ganlab.classroom.submission import Submission, Work, csv_text, find_submissions, read_submission, take_apart
from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.learn import chapters
from ganlab.learn.judge import NOT_ATTEMPTED, NOT_YET, RIGHT

START = 60  # seconds that a busy machine may need to import torch
CONCEPT_TEST = "A concept test: it is not marked; `ganlab class merge` counts it."
OUTCOMES = (RIGHT, NOT_YET, NOT_ATTEMPTED)


@dataclass(frozen=True)
class Verdict:
    """One exercise or question of one student."""

    name: str
    outcome: str
    sentence: str = ""


@dataclass(frozen=True)
class Grade:
    """One student's: verdicts in the order of the course, what bounds held, and a note if something went wrong."""

    student: str
    file: str
    verdicts: list[Verdict] = field(default_factory=list)
    late: bool = False
    holds: list[str] = field(default_factory=list)
    note: str = ""

    def count(self, outcome: str) -> int:
        return sum(verdict.outcome == outcome for verdict in self.verdicts)


def grade_folder(
    folder: Path,
    out: Path,
    *,
    due: datetime | None = None,
    chapter: str = "",
    seconds: int = SECONDS,
    megabytes: int = MEGABYTES,
    workers: int = 1,
    graded: Callable[[Grade], None] = lambda grade: None,
) -> list[Grade]:
    """Grade every submission, write `grades.csv` and the feedback, and give the grades in the files' order.

    Args:
        chapter: grade the exercises of this chapter only, such as "01"; all that occur when empty.
        due: files changed after this time are marked late (and graded).
        seconds, megabytes: bounds of one submission.

    Raises:
        GanlabError: nothing to grade, or `out` cannot be written.
    """
    if os.name == "nt":
        raise GanlabError("Submissions cannot be bounded on Windows: grade them in WSL, or on Linux or macOS.")
    paths = find_submissions(folder)
    numbers = [chapter] if chapter else chapters.numbers()

    def one(path: Path) -> Grade:
        late = due is not None and path.stat().st_mtime > due.timestamp()
        file = path.relative_to(folder).as_posix()
        try:
            submission = read_submission(path, folder)
        except GanlabError as error:
            return Grade(path.stem, file, late=late, note=str(error))
        return _grade(submission, file, late, numbers, seconds, megabytes)

    grades: list[Grade] = []
    names = feedback_names([path.relative_to(folder).as_posix() for path in paths])
    with ThreadPoolExecutor(workers) as pool:
        for grade in pool.map(one, paths):
            grades.append(grade)
            graded(grade)
            write_atomically(out / "feedback" / names[grade.file], feedback(grade))
    write_atomically(out / "grades.csv", as_csv(grades))
    return grades


def _grade(submission: Submission, file: str, late: bool, numbers: list[str], seconds: int, megabytes: int) -> Grade:
    work = take_apart(submission.cells)
    given = {*(attempt.name for attempt in work.attempts), *work.answers}
    # Everything of the chapters that the student opened.
    wanted = [name for number in numbers if given & set(_names_of(number)) for name in _names_of(number)]
    if not wanted:
        test = any(NAME.fullmatch(name) for name in given)
        note = CONCEPT_TEST if test else "There is no exercise of the course in it."
        return Grade(submission.student, file, late=late, note=note)
    verdicts, holds, note = judge_work(work, wanted, seconds, megabytes)
    return Grade(submission.student, file, [verdicts[name] for name in wanted], late, holds, note)


def _names_of(number: str) -> list[str]:
    return [*chapters.exercises(number), *chapters.questions(number)]


def judge_work(
    work: Work, wanted: Sequence[str], seconds: int = SECONDS, megabytes: int = MEGABYTES
) -> tuple[dict[str, Verdict], list[str], str]:
    """Verdicts by name for everything wanted, the bounds that held, and a note if the process came to a bad end."""
    exercises, questions = chapters.exercises(), chapters.questions()
    verdicts = {name: Verdict(name, NOT_ATTEMPTED) for name in wanted}
    for name in set(wanted) & set(questions):
        verdicts[name] = _answered(questions[name], work.answers.get(name, ""))
    attempts = [attempt for attempt in work.attempts if attempt.name in wanted and attempt.name in exercises]
    for attempt in attempts:
        if attempt.fault:
            verdicts[attempt.name] = Verdict(attempt.name, NOT_YET, attempt.fault)
    whole = [attempt for attempt in attempts if not attempt.fault]
    if not whole:
        return verdicts, [], ""
    task = {
        "helpers": work.helpers,
        "attempts": [{"name": a.name, "source": a.source, "defines": a.defines} for a in whole],
    }
    lines, note = _run_worker(task, seconds, megabytes)
    first = lines[0].get("holds") if lines else None  # said before any of the submission's code ran
    holds = first if isinstance(first, list) and all(isinstance(bound, str) for bound in first) else []
    judged = {line["name"]: line for line in lines if line.get("name") in verdicts and line.get("outcome") in OUTCOMES}
    verdicts |= {name: Verdict(name, line["outcome"], str(line.get("sentence", ""))) for name, line in judged.items()}
    if lost := [attempt.name for attempt in whole if attempt.name not in judged]:
        note = note or "its process was ended by the submission before everything was judged."
        verdicts |= {name: Verdict(name, NOT_YET, note) for name in lost}
    return verdicts, holds, note


def _answered(question, answer: str) -> Verdict:
    letter = answer.strip().lower().rstrip(").")
    if not letter:
        return Verdict(question.name, NOT_ATTEMPTED)
    if letter not in question.letters:
        return Verdict(question.name, NOT_YET, f"{letter!r} is none of the answers.")
    return Verdict(question.name, RIGHT if letter == question.right else NOT_YET, question.choice(letter).response)


def _run_worker(task: dict, seconds: int, megabytes: int) -> tuple[list[dict], str]:
    """What the worker said, line by line, and in one sentence what cut it short, if anything did."""
    # What a submission left running elsewhere may still write there while the folder is removed.
    with tempfile.TemporaryDirectory(prefix="ganlab-grade-", ignore_cleanup_errors=True) as work:
        said = Path(work) / "verdicts.jsonl"
        said.touch()
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG", "PYTHONPATH") if name in os.environ}
        environment = kept | {
            "HOME": work,
            "TMPDIR": work,
            "GANLAB_INTERACTIVE": "0",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLCONFIGDIR": work,
        }
        command = [sys.executable, "-m", "ganlab.classroom.worker", str(said), str(seconds), str(megabytes)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True, env=environment, cwd=work,
        )  # fmt: skip
        note = ""
        try:
            process.communicate(json.dumps(task), timeout=START + 3 * seconds)
        except subprocess.TimeoutExpired:
            note = f"it had not come to its end after {START + 3 * seconds} seconds, or waited for something."
        _kill_group(process)
        if not note and process.returncode:
            note = _end_of(process.returncode, seconds, megabytes)
        return _lines(said), note


def _kill_group(process: subprocess.Popen) -> None:
    import signal

    try:
        os.killpg(process.pid, signal.SIGKILL)  # and what it has started in its group
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def _end_of(code: int, seconds: int, megabytes: int) -> str:
    if code in (-24, -9):  # SIGXCPU, and SIGKILL a second later
        return f"it had computed for {seconds} seconds when it was stopped: look for a loop that never ends."
    return f"its process ended with code {code}: over {megabytes} MB of memory, or ended by the submission itself."


def _lines(said: Path) -> list[dict]:
    """The worker's lines that have the form of one: a submission may have written there as well."""
    found = []
    try:
        with open(said, "rb") as file:
            text = file.read(1_000_000).decode(errors="replace")
    except OSError:
        return []
    for line in text.splitlines():
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict) and isinstance(content.get("name", ""), str):
            found.append(content)
    return found


# What comes out ---------------------------------------------------------------------------------------------------


def as_csv(grades: Sequence[Grade]) -> str:
    """A row a submission; a column for each exercise and question that occurs."""
    names = list(dict.fromkeys(verdict.name for grade in grades for verdict in grade.verdicts))
    rows = [["student", "file", "late", *OUTCOMES, "bounds", "note", *names]]
    for grade in grades:
        outcomes = {verdict.name: verdict.outcome for verdict in grade.verdicts}
        counts = [grade.count(outcome) for outcome in OUTCOMES]
        row = [grade.student, grade.file, "late" if grade.late else "", *counts, " ".join(grade.holds), grade.note]
        rows.append([*row, *(outcomes.get(name, "") for name in names)])
    return csv_text(rows)


def feedback(grade: Grade) -> str:
    """What the student gets back, as Markdown."""
    total = len(grade.verdicts)
    text = [f"# {grade.student}", "", f"File: `{grade.file}`{', handed in late' if grade.late else ''}."]
    if grade.note:
        text += ["", f"Note: {grade.note}"]
    if total:
        text += ["", f"{grade.count(RIGHT)} of {total} right, {grade.count(NOT_ATTEMPTED)} not attempted."]
    for verdict in grade.verdicts:
        text += ["", f"## {verdict.name}: {verdict.outcome}"]
        if verdict.sentence:
            text += ["", verdict.sentence[0].upper() + verdict.sentence[1:]]
    return "\n".join(text) + "\n"


def feedback_names(files: Sequence[str]) -> dict[str, str]:
    """A name of its own for each file's feedback, also where two differ only in what a name cannot hold, or in case."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for file in files:
        plain = "".join(c if c.isalnum() or c in "-_.@+" else "_" for c in file.replace("/", "__")).lstrip(".")
        numbered = (f"{plain}-{number}" if number > 1 else plain for number in itertools.count(1))
        name = next(name for name in numbered if name.casefold() not in taken)
        taken.add(name.casefold())
        names[file] = f"{name}.md"
    return names
