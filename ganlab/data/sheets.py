"""Contact sheets: many images of a data set on one page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from ganlab.data import counter
from ganlab.data.images import contact_sheet, png_of, resize
from ganlab.errors import GanlabError
from ganlab.files import write_atomically


def _some(images: Tensor, count: int, seed: int) -> Tensor:
    return images[torch.from_numpy(counter.permutation(seed, 0, len(images))[:count])]


def _makers() -> dict[str, Callable[[int, int, int], Tensor]]:
    """Name to a function of (count, size or 0, seed) that gives images."""
    from ganlab.data import real, stacking
    from ganlab.data.toyfaces import drawings, faces

    composition = stacking.Composition(stacking.DIGIT_PROBABILITIES["halving"])
    return {
        "digits": lambda n, size, seed: _some(real.digits().images, n, seed),
        "fashion": lambda n, size, seed: _some(real.fashion(full=False).images, n, seed),
        "mnist": lambda n, size, seed: _some(real.mnist().images, n, seed),
        "cifar10": lambda n, size, seed: _some(real.cifar10().images, n, seed),
        "stacked-digits": lambda n, size, seed: stacking.stacked(real.digits(), n, seed).images,
        "stacked-fashion": lambda n, size, seed: stacking.stacked(real.fashion(full=False), n, seed).images,
        "compositional-digits": lambda n, size, seed: (
            stacking.compositional(real.digits(size=14), n, seed, composition).images
        ),
        "faces": lambda n, size, seed: faces(n, size or 64, seed).images,
        "drawings": lambda n, size, seed: drawings(faces(n, size or 64, seed)),
    }


def sheet(name: str, count: int = 64, size: int = 0, scale: int = 2, seed: int = 0) -> UInt8[Tensor, "3 height width"]:
    """A contact sheet of `count` images of a data set or an import, chosen by `seed`."""
    from ganlab.data.photos import imported

    makers = _makers()
    if name in makers:
        images = makers[name](count, size, seed)
    else:
        from ganlab.data import store

        if name not in store.imported_manifests():
            raise GanlabError(f"There is no data set {name!r} to show; there are {', '.join(makers)} and your imports.")
        images = _some(imported(name).images, count, seed)
    if size:
        images = resize(images, size)
    return contact_sheet(images, scale=scale).expand(3, -1, -1)


def write_sheet(name: str, out: Path, *, count: int = 64, size: int = 0, scale: int = 2, seed: int = 0) -> str:
    """Write a contact sheet as a PNG file and say what is on it, in words fit for an alt text."""
    write_atomically(out, png_of(sheet(name, count, size, scale, seed)))
    return f"{out}: {count} images of {name}, chosen by seed {seed}"
