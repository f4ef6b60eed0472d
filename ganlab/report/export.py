"""Tables for a paper and its appendix: CSV with all digits, Markdown and LaTeX as people read them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ganlab.files import write_atomically
from ganlab.report.reading import base_of, find_folder, label, read_runs
from ganlab.report.summary import heads
from ganlab.show.compare import Table, interval_text
from ganlab.show.figure import alt_of, png

_IN_LATEX = {"−": "$-$", "∞": r"$\infty$", "–": "--", "\u2009": r"\,", "±": r"$\pm$"}


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Texts only: `mean, low, high` (or `difference, low, high`) become one column such as "5.25 [3.9, 6.4]"."""
    middle = "difference" if "difference" in table else "mean"
    shown = table.drop(columns=[name for name in ("low", "high") if name in table]).astype(object)
    if {middle, "low", "high"} <= set(table):
        columns = zip(table[middle], table["low"], table["high"], strict=True)
        shown[middle] = [interval_text(three) if three[0] == three[0] else "–" for three in columns]
        shown = shown.rename(columns={middle: f"{middle} [95 % interval]"})
    if heads(table):
        shown = shown.drop(columns="group")
    shown = shown.rename(columns={name: name.removeprefix("run.") for name in shown})
    return shown.map(lambda value: ", ".join(map(str, value)) if isinstance(value, list) else label(value))


def as_table(table: pd.DataFrame, caption: str = "") -> Table:
    """As a notebook shows it: HTML, and aligned text elsewhere."""
    shown = readable(table)
    return Table(list(shown.columns), shown.to_numpy().tolist(), caption)


def to_markdown(table: pd.DataFrame, caption: str = "") -> str:
    """A table of pipes, as GitHub and pandoc read it."""
    return as_table(table, caption)._repr_markdown_() + "\n"


def to_latex(table: pd.DataFrame, caption: str = "", name: str = "tab:report") -> str:
    r"""A `table` environment with rules of the package booktabs, for `\input`."""
    shown = readable(table)
    columns = "l" + "r" * (len(shown.columns) - 1)
    shown.columns = [_escaped(name) for name in shown.columns]
    text = shown.map(_escaped).to_latex(
        index=False, escape=False, column_format=columns, caption=_escaped(caption) or None, label=name, position="t"
    )
    for sign, command in _IN_LATEX.items():
        text = text.replace(sign, command)
    return "% \\usepackage{booktabs}\n" + text


def _escaped(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
    return "".join(special.get(sign, sign) for sign in " ".join(text.split()))


def write_report(
    folder: str | Path,
    title: str,
    tables: Mapping[str, tuple[str, pd.DataFrame]],
    data: Mapping[str, pd.DataFrame],
    figures: Mapping[str, Figure],
    sentences: Sequence[str] = (),
) -> list[Path]:
    """Write what is attached to a paper.

    Args:
        folder: made when missing; files of the same names are replaced, each in one piece.
        tables: name to (caption, table): each becomes NAME.csv, NAME.tex and a part of report.md.
        data: name to table: each becomes NAME.csv.
        figures: name to figure: each becomes NAME.png and NAME.pdf; its alt text stands in report.md.
        sentences: what the reader must know, at the head of report.md.

    Returns:
        The files written.

    Raises:
        GanlabError: the folder cannot be written.
    """
    files: dict[str, bytes | str] = {}
    text = [f"# {title}", *([f"- {sentence}" for sentence in sentences] and ["\n".join(f"- {s}" for s in sentences)])]
    for name, (caption, table) in tables.items():
        files |= {f"{name}.csv": _csv(table), f"{name}.tex": to_latex(table, caption, f"tab:{name}")}
        text.append(to_markdown(table, caption).strip())
    for name, figure in figures.items():
        files |= {f"{name}.png": png(figure), f"{name}.pdf": _pdf(figure)}
        text.append(f"![{alt_of(figure).replace('[', '(').replace(']', ')')}]({name}.png)")
    files |= {f"{name}.csv": _csv(table) for name, table in data.items()}
    files["report.md"] = "\n\n".join(text) + "\n"
    for name, content in files.items():
        plain = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
        write_atomically(Path(folder) / name, plain)
    return [Path(folder) / name for name in files]


def copy_records(runs: str | Path, to: str | Path) -> int:
    """Copy what a report reads, `run.json` and `result.json` of each finished run, and nothing else.

    A sweep of hundreds of runs becomes an attachment of some hundred kB: notebooks and checkpoints stay behind.

    Args:
        runs: as `read_runs` takes it, with the runs of one chapter.
        to: a folder; each run gets the folder in it that it has below `runs`.

    Returns:
        How many runs were copied.

    Raises:
        GanlabError: as `read_runs` does, or `to` cannot be written.
    """
    root, folders = base_of(find_folder(runs)), read_runs(runs).runs["run.folder"]
    for name in folders:
        below = [part for part in Path(name).parts if part != ".."]  # a sweep's runs lie beside its own folder
        for file in ("run.json", "result.json"):
            write_atomically(Path(to, *below, file), (root / name / file).read_bytes())
    return len(folders)


def _csv(table: pd.DataFrame) -> str:
    return table.map(lambda value: json.dumps(value) if isinstance(value, list) else value).to_csv(index=False)


def _pdf(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()
