"""The folder for a class, the students' seeds, and what their runs add up to."""

import json
import re

import pytest

from ganlab.classroom.kit import LESSONS, QUESTION, answer_key, lesson_plans, merged_results, new_class, student_seed
from ganlab.classroom.submission import Submission
from ganlab.errors import GanlabError
from ganlab.learn import chapters as known
from ganlab.runner.chapters import find_chapter, find_notebooks


def test_students_get_no_solutions_and_the_teacher_gets_all(tmp_path):
    notebooks = find_notebooks()
    folder = new_class("GANs 2027", tmp_path / "class", [find_chapter(notebooks, "01")])
    student, solved = folder / "students", folder / "teacher" / "solutions"
    assert (student / "01_gan_from_scratch.ipynb").read_bytes() != (solved / "01_gan_from_scratch.ipynb").read_bytes()
    assert "raise NotImplementedError" in (student / "01_gan_from_scratch.ipynb").read_text()
    assert json.loads((folder / "class.json").read_text())["code"] in (student / "README.md").read_text()
    promised = re.findall(r"^- (.+?):", (folder / "teacher" / "README.md").read_text(), re.MULTILINE)
    for name in re.findall(r"`([^`]+)`", " ".join(promised)):
        assert (folder / "teacher" / name).exists(), name
    assert {path.name for path in student.iterdir()} >= {"concept_test_before.ipynb", "concept_test_after.ipynb"}
    key = (folder / "teacher" / "answers.md").read_text()
    assert all(name in key for name in (*known.exercises("01"), *known.questions("01")))
    with pytest.raises(GanlabError, match="is not empty"):
        new_class("GANs 2027", folder, [])


def test_the_key_marks_one_answer_of_each_question():
    assert answer_key(["01"]).count("**right**") == len(known.questions("01"))


def test_plans_fill_their_time_and_lose_no_exercise():
    text = lesson_plans([find_chapter(find_notebooks(), "01")])
    for lesson, part in zip(LESSONS, text.split("### ")[1:], strict=True):
        shown = int(re.search(r"figures: (\d+) minutes", part)[1])
        done = int(re.search(r"keyboard \((\d+) minutes", part)[1])
        asked = [name for name in known.questions("01") if f"{name}" in part.split("3.")[0]]
        assert shown + done + QUESTION * len(asked) == lesson and shown >= lesson / 4
        assert all(name in part for name in (*known.exercises("01"), *known.questions("01")))


def test_seeds_differ_between_students_and_classes_and_stay():
    assert student_seed("c0de", "Ada") == student_seed("c0de", " ada ")
    seeds = {student_seed(code, name) for code in ("a", "b") for name in map(str, range(50))}
    assert len(seeds) == 100 and all(0 <= seed < 1_000_000 for seed in seeds)


def test_results_become_one_row_a_seed_and_odd_ones_are_left_out():
    two_seeds = {"line": "x", "seconds": 3, "modes": [3, 8], "curve": [1, 2, 3], "parameters": {"seed": 40, "seeds": 2}}
    odd = {"modes": [None, 2], "score": 0.5, "big": float("inf"), "huge": 10**400}
    rows = merged_results(
        [Submission("ada", {}, {"01": [two_seeds]}), Submission("bob", {}, {"01": [odd], "02": 3, "03": ["x"]})]
    )
    assert [(row["student"], row["quantity"], row["seed"], row["value"]) for row in rows] == [
        ("ada", "modes", 40, 3.0),
        ("ada", "modes", 41, 8.0),
        ("bob", "score", 0, 0.5),
    ]
