"""`ganlab notebooks`: make the committed notebooks from their sources, and hold the rules for their cells."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from ganlab.errors import GanlabError
from ganlab.runner.console import console, say

app = typer.Typer(help="For authors: make the notebooks from notebooks/src and check them.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Chapters, by number or name; all of them when left out.")]


@app.command()
def build(
    names: Names = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare the committed notebooks with their sources.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Execute also what is current, after a change in the package.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Notebooks to execute at a time.")] = 1,
) -> None:
    """Generate notebooks from notebooks/src, execute them and write them with their outputs."""
    from ganlab.authoring.build import build as build_one
    from ganlab.authoring.build import drift, targets
    from ganlab.runner.kernels import Kernels, results_stoppably

    selected = _select(names)
    if check:
        problems = [problem for chapter in selected for problem in drift(chapter)]
        for problem in problems:
            say(problem, style="red")
        if problems:
            raise typer.Exit(1)
        say(f"{len(selected)} chapters follow from their sources.")
        return

    made, failed = [], 0
    for chapter in selected:
        try:
            of_chapter = targets(chapter)
        except GanlabError as error:
            failed += _report(error)
            continue
        if len(of_chapter) == 1 and chapter.solved.exists():
            chapter.solved.unlink()
            say(f"notebooks/solutions/{chapter.name}.ipynb: removed, its source has no solution")
        made += of_chapter

    kernels, at = Kernels(), {}
    with console.status("starting") as status, ThreadPoolExecutor(max_workers=workers) as pool:

        def one(target) -> str:
            def show(done: int, total: int) -> None:
                at[target.label] = f"{target.label}: cell {done} of {total}"
                status.update(", ".join(at.values()))

            try:
                return f"{target.label}: {build_one(target, kernels, force=force, on_cell=show)}"
            finally:
                at.pop(target.label, None)

        for future in results_stoppably([pool.submit(one, target) for target in made], kernels):
            try:
                say(future.result())
            except GanlabError as error:
                failed += _report(error)
    if failed:
        raise typer.Exit(1)


@app.command()
def lint(names: Names = None) -> None:
    """Check the rules that a committed notebook must keep for nbval, papermill and readers."""
    from ganlab.authoring.lint import lint_chapter

    selected = _select(names)
    problems = [problem for chapter in selected for problem in lint_chapter(chapter)]
    for problem in problems:
        say(problem, style="red")
    if problems:
        raise typer.Exit(1)
    say(f"{len(selected)} chapters keep the rules.")


def _select(names: list[str] | None):
    from ganlab.runner.chapters import chapters, find_chapter, find_notebooks

    notebooks = find_notebooks()
    return [find_chapter(notebooks, name) for name in names] if names else chapters(notebooks)


def _report(error: GanlabError) -> int:
    say(str(error), style="red")
    if traceback := getattr(error, "traceback", ""):
        print(traceback)
    return 1


@app.command()
def minutes(
    course: Annotated[Path | None, typer.Option(help="Where chapters were executed, instead of build/alone.")] = None,
) -> None:
    """Put measured minutes into the README's table, after `ganlab course --workers 1 --out build/alone`."""
    from ganlab.runner.chapters import find_notebooks
    from ganlab.runner.minutes import BUDGET, rewrite

    root = find_notebooks().parent
    for name, value in rewrite(root / "README.md", course or root / "build" / "alone").items():
        over = f", over the {BUDGET:g} of a chapter" if value > BUDGET else ""
        say(f"{name}: {value:.1f} minutes{over}")
