"""The rules of a committed notebook, each a function from a notebook to the problems that it finds.

They exist because nbval or papermill breaks without them, or a reader does: someone who hears a figure
instead of seeing it, someone on another machine, someone who reads only the result line.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ganlab.authoring.build import targets
from ganlab.errors import GanlabError
from ganlab.runner.chapters import Chapter
from ganlab.runner.parameters import read_parameters

TAGS = {"parameters", "nbval-ignore-output", "hide-input", "interactive", "exercise", "slow"}
MAX_BYTES = 1_500_000
IMAGES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif")
_WIDGET_MIMES = "application/vnd.jupyter.widget"
_FENCE = re.compile(r"^\s*(```|~~~)")
_HEADING = re.compile(r"^(#{1,6})\s+\S")
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
_MACHINE_PATH = re.compile(r"(?<![\w./])(/home/|/Users/|/root/|/tmp/|/private/|[A-Z]:\\Users\\)[\w.\\/-]+")
_MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\(")
_HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_HTML_ALT = re.compile(r"\balt\s*=\s*(\"[^\"]*\S[^\"]*\"|'[^']*\S[^']*')", re.IGNORECASE)

Problems = Iterator[tuple[int | None, str]]  # (cell number counted from 1, or None for the whole; what is wrong)


def lint_chapter(chapter: Chapter) -> list[str]:
    """All problems in a chapter's committed notebooks, one sentence each with the file and the cell."""
    try:
        made = targets(chapter)
    except GanlabError as error:
        return [str(error)]
    return [f"{target.label}{problem}" for target in made for problem in lint_file(target.path)]


def lint_file(path: Path) -> list[str]:
    """The problems of one notebook file, each beginning with `, cell N: ` or `: `."""
    if not path.exists():
        return [": it does not exist; make it with `ganlab notebooks build`."]
    size = path.stat().st_size
    found = []
    if size > MAX_BYTES:
        found.append(f": {size / 1e6:.1f} MB is more than {MAX_BYTES / 1e6:.1f} MB; use fewer or smaller figures.")
    return found + lint(nbformat.read(path, as_version=4), number=path.name[:2])


def lint(notebook: NotebookNode, number: str | None = None) -> list[str]:
    """The problems of one notebook; `number` is the chapter's, which its title must carry."""
    problems = [problem for rule in RULES for problem in rule(notebook)]
    problems += _title(notebook, number) if number else []
    problems.sort(key=lambda problem: problem[0] or 0)
    return [f", cell {cell}: {text}" if cell else f": {text}" for cell, text in problems]


def trailing_semicolon(notebook: NotebookNode) -> Problems:
    for number, cell in _code(notebook):
        if any(last == ";" for last in _line_ends(cell.source)):
            yield number, "a ';' at a line's end hides output in JupyterLab but not under nbval; assign to `_` instead."


def known_tags(notebook: NotebookNode) -> Problems:
    for number, cell in enumerate(notebook.cells, start=1):
        for tag in sorted(set(cell.metadata.get("tags", [])) - TAGS):
            yield number, f"tag '{tag}' is not one of {', '.join(sorted(TAGS))}."


def parameters_cell(notebook: NotebookNode) -> Problems:
    tagged = [n for n, cell in _code(notebook) if "parameters" in cell.metadata.get("tags", [])]
    try:
        known = read_parameters(notebook)
    except GanlabError as error:
        yield (tagged[0] if len(tagged) == 1 else None), str(error)
        return
    if tagged[0] != next(n for n, _ in _code(notebook)):
        yield tagged[0], "the parameters cell must be the first code cell, so that what it sets holds everywhere."
    for name, kind, default in (("seed", "int", None), ("run_folder", "str", "")):
        parameter = known.get(name)
        if parameter is None:
            yield tagged[0], f"parameter '{name}: {kind}' is missing."
        elif parameter.type != kind or (default is not None and parameter.default != default):
            yield tagged[0], f"parameter '{name}' must be {kind}" + (" and empty." if default is not None else ".")
    for name, parameter in known.items():
        if not parameter.help:
            yield tagged[0], f"parameter '{name}' has no comment that says what it is."
    for line in notebook.cells[tagged[0] - 1].source.splitlines():
        if line.count("=") > 1:
            yield tagged[0], f"papermill cannot read a line with more than one '=': {line.split(':')[0]}."


def executed(notebook: NotebookNode) -> Problems:
    counts = [(n, cell.execution_count) for n, cell in _code(notebook) if cell.source.strip()]
    for expected, (number, count) in enumerate(counts, start=1):
        if count is None:
            yield number, "the cell was not executed; build the notebook again."
        elif count != expected:
            yield number, f"its execution count is {count}, not {expected}: the notebook was not run in order."
            return


def no_errors(notebook: NotebookNode) -> Problems:
    for number, output in _outputs(notebook):
        if output.output_type == "error":
            yield number, f"its output is an error ({output.ename}); show an expected one with try/except."


def no_stderr(notebook: NotebookNode) -> Problems:
    for number, output in _outputs(notebook):
        if output.output_type == "stream" and output.name == "stderr":
            yield number, f"it writes to stderr ('{output.text.strip()[:60]}'), which nbval compares between machines."


def figures_have_alt_text(notebook: NotebookNode) -> Problems:
    for number, output in _outputs(notebook):
        for mime in IMAGES:
            if mime in output.get("data", {}) and not _alt(output, mime).strip():
                yield number, f"its {mime} has no alt text; show it with `ganlab.show.display(figure)`."


def markdown_images_have_alt_text(notebook: NotebookNode) -> Problems:
    for number, cell in _markdown(notebook):
        text = "\n".join(_outside_fences(cell.source))
        missing = [m for m in _MARKDOWN_IMAGE.findall(text) if not m.strip()]
        missing += [tag for tag in _HTML_IMAGE.findall(text) if not _HTML_ALT.search(tag)]
        if missing:
            yield number, "an image has no alt text: write what it shows, as in ![eight clusters on a ring](...)."


def headings_in_order(notebook: NotebookNode) -> Problems:
    levels = [
        (number, len(match[1]))
        for number, cell in _markdown(notebook)
        for line in _outside_fences(cell.source)
        if (match := _HEADING.match(line))
    ]
    if not levels or levels[0] != (1, 1):
        yield 1, "a notebook begins with its title, '# NN · Title', in its first cell."
    for number, level in levels[1:]:
        if level == 1:
            yield number, "there is a second title ('# ...'); use '## ...'."
    for (_, above), (number, level) in zip(levels, levels[1:], strict=False):
        if level > above + 1:
            yield number, f"a heading of level {level} follows one of level {above}: a level is skipped."


def no_widget_state(notebook: NotebookNode) -> Problems:
    if "widgets" in notebook.metadata:
        yield None, "it holds widget state, which GitHub refuses to show; build the notebook again."
    for number, output in _outputs(notebook):
        if any(mime.startswith(_WIDGET_MIMES) for mime in output.get("data", {})):
            yield number, "it shows a widget, which is dead without a kernel; show a figure when not interactive."


def no_run_noise(notebook: NotebookNode) -> Problems:
    if "papermill" in notebook.metadata or any("papermill" in cell.metadata for cell in notebook.cells):
        yield None, "it is a copy that papermill made; build the notebook again."


def stable_text(notebook: NotebookNode) -> Problems:
    for number, cell in _code(notebook):
        text = "\n".join(map(_text_of, cell.outputs))
        if _ADDRESS.search(text) and "nbval-ignore-output" not in cell.metadata.get("tags", []):
            yield number, "its output shows a memory address, which differs from run to run; give the object a repr."
        if match := _MACHINE_PATH.search(text):
            yield number, f"its output shows a path of this machine ({match[0][:40]})."


def ends_with_result(notebook: NotebookNode) -> Problems:
    code = [(n, cell) for n, cell in _code(notebook) if cell.source.strip()]
    if not code or ".finish(" not in code[-1][1].source:
        yield (code[-1][0] if code else None), 'the last code cell must be `run.finish("...")`, the result line.'


RULES = (
    trailing_semicolon,
    known_tags,
    parameters_cell,
    executed,
    no_errors,
    no_stderr,
    figures_have_alt_text,
    markdown_images_have_alt_text,
    headings_in_order,
    no_widget_state,
    no_run_noise,
    stable_text,
    ends_with_result,
)


def _title(notebook: NotebookNode, number: str) -> list[tuple[int | None, str]]:
    first = notebook.cells[0].source.splitlines()[0] if notebook.cells and notebook.cells[0].source else ""
    return [] if first.startswith(f"# {number} · ") else [(1, f"the title must read '# {number} · ...'.")]


def _code(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    return ((n, cell) for n, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "code")


def _markdown(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    return ((n, cell) for n, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "markdown")


def _outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    return ((n, output) for n, cell in _code(notebook) for output in cell.outputs)


def _alt(output: NotebookNode, mime: str) -> str:
    return str(output.get("metadata", {}).get(mime, {}).get("alt", ""))


def _text_of(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return output.text
    return "\n".join(str(output.get("data", {}).get(mime, "")) for mime in ("text/plain", "text/html"))


def _outside_fences(markdown: str) -> list[str]:
    kept, fenced = [], False
    for line in markdown.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            kept.append(line)
    return kept


def _line_ends(source: str) -> list[str]:
    """The last token of each logical line, comments aside."""
    ends, last = [], ""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
                ends.append(last)
                last = ""
            elif token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
                last = token.string
    except (tokenize.TokenError, SyntaxError):  # a magic such as `%timeit`: look at the text alone
        return [line.rstrip()[-1:] for line in source.splitlines()]
    return ends
