"""The concept test: its questions, the notebook that students fill in, and what a class gained."""

import json
import re

import nbformat
import pytest
from typer.testing import CliRunner

from ganlab.classroom import concepts
from ganlab.classroom.cli import classes
from ganlab.classroom.concepts import AFTER, BEFORE, CONCEPTS, answers_of, concept_test, gain, item_table, note
from ganlab.classroom.grade import grade_folder
from ganlab.classroom.submission import make_submission, read_submission
from ganlab.errors import GanlabError


def filled_in(path, when, answers):
    """The student's notebook with these letters written into it, one for each question."""
    notebook = nbformat.reads(concept_test(when), as_version=4)
    asked = [cell for cell in notebook.cells if cell.cell_type == "code" and "reply" in cell.source]
    for cell, letter in zip(asked, answers, strict=True):
        cell.source = cell.source.replace('reply = ""', f'reply = "{letter}"')
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


RIGHT = [asked.right for asked in CONCEPTS]
WRONG = [next(letter for letter in asked.letters if letter != asked.right) for asked in CONCEPTS]


def test_every_question_has_one_right_answer_and_a_misconception_for_each_other():
    assert len(CONCEPTS) == 12 and len({asked.name for asked in CONCEPTS}) == 12
    for asked in CONCEPTS:
        assert len(asked.choices) == 4 and len({choice.text for choice in asked.choices}) == 4
        for letter, choice in zip(asked.letters, asked.choices, strict=True):
            assert choice.response.startswith("Right") == (letter == asked.right), (asked.name, letter)
    assert min(RIGHT.count(letter) for letter in "bc") >= 2 and len(set(RIGHT)) == 4  # no letter is always right


def test_the_notebook_runs_and_does_not_give_the_answers_away(capsys):
    notebook = nbformat.reads(concept_test(BEFORE), as_version=4)
    nbformat.validate(notebook)
    text = json.dumps(notebook)
    assert not any(choice.response in text for asked in CONCEPTS for choice in asked.choices)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, {"note": note})
    assert capsys.readouterr().out.count("No answer yet") == 12
    note("concept.before.losses", "A)")
    note("concept.after.losses", "z")
    said = capsys.readouterr().out
    assert said.startswith("Noted: a.") and "none of the answers" in said
    with pytest.raises(GanlabError, match="no question 'concept.before.lost'"):
        note("concept.before.lost", "a")


def test_the_key_marks_each_right_answer_and_says_why_each_other_is_chosen():
    text = concepts.key()
    assert text.count("**right**") == 12
    for asked in CONCEPTS:
        part = re.search(rf"## \d+\. {asked.name}\n(.*?)(?=\n## |\Z)", text, re.DOTALL)[1]
        assert f"- {asked.right}) {asked.choice(asked.right).text} **right**" in part
        assert all(asked.choice(x).response in part for x in asked.letters if x != asked.right)


def test_a_class_gains_what_its_students_gained(tmp_path):
    for student, before, after in (("ada", WRONG, RIGHT), ("bob", RIGHT[:6] + WRONG[6:], RIGHT), ("eve", WRONG, None)):
        for when, answers in ((BEFORE, before), (AFTER, after)):
            if answers:
                path = filled_in(tmp_path / "work" / student / f"concept_test_{when}.ipynb", when, answers)
                make_submission(student, [path], [], tmp_path / "in" / when)
    tests = answers_of([read_submission(path) for path in sorted((tmp_path / "in").rglob("*.json"))])
    found = gain(tests)
    assert (found.students, found.before, found.after) == (["ada", "bob"], [0, 6], [12, 12])
    assert "2 students took both: 3.0 of 12 right before, 12.0 after, 100 % of what could be gained" in found.sentence()
    assert "Too few" in found.sentence()
    first = item_table(tests)[0]
    assert (first["before: took it"], first["before: right"], first["after: right"]) == (3, 1, 2)
    assert first["before: most chosen wrong answer"] == WRONG[0]

    command = ["merge", tmp_path / "in", "--out", tmp_path / "c.csv", "--concepts", tmp_path / "t.csv"]
    done = CliRunner().invoke(classes, list(map(str, command)))
    assert done.exit_code == 0 and found.sentence() in done.output
    assert (tmp_path / "t.csv").read_text().count("\n") == 13 and not (tmp_path / "c.csv").exists()

    (one, *_) = grade_folder(tmp_path / "in" / BEFORE, tmp_path / "grades")
    assert "not marked" in one.note and one.verdicts == []


def test_an_interval_is_given_from_five_students_on_and_nothing_is_made_of_nothing():
    five = concepts.Gain(list("abcde"), [3, 4, 5, 6, 7], [5, 8, 7, 9, 8])
    assert re.search(r"Gain a student: \+2\.4, 95 % interval \+1\.\d to \+3\.\d\.", five.sentence())
    assert concepts.Gain([], [], []).sentence() == "Nobody has handed in both tests."
    assert "what could be gained" not in concepts.Gain(["a"], [12], [12]).sentence()
