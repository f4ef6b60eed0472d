"""Coverage where all true answers to a condition are known: which answer is this image, and how well is it made?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from ganlab.errors import GanlabError
from ganlab.metrics.modes import mass_in_place


@dataclass(frozen=True)
class Reading:
    """What `read_answers` saw; all of shape `(conditions, draws)`.

    Attributes:
        nearest: the answer that the image is nearest to.
        certain: nearer than half the way from that answer to the next one, so that no other can be meant.
        blemish: mean absolute difference to what the answers can be mixed to; same unit as the images.
    """

    nearest: Int[Tensor, "conditions draws"]
    certain: Bool[Tensor, "conditions draws"]
    blemish: Float[Tensor, "conditions draws"]

    def counts(self, answers: int) -> Int[Tensor, "conditions answers"]:
        """How often each answer was given, beyond doubt."""
        return (one_hot(self.nearest, answers) * self.certain.unsqueeze(-1)).sum(1)

    def found(self, answers: int) -> Float[Tensor, " conditions"]:
        """How many answers to each condition were given at least once, beyond doubt."""
        return (self.counts(answers) > 0).double().sum(-1)

    def in_place(self, probability: Float[Tensor, "conditions answers"]) -> Float[Tensor, " conditions"]:
        """sum over k of min(p_k, share of all draws that are answer k beyond doubt), for each condition."""
        return mass_in_place(self.counts(probability.shape[-1]), self.nearest.shape[1], probability)


def read_answers(
    images: Float[Tensor, "conditions draws pixels"], answers: Float[Tensor, "conditions answers pixels"]
) -> Reading:
    """Split each image's difference to the answers in two: what tells the answers apart, and the rest.

    The differences of K answers span K - 1 directions. Along these the image is compared with the answers (`nearest`,
    `certain`): noise and blemishes anywhere else in the picture do not blur that. What is left over is the blemish.
    Read both: an image of nothing but noise may by chance be near an answer along a few directions.

    Raises:
        GanlabError: fewer than two answers, or shapes that do not fit.
    """
    if images.ndim != 3 or answers.ndim != 3 or images[:, 0].shape != answers[:, 0].shape or answers.shape[1] < 2:
        raise GanlabError(
            f"Images of shape {tuple(images.shape)} and answers of shape {tuple(answers.shape)} do not fit; give "
            "(conditions, draws, pixels) and (conditions, answers, pixels) with at least 2 answers."
        )
    centre = answers.mean(1, keepdim=True)
    directions = torch.linalg.svd(answers - centre, full_matrices=False).Vh[:, : answers.shape[1] - 1]
    off = images - centre
    seen, places = off @ directions.mT, (answers - centre) @ directions.mT
    distance, nearest = torch.cdist(seen, places).min(-1)
    apart = torch.cdist(places, places)
    apart.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    certain = distance < apart.min(-1).values.gather(1, nearest) / 2
    return Reading(nearest, certain, (off - seen @ directions).abs().mean(-1))
