"""The table of a sweep: one row a run, and a manifest that says what made it."""

from __future__ import annotations

import importlib.util
import json
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab.files import write_atomically
from ganlab.runner.run import read_json
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


def write_table(sweep: Sweep, rows: Sequence[Row], folder: Path, engine: str) -> list[Path]:
    """Write `table.csv`, `manifest.json` and, where pyarrow is installed, `table.parquet`; the files written.

    Raises:
        GanlabError: the folder cannot be written.
    """
    from ganlab.train.run import git_hash, versions  # torch: workers read this module too, and do without

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
        "versions": versions(),
        "git": git_hash(),
    }
    written.append(folder / "manifest.json")
    write_atomically(written[-1], json.dumps(manifest, indent=2) + "\n")
    return written


def estimate_seconds(sweep: Sweep, runs: Path, missing: int, workers: int) -> float | None:
    """How long the missing runs will take, from the median of finished runs of this notebook and profile.

    `None` when none has been run yet: there is nothing to judge by.
    """
    first = sweep.plans[0]
    records = [read_json(path) for path in (runs / first.chapter.name).glob("*/run.json")]
    known = [
        float(record["wall_seconds"])
        for record in records
        if record.get("status") == "done" and record.get("profile") == first.profile
    ]
    return statistics.median(known) * missing / workers if known else None
