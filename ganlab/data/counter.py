"""Random numbers by position: the value at `(seed, stream, index)` is a fixed function of these three integers.

There is no state to advance, so item 12,345 is the same whether it is drawn alone, in a batch or on another machine,
and resuming needs nothing but the position. The mixing function is SplitMix64's finaliser (Steele, Lea and Flood,
"Fast splittable pseudorandom number generators", OOPSLA 2014), applied once for each of the three integers.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def bits(seed: int, stream: int | np.ndarray, index: int | np.ndarray) -> np.ndarray:
    """64 random bits for each `(stream, index)`, broadcast against each other, dtype `uint64`."""
    key = np.array(seed % 2**64, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in (stream, index):
            key = _mix(key + _GOLDEN) ^ np.asarray(part, dtype=np.int64).astype(np.uint64)
        return _mix(_mix(key + _GOLDEN))


def uniform(seed: int, stream: int | np.ndarray, index: int | np.ndarray) -> np.ndarray:
    """Uniform numbers in [0, 1), dtype `float64`, 53 random bits each."""
    return (bits(seed, stream, index) >> np.uint64(11)) * 2.0**-53


def permutation(seed: int, stream: int, n: int) -> np.ndarray:
    """A random order of `range(n)`, dtype `int64`: the order of their random bits."""
    return np.argsort(bits(seed, stream, np.arange(n)), kind="stable")
