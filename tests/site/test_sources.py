"""What the site is made of, before Sphinx sees it."""

import json
import re
from pathlib import Path

import course
import nbformat
import pytest
import reference

from ganlab.errors import GanlabError
from ganlab.runner.chapters import Chapter

ROOT = Path(__file__).parents[2]
README = "# x\n\n| chapter | you will | minutes |\n|---|---|---|\n| [00 Start](notebooks/00_start.ipynb) | see | 1 |\n"
CARD = (
    "## 9. Fidelity card\n\n| paper | here | departure | public code |\n|---|---|---|---|\n| eq. 1 | `f` | sign | – |\n"
)


def chapter(name, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(cell) for cell in cells])
    return course.Page(Chapter(name, Path("notebooks")), notebook, None)


def test_a_chapter_without_a_row_in_the_readme_stands_at_its_place():
    pages = [chapter("00_start", "# 00 · Start"), chapter("05_new", "# 05 · New")]
    assert course.course_table(pages, README).splitlines() == [
        "| chapter | you will | minutes |",
        "|---|---|---|",
        "| [00 Start](notebooks/00_start.ipynb) | see | 1 |",
        "| [05 · New](notebooks/05_new.ipynb) | – | – |",
    ]


def test_a_row_without_a_chapter_is_left_out_and_a_readme_without_a_table_refused():
    assert "notebooks/" not in course.course_table([], README)
    with pytest.raises(GanlabError, match="no table of the chapters"):
        course.course_table([], "# nothing")


def test_cards_become_one_table_and_what_is_missing_is_named(tmp_path):
    for method in ("gan", "mdgan", "msgan", "rpgan"):
        (tmp_path / f"{method}.py").touch()
    with_card = chapter(
        "04_mdgan", "# 04 · MDGAN: encoders", CARD + "\nMore.\n\n### Numbers\n\nRead: v1.", "## Next\n\nno"
    )
    page = course.fidelity_page([with_card, chapter("05_msgan", "# 05 · MSGAN")], tmp_path)
    assert "| [MDGAN](notebooks/04_mdgan.ipynb) | eq. 1 | `f` | sign | – |" in page.splitlines()
    assert "## MDGAN: encoders\n\nMore.\n\n### Numbers\n\nRead: v1." in page
    assert "no fidelity card" in next(line for line in page.splitlines() if "`msgan`" in line)
    assert "not there yet" in next(line for line in page.splitlines() if "`rpgan`" in line)
    assert "`gan`" not in page and "no\n" not in page


def test_a_folded_card_leaves_no_empty_fold(tmp_path):
    heading, table = CARD.split("\n\n")
    card = f"{heading}\n\nRead: v1.\n\n<details><summary>The card</summary>\n\n{table}\n</details>\n\nMore."
    page = course.fidelity_page([chapter("04_mdgan", "# 04 · MDGAN", card)], tmp_path)
    assert "| [MDGAN](notebooks/04_mdgan.ipynb) | eq. 1 | `f` | sign | – |" in page.splitlines()
    assert "## MDGAN\n\nRead: v1.\n\nMore." in page and "details" not in page


def test_a_card_with_other_columns_stays_whole(tmp_path):
    card = "## Fidelity card\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    page = course.fidelity_page([chapter("04_x", "# 04 · X", card)], tmp_path)
    assert "## X\n\n| a | b |\n|---|---|\n| 1 | 2 |" in page


def test_a_replay_comes_after_its_section(monkeypatch):
    monkeypatch.setitem(course.REPLAYS, "00_start", ("Look", "one two", "See."))
    page = chapter("00_start", "# 00 · Start", "## Look\n\nhere", "still here", "and\n\n## Count\n\nnow")
    monkeypatch.setattr(Path, "read_text", lambda *_: "the committed file")
    files = course.chapter_files(page)
    cells = nbformat.reads(files["notebooks/00_start.ipynb"], as_version=4).cells
    assert [cell.source.splitlines()[0] for cell in cells] == [
        "# 00 · Start",
        "## Look",
        "still here",
        "See.",
        "and",
    ]
    assert "{replay} one two" in cells[3].source
    assert files["downloads/00_start.ipynb"] == "the committed file"
    monkeypatch.setitem(course.REPLAYS, "00_start", ("Gone", "one", "See."))
    with pytest.raises(GanlabError, match="no section 'Gone'"):
        course.chapter_files(page)


def test_methods_stand_head_to_head_for_each_target_and_clock(tmp_path):
    number = {"mean": 0.51234, "low": 0.4, "high": 0.6}
    rows = [
        {"method": "GAN", "target": "ring", "clock": "steps", "mass_in_place": number, "seeds": 10},
        {"method": "MDGAN", "target": "ring", "clock": "steps", "mass_in_place": number, "modes": number},
        {"method": "GAN", "target": "ring", "clock": "seconds", "mass_in_place": number},
    ]
    told = {"mass_in_place": "mass in place"}
    (tmp_path / "table.json").write_text(json.dumps({"numbers": told, "rows": rows}))
    page = course.head_to_head_page(tmp_path / "table.json", [chapter("09_one", "# 09 · One protocol")])
    assert "## ring, equal steps\n\n| method | mass in place | modes |\n|---|---|---|\n" in page
    assert "| GAN | 0.51 (0.4 to 0.6) | – |" in page and "## ring, equal seconds" in page
    assert "(notebooks/09_one.ipynb)" in page and "10" not in page


def test_a_recorded_run_without_a_section_stands_on_its_own_page_only():
    page = chapter("08_rpgan", "# 08 · RPGAN", "## Look\n\nhere")
    assert course._page(page, page.learner, "links").count("replay") == 0
    known = json.loads((ROOT / "data" / "traces" / "manifest.json").read_text())["files"]
    text = course.replays_page([page], ROOT / "data" / "traces")
    assert ("{replay} 08_gan 08_rpgan" in text) == ("08_rpgan.json" in known)


def test_docstrings_become_markdown():
    text = """A sum.

        L = a + b

    Args:
        a, b: numbers,
            any size.
        c: more.

    Raises:
        GanlabError: bad.

    >>> f(1)
    2

    After."""
    assert reference.markdown(text) == (
        "A sum.\n\n    L = a + b\n\n\n**Arguments**\n\n- `a, b`: numbers,\n  any size.\n- `c`: more.\n\n"
        "**Raises**\n\n- `GanlabError`: bad.\n\n```pycon\n>>> f(1)\n2\n```\n\nAfter."
    )


def test_signatures_keep_the_types_as_written(tmp_path):
    (tmp_path / "m.py").write_text(
        '''"""Module."""
class A:
    """Class."""
    def __init__(self, x: Float[Tensor, "*seeds n"], *, lr: float = 1e-3): ...
    @property
    def half(self) -> int: ...
    @classmethod
    def make(cls, n: int) -> A: ...
    def _hidden(self): ...
def _private(): ...
'''
    )
    text = reference._module("pkg.m", tmp_path / "m.py", ["m"])
    assert "{py:class} A(x: Float[Tensor, '*seeds n'], *, lr: float=0.001)" in text
    assert "{py:property} half\n:type: int" in text
    assert "{py:method} make(n: int) -> A\n:classmethod:" in text
    assert "hidden" not in text and "private" not in text


def test_every_package_has_a_page():
    pages = reference.pages(ROOT / "ganlab")
    packages = {path.parent.name for path in (ROOT / "ganlab").glob("*/*.py")} - reference.BEHIND_THE_COMMAND_LINE
    assert packages <= set(pages)
    functions = re.findall(r"\{py:function\} (\w+)", "".join(pages.values()))
    assert {"discriminator_loss", "mode_report", "train", "ring", "strip", "exercise"} <= set(functions)
