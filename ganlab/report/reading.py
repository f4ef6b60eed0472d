"""From a folder of runs to two tidy tables, and a list of what in it is no finished run.

Only JSON is read, nothing is executed or unpickled. A run is a folder with a `run.json` (what was run) and a
`result.json` (what came out, written last). Its numbers are recognised by their form:

    "modes": [7, 8, 6, 8]       a run with `seeds: 4` from `seed: 0`: one number a seed, of seeds 0, 1, 2, 3
    "modes": 7                  a run of one seed: the same
    "seconds_to_quality": 31.5  one number, but `seeds: 4`: a number of the run, and of no seed
    "losses": {"G": [...]}      the result `losses.G`
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ganlab.errors import GanlabError
from ganlab.runner.chapters import NAME, find_notebooks

LARGEST = 20_000_000  # bytes of a file that is read
MOST_SEEDS = 100_000  # of a run
ASKED = ("failed", "unfinished", "broken")  # runs that were to give numbers and did not
REPLICATION = ("seed", "seeds")  # parameters that repeat an experiment rather than change it
_NO_RESULT = ("line", "seconds", "parameters")
_KEY = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Runs:
    """What a folder of runs holds.

    Attributes:
        chapter: the notebook that was run; empty where the runs do not say.
        parameters: names, in the order in which the notebook has them.
        runs: a row a run: parameters, `result.NAME` (of one number a seed their mean), and where it comes from:
            `run.folder`, `run.git`, `run.device`, `run.torch`, ...
        seeds: a row a run and seed: the same, with the seed's own results.
        skipped: a row a folder that is no finished run: parameters as far as they are known, `run.folder`,
            `run.status` (failed, unfinished, broken, foreign, missing or repeated) and `run.reason`.
        left_out: results that are neither one number a seed nor one number a run.
    """

    chapter: str
    parameters: list[str]
    runs: pd.DataFrame
    seeds: pd.DataFrame
    skipped: pd.DataFrame
    left_out: list[str]

    @property
    def varied(self) -> list[str]:
        """The parameters that differ between the runs, seeds aside; also those of runs that failed."""
        asked = pd.concat([self.runs, self.without_numbers])
        names = [name for name in self.parameters if name not in REPLICATION]
        return [name for name in names if len({label(value) for value in asked[name]}) > 1]

    @property
    def without_numbers(self) -> pd.DataFrame:
        """The rows of `skipped` that are runs of this chapter with known parameters."""
        known = self.skipped["run.status"].isin(ASKED) & self.skipped["seed"].map(lambda seed: _whole(seed, 2**62))
        return self.skipped[known]

    @property
    def results(self) -> list[str]:
        """Names of the results, those with one number a seed first."""
        names = [column for table in (self.seeds, self.runs) for column in table if column.startswith("result.")]
        return list(dict.fromkeys(name.removeprefix("result.") for name in names))


class _Skipped(Exception):
    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class _Run:
    record: dict[str, Any]
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """All that the notebook was told; without `ganlab run`, what it noted itself."""
        return self.record.get("asked") or self.record["parameters"]

    @property
    def seeds(self) -> range:
        first = self.parameters["seed"]
        return range(first, first + self.parameters.get("seeds", 1))


def find_folder(text: str | Path) -> Path:
    """The folder that a reader means: from here, or from the course's own folder, where `ganlab` puts runs/.

    Raises:
        GanlabError: neither is there.
    """
    given = Path(text).expanduser()
    tried = [given]
    if not given.is_absolute():
        try:
            tried.append(find_notebooks().parent / given)
        except GanlabError:  # installed without the course: only the current folder counts
            pass
    for path in tried:
        if path.exists():
            return path
    raise GanlabError(f"There is no folder '{text}': give one that holds runs, for instance runs/sweeps/NAME.")


def base_of(folder: Path) -> Path:
    """What `run.folder` is relative to: the folder itself; for a file (a sweep's table), the one that it lies in."""
    return (folder.parent if folder.is_file() else folder).resolve()


def read_runs(folder: str | Path, chapter: str = "") -> Runs:
    """Read all runs in `folder`, at any depth; or, of a sweep's folder (runs/sweeps/NAME), the runs of that sweep.

    Args:
        folder: as `find_folder` takes it.
        chapter: name or number, where the folder holds runs of several chapters.

    Raises:
        GanlabError: no such folder, no finished run in it, or runs of several chapters when none was named.
    """
    folder = find_folder(folder)
    found, skipped = [], []
    for path in _run_folders(folder):
        shown = Path(os.path.relpath(path, base_of(folder))).as_posix()
        try:
            found.append((shown, _read_run(path)))
        except _Skipped as why:
            record = _described(path)
            skipped.append(
                _plain(record.get("asked") or record.get("parameters") or {})
                | _left(shown, why.status, str(why), record.get("chapter", ""))
            )
    found, skipped, chapter = _of_chapter(found, skipped, chapter, folder)
    found, repeated = _without_repeats(found)
    skipped += repeated
    names = list(dict.fromkeys(name for _, run in found for name in run.parameters))
    run_rows, seed_rows, left_out = [], [], set()
    for shown, run in found:
        of_run, of_seeds, neither = _numbers(run)
        left_out |= neither
        settings, origin = _plain(run.parameters), {"run.folder": shown, **_origin(run)}
        means = {f"result.{name}": _mean(values) for name, values in of_seeds.items()}
        run_rows.append(settings | means | {f"result.{name}": value for name, value in of_run.items()} | origin)
        settings = {name: value for name, value in settings.items() if name not in REPLICATION}
        for place, seed in enumerate(run.seeds if of_seeds else []):
            own = {f"result.{name}": values[place] for name, values in of_seeds.items()}
            seed_rows.append(settings | {"seed": seed} | own | origin)
    runs = _table(run_rows, names)
    return Runs(
        chapter=chapter,
        parameters=names,
        runs=runs,
        seeds=_table(seed_rows, [name for name in names if name not in REPLICATION] + ["seed"]),
        skipped=_table(skipped, [*names, *_left("", "", "", "")]),
        left_out=sorted(left_out - {name.removeprefix("result.") for name in runs}),
    )


def finished_folders(folder: str | Path) -> list[Path]:
    """The folders of the runs in `folder`, for what needs all of them.

    Raises:
        GanlabError: as `read_runs` does, or one of the runs is not finished.
    """
    found, base = read_runs(folder), base_of(find_folder(folder))
    for left in found.skipped.to_dict("records"):
        raise GanlabError(f"{left['run.folder']} in {base}: {left['run.reason']}. Run the sweep to its end first.")
    return [(base / name).resolve() for name in found.runs["run.folder"]]


def label(value: Any) -> str:
    """A parameter's value in words; different values have different words."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "not set"
    return value if isinstance(value, str) else repr(value)


def named(name: str, value: Any) -> str:
    """A parameter (or a fact of the run) and its value: "steps 600"."""
    return str(value) if name == "result" else f"{name.removeprefix('run.')} {label(value)}"


# Finding


def _run_folders(folder: Path) -> Iterator[Path]:
    """Folders with a run.json or a result.json, in order of their names; links and hidden folders are not followed."""
    table = folder if folder.is_file() else folder / "table.csv"
    manifest = _json_or_nothing(table.parent / "manifest.json")
    if table.is_file() and "sweep" in manifest:
        yield from _of_sweep(table, manifest)
        return
    if folder.is_file():
        raise GanlabError(f"{folder} is a file: give the folder that holds the runs.")

    def refused(error: OSError) -> None:
        raise GanlabError(f"{error.filename} cannot be read ({error.strerror}).")

    for here, below, files in os.walk(folder, onerror=refused):
        below[:] = sorted(name for name in below if not name.startswith(".") and name != "checkpoints")
        if {"run.json", "result.json"} & {*files, *below}:
            yield Path(here).resolve()


def _of_sweep(table: Path, manifest: Mapping[str, Any]) -> Iterator[Path]:
    notebook = str(manifest.get("notebook", ""))
    try:
        with open(table, newline="", encoding="utf-8") as file:
            keys = [row.get("key") or "" for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error) as error:
        raise GanlabError(f"{table} cannot be read ({error}): run the sweep again to write it anew.") from None
    if not NAME.fullmatch(notebook) or not all(_KEY.fullmatch(key) for key in keys):
        raise GanlabError(f"{table} is not the table of a sweep: its column 'key' must name runs of a chapter.")
    runs = table.resolve().parents[2]  # runs/sweeps/NAME/table.csv beside runs/NN_name/KEY
    yield from (runs / notebook / key for key in keys)


def _read_run(folder: Path) -> _Run:
    if not folder.is_dir():
        raise _Skipped("missing", "the sweep names it, but it is not there")
    if not (folder / "run.json").exists():
        raise _Skipped("foreign", "it has a result.json and no run.json that says of what")
    record = _read_json(folder / "run.json")
    parameters = record.get("asked") or record.get("parameters")
    if not isinstance(parameters, dict) or not isinstance(record.get("parameters"), dict):
        raise _Skipped("foreign", "its run.json names no parameters, so it is no run of this course")
    if not _whole(parameters.get("seed"), 2**62) or not _whole(parameters.get("seeds", 1), MOST_SEEDS):
        raise _Skipped("foreign", "its run.json names no seed, or no sensible number of seeds")
    if record.get("status") == "failed":
        raise _Skipped("failed", str(record.get("failure") or "it does not say why"))
    if not (folder / "result.json").exists():
        if record.get("status") == "done":
            raise _Skipped("broken", "run.json says that it is done, but there is no result.json")
        raise _Skipped("unfinished", "there is no result.json: it is still going on, or was stopped")
    result = _read_json(folder / "result.json")
    noted, before = result.get("parameters", record["parameters"]), record["parameters"]
    if noted != before:
        raise _Skipped("broken", "result.json and run.json speak of different parameters")
    return _Run(record, result)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise _Skipped("foreign", f"{path.name} has {size:,} bytes, more than any result of a run")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _Skipped("broken", f"{path.name} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise _Skipped("broken", f"{path.name} is not whole JSON") from None
    if not isinstance(content, dict):
        raise _Skipped("foreign", f"{path.name} holds no JSON object")
    return content


def _json_or_nothing(path: Path) -> dict[str, Any]:
    try:
        return _read_json(path)
    except _Skipped:
        return {}


def _described(folder: Path) -> dict[str, Any]:
    """What a skipped folder says of itself, as far as it makes sense."""
    record = _json_or_nothing(folder / "run.json")
    kinds = {"chapter": str, "asked": dict, "parameters": dict}
    return {name: record[name] for name, kind in kinds.items() if isinstance(record.get(name), kind)}


# Choosing


def _of_chapter(found: list, skipped: list, chapter: str, folder: Path) -> tuple[list, list, str]:
    """Those of one chapter; of the skipped ones, also those that do not say."""
    counts: dict[str, int] = {}
    for _, run in found:
        name = str(run.record.get("chapter", ""))
        counts[name] = counts.get(name, 0) + 1
    listed = ", ".join(f"{name or 'a notebook without a name'} ({count})" for name, count in sorted(counts.items()))
    if not counts:
        others = ""
        if skipped:
            name, status, reason, _ = (skipped[0][key] for key in _left("", "", "", ""))
            others = f" {len(skipped)} folders in it are no finished runs, the first: {name} is {status} ({reason})."
        raise GanlabError(f"There is no finished run in {folder}.{others}")
    fitting = [name for name in counts if chapter in (name, name[:2])] if chapter else list(counts)
    if len(fitting) != 1:
        problem = f"no runs of '{chapter}'" if chapter else f"runs of {len(counts)} chapters"
        raise GanlabError(f"{folder} holds {problem}: name one of {listed}.")
    chosen = fitting[0]
    found = [(shown, run) for shown, run in found if run.record.get("chapter", "") == chosen]
    return found, [row for row in skipped if row["run.chapter"] in ("", chosen)], chosen


def _left(folder: str, status: str, reason: str, chapter: str) -> dict[str, str]:
    return {"run.folder": folder, "run.status": status, "run.reason": reason, "run.chapter": chapter}


def _without_repeats(found: list[tuple[str, _Run]]) -> tuple[list[tuple[str, _Run]], list[dict]]:
    """Of runs with equal parameters only the one that was finished last: they are not two seeds."""
    kept: dict[str, tuple[str, _Run]] = {}
    repeated = []
    for shown, run in sorted(found, key=lambda item: str(item[1].record.get("finished", "")), reverse=True):
        same = json.dumps(run.parameters, sort_keys=True)
        if same in kept:
            reason = f"the same parameters as {kept[same][0]}, which was finished later or is named first"
            repeated.append(_plain(run.parameters) | _left(shown, "repeated", reason, run.record.get("chapter", "")))
        else:
            kept[same] = (shown, run)
    return sorted(kept.values(), key=lambda item: item[0]), repeated


# Numbers


def _numbers(run: _Run) -> tuple[dict[str, float], dict[str, list[float]], set[str]]:
    """(one number a run, one number a seed, names of the rest)."""
    of_run, of_seeds, neither = {}, {}, set()
    count = len(run.seeds)
    for name, value in _flat({k: v for k, v in run.result.items() if k not in _NO_RESULT}):
        if _number(value):
            if count == 1:
                of_seeds[name] = [_float(value)]
            else:
                of_run[name] = _float(value)
        elif isinstance(value, list) and len(value) == count and all(v is None or _number(v) for v in value):
            of_seeds[name] = [_float(v) for v in value]
        else:
            neither.add(name)
    return of_run, of_seeds, neither


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _number(value: Any) -> bool:
    return isinstance(value, int | float)


def _float(value: float | None) -> float:
    """What is not finite (`null` in the file) is no value."""
    try:
        number = float("nan" if value is None else value)
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(v) if isinstance(v, list | dict) else v for name, v in parameters.items()}


def _origin(run: _Run) -> dict[str, Any]:
    versions = run.record.get("versions")
    seconds = run.record.get("wall_seconds", run.result.get("seconds"))
    facts = {name: run.record.get(name) for name in ("git", "device", "profile", "finished")}
    facts |= versions if isinstance(versions, dict) else {}
    return {
        "run.seconds": _float(seconds) if _number(seconds) else math.nan,
        **{f"run.{name}": str(value) for name, value in facts.items() if value is not None},
    }


def _table(rows: list[dict], first: list[str]) -> pd.DataFrame:
    """Rows as a table: parameters, `result.*`, `run.*`; whole numbers stay whole where a row lacks them."""
    columns = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    columns.sort(key=lambda name: name.startswith("result.") or 2 * name.startswith("run."))
    table = pd.DataFrame([[row.get(name) for name in columns] for row in rows], columns=columns, dtype=object)
    numbers = [name for name in columns if name.startswith("result.") or name == "run.seconds"]
    return table.astype({name: float for name in numbers})
