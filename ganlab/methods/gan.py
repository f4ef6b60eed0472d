"""The plain GAN (Goodfellow et al., 2014, arXiv:1406.2661): what the five methods set out to cure.

Two pure losses on logits, and one small class that says what one step is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from ganlab.errors import GanlabError
from ganlab.seeds import Streams
from ganlab.seedwise import SeedwiseAdam


def discriminator_loss(
    real_logits: Float[Tensor, "*seeds n"], fake_logits: Float[Tensor, "*seeds n"]
) -> Float[Tensor, "*seeds"]:
    """Cross-entropy of real against fake, to be minimised by the discriminator (eq. 1 of the paper, negated).

        L_D = -E[log D(x)] - E[log(1 - D(G(z)))],   D = sigmoid(logits)

    log D = -softplus(-logits) and log(1 - D) = -softplus(logits), so nothing overflows and no epsilon is needed.
    A discriminator that knows nothing (all logits 0) has a loss of 2 log 2 = 1.386.
    """
    return softplus(-real_logits).mean(-1) + softplus(fake_logits).mean(-1)


def generator_loss(fake_logits: Float[Tensor, "*seeds n"]) -> Float[Tensor, "*seeds"]:
    """The non-saturating loss, L_G = -E[log D(G(z))] (section 3 of the paper), to be minimised by the generator."""
    return softplus(-fake_logits).mean(-1)


def minimax_generator_loss(fake_logits: Float[Tensor, "*seeds n"]) -> Float[Tensor, "*seeds"]:
    """The loss of the two-player game as written, L_G = E[log(1 - D(G(z)))] (eq. 1), to be minimised.

    Its gradient with respect to a logit is -D(G(z)): it vanishes just where the generator is worst.
    """
    return -softplus(fake_logits).mean(-1)


GENERATOR_LOSSES = {"non-saturating": generator_loss, "minimax": minimax_generator_loss}


@contextmanager
def frozen(*players: nn.Module) -> Iterator[None]:
    """Gradients flow *through* these players to what fed them, but not *to* their weights.

    Afterwards every weight is as it was: one that never learns stays so.
    """
    learning = [weight for player in players for weight in player.parameters() if weight.requires_grad]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


def peek(network: nn.Module, *inputs: Tensor) -> Any:
    """What `network(*inputs)` gives, and the network stays as it was: a batch norm's running statistics, too.

    In training mode it still normalises by the batch, as in a step; what it notes down is thrown away.
    """
    return functional_call(network, {name: value.clone() for name, value in network.named_buffers()}, inputs)


def adam(
    player: nn.Module, lr: float | Float[Tensor, " seeds"], betas: tuple[float | Float[Tensor, " seeds"], float]
) -> torch.optim.Optimizer:
    """Adam as every method of the course uses it. Elementwise, so S seeds in one tensor are S separate Adams.

    A learning rate or beta1 with one number a seed makes them S Adams with settings of their own.
    """
    if isinstance(lr, Tensor) or isinstance(betas[0], Tensor):
        return SeedwiseAdam(player.parameters(), lr, betas)
    return torch.optim.Adam(player.parameters(), lr=lr, betas=betas, fused=True)


def descend(loss: Tensor, *optimisers: torch.optim.Optimizer) -> None:
    """One step downhill. Losses of different seeds are *summed*, so none of them scales another's gradient."""
    for optimiser in optimisers:
        optimiser.zero_grad(set_to_none=True)
    scaled(loss.sum(), optimisers[0]).backward()
    take_step(*optimisers)


def scaled(value: Tensor, optimiser: torch.optim.Optimizer) -> Tensor:
    """What to start a backward pass from: with an optimiser that has a `scaler`, as fp16 needs it, a multiple."""
    scaler: torch.amp.GradScaler | None = getattr(optimiser, "scaler", None)
    return value if scaler is None else scaler.scale(value)


def take_step(*optimisers: torch.optim.Optimizer) -> None:
    """A step of each on the gradients of one backward pass; the scale, if there is one, changes after all of them."""
    scaler: torch.amp.GradScaler | None = getattr(optimisers[0], "scaler", None)
    for optimiser in optimisers:
        optimiser.step() if scaler is None else scaler.step(optimiser)
    if scaler is not None:
        scaler.update()


class Stateful:
    """A method goes on where it was once every one of its `_parts` does: networks, optimisers, random streams."""

    def _parts(self) -> dict[str, Any]:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
            if isinstance(part, torch.optim.Optimizer):
                lay_out_as_weights(part)


def lay_out_as_weights(optimiser: torch.optim.Optimizer) -> None:
    """Give an optimiser's moments the strides of their weights; fused Adam takes for granted that the two agree."""
    for weight, moments in optimiser.state.items():
        for name, value in moments.items():
            if value.shape == weight.shape and value.stride() != weight.stride():
                moments[name] = torch.empty_like(weight).copy_(value)


class GAN(Stateful):
    """A generator and a discriminator that take turns.

    Args:
        generator: latents `(*seeds, n, latent)` to samples.
        discriminator: samples to logits `(*seeds, n)`.
        rng: gives the latents; it must hold the same seeds as the networks.
        latent: dimension of z ~ N(0, I).
        lr: learning rate of both players; `generator_lr` sets the generator's apart.
        betas: Adam's; (0.5, 0.999) is DCGAN's choice. Rates and beta1 may have one number a seed.
        loss: the generator's: `"non-saturating"` or `"minimax"`.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        rng: Streams,
        latent: int = 2,
        lr: float = 1e-3,
        generator_lr: float | None = None,
        betas: tuple[float, float] = (0.5, 0.999),
        loss: str = "non-saturating",
    ):
        if loss not in GENERATOR_LOSSES:
            raise GanlabError(f"loss is {loss!r}; choose one of {', '.join(GENERATOR_LOSSES)}.")
        self.generator, self.discriminator = generator, discriminator
        self.rng = rng.for_purpose("latent")
        self.latent = latent
        self.loss = GENERATOR_LOSSES[loss]
        self.generator_optimiser = adam(generator, lr if generator_lr is None else generator_lr, betas)
        self.discriminator_optimiser = adam(discriminator, lr, betas)

    def discriminator_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """Train the discriminator on one batch. The fakes are made without a graph: the generator gets no gradient."""
        with torch.no_grad():
            fake = self.generator(self.rng.normal(real.shape[-2], self.latent))
        loss = discriminator_loss(self.discriminator(real), self.discriminator(fake))
        descend(loss, self.discriminator_optimiser)
        return {"discriminator_loss": loss.detach()}

    def generator_step(self, n: int) -> dict[str, Tensor]:
        """Train the generator on n latents. The gradient passes through the discriminator and leaves it as it was."""
        with frozen(self.discriminator):
            fake = self.generator(self.rng.normal(n, self.latent))
            loss = self.loss(self.discriminator(fake))
            descend(loss, self.generator_optimiser)
        return {"generator_loss": loss.detach()}

    def step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """One turn of each: first the discriminator, then the generator on as many latents as there were reals."""
        return self.discriminator_step(real) | self.generator_step(real.shape[-2])

    @torch.no_grad()
    def sample(self, n: int, rng: Streams | None = None) -> Float[Tensor, "*seeds n dim"]:
        """n samples of each seed. Without `rng` the latents are the same at every call; training is not disturbed."""
        rng = self.rng.for_purpose("look") if rng is None else rng
        return peek(self.generator, rng.normal(n, self.latent))

    def _parts(self) -> dict[str, Any]:
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimiser": self.generator_optimiser,
            "discriminator_optimiser": self.discriminator_optimiser,
            "rng": self.rng,
        }
