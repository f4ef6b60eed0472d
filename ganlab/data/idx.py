"""The IDX format of MNIST and its family: a big-endian header, then the bytes. Plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from ganlab.errors import GanlabError
from ganlab.files import write_atomically

_LARGEST = 1 << 30  # more than any member of the family; a longer stream is not one of them


def read_idx(path: Path) -> np.ndarray:
    """The `uint8` array of an IDX file.

    Raises:
        GanlabError: the file is not IDX of unsigned bytes, is cut short, or goes on after its data.
    """
    path = Path(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise GanlabError(f"{path} cannot be read ({error}); fetch it again.") from None
    if len(content) < 4 or content[:3] != b"\0\0\x08" or not 1 <= content[3] <= 4:
        raise GanlabError(f"{path} is not an IDX file of bytes: it starts with {content[:4]!r}; fetch it again.")
    header = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:header].ljust(header - 4, b"\0"), ">u4").astype(int).tolist()
    if len(content) != header + math.prod(shape):
        raise GanlabError(
            f"{path} holds {len(content) - header:,} bytes of data and its header promises {math.prod(shape):,}; "
            "fetch it again."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a `uint8` array as gzipped IDX; the same array always gives the same bytes."""
    array = np.ascontiguousarray(array, np.uint8)
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    write_atomically(path, gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))
