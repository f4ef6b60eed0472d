"""Mode Seeking GAN (Mao, Lee, Tseng, Ma, Yang, CVPR 2019, arXiv:1903.05628): two latents must give two images.

A conditional generator G(c, z) may ignore z, since nothing in its loss asks two latents to differ. One term asks: for
one condition c and two latents z1, z2, the distance of the images over the distance of the latents shall be large.

The paper maximises that ratio r; the released code minimises 1 / (r + eps), which pulls the same way with another
strength. Both are here, and the relatives that change one thing each: DSGAN's mean of ratios (Yang et al., ICLR 2019,
arXiv:1901.09024) and the numerator alone, faded out, of StarGAN v2 (Choi et al., CVPR 2020, arXiv:1912.01865; that
the weight falls linearly is unverified). The numbers of the paper's equations are unverified too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.gan import GAN, descend, frozen, peek
from ganlab.seeds import Streams

EPS = 1e-5  # of the released code, added to the ratio

# The ratio ----------------------------------------------------------------------------------------------------


def mean_distance(one: Float[Tensor, "*seeds n dim"], other: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds"]:
    """d(a, b) = mean |a - b|, over the whole batch and every coordinate: the L1 distance of paper and released code.

    For z ~ N(0, I) its expectation is 2 / sqrt(pi) = 1.128, with a standard deviation of .853 / sqrt(n dim).
    """
    return (one - other).abs().mean((-2, -1))


def distance_ratio(
    samples1: Float[Tensor, "*seeds n dim"],
    samples2: Float[Tensor, "*seeds n dim"],
    latents1: Float[Tensor, "*seeds n latent"],
    latents2: Float[Tensor, "*seeds n latent"],
) -> Float[Tensor, "*seeds"]:
    """r = d(G(c, z1), G(c, z2)) / d(z1, z2): a ratio of two means, not a mean of ratios (eq. 1).

    Row i of both sample batches has condition c_i. With images in [-1, 1], r is at most about 2 / 1.128 = 1.77.

    Departure: when all latents are equal, the released code computes 0 / 0 = NaN. Such a batch says nothing about how
    G uses z, so here r is 0 and carries no gradient.
    """
    return _ratio(mean_distance(samples1, samples2), mean_distance(latents1, latents2))


def _ratio(images: Float[Tensor, "*any"], latents: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """images / latents, and 0 without a gradient where latents are equal."""
    different = latents > 0
    return torch.where(different, images / torch.where(different, latents, 1.0), 0.0)


# What to minimise ---------------------------------------------------------------------------------------------


def reciprocal(ratio: Float[Tensor, "*seeds"], eps: float = EPS) -> Float[Tensor, "*seeds"]:
    """1 / (r + eps), minimised: the released code. Range (0, 1 / eps]; slope -1 / (r + eps)^2.

    The pull is enormous while G ignores z and fades as r grows. At r exactly 0 it is lost: |x| has no slope at 0.
    """
    return 1 / (ratio + eps)


def maximised(ratio: Float[Tensor, "*seeds"]) -> Float[Tensor, "*seeds"]:
    """-r, minimised: the ratio maximised, as the paper writes it (eq. 1). Slope -1 everywhere; no lower bound."""
    return -ratio


def capped(ratio: Float[Tensor, "*any"], cap: float) -> Float[Tensor, "*any"]:
    """-min(r, cap): no pull beyond the cap (DSGAN's tau)."""
    return -ratio.clamp(max=cap)


def mode_seeking_loss(
    samples1: Float[Tensor, "*seeds n dim"],
    samples2: Float[Tensor, "*seeds n dim"],
    latents1: Float[Tensor, "*seeds n latent"],
    latents2: Float[Tensor, "*seeds n latent"],
    eps: float = EPS,
) -> Float[Tensor, "*seeds"]:
    """L_ms = 1 / (r + eps), to be minimised by the generator, as released.

    Departure from the paper's text, which maximises r (eq. 1): the released code minimises the reciprocal.
    """
    return reciprocal(distance_ratio(samples1, samples2, latents1, latents2), eps)


def dsgan_loss(
    samples1: Float[Tensor, "*seeds n dim"],
    samples2: Float[Tensor, "*seeds n dim"],
    latents1: Float[Tensor, "*seeds n latent"],
    latents2: Float[Tensor, "*seeds n latent"],
    cap: float = float("inf"),
) -> Float[Tensor, "*seeds"]:
    """-mean_i min(r_i, cap) with a ratio for each pair i: DSGAN's term. The second image is detached, as in its code.

    Departure: its code adds 1e-5 to the latents' distance and, by reading, its cap has no effect; this one has.
    """
    images = (samples1 - samples2.detach()).abs().mean(-1)
    latents = (latents1 - latents2).abs().mean(-1)
    return capped(_ratio(images, latents), cap).mean(-1)


FORMS: dict[str, Callable[..., Tensor]] = {
    "reciprocal": mode_seeking_loss,
    "maximised": lambda s1, s2, z1, z2: maximised(distance_ratio(s1, s2, z1, z2)),
    "capped": lambda s1, s2, z1, z2, cap: capped(distance_ratio(s1, s2, z1, z2), cap),
    "numerator": lambda s1, s2, z1, z2: -mean_distance(s1, s2),
    "dsgan": dsgan_loss,
}


# The conditional game -----------------------------------------------------------------------------------------


def discriminator_loss(
    real_logits: Float[Tensor, "*seeds n"], *fake_logits: Float[Tensor, "*seeds n"]
) -> Float[Tensor, "*seeds"]:
    """Cross-entropy of real against each batch of fakes: with two batches the real term counts twice, as released."""
    return sum(gan.discriminator_loss(real_logits, logits) for logits in fake_logits)


def generator_loss(*fake_logits: Float[Tensor, "*seeds n"]) -> Float[Tensor, "*seeds"]:
    """The non-saturating loss of each batch of fakes, added up."""
    return sum(map(gan.generator_loss, fake_logits))


class ConditionalGAN(GAN):
    """A GAN with a condition: G(z, c) and D(x, c). The baseline of the chapter, on MSGAN's own schedule.

    One step draws `draws` latents for each condition and makes all fakes in **one** pass of G, so that a batch norm in
    G sees them together. D sees reals and each batch of fakes separately. G is then judged on the same fakes by the
    D that has just learned from them; there is one pass of G in a step, where the plain `GAN` has two.

    Args:
        generator: latents `(*seeds, n, latent)` and conditions `(*seeds, n, width)` to samples `(*seeds, n, dim)`.
        discriminator: samples and conditions to logits `(*seeds, n)`.
        draws: latents for each condition in a step; MSGAN needs 2, and its fair baseline has them too.
        reconstruction: weight of mean |x - G(z1, c)|, on the first batch of fakes only (pix2pix; released code: 10).
        weight_decay: Adam's, of both players (the released CIFAR-10 code: 1e-4).
        The rest as for `GAN`.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        rng: Streams,
        draws: int = 2,
        reconstruction: float = 0.0,
        weight_decay: float = 0.0,
        **settings: Any,
    ):
        if draws < 1:
            raise GanlabError(f"draws is {draws}; each condition needs at least 1 latent.")
        super().__init__(generator, discriminator, rng=rng, **settings)
        self.draws, self.reconstruction = draws, reconstruction
        for optimiser in (self.generator_optimiser, self.discriminator_optimiser):
            for group in optimiser.param_groups:
                group["weight_decay"] = weight_decay

    def generate(self, condition: Float[Tensor, "*seeds n width"]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Fresh latents and the fakes they give: `draws` batches of each, from one pass of G."""
        latents = self.rng.normal(self.draws * condition.shape[-2], self.latent)
        fakes = self.generator(latents, torch.cat([condition] * self.draws, -2))
        return latents.chunk(self.draws, -2), fakes.chunk(self.draws, -2)

    def discriminator_step(self, real: Tensor, condition: Tensor, fakes: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Train D on reals and on each batch of fakes, cut off from G."""
        logits = [self.discriminator(fake.detach(), condition) for fake in fakes]
        loss = discriminator_loss(self.discriminator(real, condition), *logits)
        descend(loss, self.discriminator_optimiser)
        return {"discriminator_loss": loss.detach()}

    def generator_step(
        self, real: Tensor, condition: Tensor, fakes: tuple[Tensor, ...], latents: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        """Train G on the fakes that it has just made, through D as it now is."""
        with frozen(self.discriminator):
            loss = sum(self.loss(self.discriminator(fake, condition)) for fake in fakes)
            if self.reconstruction:
                loss = loss + self.reconstruction * mean_distance(real, fakes[0])
            term, numbers = self.term(fakes, latents)
            descend(loss if term is None else loss + term, self.generator_optimiser)
        return {"generator_loss": loss.detach(), **numbers}

    def term(self, fakes: tuple[Tensor, ...], latents: tuple[Tensor, ...]) -> tuple[Tensor | None, dict[str, Tensor]]:
        """What a method adds to the generator's loss, and what it reports. Nothing here."""
        return None, {}

    def step(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """One turn on a batch `(real, condition)`: first D, then G, on the same fakes."""
        real, condition = batch
        latents, fakes = self.generate(condition)
        return self.discriminator_step(real, condition, fakes) | self.generator_step(real, condition, fakes, latents)

    @torch.no_grad()
    def sample(self, condition: Float[Tensor, "*seeds n width"], rng: Streams | None = None) -> Tensor:
        """One sample for each row of `condition`. Without `rng` the latents are the same at every call."""
        rng = self.rng.for_purpose("look") if rng is None else rng
        return peek(self.generator, rng.normal(condition.shape[-2], self.latent), condition)


class MSGAN(ConditionalGAN):
    """A conditional GAN with the mode-seeking term: L_G = L_original + weight L_ms (eq. 2 of the paper).

    With `weight=0` a step is the baseline's, bit for bit.

    Args:
        weight: lambda_ms; 1 in all released code. A tensor `(*seeds)` gives each seed its own.
        form: "reciprocal" (released), "maximised" (printed), "capped", "numerator" or "dsgan".
        cap: for "capped" and "dsgan".
        fade: the weight falls linearly to 0 over so many steps (as in StarGAN v2, unverified); 0: never.
        The rest as for `ConditionalGAN`.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        rng: Streams,
        weight: float | Float[Tensor, "*seeds"] = 1.0,
        form: str = "reciprocal",
        cap: float | None = None,
        fade: int = 0,
        **settings: Any,
    ):
        if form not in FORMS:
            raise GanlabError(f"form is {form!r}; choose one of {', '.join(FORMS)}.")
        if form == "capped" and cap is None:
            raise GanlabError("form is 'capped' and there is no cap; give the largest ratio worth pulling for.")
        super().__init__(generator, discriminator, rng=rng, **settings)
        if self.draws != 2:
            raise GanlabError(f"draws is {self.draws}; the mode-seeking term compares 2 latents for each condition.")
        self.weight, self.form, self.fade, self.steps_done = weight, FORMS[form], fade, 0
        self.form_settings = {"cap": cap} if cap is not None and form in ("capped", "dsgan") else {}

    def term(self, fakes: tuple[Tensor, ...], latents: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """weight x the form, and the ratio r as it was."""
        left = max(0.0, 1 - self.steps_done / self.fade) if self.fade else 1.0
        self.steps_done += 1
        pull = self.weight * left * self.form(*fakes, *latents, **self.form_settings)
        return pull, {"mode_seeking": pull.detach(), "ratio": distance_ratio(*fakes, *latents).detach()}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"steps_done": self.steps_done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.steps_done = int(state["steps_done"])
