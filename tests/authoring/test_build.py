"""Building executes, normalises and writes only what has changed; drift is found by name."""

import json

import nbformat
import pytest

from ganlab.authoring.build import BuildFailed, Target, build, drift, is_current, targets
from ganlab.runner.chapters import Chapter, find_chapter
from ganlab.runner.kernels import Kernels

SOURCE = """# %% [markdown]
# # 01 · Toy

# %% tags=["parameters"]
seed: int = 0  # the seed

# %%
def square(x):
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION

try:
    print(square(3))
except NotImplementedError:
    print("not attempted")
"""


@pytest.fixture
def chapter(tmp_path) -> Chapter:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "01_toy.py").write_text(SOURCE)
    return find_chapter(tmp_path, "01")


def output_of(path) -> str:
    return nbformat.read(path, as_version=4).cells[-1].outputs[0].text


@pytest.mark.slow
def test_build_then_rebuild_then_drift(chapter):
    learner, solved = targets(chapter)
    assert [build(target, Kernels()) for target in (learner, solved)] == ["written", "written"]
    assert output_of(learner.path) == "not attempted\n" and output_of(solved.path) == "9\n"
    assert drift(chapter) == []

    before = {target: target.path.read_bytes() for target in (learner, solved)}
    assert build(learner, Kernels()) == "current"
    assert build(solved, Kernels(), force=True) == "unchanged"
    assert before == {target: target.path.read_bytes() for target in (learner, solved)}

    chapter.source.write_text(SOURCE.replace("square(3)", "square(4)"))
    assert [problem.split(":")[0] for problem in drift(chapter)] == [
        "notebooks/01_toy.ipynb differs from its source, first in cell 3",
        "notebooks/solutions/01_toy.ipynb differs from its source, first in cell 3",
    ]
    assert "`ganlab notebooks build 01`" in drift(chapter)[0]
    assert build(solved, Kernels()) == "written"
    assert output_of(solved.path) == "16\n"


@pytest.mark.slow
def test_a_failing_cell_leaves_the_old_notebook(chapter):
    learner = Target(chapter, solved=False)
    build(learner, Kernels())
    before = learner.path.read_bytes()
    chapter.source.write_text(SOURCE + "\n# %%\n1 / 0\n")
    with pytest.raises(BuildFailed, match="01_toy.ipynb failed in cell 4: ZeroDivisionError: division") as error:
        build(learner, Kernels())
    assert "1 / 0" in error.value.traceback
    assert learner.path.read_bytes() == before
    assert [path.name for path in chapter.notebooks.iterdir()] == ["src", "01_toy.ipynb"]


def generated(target: Target) -> nbformat.NotebookNode:
    """Written as if it had been executed, without a kernel."""
    notebook = target.generated()
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
    target.path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, target.path)
    return notebook


def test_only_inputs_count_as_drift(chapter):
    for target in targets(chapter):
        notebook = generated(target)
        notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="another machine\n")]
        nbformat.write(notebook, target.path)
    assert drift(chapter) == []
    assert is_current(Target(chapter, False))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda notebook: notebook.cells[2].update(source="edited here"), "first in cell 3"),
        (lambda notebook: notebook.cells[1].metadata.update(tags=[]), "first in cell 2"),
        (lambda notebook: notebook.cells[1].update(id="other"), "first in cell 2"),
        (lambda notebook: notebook.cells.pop(), "first in cell 3"),
        (lambda notebook: notebook.cells.append(nbformat.v4.new_markdown_cell("more")), "first in cell 4"),
        (lambda notebook: notebook.metadata.kernelspec.update(name="mine"), "in the notebook's metadata"),
    ],
)
def test_drift_says_where(chapter, change, complaint):
    learner, solved = targets(chapter)
    generated(solved)
    notebook = generated(learner)
    change(notebook)
    nbformat.write(notebook, learner.path)
    (problem,) = drift(chapter)
    assert complaint in problem and problem.startswith("notebooks/01_toy.ipynb")


def test_unexecuted_is_not_current(chapter):
    target = Target(chapter, False)
    nbformat.write(target.generated(), target.path)
    assert drift(chapter)[0].startswith("notebooks/solutions/01_toy.ipynb does not exist")
    assert not is_current(target)


def test_broken_and_superfluous_files_are_named(chapter):
    learner, solved = targets(chapter)
    generated(solved)
    learner.path.write_text("{")
    assert "cannot be read" in drift(chapter)[0]
    chapter.source.write_text("# %%\n1\n")
    assert "should not exist" in drift(chapter)[-1]
    chapter.source.unlink()
    assert drift(chapter) == ["notebooks/01_toy.ipynb has no source notebooks/src/01_toy.py."]


def test_bad_source_is_named(chapter):
    chapter.source.write_text("# %%\ndef f():\n    ### BEGIN SOLUTION\n    pass\n")
    assert drift(chapter)[0].startswith("notebooks/src/01_toy.py: In code cell 1")


@pytest.mark.slow
def test_committed_form(chapter):
    target = Target(chapter, False)
    build(target, Kernels())
    text = target.path.read_text()
    assert text.endswith("}\n") and not text.endswith("\n\n")
    notebook = json.loads(text)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in notebook["metadata"]["language_info"]
    assert all(set(cell["metadata"]) <= {"tags"} for cell in notebook["cells"])
