"""Runs on an executor: never twice, never half, and one that fails stops no other."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import psutil
import pytest
import typer
from rich.console import Console

from ganlab.sweep import estimate_seconds, read_sweep, run_sweep, write_table
from ganlab.sweep.cli import sweep as command
from ganlab.sweep.engine import Answer, run_folder

FAILS_AT_THREE = "if steps == 3:\n    raise ValueError('three is too many')"
NUMBERS = """import json, pathlib
if run_folder:
    found = {"line": f"{steps} steps", "modes": [steps, seed], "best": {"step": steps}, "score": steps / 2}
    pathlib.Path(run_folder, "result.json").write_text(json.dumps(found))"""

LEAVES_A_NETWORK = """import pathlib
if run_folder:
    pathlib.Path(run_folder, "checkpoints").mkdir()
    pathlib.Path(run_folder, "network.safetensors").write_bytes(b"weights")"""


class Here:
    """An executor that runs each task at once, in this process, after `lost` tasks that die with their worker."""

    def __init__(self, lost: int = 0) -> None:
        self.lost, self.submitted = lost, 0

    def submit(self, function, *args) -> Future:
        future, self.submitted = Future(), self.submitted + 1
        if self.submitted <= self.lost:
            future.set_exception(RuntimeError("killed"))
        else:
            future.set_result(function(*args))
        return future


def sweep_of(course, text="notebook: '01'\ngrid: {steps: [1, 2]}\n", name="demo"):
    path = course.root / f"{name}.yaml"
    path.write_text(text)
    return read_sweep(path, course.notebooks)


@pytest.mark.slow
def test_a_failing_set_stops_no_other_and_only_it_runs_again(course):
    course.chapter("01_gan", FAILS_AT_THREE, finish=NUMBERS)
    sweep, runs = sweep_of(course, "notebook: '01'\ngrid: {steps: [1, 3, 5]}\n"), course.root / "runs"
    with ThreadPoolExecutor(2) as pool:
        first = run_sweep(sweep, runs, pool)
    assert [row.status for row in first] == ["done", "failed", "done"]
    assert "three is too many" in first[1].line and "cell" in first[1].line

    again = Here()
    second = run_sweep(sweep, runs, again)
    assert [row.status for row in second] == ["kept", "failed", "kept"]
    assert again.submitted == 1
    assert not list(runs.glob(".sweep-*"))

    written = write_table(sweep, second, course.root / "out", "here")
    assert [path.name for path in written] == ["table.csv", "table.parquet", "manifest.json"]
    table = pd.read_csv(written[0])
    assert table["steps"].tolist() == [1, 3, 5] and table["status"].tolist() == ["kept", "failed", "kept"]
    assert table["result.score"].tolist()[::2] == [0.5, 2.5] and table["result.modes.mean"].tolist()[::2] == [0.5, 2.5]
    assert json.loads(table["result.modes"][2]) == [5, 0]
    assert pd.read_parquet(written[1])["steps"].tolist() == [1, 3, 5]
    manifest = json.loads(written[2].read_text())
    assert (manifest["runs"], manifest["failed"], manifest["varied"]) == (3, 1, ["steps"])


@pytest.mark.slow
def test_a_worker_without_our_disk_sends_its_files_back(course, monkeypatch):
    course.chapter("01_gan", LEAVES_A_NETWORK, finish=NUMBERS)
    sweep, runs = sweep_of(course, "notebook: '01'\n"), course.root / "runs"

    class Elsewhere(Here):
        def submit(self, function, task):
            for token in runs.glob(".sweep-*"):
                token.rename(token.with_name("hidden"))  # this worker does not see it
            future = super().submit(function, task)
            assert not task.folder.exists()
            return future

    (row,) = run_sweep(sweep, runs, Elsewhere())
    assert row.status == "done" and row.result["score"] == 10
    files = {path.name for path in row.folder.iterdir()}
    assert files == {"run.json", "run.ipynb", "result.json", "network.safetensors"}
    assert [row.status for row in run_sweep(sweep, runs, Here())] == ["kept"]


SERVER = """
import asyncio, sys
from distributed import Scheduler
async def serve():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address=None) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()
asyncio.run(serve())
"""


@pytest.mark.slow
def test_a_cluster_of_two_workers_that_share_no_folder_with_us(course, monkeypatch, tmp_path):
    """The command as a reader gives it, on a real scheduler. The workers look for the token in vain."""
    course.chapter("01_gan", LEAVES_A_NETWORK, finish=NUMBERS)
    sweep_of(course, "notebook: '01'\ngrid: {steps: [1, 2, 3]}\n")
    monkeypatch.setattr("ganlab.sweep.engine._token", lambda runs: nullcontext("not there"))
    started = []

    def start(folder, *command):
        (tmp_path / folder).mkdir()
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path / folder))
        return started[-1]

    try:
        address = start("scheduler", sys.executable, "-c", SERVER).stdout.readline().strip()
        for name in ("first", "second"):
            start(name, sys.executable, "-m", "dask", "worker", address, "--name", name, "--nthreads", "1")
        command(course.root / "demo.yaml", scheduler=address, workers=1, threads=1)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
    folder = course.root / "runs" / "sweeps" / "demo"
    table = pd.read_csv(folder / "table.csv")
    assert table["status"].tolist() == ["done"] * 3 and table["result.score"].tolist() == [0.5, 1.0, 1.5]
    assert address in json.loads((folder / "manifest.json").read_text())["engine"]
    for run in table["folder"]:
        files = {path.name for path in Path(run).iterdir()}
        assert files == {"run.json", "run.ipynb", "result.json", "network.safetensors"}


def test_a_worker_with_other_code_is_refused(course, monkeypatch):
    course.chapter("01_gan")
    sweep = sweep_of(course, "notebook: '01'\n")

    class Stale(Here):
        def submit(self, function, task):
            for token in (course.root / "runs").glob(".sweep-*"):
                token.unlink()
            monkeypatch.setattr("ganlab.sweep.engine.code_fingerprint", lambda: "other")
            return super().submit(function, task)

    (row,) = run_sweep(sweep, course.root / "runs", Stale())
    assert row.status == "failed" and row.line.startswith("This worker has other code")


@pytest.mark.parametrize("changed", ["code", "notebook"])
def test_what_is_changed_in_the_middle_is_not_filed_under_the_old_name(course, monkeypatch, changed):
    course.chapter("01_gan")
    sweep = sweep_of(course)

    class Editor(Here):
        def submit(self, function, *args):
            if changed == "code":
                monkeypatch.setattr("ganlab.sweep.engine.code_fingerprint", lambda: "other")
            else:
                course.chapter("01_gan", "steps = 7")
            return super().submit(function, *args)

    rows = run_sweep(sweep, course.root / "runs", Editor())
    assert all(row.status == "failed" and "were changed while the sweep went on" in row.line for row in rows)
    assert not any(row.folder.exists() for row in rows)


def test_a_lost_worker_is_replaced_as_often_as_asked(course, monkeypatch):
    course.chapter("01_gan")
    sweep = sweep_of(course)

    monkeypatch.setattr("ganlab.sweep.engine.run_task", lambda task: Answer("done", 1.0, "fine"))
    once = run_sweep(sweep, course.root / "runs", Here(lost=1))
    assert [row.line for row in once] == ["fine", "fine"]
    never = run_sweep(sweep, course.root / "runs", Here(lost=2), retries=0)
    assert [row.line for row in never] == ["its worker was lost (RuntimeError: killed)"] * 2


def finished(runs, plan, seconds):
    folder = run_folder(runs, plan)
    folder.mkdir(parents=True)
    record = {"status": "done", "profile": plan.profile, "asked": plan.parameters, "wall_seconds": seconds}
    (folder / "run.json").write_text(json.dumps(record))


def test_the_estimate_knows_what_the_same_parameters_took(course):
    course.chapter("01_gan")
    plans = sweep_of(course, "notebook: '01'\ngrid: {steps: [1, 2, 3]}\nseeds: [0, 1]\n").plans
    assert estimate_seconds(plans, course.root / "runs", workers=2) is None
    finished(course.root / "runs", plans[0], 10.0)
    finished(course.root / "runs", plans[2], 50.0)
    missing = [plans[1], plans[3], plans[4]]  # like the first, like the second, like neither
    assert estimate_seconds(missing, course.root / "runs", workers=2) == (10 + 50 + 30) / 2
    assert estimate_seconds(missing[:1], course.root / "runs", workers=8) == 10


def test_a_dry_run_says_what_would_run_and_how_long(course, capsys):
    course.chapter("01_gan")
    plans = sweep_of(course).plans
    table = "| [01 Gan](notebooks/01_gan.ipynb) | about | 0.5 |\n"
    (course.root / "README.md").write_text(table)
    command(course.root / "demo.yaml", workers=1, dry_run=True)
    said = capsys.readouterr().out
    assert "2 to run" in said and "own parameters takes about 30 s" in said and "run   steps=1" in said
    finished(course.root / "runs", plans[0], 40.0)
    command(course.root / "demo.yaml", workers=1, dry_run=True)
    assert "about 1 min 20 s" in capsys.readouterr().out  # no notebook lies there, so both are to run
    assert not list((course.root / "runs").glob("sweeps/*"))


def test_without_a_finished_run_the_files_own_minutes_are_the_estimate(course, capsys):
    course.chapter("01_gan")
    sweep_of(course, "notebook: '01'\ngrid: {steps: [1, 2, 3]}\nminutes: 2\n")
    command(course.root / "demo.yaml", workers=2, dry_run=True)
    assert "2 at a time: about 4 min 00 s, at 2 min a run, as the sweep's file says." in capsys.readouterr().out


def test_an_executor_that_takes_no_more_is_reported(course):
    course.chapter("01_gan")
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    rows = run_sweep(sweep_of(course), course.root / "runs", pool)
    assert all(row.status == "failed" and "cannot schedule new futures" in row.line for row in rows)


def test_an_interrupted_sweep_leaves_the_table_of_what_has_ended(course, monkeypatch):
    class Interrupted(BaseException):
        pass

    class TakesOne(Here):
        def submit(self, function, *args):
            if self.submitted:
                raise Interrupted
            return super().submit(function, *args)

    course.chapter("01_gan")
    sweep = sweep_of(course)
    monkeypatch.setattr("ganlab.sweep.engine.AT_ONCE", 1)
    monkeypatch.setattr("ganlab.sweep.engine.run_task", lambda task: Answer("done", 1.0, "1 steps"))
    monkeypatch.setattr("ganlab.sweep.cluster.dask_executor", lambda *_: nullcontext(TakesOne()))
    with pytest.raises(Interrupted):
        command(course.root / "demo.yaml", workers=1, threads=1)
    folder = course.root / "runs" / "sweeps" / "demo"
    table = pd.read_csv(folder / "table.csv")
    assert table["key"].tolist() == [sweep.plans[0].key]
    assert json.loads((folder / "manifest.json").read_text())["asked"] == 2


def test_the_manifest_names_the_code_of_the_start(course, monkeypatch):
    """Nothing of it is read, nor any module imported, when the runs are over: by then somebody may have edited both."""
    course.chapter("01_gan")
    sweep_of(course)
    monkeypatch.setattr("ganlab.train.run.git_hash", lambda: "start")

    class Editor(Here):
        def submit(self, function, *args):
            monkeypatch.setattr("ganlab.train.run.git_hash", lambda: 1 / 0)
            monkeypatch.setattr("ganlab.train.run.versions", lambda: 1 / 0)
            return super().submit(function, *args)

    monkeypatch.setattr("ganlab.sweep.engine.run_task", lambda task: Answer("done", 1.0, "fine"))
    monkeypatch.setattr("ganlab.sweep.cluster.dask_executor", lambda *_: nullcontext(Editor()))
    command(course.root / "demo.yaml", workers=1, threads=1)
    manifest = json.loads((course.root / "runs" / "sweeps" / "demo" / "manifest.json").read_text())
    assert manifest["git"] == "start" and "torch" in manifest["versions"]


def test_a_terminal_shows_a_live_table_and_a_bar(course, monkeypatch):
    course.chapter("01_gan")
    sweep_of(course)
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, height=30)
    answers = iter([Answer("done", 1.0, "1 steps"), Answer("failed", 1.0, "cell 3: ValueError: three is too many")])
    monkeypatch.setattr("ganlab.sweep.engine.run_task", lambda task: next(answers))
    monkeypatch.setattr("ganlab.sweep.cluster.dask_executor", lambda *_: nullcontext(Here()))
    monkeypatch.setattr("ganlab.sweep.cli.console", screen)
    with pytest.raises(typer.Exit):
        command(course.root / "demo.yaml", workers=1, threads=1)
    shown = screen.file.getvalue()
    assert all(
        words in shown for words in ("steps", "status", "1 steps", "three is too many", "2/2", "1 done, 1 failed")
    )


BLOCKS_ONCE = """import os, pathlib, time
marker = pathlib.Path("blocked")
if run_folder and steps == 2 and not marker.exists():
    pathlib.Path("blocked.part").write_text(str(os.getpid()))
    os.rename("blocked.part", marker)
    while True:
        time.sleep(0.1)"""

DRIVER = """
import sys
from pathlib import Path
from ganlab.sweep import read_sweep, run_sweep
from ganlab.sweep.cluster import dask_executor
sweep = read_sweep(Path(sys.argv[1]), Path(sys.argv[2]))
with dask_executor("", 1) as executor:
    for row in run_sweep(sweep, Path(sys.argv[3]), executor):
        print(row.status, row.line, flush=True)
"""


def wait_for(condition, seconds=90):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.05)
    return found


@pytest.fixture
def driver(course):
    """A real process that drives a sweep of two runs on dask; the second blocks the first time, in its kernel."""
    course.chapter("01_gan", BLOCKS_ONCE)
    sweep_of(course)
    started = []

    def start():
        script = course.root / "driver.py"
        script.write_text("if __name__ == '__main__':\n" + "\n".join("    " + line for line in DRIVER.splitlines()))
        command = [sys.executable, script, course.root / "demo.yaml", course.notebooks, course.root / "runs"]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=course.root))
        return started[-1]

    marker = course.notebooks / "blocked"
    start.kernel = lambda: psutil.Process(int(wait_for(lambda: marker.exists() and marker.read_text())))
    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_loses_nothing_and_leaves_no_kernel(driver):
    process = driver()
    kernel = driver.kernel()
    worker = kernel.parent()
    assert worker.pid != process.pid
    os.kill(worker.pid, signal.SIGKILL)
    out, _ = process.communicate(timeout=120)
    assert out.splitlines() == ["done 1 steps", "done 2 steps"]
    assert not kernel.is_running()


@pytest.mark.slow
def test_a_driver_killed_in_the_middle_goes_on_and_leaves_nothing_running(driver):
    process = driver()
    kernel = driver.kernel()
    family = [kernel, *psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    process.wait()
    wait_for(lambda: not any(member.is_running() and member.status() != "zombie" for member in family))
    out, _ = driver().communicate(timeout=120)
    assert out.splitlines() == ["kept 1 steps", "done 2 steps"]


@pytest.mark.slow
def test_processes_do_as_well_as_dask_and_runs_keep_to_their_threads(course, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")  # what a shell says does not count: the sweep does
    read = "{name: os.environ[name] for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'LOKY_MAX_CPU_COUNT')}"
    given = "{'OMP_NUM_THREADS': '2', 'MKL_NUM_THREADS': '2', 'LOKY_MAX_CPU_COUNT': '1'}"
    course.chapter("01_gan", f"import os\nassert {read} == {given}")
    with ProcessPoolExecutor(2) as pool:
        rows = run_sweep(sweep_of(course), course.root / "runs", pool, threads=2)
    assert [row.line for row in rows] == ["1 steps", "2 steps"]


def test_a_mistake_in_the_folder_is_one_sentence(course):
    course.chapter("01_gan")
    sweep = sweep_of(course, "notebook: '01'\n")
    folder = run_folder(course.root / "runs", sweep.plans[0])
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"key": "another"}')
    (row,) = run_sweep(sweep, course.root / "runs", Here())
    assert row.status == "failed" and "holds another run" in row.line
