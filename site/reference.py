"""The API reference, from signatures and docstrings as they stand in the source.

Docstrings of this project are Markdown with Google's sections, and its types are jaxtyping's. Sphinx' autodoc reads
reStructuredText and prints types as Python evaluates them; so the source is read instead: nothing is imported, and
`Float[Tensor, "*seeds n dim"]` stays what its author wrote.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

PAGES = {  # page: (heading, modules and packages below ganlab); other packages get a page of their own
    "methods": ("Methods", ["methods"]),
    "metrics": ("Metrics", ["metrics"]),
    "nets": ("Networks", ["nets"]),
    "train": ("Training, seeds, recipes", ["train", "seeds", "recipes", "devices"]),
    "data": ("Data", ["data"]),
    "show": ("Figures, live views, the player", ["show"]),
    "learn": ("Exercises", ["learn"]),
    "sweep": ("Sweeps", ["sweep"]),
}
BEHIND_THE_COMMAND_LINE = {"authoring", "runner"}
# Command lines and machinery behind them, which nobody calls.
INTERNAL = re.compile(r"(^|\.)(cli|generator_worker|make|chapters|judge|bounded|state|_\w+)(\.|$)")
SECTIONS = {
    "Args": "Arguments",
    "Returns": "Returns",
    "Raises": "Raises",
    "Yields": "Yields",
    "Attributes": "Attributes",
}


def pages(package: Path) -> dict[str, str]:
    """The pages of the reference: name to Markdown."""
    all_pages = PAGES | {name: (name.capitalize(), [name]) for name in _other_packages(package)}
    written = {name: _page(package, heading, parts) for name, (heading, parts) in all_pages.items()}
    rows = "\n".join(
        f"| [{heading}]({name}.md) | {', '.join(f'`ganlab.{part}`' for part in parts)} |"
        for name, (heading, parts) in all_pages.items()
    )
    toctree = "```{toctree}\n:hidden:\n\n" + "\n".join(all_pages) + "\n```\n"
    intro = (
        "# Reference\n\nAll public functions and classes. Tensors carry their shapes in their types: "
        '`Float[Tensor, "*seeds n dim"]` is a tensor of floats with `n` rows of `dim` numbers, and before these the '
        "axis of seeds, if there is one: networks in the plane train many seeds at once.\n\n"
    )
    return written | {"index": f"{intro}| page | packages |\n|---|---|\n{rows}\n\n{toctree}"}


def _other_packages(package: Path) -> list[str]:
    listed = {part for _, parts in PAGES.values() for part in parts} | BEHIND_THE_COMMAND_LINE
    return sorted({path.parent.name for path in package.glob("*/*.py")} - listed)


def _page(package: Path, heading: str, parts: list[str]) -> str:
    modules = [module for part in parts for module in _modules(package, part)]
    return f"# {heading}\n\n" + "\n".join(_module(name, path, within=parts) for name, path in modules)


def _modules(package: Path, part: str) -> Iterator[tuple[str, Path]]:
    """(dotted name, file) of a module, or of a package and the modules in it."""
    folder = package / part
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    for path in sorted(files, key=lambda file: (file.parent, file.stem != "__init__", file.stem)):
        dotted = ".".join((package.name, *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        if not INTERNAL.search(dotted):
            yield dotted, path


def _module(name: str, path: Path, within: list[str]) -> str:
    tree = ast.parse(path.read_text("utf-8"))
    whole_package = path.stem == "__init__"
    entries = [_entry(node) for node in tree.body if _public(node)]
    doc = _doc(tree)
    if not doc and not entries:
        return ""
    exported = _exported(tree, name) if whole_package else []
    shortcut = f"\n\n`from {name} import {', '.join(exported)}`" if exported else ""
    title = f"## `{name}`\n\n" if not (whole_package and len(within) == 1) else ""
    head = f"``````{{py:module}} {name}\n``````\n\n" if entries else ""
    return f"{title}{head}{doc}{shortcut}\n\n" + "\n".join(entries)


def _public(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


def _exported(tree: ast.Module, package: str) -> list[str]:
    """What a package's __init__ brings up from its own modules."""
    own = (node for node in tree.body if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package))
    return sorted(name.asname or name.name for node in own for name in node.names)


def _entry(node: ast.FunctionDef | ast.ClassDef) -> str:
    return _class(node) if isinstance(node, ast.ClassDef) else _function(node)


def _function(node: ast.FunctionDef, kind: str = "function") -> str:
    decorators = {ast.unparse(decorator).split("(")[0].split(".")[-1] for decorator in node.decorator_list}
    if decorators & {"property", "cached_property"}:
        returns = f"\n:type: {ast.unparse(node.returns)}" if node.returns else ""
        return _directive("property", node.name, _doc(node), returns, fence=6)
    bound = kind == "method" and "staticmethod" not in decorators
    options = "".join(f"\n:{name}:" for name in ("classmethod", "staticmethod") if name in decorators)
    return _directive(kind, node.name + _signature(node, bound), _doc(node), options, fence=6)


def _signature(node: ast.FunctionDef, bound: bool) -> str:
    arguments = ast.parse(ast.unparse(node)).body[0].args  # a copy
    if bound:
        (arguments.posonlyargs or arguments.args).pop(0)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(arguments)}){returns}"


def _class(node: ast.ClassDef) -> str:
    fields = [
        item for item in node.body if isinstance(item, ast.AnnAssign) and not ast.unparse(item.target).startswith("_")
    ]
    init = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    signature = ""
    if init:
        signature = _signature(init, bound=True).removesuffix(" -> None")
    elif any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        signature = f"({', '.join(map(_field, fields))})"
    methods = [_function(item, "method") for item in node.body if isinstance(item, ast.FunctionDef) and _public(item)]
    unique = list(dict.fromkeys(methods))
    body = "\n\n".join(filter(None, [_doc(node), _doc(init) if init else "", *unique]))
    return _directive("class", node.name + signature, body, fence=8)


def _field(item: ast.AnnAssign) -> str:
    default = ""
    if item.value is not None:
        default = " = ..." if isinstance(item.value, ast.Call) else f" = {ast.unparse(item.value)}"
    return f"{ast.unparse(item.target)}: {ast.unparse(item.annotation)}{default}"


def _directive(kind: str, signature: str, body: str, options: str = "", fence: int = 6) -> str:
    marks = "`" * fence
    return f"{marks}{{py:{kind}}} {signature}{options}\n\n{body}\n{marks}\n"


def _doc(node: ast.AST) -> str:
    return markdown(ast.get_docstring(node) or "")


def markdown(docstring: str) -> str:
    """A docstring of this project as Markdown: sections become lists, examples become blocks of code."""
    blocks = re.split(r"\n(?=(?:" + "|".join(SECTIONS) + r"):\n)", inspect.cleandoc(docstring))
    return "\n\n".join(_section(block) if block.split(":\n")[0] in SECTIONS else _examples(block) for block in blocks)


def _section(block: str) -> str:
    head, _, body = block.partition(":\n")
    indented = re.match(r"(?:[ \t]+\S.*(?:\n|$)|[ \t]*\n)*", body)[0]
    rest = body[len(indented) :]
    items = re.split(r"\n(?=\S)", inspect.cleandoc(indented))
    listed = "\n".join("- " + re.sub(r"\n\s*", "\n  ", _item(item)) for item in items)
    return f"**{SECTIONS[head]}**\n\n{listed}\n\n{_examples(rest)}".rstrip()


def _item(item: str) -> str:
    name, colon, text = item.partition(":")
    plain = re.fullmatch(r"[\w*, .]+", name)
    return f"`{name}`:{text}" if colon and plain and "\n" not in name else item


def _examples(text: str) -> str:
    fenced = re.sub(r"(?m)^>>> (?:.*\S.*(?:\n|$))+", lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", text)
    return re.sub(r"(?m)^(#+ )", r"\\\1", fenced)
