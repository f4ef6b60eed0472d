"""The README's minutes, measured, each chapter alone on all cores: nobody types them.

To measure them:

    ganlab course --workers 1 --out build/alone
    ganlab notebooks minutes
"""

from __future__ import annotations

import re
from pathlib import Path

from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.runner.run import read_json

BUDGET = 3.0  # minutes of a chapter at the class profile, alone on two cores
_ROW = re.compile(r"^\| \[(?P<title>[^\]]+)\]\(notebooks/(?P<name>\w+)\.ipynb\) \|(?P<about>.*)\| (?P<minutes>\S+) \|$")


def minutes_in(readme: str) -> dict[str, float]:
    """The minutes that the README's table of chapters states, by notebook."""
    rows = filter(None, map(_ROW.match, readme.splitlines()))
    return {row["name"]: float(row["minutes"]) for row in rows}


def with_minutes(readme: str, measured: dict[str, float]) -> str:
    """The README with the measured minutes in its table; a chapter that was not measured keeps its own.

    Raises:
        GanlabError: the table lacks a chapter that was measured.
    """
    if missing := sorted(measured.keys() - minutes_in(readme).keys()):
        raise GanlabError(f"The README's table has no row for {', '.join(missing)}: add one, with any minutes.")

    def line(text: str) -> str:
        row = _ROW.match(text)
        if not row or row["name"] not in measured:
            return text
        title, name, about = row["title"], row["name"], row["about"]
        return f"| [{title}](notebooks/{name}.ipynb) |{about}| {measured[name]:.1f} |"

    return "\n".join(map(line, readme.split("\n")))


def measured_minutes(course: Path) -> dict[str, float]:
    """Minutes of every finished chapter of the course that was executed in `course`.

    Raises:
        GanlabError: there is none.
    """
    records = [read_json(path) for path in sorted(course.glob("runs/*/*/run.json"))]
    done = {r["chapter"]: float(r["wall_seconds"]) / 60 for r in records if r.get("status") == "done"}
    if not done:
        command = f"ganlab course --workers 1 --out {course}"
        raise GanlabError(f"No chapter has been executed in {course}: run `{command}` first.")
    return done


def rewrite(readme: Path, course: Path) -> dict[str, float]:
    """Put the measured minutes into the README; gives them.

    Raises:
        GanlabError: nothing was measured, or the table lacks a chapter.
    """
    measured = measured_minutes(course)
    write_atomically(readme, with_minutes(readme.read_text(encoding="utf-8"), measured))
    return measured
