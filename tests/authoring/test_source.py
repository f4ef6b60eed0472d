"""Sources become notebooks: solutions out or in, the same bytes each time."""

import nbformat
import pytest

from ganlab.authoring.normalise import inputs, normalise, to_text
from ganlab.authoring.source import STUB, cell_ids, generate, has_solutions, resolve_solutions
from ganlab.errors import GanlabError

SOURCE = '''# %% [markdown]
# # 01 · Toy

# %% tags=["parameters"]
seed: int = 0  # the seed

# %% tags=["exercise"]
def square(x):
    """Its square."""
    ### BEGIN SOLUTION
    y = x * x

    return y
    ### END SOLUTION


# %%
square
'''


def test_learner_gets_the_stub_and_nothing_of_the_solution():
    learner = generate(SOURCE, solved=False)
    assert learner.cells[2].source == f'def square(x):\n    """Its square."""\n    {STUB}'
    assert "SOLUTION" not in to_text(learner) and "y = x" not in to_text(learner)


def test_solved_notebook_is_the_source_without_markers():
    solved = generate(SOURCE, solved=True)
    assert solved.cells[2].source == 'def square(x):\n    """Its square."""\n    y = x * x\n\n    return y'
    assert [cell.cell_type for cell in solved.cells] == ["markdown", "code", "code", "code"]
    assert solved.cells[1].metadata.tags == ["parameters"]


def test_generated_notebooks_are_valid_and_the_same_each_time():
    first, second = generate(SOURCE, solved=False), generate(SOURCE, solved=False)
    nbformat.validate(first)
    assert to_text(first) == to_text(second)


def test_blank_lines_between_cells_leave_no_trace():
    spaced = SOURCE.replace("\n\n# %% tags", "\n\n\n\n# %% tags")
    assert to_text(generate(spaced, solved=True)) == to_text(generate(SOURCE, solved=True))


def test_ids_are_unique_and_follow_the_content():
    cells = [nbformat.v4.new_code_cell(text) for text in ("a", "b", "a", "a")]
    ids = cell_ids(cells)
    assert len(set(ids)) == 4
    assert cell_ids([nbformat.v4.new_markdown_cell("a"), *cells])[1:] == ids, "a new cell leaves the others' ids alone"


def test_two_regions_in_one_cell():
    source = (
        "def f():\n    ### BEGIN SOLUTION\n    a\n    ### END SOLUTION\n"
        "def g():\n        ### BEGIN SOLUTION\n        b\n        ### END SOLUTION"
    )
    assert resolve_solutions(source, solved=False) == f"def f():\n    {STUB}\ndef g():\n        {STUB}"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("    ### BEGIN SOLUTION\n    a", "has no '### END"),
        ("    a\n    ### END SOLUTION", "without its"),
        ("    ### BEGIN SOLUTION\n    ### BEGIN SOLUTION\n    ### END SOLUTION", "inside a solution"),
        ("### BEGIN SOLUTION\na\n### END SOLUTION", "outside of any function"),
        ("    # BEGIN SOLUTION\n    a", "nearly a marker"),
        ("    ### begin solution\n    a", "nearly a marker"),
        ("    a  ### BEGIN SOLUTION", "nearly a marker"),
    ],
)
def test_bad_markers_are_refused_in_words(source, complaint):
    for solved in (True, False):
        with pytest.raises(GanlabError, match=complaint):
            resolve_solutions(source, solved=solved)


def test_a_solution_in_markdown_is_refused():
    with pytest.raises(GanlabError, match="in markdown"):
        generate("# %% [markdown]\n# ### BEGIN SOLUTION\n", solved=False)


def test_has_solutions():
    assert has_solutions(SOURCE)
    assert not has_solutions("# %%\n1\n")


def test_normalising_removes_run_noise_and_joins_streams():
    notebook = generate(SOURCE, solved=False)
    notebook.metadata["widgets"] = {"state": {}}
    notebook.metadata["papermill"] = {"duration": 3.0}
    cell = notebook.cells[3]
    cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01"}
    stream = {"output_type": "stream", "name": "stdout"}
    widget = {"text/plain": "IntSlider()", "application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    cell.outputs = [
        nbformat.from_dict(stream | {"text": "a\n"}),
        nbformat.from_dict(stream | {"text": "b\n"}),
        nbformat.from_dict(stream | {"text": "c\n", "name": "stderr"}),
        nbformat.v4.new_output("display_data", widget),
    ]
    normalise(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert cell.metadata == {}
    assert [output.get("text") for output in cell.outputs] == ["a\nb\n", "c\n", None]
    assert cell.outputs[2].data == {"text/plain": "IntSlider()"}
    before = to_text(notebook)
    normalise(notebook)
    assert to_text(notebook) == before


def test_inputs_is_a_copy():
    notebook = generate(SOURCE, solved=False)
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text="a")]
    notebook.cells[3].execution_count = 3
    assert to_text(inputs(notebook)) == to_text(generate(SOURCE, solved=False))
    assert notebook.cells[3].outputs and notebook.cells[3].execution_count == 3


def test_an_answer_to_a_question_is_emptied_for_the_learner():
    source = '### BEGIN SOLUTION\nanswer = "b"\n### END SOLUTION\npredict("gan.rotation", answer)'
    assert resolve_solutions(source, solved=True) == 'answer = "b"\npredict("gan.rotation", answer)'
    assert resolve_solutions(source, solved=False) == 'answer = ""  # your answer\npredict("gan.rotation", answer)'
