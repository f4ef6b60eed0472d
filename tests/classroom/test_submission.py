"""Reading what students hand in, without running any of it."""

import json

import nbformat
import pytest

from ganlab.classroom.submission import make_submission, read_submission, take_apart
from ganlab.errors import GanlabError

RIGHT = """%matplotlib inline
import torch
from torch.nn.functional import softplus
@exercise("gan.generator_loss")
def generator_loss(fake_logits):
    return softplus(-fake_logits).mean(-1)
print("trained for hours")"""

TEST = 'reply = "b"\nnote("concept.before.floor", reply)'


def notebook(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    return path


def test_attempts_answers_and_helpers_are_found_without_running_anything():
    work = take_apart(
        [
            RIGHT,
            'answer = "b"\npredict("gan.rotation", answer)',
            'predict("gan.no_detach", "c")',
            "rate: float = 0.1\nheavy = train(model)\nclass Net: pass",
        ]
    )
    (attempt,) = work.attempts
    assert (attempt.name, attempt.defines, attempt.fault) == ("gan.generator_loss", "generator_loss", "")
    assert "exercise" not in attempt.source
    assert work.answers == {"gan.rotation": "b", "gan.no_detach": "c"}
    assert work.helpers[:2] == ["import torch", "from torch.nn.functional import softplus"]
    assert not any("train" in helper for helper in work.helpers)


def test_the_last_of_two_attempts_counts():
    first, second = RIGHT, RIGHT.replace("-fake", "+fake")
    (attempt,) = take_apart([first, second]).attempts
    assert "+fake" in attempt.source


def test_a_cell_that_is_no_python_names_its_exercise_and_line():
    (attempt,) = take_apart(['@exercise("gan.generator_loss")\ndef generator_loss(fake_logits:\n    return 1']).attempts
    assert attempt.name == "gan.generator_loss" and attempt.fault.startswith("the cell is not Python")
    assert "line 2" in attempt.fault


def test_python_is_read_as_it_is_and_commands_of_the_notebook_are_left_out():
    remainder = '@exercise("gan.generator_loss")\ndef generator_loss(a):\n    return (a\n            % 2)'
    timed = "def helper():\n    %time x = 1\n    return x\n!ls"
    work = take_apart([remainder, timed])
    assert "% 2" in work.attempts[0].source and not work.attempts[0].fault
    assert work.helpers == ["def helper():\n    pass\n    return x"]


def test_a_cell_too_deep_to_read_stops_no_other():
    work = take_apart(["x = " + "y + " * 20_000 + "1", RIGHT])
    assert [attempt.name for attempt in work.attempts] == ["gan.generator_loss"]


def test_a_submission_holds_the_code_and_comes_back_the_same(tmp_path):
    path = notebook(tmp_path / "01_gan_from_scratch.ipynb", RIGHT, 'answer = "a"')
    result = tmp_path / "run" / "result.json"
    result.parent.mkdir()
    result.write_text('{"line": "x", "modes": [3, 4]}')
    (tmp_path / "run" / "run.json").write_text('{"chapter": "01_gan"}')
    made = make_submission("Ada L.", [path], [result, result], tmp_path)
    assert made.name == "Ada_L..json"
    back = read_submission(made)
    assert (back.student, back.cells) == ("Ada L.", [RIGHT, 'answer = "a"'])
    assert back.results == {"01_gan": [{"line": "x", "modes": [3, 4]}] * 2}


def test_students_are_named_by_the_file_or_by_the_folder(tmp_path):
    assert read_submission(notebook(tmp_path / "ada.ipynb", RIGHT)).student == "ada"
    assert read_submission(notebook(tmp_path / "bob" / "01_gan.ipynb", RIGHT)).student == "bob"
    test = notebook(tmp_path / "bob" / "concept_test_before.ipynb", TEST)
    assert read_submission(test, folder=tmp_path).student == "bob"
    with pytest.raises(GanlabError, match="concept_test_before.ipynb does not say whose it is"):
        read_submission(test, folder=test.parent)


def test_handing_in_again_adds_and_renews_and_touches_nobody_elses(tmp_path):
    def hand_in(student, name, *cells, results=()):
        return make_submission(student, [notebook(tmp_path / "work" / name, *cells)], list(results), tmp_path)

    def result(chapter, value):
        path = tmp_path / "runs" / chapter / "result.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"modes": value}))
        return path

    hand_in("Ada L.", "concept_test_before.ipynb", TEST)
    hand_in("Ada L.", "01_gan.ipynb", RIGHT, results=[result("01_gan", 3), result("02_collapse", 5)])
    hand_in("Ada L.", "concept_test_after.ipynb", TEST.replace("before", "after"))
    path = hand_in("Ada L.", "01_gan.ipynb", RIGHT.replace("-fake", "+fake"), results=[result("01_gan", 4)])
    back = read_submission(path)
    assert list(back.notebooks) == ["concept_test_before.ipynb", "concept_test_after.ipynb", "01_gan.ipynb"]
    assert [attempt.source.count("+fake") for attempt in take_apart(back.cells).attempts] == [1]
    assert len(take_apart(back.cells).answers) == 2
    assert back.results == {"02_collapse": [{"modes": 5}], "01_gan": [{"modes": 4}]}
    before = path.read_bytes()
    with pytest.raises(GanlabError, match="Ada_L..json is the submission of 'Ada L.'"):
        hand_in("Ada_L.", "01_gan.ipynb", RIGHT)
    (tmp_path / "Bob.json").write_text('{"mine": 1}')
    with pytest.raises(GanlabError, match="Bob.json exists and is no submission"):
        hand_in("Bob", "01_gan.ipynb", RIGHT)
    assert path.read_bytes() == before and (tmp_path / "Bob.json").read_text() == '{"mine": 1}'


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.ipynb", "{half", "is broken: it is not JSON"),
        ("a.ipynb", "[1, 2]", "it is JSON, but no notebook"),
        ("a.ipynb", '{"cells": [3]}', "it is JSON, but no notebook"),
        ("a.json", '{"ganlab_submission": 9}', "no submission of this version"),
        ("a.json", '{"ganlab_submission": 2, "student": "../../x", "notebooks": {}}', "no submission of this version"),
        (
            "a.json",
            '{"ganlab_submission": 2, "student": "x", "notebooks": {"a": [3]}}',
            "no submission of this version",
        ),
        ("a.json", '{"ganlab_submission": 2, "student": "x", "notebooks": [3]}', "no submission of this version"),
        ("a.json", "[" * 100_000, "is broken: it is not JSON"),
    ],
)
def test_what_is_no_submission_is_said_in_one_sentence(tmp_path, name, content, sentence):
    (tmp_path / name).write_text(content)
    with pytest.raises(GanlabError, match=sentence):
        read_submission(tmp_path / name)


def test_handing_in_nothing_is_refused(tmp_path):
    path = notebook(tmp_path / "01_gan.ipynb", "1 + 1")
    with pytest.raises(GanlabError, match="There is no exercise in what you hand in"):
        make_submission("Ada", [path], [], tmp_path)
    with pytest.raises(GanlabError, match="cannot be used as a name"):
        make_submission("../Ada", [path], [], tmp_path)
    assert json.loads(path.read_text())["cells"]
