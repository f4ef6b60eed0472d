"""PacGAN (Lin, Khetan, Fanti, Oh, NeurIPS 2018, arXiv:1712.04086): the discriminator sees m samples at once.

The reference from outside: none of the course's five methods, but the one whose 2D protocol the field reports. A
discriminator that judges packs sees that m fakes are alike where m reals are not, so collapse costs the generator.
Players, losses and steps are the plain GAN's; only what the discriminator takes in is another.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from ganlab.errors import GanlabError


def pack(samples: Float[Tensor, "*seeds n dim"], size: int) -> Float[Tensor, "*seeds packs pack_dim"]:
    """Samples in packs of `size`, side by side: rows 0 to size-1 are the first pack, of `size * dim` numbers.

    Raises:
        GanlabError: `size` does not divide the number of samples.
    """
    n = samples.shape[-2]
    if size < 1 or n % size:
        raise GanlabError(f"{n} samples cannot be packed by {size}; choose a batch that the pack size divides.")
    return samples.unflatten(-2, (n // size, size)).flatten(-2)


class Packing(nn.Module):
    """A discriminator that packs what it is given, so that `GAN(generator, Packing(discriminator, 2), ...)` is PacGAN2.

    Args:
        discriminator: packs `(*seeds, packs, size * dim)` to logits `(*seeds, packs)`.
        size: samples in a pack (m in the paper, which uses 2 to 4).

    A batch of n samples is n / size packs. Departure: the public code keeps the number of packs and draws `size` times
    as many samples; here a step costs what the plain GAN's does.

    >>> judge = Packing(MLP([4, 16, 1], rng=0, scalar=True), 2)
    >>> judge(torch.zeros(6, 2)).shape
    torch.Size([3])
    """

    def __init__(self, discriminator: nn.Module, size: int = 2):
        super().__init__()
        self.discriminator, self.size = discriminator, size

    def forward(self, samples: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds packs"]:
        return self.discriminator(pack(samples, self.size))
