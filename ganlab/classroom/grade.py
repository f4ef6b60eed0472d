"""Grading a folder of submissions, each judged in a process of its own, with bounds.

grades.csv              a row a student: how many right, and the outcome of each exercise and question
feedback/STUDENT.md     what each student gets back, with the reasons
"""

from __future__ import annotations

import csv
import io
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

from ganlab.classroom.submission import Submission, Work, read_submission, take_apart
from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.learn import chapters

SECONDS, MEGABYTES = 120, 3000
START = 60  # seconds that a busy machine may need to import torch
OUTCOMES = ("right", "not yet", "not attempted")


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


def find_submissions(folder: Path) -> list[Path]:
    """The notebooks and JSON files in a folder and the folders in it, without checkpoints and without what we wrote.

    Raises:
        GanlabError: there is no such folder, or nothing to grade in it.
    """
    if not folder.is_dir():
        raise GanlabError(f"{folder} is not a folder: give the one that holds the submissions.")
    found = sorted(
        path
        for path in (*folder.rglob("*.ipynb"), *folder.rglob("*.json"))
        if path.is_file() and not path.is_symlink() and ".ipynb_checkpoints" not in path.parts
    )
    if not found:
        raise GanlabError(f"There is no .ipynb or .json file in {folder}.")
    return found


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
    asked = [*chapters.exercises(chapter or None), *chapters.questions(chapter or None)]

    def one(path: Path) -> Grade:
        late = due is not None and path.stat().st_mtime > due.timestamp()
        file = path.relative_to(folder).as_posix()
        try:
            submission = read_submission(path)
        except GanlabError as error:
            return Grade(path.stem, file, late=late, note=str(error))
        return _grade(submission, file, late, asked, seconds, megabytes)

    grades = []
    with ThreadPoolExecutor(workers) as pool:
        for grade in pool.map(one, paths):
            grades.append(grade)
            graded(grade)
            write_atomically(out / "feedback" / f"{_file_name(grade)}.md", feedback(grade))
    write_atomically(out / "grades.csv", as_csv(grades))
    return grades


def _grade(submission: Submission, file: str, late: bool, asked: list[str], seconds: int, megabytes: int) -> Grade:
    work = take_apart(submission.cells)
    given = [attempt.name for attempt in work.attempts] + list(work.answers)
    # Without --chapter: everything of the chapters that the student opened.
    opened = {number for number in chapters.numbers() if set(given) & set(_names_of(number))}
    wanted = [name for name in asked if any(name in _names_of(number) for number in opened)]
    if not wanted:
        return Grade(submission.student, file, late=late, note="There is no exercise of the course in it.")
    verdicts, holds, note = judge_work(work, wanted, seconds, megabytes)
    return Grade(submission.student, file, [verdicts[name] for name in wanted], late, holds, note)


def _names_of(number: str) -> list[str]:
    return [*chapters.exercises(number), *chapters.questions(number)]


def judge_work(
    work: Work, wanted: Sequence[str], seconds: int = SECONDS, megabytes: int = MEGABYTES
) -> tuple[dict[str, Verdict], list[str], str]:
    """Verdicts by name for everything wanted, the bounds that held, and a note if the process came to a bad end."""
    exercises, questions = chapters.exercises(), chapters.questions()
    verdicts = {name: Verdict(name, "not attempted") for name in wanted}
    for name in set(wanted) & set(questions):
        verdicts[name] = _answered(questions[name], work.answers.get(name, ""))
    attempts = [attempt for attempt in work.attempts if attempt.name in wanted and attempt.name in exercises]
    for attempt in attempts:
        if attempt.fault:
            verdicts[attempt.name] = Verdict(attempt.name, "not yet", attempt.fault)
    whole = [attempt for attempt in attempts if not attempt.fault]
    if not whole:
        return verdicts, [], ""
    task = {
        "helpers": work.helpers,
        "attempts": [{"name": a.name, "source": a.source, "defines": a.defines} for a in whole],
    }
    lines, note = _run_worker(task, seconds, megabytes)
    holds: list[str] = []
    for line in lines:
        if "holds" in line:
            holds = [str(bound) for bound in line["holds"]]
        elif line.get("name") in verdicts and line.get("outcome") in OUTCOMES:
            verdicts[line["name"]] = Verdict(line["name"], line["outcome"], str(line.get("sentence", "")))
    judged = {line.get("name") for line in lines}
    if lost := [attempt.name for attempt in whole if attempt.name not in judged]:
        note = note or "its process was ended by the submission before everything was judged."
        verdicts |= {name: Verdict(name, "not yet", note) for name in lost}
    return verdicts, holds, note


def _answered(question, answer: str) -> Verdict:
    letter = answer.strip().lower().rstrip(").")
    if not letter:
        return Verdict(question.name, "not attempted")
    if letter not in question.letters:
        return Verdict(question.name, "not yet", f"{letter!r} is none of the answers.")
    return Verdict(question.name, "right" if letter == question.right else "not yet", question.choice(letter).response)


def _run_worker(task: dict, seconds: int, megabytes: int) -> tuple[list[dict], str]:
    """What the worker said, line by line, and in one sentence what cut it short, if anything did."""
    with tempfile.TemporaryDirectory(prefix="ganlab-grade-") as work:
        reading, writing = os.pipe()
        environment = {
            name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG", "PYTHONPATH") if name in os.environ
        } | {
            "HOME": work,
            "TMPDIR": work,
            "GANLAB_INTERACTIVE": "0",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLCONFIGDIR": work,
        }
        command = [sys.executable, "-m", "ganlab.classroom.worker", str(writing), work, str(seconds), str(megabytes)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
            pass_fds=(writing,), start_new_session=True, env=environment, cwd=work,
        )  # fmt: skip
        os.close(writing)
        said = bytearray()
        with ThreadPoolExecutor(1) as reader:
            done = reader.submit(_drain, reading, said)
            note = ""
            try:
                process.communicate(json.dumps(task), timeout=START + 3 * seconds)
            except subprocess.TimeoutExpired:
                note = f"it had not come to its end after {START + 3 * seconds} seconds, or waited for something."
            except BrokenPipeError:
                pass
            _kill_group(process)
            done.result(timeout=10)
        os.close(reading)
        if not note and process.returncode:
            note = _end_of(process.returncode, seconds, megabytes)
    return _lines(said), note


def _drain(reading: int, said: bytearray) -> None:
    while chunk := os.read(reading, 65536):
        if len(said) < 1_000_000:  # a submission that floods the pipe fills nobody's memory
            said += chunk


def _kill_group(process: subprocess.Popen) -> None:
    import signal

    try:
        os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def _end_of(code: int, seconds: int, megabytes: int) -> str:
    if code in (-24, -9):  # SIGXCPU, and SIGKILL a second later
        return f"it had computed for {seconds} seconds when it was stopped: look for a loop that never ends."
    return f"its process ended with code {code}: over {megabytes} MB of memory, or ended by the submission itself."


def _lines(said: bytearray) -> list[dict]:
    found = []
    for line in bytes(said).decode(errors="replace").splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict):
            found.append(content)
    return found


# What comes out ---------------------------------------------------------------------------------------------------


def as_csv(grades: Sequence[Grade]) -> str:
    """A row a submission; a column for each exercise and question that occurs."""
    names = list(dict.fromkeys(verdict.name for grade in grades for verdict in grade.verdicts))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student", "file", "late", *OUTCOMES, "bounds", "note", *names])
    for grade in grades:
        outcomes = {verdict.name: verdict.outcome for verdict in grade.verdicts}
        counts = [grade.count(outcome) for outcome in OUTCOMES]
        row = [grade.student, grade.file, "late" if grade.late else "", *counts, " ".join(grade.holds), grade.note]
        writer.writerow([_harmless(cell) for cell in (*row, *(outcomes.get(name, "") for name in names))])
    return text.getvalue()


def _harmless(cell: object) -> object:
    """A spreadsheet takes a text that begins with one of these for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t")) else cell


def feedback(grade: Grade) -> str:
    """What the student gets back, as Markdown."""
    total = len(grade.verdicts)
    text = [f"# {grade.student}", "", f"File: `{grade.file}`{', handed in late' if grade.late else ''}."]
    if grade.note:
        text += ["", f"Note: {grade.note}"]
    if total:
        text += ["", f"{grade.count('right')} of {total} right, {grade.count('not attempted')} not attempted."]
    for verdict in grade.verdicts:
        text += ["", f"## {verdict.name}: {verdict.outcome}"]
        if verdict.sentence:
            text += ["", verdict.sentence[0].upper() + verdict.sentence[1:]]
    return "\n".join(text) + "\n"


def _file_name(grade: Grade) -> str:
    stem = grade.file.rsplit(".", 1)[0].replace("/", "__")
    return "".join(c if c.isalnum() or c in "-_.@+" else "_" for c in stem).lstrip(".") or "submission"
