"""A trained generator as a file: the averaged weights, and all that is needed to draw from them."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.errors import GanlabError
from ganlab.methods.nemgan import engineered_latent, hard_modes
from ganlab.nets.encoder import TwoBatchNorm2d
from ganlab.scale.players import CHANNELS, generator_network
from ganlab.scale.settings import complete, namespace
from ganlab.seeds import Streams
from ganlab.train.checkpoint import load_checkpoint, save_checkpoint

SETTLING = 512  # latents that the statistics of batch norm are taken from
CONDITIONS = 1024  # rows of training conditions that are kept


class Trained:
    """A generator that is ready to draw from: each image depends on its latent alone.

    Args:
        network: its statistics of batch norm are set here, on one large batch.
        s: the settings that it was trained with.
        prior: logits of the latent's boxes (nemgan). conditions: rows to draw conditions from (msgan).
        facts: whatever else the file says: step, images, Fréchet distance, measured numbers.
    """

    def __init__(
        self,
        network: nn.Module,
        s: SimpleNamespace,
        prior: Tensor | None = None,
        conditions: Tensor | None = None,
        facts: dict[str, Any] | None = None,
    ):
        self.network, self.s, self.prior = network, s, prior
        self.conditions = None if conditions is None else conditions[:CONDITIONS]
        self.facts = facts or {}
        self.device = next(network.parameters()).device
        _settle(network, self.inputs(SETTLING, Streams(0, "settling")))

    def inputs(self, n: int, rng: Streams, mode: int | None = None) -> tuple[Tensor, ...]:
        """What the network takes for n images: latents, and conditions where there are any.

        `mode` (nemgan): all from this box of the latent.

        Raises:
            GanlabError: there is no such box.
        """
        boxes = 0 if self.prior is None else len(self.prior)
        if mode is not None and not 0 <= mode < boxes:
            raise GanlabError(f"mode is {mode} and the latent of this generator ({self.s.method}) has {boxes} boxes.")
        if self.prior is None:
            latents = rng.normal(n, self.s.latent)
        else:
            uniform, noise = rng.uniform(n), 2 * rng.uniform(n, self.s.latent) - 1
            modes = hard_modes(uniform, self.prior.cpu())
            if mode is not None:
                modes = torch.eye(len(self.prior))[mode].expand(n, -1)
            latents = engineered_latent(modes, noise)
        if self.conditions is None:
            return (latents.to(self.device),)
        rows = self.conditions[rng.integers(len(self.conditions), n).cpu()]
        return latents.to(self.device), rows.float().to(self.device)

    @torch.no_grad()
    def images(self, *inputs: Tensor) -> Float[Tensor, "n 3 size size"]:
        """Images in [-1, 1], on the CPU, of latents (and conditions)."""
        groups = zip(*(x.split(256) for x in inputs), strict=True)
        made = torch.cat([self.network(*group).cpu() for group in groups])
        return made.view(-1, CHANNELS, self.s.size, self.s.size)

    def sample(self, n: int, seed: int = 0, mode: int | None = None) -> Float[Tensor, "n 3 size size"]:
        """n images; the same for the same seed."""
        return self.images(*self.inputs(n, Streams(seed, "sample"), mode))

    def save(self, path: str | Path, half: bool = False) -> None:
        """Write one file; `half` stores the weights in 16 bits (half the size, errors of .05 %)."""
        weights = {k: v.half() if half and v.is_floating_point() else v for k, v in self.network.state_dict().items()}
        conditions = None if self.conditions is None else self.conditions.to(torch.uint8)
        state = {"settings": vars(self.s), "generator": weights, "prior": self.prior, "conditions": conditions}
        save_checkpoint(path, state | {"facts": self.facts})


def load_trained(path: str | Path) -> Trained:
    """The generator that `Trained.save` wrote. Nothing is unpickled.

    Raises:
        GanlabError: not such a file.
    """
    state = load_checkpoint(path)
    try:
        s = namespace(complete(state["settings"]))
        network = generator_network(s)
        network.load_state_dict(state["generator"])
        return Trained(network, s, state["prior"], state["conditions"], state["facts"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise GanlabError(f"{path} holds no generator of the trainer ({str(error).splitlines()[0]}).") from None


def copy_of(network: nn.Module) -> nn.Module:
    """An independent copy that is never trained."""
    return copy.deepcopy(network).requires_grad_(False)


def decay_of(half_life: float, batch: int) -> float:
    """The decay of one step of `batch` images: 2^(-batch / half_life), or 0 for a half-life of 0, no average.

    After `half_life` images the weight of the past has halved, whatever the batch.
    """
    return 0.5 ** (batch / half_life) if half_life else 0.0


@torch.no_grad()
def _settle(network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Take the statistics of all batch norms from one batch, and use those from now on."""
    layers = [layer for layer in network.modules() if isinstance(layer, TwoBatchNorm2d)]
    for layer in layers:
        layer.momentum = 1.0
    network.train()(*inputs)
    network.eval()
