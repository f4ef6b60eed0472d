"""The inversion network of NEMGAN: from a sample to the latent that made it, and from there to the latent's mode."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.nets.mlp import Linear
from ganlab.seeds import Streams


class InversionNetwork(nn.Module):
    """h = h2 after h1, with two heads: z_found = h1(x) and mode_logits = h2(z_found).

    Args:
        body: h1, samples to latents.
        head: h2, latents to the logits of the modes: a linear layer, or a `CosineHead`.
    """

    def __init__(self, body: nn.Module, head: nn.Module):
        super().__init__()
        self.body, self.head = body, head

    def forward(
        self, x: Float[Tensor, "*seeds n dim"]
    ) -> tuple[Float[Tensor, "*seeds n latent"], Float[Tensor, "*seeds n modes"]]:
        z_found = self.body(x)
        return z_found, self.head(z_found)


class CosineHead(nn.Module):
    """Logits scale * cos(z, w_k), the head of AM-softmax (Wang et al., arXiv:1801.05599); the margin is the loss's.

    Departure: the published NEMGAN divides the weights by the norm of the whole matrix, so its "cosines" are none.
    """

    def __init__(self, latent: int, modes: int, rng: Streams, scale: float = 30.0):
        super().__init__()
        self.weight = Linear(latent, modes, rng).weight
        self.scale = scale

    def forward(self, z: Float[Tensor, "*seeds n latent"]) -> Float[Tensor, "*seeds n modes"]:
        return self.scale * F.normalize(z, dim=-1) @ F.normalize(self.weight, dim=-2)
