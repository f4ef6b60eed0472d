"""What a perfect generator scores: against enumeration of every outcome, and against simulation."""

import itertools
import math

import numpy as np
import pytest
import torch

from ganlab.data import count_modes, expected_modes, expected_reverse_kl
from ganlab.data.floors import modes_deviation
from ganlab.errors import GanlabError

CASES = [([0.5, 0.5], 1), ([0.5, 0.5], 4), ([0.7, 0.2, 0.1], 5), ([0.25] * 4, 6), ([0.6, 0.4, 0.0], 3)]


def enumerated(p, n):
    """Mean and deviation of the count, and mean KL, over all K^n sequences."""
    counts, squares, kls = 0.0, 0.0, 0.0
    for draws in itertools.product(range(len(p)), repeat=n):
        weight = math.prod(p[k] for k in draws)
        if weight == 0:
            continue
        q = [draws.count(k) / n for k in range(len(p))]
        seen = sum(x > 0 for x in q)
        counts, squares = counts + weight * seen, squares + weight * seen**2
        kls += weight * sum(x * math.log(x / y) for x, y in zip(q, p, strict=True) if x)
    return counts, math.sqrt(max(squares - counts**2, 0)), kls


@pytest.mark.parametrize(("p", "n"), CASES)
def test_exact_against_all_outcomes(p, n):
    count, deviation, kl = enumerated(p, n)
    p = torch.tensor(p, dtype=torch.float64)
    assert expected_modes(p, n) == pytest.approx(count, abs=1e-12)
    assert modes_deviation(p, n) == pytest.approx(deviation, abs=1e-7)
    assert expected_reverse_kl(p, n) == pytest.approx(kl, abs=1e-12)


def test_known_floors():
    even = lambda k: torch.full((k,), 1 / k, dtype=torch.float64)
    assert expected_reverse_kl(even(1000), 26_000) == pytest.approx(0.01934, abs=5e-6)
    assert expected_reverse_kl(even(1000), 25_600) == pytest.approx(0.01964, abs=5e-6)
    assert expected_reverse_kl(even(1000), 500_000) == pytest.approx(999 / 1e6, rel=2e-3)
    assert expected_reverse_kl(even(8), 2500) == pytest.approx(7 / 5000, rel=2e-3)


def test_against_simulation_with_uneven_modes():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(200, 0.3))
    n, repeats = 400, 2000
    counts = rng.multinomial(n, p, size=repeats)
    q = counts / n
    kl = np.where(q > 0, q * np.log(np.where(q > 0, q, 1) / np.maximum(p, 1e-300)), 0).sum(1)
    distinct = (counts > 0).sum(1)
    error = distinct.std() / math.sqrt(repeats)
    assert abs(expected_modes(torch.from_numpy(p), n) - distinct.mean()) < 5 * error
    assert modes_deviation(torch.from_numpy(p), n) == pytest.approx(distinct.std(), rel=0.08)
    assert abs(expected_reverse_kl(torch.from_numpy(p), n) - kl.mean()) < 5 * kl.std() / math.sqrt(repeats)


def test_another_reference_adds_its_divergence_and_an_impossible_one_is_infinite():
    p, r = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.1])
    extra = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert expected_reverse_kl(p, 50, r) == pytest.approx(expected_reverse_kl(p, 50) + extra, abs=1e-7)
    assert expected_reverse_kl(p, 50, torch.tensor([1.0, 0.0])) == math.inf


def test_count_modes_says_it_all_in_one_line():
    p = torch.tensor([0.5, 0.25, 0.25, 0.0], dtype=torch.float64)
    count = count_modes(torch.tensor([0, 0, 1, 3, -1]), p)
    assert (count.modes, count.possible, count.outside, count.n) == (2, 3, 2, 5)
    assert count.reverse_kl == pytest.approx(2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(4 / 3))
    text = str(count)
    assert "2 of 3 modes in 5 samples" in text and "a perfect generator" in text and "2 samples of no mode" in text
    assert math.isnan(count_modes(torch.tensor([-1, -1]), p).reverse_kl)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: expected_modes(torch.tensor([0.5, 0.4]), 10), "sum 1"),
        (lambda: expected_modes(torch.tensor([1.5, -0.5]), 10), "at least 0"),
        (lambda: expected_modes(torch.tensor([1.0]), 0), "n is 0"),
        (lambda: count_modes(torch.tensor([2]), torch.tensor([0.5, 0.5])), "A label is 2"),
    ],
)
def test_bad_inputs_are_named(call, words):
    with pytest.raises(GanlabError, match=words):
        call()
