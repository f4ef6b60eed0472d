"""Images as a few numbers: their principal components, for networks that are too small to make every pixel."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.errors import GanlabError


class Components(nn.Module):
    """The first principal components of a set of images, divided by one number, so that distances keep their ratios.

        c = V (x - mean) / scale,   x ~ mean + scale V^T c

    Rows of V are orthonormal, and `scale` is such that the mean of c_i^2 over images and components is 1.

    Args:
        images: a set of n > count images as vectors, `(n, pixels)`.
        count: how many components.
    """

    def __init__(self, images: Float[Tensor, "n pixels"], count: int):
        super().__init__()
        if not 0 < count < min(images.shape):
            raise GanlabError(
                f"count is {count} for {images.shape[0]} images of {images.shape[1]} pixels; give 1 to "
                f"{min(images.shape) - 1}."
            )
        mean = images.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov(images.T, correction=0))
        self.register_buffer("mean", mean)
        self.register_buffer("basis", vectors[:, -count:].flip(1).T.contiguous())
        self.register_buffer("scale", values[-count:].clamp(min=0).mean().sqrt())
        self.register_buffer("kept", values[-count:].sum() / values.sum())

    @classmethod
    def empty(cls, pixels: int, count: int) -> Components:
        """One to load a state into."""
        return cls(torch.eye(max(pixels, count + 1) + 1, pixels), count)

    def forward(self, images: Float[Tensor, "*batch pixels"]) -> Float[Tensor, "*batch count"]:
        """Images to components."""
        return (images - self.mean) @ self.basis.T / self.scale

    def images(self, components: Float[Tensor, "*batch count"]) -> Float[Tensor, "*batch pixels"]:
        """Components to images, clipped to [-1, 1]."""
        return (components * self.scale @ self.basis + self.mean).clamp(-1, 1)
