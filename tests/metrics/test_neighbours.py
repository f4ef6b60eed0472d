"""PRDC, bins and memorisation against prdc, scikit-learn and scipy."""

import math

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from scipy.spatial.distance import cdist, jensenshannon
from scipy.stats import chi2_contingency
from sklearn.neighbors import NearestNeighbors

from ganlab.errors import GanlabError
from ganlab.metrics import arrays, memorisation, ndb
from ganlab.metrics.prdc import least_covered, prdc


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("n", "m", "d", "k"), [(300, 200, 5, 5), (100, 250, 64, 3), (60, 60, 1, 1)])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_prdc_is_the_packages_prdc(n, m, d, k, shift):
    real, fake = normal(n, d), normal(m, d, seed=1) * 0.8 + shift
    theirs = compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
    assert prdc(real, fake, nearest_k=k)._asdict() == pytest.approx(theirs, abs=1e-12)


def test_prdc_does_not_depend_on_the_chunk(monkeypatch):
    real, fake = normal(150, 4), normal(130, 4, seed=1)
    whole = prdc(real, fake)
    tiny = arrays.distance_chunks
    monkeypatch.setattr("ganlab.metrics.prdc.distance_chunks", lambda *a: tiny(*a, chunk_bytes=8 * 150 * 7))
    assert prdc(real, fake) == whole


def test_prdc_keeps_its_digits_far_from_the_origin():
    real, fake = normal(100, 3), normal(100, 3, seed=1)
    assert prdc(real + 1e5, fake + 1e5) == prdc(real, fake)


def test_nearest_is_scikit_learns():
    x, y = normal(80, 6), normal(120, 6, seed=1)
    distance, index = NearestNeighbors(n_neighbors=4).fit(y.numpy()).kneighbors(x.numpy())
    mine = arrays.nearest(x, y, k=4)
    np.testing.assert_allclose(mine[0].numpy(), distance, atol=1e-12)
    np.testing.assert_array_equal(mine[1].numpy(), index)


def test_a_copy_is_at_distance_zero_exactly():
    y = normal(50, 30) + 1000
    assert float(arrays.nearest(y[7:8], y)[0]) == 0
    assert float(arrays.nearest(y, y, same=True)[0].min()) > 0


def test_least_covered_finds_the_hole():
    real = torch.cat([normal(50, 2), normal(10, 2) + 20])
    index, far = least_covered(real, normal(60, 2, seed=2), count=10)
    assert (index >= 50).all() and (far.diff() <= 0).all()


@pytest.mark.parametrize(
    ("real", "fake", "says"),
    [
        (normal(4, 2), normal(9, 2), "real holds 4 samples.*at least 6"),
        (normal(9, 2), normal(9, 3), "2 values a sample and generated has 3"),
        (normal(9, 2), normal(9, 2) * math.nan, "generated has 9 samples with NaN"),
        (normal(9), normal(9), "shape"),
    ],
)
def test_bad_features_are_named(real, fake, says):
    with pytest.raises(GanlabError, match=says):
        prdc(real, fake)


# Bins ----------------------------------------------------------------------------------------------------------


def test_two_proportion_z_is_the_root_of_chi_square():
    n, m, a, b = 400, 530, 37, 81
    pair = torch.tensor([a / n], dtype=torch.float64), n, torch.tensor([b / m], dtype=torch.float64), m
    z = ndb.two_proportion_z(*pair)
    chi = chi2_contingency([[a, n - a], [b, m - b]], correction=False).statistic
    assert float(z) == pytest.approx(math.sqrt(chi), rel=1e-12)
    assert float(ndb.two_proportion_z(torch.zeros(1), n, torch.zeros(1), m)) == 0


def test_bin_divergence_is_scipys():
    p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.1, 0.0, 0.2, 0.7])
    mine = ndb.jensen_shannon_bins(torch.tensor(p), torch.tensor(q))
    assert mine == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-12)
    apart = ndb.jensen_shannon_bins(torch.tensor([1.0, 0]), torch.tensor([0, 1.0]))
    assert apart == pytest.approx(math.log(2), abs=1e-7)


def test_ndb_step_by_step():
    """Against the definition written out with cdist and numpy, on the bins that were found."""
    real, fake, held = normal(2000, 3), normal(800, 3, seed=1) * 0.7, normal(800, 3, seed=2)
    result = ndb.ndb(real, fake, held, bins=12)
    centres = result.bins.centres.numpy()
    for sample, row in ((fake, result.generated), (held, result.real)):
        p, q = (np.bincount(cdist(x, centres).argmin(1), minlength=12) / len(x) for x in (real.numpy(), sample.numpy()))
        pooled = (p * 2000 + q * 800) / 2800
        z = (q - p) / np.sqrt(pooled * (1 - pooled) * (1 / 2000 + 1 / 800))
        assert row.different == (abs(z) > 1.959964).sum()
        assert row.jensen_shannon == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-9)
    assert result.generated.different > result.real.different
    assert (result.bins.proportions.diff() <= 0).all()


def test_the_real_row_shows_that_bins_fitted_in_many_dimensions_fail_real_data():
    """The trap: a perfect generator fails, and so does real data; the row beside it says so."""
    noise = normal(1330, 784)
    result = ndb.ndb(noise[:400], noise[400:930], noise[930:], bins=20)
    assert result.generated.different > 10 and result.real.different > 10


def test_whitening_and_empty_bins():
    stretched = normal(500, 2) * torch.tensor([1.0, 1000.0])
    assert ndb.fit_bins(stretched, 10, whiten=True).centres[:, 1].abs().max() < 4
    same = ndb.fit_bins(torch.ones(30, 2), 5)
    assert same.proportions.sum() == 1
    with pytest.raises(GanlabError, match="bins is 31"):
        ndb.fit_bins(torch.ones(30, 2), 31)


def test_unequal_sizes_are_cut_to_the_smaller():
    result = ndb.ndb(normal(300, 2), normal(1000, 2, seed=1), normal(50, 2, seed=2), bins=5)
    assert float(result.generated_proportions.sum()) == pytest.approx(1)
    assert (result.generated_proportions * 50 % 1).abs().max() < 1e-9


# Memorisation --------------------------------------------------------------------------------------------------


def test_support_size_in_closed_form():
    draws = torch.arange(200.0)[torch.randint(200, (500,), generator=torch.Generator().manual_seed(1))][:, None]
    found = memorisation.support_size(draws, threshold=0.0)
    counts = torch.bincount(draws.flatten().long())
    assert found.collisions == int((counts * (counts - 1) // 2).sum())
    assert found.low < 200 < found.high
    none = memorisation.support_size(torch.arange(40.0)[:, None], threshold=0.5)
    assert none.size == math.inf and 100 < none.low < 780


def test_collision_threshold_makes_chance_expect_five_pairs():
    x = normal(300, 3)
    threshold = memorisation.collision_threshold(x, expected=5)
    assert memorisation.count_pairs_within(x, threshold) == 5
    assert memorisation.count_pairs_within(x, threshold * (1 - 1e-9)) == 4


def test_the_neighbour_test_on_honest_copied_and_shrunken_samples():
    train, held, fresh = (normal(300, 5, seed=s) for s in range(3))
    honest = memorisation.nearest_neighbour_test(train, fresh, held)
    assert abs(honest.z) < 4 and honest.copies < 0.02
    copied = memorisation.nearest_neighbour_test(train, train + 1e-3, held)
    assert copied.z > 10 and copied.copies == 1 and copied.closer == 1
    assert copied.examples[0][0] == copied.examples[0][1]
    # Nearer without copying: a generator that keeps to the dense middle.
    shrunk = memorisation.nearest_neighbour_test(train, fresh * 0.3, held)
    assert shrunk.z > 10 and shrunk.copies < 0.05


def test_the_neighbour_test_counts_pairs():
    train, a, b = normal(30, 2), normal(9, 2, seed=1), normal(7, 2, seed=2)
    mine = cdist(a, train).min(1)
    other = cdist(b, train).min(1)
    assert memorisation.nearest_neighbour_test(train, a, b).closer == pytest.approx((mine[:, None] < other).mean())


def test_duplicates_in_the_training_set_divide_nothing_by_zero():
    train = normal(50, 2).repeat(2, 1)
    share, ratio = memorisation.copy_share(train, train[:10])
    assert share == 1 and ratio.isfinite().all()


# Progress ------------------------------------------------------------------------------------------------------


def test_progress_is_silent_where_nobody_looks(capsys):
    assert arrays.progress_bar() is None
    with arrays.waiting("k-means", after=0.0):
        assert list(arrays.slow(range(3), "rows", after=0.0)) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_progress_shows_on_a_terminal_and_changes_nothing(monkeypatch):
    import io

    from rich.console import Console

    screen = io.StringIO()
    monkeypatch.setenv("GANLAB_INTERACTIVE", "1")
    monkeypatch.setattr(arrays, "Console", lambda stderr: Console(file=screen, force_terminal=True, width=80))
    assert list(arrays.slow(range(3), "rows", after=-1.0)) == [0, 1, 2]
    assert "rows" in screen.getvalue()
    with pytest.raises(ZeroDivisionError), arrays.waiting("k-means", after=0.0):
        raise ZeroDivisionError
