"""A chapter's source, read as the notebooks that it stands for: pure functions, nothing is executed or written.

The source is a jupytext py:percent file with solutions inside::

    def generator_loss(fake_logits):
        ### BEGIN SOLUTION
        return softplus(-fake_logits).mean(-1)
        ### END SOLUTION

The learner's notebook has a stub that raises NotImplementedError in the region's place; the solved notebook
has the region without its markers. Outside of any function a region may hold the answer to a question,
``answer = "b"``; the learner's notebook has ``answer = ""`` there.
"""

import hashlib
import re

import jupytext
import nbformat
from nbformat import NotebookNode

from ganlab.errors import GanlabError

STUB = "raise NotImplementedError  # your code here"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE_INFO = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
_JUPYTEXT_ONLY = {"lines_to_next_cell", "lines_to_end_of_cell_marker"}  # how many blank lines the text has
_MARKER = re.compile(r"^([ \t]*)### (BEGIN|END) SOLUTION[ \t]*$")
_ANSWER = re.compile(r'(\w+) = "[^"]*"')
_ANY_MARKER = re.compile(r"#+\s*(BEGIN|END)\s+SOLUTION", re.IGNORECASE)


def has_solutions(text: str) -> bool:
    """Whether a chapter's source holds a solution, so that it has a solved notebook too."""
    return any(_MARKER.match(line) for line in text.splitlines())


def generate(text: str, *, solved: bool) -> NotebookNode:
    """The notebook of a source's text, without outputs, in its normal form.

    Raises:
        GanlabError: a solution region is not closed, not opened, nested, or not indented.
    """
    notebook = jupytext.reads(text, fmt="py:percent")
    cells = []
    for number, cell in enumerate(notebook.cells, start=1):
        source = cell.source.rstrip()
        if cell.cell_type == "code":
            source = resolve_solutions(source, solved=solved, where=f"code cell {number}")
            made = nbformat.v4.new_code_cell(source)
        elif cell.cell_type == "markdown":
            if _ANY_MARKER.search(source):
                raise GanlabError(f"Cell {number} has a solution marker in markdown: only code can be a solution.")
            made = nbformat.v4.new_markdown_cell(source)
        else:
            made = nbformat.v4.new_raw_cell(source)
        made.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k not in _JUPYTEXT_ONLY})
        cells.append(made)
    for cell, name in zip(cells, cell_ids(cells), strict=True):
        cell.id = name
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO})
    made.nbformat_minor = 5
    return made


def resolve_solutions(source: str, *, solved: bool, where: str = "cell") -> str:
    """`source` with every solution region replaced by the stub or, if `solved`, without its two markers."""
    lines: list[str] = []
    opened: str | None = None
    for line in source.splitlines():
        marker = _MARKER.match(line)
        if marker is None and _ANY_MARKER.search(line):
            raise GanlabError(f"In {where}, '{line.strip()}' is nearly a marker: write '### BEGIN SOLUTION' alone.")
        if marker is None:
            answer = _ANSWER.fullmatch(line)
            if opened == "" and not answer:
                raise GanlabError(
                    f"In {where}, a solution outside of any function may only be an answer such as 'answer = \"b\"': "
                    "the stub of anything else would stop the notebook."
                )
            if opened is None or solved:
                lines.append(line)
            elif answer and opened == "":
                lines.append(f'{answer[1]} = ""  # your answer')
        elif marker[2] == "BEGIN":
            if opened is not None:
                raise GanlabError(f"In {where}, a solution begins inside a solution: end the first one before.")
            opened = marker[1]
            if opened and not solved:
                lines.append(opened + STUB)
        else:
            if opened is None:
                raise GanlabError(f"In {where}, '### END SOLUTION' stands without its '### BEGIN SOLUTION'.")
            opened = None
    if opened is not None:
        raise GanlabError(f"In {where}, '### BEGIN SOLUTION' has no '### END SOLUTION'.")
    return "\n".join(lines)


def cell_ids(cells: list[NotebookNode]) -> list[str]:
    """An id for each cell, made from what it says: a change in one cell leaves the ids of the others alone."""
    seen: dict[str, int] = {}
    ids = []
    for cell in cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids
