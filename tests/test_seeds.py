import numpy as np
import pytest
import torch

from ganlab.errors import GanlabError
from ganlab.seeds import Streams, derive_seed


def test_a_seed_draws_the_same_numbers_alone_and_beside_others():
    alone, together = Streams(7, "data"), Streams([3, 7, 9], "data")
    for draw in (lambda s: s.normal(5, 2), lambda s: s.uniform(4), lambda s: s.integers(100, 6)):
        assert torch.equal(draw(alone), draw(together)[1])


def test_a_seed_of_numpy_is_that_number():
    draws = [Streams(seed, "data").normal(5) for seed in (3, np.int64(3), np.array([3])[0])]
    assert all(torch.equal(draw, draws[0]) for draw in draws)
    assert Streams(np.int64(3)).for_purpose("x").seeds == [3] and Streams(np.arange(2)).axis == (2,)


def test_purposes_and_seeds_share_no_numbers():
    draws = [Streams(seed, purpose).normal(8) for seed in (0, 1) for purpose in ("data", "latent")]
    for i, a in enumerate(draws):
        for b in draws[i + 1 :]:
            assert not torch.isin(a, b).any()
    assert derive_seed(1, "data") != derive_seed(11, "data")


def test_the_state_goes_on_where_it_was():
    streams = Streams([0, 1], "x")
    streams.normal(3)
    state = {name: value.clone() for name, value in streams.state_dict().items()}
    expected = streams.normal(3)
    fresh = Streams([0, 1], "x")
    fresh.load_state_dict(state)
    assert torch.equal(fresh.normal(3), expected)


def test_a_state_for_other_seeds_is_refused():
    with pytest.raises(GanlabError, match="for 2 seeds and this run has 3"):
        Streams([0, 1, 2]).load_state_dict(Streams([0, 1]).state_dict())
    with pytest.raises(GanlabError, match="empty list of seeds"):
        Streams([])
