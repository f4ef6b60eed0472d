"""Every chapter through papermill at the smoke profile, as `ganlab run` does it and as papermill alone does it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ganlab.runner.chapters import Chapter, chapters
from ganlab.runner.kernels import Kernels
from ganlab.runner.run import execute_run, plan_run

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHAPTERS = chapters(NOTEBOOKS)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_smoke(chapter: Chapter, tmp_path):
    outcome = execute_run(plan_run(chapter, profile="smoke"), tmp_path / "run", Kernels(processes=1))
    assert outcome.status == "done", outcome.line
    assert outcome.line, "the notebook left no result line"
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    for fact in ("parameters", "seed", "versions", "device", "git", "wall_seconds"):
        assert fact in record, fact


def test_papermill_itself_runs_a_chapter_from_any_folder(tmp_path):
    plan = plan_run(CHAPTERS[0], profile="smoke", given={"seed": "3"})
    parameters = [part for name, value in plan.parameters.items() for part in ("-p", name, str(value))]
    command = [sys.executable, "-m", "papermill", str(CHAPTERS[0].learner), "out.ipynb", "--no-progress-bar"]
    done = subprocess.run([*command, *parameters], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "seed = 3" in (tmp_path / "out.ipynb").read_text()
