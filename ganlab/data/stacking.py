"""A thousand modes from ten classes: three small images in one.

- `stacked`: the three are the colour channels of one image. With MNIST digits this is Stacked MNIST.
- `compositional`: the three stand beside each other in one grey image, with unequal class probabilities and numbers
  that are held out. This is the form of Mode Regularized GAN (Che et al. 2017, section 4.1.2 of arXiv v1).

The mode of an image is the number 100 a + 10 b + c that its three classes spell. The two forms are different data sets:
counts of modes from one do not belong in a table with counts from the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from ganlab.data.classifiers import classify
from ganlab.data.counter import uniform
from ganlab.data.images import ImageSet, to_unit
from ganlab.errors import GanlabError
from ganlab.seeds import Streams, as_streams

MODES = 1000
NUMBERS = tuple(f"{number:03d}" for number in range(MODES))

#: Unequal probabilities for the digits 0 to 9. The paper had four such sets and its arXiv v1 does not print them;
#: these are ours: even, falling in a line, halving over every three digits, and two rare digits.
DIGIT_PROBABILITIES = {
    "even": tuple([0.1] * 10),
    "line": tuple((10 - k) / 55 for k in range(10)),
    "halving": tuple(2 ** (-k / 3) / sum(2 ** (-j / 3) for j in range(10)) for k in range(10)),
    "two rare": tuple(0.01 if k in (3, 7) else 0.1225 for k in range(10)),
}


def stacked(base: ImageSet, n: int, rng: Streams | int | None = None) -> ImageSet:
    """`n` fresh stacks: three independent images of `base`, drawn with replacement, as red, green and blue.

    Args:
        base: grey images of ten classes (`digits()`, `fashion()`, `mnist()`).
        n: how many.
        rng: one seed's random numbers.

    Returns:
        images `(n, 3, height, width)` and their modes in 0..999.
    """
    index = _draw(base, n, rng, "stacked")
    return _named(base, base.images[index, 0], _number(base.labels[index]), f"stacked {base.name}")


class StackBatches:
    """Batches of fresh stacks as vectors `(batch, 3 * height * width)` in [-1, 1], for ever, as `train` takes them.

    No stack is kept: batch number i is a fixed function of `(seed, i)`, so the state is the count of batches given.

    >>> from ganlab.data import digits
    >>> next(StackBatches(digits(), 64)).shape
    torch.Size([64, 192])
    """

    def __init__(self, base: ImageSet, batch: int, seed: int = 0):
        _check_base(base)
        if batch < 1:
            raise GanlabError(f"batch is {batch}; give at least 1.")
        self.images, self.batch, self.seed, self.given = to_unit(base.images).flatten(1), batch, seed, 0

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Float[Tensor, "batch dim"]:
        chosen = uniform(self.seed, self.given, np.arange(3 * self.batch)) * len(self.images)
        self.given += 1
        return self.images[torch.from_numpy(chosen.astype(np.int64))].view(self.batch, -1)

    def state_dict(self) -> dict:
        return {"given": self.given, "seed": self.seed, "batch": self.batch}

    def load_state_dict(self, state: dict) -> None:
        for name in ("seed", "batch"):
            if state[name] != getattr(self, name):
                raise GanlabError(
                    f"The saved data order has {name} {state[name]} and this run has {getattr(self, name)}; "
                    "resume with the parameters that the run was started with."
                )
        self.given = int(state["given"])


def stacked_probabilities(base: ImageSet) -> Float[Tensor, 1000]:
    """The exact probability of each mode of `stacked(base, ...)`, `float64`: not quite 1/1000 if classes are uneven."""
    share = base.labels.bincount(minlength=10).double() / len(base)
    return _products(share)


def read_stacks(images: Tensor, judge: str) -> Int[Tensor, " n"]:
    """The mode that the classifier `judge` ("digits" or "fashion") sees in each stack, one channel at a time.

    `images` are `uint8` or floats in [-1, 1], shape `(n, 3, height, width)`.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise GanlabError(f"Stacks have shape (n, 3, height, width); got {tuple(images.shape)}.")
    return _number(classify(judge, images.flatten(0, 1)[:, None]).view(-1, 3))


@dataclass(frozen=True)
class Composition:
    """How compositional images are drawn: exact, so the true probability of every number is known.

    Attributes:
        digit_probabilities: of the ten classes, the same at each of the three places.
        held_out: numbers in 0..999 that are never drawn; the others keep their proportions.
    """

    digit_probabilities: tuple[float, ...] = DIGIT_PROBABILITIES["even"]
    held_out: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        p = torch.tensor(self.digit_probabilities, dtype=torch.float64)
        if len(p) != 10 or (p < 0).any() or abs(p.sum().item() - 1) > 1e-6:
            raise GanlabError(
                f"digit_probabilities are {self.digit_probabilities}; give ten numbers of at least 0 that sum to 1."
            )
        if any(not 0 <= number < MODES for number in self.held_out):
            raise GanlabError(f"held_out is {self.held_out}; give numbers from 0 to 999.")
        if not self.probabilities().isfinite().all():
            raise GanlabError("Every number that these digits can spell is held out; hold out fewer.")

    def probabilities(self) -> Float[Tensor, 1000]:
        """The exact probability of each number, `float64`, 0 for those held out."""
        p = _products(torch.tensor(self.digit_probabilities, dtype=torch.float64))
        p[list(self.held_out)] = 0
        return p / p.sum()


def compositional(
    base: ImageSet, n: int, rng: Streams | int | None = None, composition: Composition | None = None
) -> ImageSet:
    """`n` grey images, each a number: hundreds in the top left quarter, tens top right, units bottom left.

    Each digit has a black margin of a sixteenth of its side (`margin`): 28x28 digits make 64x64 images as in the paper,
    14x14 digits make 32x32 ones. The places are ours; the paper says only that three digits are put together.

    Args:
        base: grey images of ten classes on black.
        n: how many.
        rng: one seed's random numbers.
        composition: which numbers, how often; all equally when not given.
    """
    composition = composition or Composition()
    rng = _single(rng, "compositional")
    edges = composition.probabilities().cumsum(0)
    numbers = torch.searchsorted(edges, rng.uniform(n).cpu().double() * edges[-1], right=True).clamp(max=MODES - 1)
    digits = torch.stack([numbers // 100, numbers // 10 % 10, numbers % 10], 1)
    counts = base.labels.bincount(minlength=10)
    if (counts[digits.unique()] == 0).any():
        raise GanlabError(f"{base.name} lacks images of a class that is to be drawn; its counts are {counts.tolist()}.")
    order = base.labels.argsort(stable=True)  # images of class k are order[first[k] : first[k] + counts[k]]
    first = counts.cumsum(0) - counts
    place = (rng.uniform(n, 3).cpu() * counts[digits]).long().minimum(counts[digits] - 1)
    parts = base.images[order[first[digits] + place], 0]
    parts = F.pad(parts, (margin(parts.shape[-1]),) * 4)
    empty = torch.zeros_like(parts[:, 0])
    rows = [torch.cat(pair, -1) for pair in ((parts[:, 0], parts[:, 1]), (parts[:, 2], empty))]
    return _named(base, torch.cat(rows, -2)[:, None], numbers, f"compositional {base.name}")


def margin(side: int) -> int:
    """Black pixels around each digit of a compositional image: a sixteenth of its side, rounded up."""
    return -(-side // 16)


def read_compositions(images: Tensor, judge: str) -> Int[Tensor, " n"]:
    """The number that the classifier `judge` reads in each compositional image, quarter by quarter."""
    if images.ndim != 4 or images.shape[1] != 1 or images.shape[-1] % 2 or images.shape[-2] != images.shape[-1]:
        raise GanlabError(f"Compositional images have shape (n, 1, side, side), side even; got {tuple(images.shape)}.")
    half = images.shape[-1] // 2
    edge = -(-half // 18)  # margin(side) of a digit that fills the quarter with its margins
    near, far = slice(edge, half - edge), slice(half + edge, 2 * half - edge)
    quarters = [images[..., near, near], images[..., near, far], images[..., far, near]]
    return _number(torch.stack([classify(judge, quarter) for quarter in quarters], 1))


def confident_share(images: Tensor, judge: str, least: float = 0.9) -> float:
    """The share of stacks whose three channels the judge reads with at least this probability each.

    Counting only confident readings changes a count of modes altogether, so this stands beside the count, not in it.
    """
    from ganlab.data.classifiers import logits

    channels = images.flatten(0, 1)[:, None]
    sure = logits(judge, channels).softmax(1).amax(1).view(len(images), -1) >= least
    return sure.all(1).double().mean().item()


def _number(digits: Int[Tensor, "n 3"]) -> Int[Tensor, " n"]:
    return digits[:, 0] * 100 + digits[:, 1] * 10 + digits[:, 2]


def _products(p: Float[Tensor, 10]) -> Float[Tensor, 1000]:
    return (p[:, None, None] * p[:, None] * p).flatten()


def _single(rng: Streams | int | None, purpose: str) -> Streams:
    rng = as_streams(rng, purpose)
    if not rng.single:
        raise GanlabError(f"Images have no seeds axis; give one seed, not {len(rng.seeds)}.")
    return rng


def _draw(base: ImageSet, n: int, rng: Streams | int | None, purpose: str) -> Int[Tensor, "n 3"]:
    _check_base(base)
    return _single(rng, purpose).integers(len(base), n, 3).cpu()


def _check_base(base: ImageSet) -> None:
    if base.images.shape[1] != 1 or len(base.names) != 10:
        raise GanlabError(f"Stacks are made of grey images of ten classes; {base!r} is not.")


def _named(base: ImageSet, images: UInt8[Tensor, "n c h w"], labels: Tensor, name: str) -> ImageSet:
    return ImageSet(images, labels, NUMBERS, name, base.source, base.licence)
