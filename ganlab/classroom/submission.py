"""What a student hands in: a notebook, or the small JSON file that `ganlab submit` makes of notebooks.

Both are read as text. Nothing in them runs here; see `ganlab.classroom.grade`.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.runner.run import read_json

FORMAT = 2
LARGEST = 20_000_000  # bytes of a file that is read at all
NAME = re.compile(r"[\w][\w .@+-]{0,79}")
EXERCISE = re.compile(r"""^\s*@exercise\(\s*["']([\w.]+)["']\s*\)""", re.MULTILINE)
ASKS = ("predict", "note")  # functions whose call holds an answer: of a chapter, of the concept test
NAMELESS = re.compile(r"\d\d_|concept_test_")  # how the course's own notebooks begin: not with a student's name
MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)


@dataclass(frozen=True)
class Submission:
    """One student's code cells, in order, by notebook, and results of runs, by chapter."""

    student: str
    notebooks: dict[str, list[str]]
    results: dict[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> list[str]:
        return [cell for cells in self.notebooks.values() for cell in cells]


def read_submission(path: Path, folder: Path | None = None) -> Submission:
    """A notebook or a submission file; the student is named by the file, or by its folder if that is a course's name.

    Args:
        folder: the one of all submissions, which names nobody.

    Raises:
        GanlabError: too large, neither a notebook nor a submission, or a concept test that does not say whose it is.
    """
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise GanlabError(f"{path.name} has {size / 1e6:.0f} MB; a submission has at most 20.")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise GanlabError(f"{path} cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise GanlabError(f"{path.name} is broken: it is not JSON, as notebooks and submissions are.") from None
    if path.suffix == ".ipynb":
        if path.parent == folder and path.name.startswith("concept_test_"):
            raise GanlabError(f"{path.name} does not say whose it is: put it into a folder with the student's name.")
        student = path.resolve().parent.name if NAMELESS.match(path.name) else path.stem
        return Submission(student, {path.name: _code_cells(content, path)})
    try:
        if content["ganlab_submission"] != FORMAT:
            raise ValueError
        student, notebooks, results = content["student"], content["notebooks"], content.get("results", {})
        if not (isinstance(student, str) and NAME.fullmatch(student) and isinstance(results, dict)):
            raise ValueError
        if not all(
            isinstance(cells, list) and all(isinstance(cell, str) for cell in cells) for cells in notebooks.values()
        ):
            raise ValueError
    except (AttributeError, KeyError, TypeError, ValueError):
        raise GanlabError(f"{path.name} is no submission of this version: hand in the notebook itself.") from None
    return Submission(student, notebooks, results)


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


def make_submission(student: str, notebooks: list[Path], results: list[Path], out: Path) -> Path:
    """Put the code cells of notebooks, and `result.json` files of runs, into one small file.

    What the student put there before stays, but for notebooks of the same name and results of the same chapter.

    Raises:
        GanlabError: a name that cannot be a file's, an unreadable notebook, no exercise in any of them, or a file of
            somebody else's in that place.
    """
    if not NAME.fullmatch(student):
        raise GanlabError(f"'{student}' cannot be used as a name: letters, digits, spaces and . @ + - _ are fine.")
    cells_by_notebook: dict[str, list[str]] = {}
    for path in notebooks:
        for name, cells in read_submission(path).notebooks.items():
            cells_by_notebook.setdefault(name, []).extend(cells)
    cells = [cell for own in cells_by_notebook.values() for cell in own]
    if not any(EXERCISE.search(cell) for cell in cells) and not take_apart(cells).answers:
        raise GanlabError("There is no exercise in what you hand in: give the notebooks that you worked in.")
    results_by_chapter: dict[str, list] = {}
    for path in results:
        results_by_chapter.setdefault(_chapter_of(path), []).append(_result(path))
    path = out / f"{student.replace(' ', '_')}.json"
    earlier = _earlier(path, student)
    content = {
        "ganlab_submission": FORMAT,
        "student": student,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "notebooks": _renewed(earlier.notebooks, cells_by_notebook),  # the last attempt counts, so new ones are last
        "results": _renewed(earlier.results, results_by_chapter),
    }
    write_atomically(path, json.dumps(content, indent=1) + "\n")
    return path


def _earlier(path: Path, student: str) -> Submission:
    if not path.exists():
        return Submission(student, {})
    try:
        earlier = read_submission(path)
    except GanlabError:
        raise GanlabError(
            f"{path} exists and is no submission of this version: choose another folder, --out."
        ) from None
    if earlier.student != student:
        raise GanlabError(f"{path} is the submission of {earlier.student!r}: choose another folder, --out.")
    return earlier


def _renewed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in old.items() if name not in new} | new


@dataclass(frozen=True)
class Attempt:
    """What a submission says to one exercise: the source of a function or class, or why there is none."""

    name: str
    source: str = ""
    defines: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Work:
    """A submission taken apart: attempts in their order, answers to questions, and what the attempts may build on."""

    attempts: list[Attempt]
    answers: dict[str, str]
    helpers: list[str]


def take_apart(cells: list[str]) -> Work:
    """Find attempts, answers and helpers without running anything.

    Helpers are imports, functions, classes and constants of all cells. Training, figures and downloads are left out:
    grading a notebook takes seconds, whatever the notebook takes.
    """
    attempts: dict[str, Attempt] = {}
    answers: dict[str, str] = {}
    helpers: list[str] = []
    constants: dict[str, Any] = {}
    for cell in cells:
        try:
            statements = [(statement, ast.unparse(statement)) for statement in _parsed(cell)]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            for name in EXERCISE.findall(cell):
                where = f" in line {error.lineno} of the cell" if getattr(error, "lineno", None) else ""
                attempts[name] = Attempt(name, fault=f"the cell is not Python: {getattr(error, 'msg', error)}{where}.")
            continue
        for statement, source in statements:
            name = _exercise_of(statement)
            if name:
                statement.decorator_list = []
                attempts[name] = Attempt(name, ast.unparse(statement), statement.name)
            elif isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
                helpers.append(source)
            elif isinstance(statement, ast.Assign | ast.AnnAssign) and _is_constant(statement.value):
                helpers.append(source)
                constants |= _assigned(statement)
            if asked := _question_of(statement, constants):
                answers |= asked
    return Work(list(attempts.values()), answers, helpers)


def _parsed(cell: str) -> list[ast.stmt]:
    try:
        return ast.parse(cell).body
    except SyntaxError:  # perhaps for the notebook's own commands, such as %time
        return ast.parse(MAGIC.sub(r"\1pass", cell)).body


def _exercise_of(statement: ast.stmt) -> str:
    for decorator in getattr(statement, "decorator_list", []):
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "exercise" and decorator.args:
            value = getattr(decorator.args[0], "value", "")
            return value if isinstance(value, str) else ""
    return ""


def _question_of(statement: ast.stmt, constants: dict[str, Any]) -> dict[str, str]:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") in ASKS and call.args):
        return {}
    name = getattr(call.args[0], "value", None)
    given = call.args[1] if len(call.args) > 1 else None
    answer = constants.get(given.id, "") if isinstance(given, ast.Name) else getattr(given, "value", "")
    return {name: str(answer)[:20]} if isinstance(name, str) else {}


def _is_constant(value: ast.expr | None) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _assigned(statement: ast.Assign | ast.AnnAssign) -> dict[str, Any]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    value = ast.literal_eval(statement.value)
    return {target.id: value for target in targets if isinstance(target, ast.Name)}


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV. What comes from strangers cannot become a formula in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: object) -> object:
    """A spreadsheet takes a text that begins with one of these for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _code_cells(content: Any, path: Path) -> list[str]:
    try:
        return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    except (KeyError, TypeError):
        raise GanlabError(f"{path.name} is broken: it is JSON, but no notebook.") from None


def _chapter_of(result: Path) -> str:
    """The chapter that a run was of, as the run.json beside its result says; else the folder's name."""
    return str(read_json(result.with_name("run.json")).get("chapter", result.resolve().parent.name))


def _result(path: Path) -> Any:
    try:
        if path.stat().st_size > 100_000:
            raise GanlabError(f"{path} is too large for a result ({path.stat().st_size / 1000:.0f} kB).")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise GanlabError(f"{path} is not the result.json of a run.") from None
