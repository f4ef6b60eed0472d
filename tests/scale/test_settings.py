"""What the trainer is told is checked before anything starts."""

import pytest

from ganlab.errors import GanlabError
from ganlab.scale import settings
from ganlab.scale.settings import OF_METHOD, complete, presets, read_settings


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_accepted(name):
    assert read_settings(name)["steps"] >= 1


@pytest.mark.parametrize(
    "given, says",
    [
        ({"stepz": 3}, r"no parameter 'stepz' \(did you mean 'steps'\?\)"),
        ({"steps": "many"}, "'steps' expects int, got str 'many'"),
        ({"steps": 1.5}, "'steps' expects int, got float 1.5"),
        ({"batch": True}, "'batch' expects int, got bool True"),
        ({"batch": 1}, r"'batch' is 1: it must lie in \[2"),
        ({"method": "wgan"}, "'method' cannot be 'wgan'"),
        ({"size": 48}, "'size' cannot be 48"),
        ({"method": "gan", "lambda1": 0.1}, "Method gan has no parameter 'lambda1': it takes none of its own"),
        ({"method": "mdgan", "lambda1": 0.1}, "Method mdgan has no parameter 'lambda1'.*distance_weight, log_weight"),
        ({"learning_rate": float("nan")}, "must be a finite number"),
        ({1: 2}, "no parameter '1'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(given, says):
    with pytest.raises(GanlabError, match=says) as error:
        complete(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text, says", [("- 1", "must be a mapping"), ("a: [", "is not YAML in line"), (None, "cannot be read")]
)
def test_files_that_are_no_settings(tmp_path, text, says):
    path = tmp_path / "run.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(GanlabError, match=says):
        read_settings(path)


def test_the_command_line_wins_and_what_was_not_said_is_the_default(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("method: nemgan\nsteps: 20\nlatent: 1e1")
    found = read_settings(path, {"steps": "30"})
    assert (found["steps"], found["latent"], found["penalty"]) == (30, 10, 10.0)
    assert not {p.name for own in OF_METHOD.values() for p in own} & set(complete({"method": "gan"}))
    assert set(complete({"method": "nemgan"})) == {p.name for p in settings.GENERAL} | {
        p.name for p in OF_METHOD["nemgan"]
    }
