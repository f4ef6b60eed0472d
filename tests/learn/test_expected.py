"""A run among committed runs: the verdict, what is printed and shown, and the data behind it."""

import json
import math

import numpy as np
import pytest
import torch

from ganlab.errors import GanlabError
from ganlab.learn import cli, expected
from ganlab.learn.expected import RECIPES, expect, place


@pytest.fixture
def committed(monkeypatch):
    values = [5.0] * 10 + [6.0] * 40 + [7.0] * 49 + [8.0]
    found = {"values": {"modes": values, "high_quality": values}, "parameters": {"steps": 3}, "seeds": list(range(100))}
    monkeypatch.setattr(expected, "read", lambda name: found)
    return found


@pytest.mark.parametrize(
    "value, verdict, side",
    [
        (4, "outside", "low"),
        (5, "typical", "low"),
        (7, "typical", "high"),
        (8, "unusual", "high"),
        (9, "outside", "high"),
    ],
)
def test_a_single_run_among_single_runs(value, verdict, side):
    values = [5.0] * 10 + [6.0] * 40 + [7.0] * 49 + [8.0]
    found = place([value], values)
    assert (found.verdict, found.side) == (verdict, side)


def test_the_mean_of_several_runs_is_compared_with_means():
    """Two modes in each of ten runs is outside although single runs with two modes are common."""
    values = [2.0] * 30 + [8.0] * 70
    assert place([2.0], values).verdict == "typical"
    assert place([2.0] * 10, values).verdict == "outside"
    assert place([2.0] * 3 + [8.0] * 7, values).verdict == "typical"


def test_typical_runs_are_called_typical_as_often_as_promised():
    rng = np.random.default_rng(1)
    committed = rng.normal(size=200)
    verdicts = [place([value], committed).verdict for value in rng.normal(size=2000)]
    assert 0.91 < verdicts.count("typical") / 2000 < 0.98


def test_more_runs_than_were_committed():
    assert place([6.0] * 50, [5.0, 6.0, 7.0]).verdict == "typical"


def test_what_is_printed_and_shown_does_not_hold_the_learners_number(committed, monkeypatch, capsys):
    """So that nbval can compare it on any machine where the verdict is the same."""
    import ganlab.show

    shown = []
    monkeypatch.setattr(ganlab.show, "display", lambda figure: shown.append(ganlab.show.alt_of(figure)))
    for value in (6, 7.0, torch.tensor([6, 7, 7]), [7, 6.0]):
        expect("ring.gan.modes", value)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == lines[1] == "ring.gan.modes: typical. 95 % of 100 runs with other seeds lie between 5 and 7."
    assert "means of 3 out of 100 runs" in lines[2]
    assert len(set(shown)) == 1 and "100 committed runs: from 5 to 8, mean 6.41" in shown[0]


def test_outside_says_on_which_side_and_with_which_parameters(committed, monkeypatch, capsys):
    monkeypatch.setattr(expected, "_show", lambda *_: None)
    expect("ring.gan.modes", 1)
    out = capsys.readouterr().out
    assert "outside, on the low side" in out and "steps = 3" in out
    expect("ring.gan.modes", math.nan)
    assert "diverged" in capsys.readouterr().out


def test_bad_input_is_one_sentence(committed):
    with pytest.raises(GanlabError, match="Did you mean 'ring.gan.modes'"):
        expect("ring.gan.mode", 3)
    for value in ("many", [], None, {}):
        with pytest.raises(GanlabError, match="needs a number"):
            expect("ring.gan.modes", value)


def test_without_committed_runs_the_notebook_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(expected, "read", lambda name: None)
    expect("ring.gan.modes", 3)
    assert "no runs to compare with yet" in capsys.readouterr().out


@pytest.mark.parametrize("name", RECIPES)
def test_the_committed_runs_are_whole_and_those_of_the_notebook_as_it_is(name):
    from ganlab.runner.chapters import find_chapter, find_notebooks
    from ganlab.runner.run import plan_run

    recipe, found = RECIPES[name], expected.read(name)
    assert found is not None, f"run: ganlab expected make {name}"
    assert len(set(found["seeds"])) == len(found["seeds"]) >= 50
    assert found["versions"]["torch"] and found["command"] == f"ganlab expected make {name}"
    for quantity in recipe.quantities:
        assert len(found["values"][quantity]) == len(found["seeds"])
        assert np.isfinite(found["values"][quantity]).all()
    planned = plan_run(find_chapter(find_notebooks(), recipe.chapter), given=recipe.parameters).parameters
    assert found["parameters"] == {k: v for k, v in planned.items() if k not in ("seed", "seeds")}


@pytest.mark.parametrize(
    "result",
    [{}, {"modes": 3}, {"modes": [1, 2]}, {"modes": [1, 2, None]}, {"modes": [1, 2, math.nan]}, {"modes": "abc"}],
)
def test_a_result_that_does_not_fit_is_refused(result):
    with pytest.raises(GanlabError, match="should hold 3 finite numbers as 'modes'"):
        cli.numbers_of(result, "modes", 3)


def test_numbers_are_kept_to_six_digits():
    assert cli.numbers_of({"x": [1 / 3, 8]}, "x", 2) == [0.333333, 8.0]
    json.dumps(cli.numbers_of({"x": [1 / 3, 8]}, "x", 2))
