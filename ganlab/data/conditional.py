"""Data with a condition that leaves several answers open, and all the true answers.

`interlaced` is the 2D toy: classes with several modes each. `line_drawings` are toy faces whose drawing leaves only
colour open: eight answers each, with known probabilities. `two_sizes` is for generators of two stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn.functional import one_hot

from ganlab.data.images import resize, to_unit
from ganlab.data.mixtures import GaussianMixture, MixtureBatches, ring
from ganlab.data.toyfaces.attributes import ATTRIBUTES, COLOUR_ATTRIBUTES, draw_attributes, sharing
from ganlab.data.toyfaces.painter import FACTORS, draw_factors, render
from ganlab.errors import GanlabError
from ganlab.seeds import Streams

# Classes in the plane -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LabelledMixture:
    """A mixture whose modes belong to classes: `class_of[k]` is the class of mode k.

    >>> interlaced(classes=2, modes=3).class_of
    tensor([0, 1, 0, 1, 0, 1])
    """

    mixture: GaussianMixture
    class_of: Int[Tensor, " modes"]

    @property
    def classes(self) -> int:
        return int(self.class_of.max()) + 1

    def of_class(self, label: int) -> Int[Tensor, " own"]:
        """The modes of one class."""
        return (self.class_of == label).nonzero().flatten()

    def sample(
        self, n: int, rng: Streams | int | None = None
    ) -> tuple[Float[Tensor, "*seeds n dim"], Float[Tensor, "*seeds n classes"]]:
        """n points and their classes, one-hot."""
        points, modes = self.mixture.sample_with_modes(n, rng)
        return points, one_hot(self.class_of[modes], self.classes).to(points)

    def conditions(self, each: int, *seeds: int) -> Float[Tensor, "*seeds n classes"]:
        """One-hot labels, `each` of every class, class by class: what a generator is asked for when it is measured."""
        rows = torch.eye(self.classes).repeat_interleave(each, 0)
        return rows.expand(*seeds, *rows.shape)

    def batches(self, batch: int, seeds: int | Sequence[int]) -> MixtureBatches:
        """An endless iterator over fresh pairs (points, one-hot labels)."""
        return MixtureBatches(self, batch, Streams(seeds, "data"))


def interlaced(classes: int = 4, modes: int = 6, radius: float = 2.0, sigma: float = 0.05) -> LabelledMixture:
    """A ring of `classes * modes` Gaussians, dealt out in turn: each class has `modes` modes all round the ring."""
    if classes < 1 or modes < 1:
        raise GanlabError(f"There are {classes} classes of {modes} modes; give at least one of each.")
    return LabelledMixture(ring(classes * modes, radius, sigma), torch.arange(classes * modes) % classes)


# Line drawings ------------------------------------------------------------------------------------------------

#: Factors that change colour alone. All faces of a set of drawings have them at 1/2.
COLOUR_FACTORS = (
    "iris_hue", "skin", "warmth", "blush", "light_side", "light_strength", "hair_shade", "glasses_colour", "shirt_hue",
    "shirt_shade", "background_hue", "background_shade", "background_angle",
)  # fmt: skip


@dataclass(frozen=True)
class LineDrawings:
    """Line drawings of toy faces with hair and without a hat, and one coloured face for each.

    Nothing but `COLOUR_ATTRIBUTES` (four hair colours, pale skin or not) distinguishes the faces that share a drawing:
    each has exactly eight true answers.

    Attributes:
        drawings: shape `(n, 1, size, size)`. faces: shape `(n, 3, size, size)`. Both 0 to 255.
        attributes, factors: as in `FaceSet`.
    """

    drawings: UInt8[Tensor, "n 1 size size"]
    faces: UInt8[Tensor, "n 3 size size"]
    attributes: Bool[Tensor, "n attributes"]
    factors: Float[Tensor, "n factors"]

    def __len__(self) -> int:
        return len(self.faces)

    def answers(self, index: int) -> tuple[UInt8[Tensor, "8 3 size size"], Float[Tensor, " 8"]]:
        """All true answers to drawing `index`, and the probability of each given the drawing."""
        rows, p = sharing(self.attributes[index], COLOUR_ATTRIBUTES)
        return render(rows, self.factors[index].expand(len(rows), -1), self.faces.shape[-1]), p


def line_drawings(n: int, size: int = 32, seed: int = 0) -> LineDrawings:
    """n drawings with a face each; face i of a seed is the same for every n."""
    if n < 1:
        raise GanlabError(f"n is {n}; ask for at least one drawing.")
    drawn = 2 * n + 64  # 84 % of all faces have hair and no hat
    attributes, factors = draw_attributes(drawn, seed), draw_factors(drawn, seed)
    bare = attributes[:, ATTRIBUTES.index("Bald")] | attributes[:, ATTRIBUTES.index("Wearing_Hat")]
    kept = (~bare).nonzero().flatten()[:n]
    attributes, factors = attributes[kept], factors[kept]
    factors[:, [FACTORS.index(name) for name in COLOUR_FACTORS]] = 0.5
    ink, painted = (render(attributes, factors, size, ink=ink) for ink in (True, False))
    return LineDrawings(ink, painted, attributes, factors)


# Two stages ---------------------------------------------------------------------------------------------------


def two_sizes(images: UInt8[Tensor, "n channels size size"]) -> Float[Tensor, "n both"]:
    """Each image at half its size and at its own, in [-1, 1], as one vector: what a network of two stages paints."""
    size = images.shape[-1]
    return torch.cat([to_unit(resize(images, s)).flatten(1) for s in (size // 2, size)], 1)
