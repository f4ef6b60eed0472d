"""Random numbers that belong to a seed, not to a program.

`Streams` holds one `torch.Generator` for each seed. Ten seeds trained side by side draw exactly the numbers
that each of them would draw alone, so a run does not depend on its neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor

from ganlab.errors import GanlabError


def derive_seed(seed: int, purpose: str) -> int:
    """A 63-bit seed for one purpose: weights, data and latents of seed 0 share no numbers, nor do seeds 0 and 1."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Streams:
    """Random streams for one seed, or for many seeds side by side.

    With one seed (an `int`) a draw of `normal(256, 2)` has shape `(256, 2)`. With a list of S seeds it has shape
    `(S, 256, 2)`: the *seeds axis*, which every 2D network, loss and metric of the course accepts in front.

    >>> alone, together = Streams(1, "demo"), Streams([0, 1, 2], "demo")
    >>> bool((alone.normal(4, 2) == together.normal(4, 2)[1]).all())
    True
    """

    def __init__(self, seeds: int | Sequence[int], purpose: str = "", device: str | torch.device = "cpu"):
        self.device = torch.device(device)
        self.purpose = purpose
        self.single = isinstance(seeds, Integral)  # numpy's are none of Python's int
        self.seeds = [int(seeds)] if self.single else [int(seed) for seed in seeds]
        if not self.seeds:
            raise GanlabError("Streams was given an empty list of seeds; give at least one, for example [0].")
        self.generators = [torch.Generator(self.device).manual_seed(derive_seed(seed, purpose)) for seed in self.seeds]

    @property
    def axis(self) -> tuple[int, ...]:
        """`()` for one seed, `(S,)` for a list of S seeds: what stands in front of every shape drawn."""
        return () if self.single else (len(self.seeds),)

    def for_purpose(self, purpose: str) -> Streams:
        """Fresh streams of the same seeds for something else, for example `"latent"`."""
        return Streams(self.seeds[0] if self.single else self.seeds, purpose, self.device)

    def _fill(self, shape: tuple[int, ...], fill) -> Tensor:
        if self.single:
            return fill(torch.empty(shape, device=self.device), self.generators[0])
        out = torch.empty((len(self.seeds), *shape), device=self.device)
        for member, generator in zip(out.unbind(0), self.generators, strict=True):
            fill(member, generator)
        return out

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, shape `(*seeds, *shape)`."""
        return self._fill(shape, lambda tensor, generator: tensor.normal_(generator=generator))

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), shape `(*seeds, *shape)`."""
        return self._fill(shape, lambda tensor, generator: tensor.uniform_(generator=generator))

    def integers(self, high: int, *shape: int) -> Tensor:
        """Integers in [0, high), `int64`, shape `(*seeds, *shape)`."""
        drawn = [torch.randint(high, shape, generator=g, device=self.device) for g in self.generators]
        return drawn[0] if self.single else torch.stack(drawn)

    def state_dict(self) -> dict[str, Tensor]:
        return {"state": torch.stack([generator.get_state() for generator in self.generators])}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        if len(state["state"]) != len(self.generators):
            raise GanlabError(
                f"The saved random state is for {len(state['state'])} seeds and this run has "
                f"{len(self.generators)}; resume with the seeds that the run was started with."
            )
        for generator, saved in zip(self.generators, state["state"], strict=True):
            generator.set_state(saved.cpu().clone())  # a row that is a view makes torch crash


def as_streams(rng: Streams | int | None, purpose: str) -> Streams:
    """`rng` itself, or streams for an integer seed; `None` means seed 0."""
    return rng if isinstance(rng, Streams) else Streams(0 if rng is None else rng, purpose)
