"""The committed notebooks: they follow from their sources, keep the house rules, and their profiles fit them."""

from pathlib import Path

import pytest

from ganlab.authoring.build import drift
from ganlab.authoring.lint import lint_chapter
from ganlab.runner.chapters import Chapter, chapters
from ganlab.runner.profiles import profile_names, read_profile
from ganlab.runner.run import plan_run

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHAPTERS = chapters(NOTEBOOKS)
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)


def test_there_are_chapters_and_their_numbers_differ():
    numbers = [chapter.number for chapter in CHAPTERS]
    assert numbers and len(set(numbers)) == len(numbers)


@each_chapter
def test_notebooks_follow_from_their_source(chapter: Chapter):
    assert drift(chapter) == []


@each_chapter
def test_house_rules(chapter: Chapter):
    assert lint_chapter(chapter) == []


@each_chapter
@pytest.mark.parametrize("profile", profile_names(NOTEBOOKS))
def test_profiles_name_every_chapter_and_fit_it(chapter: Chapter, profile: str):
    plan_run(chapter, profile=profile)
    if profile != "class":
        assert chapter.name in read_profile(NOTEBOOKS, profile), f"add '{chapter.name}: {{}}' at least"
