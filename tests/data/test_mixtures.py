import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, multivariate_normal

from ganlab.data.mixtures import grid, mixture, ring, unequal_ring
from ganlab.errors import GanlabError
from ganlab.seeds import Streams


def test_the_ring_has_eight_distinct_centres_evenly_spaced():
    distances = torch.cdist(ring().centres.double(), ring().centres.double()) + 10 * torch.eye(8)
    nearest = distances.min(1).values
    assert torch.allclose(nearest, torch.full((8,), 2 * math.sin(math.pi / 8), dtype=torch.float64), atol=1e-6)


def test_the_grid_is_pacgans():
    ticks = {-4.0, -2.0, 0.0, 2.0, 4.0}
    assert {tuple(centre) for centre in grid().centres.tolist()} == {(a, b) for a in ticks for b in ticks}
    assert grid().sigma.unique().tolist() == pytest.approx([0.05])


def test_log_density_equals_scipys():
    target = unequal_ring(5, radius=2.0, sigma=0.3)
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    density = sum(
        w * multivariate_normal(c, s**2 * np.eye(2)).pdf(points.numpy())
        for c, s, w in zip(
            target.centres.double().numpy(), target.sigma.double().numpy(), target.weights.double().numpy(), strict=True
        )
    )
    assert np.allclose(target.log_density(points.double()).numpy(), np.log(density), atol=1e-5)


def test_log_density_is_finite_far_away_and_keeps_the_seeds_axis():
    assert ring().log_density(torch.full((3, 4, 2), 50.0)).isfinite().all()
    assert ring().log_density(torch.zeros(3, 4, 2)).shape == (3, 4)


def test_samples_follow_weights_centres_and_sigma():
    target = unequal_ring(4, radius=1.0, sigma=0.05)
    samples, modes = target.sample_with_modes(20_000, Streams(0))
    counts = torch.bincount(modes, minlength=4).numpy()
    weights = target.weights.double().numpy()
    assert chisquare(counts, weights / weights.sum() * 20_000).pvalue > 1e-3
    scaled = (samples - target.centres[modes]) / 0.05
    assert scaled.mean(0).abs().max() < 0.04 and (scaled.std(0) - 1).abs().max() < 0.03


def test_a_batch_has_the_seeds_axis_and_does_not_depend_on_neighbours():
    together = next(ring().batches(16, [4, 5, 6]))
    assert together.shape == (3, 16, 2)
    assert torch.equal(together[1], next(ring().batches(16, 5)))


def test_rotation_moves_the_centres_and_keeps_the_distances():
    turned = ring().rotated(math.pi / 2)
    assert torch.allclose(turned.centres, ring().centres.roll(-2, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(centres=[1.0, 2.0], sigma=1), r"shape \(2,\); give one row for each mode"),
        (dict(centres=[[0.0, math.nan]], sigma=1), "not finite"),
        (dict(centres=[[0.0, 0.0]], sigma=0), "must be positive"),
        (dict(centres=[[0.0, 0.0]], sigma=[1, 2]), "one for each of 1 modes"),
        (dict(centres=[[0.0, 0.0], [1, 1]], sigma=1, weights=[0.7, 0.7]), "sum to 1"),
        (dict(centres=[[0.0, 0.0], [1, 1]], sigma=1, weights=[1.5, -0.5]), "not be negative"),
        (dict(centres=[[0.0, 0.0], [1, 1]], sigma=1, weights=[1.0]), "one weight for each of 2"),
    ],
)
def test_impossible_mixtures_are_refused_in_words(arguments, message):
    with pytest.raises(GanlabError, match=message):
        mixture(**arguments)
