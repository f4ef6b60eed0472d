"""The course as web pages that need nothing but themselves: formulas become MathML, no script is loaded."""

import re
from html import escape
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from latex2mathml.converter import convert as latex_to_mathml
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from traitlets.config import Config

from ganlab.runner.clock import duration
from ganlab.runner.run import Outcome

# nbconvert's own block for figures drops their alt text.
_TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block html_head_js_mathjax %}<style>
  main { max-width: 60rem; margin: 0 auto; }
  math[display=block] { margin: 1em 0; }
  img { max-width: 100%; height: auto; }
</style>{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block data_png scoped %}<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}"><img
 alt="{{ output | get_metadata('alt', 'image/png') | escape_html }}"
 src="data:image/png;base64,{{ output.data['image/png'] | escape_html }}"></div>{% endblock %}
"""

_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ganlab</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
  body { font: 1.05rem/1.55 system-ui, sans-serif; max-width: 62rem; margin: 3rem auto; padding: 0 1.2rem; }
  h1 { line-height: 1.2; } ol { list-style: none; padding: 0; }
  li { display: grid; grid-template-columns: 13rem 1fr; gap: 1.4rem; padding: 1.4rem 0; }
  li { border-top: 1px solid var(--line); }
  li img { width: 100%; height: 9rem; object-fit: contain; background: #fff; border-radius: .4rem; }
  a { color: #0b66c3; } @media (prefers-color-scheme: dark) { a { color: #7ab8ff; } }
  li h2 { margin: 0 0 .3rem; font-size: 1.25rem; } li p { margin: .3rem 0; }
  .result { font-family: ui-monospace, monospace; font-size: .92rem; } .failed { color: #c5304a; font-weight: 600; }
  .time, footer { opacity: .75; font-size: .92rem; } footer { border-top: 1px solid var(--line); padding-top: 1rem; }
  @media (max-width: 40rem) { li { grid-template-columns: 1fr; } }
</style>
</head>
<body>
<h1>ganlab</h1>
<p>See GAN mode collapse, measure it, fix it, and prove that it is fixed.</p>
<ol>
CHAPTERS
</ol>
<footer>Executed with the profile “PROFILE”. The notebooks lie beside these pages.</footer>
</body>
</html>
"""


class _MathMLRenderer(IPythonRenderer):
    """nbconvert's markdown, with formulas that a browser draws itself; one that cannot be read stays as TeX."""

    def block_math(self, body: str) -> str:
        return _mathml(body, "block") or super().block_math(body)

    def inline_math(self, body: str) -> str:
        return _mathml(body, "inline") or super().inline_math(body)

    def latex_environment(self, name: str, body: str) -> str:
        formula = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return _mathml(formula, "block") or super().latex_environment(name, body)


class _PageExporter(HTMLExporter):
    def __init__(self) -> None:
        config = Config({"TagRemovePreprocessor": {"enabled": True, "remove_input_tags": {"hide-input"}}})
        super().__init__(config, extra_loaders=[DictLoader({"page.html.j2": _TEMPLATE})], template_file="page.html.j2")

    def default_filters(self):
        yield from super().default_filters()
        yield "markdown2html", markdown_to_html


def chapter_page(notebook: str) -> str:
    """The page of an executed notebook, given as its text."""
    node = nbformat.reads(notebook, as_version=4)
    node.metadata["title"] = title(node)
    body, _ = _PageExporter().from_notebook_node(node)
    return body


def index_page(outcomes: list[Outcome], folder: Path, *, profile: str) -> str:
    """The way into the course: each chapter's title, first figure, purpose, result line and time."""
    entries = "\n".join(_entry(outcome, folder) for outcome in outcomes)
    return _INDEX.replace("PROFILE", escape(profile)).replace("CHAPTERS", entries)


def title(notebook: NotebookNode) -> str:
    """The first heading, without its mark-up."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (match := re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE)):
            return match[1].strip()
    return "ganlab"


def _entry(outcome: Outcome, folder: Path) -> str:
    name = outcome.chapter.name
    path = folder / f"{name}.ipynb"
    failed = outcome.status == "failed"
    line = f'<p class="result{" failed" if failed else ""}">{escape(outcome.line)}</p>'
    if not path.exists():
        return f"<li><div></div><div><h2>{escape(name)}</h2>{line}</div></li>"
    notebook = nbformat.read(path, as_version=4)
    return (
        f"<li><div>{_first_figure(notebook)}</div>"
        f'<div><h2><a href="{name}.html">{escape(title(notebook))}</a></h2>{_purpose(notebook)}{line}'
        f'<p class="time">{duration(outcome.seconds)} · <a href="{name}.ipynb">notebook</a></p></div></li>'
    )


def _first_figure(notebook: NotebookNode) -> str:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if figure := figure_html(output):
                return figure
    return ""


def figure_html(output: NotebookNode) -> str:
    """The figure of an output with its alt text, as an image that holds its own data; nothing if it is no figure."""
    png = output.get("data", {}).get("image/png")
    if not png:
        return ""
    alt = output.metadata.get("image/png", {}).get("alt", "")
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{"".join(png.split())}">'


def _purpose(notebook: NotebookNode) -> str:
    lines = notebook.cells[0].source.splitlines() if notebook.cells else []
    text = "\n".join("" if line.startswith("#") else line for line in lines)
    paragraphs = (p.strip() for p in re.split(r"\n\s*\n", text))
    return markdown_to_html(next((p for p in paragraphs if p and not p.startswith(("!", "<", "|", "-", "* "))), ""))


def markdown_to_html(markdown: str) -> str:
    """Markdown as HTML, its formulas as MathML."""
    return MarkdownWithMath(renderer=_MathMLRenderer(escape=False)).render(markdown)


def _mathml(formula: str, display: str) -> str | None:
    numbered = re.sub(r"\\tag\{([^{}]*)\}", r"\\qquad(\1)", formula.strip())
    try:
        return latex_to_mathml(numbered, display=display)
    except Exception:  # the converter raises many types for TeX that it does not know
        return None
