"""One run of one chapter: checked before anything starts, executed by papermill, kept in a folder of its own.

What is in the folder:

    run.json      what was run, with which parameters, versions and device, and how it ended
    run.ipynb     the executed notebook
    result.json   the result line and the numbers behind it, written by the notebook's last cell
"""

import hashlib
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

import ganlab
from ganlab import files
from ganlab.data.store import MANIFEST, embedded_folder
from ganlab.errors import GanlabError
from ganlab.files import locked, write_atomically
from ganlab.runner.chapters import Chapter
from ganlab.runner.failures import describe_failure
from ganlab.runner.kernels import Kernels, OnCell
from ganlab.runner.parameters import Parameter, check_parameters, read_parameters
from ganlab.runner.profiles import read_profile

# What a notebook computes does not depend on these parts of the package.
_NOT_IN_RESULTS = {"cli.py", "doctor.py", "authoring", "classroom", "runner", "sweep", "_data"}
_BASE = ("torch", "torchvision", "torchmetrics", "numpy", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Plan:
    """A run that can start: every parameter has its checked value (`run_folder` aside, which is set at the start)."""

    chapter: Chapter
    notebook: Path
    profile: str
    parameters: dict[str, Any]
    key: str  # equal for equal notebooks, parameters and code: the same key means the same result


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `line` is its result, or in one line why it failed."""

    chapter: Chapter
    folder: Path
    status: Literal["done", "kept", "failed"]
    seconds: float
    line: str


def plan_run(
    chapter: Chapter, *, profile: str = "class", given: Mapping[str, Any] | None = None, solutions: bool = False
) -> Plan:
    """Check everything about a run without starting it: the profile's parameters first, then the given ones.

    Raises:
        GanlabError: no such profile or notebook, an unknown parameter, a wrong type, a value out of range.
    """
    return plan_runs(chapter, [given or {}], profile=profile, solutions=solutions)[0]


def plan_runs(
    chapter: Chapter, settings: Sequence[Mapping[str, Any]], *, profile: str = "class", solutions: bool = False
) -> list[Plan]:
    """A checked plan for each of the parameter sets; the notebook and the code are read once.

    Raises:
        GanlabError: as for `plan_run`.
    """
    path = chapter.notebook(solutions)
    if not path.exists():
        raise GanlabError(f"Chapter {chapter.name} has no notebook yet: run `ganlab notebooks build {chapter.number}`.")
    notebook = _read_notebook(path)
    known = read_parameters(notebook)
    from_profile = read_profile(chapter.notebooks, profile).get(chapter.name, {})
    try:
        base = _checked(known, from_profile)
    except GanlabError as error:
        raise GanlabError(f"Profile {profile}, {chapter.name}: {error}") from None
    sources, code = [[cell.cell_type, cell.source] for cell in notebook.cells], code_fingerprint()
    plans = []
    for given in settings:
        chosen = base | _checked(known, given)
        parameters = {name: chosen.get(name, known[name].default) for name in known if name != "run_folder"}
        described = json.dumps([sources, parameters, code], sort_keys=True)
        key = hashlib.sha256(described.encode()).hexdigest()[:12]
        plans.append(Plan(chapter, path, profile, parameters, key))
    return plans


def _checked(known: Mapping[str, Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    if "run_folder" in values:
        raise GanlabError("Parameter 'run_folder' is set by the run itself: choose the folder with --out.")
    return check_parameters(known, values)


def code_fingerprint() -> str:
    """A hash of all that a notebook's numbers depend on, itself and its parameters aside.

    This package's code and settings, the data that come with it (by their checksums), and the versions of its base.
    Results stored in `data/results` are left out: runs make them, and do not depend on them.
    """
    digest = hashlib.sha256()
    root = Path(ganlab.__file__).parent
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.yaml")]):
        relative = path.relative_to(root)
        if relative.parts[0] not in _NOT_IN_RESULTS:
            digest.update(relative.as_posix().encode() + path.read_bytes())
    for path in sorted(embedded_folder().glob(f"*/{MANIFEST}")):
        digest.update(path.parent.name.encode() + path.read_bytes())
    for name in _BASE:
        digest.update(f"{name} {version(name)}".encode())
    digest.update(platform.python_version().encode())
    return digest.hexdigest()


def finished_run(folder: Path, plan: Plan) -> Outcome | None:
    """The outcome kept in `folder`, if this very plan was run there to its end."""
    record = read_json(folder / "run.json")
    if record.get("key") != plan.key or record.get("status") != "done":
        return None
    if not all((folder / name).exists() for name in record.get("files", ["run.ipynb"])):
        return None
    line = read_json(folder / "result.json").get("line", "")
    return Outcome(plan.chapter, folder, "kept", float(record.get("wall_seconds", 0)), line)


def free_folder(folder: Path) -> Path:
    """`folder`, or with the first of -2, -3, ... behind it that does not exist yet."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in range(2, 10_000))
    return folder if not folder.exists() else next(path for path in numbered if not path.exists())


def execute_run(plan: Plan, folder: Path, kernels: Kernels, on_cell: OnCell | None = None) -> Outcome:
    """Run a plan in `folder`, or give what is kept there if it was run already.

    A run that was cut short goes on from the checkpoints in its folder. A failing notebook is an outcome,
    not an exception; so is a full disk.

    Raises:
        GanlabError: the folder is in use, holds something else, or cannot be written.
        Interrupted: `kernels.stop()` was called.
    """
    folder = folder.resolve()
    _refuse_others(folder, plan)
    busy = f"This very run is going on in another process ({folder}): wait for its end."
    with locked(folder / ".lock", busy):
        return finished_run(folder, plan) or _execute(plan, folder, kernels, on_cell)


def _refuse_others(folder: Path, plan: Plan) -> None:
    """Leave alone what another plan made, and a run.json that is none of ours: a run writes over it."""
    record = read_json(folder / "run.json")
    if record.get("key", plan.key) != plan.key:
        raise GanlabError(f"{folder} holds another run (other parameters or other code): choose another folder.")
    if record and not record.keys() & {"key", "versions"}:
        raise GanlabError(f"{folder / 'run.json'} is not of a run of this course: choose another folder.")


def _execute(plan: Plan, folder: Path, kernels: Kernels, on_cell: OnCell | None) -> Outcome:
    (folder / "result.json").unlink(missing_ok=True)
    if "versions" not in read_json(folder / "run.json"):
        (folder / "run.json").unlink(missing_ok=True)  # ours, of a run that failed before it described itself
    notebook = _read_notebook(plan.notebook)
    names = read_parameters(notebook)
    parameters = plan.parameters | ({"run_folder": str(folder)} if "run_folder" in names else {})
    started = time.perf_counter()
    failure = None
    executed = [notebook]
    try:
        papermill.execute_notebook(
            notebook,
            None,
            parameters=parameters,
            engine_name="ganlab",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            kernels=kernels,
            kernel_cwd=plan.chapter.notebooks,
            on_cell=on_cell,
            keep=executed.append,
        )
    except (PapermillExecutionError, DeadKernelError) as error:
        failure = describe_failure(executed[-1], error)
    seconds = round(time.perf_counter() - started, 1)
    write_atomically(folder / "run.ipynb", nbformat.writes(executed[-1], version=4))
    _complete_record(plan, folder, seconds, failure)
    if failure is not None:
        return Outcome(plan.chapter, folder, "failed", seconds, failure)
    return Outcome(plan.chapter, folder, "done", seconds, read_json(folder / "result.json").get("line", ""))


def _complete_record(plan: Plan, folder: Path, seconds: float, failure: str | None) -> None:
    # The notebook's RunFolder has written versions, device and git hash into run.json; we add how the run went.
    record = {"parameters": plan.parameters} | read_json(folder / "run.json")
    record |= {
        "chapter": plan.chapter.name,
        "profile": plan.profile,
        "seed": plan.parameters.get("seed"),
        "asked": plan.parameters,
        "key": plan.key,
        "wall_seconds": seconds,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "failed" if failure else "done",
        "files": [name for name in ("run.ipynb", "result.json") if (folder / name).exists()],
    }
    record.pop("failure", None)
    if failure:
        record["failure"] = failure
    write_atomically(folder / "run.json", json.dumps(record, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing if it is missing or broken, for it can be made again."""
    try:
        return files.read_json(path)
    except GanlabError:
        return {}


def _read_notebook(path: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many types for a broken file
        raise GanlabError(f"{path} is not a readable notebook ({type(error).__name__}).") from None
