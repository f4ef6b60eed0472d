"""The `parameters` cell: what a notebook can be told, and whether what it is told makes sense.

One parameter a line, typed, with its meaning in the comment and what it may be at the comment's end::

    steps: int = 2000  # training steps [10, 100000]
    loss: str = "non-saturating"  # which generator loss {non-saturating, minimax}

`[low, high]` is a range, both ends included; `{a, b}` are the only allowed values. For a list, both hold for
each of its members. Everything is checked here, before a kernel starts: papermill itself only warns about
an unknown name, and turns values it does not know into strings.
"""

import ast
import io
import math
import re
import tokenize
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from ganlab.errors import GanlabError
from ganlab.runner.chapters import nearest

SCALARS: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
TYPES = (*SCALARS, "list[int]", "list[float]", "list[str]")
TRUE, FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}

_NUMBER = r"[-+]?[\d._]+(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\]\s*$")
_CHOICES = re.compile(r"\{([^{}]+)\}\s*$")


@dataclass(frozen=True)
class Parameter:
    """One line of the `parameters` cell."""

    name: str
    type: str
    default: Any
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def limits(self) -> str:
        """`[10, 100000]`, `{a, b}` or nothing, as the cell has it."""
        if self.choices:
            return "{" + ", ".join(self.choices) + "}"
        return f"[{self.low:g}, {self.high:g}]" if self.low is not None else ""

    def accept(self, value: Any) -> Any:
        """`value` as this parameter's type; text, as the command line gives it, is read as that type.

        Raises:
            GanlabError: wrong type, or outside the range or the choices.
        """
        value = _convert(self, value)
        for member in value if isinstance(value, list) else [value]:
            if self.choices and str(member) not in self.choices:
                raise GanlabError(
                    f"Parameter '{self.name}' cannot be {member!r}{nearest(str(member), self.choices)}: "
                    f"choose one of {self.limits}."
                )
            if self.low is not None and not self.low <= member <= self.high:
                raise GanlabError(f"Parameter '{self.name}' is {member!r}: it must lie in {self.limits}.")
        return value


def read_parameters(notebook: NotebookNode) -> dict[str, Parameter]:
    """The parameters that a notebook takes, by name, in the order of its `parameters` cell.

    Raises:
        GanlabError: the notebook has no such cell or two, or a line of it is not `name: type = value  # help`.
    """
    cells = [c for c in notebook.cells if c.cell_type == "code" and "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise GanlabError(f"A notebook needs exactly one cell tagged 'parameters'; this one has {len(cells)}.")
    source = cells[0].source
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise GanlabError(f"The parameters cell is not Python: {error.msg} in line {error.lineno}.") from None
    comments = {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = [_read_line(statement, comments.get(statement.end_lineno, "")) for statement in statements]
    return {parameter.name: parameter for parameter in found}


def check_parameters(
    known: Mapping[str, Parameter], given: Mapping[str, Any], who: str = "This notebook"
) -> dict[str, Any]:
    """`given` with every value in its parameter's type.

    Raises:
        GanlabError: an unknown name (the nearest known one is named), a wrong type, or a value out of range.
    """
    for name in given:
        if name not in known:
            listing = ", ".join(known)
            raise GanlabError(f"There is no parameter '{name}'{nearest(str(name), known)}. {who} takes: {listing}.")
    return {name: known[name].accept(value) for name, value in given.items()}


def parse_assignments(assignments: list[str]) -> dict[str, str]:
    """`["steps=500", "seed=3"]` as a dict of texts; the later of two assignments to one name wins."""
    pairs = [assignment.partition("=") for assignment in assignments]
    for assignment, (name, equals, _) in zip(assignments, pairs, strict=True):
        if not equals or not name.strip():
            raise GanlabError(f"'{assignment}' is not name=value: write for instance -p seed=3.")
    return {name.strip(): value for name, _, value in pairs}


def _read_line(statement: ast.stmt, comment: str) -> Parameter:
    line = ast.unparse(statement)
    if not (
        isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value is not None
    ):
        raise GanlabError(f"In the parameters cell, `{line}` is not of the form `name: type = value  # help`.")
    name, kind = statement.target.id, ast.unparse(statement.annotation)
    if kind not in TYPES:
        raise GanlabError(f"Parameter '{name}' has type {kind}: papermill can only pass {', '.join(TYPES)}.")
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        value = ast.unparse(statement.value)
        raise GanlabError(f"Parameter '{name}' must have a plain value, not `{value}`.") from None
    low = high = None
    choices: tuple[str, ...] = ()
    if match := _RANGE.search(comment):
        low, high = float(match[1]), float(match[2])
        if not kind.endswith(("int", "float", "int]", "float]")) or low > high:
            raise GanlabError(f"Parameter '{name}' cannot have the range {match[0].strip()}.")
    elif match := _CHOICES.search(comment):
        choices = tuple(choice.strip().strip("\"'") for choice in match[1].split(","))
    help_text = comment[: match.start()].rstrip() if match else comment
    parameter = Parameter(name, kind, default, help_text, low, high, choices)
    if parameter.accept(default) != default:
        raise GanlabError(f"Parameter '{name}' is declared {kind}, but its default is {default!r}.")
    return parameter


def _convert(parameter: Parameter, value: Any) -> Any:
    kind = parameter.type
    if kind in SCALARS:
        return _convert_one(parameter, kind, value)
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            value = [part.strip() for part in value.split(",") if part.strip()]
        value = value if isinstance(value, list | tuple) else [value]
    if not isinstance(value, list | tuple):
        raise _wrong_type(parameter, value)
    return [_convert_one(parameter, kind[5:-1], member) for member in value]


def _convert_one(parameter: Parameter, kind: str, value: Any) -> Any:
    text = value.strip() if isinstance(value, str) else None
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "bool":
        if isinstance(value, bool):
            return value
        if text is not None and text.lower() in TRUE | FALSE:
            return text.lower() in TRUE
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "int" and text is not None:
        with suppress(ValueError):
            return int(text)  # not through float, which loses digits beyond 2**53
    if kind in ("int", "float") and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise _wrong_type(parameter, value) from None
        if not math.isfinite(number):
            raise GanlabError(f"Parameter '{parameter.name}' is {value!r}: it must be a finite number.")
        if kind == "float":
            return number
        if number.is_integer():
            return int(number)  # 1e4 on the command line means 10000
    raise _wrong_type(parameter, value)


def _wrong_type(parameter: Parameter, value: Any) -> GanlabError:
    hint = " (quote it in the YAML file)" if parameter.type == "str" and isinstance(value, bool) else ""
    return GanlabError(
        f"Parameter '{parameter.name}' expects {parameter.type}, got {type(value).__name__} {value!r}{hint}."
    )
