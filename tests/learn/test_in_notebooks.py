"""The notebooks' exercise cells agree with the exercises: header above, markers inside, questions known."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from ganlab.learn import chapters

SOURCES = sorted((Path(__file__).parents[2] / "notebooks" / "src").glob("*.py"))


def test_there_are_sources():
    assert SOURCES


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_header_above_an_exercise_states_its_difficulty_and_minutes(source):
    cells = jupytext.read(source, fmt="py:percent").cells
    known = chapters.exercises()
    for position, cell in enumerate(cells):
        for name in (
            re.findall(r'^@exercise\("([^"]+)"\)', cell.source, re.MULTILINE) if cell.cell_type == "code" else []
        ):
            assert name in known, f"{source.name}: there is no exercise {name}"
            above = next(c.source for c in reversed(cells[:position]) if c.cell_type == "markdown")
            assert known[name].header in above, f"{source.name}: above {name} write\n{known[name].header}"
            assert "### BEGIN SOLUTION" in cell.source, f"{source.name}: {name} has no solution region"
            assert "exercise" in cell.metadata.get("tags", []), f"{source.name}: tag the cell of {name} 'exercise'"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_question_asked_is_known(source):
    for name in re.findall(r'\bpredict\("([^"]+)"', source.read_text(encoding="utf-8")):
        assert name in chapters.questions(), f"{source.name}: there is no question {name}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_exercise_and_question_of_a_written_chapter_stands_in_its_notebook(source):
    text = source.read_text(encoding="utf-8")
    number = source.stem[:2]
    if number not in chapters.numbers():
        return
    missing = [n for n in chapters.exercises(number) if f'@exercise("{n}")' not in text]
    missing += [n for n in chapters.questions(number) if f'predict("{n}"' not in text]
    assert not missing, f"{source.name} does not use {', '.join(missing)}"


@pytest.mark.parametrize(
    "folder, outcome", [("solutions", "right. Going on with your version."), (".", "not attempted.")]
)
def test_solved_notebooks_show_right_for_every_exercise_and_learners_notebooks_not_attempted(folder, outcome):
    for path in sorted((SOURCES[0].parents[1] / folder).glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for name in re.findall(r'^@exercise\("([^"]+)"\)', cell.source, re.MULTILINE):
                printed = " ".join("".join(output.get("text", "") for output in cell.outputs).split())
                assert printed.startswith(f"{name}: {outcome}"), f"{path.name}: {printed or 'no output'}"
