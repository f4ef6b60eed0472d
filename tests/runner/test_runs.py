"""Runs and the course, with real kernels: what is kept, what is run again, how a failure ends."""

import errno
import json
import os
from pathlib import Path

import nbformat
import pytest

from ganlab.errors import GanlabError
from ganlab.runner.chapters import find_chapter
from ganlab.runner.course import only_one, plan_course, run_course
from ganlab.runner.kernels import Kernels
from ganlab.runner.run import execute_run, plan_run

pytestmark = pytest.mark.slow


def test_one_run_leaves_a_whole_folder(course, tmp_path):
    course.chapter("01_toy", "import os\nprint(steps, loss, os.environ['GANLAB_INTERACTIVE'], os.getcwd())")
    plan = plan_run(find_chapter(course.notebooks, "01"), given={"steps": "7"})
    seen = []
    outcome = execute_run(plan, tmp_path / "run", Kernels(), lambda done, total: seen.append((done, total)))
    assert (outcome.status, outcome.line) == ("done", "7 steps")
    assert seen[-1] == (5, 5)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["asked"] == {"steps": 7, "rate": 0.5, "loss": "minimax", "seed": 0}
    assert record["seed"] == 0 and record["status"] == "done" and record["wall_seconds"] > 0
    executed = nbformat.read(tmp_path / "run" / "run.ipynb", as_version=4)
    assert executed.cells[3].outputs[0].text == f"7 minimax 0 {course.notebooks}\n"
    files = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert files == [".lock", "result.json", "run.ipynb", "run.json"]

    again = execute_run(plan, tmp_path / "run", Kernels())
    assert (again.status, again.line, again.seconds) == ("kept", "7 steps", outcome.seconds)
    (tmp_path / "run" / "result.json").unlink()
    once_more = execute_run(plan, tmp_path / "run", Kernels())
    assert (once_more.status, once_more.line) == ("done", "7 steps")
    other = plan_run(plan.chapter, given={"steps": "8"})
    with pytest.raises(GanlabError, match="holds another run"):
        execute_run(other, tmp_path / "run", Kernels())


def test_a_folder_of_something_else_is_left_alone(course, tmp_path):
    course.chapter("01_toy")
    for name, text in (("run.json", '{"speed": "10 km/h"}'), ("result.json", '{"place": 3}')):
        (tmp_path / name).write_text(text)
    with pytest.raises(GanlabError, match="run.json is not of a run of this course"):
        execute_run(plan_run(find_chapter(course.notebooks, "01")), tmp_path, Kernels())
    assert (tmp_path / "run.json").read_text() == '{"speed": "10 km/h"}'
    assert (tmp_path / "result.json").read_text() == '{"place": 3}'


def test_only_what_is_missing_or_changed_runs_again(course):
    log = course.root / "log"
    note = f"open({str(log)!r}, 'a').write('{{}} ')"
    course.chapter("01_good", note.format("good"))
    course.chapter("02_bad", note.format("bad"), "if steps > 5:\n    raise ValueError('too\\nlong')")
    course.chapter("03_dies", note.format("dies"), "import os\nif seed == 0:\n    os._exit(1)")
    folder = course.root / "build"

    def run() -> tuple[list[tuple[str, str]], str]:
        log.unlink(missing_ok=True)
        outcomes = run_course(plan_course(course.notebooks, "smoke"), folder)
        return [(outcome.status, outcome.line) for outcome in outcomes], log.read_text() if log.exists() else ""

    dead = "cell 4: the kernel died (out of memory, or killed)"
    failures = [("failed", "cell 4: ValueError: too long"), ("failed", dead)]
    assert run()[0] == [("done", "20 steps"), *failures]
    index = (folder / "index.html").read_text()
    assert "20 steps" in index and "ValueError: too long" in index and "<math" in index
    assert index.count("<li>") == 3 and "01_good.html" in index
    page = (folder / "02_bad.html").read_text()
    assert "ValueError" in page and "<math" in page
    assert "<script" not in page and 'src="http' not in page

    outcomes, ran = run()
    assert outcomes == [("kept", "20 steps"), *failures]
    assert sorted(ran.split()) == ["bad", "dies"]

    course.profile("smoke", "02_bad: {steps: 3}\n03_dies: {seed: 1}")
    outcomes, ran = run()
    assert outcomes == [("kept", "20 steps"), ("done", "3 steps"), ("done", "20 steps")]
    assert run()[1] == ""
    assert [len(list((folder / "runs" / name).iterdir())) for name in ("01_good", "02_bad")] == [1, 1]

    (folder / "01_good.html").unlink()
    outcomes, ran = run()
    assert ran == "" and (folder / "01_good.html").exists()


def test_a_full_disk_is_a_line_and_leaves_nothing_half(course, monkeypatch):
    course.chapter("01_toy")
    real = os.fsync
    full = []

    def fsync(handle):
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    full.append(True)
    plans = plan_course(course.notebooks, "class")
    with pytest.raises(GanlabError, match="No space left"):
        run_course(plans, course.root / "build")
    assert not list((course.root / "build").rglob("*.part"))
    assert not (course.root / "build" / "index.html").exists()
    full.clear()
    (outcome,) = run_course(plans, course.root / "build")
    assert outcome.status == "done"


def test_no_second_course_and_no_second_run_at_a_time(course):
    course.chapter("01_toy")
    plans = plan_course(course.notebooks, "class")
    folder = course.root / "build"
    with only_one(folder), pytest.raises(GanlabError, match="by another process"):
        run_course(plans, folder)
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_an_empty_course(course):
    with pytest.raises(GanlabError, match="no chapters"):
        plan_course(course.notebooks, "class")


def test_stopped_kernels_start_no_more(course, tmp_path):
    from ganlab.runner.kernels import Interrupted

    course.chapter("01_toy")
    kernels = Kernels()
    kernels.stop()
    with pytest.raises(Interrupted):
        execute_run(plan_run(find_chapter(course.notebooks, "01")), Path(tmp_path / "run"), kernels)
    assert not (tmp_path / "run" / "run.json").exists()
