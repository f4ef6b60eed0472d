"""`ganlab run` and `ganlab course`: what a reader sees while notebooks are executed."""

import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from ganlab.runner.console import console, say, short

ProfileOption = Annotated[str, typer.Option(help="class (minutes, on a laptop), smoke (seconds) or full (a GPU).")]
SolutionsOption = Annotated[bool, typer.Option("--solutions", help="Run the solved notebooks.")]


def run(
    chapter: Annotated[str, typer.Argument(help="The chapter's number or name, such as 01.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Set a parameter; repeatable.")
    ] = None,
    profile: ProfileOption = "class",
    out: Annotated[Path | None, typer.Option(help="The run's folder, instead of one under runs/.")] = None,
    solutions: SolutionsOption = False,
    again: Annotated[bool, typer.Option("--again", help="Run once more what is done already.")] = False,
    show_parameters: Annotated[bool, typer.Option("--parameters", help="Only list the chapter's parameters.")] = False,
) -> None:
    """Run one chapter with other parameters, and keep what it gives in a folder of its own."""
    from ganlab.runner.chapters import find_chapter, find_notebooks
    from ganlab.runner.kernels import Kernels, call_stoppably
    from ganlab.runner.parameters import parse_assignments
    from ganlab.runner.run import execute_run, finished_run, free_folder, plan_run

    notebooks = find_notebooks()
    found = find_chapter(notebooks, chapter)
    if show_parameters:
        _list_parameters(found.notebook(solutions))
        return
    plan = plan_run(found, profile=profile, given=parse_assignments(parameter or []), solutions=solutions)
    folder = out or notebooks.parent / "runs" / found.name / plan.key
    folder = free_folder(folder) if again else folder
    outcome = finished_run(folder, plan)
    if outcome:
        say(f"This run is done already ({short(folder)}); --again runs it once more.")
    else:
        with _Board(total=1) as board:
            board.started(found)
            kernels = Kernels()

            def work():
                return execute_run(plan, folder, kernels, lambda done, total: board.moved(found, done, total))

            outcome = call_stoppably(work, kernels)
            board.ended(outcome)
    if outcome.status == "failed":
        say(f"{found.name} failed in {outcome.line}", style="red")
        say(f"The notebook up to there: {short(folder / 'run.ipynb')}")
        raise typer.Exit(1)
    if outcome.line:
        say(f"result: {outcome.line}")
    say(f"{short(folder)}/run.ipynb")


def course(
    profile: ProfileOption = "class",
    workers: Annotated[int, typer.Option(min=1, help="Chapters to execute at a time.")] = 2,
    out: Annotated[Path | None, typer.Option(help="The folder, instead of build/course/<profile>.")] = None,
    solutions: SolutionsOption = False,
) -> None:
    """Execute all chapters and make their pages; what is done already is kept."""
    from ganlab.runner.chapters import find_notebooks
    from ganlab.runner.clock import duration
    from ganlab.runner.course import plan_course, run_course

    notebooks = find_notebooks()
    plans = plan_course(notebooks, profile, solutions=solutions)
    folder = out or notebooks.parent / "build" / "course" / (f"{profile}-solutions" if solutions else profile)
    with _Board(total=len(plans)) as board:
        outcomes = run_course(
            plans, folder, workers=workers, started=board.started, moved=board.moved, ended=board.ended
        )

    table = Table(title=f"The course, profile {profile}", title_justify="left")
    table.add_column("chapter", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("result", overflow="fold")
    for outcome in outcomes:
        time = duration(outcome.seconds) + (" (kept)" if outcome.status == "kept" else "")
        style = "red" if outcome.status == "failed" else None
        table.add_row(outcome.chapter.name, time, f"{'failed: ' * bool(style)}{outcome.line}", style=style)
    console.print(table, markup=False)
    say(f"Open {short(folder)}/index.html")
    if failed := [outcome.chapter.name for outcome in outcomes if outcome.status == "failed"]:
        say(f"{len(failed)} of {len(outcomes)} chapters failed: {', '.join(failed)}.", style="red")
        raise typer.Exit(1)


class _Board:
    """What is being executed: live bars on a terminal, one line a chapter elsewhere. Safe to call from any thread."""

    def __init__(self, total: int) -> None:
        self._live = console.is_terminal
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn(),
            console=console, transient=True, disable=not self._live,
        )  # fmt: skip
        self._total = total
        self._overall = self._progress.add_task("chapters", total=total, state=f"0 of {total}", visible=total > 1)
        self._ended = 0

    def __enter__(self) -> "_Board":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, chapter) -> None:
        with self._lock:
            self._tasks[chapter.name] = self._progress.add_task(chapter.name, total=None, state="starting")
        if not self._live:
            say(f"{chapter.name}: started")

    def moved(self, chapter, done: int, total: int) -> None:
        with self._lock:
            state = f"cell {done} of {total}"
            self._progress.update(self._tasks[chapter.name], completed=done, total=total, state=state)

    def ended(self, outcome) -> None:
        from ganlab.runner.clock import duration

        with self._lock:
            self._ended += 1
            if (task := self._tasks.pop(outcome.chapter.name, None)) is not None:
                self._progress.remove_task(task)
            self._progress.update(self._overall, completed=self._ended, state=f"{self._ended} of {self._total}")
        if not self._live or self._total > 1:
            say(f"{outcome.chapter.name}: {outcome.status}, {duration(outcome.seconds)}")


def _list_parameters(path: Path) -> None:
    import nbformat

    from ganlab.runner.parameters import read_parameters

    table = Table()
    for column in ("parameter", "type", "default", "what it may be", "what it is"):
        table.add_column(column, overflow="fold")
    for parameter in read_parameters(nbformat.read(path, as_version=4)).values():
        if parameter.name != "run_folder":
            default = repr(parameter.default)
            table.add_row(parameter.name, parameter.type, default, parameter.limits.replace("[", r"\["), parameter.help)
    console.print(table)
