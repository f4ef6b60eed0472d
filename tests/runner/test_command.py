"""The command line as a reader meets it: one clear line for each mishap, no traceback, nothing lost, no orphans."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganlab.cli import main

COMMAND = [sys.executable, "-m", "ganlab.cli"]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def line(self, code: int) -> str:
        """The one line of complaint that came with this exit code."""
        assert self.code == code, self
        assert self.err.count("\n") == 1, self
        return self.err.strip()


@pytest.fixture
def ganlab(monkeypatch, capsys):
    """The command in this process, which saves the seconds of an import for each call."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["ganlab", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return Done(end.value.code or 0, *capsys.readouterr())

    return call


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "1", "-p", "stesp=5"], "There is no parameter 'stesp' (did you mean 'steps'?)."),
        (["run", "1", "-p", "steps=x"], "Parameter 'steps' expects int, got str 'x'."),
        (["run", "1", "-p", "steps=1000"], "Parameter 'steps' is 1000: it must lie in [1, 100]."),
        (["run", "1", "-p", "steps"], "'steps' is not name=value"),
        (["run", "9"], "There is no chapter '9'"),
        (["run", "1", "--profile", "smok"], "There is no profile 'smok' (did you mean 'smoke'?)"),
        (["course", "--profile", "ful"], "There is no profile 'ful'"),
        (["notebooks", "build", "7"], "There is no chapter '7'"),
    ],
)
def test_a_slip_is_one_line_and_starts_nothing(course, ganlab, arguments, sentence):
    course.chapter("01_toy")
    assert ganlab(*arguments).line(2).startswith(sentence)
    assert not (course.root / "runs").exists() and not (course.root / "build").exists()


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that nobody can write to")
def test_a_read_only_folder_is_one_line(course, ganlab):
    course.chapter("01_toy")
    for arguments in (["run", "1"], ["course"]):
        assert "not yours to read or to write to" in ganlab(*arguments, "--out", "/sys/kernel/runs").line(2)


def test_a_file_that_is_not_there_is_one_line(course, ganlab):
    (course.notebooks / "src" / "01_toy.py").write_text("# %% [markdown]\n# # 01 · Toy\n")
    assert "01_toy.ipynb is not there" in ganlab("run", "1", "--parameters").line(2)


def test_a_file_in_the_way_is_one_line(course, ganlab):
    course.chapter("01_toy")
    (course.root / "taken").touch()
    assert "is not a folder" in ganlab("course", "--out", "taken").line(2)


def test_a_second_course_at_the_same_time_is_one_line(course, ganlab):
    from ganlab.runner.course import only_one

    course.chapter("01_toy")
    with only_one(course.root / "build" / "course" / "class"):
        assert "by another process" in ganlab("course").line(2)


SLOW = """import os, pathlib, time
pid = pathlib.Path({pid!r})
if not pid.exists():
    pid.write_text(str(os.getpid()))
    time.sleep(600)"""


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def wait_for(condition, what: str, seconds: float = 60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)
    return value


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_stopped_in_the_middle_it_leaves_no_kernel_and_goes_on(course, ganlab, name):
    pid_file = course.root / "pid"
    course.chapter("01_quick")
    course.chapter("02_slow", SLOW.format(pid=str(pid_file)))
    process = subprocess.Popen(
        [*COMMAND, "course"], cwd=course.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    folder = course.root / "build" / "course" / "class"
    try:
        kernel = int(wait_for(lambda: pid_file.exists() and pid_file.read_text(), "the slow chapter's kernel"))
        wait_for((folder / "01_quick.ipynb").exists, "the quick chapter")
        process.send_signal(getattr(signal, name))
        _, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
    if name == "SIGKILL":
        assert process.returncode == -9
    else:
        assert process.returncode == 130
        assert complaint == "Interrupted. What was finished is kept; the same command goes on from there.\n"
        assert not list(folder.rglob("*.part"))
    wait_for(lambda: not running(kernel), "the kernel's end", seconds=20)

    again = ganlab("course")
    assert again.code == 0, again
    assert "01_quick: kept" in again.out and "02_slow: done" in again.out
    assert (folder / "index.html").exists()


@pytest.mark.slow
def test_run_then_run_again(course, ganlab, monkeypatch):
    course.chapter("01_toy")
    monkeypatch.chdir(course.notebooks)
    first = ganlab("run", "1", "-p", "steps=7")
    assert first.code == 0 and "result: 7 steps" in first.out
    (folder,) = (course.root / "runs" / "01_toy").iterdir()
    second = ganlab("run", "1", "-p", "steps=7")
    assert "done already" in second.out and "result: 7 steps" in second.out
    third = ganlab("run", "1", "-p", "steps=7", "--again")
    assert f"{folder.name}-2" in third.out and "result: 7 steps" in third.out


@pytest.mark.slow
def test_a_failing_chapter_ends_with_code_one_and_says_where(course, ganlab):
    course.chapter("01_toy", "1 / 0")
    done = ganlab("course")
    assert done.code == 1 and done.err == ""
    assert "cell 3: ZeroDivisionError: division by zero" in done.out
    done = ganlab("run", "1")
    assert done.code == 1 and "01_toy failed in cell 3: ZeroDivisionError" in done.out


def test_help_is_quick_to_import():
    """--help must not wait for torch, nor for the notebook libraries."""
    heavy = ("torch", "papermill", "nbformat", "matplotlib")
    script = f"import sys, ganlab.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_parameters_are_listed(course, ganlab):
    course.chapter("01_toy")
    done = ganlab("run", "1", "--parameters")
    for part in ("steps", "int", "20", "[1, 100]", "training steps", "minimax", "non-saturating"):
        assert part in done.out
