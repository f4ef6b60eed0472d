"""Generate, execute and write the notebooks of the course; or only compare them with their sources."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from ganlab.authoring.normalise import inputs, normalise, to_text
from ganlab.authoring.source import generate, has_solutions
from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.runner.chapters import Chapter
from ganlab.runner.failures import describe_failure
from ganlab.runner.kernels import Kernels, OnCell, execute


class BuildFailed(GanlabError):
    """A cell failed while a notebook was being made; `traceback` is what the kernel printed."""

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


@dataclass(frozen=True)
class Target:
    """One committed notebook: the learner's or the solved one of a chapter."""

    chapter: Chapter
    solved: bool

    @property
    def path(self) -> Path:
        return self.chapter.solved if self.solved else self.chapter.learner

    @property
    def label(self) -> str:
        return f"notebooks/{self.path.relative_to(self.chapter.notebooks).as_posix()}"

    def generated(self) -> NotebookNode:
        """What the source makes of this notebook, without outputs."""
        try:
            return generate(self.chapter.source.read_text(encoding="utf-8"), solved=self.solved)
        except GanlabError as error:
            raise GanlabError(f"notebooks/src/{self.chapter.name}.py: {error}") from None


def targets(chapter: Chapter) -> list[Target]:
    """The notebooks that a chapter's source makes: the learner's, and the solved one if it has solutions.

    Raises:
        GanlabError: the chapter has a notebook but no source.
    """
    if not chapter.source.exists():
        raise GanlabError(f"notebooks/{chapter.name}.ipynb has no source notebooks/src/{chapter.name}.py.")
    solvable = has_solutions(chapter.source.read_text(encoding="utf-8"))
    return [Target(chapter, False)] + ([Target(chapter, True)] if solvable else [])


def drift(chapter: Chapter) -> list[str]:
    """What is wrong between a chapter's source and its committed notebooks, one sentence each; outputs aside."""
    try:
        made = targets(chapter)
        found = [problem for target in made if (problem := _drift_of(target))]
    except GanlabError as error:
        return [str(error)]
    if len(made) == 1 and chapter.solved.exists():
        found.append(f"notebooks/solutions/{chapter.name}.ipynb: its source has no solution, so it should not exist.")
    return found


def _drift_of(target: Target) -> str | None:
    remedy = f"run `ganlab notebooks build {target.chapter.number}`"
    expected = target.generated()
    if not target.path.exists():
        return f"{target.label} does not exist: {remedy}."
    try:
        committed = nbformat.read(target.path, as_version=4)
    except Exception as error:  # nbformat raises many types for a broken file
        return f"{target.label} cannot be read ({type(error).__name__}): {remedy}."
    if to_text(inputs(committed)) == to_text(expected):
        return None
    pairs = zip(committed.cells, expected.cells, strict=False)
    differing = (n for n, (a, b) in enumerate(pairs, 1) if (a.source, a.metadata, a.id) != (b.source, b.metadata, b.id))
    where = next(differing, min(len(committed.cells), len(expected.cells)) + 1)
    if where > max(len(committed.cells), len(expected.cells)):
        return f"{target.label} differs from its source in the notebook's metadata: {remedy}."
    return f"{target.label} differs from its source, first in cell {where}: {remedy}."


def is_current(target: Target) -> bool:
    """Whether the committed notebook follows from the source and has been executed to its end."""
    if _drift_of(target):
        return False
    committed = nbformat.read(target.path, as_version=4)
    return all(cell.execution_count for cell in committed.cells if cell.cell_type == "code" and cell.source.strip())


def build(
    target: Target, kernels: Kernels, *, force: bool = False, on_cell: OnCell | None = None
) -> Literal["current", "unchanged", "written"]:
    """Execute a notebook and write it, unless it is current already.

    Returns:
        `current`: nothing was executed; `unchanged`: it was executed and gave what is there; `written`.
    Raises:
        BuildFailed: a cell failed; the committed notebook is as it was.
    """
    if not force and is_current(target):
        return "current"
    notebook = target.generated()
    try:
        execute(notebook, kernels, cwd=target.chapter.notebooks, on_cell=on_cell)
    except (CellExecutionError, DeadKernelError) as error:
        message = f"{target.label} failed in {describe_failure(notebook, error)}"
        raise BuildFailed(message, str(error)) from error
    notebook.metadata = target.generated().metadata  # the kernel has put its own versions there
    normalise(notebook)
    nbformat.validate(notebook)
    text = to_text(notebook)
    if target.path.exists() and target.path.read_text(encoding="utf-8") == text:
        return "unchanged"
    write_atomically(target.path, text)
    return "written"
