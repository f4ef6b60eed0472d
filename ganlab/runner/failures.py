"""One line about a notebook that stopped."""

import re

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

BEGUN = "execution"  # the metadata that we put on a cell when it starts; a dead kernel cannot tell
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


PAPERMILL_TAGS = {"injected-parameters", "papermill-error-cell-tag"}  # cells that the reader's notebook lacks


def describe_failure(notebook: NotebookNode, error: BaseException) -> str:
    """`cell 7: ValueError: ...`, in one line; cells are counted from 1 in the notebook that the reader has."""
    cells = [c for c in notebook.cells if not PAPERMILL_TAGS & set(c.metadata.get("tags", []))]
    for number, cell in enumerate(cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return f"cell {number}: {output.ename}: {one_line(output.evalue)}"
    code = [(number, cell) for number, cell in enumerate(cells, start=1) if cell.cell_type == "code"]
    begun = [number for number, cell in code if BEGUN in cell.metadata]
    at = f"cell {begun[-1] if begun else code[0][0]}"
    if isinstance(error, DeadKernelError):
        return f"{at}: the kernel died (out of memory, or killed)"
    return f"{at}: {type(error).__name__}: {one_line(str(error))}"


def one_line(text: str, length: int = 200) -> str:
    """`text` without colours and line ends, cut to `length`."""
    text = " ".join(_ANSI.sub("", text).split())
    return text if len(text) <= length else text[: length - 1] + "…"
