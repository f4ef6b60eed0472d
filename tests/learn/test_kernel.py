"""In a real kernel: what a notebook shows, and that the cells after it run whatever was written."""

import os

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = {
    "setup": (
        "import dataclasses\n"
        "import torch\n"
        "from ganlab.learn import exercise, hint, predict, progress\n"
        "from ganlab.learn.chapters import ch01\n"
        "ch01.EXERCISES[:] = [dataclasses.replace(e, seconds=0.3) for e in ch01.EXERCISES]"
    ),
    "stub": (
        '@exercise("gan.generator_loss")\n'
        "def generator_loss(fake_logits):\n"
        "    raise NotImplementedError  # your code here"
    ),
    "used": "print(f'{generator_loss(torch.zeros(4)).item():.3f}')",
    "endless": (
        '@exercise("gan.generator_loss")\ndef generator_loss(fake_logits):\n    while True:\n        fake_logits + 1'
    ),
    "used again": "print(f'{generator_loss(torch.zeros(4)).item():.3f}')",
    "error": '@exercise("gan.generator_loss")\ndef generator_loss(fake_logits):\n    return fake_logits.meen()',
    "right": (
        '@exercise("gan.generator_loss")\n'
        "def generator_loss(fake_logits):\n"
        '    """Mine."""\n'
        "    return -torch.nn.functional.logsigmoid(fake_logits).mean()"
    ),
    "mine": "print(generator_loss.__doc__)",
    "question": 'answer = ""\npredict("gan.no_detach", answer)',
    "progress": "progress(1)",
    "typo": 'hint("gan.generator_los")',
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    environment = os.environ | {"GANLAB_INTERACTIVE": "0", "GANLAB_STATE": str(folder)}
    NotebookClient(notebook, timeout=120, allow_errors=True).execute(env=environment)
    assert not list(folder.iterdir()), "a static run must not write progress"
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def text(outputs):
    return " ".join("".join(output.get("text", "") for output in outputs).split())


def test_the_notebook_runs_on_with_the_courses_version(outputs):
    assert text(outputs["stub"]).startswith("gan.generator_loss: not attempted. Going on with the course's version.")
    assert text(outputs["used"]) == text(outputs["used again"]) == "0.693"


def test_an_endless_loop_in_a_cell_is_stopped(outputs):
    assert "had not come back after 0.3 seconds" in text(outputs["endless"])


def test_an_error_names_the_line_of_the_cell(outputs):
    assert "AttributeError" in text(outputs["error"]) and "`return fake_logits.meen()`" in text(outputs["error"])


def test_a_right_answer_is_what_the_notebook_goes_on_with(outputs):
    assert text(outputs["right"]) == "gan.generator_loss: right. Going on with your version."
    assert text(outputs["mine"]) == "Mine."


def test_a_question_without_a_front_end_is_text(outputs):
    assert [output.output_type for output in outputs["question"]] == ["stream"]
    assert "gan.no_detach: not attempted. Set answer to one of a, b, c" in text(outputs["question"])


def test_progress_of_a_static_run_is_that_of_this_kernel(outputs):
    assert "gan.generator_loss right" in text(outputs["progress"])
    assert text(outputs["progress"]).count("not attempted") == text(outputs["progress"]).count("gan.") - 1


def test_a_misspelt_name_is_one_line(outputs):
    (error,) = outputs["typo"]
    assert error.traceback == [
        "GanlabError: There is no exercise called 'gan.generator_los'. Did you mean 'gan.generator_loss'?"
    ]
