"""The table of a sweep: one row a run, and a manifest that says what made it."""

from __future__ import annotations

import importlib.util
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab.files import write_atomically
from ganlab.runner.run import Plan, read_json
from ganlab.sweep.engine import Row
from ganlab.sweep.spec import Sweep

if TYPE_CHECKING:
    import pandas as pd

LAST = ["status", "seconds", "line", "key", "folder"]


def as_table(rows: Iterable[Row]) -> pd.DataFrame:
    """One row a run: its parameters, the numbers of its `result.json` (as `result.name`), and how it went.

    A list of numbers, one a seed, stays one cell, as JSON text, and its mean stands beside it.
    """
    import pandas as pd

    records = []
    for row in rows:
        record: dict[str, Any] = dict(row.plan.parameters)
        for name, value in row.result.items():
            if name not in ("line", "seconds", "parameters"):
                record |= _cells(f"result.{name}", value)
        ending = (row.status, row.seconds, row.line, row.plan.key, str(row.folder))
        records.append(record | dict(zip(LAST, ending, strict=True)))
    table = pd.DataFrame.from_records(records)
    return table[[name for name in table.columns if name not in LAST] + LAST] if len(table) else table


def _cells(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, list | dict):
        return {name: value}
    cells: dict[str, Any] = {name: json.dumps(value)}
    if isinstance(value, list) and value and all(isinstance(v, int | float) for v in value):
        cells[f"{name}.mean"] = statistics.fmean(value)
    return cells


def made_with() -> dict[str, Any]:
    """Versions and commit, for the manifest. Ask before the first run: a sweep may go on while the code is changed."""
    from ganlab.train.run import git_hash, versions  # torch: workers read this module too, and do without

    return {"versions": versions(), "git": git_hash()}


def write_table(
    sweep: Sweep, rows: Sequence[Row], folder: Path, engine: str, origin: Mapping[str, Any] | None = None
) -> list[Path]:
    """Write `table.csv`, `manifest.json` and, where pyarrow is installed, `table.parquet`; the files written.

    Args:
        sweep, rows: what was asked for, and how the runs ended.
        folder: where the files go.
        engine: what it ran on, in words.
        origin: `made_with()` of the start; now's when left out.

    Raises:
        GanlabError: the folder cannot be written.
    """
    table = as_table(rows)
    written = [folder / "table.csv"]
    write_atomically(written[0], table.to_csv(index=False))
    if importlib.util.find_spec("pyarrow"):
        written.append(folder / "table.parquet")
        # A column of a YAML file may mix numbers and texts; Parquet's may not.
        mixed = {name: str for name in table if table[name].dtype == object}
        write_atomically(written[-1], table.astype(mixed).to_parquet(index=False))
    counts = {status: sum(row.status == status for row in rows) for status in ("done", "kept", "failed")}
    manifest = {
        "sweep": sweep.name,
        "file": sweep.text,
        "notebook": sweep.plans[0].chapter.name,
        "profile": sweep.plans[0].profile,
        "varied": sweep.varied,
        "asked": len(sweep.plans),
        "runs": len(rows),  # fewer when it was interrupted
        **counts,
        "engine": engine,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        **(made_with() if origin is None else origin),
    }
    written.append(folder / "manifest.json")
    write_atomically(written[-1], json.dumps(manifest, indent=2) + "\n")
    return written


def estimate_seconds(missing: Sequence[Plan], runs: Path, workers: int) -> float | None:
    """How long the missing runs will take, from finished runs of their notebook and profile.

    Of a run whose parameters have been run with other seeds: their median. Of others: the median of all.
    `None` when none has been run yet: there is nothing to judge by.
    """
    known: dict[str, list[float]] = {}
    first = missing[0]
    for path in (runs / first.chapter.name).glob("*/run.json"):
        record = read_json(path)
        if record.get("status") == "done" and record.get("profile") == first.profile:
            known.setdefault(_but_seed(record.get("asked", {})), []).append(float(record["wall_seconds"]))
    if not known:
        return None
    every = [seconds for some in known.values() for seconds in some]
    total = sum(statistics.median(known.get(_but_seed(plan.parameters), every)) for plan in missing)
    return total / min(workers, len(missing))


def _but_seed(parameters: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in parameters.items() if name != "seed"}, sort_keys=True)
