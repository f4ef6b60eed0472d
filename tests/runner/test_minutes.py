"""The README's minutes are measured ones, and no chapter is over its budget."""

import json
from pathlib import Path

import pytest

from ganlab.errors import GanlabError
from ganlab.runner.chapters import chapters
from ganlab.runner.minutes import BUDGET, measured_minutes, minutes_in, rewrite, with_minutes

ROOT = Path(__file__).parents[2]
TABLE = """# x
| chapter | you will | minutes to run |
|---|---|---|
| [00 Start](notebooks/00_start.ipynb) | see | 0.3 |
| [01 A GAN](notebooks/01_gan.ipynb) | build it, and a | b | 1.9 |
"""


def test_the_table_names_every_chapter_and_none_is_over_its_budget():
    stated = minutes_in((ROOT / "README.md").read_text())
    assert set(stated) == {chapter.name for chapter in chapters(ROOT / "notebooks")}
    assert {name: value for name, value in stated.items() if value > BUDGET} == {}


def test_measured_minutes_replace_stated_ones_and_nothing_else():
    new = with_minutes(TABLE, {"01_gan": 2.345})
    assert minutes_in(new) == {"00_start": 0.3, "01_gan": 2.3}
    assert new.replace("2.3", "1.9") == TABLE
    with pytest.raises(GanlabError, match="no row for 02_more"):
        with_minutes(TABLE, {"02_more": 1.0})


def test_only_finished_chapters_count(tmp_path):
    for name, status in (("00_start", "done"), ("01_gan", "failed")):
        folder = tmp_path / "course" / "runs" / name / "abc"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"chapter": name, "status": status, "wall_seconds": 30}))
    assert measured_minutes(tmp_path / "course") == {"00_start": 0.5}
    (tmp_path / "README.md").write_text(TABLE)
    rewrite(tmp_path / "README.md", tmp_path / "course")
    assert minutes_in((tmp_path / "README.md").read_text()) == {"00_start": 0.5, "01_gan": 1.9}
    with pytest.raises(GanlabError, match="run `ganlab course --workers 1"):
        measured_minutes(tmp_path / "nowhere")
