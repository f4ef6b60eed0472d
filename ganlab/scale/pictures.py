"""The images that a run at scale learns from, whatever their source."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from ganlab.data.images import Batches
from ganlab.data.photos import celeba, imported
from ganlab.data.toyfaces import faces
from ganlab.errors import GanlabError

HELD_OUT = 1  # the seed of the toy faces that nobody trains on; training faces have 0
ONE_IN = 10  # images of an import without a split are held out


@dataclass(frozen=True)
class Pictures:
    """Images as bytes, `(n, 3, size, size)`, with their attributes where they are known."""

    images: UInt8[Tensor, "n 3 size size"]
    attributes: Bool[Tensor, "n attributes"] | None
    names: tuple[str, ...]
    name: str

    def __len__(self) -> int:
        return len(self.images)

    def column(self, name: str) -> Bool[Tensor, " n"]:
        """One attribute of every image.

        Raises:
            GanlabError: the data have no such attribute.
        """
        if self.attributes is None or name not in self.names:
            raise GanlabError(f"{self.name} has no attribute {name!r}; it has {', '.join(self.names) or 'none'}.")
        return self.attributes[:, self.names.index(name)]

    def conditions(self, names: list[str]) -> Tensor:
        """Some attributes as 0.0 and 1.0, `(n, len(names))`."""
        return torch.stack([self.column(name) for name in names], 1).float()


def training(s: SimpleNamespace) -> Pictures:
    """What the settings train on; of an import without a split, nine images of ten."""
    if s.data == "faces":
        return _of(faces(s.count, s.size, seed=0))
    if s.data == "celeba":
        return _checked(celeba(s.size, s.crop or None, "train"), s)
    found = imported(s.data)
    rows = torch.arange(len(found))
    return _checked(found.take(rows[(rows + 1) % ONE_IN != 0]), s)


def held_out(s: SimpleNamespace, n: int) -> Pictures:
    """At most n images that were not trained on; of an import without a split, every tenth is such.

    Raises:
        GanlabError: an import of fewer than ten images.
    """
    if s.data == "faces":
        return _of(faces(n, s.size, seed=HELD_OUT))
    if s.data == "celeba":
        return _checked(celeba(s.size, s.crop or None, "test").take(slice(0, n)), s)
    found = imported(s.data).take(slice(ONE_IN - 1, None, ONE_IN))
    if not len(found):
        raise GanlabError(f"{s.data} has fewer than {ONE_IN} images, so that none can be held out; import more.")
    return _checked(found.take(slice(0, n)), s)


def batches(data: Pictures, s: SimpleNamespace, device: torch.device) -> Batches:
    """Endless batches of vectors in [-1, 1], with conditions where the method takes them.

    With `resident` all images lie on the device, as bytes, and a batch never leaves it.
    """
    conditions = data.conditions(s.conditions).to(device) if s.method == "msgan" else None
    images = data.images.flatten(1)
    if s.resident:
        images = images.to(device)
    return Batches(images, s.batch, s.seed, conditions, device, floats=True)


def _of(found) -> Pictures:
    return Pictures(found.images, found.attributes, tuple(found.names), found.name)


def _checked(found, s: SimpleNamespace) -> Pictures:
    size = found.images.shape[-1]
    if size != s.size:
        raise GanlabError(f"{found.name} has images of {size} pixels and size is {s.size}; set size: {size}.")
    return _of(found)
