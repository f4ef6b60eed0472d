"""`ganlab sweep`: what a reader sees while many runs go on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ganlab.runner.console import console, say, short

if TYPE_CHECKING:
    from ganlab.runner.run import Plan
    from ganlab.sweep.engine import Row
    from ganlab.sweep.spec import Sweep

SHOWN = 12  # rows of the live table


def sweep(
    file: Annotated[Path, typer.Argument(help="The sweep's YAML file; `ganlab sweep --example` prints one.")] = None,
    scheduler: Annotated[
        str, typer.Option(help="A dask scheduler, such as tcp://host:8786, instead of this machine's cores.")
    ] = "",
    workers: Annotated[int, typer.Option(min=0, help="Runs at a time on this machine; 0: one a core.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each run.")] = 1,
    retries: Annotated[int, typer.Option(min=0, help="How often a run is repeated whose worker died.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for runs and tables, instead of runs/.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would run, and how long.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Print a sweep file to start from.")] = False,
) -> None:
    """Run one notebook with many parameter sets and seeds; what is done already is kept."""
    from joblib import cpu_count

    from ganlab.errors import GanlabError
    from ganlab.runner.chapters import find_notebooks
    from ganlab.runner.run import finished_run
    from ganlab.sweep import read_sweep, run_sweep, shared_seeds, spec, write_table
    from ganlab.sweep.cluster import dask_executor
    from ganlab.sweep.engine import run_folder
    from ganlab.sweep.table import made_with

    if example:
        say(spec.example().rstrip())
        return
    if file is None:
        raise GanlabError("Which sweep? Give its YAML file; `ganlab sweep --example` prints one to start from.")
    notebooks = find_notebooks()
    plan = read_sweep(file, notebooks)
    runs = (out or notebooks.parent / "runs").resolve()
    workers = workers or max(1, cpu_count() // threads)
    missing = [p for p in plan.plans if not finished_run(run_folder(runs, p), p)]
    kept = len(plan.plans) - len(missing)
    first = plan.plans[0]
    say(
        f"{plan.name}: {_count(len(plan.plans), 'run')} of {first.chapter.name} ({first.profile}), {kept} kept, "
        f"{len(missing)} to run."
    )
    if missing and not scheduler:
        say(f"{workers} at a time: {_how_long(plan, missing, runs, workers)}.")
    if shared := shared_seeds(plan):
        say(shared)
    if dry_run:
        _list(plan, missing)
        return

    folder = runs / "sweeps" / plan.name
    engine = f"dask at {scheduler}" if scheduler else f"dask on this machine, {workers} workers, {threads} threads each"
    board, origin = _Board(plan), made_with()
    try:
        with board:
            if missing:
                with dask_executor(scheduler, workers) as executor:
                    run_sweep(plan, runs, executor, retries=retries, threads=threads, ended=board.ended)
            else:
                run_sweep(plan, runs, None, ended=board.ended)
    finally:  # interrupted, too: what has ended is a table
        rows = board.rows
        if rows:
            say(f"{_count(len(rows), 'run')}: {board.state}.")
            for path in write_table(plan, rows, folder, engine, origin):
                say(short(path))
    if any(row.status != "failed" for row in rows):
        say(f"Tables with intervals and figures: ganlab run 12 -p runs={short(folder)}")
    if failed := [row for row in rows if row.status == "failed"]:
        say(f"{len(failed)} of {len(rows)} runs failed; the same command runs only these again:", style="red")
        for row in failed[:SHOWN]:
            notebook = row.folder / "run.ipynb"  # with the traceback; none where the worker was lost
            where = short(notebook if notebook.exists() else row.folder)
            say(f"  {_settings(plan, row.plan)}: {row.line} ({where})", style="red")
        if len(failed) > SHOWN:
            say(f"  and {len(failed) - SHOWN} more: see status in table.csv", style="red")
        raise typer.Exit(1)


class _Board:
    """The sweep as it goes on: a bar and the latest rows on a terminal, one line a run elsewhere."""

    def __init__(self, plan) -> None:
        self._plan = plan
        self._ended: dict[str, Row] = {}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=console,
        )  # fmt: skip
        self._task = self._progress.add_task(plan.name, total=len(plan.plans), state="")
        self._live = Live(self._draw(), console=console, transient=True, refresh_per_second=4)

    def __enter__(self) -> _Board:
        if console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    @property
    def rows(self) -> list[Row]:
        """The runs that have ended, in the order of the sweep."""
        return [self._ended[one.key] for one in self._plan.plans if one.key in self._ended]

    @property
    def state(self) -> str:
        counts = Counter(row.status for row in self._ended.values())
        return ", ".join(f"{counts[status]} {status}" for status in ("done", "kept", "failed") if counts[status])

    def ended(self, row: Row) -> None:
        from ganlab.runner.clock import duration

        self._ended[row.plan.key] = row
        self._progress.update(self._task, advance=1, state=self.state)
        if console.is_terminal:
            self._live.update(self._draw())
        elif row.status != "kept":
            say(f"{_settings(self._plan, row.plan)}: {row.status}, {duration(row.seconds)}: {row.line}")

    def _draw(self) -> Group:
        table = Table(expand=False)
        for name in (*self._plan.varied, "status"):
            table.add_column(name, overflow="fold")
        table.add_column("result", overflow="ellipsis", no_wrap=True)
        # The bar stands below the table: a table higher than the terminal would push it out of sight.
        room = max(1, console.height - 6)
        for row in list(self._ended.values())[-min(room, SHOWN) :]:
            values = [str(row.plan.parameters[name]) for name in self._plan.varied]
            table.add_row(*values, row.status, row.line, style="red" if row.status == "failed" else None)
        return Group(table, self._progress)


def _how_long(sweep: Sweep, missing: list[Plan], runs: Path, workers: int) -> str:
    """What runs here took, else what the sweep's file says of one, else the minutes that the README has measured."""
    from ganlab.runner.clock import duration
    from ganlab.runner.minutes import minutes_in
    from ganlab.sweep import estimate_seconds

    if (seconds := estimate_seconds(missing, runs, workers)) is not None:
        return f"about {duration(seconds)}, as runs of this chapter took so far"
    if sweep.minutes is not None:
        turns = -(-len(missing) // workers)
        return f"about {duration(60 * sweep.minutes * turns)}, at {sweep.minutes:g} min a run, as the sweep's file says"
    plan = missing[0]
    readme = plan.chapter.notebooks.parent / "README.md"
    minutes = minutes_in(readme.read_text("utf-8")) if readme.exists() else {}
    if plan.profile != "class" or plan.chapter.name not in minutes:
        return "how long is not known yet, for no such run has been finished"
    usual = duration(60 * minutes[plan.chapter.name])
    return f"no such run has been finished here; one with the chapter's own parameters takes about {usual}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _settings(plan, one) -> str:
    varied = plan.varied or ["seed"]
    return ", ".join(f"{name}={one.parameters[name]}" for name in varied if name in one.parameters)


def _list(plan, missing) -> None:
    keys = {one.key for one in missing}
    for one in plan.plans:
        say(f"  {'run ' if one.key in keys else 'kept'}  {_settings(plan, one)}")
