"""Parameters: what the cell says, what is accepted, and the sentence for everything else."""

import nbformat
import pytest

from ganlab.errors import GanlabError
from ganlab.runner.parameters import Parameter, check_parameters, parse_assignments, read_parameters

CELL = """# what can be changed
steps: int = 2000  # training steps [10, 100_000]
rate: float = 1e-3  # learning rate [1e-5, 1.0]
shift: float = -0.5  # [-1, 1]
loss: str = "non-saturating"  # {non-saturating, "minimax"}
quick: bool = False  # see [3] for why
sizes: list[int] = [1, 2, 4]  # packing sizes [1, 8]
names: list[str] = ["gan"]  # methods {gan, pacgan}
rates: list[float] = []  # more rates
title: str = "# 1"  # what stands above; 'a # b'
seed: int = 0"""


def notebook(source: str, tags=("parameters",)) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 01"), cell])


@pytest.fixture(scope="module")
def known() -> dict[str, Parameter]:
    return read_parameters(notebook(CELL))


def test_reading_the_cell(known):
    assert list(known) == "steps rate shift loss quick sizes names rates title seed".split()
    assert known["steps"] == Parameter("steps", "int", 2000, "training steps", 10, 100_000)
    assert known["rate"] == Parameter("rate", "float", 1e-3, "learning rate", 1e-5, 1.0)
    assert known["shift"] == Parameter("shift", "float", -0.5, "", -1, 1)
    assert known["loss"].choices == ("non-saturating", "minimax")
    assert known["quick"] == Parameter("quick", "bool", False, "see [3] for why")
    assert known["names"].choices == ("gan", "pacgan") and known["names"].help == "methods"
    assert known["title"] == Parameter("title", "str", "# 1", "what stands above; 'a # b'")
    assert known["seed"].help == ""


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("steps = 3", "not of the form"),
        ("steps: int", "not of the form"),
        ("import os", "not of the form"),
        ("a: str | None = None", "has type str | None"),
        ("a: Optional[str] = None", "has type Optional"),
        ("a: tuple = (1, 2)", "has type tuple"),
        ("a: int = len([])", "plain value, not `len"),
        ("a: int = 1.5", "expects int, got float 1.5"),
        ("a: int = True", "expects int, got bool True"),
        ("a: int = 'x'", "expects int, got str 'x'"),
        ("a: int = '3'", "its default is '3'"),
        ("a: int = 3  # [5, 9]", "must lie in \\[5, 9\\]"),
        ("a: int = 7  # [9, 5]", "cannot have the range"),
        ("a: str = 'x'  # [5, 9]", "cannot have the range"),
        ("a: str = 'x'  # {y, z}", "cannot be 'x'"),
        ("a: int = (", "not Python"),
    ],
)
def test_a_bad_cell_is_refused(source, complaint):
    with pytest.raises(GanlabError, match=complaint):
        read_parameters(notebook(source))


def test_exactly_one_cell():
    with pytest.raises(GanlabError, match="this one has 0"):
        read_parameters(notebook(CELL, tags=()))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", "500", 500),
        ("steps", " 500 ", 500),
        ("steps", "1_000", 1000),
        ("steps", "1e4", 10_000),
        ("steps", 500.0, 500),
        ("rate", "1e-3", 1e-3),
        ("rate", 1, 1.0),
        ("shift", "-1", -1.0),
        ("loss", "minimax", "minimax"),
        ("quick", "true", True),
        ("quick", "No", False),
        ("quick", "1", True),
        ("quick", False, False),
        ("sizes", "1,2", [1, 2]),
        ("sizes", "[3, 4]", [3, 4]),
        ("sizes", "5", [5]),
        ("sizes", (1, 2), [1, 2]),
        ("sizes", "[]", []),
        ("names", "gan, pacgan", ["gan", "pacgan"]),
        ("names", "['gan']", ["gan"]),
        ("rates", "1e-3,2", [1e-3, 2.0]),
        ("title", "", ""),
        ("title", "500", "500"),
        ("seed", "12345678901234567890", 12345678901234567890),
    ],
)
def test_accepted(known, name, value, expected):
    (got,) = check_parameters(known, {name: value}).values()
    assert got == expected and type(got) is type(expected)
    if isinstance(got, list):
        assert [type(member) for member in got] == [type(member) for member in expected]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("stesp", "5", "There is no parameter 'stesp' (did you mean 'steps'?). This notebook takes: steps, rate"),
        ("zzz", "5", "There is no parameter 'zzz'. This notebook takes: steps"),
        ("steps", "many", "Parameter 'steps' expects int, got str 'many'."),
        ("steps", "1.5", "Parameter 'steps' expects int, got str '1.5'."),
        ("steps", "", "Parameter 'steps' expects int, got str ''."),
        ("steps", True, "Parameter 'steps' expects int, got bool True."),
        ("steps", None, "Parameter 'steps' expects int, got NoneType None."),
        ("steps", [5], "Parameter 'steps' expects int, got list [5]."),
        ("steps", "5", "Parameter 'steps' is 5: it must lie in [10, 100000]."),
        ("steps", "100001", "Parameter 'steps' is 100001: it must lie in [10, 100000]."),
        ("rate", "nan", "Parameter 'rate' is 'nan': it must be a finite number."),
        ("rate", float("inf"), "Parameter 'rate' is inf: it must be a finite number."),
        ("rates", "inf", "Parameter 'rates' is 'inf': it must be a finite number."),
        ("loss", "minmax", "Parameter 'loss' cannot be 'minmax' (did you mean 'minimax'?): choose one of"),
        ("loss", False, "Parameter 'loss' expects str, got bool False (quote it in the YAML file)."),
        ("quick", "maybe", "Parameter 'quick' expects bool, got str 'maybe'."),
        ("quick", 2, "Parameter 'quick' expects bool, got int 2."),
        ("sizes", "1,9", "Parameter 'sizes' is 9: it must lie in [1, 8]."),
        ("sizes", "1,x", "Parameter 'sizes' expects list[int], got str 'x'."),
        ("sizes", 3, "Parameter 'sizes' expects list[int], got int 3."),
        ("sizes", {"a": 1}, "Parameter 'sizes' expects list[int], got dict"),
        ("names", "gan,wgan", "Parameter 'names' cannot be 'wgan' (did you mean 'gan'?)"),
    ],
)
def test_refused_in_words(known, name, value, sentence):
    with pytest.raises(GanlabError) as error:
        check_parameters(known, {name: value})
    assert str(error.value).startswith(sentence)


TEXTS = ["", " ", "0x10", "1__0", "_1", "١", "--1", "1e400", "-0", "True", "[", "\x00"]
ODD = [*TEXTS, 10**400, -0.0, 1e308, b"1", {}, (), None, ...]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_any_value_is_taken_in_its_type_or_refused_in_words(value):
    types = {"int": int, "float": float, "str": str, "bool": bool}
    for kind, expected in types.items():
        try:
            got = Parameter("a", kind, None).accept(value)
        except GanlabError as error:
            assert "Parameter 'a'" in str(error)
        else:
            assert type(got) is expected


def test_assignments():
    assert parse_assignments(["a=1", "b = x=y", "a=2"]) == {"a": "2", "b": " x=y"}
    for bad in ("a", "=1", " =1"):
        with pytest.raises(GanlabError, match="is not name=value"):
            parse_assignments([bad])
