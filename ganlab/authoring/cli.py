"""`ganlab notebooks`: make the committed notebooks from their sources, and hold the rules for their cells."""

from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from ganlab.errors import GanlabError

app = typer.Typer(help="For authors: make the notebooks from notebooks/src and check them.", no_args_is_help=True)
console = Console()

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
) -> None:
    """Generate notebooks from notebooks/src, execute them and write them with their outputs."""
    from ganlab.authoring.build import build as build_one
    from ganlab.authoring.build import drift, targets
    from ganlab.runner.kernels import Kernels, call_stoppably

    selected = _select(names)
    if check:
        problems = [problem for chapter in selected for problem in drift(chapter)]
        for problem in problems:
            console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
        if problems:
            raise typer.Exit(1)
        console.print(f"{len(selected)} chapters follow from their sources.")
        return

    kernels = Kernels()
    failed = 0
    for chapter in selected:
        try:
            made = targets(chapter)
        except GanlabError as error:
            failed += _report(error)
            continue
        if len(made) == 1 and chapter.solved.exists():
            chapter.solved.unlink()
            console.print(f"notebooks/solutions/{chapter.name}.ipynb: removed, its source has no solution")
        for target in made:
            with console.status(f"{target.label}: starting") as status:

                def show(done: int, total: int, label: str = target.label, status=status) -> None:
                    status.update(f"{label}: cell {done} of {total}")

                try:
                    outcome = call_stoppably(partial(build_one, target, kernels, force=force, on_cell=show), kernels)
                except GanlabError as error:
                    failed += _report(error)
                    continue
            console.print(f"{target.label}: {outcome}", highlight=False)
    if failed:
        raise typer.Exit(1)


@app.command()
def lint(names: Names = None) -> None:
    """Check the rules that a committed notebook must keep for nbval, papermill and readers."""
    from ganlab.authoring.lint import lint_chapter

    selected = _select(names)
    problems = [problem for chapter in selected for problem in lint_chapter(chapter)]
    for problem in problems:
        console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    console.print(f"{len(selected)} chapters keep the rules.")


def _select(names: list[str] | None):
    from ganlab.runner.chapters import chapters, find_chapter, find_notebooks

    notebooks = find_notebooks()
    return [find_chapter(notebooks, name) for name in names] if names else chapters(notebooks)


def _report(error: GanlabError) -> int:
    console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    if traceback := getattr(error, "traceback", ""):
        print(traceback)
    return 1
