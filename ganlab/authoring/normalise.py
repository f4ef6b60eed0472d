"""The normal form of a committed notebook: all that a reader sees, nothing that changes from run to run."""

import nbformat
from nbformat import NotebookNode

_RUN_NOISE = ("papermill", "execution", "collapsed", "ExecuteTime")
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def normalise(notebook: NotebookNode) -> None:
    """Take out timestamps, widget state and papermill's notes, and join split streams, in place."""
    for key in set(notebook.metadata) - {"kernelspec", "language_info"}:
        del notebook.metadata[key]
    for cell in notebook.cells:
        for key in _RUN_NOISE:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                output.get("data", {}).pop(_WIDGET_VIEW, None)


def inputs(notebook: NotebookNode) -> NotebookNode:
    """A copy without outputs and counts: the part that must follow from the source."""
    copy = nbformat.from_dict({**notebook, "cells": [dict(cell) for cell in notebook.cells]})
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return copy


def to_text(notebook: NotebookNode) -> str:
    """The notebook as the bytes that are committed: sorted keys, one-space indents, a newline at the end."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    # A kernel may send one printed text in one piece or in several; what is committed must not depend on it.
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined
