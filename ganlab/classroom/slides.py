"""Slides from an executed notebook: its words in small portions, its formulas, figures, tables and questions, no code.

One HTML file that needs nothing else. Live demonstrations stay in JupyterLab.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

import nbformat
from nbformat import NotebookNode

from ganlab.runner.page import figure_html, markdown_to_html, title

WORDS = 85  # on one slide

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE</title>
<style>
  body { margin: 0; font: clamp(1.1rem, 2.3vw, 2rem)/1.45 system-ui, sans-serif; color: #222; background: #fff; }
  section { box-sizing: border-box; min-height: 100vh; padding: 4vh 7vw 9vh; flex-direction: column;
    justify-content: center; display: none; }
  section.shown { display: flex; }
  h1 { font-size: 1.8em; line-height: 1.2; } h2 { font-size: 1em; color: #01537f; margin: 0 0 .6em; }
  p, ul, ol { margin: .35em 0; } pre { white-space: pre-wrap; font: inherit; }
  code { font-size: .9em; background: #f2f2f2; padding: 0 .2em; } math[display=block] { margin: .6em 0; }
  img { max-width: 100%; height: 72vh; margin: auto; object-fit: contain; }
  table { border-collapse: collapse; font-size: .7em; } td, th { padding: .25em .7em; border-bottom: 1px solid #ccc; }
  .exercise { border-left: .4em solid #b35c00; padding-left: .8em; }
  nav { position: fixed; right: 1.2rem; bottom: .8rem; font-size: 1rem; color: #444; }
  nav button { font: inherit; padding: .2rem .8rem; border: 1px solid #767676; border-radius: 5px; background: #fff; }
  :focus-visible { outline: 3px solid #0173b2; }
  @media print { section { display: flex; min-height: auto; height: 100vh; break-after: page; } nav { display: none; } }
</style>
</head>
<body>
<main>
SLIDES
</main>
<nav aria-label="Slides"><button id="back">Back</button> <span id="at" aria-live="polite"></span>
<button id="next">Next</button></nav>
<script>
  const slides = [...document.querySelectorAll("section")];
  let at = 0;
  function go(to, note = true) {
    at = Math.min(slides.length - 1, Math.max(0, to));
    slides.forEach((slide, k) => slide.classList.toggle("shown", k === at));
    document.getElementById("at").textContent = `${at + 1} of ${slides.length}`;
    const slide = slides[at];
    slide.style.fontSize = "";
    for (let size = 95; size >= 45 && slide.scrollHeight > innerHeight; size -= 5) slide.style.fontSize = `${size}%`;
    if (note) history.replaceState(null, "", `#${at + 1}`);
    scrollTo(0, 0);
  }
  const keys = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button") && event.key === " ") return;
    if (event.key === "Home") go(0);
    else if (event.key === "End") go(slides.length - 1);
    else if (event.key in keys) go(at + keys[event.key]);
    else return;
    event.preventDefault();
  });
  document.getElementById("next").onclick = () => go(at + 1);
  document.getElementById("back").onclick = () => go(at - 1);
  go((parseInt(location.hash.slice(1)) || 1) - 1, false);
</script>
</body>
</html>
"""


@dataclass(frozen=True)
class Slide:
    """One slide: the heading that it stands under, and HTML."""

    heading: str
    body: str


def slides_page(notebook: str) -> str:
    """The slides of an executed notebook, given as its text, as one HTML page."""
    node = nbformat.reads(notebook, as_version=4)
    name = title(node)
    sections = "\n".join(
        f"<section>{_html(f'## {slide.heading}') if slide.heading else ''}{slide.body}</section>"
        for slide in slides(node)
    )
    return _PAGE.replace("TITLE", escape(name)).replace("SLIDES", sections)


def slides(notebook: NotebookNode) -> list[Slide]:
    """The slides of a notebook, in order."""
    found: list[Slide] = []
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for portion in portions(cell.source):
                if match := re.match(r"(#+)\s+(.+)$", portion, re.MULTILINE):
                    heading = "" if match[1] == "#" else match[2].strip()
                    rest = portion[match.end() :].strip()
                    portion = portion if match[1] == "#" else rest
                if portion:
                    of_exercise = portion.lstrip().startswith("**Exercise")
                    html = _html(portion)
                    found.append(Slide(heading, f'<div class="exercise">{html}</div>' if of_exercise else html))
        else:
            found += [Slide(heading, body) for body in _shown(cell)]
    return found


def portions(markdown: str) -> list[str]:
    """A cell's text in portions of at most about `WORDS` words; a heading or an exercise begins a new one."""
    found: list[str] = []
    for paragraph in _paragraphs(markdown):
        fits = found and _words(found[-1]) + _words(paragraph) <= WORDS
        if not fits or re.match(r"#|\*\*Exercise", paragraph):
            found.append(paragraph)
        else:
            found[-1] += "\n\n" + paragraph
    return found


def _paragraphs(markdown: str) -> list[str]:
    """Blocks between blank lines; a formula or list stays with the sentence before it, a code block in one piece."""
    blocks: list[str] = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        open_fence = blocks and blocks[-1].count("```") % 2
        if blocks and (open_fence or block.lstrip().startswith(("$$", "- ", "* ", "1. ", "|"))):
            blocks[-1] += "\n\n" + block
        elif block.strip():
            blocks.append(block)
    return blocks


def _html(markdown: str) -> str:
    return re.sub(r'<a class="anchor-link".*?</a>', "", markdown_to_html(markdown))


def _words(text: str) -> int:
    return len(re.sub(r"\$[^$]*\$", " x x x ", text).split())


def _shown(cell: NotebookNode) -> list[str]:
    """A code cell's figures and tables, and a question with its answers; what else it prints stays in the notebook."""
    bodies = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if figure := figure_html(output):
            bodies.append(figure)
        elif "<table" in (table := "".join(data.get("text/html", ""))):
            bodies.append(re.sub(r"<script.*?</script>|<style.*?</style>", "", table, flags=re.DOTALL))
        elif output.get("output_type") == "stream" and re.search(r"^predict\(", cell.source, re.MULTILINE):
            question = "".join(output["text"]).split("\n")
            asked = [line for line in question if not re.match(r"[\w.]+: (not attempted|right|not yet)", line)]
            bodies.append(f"<pre>{escape(chr(10).join(asked).strip())}</pre>")
    return bodies
