"""Random numbers by position: fixed for ever, uniform, independent."""

import numpy as np
from scipy import stats

from ganlab.data.counter import bits, permutation, uniform


def test_values_are_fixed_for_ever():
    # A plain-integer computation of the same formula; a change here would change every face and every data order.
    def mix(x):
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return x ^ (x >> 31)

    golden = 0x9E3779B97F4A7C15
    for seed, stream, index in [(0, 0, 0), (7, 3, 12345), (-1, 5, 2), (2**40, 0, 10**12)]:
        key = seed % 2**64
        for part in (stream, index):
            key = mix((key + golden) % 2**64) ^ part
        expected = mix(mix((key + golden) % 2**64))
        assert int(bits(seed, stream, index)) == expected
    assert int(bits(0, 0, 0)) == 9451143353636776879
    assert permutation(0, 0, 8).tolist() == [3, 7, 6, 0, 2, 5, 1, 4]


def test_uniform_and_independent_across_index_stream_and_seed():
    index = np.arange(50_000)
    columns = [uniform(0, 0, index), uniform(0, 1, index), uniform(1, 0, index), uniform(1, 1, index)]
    for column in columns:
        assert 0 <= column.min() and column.max() < 1
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    correlation = np.corrcoef([*columns, np.roll(columns[0], 1)]) - np.eye(5)
    assert np.abs(correlation).max() < 5 / np.sqrt(len(index))


def test_an_item_is_the_same_alone_and_in_company():
    together = uniform(3, np.arange(5), np.arange(100)[:, None])
    assert together[42, 2] == uniform(3, 2, 42)


def test_permutation_holds_everything_once():
    for n in (1, 2, 1000):
        assert np.array_equal(np.sort(permutation(0, 1, n)), np.arange(n))
    assert not np.array_equal(permutation(0, 0, 100), permutation(0, 1, 100))
