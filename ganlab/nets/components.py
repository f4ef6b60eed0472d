"""Images as a few numbers: their principal components, for networks that are too small to make every pixel."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.errors import GanlabError


class Components(nn.Module):
    """The first principal components of a set of images, the large ones made smaller.

        c_i = v_i (x - mean) / scale_i,   x ~ mean + sum_i c_i scale_i v_i,   scale_i = sqrt(s_i s)

    The rows v_i are orthonormal, s_i is the standard deviation along v_i, and s^2 the mean of the s_i^2. So the
    standard deviation of c_i is sqrt(s_i / s): between pixels' distances (s_i / s), where details are lost, and
    whitened components (1), where noise counts as much as shape.

    `Components.of(images, count)` finds them; `Components(pixels, count)` is one to load a state into.
    """

    def __init__(self, pixels: int, count: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(pixels))
        self.register_buffer("basis", torch.zeros(count, pixels))
        self.register_buffer("scale", torch.ones(count))
        self.register_buffer("kept", torch.zeros(()))  # share of the variance

    @classmethod
    def of(cls, images: Float[Tensor, "n pixels"], count: int) -> Components:
        """The components of a set of n > count images as vectors.

        Raises:
            GanlabError: as many components as images or pixels, or none.
        """
        if not 0 < count < min(images.shape):
            raise GanlabError(
                f"count is {count} for {images.shape[0]} images of {images.shape[1]} pixels; give 1 to "
                f"{min(images.shape) - 1}."
            )
        values, vectors = torch.linalg.eigh(torch.cov(images.T, correction=0))
        values, vectors = values.flip(0), vectors.flip(1)
        spread = values[:count].clamp(min=1e-12 * values[0]).sqrt()
        space = cls(images.shape[1], count)
        space.mean, space.basis = images.mean(0), vectors[:, :count].T.contiguous()
        space.scale = (spread * spread.square().mean().sqrt()).sqrt()
        space.kept = values[:count].sum() / values.sum()
        return space

    def forward(self, images: Float[Tensor, "*batch pixels"]) -> Float[Tensor, "*batch count"]:
        """Images to components."""
        return (images - self.mean) @ self.basis.T / self.scale

    def images(self, components: Float[Tensor, "*batch count"]) -> Float[Tensor, "*batch pixels"]:
        """Components to images, clipped to [-1, 1]."""
        return ((components * self.scale) @ self.basis + self.mean).clamp(-1, 1)
