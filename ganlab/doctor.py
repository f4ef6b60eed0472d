"""Is everything here that the course needs? Each thing with what was found and, where it is wrong, the cure.

The report is what a bug report should hold: it names versions and numbers, no paths and no people. Nothing
in it needs a network.
"""

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ganlab.errors import GanlabError

REINSTALL = 'python -m pip install -e ".[test]"'
GB = 1e9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `fix` says what to do, and is empty when all is well."""

    name: str
    found: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        return not self.fix


def examine() -> list[Finding]:
    """Look at everything. A thing that cannot even be looked at is a finding too, never an exception."""
    findings = []
    for look in LOOKS:
        name = look.__name__.replace("_", " ")
        try:
            found, fix = look()
        except Exception as error:  # whatever is broken here is what the reader wants to know
            found, fix = f"cannot be used ({type(error).__name__}: {_first_line(error)})", REINSTALL
        findings.append(Finding(name, found, fix))
    return findings


def as_text(findings: list[Finding]) -> str:
    """One line for each finding, and one more for each cure."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{'ok' if finding.ok else 'to fix':6}  {finding.name:{width}}  {finding.found}")
        if finding.fix:
            lines.append(f"{'':6}  {'':{width}}  -> {finding.fix}")
    wrong = sum(not finding.ok for finding in findings)
    lines.append("All is well." if not wrong else f"{wrong} to fix.")
    return "\n".join(lines)


def as_json(findings: list[Finding]) -> str:
    """The same for programs: a list of objects with `name`, `found`, `fix` and `ok`."""
    return json.dumps([asdict(finding) | {"ok": finding.ok} for finding in findings], indent=2)


def report() -> None:
    """Print the report, in a notebook or anywhere."""
    print(as_text(examine()))


Look = tuple[str, str]  # what was found, and the cure or nothing


def course() -> Look:
    from ganlab.runner.chapters import chapters, find_notebooks

    try:
        found = chapters(find_notebooks())
    except GanlabError:
        return f"ganlab {_version('ganlab')}, no notebooks", "change to the folder that you cloned ganlab into"
    missing = [chapter.number for chapter in found if not chapter.learner.exists()]
    stated = f"ganlab {_version('ganlab')}{_commit()}, {len(found)} chapters"
    if missing:
        return f"{stated}, {', '.join(missing)} without notebook", f"ganlab notebooks build {' '.join(missing)}"
    return stated, ""


def python() -> Look:
    inside = "in an environment of its own" if sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ else ""
    found = ", ".join(filter(None, (platform.python_version(), platform.system(), platform.machine(), inside)))
    return found, "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer, then: make course"


def torch() -> Look:
    import torch
    import torchvision

    found = f"{torch.__version__}, torchvision {torchvision.__version__}"
    too_old = tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 4)
    return found, 'python -m pip install --upgrade "torch>=2.4" torchvision' if too_old else ""


def device() -> Look:
    import torch

    from ganlab.devices import pick_device

    picked = pick_device("auto").type
    cores = os.cpu_count() or 1
    if picked == "cuda":
        properties = torch.cuda.get_device_properties(0)
        return f"CUDA, {properties.name}, {properties.total_memory / GB:.0f} GB", ""
    if picked == "mps":
        return f"MPS (Apple), {cores} cores", ""
    return f"CPU, {cores} cores, {torch.get_num_threads()} threads; enough for the class profile", ""


def memory() -> Look:
    import psutil

    state = psutil.virtual_memory()
    found = f"{state.available / GB:.1f} of {state.total / GB:.1f} GB free"
    return found, "close other programs: a chapter takes about 1 GB" if state.available < 1.5 * GB else ""


def disk() -> Look:
    free = shutil.disk_usage(Path.cwd()).free
    return f"{free / GB:.1f} GB free here", "free some space: runs take up to 1 GB" if free < GB else ""


def jupyterlab() -> Look:
    found = _version("jupyterlab")
    return found or "missing", "" if found else REINSTALL


def widgets() -> Look:
    from jupyter_core.paths import jupyter_path

    found = _version("ipywidgets")
    if not found:
        return "ipywidgets is missing", REINSTALL
    folders = [Path(path) / "@jupyter-widgets" / "jupyterlab-manager" for path in jupyter_path("labextensions")]
    if not any(folder.is_dir() for folder in folders):
        again = "python -m pip install --force-reinstall --no-deps jupyterlab_widgets"
        return f"ipywidgets {found}, but JupyterLab lacks its part", again
    return f"ipywidgets {found}, known to JupyterLab", ""


def kernel() -> Look:
    found = _version("ipykernel")
    return f"ipykernel {found}" if found else "missing", "" if found else REINSTALL


def git() -> Look:
    return ("found", "") if shutil.which("git") else ("missing", "install it: https://git-scm.com/downloads")


def data() -> Look:
    from ganlab.data.store import embedded_folder, embedded_manifests, problem_with

    try:
        root = embedded_folder()
    except GanlabError:
        return "the data that comes with the course is missing", "git checkout -- data"
    sets = embedded_manifests()
    wrong = [
        f"{name}/{file} {problem}"
        for name, manifest in sets.items()
        for file, stated in manifest["files"].items()
        if (problem := problem_with(root / name / file, stated))
    ]
    if wrong:
        return "; ".join(wrong), "git checkout -- data"
    return f"{', '.join(sets)}: all checksums right", ""


LOOKS: tuple[Callable[[], Look], ...] = (
    course,
    python,
    torch,
    device,
    memory,
    disk,
    jupyterlab,
    widgets,
    kernel,
    git,
    data,
)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    from ganlab.train.run import git_hash

    found = git_hash()
    return f" ({found})" if found else ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0].replace(str(Path.home()), "~")
