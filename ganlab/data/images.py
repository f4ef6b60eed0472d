"""Images as the course keeps them: `uint8` in memory or mapped from the disk, turned to floats in the training step."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from ganlab.data.counter import permutation
from ganlab.devices import lies_on
from ganlab.errors import GanlabError


@dataclass(frozen=True)
class ImageSet:
    """Images with one class label each.

    Attributes:
        images: shape `(n, channels, height, width)`, values 0 to 255.
        labels: the class of each image, in `range(len(names))`.
        names: what each class is called.
        name, source, licence: what it is, where it came from, and on what terms.
    """

    images: UInt8[Tensor, "n channels height width"]
    labels: Int[Tensor, " n"]
    names: tuple[str, ...]
    name: str
    source: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise GanlabError(
                f"An image set needs uint8 images of shape (n, channels, height, width); "
                f"got {self.images.dtype} of shape {tuple(self.images.shape)}."
            )
        if len(self.labels) != len(self.images):
            raise GanlabError(f"There are {len(self.images)} images and {len(self.labels)} labels; give one each.")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        _, channels, height, width = self.images.shape
        return f"{self.name}: {len(self):,} images {channels}x{height}x{width}, {len(self.names):,} classes"

    def take(self, index: Tensor) -> ImageSet:
        """The images at `index` (integers or a mask) with their labels."""
        return replace(self, images=self.images[index], labels=self.labels[index])

    def to(self, device: str | torch.device) -> ImageSet:
        """The set with its images and labels on a device."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def resized(self, size: int) -> ImageSet:
        """The same images at `size` x `size` pixels."""
        return replace(self, images=resize(self.images, size))


def to_unit(images: UInt8[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """0..255 to [-1, 1]: `x / 127.5 - 1`, on the device where the images are."""
    return images.to(torch.float32, copy=True).div_(127.5).sub_(1)


def to_uint8(images: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """[-1, 1] to 0..255, rounded to the nearest and clipped: the inverse of `to_unit`."""
    return images.detach().to(torch.float32).add(1).mul(127.5).round_().clamp_(0, 255).to(torch.uint8)


def resize(images: UInt8[Tensor, "n channels height width"], size: int) -> UInt8[Tensor, "n channels size size"]:
    """Bilinear, antialiased when shrinking."""
    if size < 1:
        raise GanlabError(f"size is {size}; give a number of pixels of at least 1.")
    if images.shape[-2:] == (size, size):
        return images
    parts = [
        F.interpolate(part.float(), (size, size), mode="bilinear", antialias=True, align_corners=False)
        .round_()
        .clamp_(0, 255)
        .to(torch.uint8)
        for part in images.split(4096)
    ]
    return torch.cat(parts)


class Batches:
    """Batches of a fixed set, for ever, in an order that depends on `(seed, epoch)` alone.

    An epoch visits every item once, in a fresh order; a batch may reach over the end of one epoch into the next, so
    every batch has the same size and none is dropped. The state is one number, the count of batches given, so a resumed
    run sees exactly the batches that an unbroken one would have seen.

    >>> first, second = Batches(torch.arange(10), 4, seed=0), Batches(torch.arange(10), 4, seed=0)
    >>> _ = next(first), next(first)
    >>> second.load_state_dict(first.state_dict())
    >>> bool((next(first) == next(second)).all())
    True
    """

    def __init__(
        self,
        items: Tensor,
        batch: int,
        seed: int = 0,
        labels: Tensor | None = None,
        device: str | torch.device | None = None,
        floats: bool = False,
    ):
        if not len(items):
            raise GanlabError("There are no images to make batches of; the set is empty.")
        if batch < 1:
            raise GanlabError(f"batch is {batch}; give at least 1.")
        if labels is not None and len(labels) != len(items):
            raise GanlabError(f"There are {len(items)} images and {len(labels)} labels; give one label each.")
        self.items, self.labels, self.batch, self.seed = items, labels, batch, seed
        self.device = None if device is None else torch.device(device)
        self.floats = floats
        self.given = 0
        self._order = (-1, torch.empty(0, dtype=torch.int64))

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor | tuple[Tensor, Tensor]:
        index = self.index(self.given)
        self.given += 1
        chosen = self._fetch(self.items, index)
        chosen = to_unit(chosen) if self.floats else chosen
        return chosen if self.labels is None else (chosen, self._fetch(self.labels, index))

    def _fetch(self, items: Tensor, index: Tensor) -> Tensor:
        chosen = items.index_select(0, index.to(items.device))  # on a CPU twice as fast as items[index]
        if self.device is None or lies_on(chosen.device, self.device):
            return chosen
        if self.device.type == "cuda" and chosen.device.type == "cpu":
            # Pinned memory lets the copy overlap with what the GPU is doing.
            return chosen.pin_memory().to(self.device, non_blocking=True)
        return chosen.to(self.device)

    def index(self, step: int) -> Int[Tensor, " batch"]:
        """Which items batch number `step` holds."""
        position, end, parts = step * self.batch, (step + 1) * self.batch, []
        while position < end:
            epoch, offset = divmod(position, len(self.items))
            parts.append(self._permutation(epoch)[offset : offset + end - position])
            position += len(parts[-1])
        return torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        if self._order[0] != epoch:
            self._order = (epoch, torch.from_numpy(permutation(self.seed, epoch, len(self.items))))
        return self._order[1]

    def state_dict(self) -> dict:
        return {"given": self.given, "seed": self.seed, "batch": self.batch, "items": len(self.items)}

    def load_state_dict(self, state: dict) -> None:
        for name, mine in (("seed", self.seed), ("batch", self.batch), ("items", len(self.items))):
            if state[name] != mine:
                raise GanlabError(
                    f"The saved data order has {name} {state[name]} and this run has {mine}; "
                    "resume with the data and the parameters that the run was started with."
                )
        self.given = int(state["given"])


def batches(
    images: ImageSet | Tensor,
    batch: int,
    seed: int = 0,
    *,
    labels: bool | Tensor = False,
    device: str | torch.device | None = None,
    floats: bool = False,
) -> Batches:
    """An endless iterator of batches, as `train` takes it: images travel as `uint8` and become floats on arrival.

    Args:
        images: an image set, or any tensor whose first axis counts the items; it may be mapped from the disk.
        batch: how many items in each batch; every batch has exactly that many.
        seed: the order of epoch e is a fixed function of `(seed, e)`.
        labels: `True` gives pairs `(images, labels)` of an image set; a tensor gives its rows.
        device: batches are put there. Move the whole set there first (`images.to(device)`) when it fits: that is
            fastest, and it needs no `device` here.
        floats: give `to_unit` of each batch, floats in [-1, 1], which is what a method's `step` takes.
    """
    tensor = images if isinstance(images, Tensor) else images.images
    chosen = labels if isinstance(labels, Tensor) else images.labels if labels else None
    return Batches(tensor, batch, seed, chosen, device, floats)


def contact_sheet(
    images: UInt8[Tensor, "n channels height width"], columns: int = 0, gap: int = 2, scale: int = 1
) -> UInt8[Tensor, "channels sheet_height sheet_width"]:
    """The images side by side in rows, as one `uint8` image; `scale` repeats each pixel."""
    n, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    images = images.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    height, width = height * scale, width * scale
    sheet = torch.full((channels, rows * (height + gap) + gap, columns * (width + gap) + gap), 255, dtype=torch.uint8)
    for i, image in enumerate(images):
        top, left = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    return sheet


def png_of(sheet: UInt8[Tensor, "channels height width"]) -> bytes:
    """One image, of 1 or 3 channels, as a PNG file."""
    from PIL import Image

    picture, buffer = sheet.permute(1, 2, 0).contiguous().numpy(), io.BytesIO()
    Image.fromarray(picture if len(sheet) > 1 else picture[..., 0]).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
