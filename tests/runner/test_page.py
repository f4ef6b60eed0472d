"""The pages: formulas without scripts, figures with their alt text, nothing fetched from anywhere."""

import re
from html import unescape
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ganlab.runner.chapters import Chapter
from ganlab.runner.page import chapter_page, index_page
from ganlab.runner.run import Outcome

ALT = 'Eight "modes" & 3 < 4 covered'


def notebook() -> nbformat.NotebookNode:
    figure = new_output(
        "display_data", {"image/png": "iVBORw0KGgo=\n", "text/plain": "Figure"}, metadata={"image/png": {"alt": ALT}}
    )
    text = "# 01 · The <loss>\n\nWhat $a_1*b$ and *this* are.\n\n$$\\frac{1}{2} \\tag{3}$$\n\nOdd: $\\frac{$ done."
    cells = [
        new_markdown_cell(text),
        new_code_cell("shown()", execution_count=1, outputs=[figure]),
        new_code_cell("invisible()", execution_count=2, metadata={"tags": ["hide-input"]}),
    ]
    return new_notebook(cells=cells)


def test_a_chapters_page_stands_alone():
    page = chapter_page(nbformat.writes(notebook()))
    assert page.count("<math") >= 2 and "<mfrac>" in page and "<em>this</em>" in page
    assert "shown" in page and "invisible" not in page
    assert "<title>01 · The &lt;loss&gt;</title>" in page
    (figure,) = re.findall(r"<img alt='([^']*)'", page)
    assert unescape(figure) == ALT
    assert not re.search(r"<script|<link|@import|(src|href)=.https?:", page)


def test_the_index_names_every_chapter_even_one_that_left_nothing(tmp_path: Path):
    nbformat.write(notebook(), tmp_path / "01_loss.ipynb")
    outcomes = [
        Outcome(Chapter("01_loss", tmp_path), tmp_path, "done", 65, "8 of 8 modes <sharp>"),
        Outcome(Chapter("02_gone", tmp_path), tmp_path, "failed", 0, "cell 3: ValueError: CHAPTERS"),
    ]
    page = index_page(outcomes, tmp_path, profile="smoke")
    assert page.count("<li>") == 2 and "“smoke”" in page
    assert '<a href="01_loss.html">01 · The &lt;loss&gt;</a>' in page and "8 of 8 modes &lt;sharp&gt;" in page
    assert "1 min 05 s" in page and "<p>What <math" in page
    assert "Eight &quot;modes&quot; &amp; 3 &lt; 4 covered" in page
    assert 'class="result failed">cell 3: ValueError: CHAPTERS' in page and "02_gone" in page
