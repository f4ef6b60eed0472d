"""Ranges that are none are refused before anything is drawn from them."""

import math

import pytest

from ganlab.draws import random_draws
from ganlab.errors import GanlabError


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"integers": [1.5, 3]}, "must be whole numbers"),
        ({"integers": [1, math.inf]}, "random: x is"),
        ({"uniform": [0, math.nan]}, "random: x is"),
        ({"log": [1e-3, math.inf]}, "random: x is"),
        ({"uniform": [True, 2]}, "random: x is"),
    ],
)
def test_what_is_no_range_is_refused(how, sentence):
    with pytest.raises(GanlabError, match=sentence):
        random_draws({"draws": 2, "x": how})


def test_whole_numbers_may_be_written_as_floats():
    assert [draw["x"] for draw in random_draws({"draws": 5, "x": {"integers": [2.0, 2.0]}})] == [2] * 5


def test_far_too_many_draws_are_refused_before_they_are_made():
    with pytest.raises(GanlabError, match="draws is 1,000,000,000; more than 100,000"):
        random_draws({"draws": 10**9, "x": {"uniform": [0, 1]}})
