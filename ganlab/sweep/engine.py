"""Running a sweep on any `concurrent.futures.Executor`: threads, processes, or a dask cluster of many machines.

A run has a folder named after all that its numbers depend on (`runs/NN_name/<key>`), the same one that `ganlab run`
uses: what is there is never run again. A worker that sees this folder works in it: what a killed worker left there,
checkpoints for one, is there for the next. A worker on another machine works in a folder of its own and sends the files
back with its answer: no shared disk is needed.
"""

from __future__ import annotations

import tempfile
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.runner.chapters import Chapter
from ganlab.runner.kernels import Kernels
from ganlab.runner.run import Plan, code_fingerprint, execute_run, finished_run, read_json
from ganlab.sweep.spec import Sweep

AT_ONCE = 256


@dataclass(frozen=True)
class Row:
    """How one run of a sweep ended. `line` is its result, or in one line why it failed."""

    plan: Plan
    folder: Path
    status: Literal["done", "kept", "failed"]
    seconds: float
    line: str

    @property
    def result(self) -> dict[str, Any]:
        return read_json(self.folder / "result.json") if self.status != "failed" else {}


@dataclass(frozen=True)
class Task:
    """A run as it travels to a worker, with all that one on another machine needs."""

    plan: Plan
    folder: Path
    notebook: bytes
    fingerprint: str
    token: str  # the name of a file in `runs`: who sees it shares our disk
    threads: int


@dataclass(frozen=True)
class Answer:
    """What a worker sends back: how it went and, from another machine, the run's files."""

    status: Literal["done", "kept", "failed"]
    seconds: float
    line: str
    files: dict[str, bytes] = field(default_factory=dict)


def run_sweep(
    sweep: Sweep,
    runs: Path,
    executor: Executor,
    *,
    retries: int = 1,
    threads: int = 1,
    ended: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Run what is not done yet; rows come in the order of the sweep's plans.

    Args:
        sweep: from `read_sweep`.
        runs: the folder that holds a folder for each chapter and, in it, one for each run.
        executor: anything with `submit`; it is not shut down here.
        retries: how often a run is given to a worker again after its worker (not its notebook) died.
        threads: of each run's kernel.
        ended: called in this thread with each row as it comes, kept ones first.

    Raises:
        GanlabError: `runs` cannot be used.
    """
    rows: dict[str, Row] = {}

    def end(row: Row) -> None:
        rows[row.plan.key] = row
        ended(row)

    missing = []
    for plan in sweep.plans:
        folder = run_folder(runs, plan)
        kept = finished_run(folder, plan)
        if kept:
            end(Row(plan, folder, "kept", kept.seconds, kept.line))
        else:
            missing.append(plan)
    with _token(runs) as token:
        fingerprint = code_fingerprint()
        text = sweep.plans[0].notebook.read_bytes()
        tasks = [Task(plan, run_folder(runs, plan), text, fingerprint, token, threads) for plan in missing]
        for task, answer in _answers(tasks, executor, retries):
            end(_receive(task, answer))
    return [rows[plan.key] for plan in sweep.plans]


def run_folder(runs: Path, plan: Plan) -> Path:
    """Where the run of a plan is kept: the same folder for the same numbers, whoever asks for them."""
    return runs.resolve() / plan.chapter.name / plan.key


def run_task(task: Task) -> Answer:
    """Do one run, on whatever machine this is. What goes wrong is an answer, not an exception."""
    try:
        if (task.folder.parent.parent / task.token).exists():
            _check_unchanged(task)
            outcome = execute_run(task.plan, task.folder, _kernels(task))
            return Answer(outcome.status, outcome.seconds, outcome.line)
        return _run_elsewhere(task)
    except GanlabError as error:
        return Answer("failed", 0.0, str(error))


def _kernels(task: Task) -> Kernels:
    return Kernels(processes=1, threads=task.threads)  # one core a run, unless it was given more threads


def _check_unchanged(task: Task) -> None:
    # The folder is named after the code and the notebook as they were at the start: other ones make another run.
    if code_fingerprint() != task.fingerprint or task.plan.notebook.read_bytes() != task.notebook:
        raise GanlabError(
            "The notebook, the code or the data were changed while the sweep went on: the same command runs this "
            "again, and what was finished before the change, too."
        )


def _run_elsewhere(task: Task) -> Answer:
    if code_fingerprint() != task.fingerprint:
        raise GanlabError(
            "This worker has other code or data (ganlab, torch and the like, Python) than the machine that started "
            "the sweep: install the same versions on both."
        )
    with tempfile.TemporaryDirectory(prefix="ganlab-run-") as here:
        name = task.plan.chapter.name
        notebook = Path(here) / f"{name}.ipynb"
        notebook.write_bytes(task.notebook)
        plan = replace(task.plan, chapter=Chapter(name, Path(here)), notebook=notebook)
        outcome = execute_run(plan, Path(here) / "run", _kernels(task))
        # All that lies in the folder itself: numbers, trained networks, the notebook. Checkpoints stay behind.
        files = {path.name: path.read_bytes() for path in outcome.folder.glob("[!.]*") if path.is_file()}
        return Answer(outcome.status, outcome.seconds, outcome.line, files)


def _answers(tasks: list[Task], executor: Executor, retries: int) -> Iterator[tuple[Task, Answer]]:
    waiting: dict[Future, tuple[Task, int]] = {}
    queue = deque((task, 0) for task in tasks)
    try:
        while queue or waiting:
            # Not all at once: each task carries the notebook, and a cluster would hold thousands of them.
            while queue and len(waiting) < AT_ONCE:
                task, tries = queue.popleft()
                try:
                    waiting[executor.submit(run_task, task)] = (task, tries)
                except Exception as error:  # a pool whose process was killed takes no more
                    yield task, _lost(error)
            finished, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                task, tries = waiting.pop(future)
                error = future.exception()
                if error is None:
                    yield task, future.result()
                elif tries < retries:
                    queue.append((task, tries + 1))
                else:
                    yield task, _lost(error)
    finally:
        for future in waiting:
            future.cancel()


def _lost(error: BaseException) -> Answer:
    return Answer("failed", 0.0, f"its worker was lost ({type(error).__name__}: {error})")


def _receive(task: Task, answer: Answer) -> Row:
    for file in sorted(answer.files, key="run.json".__eq__):  # run.json last: it says that all is there
        write_atomically(task.folder / file, answer.files[file])
    return Row(task.plan, task.folder, answer.status, answer.seconds, answer.line)


@contextmanager
def _token(runs: Path) -> Iterator[str]:
    runs.mkdir(parents=True, exist_ok=True)
    token = runs.resolve() / f".sweep-{uuid.uuid4().hex}"
    token.touch()
    try:
        yield token.name
    finally:
        token.unlink(missing_ok=True)
