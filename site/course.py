"""The pages of the course, from what lies in notebooks/ and data/: chapters, their table, replays, fidelity cards, the
methods head to head."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from ganlab.errors import GanlabError
from ganlab.runner.chapters import Chapter, chapters
from ganlab.runner.page import title as title_of

# Recorded runs: chapter, the section at whose end they stand there (None: on their own page only), traces, what to see.
REPLAYS = {
    "00_start_here": (
        "A first collapse",
        "collapse even_rates",
        "Two runs, recorded: the one above, and the same network with equal rates. Press Play.",
    ),
    "01_gan_from_scratch": (
        "9. One seed proves nothing",
        "gan_seed_0 gan_seed_1",
        "Two of these seeds, recorded: the same code, the same data, another start. Press Play.",
    ),
    "04_mdgan": (None, "04_gan 04_mdgan", "The contest on six modes, from one seed."),
    "05_msgan": (None, "05_conditional_gan 05_msgan", "Four labels, six modes each, with and without the term."),
    "06_mmgan": (None, "06_gan 06_mmgan", "A generator twenty times as fast as its discriminator."),
    "07_nemgan": (None, "07_gan 07_nemgan", "Five modes of unequal weight: one latent, and a box of it for each mode."),
    "08_rpgan": (None, "08_gan 08_rpgan", "One discriminator that sees the plane, and eight that see one line each."),
}
CARD_COLUMNS = ("paper", "here", "departure", "public code")
EMPTY_FOLD = re.compile(r"<details><summary>[^<]*</summary>\s*</details>\s*")
CARD_HEADING = re.compile(r"^## .*\bfidelity card\b.*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A chapter that has an executed notebook."""

    chapter: Chapter
    learner: nbformat.NotebookNode
    solved: nbformat.NotebookNode | None

    @property
    def name(self) -> str:
        return self.chapter.name

    @property
    def title(self) -> str:
        return title_of(self.learner)


def read_course(notebooks: Path) -> list[Page]:
    """Every chapter whose notebook is there, in order; one that is only a source so far is not."""
    return [
        Page(chapter, _read(chapter.learner), _read(chapter.solved) if chapter.solved.exists() else None)
        for chapter in chapters(notebooks)
        if chapter.learner.exists()
    ]


def chapter_files(page: Page) -> dict[str, str]:
    """The chapter's sources for Sphinx: page and download, and the same of its solved notebook."""
    name = page.name
    links = [f"{{download}}`This notebook <../downloads/{name}.ipynb>`"]
    files = {f"downloads/{name}.ipynb": page.chapter.learner.read_text("utf-8")}
    if page.solved:
        links.append(f"[the solved one](../solutions/{name}.ipynb)")
        back = (
            f"Solved. [Without solutions](../notebooks/{name}.ipynb) · "
            f"{{download}}`this notebook <../downloads/solved/{name}.ipynb>`"
        )
        files[f"solutions/{name}.ipynb"] = _page(page, page.solved, back, hidden=True)
        files[f"downloads/solved/{name}.ipynb"] = page.chapter.solved.read_text("utf-8")
    links.append(f"run it elsewhere: `ganlab run {page.chapter.number}`")
    files[f"notebooks/{name}.ipynb"] = _page(page, page.learner, " · ".join(links))
    return files


def course_table(pages: list[Page], readme: str) -> str:
    """The README's table of the course, linked to these pages; chapters that it lacks are there by their title."""
    head, rows = _readme_table(readme)
    gap = " | ".join(["–"] * (head.count("|") - 2))
    lines = [
        rows[page.name] if page.name in rows else f"| [{page.title}](notebooks/{page.name}.ipynb) | {gap} |"
        for page in pages
    ]
    return "\n".join([head, re.sub(r"[^|]+", "---", head), *lines])


def _readme_table(readme: str) -> tuple[str, dict[str, str]]:
    table = re.search(r"^\|.*\|\n\|[-| :]+\|\n((?:\|.*notebooks/\d\d_.*\n)+)", readme, re.MULTILINE)
    if not table:
        raise GanlabError("README.md has no table of the chapters (rows that link to notebooks/NN_name.ipynb).")
    rows = {re.search(r"notebooks/(\w+)\.ipynb", row)[1]: row for row in table[1].splitlines()}
    return table[0].splitlines()[0], rows


def replays_page(pages: list[Page], traces: Path) -> str:
    """All recorded runs, in the pairs in which chapters show them."""
    known = json.loads((traces / "manifest.json").read_text("utf-8"))["files"]
    left = [Path(name).stem for name in known]
    parts = []
    titles = {page.name: page.title for page in pages}
    for name, (section, pair, sentence) in REPLAYS.items():
        if name in titles and all(trace in left for trace in pair.split()):
            left = [trace for trace in left if trace not in pair.split()]
            said = "" if section else f" {sentence}"  # with a section it speaks of what stands there
            link = f"From [the chapter](notebooks/{name}.ipynb).{said}"
            parts.append(f"## {titles[name]}\n\n{link}\n\n{_replay(pair)}")
    for trace in left:
        title = json.loads((traces / f"{trace}.json").read_text("utf-8"))["title"]
        parts.append(f"## {title}\n\n{_replay(trace)}")
    return (
        "# Recorded runs\n\nReal training, recorded frame by frame. Scrub, play, or use the keys; the sentence under "
        "each picture is counted from the generator's samples at that step.\n\n" + "\n\n".join(parts) + "\n"
    )


def fidelity_page(pages: list[Page], methods: Path) -> str:
    """All fidelity cards: rows with the usual four columns in one table, the rest of each card below it."""
    cards = {page.name: card for page in pages if (card := _card(page.learner))}
    titles = {page.name: page.title.partition("·")[2].strip() or page.title for page in pages}
    rows, rests = [], []
    for name, card in cards.items():
        link = f"[{titles[name].split(':')[0]}](notebooks/{name}.ipynb)"
        table, rest = _split_card(card)
        rows += [f"| {link} {row}" for row in table]
        if rest:
            rests.append(f"## {titles[name]}\n\n{rest}")
    gaps = [f"- {gap}" for gap in _gaps(pages, cards, methods)]
    one = "\n".join(["| method | " + " | ".join(CARD_COLUMNS) + " |", "|---" * (len(CARD_COLUMNS) + 1) + "|", *rows])
    parts = [
        "# Fidelity\n\nFor each method: what the paper says, which code says it here, where the two part and why, and "
        "what public code does. The rows are those of the chapters' fidelity cards.",
        one if rows else "",
        "Still missing:\n\n" + "\n".join(gaps) if gaps else "",
        *rests,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def head_to_head_page(file: Path, pages: list[Page]) -> str:
    """The methods under one protocol: a table for each target and clock, from the chapter's committed results.

    `file` holds rows with `method`, `target`, `clock`, and numbers as `{"mean", "low", "high"}`; what `numbers` says of
    them becomes their heading.
    """
    content = json.loads(file.read_text("utf-8"))
    rows, titles = content["rows"], content.get("numbers", {})
    difference = f"mass in place, minus that of {content.get('baseline')}"
    rows = [row | {difference: row.get("difference", {}).get("in_place")} for row in rows]
    chapter = next((page for page in pages if page.name.startswith("09")), None)
    link = f" The protocol is that of [its chapter](notebooks/{chapter.name}.ipynb)." if chapter else ""
    parts = [
        "# Head to head\n\nEvery method under one protocol: as many tuning tries each, the same seeds, the same budget "
        f"by two clocks. Means over seeds with their 95 % interval.{link}"
    ]
    groups = dict.fromkeys((row["target"], row["clock"]) for row in rows)
    for target, clock in groups:
        here = [row for row in rows if (row["target"], row["clock"]) == (target, clock)]
        names = list(dict.fromkeys(name for row in here for name, value in row.items() if _is_interval(value)))
        table = [["method", *(titles.get(name, name.replace("_", " ")) for name in names)]]
        table += [[_named(row), *(_interval(row.get(name)) for name in names)] for row in here]
        head, *lines = ["| " + " | ".join(line) + " |" for line in table]
        parts += [f"## {target}, equal {clock}", "\n".join([head, "|---" * len(table[0]) + "|", *lines])]
    return "\n\n".join(parts) + "\n"


def _is_interval(value: object) -> bool:
    return isinstance(value, dict) and value.keys() >= {"mean", "low", "high"}


def _named(row: dict) -> str:
    """The method, and what it was told of the target beside its samples."""
    return f"{row['method']} (told: {row['told']})" if row.get("told") else row["method"]


def _interval(value: dict | None) -> str:
    if value is None:
        return "–"
    mean, low, high = (f"{value[part]:z.2f}".rstrip("0").rstrip(".") for part in ("mean", "low", "high"))
    return mean if low == high else f"{mean} ({low} to {high})"


def _gaps(pages: list[Page], cards: dict[str, str], methods: Path) -> list[str]:
    """Methods of papers (all but the GAN itself) whose card is not there."""
    chapter_of = {page.name[3:]: page.name for page in pages}
    missing = []
    for method in sorted(path.stem for path in methods.glob("[a-z]*.py") if path.stem != "gan"):
        name = chapter_of.get(method)
        if name is None:
            missing.append(f"`{method}`: its chapter is not there yet")
        elif name not in cards:
            missing.append(f"`{method}`: [its chapter](notebooks/{name}.ipynb) has no fidelity card")
    return missing


def _card(notebook: nbformat.NotebookNode) -> str | None:
    """The text between the heading of the card and the next one of its level."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    if not (heading := CARD_HEADING.search(text)):
        return None
    after = text[heading.end() :]
    following = re.search(r"^## ", after, re.MULTILINE)
    return after[: following.start()].strip() if following else after.strip()


def _split_card(card: str) -> tuple[list[str], str]:
    """(rows of the card's first table when it has the usual columns, all else)."""
    table = re.search(r"^\|(.*)\|\s*\n\|[-| :]+\|\s*\n((?:\|.*(?:\n|$))+)", card, re.MULTILINE)
    if not table or table[1].count("|") != len(CARD_COLUMNS) - 1:
        return [], card
    rest = EMPTY_FOLD.sub("", card[: table.start()] + card[table.end() :]).strip()
    return [row.rstrip() for row in table[2].splitlines()], rest


def _page(page: Page, notebook: nbformat.NotebookNode, links: str, hidden: bool = False) -> str:
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    head = notebook.cells[0]
    head.source = re.sub(r"^(# .+)$", rf"\1\n\n{_escaped(links)}", head.source, count=1, flags=re.MULTILINE)
    if hidden:
        notebook.metadata |= {"orphan": True, "nosearch": True}
    section, traces, sentence = REPLAYS.get(page.name, (None, "", ""))
    if section and not hidden:
        at = _end_of_section(notebook, section, page.name)
        player = nbformat.v4.new_markdown_cell(f"{sentence}\n\n{_replay(traces)}")
        notebook.cells.insert(at, player)
    return nbformat.writes(notebook)


def _end_of_section(notebook: nbformat.NotebookNode, section: str, name: str) -> int:
    """Index of the first cell after the section: a cell that starts with, or holds, the next heading of any level."""
    inside = False
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        headings = re.findall(r"^##+ (.+)$", cell.source, re.MULTILINE)
        if inside and headings:
            return index
        inside = inside or section in headings
    if not inside:
        raise GanlabError(f"{name} has no section {section!r} for its recorded run: mend REPLAYS in site/course.py.")
    return len(notebook.cells)


def _replay(traces: str) -> str:
    return f"```{{replay}} {traces}\n```"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\")


def _read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)
