"""`ganlab expected`: the committed runs that a learner's run is compared with."""

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from ganlab.errors import GanlabError
from ganlab.learn.expected import FOLDER, RECIPES, Recipe

app = typer.Typer(
    help="The committed runs that `expect` compares with: list them, make them again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command("list")
def list_expected() -> None:
    """Every experiment, and whether its runs are there."""
    from ganlab.learn.expected import read

    for name, recipe in RECIPES.items():
        committed = read(name)
        seeds = "not made yet" if committed is None else f"{len(committed['seeds'])} seeds"
        print(f"{name:24} chapter {recipe.chapter}, {', '.join(recipe.quantities)}: {seeds}")


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="which experiment; `ganlab expected list` shows them")],
    out: Annotated[Path | None, typer.Option(help="folder of the run; goes on from there if cut short")] = None,
) -> None:
    """Run an experiment's notebook over many seeds and put the results in data/expected/ (minutes)."""
    if name not in RECIPES:
        raise GanlabError(f"There is no experiment called {name!r}. There are: {', '.join(RECIPES)}.")
    path = make_expected(RECIPES[name], out)
    print(f"Wrote {path}.")


def make_expected(recipe: Recipe, out: Path | None = None) -> Path:
    """Run the recipe's notebook, keep the numbers of each seed with their circumstances, renew the manifest.

    Raises:
        GanlabError: the notebook failed, or its result does not hold one number for each seed.
    """
    from ganlab.data.store import write_json, write_manifest
    from ganlab.runner.chapters import find_chapter, find_notebooks
    from ganlab.runner.kernels import Kernels
    from ganlab.runner.run import execute_run, plan_run, read_json

    notebooks = find_notebooks()
    plan = plan_run(find_chapter(notebooks, recipe.chapter), given=recipe.parameters)
    run = out or notebooks.parent / "runs" / FOLDER / f"{recipe.name}-{plan.key}"
    outcome = execute_run(plan, run, Kernels())
    if outcome.status == "failed":
        raise GanlabError(f"The notebook failed: {outcome.line} (kept in {run}).")
    result, circumstances = read_json(run / "result.json"), read_json(run / "run.json")
    seeds = list(range(plan.parameters["seed"], plan.parameters["seed"] + plan.parameters["seeds"]))
    values = {key: numbers_of(result, key, len(seeds)) for key in recipe.quantities}

    folder = notebooks.parent / "data" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recipe.name}.json"
    write_json(
        path,
        {
            "notebook": plan.chapter.name,
            "command": f"ganlab expected make {recipe.name}",
            "parameters": {k: v for k, v in plan.parameters.items() if k not in ("seed", "seeds")},
            "seeds": seeds,
            "versions": circumstances.get("versions"),
            "device": circumstances.get("device"),
            "git": circumstances.get("git"),
            "seconds": outcome.seconds,
            "values": values,
        },
    )
    write_manifest(
        folder,
        sorted(file.name for file in folder.glob("*.json") if file.name != "manifest.json"),
        title="Results of the course's experiments over many seeds",
        licence="Apache-2.0",
        source="runs of the course's own notebooks",
        made_by="ganlab expected make NAME",
    )
    return path


def numbers_of(result: dict, key: str, seeds: int) -> list[float]:
    """One finite number for each seed from a notebook's result.json, rounded to six digits.

    Raises:
        GanlabError: there is no such entry, or it has another length or holds something else.
    """
    values = result.get(key)
    fits = isinstance(values, list) and len(values) == seeds
    if not fits or not all(isinstance(x, int | float) and math.isfinite(x) for x in values):
        shown = json.dumps(values)[:80]
        raise GanlabError(f"result.json should hold {seeds} finite numbers as {key!r}; it holds {shown}.")
    return [float(f"{x:.6g}") for x in values]
