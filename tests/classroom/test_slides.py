"""Slides: everything that belongs on one, nothing from outside, turned by keyboard."""

import re

import nbformat
import pytest

from ganlab.classroom.slides import WORDS, portions, slides, slides_page
from ganlab.runner.chapters import chapters, find_notebooks

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def notebook():
    v4 = nbformat.v4
    figure = v4.new_output("display_data", {"image/png": PNG}, metadata={"image/png": {"alt": 'a < b "c"'}})
    asked = "What happens?\n   a) this\n   b) that\nx.y: not attempted. Set answer to one of a, b.\n"
    question = v4.new_output("stream", name="stdout", text=asked)
    training = v4.new_output("stream", name="stdout", text="step 100 loss 0.7\n")
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# 01 · Title\n\nPurpose.\n\n## 1. First\n\nText with $x^2$.\n\n$$y = 1$$"),
            v4.new_code_cell("display(figure)", outputs=[figure]),
            v4.new_code_cell('predict("x.y", answer)', outputs=[question]),
            v4.new_code_cell("train()", outputs=[training]),
            v4.new_markdown_cell("**Exercise `x.z`** · difficulty\n\nWrite it."),
        ]
    )


def test_words_formulas_figures_and_questions_are_there_and_code_is_not(notebook):
    page = slides_page(nbformat.writes(notebook))
    assert page.count("<section>") == len(slides(notebook)) == 5
    assert "<math" in page and 'alt="a &lt; b &quot;c&quot;"' in page and "b) that" in page
    assert 'class="exercise"' in page
    assert "not attempted" not in page and "loss 0.7" not in page and "train()" not in page and "¶" not in page
    assert [slide.heading for slide in slides(notebook)] == ["", "1. First", "1. First", "1. First", "1. First"]


def test_portions_keep_formulas_with_their_sentence_and_stay_short():
    text = "\n\n".join(["word " * 40 + "is", "$$x$$", "word " * 50, "```\na\n\nb\n```", "## New", "Short."])
    parts = portions(text)
    assert parts[0].endswith("$$x$$") and parts[-1] == "## New\n\nShort."
    assert any("a\n\nb" in part for part in parts)
    assert all(len(part.split()) <= WORDS + 20 for part in parts)


@pytest.mark.parametrize("chapter", chapters(find_notebooks()), ids=lambda chapter: chapter.name)
def test_every_chapter_makes_slides_that_need_nobody(chapter):
    page = slides_page(chapter.learner.read_text())
    assert page.count("<section>") > 4
    assert not re.search(r"""(src|href)=["']https?://[^"']+\.(js|css|png|woff2?)""", page)
    assert "NotImplementedError  # your code" not in page and "<script src" not in page


@pytest.mark.slow
def test_slides_are_turned_by_keyboard_from_a_file_and_nothing_is_cut_off(tmp_path):
    from lab import browser_page, chromium, require_browser

    require_browser()
    path = tmp_path / "slides.html"
    path.write_text(slides_page(chapters(find_notebooks())[1].learner.read_text()))
    with chromium() as browser, browser_page(browser, "file://", 1280, 800) as page:
        page.goto(path.as_uri())
        assert page.inner_text("#at").startswith("1 of ")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        assert page.inner_text("#at").startswith("3 of ") and page.url.endswith("#3")
        page.keyboard.press("ArrowLeft")
        assert page.inner_text("#at").startswith("2 of ")
        page.reload()
        assert page.inner_text("#at").startswith("2 of ")
        heights = page.evaluate("slides.map((slide, k) => { go(k); return slide.scrollHeight; })")
        assert max(heights) <= 800
        assert page.errors == [] and page.outside == []
