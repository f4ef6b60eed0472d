"""Pairs of images in the layout of pix2pix's data sets (facades, maps, edges to shoes): two squares side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from ganlab.data.importing import ENDINGS, files_of, opened
from ganlab.errors import GanlabError

DIRECTIONS = ("AtoB", "BtoA")


@dataclass(frozen=True)
class Pairs:
    """What is given, and the one answer that the data hold; row i of both belongs together.

    Attributes:
        conditions, images: shape `(n, 3, size, size)`, values 0 to 255.
        names: the file of each pair.
    """

    conditions: UInt8[Tensor, "n 3 size size"]
    images: UInt8[Tensor, "n 3 size size"]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


def paired_folder(
    path: str | Path, split: str = "train", size: int = 256, direction: str = "BtoA", most: int | None = None
) -> Pairs:
    """The pairs of one split, from a folder or a zip archive: `PATH/train/1.jpg`, `PATH/test/...`, by name.

    Each file is an image twice as wide as high: A on the left, B on the right. pix2pix's facades hold photographs as A
    and their labelled plans as B; the paper goes from plan to photograph, "BtoA".

    Args:
        split: the name of the folder that directly holds the images.
        size: both squares are resized to so many pixels (bicubic, antialiased).
        direction: "AtoB" makes A the condition, "BtoA" makes B the condition.
        most: only the first so many pairs. All are held in memory, 6 * size^2 bytes each.

    Raises:
        GanlabError: no such folder or split, or a file that is not a whole image of two squares.
    """
    if direction not in DIRECTIONS:
        raise GanlabError(f"direction is {direction!r}; choose one of {', '.join(DIRECTIONS)}.")
    for what, value in (("size", size), ("most", 1 if most is None else most)):
        if value < 1:
            raise GanlabError(f"{what} is {value}; give at least 1.")
    path = Path(path).expanduser()
    if not path.exists():
        raise GanlabError(f"{path} does not exist; give the folder or zip archive that holds train, test and so on.")
    with closing(files_of(path)) as files:
        images = [PurePosixPath(name) for name in files.names() if PurePosixPath(name).suffix.lower() in ENDINGS]
        chosen = [str(name) for name in images if name.parent.name == split][:most]
        if not chosen:
            there = ", ".join(sorted({name.parent.name or "the top" for name in images})) or "no images at all"
            raise GanlabError(
                f"{path} has no images in a folder {split!r}; it has {there}. Choose a split that is there."
            )
        with ThreadPoolExecutor() as pool:
            halves = np.stack(list(pool.map(lambda name: _halves(files.read(name), name, size), chosen)))
    left, right = (torch.from_numpy(halves[:, k]) for k in (0, 1))
    return Pairs(*((left, right) if direction == "AtoB" else (right, left)), tuple(chosen))


def _halves(content: bytes, name: str, size: int) -> np.ndarray:
    """A and B of one file, `uint8` (2, 3, size, size)."""
    from PIL import Image

    image = opened(content, name)
    width, height = image.size
    if width != 2 * height:
        raise GanlabError(
            f"{name} is {width} x {height} pixels; a pair is two squares side by side, twice as wide as high. "
            "Join each pair so, or remove the file."
        )
    squares = [image.crop((left, 0, left + height, height)) for left in (0, height)]
    small = [np.asarray(square.resize((size, size), Image.Resampling.BICUBIC), np.uint8) for square in squares]
    return np.stack(small).transpose(0, 3, 1, 2)
