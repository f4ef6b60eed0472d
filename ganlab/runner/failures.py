"""One line about a notebook that stopped."""

import re

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def failing_cell(notebook: NotebookNode) -> int | None:
    """The number, counted from 1 over all cells, of the cell that holds an error."""
    for number, cell in enumerate(notebook.cells, start=1):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return number
    return None


def describe_failure(notebook: NotebookNode, error: BaseException) -> str:
    """`cell 7: ValueError: ...`, in one line, from the notebook as far as it came."""
    number = failing_cell(notebook)
    if number is None:
        running = [n for n, c in enumerate(notebook.cells, 1) if c.cell_type == "code" and c.execution_count is None]
        at = f"cell {running[0]}" if running else "its last cell"
        if isinstance(error, DeadKernelError):
            return f"{at}: the kernel died (out of memory, or killed)"
        return f"{at}: {type(error).__name__}: {one_line(str(error))}"
    outputs = notebook.cells[number - 1].outputs
    failure = next(output for output in outputs if output.output_type == "error")
    return f"cell {number}: {failure.ename}: {one_line(failure.evalue)}"


def one_line(text: str, length: int = 200) -> str:
    """`text` without colours and line ends, cut to `length`."""
    text = " ".join(_ANSI.sub("", text).split())
    return text if len(text) <= length else text[: length - 1] + "…"
