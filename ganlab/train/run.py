"""A run is one folder: what was asked, what was measured, what came out.

run.json        parameters, versions, device, git hash: written at the start
metrics.jsonl   one line for each look at the training
checkpoints/    step-000001000.safetensors, ...; the last two are kept
result.json     written last and in one piece: a folder that has it is a finished run
"""

from __future__ import annotations

import json
import math
import platform
import subprocess
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from ganlab.errors import GanlabError
from ganlab.files import read_json, write_atomically
from ganlab.train.checkpoint import checkpoint_path, checkpoints, newest_whole_checkpoint, save_checkpoint


def versions() -> dict[str, str]:
    """What a number may depend on: package versions, Python, processor."""
    found = {"python": platform.python_version(), "processor": platform.processor() or platform.machine()}
    found["torch"] = torch.__version__  # with its build, for example +cpu
    for name in ("ganlab", "torchvision", "numpy", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_hash() -> str | None:
    """The commit of the checkout that ganlab was imported from, with `+` when it has uncommitted changes.

    `None` where git does not know this file: a package installed into a folder of another checkout is not its work.
    """
    known = _git("ls-files", "--error-unmatch", Path(__file__).name)
    return known and _git("describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*")


def _git(*arguments: str) -> str | None:
    """What git answers in this file's folder; nothing when it refuses, or is not there."""
    try:
        folder = Path(__file__).parent
        answer = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None


class RunFolder:
    """A folder for one run; without a path it keeps everything in memory and writes nothing.

    Args:
        path: the folder, made when missing. `None` or `""`: no files.
        parameters: what the run is. A folder started with other parameters is refused by name.
        changed: names of parameters that may differ from before.
        writes: `False` in all processes of a run but one: they read the folder and leave it as it is.

    Raises:
        GanlabError: the folder holds a run with other parameters, or cannot be written.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        parameters: dict[str, Any] | None = None,
        *,
        changed: Iterable[str] = (),
        writes: bool = True,
    ):
        self.path, self.writes = Path(path) if path else None, writes
        self.parameters = json.loads(json.dumps(parameters or {}, default=str))
        self.started = time.perf_counter()
        if self.path is None:
            return
        description = self.path / "run.json"
        if description.exists():
            before = read_json(description, "delete it or choose another folder").get("parameters", {})
            if self._refuse_other_parameters(before, set(changed)) and writes:
                self._write_description(before=before)
        elif writes:
            self._write_description()

    def _write_description(self, **more: Any) -> None:
        content = {"parameters": self.parameters, "versions": versions(), "git": git_hash(), **more}
        content["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
        write_atomically(self.path / "run.json", json.dumps(content, indent=2) + "\n")

    def _refuse_other_parameters(self, before: dict[str, Any], allowed: set[str]) -> bool:
        """Whether any parameter differs that may."""
        names = sorted(before.keys() | self.parameters.keys())
        changed = [name for name in names if before.get(name) != self.parameters.get(name)]
        if refused := [name for name in changed if name not in allowed]:
            listed = ", ".join(f"{n} was {before.get(n)!r} and is now {self.parameters.get(n)!r}" for n in refused)
            raise GanlabError(
                f"{self.path} holds a run with other parameters ({listed}); choose another folder, "
                "or start it as before."
            )
        return bool(changed)

    # Checkpoints

    @property
    def checkpoint_folder(self) -> Path | None:
        return None if self.path is None else self.path / "checkpoints"

    def save_checkpoint(self, step: int, state: Any) -> None:
        """Write the checkpoint of this step and drop all but the last two."""
        if self.checkpoint_folder is None or not self.writes:
            return
        save_checkpoint(checkpoint_path(self.checkpoint_folder, step), state)
        for old in checkpoints(self.checkpoint_folder)[:-2]:
            old.unlink()

    def newest_checkpoint(self) -> Any | None:
        if self.checkpoint_folder is None:
            return None
        found = newest_whole_checkpoint(self.checkpoint_folder)
        return found and found[1]

    # Metrics

    def read_metrics(self, up_to: int) -> list[dict[str, Any]]:
        """The records up to a step. Later ones, and a last line cut short by a crash, are dropped from the file too."""
        if self.path is None or not (self.path / "metrics.jsonl").exists():
            return []
        kept = []
        for line in (self.path / "metrics.jsonl").read_text().splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                break
            if record["step"] <= up_to:
                kept.append(record)
        if self.writes:
            write_atomically(self.path / "metrics.jsonl", "".join(json.dumps(record) + "\n" for record in kept))
        return kept

    def append_metrics(self, record: dict[str, Any]) -> None:
        if self.path is None or not self.writes:
            return
        try:
            with open(self.path / "metrics.jsonl", "a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise GanlabError(
                f"Could not write {self.path / 'metrics.jsonl'} ({error.strerror}); the last checkpoint is whole. "
                "Free some space and start the run again: it goes on from there."
            ) from None

    # The end

    def finish(self, line: str, **numbers: Any) -> None:
        """Print the run's result line and, when there is a folder, write `result.json`: the last file of a run.

        `line` is compared by nbval on other machines: round what you put into it. The seconds that are written are
        those of this process: what a run took before it was stopped is not among them.
        """
        print(f"result: {line}")
        if self.path is None or not self.writes:
            return
        seconds = round(time.perf_counter() - self.started, 3)
        content = {"line": line, "seconds": seconds, "parameters": self.parameters, **plain(numbers)}
        write_atomically(self.path / "result.json", json.dumps(content, indent=2) + "\n")


def plain(value: Any, digits: int = 17) -> Any:
    """Tensors, arrays and numpy numbers as JSON values; what is not finite becomes null.

    `digits`: significant ones of every float, for results that many readers download; 17 keep it exactly.
    """
    if isinstance(value, dict):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist(), digits)
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value
