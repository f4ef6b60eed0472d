"""Each rule finds what it is for, at its cell, and leaves a good notebook alone."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from ganlab.authoring.lint import MAX_BYTES, lint, lint_file

PARAMETERS = 'seed: int = 0  # the seed\nrun_folder: str = ""  # where result.json goes; empty: nowhere'
PNG = "iVBORw0KGgo="


def good():
    """A notebook that keeps every rule; code cells are cells 2, 4 and 5."""
    figure = {"image/png": PNG, "text/plain": "Figure: eight clusters"}
    alt = {"image/png": {"alt": "eight clusters"}}
    cells = [
        new_markdown_cell("# 01 · Toy\n\nWhat you will see. ![a ring](ring.png)"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}, execution_count=1),
        new_markdown_cell("## Why\n\n### Because\n\n```python\n# not a heading\n```\n\n## Then"),
        new_code_cell("show()", execution_count=2, outputs=[new_output("display_data", figure, metadata=alt)]),
        new_code_cell('run.finish("8 modes")', execution_count=3, outputs=[new_output("stream", text="result: 8\n")]),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def test_a_good_notebook_has_no_problems():
    assert lint(good(), number="01") == []


def cell(number, **fields):
    def change(notebook):
        for name, value in fields.items():
            notebook.cells[number - 1][name] = nbformat.from_dict(value)

    return change


def metadata(number, **fields):
    return cell(number, metadata=fields)


def outputs(number, *made):
    return cell(number, outputs=list(made))


def remove(number):
    return lambda notebook: notebook.cells.pop(number - 1)


def text(value, **fields):
    return new_output("stream", text=value, **fields)


def parameters(source):
    return cell(2, source=source)


WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}

UNION = PARAMETERS + "\nname: str | None = None"
FAILED = new_output("error", ename="ValueError", evalue="", traceback=[])
HOME = "/home/ada/runs"

CASES = {
    "semicolon": (cell(4, source="show();"), ", cell 4: a ';'"),
    "semicolon before a comment": (cell(4, source="show();  # quiet"), ", cell 4: a ';'"),
    "semicolon after a magic": (cell(4, source="%timeit f()\nshow();"), ", cell 4: a ';'"),
    "unknown tag": (metadata(4, tags=["slowly"]), ", cell 4: tag 'slowly'"),
    "tag that papermill ignores": (metadata(4, tags=["raises-exception"]), ", cell 4: tag 'raises-exception'"),
    "tag in markdown": (metadata(1, tags=["hidden"]), ", cell 1: tag 'hidden'"),
    "no parameters": (metadata(2, tags=[]), ": A notebook needs exactly one cell tagged 'parameters'"),
    "two parameters": (metadata(4, tags=["parameters"]), ": A notebook needs exactly one"),
    "union type": (parameters(UNION), ", cell 2: Parameter 'name' has type str | None"),
    "literal type": (parameters(PARAMETERS + '\na: Literal["b"] = "b"'), ", cell 2: Parameter 'a' has type"),
    "no seed": (parameters('run_folder: str = ""  # where'), ", cell 2: parameter 'seed: int' is missing"),
    "no run folder": (parameters("seed: int = 0  # the seed"), ", cell 2: parameter 'run_folder: str' is missing"),
    "run folder set": (parameters(PARAMETERS.replace('""', '"runs"')), "'run_folder' must be str and empty"),
    "seed of another type": (parameters(PARAMETERS.replace("int = 0", "float = 0.0")), "'seed' must be int"),
    "no comment": (parameters(PARAMETERS + "\nsteps: int = 3"), "'steps' has no comment"),
    "two equals signs": (parameters(PARAMETERS + "\na: str = 'b'  # as in b=3"), "more than one '=': a."),
    "default out of range": (parameters(PARAMETERS + "\nsteps: int = 3  # n [5, 9]"), "'steps' is 3"),
    "error output": (outputs(4, FAILED), "an error (ValueError)"),
    "stderr": (outputs(4, text("Warning: old", name="stderr")), ", cell 4: it writes to stderr ('Warning: old')"),
    "not executed": (cell(4, execution_count=None), ", cell 4: the cell was not executed"),
    "executed out of order": (cell(4, execution_count=7), ", cell 4: its execution count is 7, not 2"),
    "no alt": (outputs(4, new_output("display_data", {"image/png": PNG})), ", cell 4: its image/png has no alt text"),
    "blank alt": (
        outputs(4, new_output("display_data", {"image/svg+xml": "<svg/>"}, metadata={"image/svg+xml": {"alt": " "}})),
        ", cell 4: its image/svg+xml has no alt",
    ),
    "markdown image without alt": (cell(3, source="## Why\n![](ring.png)"), ", cell 3: an image has no alt"),
    "html image without alt": (cell(3, source="## Why\n<img src='ring.png'>"), ", cell 3: an image has no alt"),
    "html image with empty alt": (cell(3, source="## Why\n<img src='r.png' alt=''>"), ", cell 3: an image has no alt"),
    "no title": (cell(1, source="Toy"), ", cell 1: a notebook begins with its title"),
    "title of another chapter": (cell(1, source="# 02 · Toy"), ", cell 1: the title must read '# 01 · ...'"),
    "two titles": (cell(3, source="# 01 · Again"), ", cell 3: there is a second title"),
    "skipped level": (cell(3, source="### Because"), ", cell 3: a heading of level 3 follows one of level 1"),
    "widget state": (lambda notebook: notebook.metadata.update(widgets={}), ": it holds widget state"),
    "widget view": (outputs(4, new_output("display_data", WIDGET)), ", cell 4: it shows a widget"),
    "papermill's copy": (lambda notebook: notebook.metadata.update(papermill={}), ": it is a copy that papermill made"),
    "address": (outputs(4, text("<Thing at 0x7f3a5c2b1d90>")), ", cell 4: its output shows a memory address"),
    "path": (outputs(4, text(f"saved in {HOME}")), f", cell 4: its output shows a path of this machine ({HOME})"),
    "path on windows": (outputs(4, text(r"saved in C:\Users\ada")), "a path of this machine"),
    "no result": (remove(5), 'the last code cell must be `run.finish("...")`'),
    "no code": (lambda notebook: notebook.update(cells=notebook.cells[:1]), "needs exactly one cell"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_rule(name):
    change, complaint = CASES[name]
    notebook = good()
    change(notebook)
    problems = lint(notebook, number="01")
    assert any(complaint in problem for problem in problems), problems


def test_allowed_things_pass():
    notebook = good()
    notebook.cells[3].source = "a = ';'; b = 1  # two; of them\nshow()"
    notebook.cells[3].metadata = nbformat.from_dict({"tags": ["nbval-ignore-output", "slow"], "slideshow": {}})
    notebook.cells[3].outputs = [text("<Thing at 0x7f3a5c2b1d90> and https://home/x and a/tmp/b")]
    notebook.cells.insert(4, new_code_cell("", execution_count=None))
    assert lint(notebook, number="01") == []


def test_problems_come_in_the_order_of_the_cells():
    notebook = good()
    cell(4, source="show();")(notebook)
    metadata(1, tags=["odd"])(notebook)
    assert [problem.split(":")[0] for problem in lint(notebook)] == [", cell 1", ", cell 4"]


def test_linting_changes_nothing():
    notebook = good()
    before = copy.deepcopy(notebook)
    lint(notebook, number="01")
    assert notebook == before


def test_size_and_absence(tmp_path):
    path = tmp_path / "01_toy.ipynb"
    assert "does not exist" in lint_file(path)[0]
    notebook = good()
    notebook.cells[0].source += "x" * MAX_BYTES
    nbformat.write(notebook, path)
    assert lint_file(path) == [": 1.5 MB is more than 1.5 MB; use fewer or smaller figures."]
