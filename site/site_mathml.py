"""Sphinx extension: formulas as MathML, which browsers draw themselves, in a font that comes with the site.

No script and no network. Browsers take a mathematical font from the reader's system, and not every system has one;
so the characters that the formulas use are cut out of STIX Two Math (SIL Open Font Licence), some ten kilobytes.
"""

import re
from html import escape, unescape
from importlib.resources import as_file, files
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

FONT = "mathematics.woff"
ALWAYS = "".join(map(chr, range(32, 127))) + "−·×±′″…()[]{}|‖⟨⟩⌊⌋⌈⌉√∑∏∫"
MATHML = "{http://www.w3.org/1998/Math/MathML}"
LIMITS = {"min", "max", "sup", "inf", "lim", "argmin", "argmax"}
ORDINARY = {MATHML + tag for tag in ("mi", "mn", "msub", "msup", "msubsup", "mfrac")}
KNOWN_ELSEWHERE = {r"\arg": r"\operatorname{arg}"}  # TeX that the converter does not have
ElementTree.register_namespace("", MATHML[1:-1])
logger = logging.getLogger(__name__)


class UnreadableFormula(ValueError):
    """TeX that has no MathML; the message says which."""


def mathml(formula: str, display: str) -> str:
    r"""The formula (TeX without its dollars) as MathML; `display` is "inline" or "block". `\tag{n}` becomes (n).

    Raises:
        UnreadableFormula: TeX that the converter does not know.
    """
    numbered = re.sub(r"\\tag\{([^{}]*)\}", r"\\qquad(\1)", formula.strip())
    for command, same in KNOWN_ELSEWHERE.items():
        numbered = re.sub(re.escape(command) + r"(?![a-zA-Z])", lambda _, same=same: same, numbered)
    try:
        text = convert(numbered, display=display)
    except Exception as error:  # the converter raises many types for TeX that it does not know
        reason = str(error) or type(error).__name__
        raise UnreadableFormula(f"The formula {formula.strip()!r} has no MathML: {reason}.") from error
    if unknown := re.search(r">\s*(\\[a-zA-Z]+)", unescape(text)):  # what it does not know it may also print
        raise UnreadableFormula(f"The formula {formula.strip()!r} has no MathML: {unknown[1]} is unknown.")
    return _as_tex_would(text, limits=display == "block")


def _as_tex_would(text: str, limits: bool) -> str:
    """Set as TeX does what the converter or browsers do not: functions, signs, relations, bars, fractions, limits."""
    tree = ElementTree.fromstring(text)
    for element in tree.iter():
        name = element.tag
        if name == MATHML + "mi" and element.text in {"~", ":", "∼"}:
            element.tag = MATHML + "mo"
        if element.tag == MATHML + "mo":
            if element.text in {"|", "‖"}:
                element.attrib.setdefault("stretchy", "false")  # one bar of a pair would grow without the other
            if element.text == "/":
                element.attrib |= {"lspace": "0", "rspace": "0"}
        if limits and name == MATHML + "msub" and element[0].text in LIMITS:
            element.tag = MATHML + "munder"
        if name in {MATHML + "mrow", MATHML + "mtd"}:
            _mark_signs(element)
            _space_functions(element)
    return ElementTree.tostring(tree, encoding="unicode")


def _mark_signs(row: ElementTree.Element) -> None:
    """A minus after a relation or an opening bracket belongs to what follows."""
    children = list(row)
    for before, sign in zip(children[:-1], children[1:], strict=True):
        if sign.tag == MATHML + "mo" and sign.text in {"−", "+", "±"} and before.tag == MATHML + "mo":
            if before.text not in {")", "]", "}", "|", "‖", "!", "′"}:
                sign.set("form", "prefix")


def _space_functions(row: ElementTree.Element) -> None:
    children = list(row)
    for before, after in zip(children[:-1], children[1:], strict=True):
        opened = _first_text(after)[:1] in {"(", "[", "{", ")", "]", "}", ",", "|", ""}
        if (_is_function(before) and not opened) or (_is_function(after) and before.tag in ORDINARY):
            space = ElementTree.Element(MATHML + "mspace", width="0.167em")
            row.insert(list(row).index(after), space)


def _is_function(element: ElementTree.Element) -> bool:
    """A name like log, alone or with an index."""
    if element.tag in {MATHML + tag for tag in ("msub", "msup", "msubsup", "munder")}:
        return _is_function(element[0])
    letters = element.tag in {MATHML + "mi", MATHML + "mo"} and (element.text or "")
    return bool(letters) and len(letters) > 1 and letters.isalpha() and letters.isascii()


def _first_text(element: ElementTree.Element) -> str:
    return next((text.strip() for text in element.itertext() if text.strip()), "")


def setup(app: Sphinx) -> dict:
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    app.connect("build-finished", _write_font)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}


def _visit_inline(translator, node: nodes.math) -> None:
    translator.body.append(_converted(node, "inline"))
    raise nodes.SkipNode


def _visit_block(translator, node: nodes.math_block) -> None:
    number = ""
    if node.get("number"):
        number = f'<span class="eqno">({escape(get_node_equation_number(translator, node))})</span>'
    anchors = "".join(f'<span id="{escape(name)}"></span>' for name in node.get("ids", []))
    # Reachable by keyboard, since a long formula scrolls on a narrow screen.
    translator.body.append(f'<div class="formula" tabindex="0">{anchors}{number}{_converted(node, "block")}</div>')
    raise nodes.SkipNode


def _converted(node: nodes.Node, display: str) -> str:
    try:
        return mathml(node.astext(), display)
    except UnreadableFormula as error:
        logger.warning(str(error), location=node)
        return f"<code>{escape(node.astext())}</code>"


def _write_font(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    from fontTools import subset

    pages = Path(app.outdir).rglob("*.html")
    formulas = (formula for page in pages for formula in re.findall(r"<math.*?</math>", page.read_text("utf-8"), re.S))
    characters = {letter for formula in formulas for letter in unescape(re.sub(r"<[^>]*>", "", formula))}
    options = subset.Options(flavor="woff", layout_features=["*"], notdef_outline=True)
    try:
        with as_file(files("ziamath.fonts") / "STIXTwoMath-Regular.ttf") as path:
            font = subset.load_font(str(path), options)
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ExtensionError("The font for formulas is missing: pip install 'ganlab[docs]' brings it.") from error
    cut = subset.Subsetter(options)
    cut.populate(text="".join(sorted(characters)) + ALWAYS + _slanted(characters))
    cut.subset(font)
    subset.save_font(font, str(Path(app.outdir) / "_static" / FONT), options)


def _slanted(characters: set[str]) -> str:
    """Browsers draw a lone letter in <mi> as its mathematical italic, another character."""
    latin = {letter: 0x1D434 + ord(letter) - ord("A") for letter in map(chr, range(ord("A"), ord("Z") + 1))}
    latin |= {letter: 0x1D44E + ord(letter) - ord("a") for letter in map(chr, range(ord("a"), ord("z") + 1))}
    greek = {chr(0x391 + i): 0x1D6E2 + i for i in range(25)} | {chr(0x3B1 + i): 0x1D6FC + i for i in range(25)}
    variants = {
        "∂": 0x1D715,
        "ϵ": 0x1D716,
        "ϑ": 0x1D717,
        "ϰ": 0x1D718,
        "ϕ": 0x1D719,
        "ϱ": 0x1D71A,
        "ϖ": 0x1D71B,
    }
    italic = latin | greek | variants | {"h": 0x210E}
    return "".join(chr(italic[letter]) for letter in sorted(characters) if letter in italic)
