"""Images that the reader imported, mapped from the disk: CelebA, and folders of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from ganlab.data import store
from ganlab.data.importing import SPLITS
from ganlab.errors import GanlabError


@dataclass(frozen=True)
class PhotoSet:
    """Images mapped from the disk: nothing is read until it is used.

    Attributes:
        images: shape `(n, 3, size, size)`, values 0 to 255.
        attributes: shape `(n, len(names))`, or `None` when the import had none.
        names: what each attribute is called.
    """

    images: UInt8[Tensor, "n 3 size size"]
    attributes: Bool[Tensor, "n attributes"] | None
    names: tuple[str, ...]
    name: str
    source: str
    licence: str

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        size = self.images.shape[-1]
        return f"{self.name}: {len(self):,} images 3x{size}x{size}, {len(self.names)} attributes"

    def column(self, name: str) -> Bool[Tensor, " n"]:
        """One attribute of every image, by CelebA's name."""
        if self.attributes is None or name not in self.names:
            raise GanlabError(f"{self.name} has no attribute {name!r}; it has {', '.join(self.names) or 'none'}.")
        return self.attributes[:, self.names.index(name)]

    def take(self, index: Tensor | slice) -> PhotoSet:
        """The images at `index` with their attributes; a slice stays mapped from the disk."""
        attributes = None if self.attributes is None else self.attributes[index]
        return replace(self, images=self.images[index], attributes=attributes)


def imported(name: str, split: str = "all") -> PhotoSet:
    """An import by its name.

    Args:
        name: as `ganlab data list` shows it.
        split: "train", "valid", "test" or "all"; only CelebA with its partition list has the first three.

    Raises:
        GanlabError: it is not there, a file of it is missing or cut short, or it has no such split.
    """
    folder = store.home() / name
    if not (folder / store.MANIFEST).is_file():
        there = ", ".join(store.imported_manifests()) or "nothing"
        raise GanlabError(f"{name!r} is not in {store.home()}, which holds {there}; `ganlab data import` makes it.")
    manifest = store.read_json(folder / store.MANIFEST)
    for file, stated in manifest["files"].items():
        if problem := store.problem_with(folder / file, stated, deep=False):
            raise GanlabError(f"{folder / file} {problem}; import the images again with --replace.")
    images = _mapped(folder / "images.npy")
    attributes = _mapped(folder / "attributes.npy") if "attributes.npy" in manifest["files"] else None
    whole = PhotoSet(images, attributes, tuple(manifest["attribute_names"]), name, manifest["source"],
                     manifest["licence"])  # fmt: skip
    if split == "all":
        return whole
    if split not in SPLITS:
        raise GanlabError(f"split is {split!r}; choose one of {', '.join(SPLITS)}, all.")
    if "split.npy" not in manifest["files"]:
        raise GanlabError(f"{name} was imported without a split; use split='all'.")
    rows = (_mapped(folder / "split.npy") == SPLITS.index(split)).nonzero().flatten()
    if not len(rows):
        raise GanlabError(f"{name} has no images in its split {split!r}.")
    first, last = int(rows[0]), int(rows[-1]) + 1
    return whole.take(slice(first, last) if last - first == len(rows) else rows)


def celeba(size: int = 64, crop: int | None = 108, split: str = "train") -> PhotoSet:
    """CelebA as `ganlab data import celeba PATH` wrote it: the centre `crop` pixels, resized to `size`."""
    return imported(celeba_name(size, crop), split)


def celeba_name(size: int, crop: int | None) -> str:
    """The name of a CelebA import, for example "celeba-64-crop108"."""
    return f"celeba-{size}-" + (f"crop{crop}" if crop else "whole")


def _mapped(path) -> Tensor:
    # Copy on write: torch wants memory that may be written, and the file must never change.
    return torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False))
