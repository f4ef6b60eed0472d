"""Mode metrics against scipy and against what is known in closed form."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, truncnorm

from ganlab.data.mixtures import grid, mixture, ring, unequal_ring
from ganlab.errors import GanlabError
from ganlab.metrics import modes
from ganlab.seeds import Streams

KL_NAMES = ["reverse_kl", "forward_kl", "jensen_shannon", "total_variation"]


def at_centres(target, counts):
    """As many points on each centre as asked for."""
    return target.centres.repeat_interleave(torch.tensor(counts), 0).double()


@pytest.fixture
def skewed():
    target = unequal_ring(5, ratio=0.7)
    counts = [7, 0, 3, 9, 1]
    return target, at_centres(target, counts), np.array(counts) / 20, target.weights.double().numpy()


def test_divergences_are_scipys(skewed):
    target, samples, p, q = skewed
    assert float(modes.reverse_kl(samples, target)) == pytest.approx(entropy(p, q), abs=1e-7)
    assert float(modes.jensen_shannon(samples, target)) == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-7)
    assert float(modes.total_variation(samples, target)) == pytest.approx(np.abs(p - q).sum() / 2, abs=1e-7)
    assert float(modes.forward_kl(samples, target, pseudo_count=0)) == math.inf
    smooth = (20 * p + 0.5) / (20 + 2.5)
    assert float(modes.forward_kl(samples, target)) == pytest.approx(entropy(q, smooth), abs=1e-7)


def test_half_of_the_modes_cost_log_two():
    target = ring(8)
    half = at_centres(target, [5, 5, 5, 5, 0, 0, 0, 0])
    assert float(modes.reverse_kl(half, target)) == pytest.approx(math.log(2), abs=1e-7)
    assert int(modes.modes_covered(half, target)) == 4


@pytest.mark.parametrize("name", ["modes_covered", "high_quality_share", "within_mode_spread", *KL_NAMES])
def test_many_seeds_give_what_each_gives_alone(name):
    target = ring(8, sigma=0.05)
    together = target.sample(400, Streams([3, 5], "data"))
    function = getattr(modes, name)
    found = function(together, target)
    assert found.shape == (2,)
    for member, value in zip(together, found, strict=True):
        torch.testing.assert_close(function(member, target), value)


def test_a_sample_belongs_to_the_mode_nearest_in_its_own_sigmas():
    target = mixture([[0.0, 0.0], [1.0, 0.0]], [0.5, 0.01])
    mode, in_sigmas = modes.nearest_mode(torch.tensor([[0.9, 0.0]]), target)
    assert mode.item() == 0 and in_sigmas.item() == pytest.approx(1.8)


def test_the_limit_of_three_sigma_is_kept_far_from_the_origin():
    """With the matrix-product shortcut for distances, sigma = 0.01 at radius 100 drowns in rounding."""
    target = ring(4, radius=100.0, sigma=0.01)
    outward = target.centres / target.centres.norm(dim=1, keepdim=True)
    inside, outside = (target.centres.double() + r * 0.01 * outward.double() for r in (2.99, 3.01))
    assert float(modes.high_quality_share(inside, target)) == 1
    assert float(modes.high_quality_share(outside, target)) == 0


def test_nan_samples_are_failures_of_the_generator():
    samples = ring(8).sample(100, 0)
    samples[:50] = torch.nan
    report = modes.mode_report(samples, ring(8))
    assert report["high_quality_share"].mean <= 0.5
    nothing = modes.mode_report(torch.full((10, 2), torch.nan), ring(8))
    assert nothing["modes_covered"].mean == 0
    assert math.isnan(nothing["reverse_kl"].mean) and math.isnan(nothing["within_mode_spread"].mean)
    assert int(modes.mode_counts(samples, ring(8), counted="nearest").sum()) == 50


def test_counted_nearest_counts_outliers_too():
    target = ring(2)
    samples = torch.cat([target.centres, target.centres * 1.5])
    assert modes.mode_counts(samples, target).tolist() == [1, 1]
    assert modes.mode_counts(samples, target, counted="nearest").tolist() == [2, 2]


@pytest.mark.parametrize(
    ("samples", "says"),
    [(torch.zeros(5, 3), r"\(5, 3\).*\(\*seeds, n, 2\)"), (torch.zeros(0, 2), "0 samples"), (torch.zeros(2), "shape")],
)
def test_bad_samples_are_named(samples, says):
    with pytest.raises(GanlabError, match=says):
        modes.mode_report(samples, ring(8))


def test_counted_must_be_known():
    with pytest.raises(GanlabError, match="'all'"):
        modes.mode_counts(torch.zeros(1, 2), ring(8), counted="all")


def test_within_mode_spread_ignores_where_the_mode_is_but_not_how_wide():
    target = ring(8)
    samples, at = target.sample_with_modes(20_000, 0)
    spread = float(modes.within_mode_spread(samples, target))
    # One coordinate of a 2D Gaussian cut at radius 3 is not a cut Gaussian: its closed form is .9744.
    assert spread == pytest.approx(0.97439, abs=0.01)
    assert float(truncnorm(-3, 3).std()) > 0.98
    shrunk = target.centres[at] + 0.25 * (samples - target.centres[at])
    assert float(modes.within_mode_spread(shrunk, target)) == pytest.approx(0.25, abs=0.01)
    displaced = target.centres.repeat(10, 1) + 0.01
    assert float(modes.within_mode_spread(displaced, target)) == pytest.approx(0, abs=1e-6)
    assert modes.within_mode_spread(samples, target, by_mode=True).shape == (8,)


def test_spread_is_the_pooled_standard_deviation():
    target = mixture([[0.0, 0.0], [10.0, 0.0]], [1.0, 2.0])
    samples = target.sample(300, 1).double()
    mode, in_sigmas = modes.nearest_mode(samples, target)
    squares, freedom = 0.0, 0
    for k, sigma in enumerate((1.0, 2.0)):
        mine = samples[(mode == k) & (in_sigmas <= 3)].numpy()
        squares += ((mine - mine.mean(0)) ** 2).sum() / sigma**2
        freedom += 2 * (len(mine) - 1)
    assert float(modes.within_mode_spread(samples, target)) == pytest.approx(math.sqrt(squares / freedom), rel=1e-9)


@pytest.mark.parametrize(("n", "k", "known"), [(2500, 8, 0.0014), (2500, 25, 0.0048), (26_000, 1000, 0.0193)])
def test_the_kl_floor_is_about_modes_over_twice_the_samples(n, k, known):
    target = ring(k, radius=float(k))
    floor = modes.perfect_scores(n, target)["reverse_kl"]
    assert floor.mean == pytest.approx((k - 1) / (2 * n), rel=0.05)
    assert floor.mean == pytest.approx(known, abs=0.0004)
    assert floor.low < floor.mean < floor.high


def test_ceilings_in_closed_form():
    perfect = modes.perfect_scores(2500, ring(8))
    assert perfect["high_quality_share"].mean == pytest.approx(1 - math.exp(-4.5), abs=1e-6)
    assert perfect["within_mode_spread"].mean == pytest.approx(0.9744, abs=5e-5)
    assert perfect["modes_covered"].mean == 8
    # n distinct of K coupons: K (1 - (1 - 1/K)^n).
    few = modes.perfect_scores(100, grid())["modes_covered"].mean
    share = 1 - math.exp(-4.5)
    assert few == pytest.approx(25 * (1 - (1 - share / 25) ** 100), abs=0.05)


def test_perfect_draws_lie_in_the_perfect_range():
    target = grid()
    report = modes.mode_report(target.sample(1000, Streams(range(200), "data")), target)
    for name, number in report.numbers.items():
        inside = (number.value >= number.perfect.low) & (number.value <= number.perfect.high)
        assert float(inside.double().mean()) > 0.88, name
        assert number.mean == pytest.approx(number.perfect.mean, rel=0.05), name


def test_overlapping_modes_get_their_ranges_from_draws():
    target = ring(8, radius=1.0, sigma=0.25)
    report = modes.mode_report(target.sample(1000, Streams(range(50), "data")), target)
    for name in ("high_quality_share", "total_variation"):
        number = report[name]
        assert number.perfect.low <= number.mean <= number.perfect.high, name


@pytest.mark.parametrize("name", ["reverse_kl", "forward_kl", "jensen_shannon", "total_variation"])
def test_nothing_is_worse_than_the_rarest_mode_alone(name):
    target = unequal_ring(4)
    alone = at_centres(target, [0, 0, 0, 50])
    number = modes.mode_report(alone, target)[name]
    assert number.mean == pytest.approx(number.ceiling, rel=1e-6)


def test_the_report_in_words():
    report = modes.mode_report(at_centres(ring(8), [2, 2, 2, 2, 2, 2, 1, 0]), ring(8))
    assert report.sentence() == "7 of 8 modes, 100 % within 3 sigma"
    table = str(modes.mode_report(ring(8).sample(100, Streams([0, 1], "data")), ring(8)))
    assert "floor" in table and "±" in table and "mean of 2 seeds" in table
