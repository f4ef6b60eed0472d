"""A class of ten hands in: right, wrong, late, broken, endless, hostile. Nobody's work harms another's."""

import csv
import json
import os
import socket
import sys
import threading
from datetime import datetime
from pathlib import Path

import nbformat
import pytest

from ganlab.classroom.grade import (
    Grade,
    Verdict,
    as_csv,
    feedback,
    feedback_names,
    find_submissions,
    grade_folder,
    judge_work,
)
from ganlab.classroom.submission import take_apart
from ganlab.errors import GanlabError
from ganlab.learn import chapters

pytestmark = pytest.mark.skipif(os.name == "nt", reason="submissions are bounded by means of POSIX")

GOOD = """@exercise("gan.generator_loss")
def generator_loss(fake_logits):
    return softplus(-fake_logits).mean(-1)"""
IMPORTS = "from torch.nn.functional import softplus"


def body(code: str) -> str:
    return f'@exercise("gan.generator_loss")\ndef generator_loss(fake_logits):\n    {code}'


def judged(*cells: str, seconds: int = 30) -> tuple[Verdict, str]:
    verdicts, _, note = judge_work(take_apart([IMPORTS, *cells]), ["gan.generator_loss"], seconds)
    return verdicts["gan.generator_loss"], note


@pytest.mark.slow
def test_ten_students(tmp_path, monkeypatch):
    folder, secret = tmp_path / "handed-in", tmp_path / "secret.txt"
    secret.write_text("untouched")
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    called = []
    threading.Thread(target=lambda: called.append(listening.accept()), daemon=True).start()

    students = {
        "ada": [IMPORTS, GOOD],
        "bob": [IMPORTS, GOOD.replace("-fake", "fake")],
        "cleo": [IMPORTS, GOOD],
        "eve": [IMPORTS, body("while True: pass")],
        "fay": [IMPORTS, body(f"open({str(secret)!r}, 'w').write('mine'); return softplus(-fake_logits).mean(-1)")],
        "gus": [IMPORTS, body(f"import socket; socket.create_connection({address!r}, 3); return fake_logits")],
        "hal": [IMPORTS, body("import os; os._exit(0)")],
        "ivy": [IMPORTS, body("x = [bytearray(10**8) for _ in range(400)]; return fake_logits")],
        "jim": ["import nowhere", GOOD, 'answer = "a"', 'predict("gan.rotation", answer)'],
    }
    folder.mkdir()
    for name, cells in students.items():
        content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        nbformat.write(content, folder / f"{name}.ipynb")
        os.utime(folder / f"{name}.ipynb", (1000, 2000 if name == "cleo" else 1000))
    (folder / "dan.ipynb").write_text("{broken")

    grades = {
        grade.student: grade
        for grade in grade_folder(
            folder, tmp_path / "out", due=datetime.fromtimestamp(1500), chapter="01", seconds=25, workers=2
        )
    }
    assert list(grades) == ["ada", "bob", "cleo", "dan", "eve", "fay", "gus", "hal", "ivy", "jim"]

    def loss(name):
        return next(verdict for verdict in grades[name].verdicts if verdict.name == "gan.generator_loss")

    assert loss("ada").outcome == loss("cleo").outcome == "right"
    assert [name for name, grade in grades.items() if grade.late] == ["cleo", "dan"]
    assert loss("bob").outcome == "not yet" and loss("bob").sentence
    assert "broken" in grades["dan"].note
    assert "had not come back" in loss("eve").sentence
    assert loss("hal").outcome == loss("jim").outcome == "not yet"
    assert "NameError" in loss("jim").sentence or "softplus" in loss("jim").sentence
    if "files" in grades["ada"].holds:
        assert secret.read_text() == "untouched" and loss("fay").outcome == "not yet"
    if "network" in grades["ada"].holds:
        assert not called and loss("gus").outcome == "not yet"
    if "memory" in grades["ada"].holds:
        assert loss("ivy").outcome == "not yet"
    if sys.platform == "linux":
        assert {"time", "memory"} <= set(grades["ada"].holds)

    rows = {row["student"]: row for row in csv.DictReader((tmp_path / "out" / "grades.csv").open())}
    assert rows["ada"]["right"] == "1" and rows["ada"]["gan.generator_loss"] == "right"
    assert rows["jim"]["gan.rotation"] in ("right", "not yet")
    assert "not yet" in (tmp_path / "out" / "feedback" / "bob.ipynb.md").read_text()
    assert len(list((tmp_path / "out" / "feedback").iterdir())) == 10


def test_everybody_gets_a_feedback_of_their_own():
    files = ["Ana Li.json", "Ana_Li.json", "ana_li.json", "a/b.json", "a__b.json"]
    names = feedback_names(files)
    assert list(names) == files and len({name.casefold() for name in names.values()}) == 5
    assert names["Ana Li.json"] == "Ana_Li.json.md"


def test_a_file_that_cannot_be_read_is_a_note_and_stops_nobody(tmp_path, monkeypatch):
    read = Path.read_bytes

    def refused(path):
        if path.name == "bob.ipynb":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    for name in ("ada", "bob"):
        nbformat.write(nbformat.v4.new_notebook(), tmp_path / f"{name}.ipynb")
    monkeypatch.setattr(Path, "read_bytes", refused)
    ada, bob = grade_folder(tmp_path, tmp_path / "out")
    assert "no exercise" in ada.note and "cannot be read (Permission denied)" in bob.note


@pytest.mark.slow
def test_what_was_judged_before_the_end_is_kept():
    ends = '@exercise("gan.discriminator_loss")\ndef discriminator_loss(real, fake):\n    os.kill(os.getpid(), 9)'
    cells = [IMPORTS, "import os", GOOD, ends]
    wanted = ["gan.generator_loss", "gan.discriminator_loss"]
    verdicts, _, note = judge_work(take_apart(cells), wanted, 30)
    assert verdicts["gan.generator_loss"].outcome == "right"
    assert verdicts["gan.discriminator_loss"].outcome == "not yet" and note


@pytest.mark.slow
def test_a_definition_that_never_ends_does_not_take_the_others_with_it():
    endless = (
        '@exercise("gan.discriminator_loss")\ndef discriminator_loss(a, b=sum(0 for _ in iter(int, 1))):\n    return a'
    )
    cells, wanted = [IMPORTS, endless, GOOD], ["gan.discriminator_loss", "gan.generator_loss"]
    verdicts, _, note = judge_work(take_apart(cells), wanted, 30)
    assert [verdicts[name].outcome for name in wanted] == ["not yet", "right"] and not note


@pytest.mark.slow
def test_the_course_version_goes_on_where_an_attempt_is_wrong_and_a_child_does_not_outlive_the_grade(tmp_path):
    helper = "def double(x):\n    return 2 * x"
    uses = body("assert double(3) == 6; return softplus(-fake_logits).mean(-1)")
    verdict, _ = judged(helper, uses)
    assert verdict.outcome == "right"
    verdict, _ = judged(body("import subprocess; subprocess.Popen(['sleep', '314159']); return fake_logits"))
    assert verdict.outcome == "not yet"
    import psutil

    assert not [p for p in psutil.process_iter(["cmdline"]) if "314159" in (p.info["cmdline"] or [])]


@pytest.mark.slow
@pytest.mark.parametrize(
    "forged", ['{"holds": 5}', '{"name": []}', "[" * 5000, '{"name": "gan.generator_loss"}', "\xff"]
)
def test_lines_of_another_form_and_a_child_in_a_session_of_its_own_harm_nobody(forged):
    leaves = f"""import os
    open("verdicts.jsonl", "a").write({forged + chr(10)!r})
    if os.fork() == 0:
        os.setsid()
        import time
        time.sleep(5)
        os._exit(0)
    return softplus(-fake_logits).mean(-1)"""
    verdict, note = judged(body(leaves))
    assert verdict.outcome in ("right", "not yet") and not note


def test_questions_need_no_process():
    question = next(iter(chapters.questions("01").values()))
    wrong = next(letter for letter in question.letters if letter != question.right)
    for answer, outcome in ((question.right, "right"), (wrong, "not yet"), ("", "not attempted"), ("z", "not yet")):
        work = take_apart([f'predict("{question.name}", {answer!r})'])
        verdicts, holds, note = judge_work(work, [question.name])
        assert verdicts[question.name].outcome == outcome
        assert (holds, note) == ([], "")


def test_a_spreadsheet_gets_no_formula_and_feedback_its_reasons():
    grade = Grade("=cmd()", "x.ipynb", [Verdict("gan.generator_loss", "not yet", "the sign is wrong.")], late=True)
    row = next(csv.DictReader(as_csv([grade]).splitlines()))
    assert row["student"] == "'=cmd()" and row["late"] == "late" and row["not yet"] == "1"
    assert "The sign is wrong." in feedback(grade) and "0 of 1 right" in feedback(grade)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(GanlabError, match="There is no .ipynb or .json file"):
        find_submissions(tmp_path)
    with pytest.raises(GanlabError, match="is not a folder"):
        find_submissions(tmp_path / "none")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "a.ipynb").write_text("{}")
    (tmp_path / "b.json").write_text(json.dumps({}))
    assert [path.name for path in find_submissions(tmp_path)] == ["b.json"]
