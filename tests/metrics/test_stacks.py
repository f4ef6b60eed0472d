"""The KL of stacks falls into its parts, and each part sees what it should."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from ganlab.data import digits
from ganlab.data.stacking import stacked
from ganlab.errors import GanlabError
from ganlab.metrics.stacks import channel_divergences, dependence, stack_scores


@pytest.fixture(scope="module")
def base():
    return digits("train")


def test_the_parts_add_up_to_the_kl_and_agree_with_scipy(base):
    numbers = torch.from_numpy(np.random.default_rng(0).zipf(1.3, 5000) % 1000)
    scores = stack_scores(numbers, base)
    assert scores.count.reverse_kl == pytest.approx(float(scores.channels.sum()) + scores.dependence, rel=1e-12)
    shares = (base.labels.bincount(minlength=10).double() / len(base)).numpy()
    q = numbers.bincount(minlength=1000).double().view(10, 10, 10).numpy() / 5000
    for k, axes in enumerate(((1, 2), (0, 2), (0, 1))):
        assert scores.channels[k].item() == pytest.approx(entropy(q.sum(axes), shares), rel=1e-12)
    product = np.einsum("a,b,c->abc", q.sum((1, 2)), q.sum((0, 2)), q.sum((0, 1)))
    assert scores.dependence == pytest.approx(entropy(q.ravel(), product.ravel()), rel=1e-12)


def test_each_fault_appears_in_its_part():
    even = torch.full((10,), 0.1, dtype=torch.float64)
    lost_class = torch.ones(10, 10, 10)
    lost_class[:, 4] = 0
    assert channel_divergences(lost_class, even).tolist() == pytest.approx([0, np.log(10 / 9), 0], abs=1e-12)
    assert float(dependence(lost_class)) == pytest.approx(0, abs=1e-12)
    copies = torch.zeros(10, 10, 10)  # every class as often as it should be, and all three channels alike
    copies[range(10), range(10), range(10)] = 1
    assert channel_divergences(copies, even).tolist() == pytest.approx([0, 0, 0], abs=1e-12)
    assert float(dependence(copies)) == pytest.approx(2 * np.log(10))


def test_real_stacks_score_near_the_floor_and_most_of_it_is_dependence(base):
    scores = [stack_scores(stacked(base, 26_000, seed).labels, base) for seed in range(20)]
    assert np.mean([one.above_floor for one in scores]) == pytest.approx(0, abs=1e-3)
    assert np.mean([one.dependence for one in scores]) == pytest.approx(972 / 52_000, abs=1e-3)
    assert "1000 of 1000 modes" in str(scores[0]) and "dependence" in str(scores[0])


def test_what_cannot_be_counted_is_refused():
    for counts in (torch.ones(10, 10), torch.zeros(10, 10, 10)):
        with pytest.raises(GanlabError, match="give \\(10, 10, 10\\)"):
            dependence(counts)
