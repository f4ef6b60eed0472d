"""Files that are not what they should be are one sentence that names them."""

import pytest

from ganlab.errors import GanlabError
from ganlab.files import parse_yaml, read_json


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read as JSON"),
        (b"", "cannot be read as JSON"),
        (b'{"a": [1, ', "cannot be read as JSON"),
        (b"\xff\xfe", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b"[1]", "holds a JSON list, not an object"),
        (b"null", "holds a JSON NoneType, not an object"),
    ],
)
def test_what_is_no_json_object_is_named(tmp_path, content, words):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GanlabError, match=rf"x.json {words}.*; fetch it again\.$") as error:
        read_json(path, "fetch it again")
    assert "\n" not in str(error.value)


def test_an_object_is_read_as_it_is(tmp_path):
    (tmp_path / "x.json").write_text('{"ä": [1, null]}', encoding="utf-8")
    assert read_json(tmp_path / "x.json") == {"ä": [1, None]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {", "is not YAML in line 1: "),
        ("a: 1\nb: [\n", "is not YAML in line 3: "),
        ("a: !!python/object/apply:os.getcwd []", "is not YAML in line 1: "),
        ("a: 2026-02-30", "is not YAML: day is out of range"),
        (b"\xff\xfe\xff", "is not YAML"),
        ("[" * 5_000, "is not YAML"),
    ],
)
def test_what_is_no_yaml_is_named(text, words):
    with pytest.raises(GanlabError, match=f"run.yaml {words}") as error:
        parse_yaml(text, "run.yaml")
    assert "\n" not in str(error.value)


def test_yaml_is_read_as_it_is():
    assert parse_yaml("a: [1, 2]", "run.yaml") == {"a": [1, 2]}
    assert parse_yaml(b"", "run.yaml") is None
