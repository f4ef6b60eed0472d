"""The code that stands in the notebooks, imported as it stands there and checked: it cannot drift from the package.

Each definition under `@exercise` is taken out of the source with everything it needs (imports and earlier top-level
definitions of the notebook, nothing that trains or draws) and judged as a learner's answer would be.
"""

import ast
from pathlib import Path

import jupytext
import pytest

from ganlab.learn import chapters
from ganlab.learn.judge import RIGHT, judge

SOURCES = sorted((Path(__file__).parents[2] / "notebooks" / "src").glob("*.py"))
KEPT = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef


def exercise_name(node: ast.stmt) -> str | None:
    for decorator in getattr(node, "decorator_list", []):
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "exercise":
            return decorator.args[0].value
    return None


def definitions(source: Path) -> dict[str, object]:
    """Exercise name to the notebook's own function or class, without its decorator."""
    namespace, found = {"__name__": source.stem}, {}
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if cell.cell_type != "code":
            continue
        for node in ast.parse(cell.source).body:
            constant = isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
            if not isinstance(node, KEPT) and not constant:
                continue
            name = exercise_name(node)
            if name is not None:
                node.decorator_list = []
            try:
                exec(compile(ast.Module([node], []), source.name, "exec"), namespace)  # the project's own source
            except NameError:  # a helper with a default that is computed elsewhere; no exercise may be one
                assert name is None, f"{source.name}: {name} needs something that is not defined before it"
                continue
            if name is not None:
                found[name] = namespace[node.name]
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_notebooks_own_definitions_are_right(source):
    found = definitions(source)
    assert set(found) == set(chapters.exercises(source.stem[:2]))
    for name, definition in found.items():
        verdict = judge(chapters.find(name), definition)
        assert verdict.outcome == RIGHT, f"{source.name}: {name}: {verdict.outcome}, {verdict.sentence}"
