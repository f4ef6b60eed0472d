"""Noise Engineered Mode-matching GAN (arXiv:1811.03692): a latent made of boxes.

The latent has one box a mode, z = (y, 0) + noise, with y one-hot; an inversion network reads the box from a sample;
and how often each box is drawn, the prior, is learned until the boxes are as frequent as what they make.

The body of the paper could not be read. The equations are those of the authors' code: two programs are public, one
with a fixed prior, and one, called NEMGAN-P below, that learns it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.gan import Stateful, adam, descend, frozen, peek
from ganlab.seeds import Streams

SLOPE = 1e7  # of the published smoothed step

# The engineered latent ------------------------------------------------------------------------------------------


def step_half_width(slope: float = SLOPE) -> float:
    """Half the width of the smoothed step, (2.5 / slope)^(1/3): 0.0063 at the published slope of 1e7."""
    return (2.5 / slope) ** (1 / 3)


def smoothed_modes(
    uniform: Float[Tensor, "*seeds n"], logits: Float[Tensor, "*seeds modes"], slope: float = SLOPE
) -> Float[Tensor, "*seeds n modes"]:
    """Modes drawn by the inverse distribution function, whose steps are smoothed so that the logits get a gradient.

        a_k = softmax(logits)_1 + ... + softmax(logits)_k
        H_k = 1 - clip(slope (u - a_k)^3 / 5 + 1/2, 0, 1)        about 1 where u < a_k, else 0
        y_k = H_k - H_(k-1),   H_0 = 0,   H_modes = 1

    Rows sum to 1 and are one-hot but for u within `step_half_width` of an inner boundary. E[y] = softmax(logits) and
    E[dH_k/da_k] = 1, exactly, as long as no boundary is nearer than that to 0 or 1.

    Departures from NEMGAN-P: y_k = (1 - H_(k-1)) H_k there, which has the same value and gradient where no two steps
    overlap; and its last step is smoothed too although a_modes = 1, which costs the last mode .0024 of its mean.

    Args:
        uniform: numbers in [0, 1).
        logits: of the prior; 0 for all is the uniform one.
        slope: the larger, the steeper the step.
    """
    inner = logits.softmax(-1).cumsum(-1)[..., :-1].unsqueeze(-2)
    below = 1 - (slope * (uniform.unsqueeze(-1) - inner) ** 3 / 5 + 0.5).clamp(0, 1)
    edge = torch.zeros_like(uniform).unsqueeze(-1)
    return torch.diff(below, dim=-1, prepend=edge, append=edge + 1)


def hard_modes(
    uniform: Float[Tensor, "*seeds n"], logits: Float[Tensor, "*seeds modes"]
) -> Float[Tensor, "*seeds n modes"]:
    """The same draw without smoothing: one-hot rows, no gradient."""
    inner = logits.detach().softmax(-1).cumsum(-1)[..., :-1].unsqueeze(-2)
    mode = (uniform.unsqueeze(-1) >= inner).sum(-1)
    return F.one_hot(mode, logits.shape[-1]).to(uniform.dtype)


def gumbel_modes(
    uniform: Float[Tensor, "*seeds n modes"],
    logits: Float[Tensor, "*seeds modes"],
    temperature: float,
    straight_through: bool = False,
) -> Float[Tensor, "*seeds n modes"]:
    """The Gumbel-softmax draw (Jang et al., arXiv:1611.01144; Maddison et al., arXiv:1611.00712), for comparison.

        y = softmax((logits + g) / temperature),   g = -log(-log u)

    E[y] is softmax(logits) only as the temperature goes to 0. `straight_through` gives the one-hot of the largest
    entry, whose mean is right, with the gradient of y, which is not that of the mean.
    """
    gumbel = -(-uniform.clamp(1e-20, 1 - 1e-7).log()).log()
    soft = ((logits.unsqueeze(-2) + gumbel) / temperature).softmax(-1)
    if not straight_through:
        return soft
    hard = F.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


def engineered_latent(
    modes: Float[Tensor, "*seeds n modes"], noise: Float[Tensor, "*seeds n latent"], half_width: float = 0.3
) -> Float[Tensor, "*seeds n latent"]:
    """z = (y, 0) + half_width noise, for noise uniform in [-1, 1): one box a mode in the first coordinates.

    Coordinate k lies in [0.7, 1.3] when the mode is k and in [-0.3, 0.3] when not, so the boxes of one-hot modes are
    disjoint for a half width under 1/2. (The published code puts y into the last coordinates.)

    Raises:
        GanlabError: a latent with fewer coordinates than modes.
    """
    if noise.shape[-1] < modes.shape[-1]:
        raise GanlabError(
            f"latent is {noise.shape[-1]} for {modes.shape[-1]} modes; give at least one coordinate a mode."
        )
    return F.pad(modes, (0, noise.shape[-1] - modes.shape[-1])) + half_width * noise


# The losses -----------------------------------------------------------------------------------------------------


def mode_cross_entropy(
    mode_logits: Float[Tensor, "*seeds n modes"], modes: Float[Tensor, "*seeds n modes"], margin: float = 0.0
) -> Float[Tensor, "*seeds"]:
    """-E sum_k y_k log softmax(mode_logits - margin y)_k: what h2 pays for reading the wrong box.

    With a `CosineHead` of scale s and margin = s m this is AM-softmax (Wang et al., arXiv:1801.05599, eq. 6); the
    fixed-prior code has s = 30 and m = 0.4. Departure: NEMGAN-P sums the *binary* cross-entropy of each entry instead.
    """
    return -(modes * (mode_logits - margin * modes).log_softmax(-1)).sum(-1).mean(-1)


def inversion_loss(
    z_found: Float[Tensor, "*seeds n latent"],
    mode_logits: Float[Tensor, "*seeds n modes"],
    z: Float[Tensor, "*seeds n latent"],
    modes: Float[Tensor, "*seeds n modes"],
    z_weight: float = 10.0,
    margin: float = 0.0,
) -> Float[Tensor, "*seeds"]:
    """What generator and inversion network minimise together: z and its box must be readable from G(z).

        L = z_weight E[mean_i (z_i - h1(G(z))_i)^2] + CE(y, h2(h1(G(z))))

    NEMGAN-P weighs 10 : 1 as here. (The fixed-prior code has 100 times the mean *absolute* error.)
    """
    return z_weight * (z - z_found).square().mean((-2, -1)) + mode_cross_entropy(mode_logits, modes, margin)


def prior_divergence(
    found: Float[Tensor, "*seeds modes"], drawn: Float[Tensor, "*seeds modes"], floor: float = 1e-3
) -> Float[Tensor, "*seeds"]:
    """KL(found || drawn) = sum_k p_k log(p_k / q_k): minimised over the logits behind q, the mean of the drawn modes.

    p, the mean of what h says of real data, is data here and gets no gradient. As the batch grows the gradient with
    respect to the logits tends to softmax(logits) - p.

    Departure: q is held above `floor`. A mode that nobody drew has q_k = 0 and an infinite divergence. The smoothed
    step's own clip then stops the gradient (a straight-through draw makes it NaN); one that was *hardly* drawn has a
    gradient in the hundreds.
    """
    found = found.detach()
    return (torch.xlogy(found, found) - found * drawn.clamp(min=floor).log()).sum(-1)


def critic_loss(
    real_scores: Float[Tensor, "*seeds n"], fake_scores: Float[Tensor, "*seeds n"]
) -> Float[Tensor, "*seeds"]:
    """E[D(G(z))] - E[D(x)], minimised by the critic (Arjovsky et al., arXiv:1701.07875)."""
    return fake_scores.mean(-1) - real_scores.mean(-1)


def critic_generator_loss(fake_scores: Float[Tensor, "*seeds n"]) -> Float[Tensor, "*seeds"]:
    """-E[D(G(z))], minimised by the generator."""
    return -fake_scores.mean(-1)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Float[Tensor, "*seeds n dim"],
    fake: Float[Tensor, "*seeds n dim"],
    mix: Float[Tensor, "*seeds n 1"],
) -> Float[Tensor, "*seeds"]:
    """E[(||grad D(x)|| - 1)^2] at x = real + mix (fake - real) (Gulrajani et al., arXiv:1704.00028, eq. 3).

    The critic must look at each sample by itself: no batch norm. Written with `torch.func.grad`, which
    `torch.compile` can follow; `torch.autograd.grad(create_graph=True)` it refuses.

    Args:
        mix: one uniform number in [0, 1) a sample.
    """
    between = real + mix * (fake - real)
    slope = torch.func.grad(lambda x: critic(x).sum())(between)
    return (slope.norm(dim=-1) - 1).square().mean(-1)


# The method -----------------------------------------------------------------------------------------------------


class Prior(nn.Module):
    """How often each mode is drawn: logits `(*seeds, modes)`, and a way to draw that gives them a gradient.

    Args:
        modes: how many, or their probabilities to begin with (uniform when it is a number, as published).
        rng: holds the seeds, each of which has logits of its own.
    """

    def __init__(self, modes: int | Float[Tensor, " modes"], rng: Streams, slope: float = SLOPE):
        super().__init__()
        start = torch.zeros(modes) if isinstance(modes, int) else torch.as_tensor(modes).float().log()
        self.logits = nn.Parameter(start.expand(*rng.axis, -1).clone().to(rng.device))
        self.slope = slope

    @property
    def probabilities(self) -> Float[Tensor, "*seeds modes"]:
        return self.logits.detach().softmax(-1)

    def forward(self, uniform: Float[Tensor, "*seeds n"]) -> Float[Tensor, "*seeds n modes"]:
        return smoothed_modes(uniform, self.logits, self.slope)


class NEMGAN(Stateful):
    """Generator, discriminator, inversion network and prior, trained in turns as in NEMGAN-P.

    A step is: the discriminator on real against G(z); the generator against the discriminator; generator and inversion
    network together on `inversion_loss`; from time to time the inversion network on a few labelled reals; and, once
    it can be trusted, the prior towards what the inversion network says of real data.

    Args:
        generator: latents to samples.
        discriminator: samples to scores `(*seeds, n)`; without batch norm when Wasserstein.
        inversion: samples to `(z_found, mode_logits)`; see `ganlab.nets.inversion`.
        rng: the same seeds as the networks.
        modes: how many, or the prior's probabilities to begin with.
        latent: dimension of z, at least the number of modes.
        prior_start: the prior learns after this many steps; `None`: never, it stays as it is.
        labelled: a few reals `(*seeds, m, dim)` and their modes `(*seeds, m)`; each class is drawn equally often.
        supervise_start, supervise_every: after how many steps, and how often, the labelled reals are used.
        adversary: `"wasserstein"` with gradient penalty, or `"cross-entropy"`, the plain GAN's losses.
        critic_steps: how many steps the discriminator takes in a turn, on the same reals.
        penalty: weight of the gradient penalty; penalty_every: it stands in every so many steps' loss, that many times
            as heavy ("lazy", Karras et al., arXiv:1912.04958). z_weight, margin: of `inversion_loss`.
        half_width: of the boxes. floor: of `prior_divergence`.
        lr, betas: Adam's for all networks.
        inversion_noise: standard deviation of normal noise on all that the inversion network is trained on. It then
            cannot read the box from details smaller than that.
        prior_lr, prior_decay: the prior's rate is prior_lr / (1 + prior_decay t).

    Departures from NEMGAN-P: latents for the networks are drawn with hard modes (there 5.7 % of them lie between
    boxes at modes = 5), and the labelled reals are used in one batch a step (there 120 batches in 100 steps).
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        inversion: nn.Module,
        *,
        rng: Streams,
        modes: int | Float[Tensor, " modes"],
        latent: int,
        prior_start: int | None = 1000,
        labelled: tuple[Float[Tensor, "*seeds m dim"], Int[Tensor, "*seeds m"]] | None = None,
        supervise_start: int = 100,
        supervise_every: int = 1,
        adversary: str = "wasserstein",
        critic_steps: int = 1,
        penalty: float = 10.0,
        penalty_every: int = 1,
        z_weight: float = 10.0,
        margin: float = 0.0,
        half_width: float = 0.3,
        floor: float = 1e-3,
        lr: float = 1e-4,
        inversion_noise: float = 0.0,
        betas: tuple[float, float] = (0.5, 0.9),
        prior_lr: float = 1e-3,
        prior_decay: float = 3e-4,
    ):
        if adversary not in ("wasserstein", "cross-entropy"):
            raise GanlabError(f"adversary is {adversary!r}; choose wasserstein or cross-entropy.")
        self.generator, self.discriminator, self.inversion = generator, discriminator, inversion
        self.prior = Prior(modes, rng)
        self.modes, self.latent, self.half_width = self.prior.logits.shape[-1], latent, half_width
        self.wasserstein, self.penalty, self.penalty_every = adversary == "wasserstein", penalty, penalty_every
        self.z_weight, self.margin, self.floor = z_weight, margin, floor
        self.critic_steps, self.inversion_noise = critic_steps, inversion_noise
        self.prior_start, self.prior_lr, self.prior_decay = prior_start, prior_lr, prior_decay
        self.labelled = None if labelled is None else LabelledReals(*labelled, self.modes)
        self.supervise_start, self.supervise_every = supervise_start, supervise_every
        self.rng = rng.for_purpose("latent")
        self.turn = 0
        self.generator_optimiser = adam(generator, lr, betas)
        self.discriminator_optimiser = adam(discriminator, lr, betas)
        self.inversion_optimiser = adam(nn.ModuleList([generator, inversion]), lr, betas)
        self.supervision_optimiser = adam(inversion, lr, betas)
        self.prior_optimiser = adam(self.prior, prior_lr, (0.9, 0.999))

    # Latents

    def draw(self, n: int, rng: Streams | None = None, mode: int | None = None) -> tuple[Tensor, Tensor]:
        """n latents `(*seeds, n, latent)` and their one-hot modes; all of one mode when it is given."""
        rng = self.rng if rng is None else rng
        uniform, noise = rng.uniform(n), 2 * rng.uniform(n, self.latent) - 1
        if mode is None:
            modes = hard_modes(uniform, self.prior.logits)
        else:
            modes = F.one_hot(torch.full_like(uniform, mode, dtype=torch.int64), self.modes).to(uniform.dtype)
        return self.place(modes, noise), modes

    def place(self, modes: Float[Tensor, "*seeds n modes"], noise: Float[Tensor, "*seeds n latent"]) -> Tensor:
        """The latent of a mode and of noise in [-1, 1): what another engineered latent overrides."""
        return engineered_latent(modes, noise, self.half_width)

    def drawn(self, n: int) -> Float[Tensor, "*seeds modes"]:
        """The mean of n modes, with a gradient to the prior's logits: what another draw overrides."""
        return self.prior(self.rng.uniform(n)).mean(-2)

    def blurred(self, samples: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds n dim"]:
        """What the inversion network is trained on: samples, with noise where there is to be some."""
        if not self.inversion_noise:
            return samples
        return samples + self.inversion_noise * self.rng.normal(*samples.shape[-2:])

    # Steps

    def discriminator_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """Train the discriminator on x against G(z)."""
        with torch.no_grad():
            fake = self.generator(self.draw(real.shape[-2])[0])
        real_scores, fake_scores = self.discriminator(real), self.discriminator(fake)
        if self.wasserstein:
            loss = critic_loss(real_scores, fake_scores)
            if self.turn % self.penalty_every == 0:
                mix = self.rng.uniform(real.shape[-2], 1)
                weight = self.penalty * self.penalty_every
                loss = loss + weight * gradient_penalty(self.discriminator, real, fake, mix)
        else:
            loss = gan.discriminator_loss(real_scores, fake_scores)
        descend(loss, self.discriminator_optimiser)
        return {"discriminator_loss": loss.detach()}

    def generator_step(self, n: int) -> dict[str, Tensor]:
        """Train the generator against the discriminator."""
        with frozen(self.discriminator):
            scores = self.discriminator(self.generator(self.draw(n)[0]))
            loss = critic_generator_loss(scores) if self.wasserstein else gan.generator_loss(scores)
            descend(loss, self.generator_optimiser)
        return {"generator_loss": loss.detach()}

    def inversion_step(self, n: int) -> dict[str, Tensor]:
        """Train generator and inversion network together: the latent and its box must be readable from G(z)."""
        z, modes = self.draw(n)
        z_found, mode_logits = self.inversion(self.blurred(self.generator(z)))
        loss = inversion_loss(z_found, mode_logits, z, modes, self.z_weight, self.margin)
        descend(loss, self.inversion_optimiser)
        return {"inversion_loss": loss.detach()}

    def supervision_step(self, n: int) -> dict[str, Tensor]:
        """Train the inversion network alone to name n of the labelled reals."""
        real, modes = self.labelled.draw(n, self.rng)
        loss = mode_cross_entropy(self.inversion(self.blurred(real))[1], modes, self.margin)
        descend(loss, self.supervision_optimiser)
        return {"supervision_loss": loss.detach()}

    def prior_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """Move the prior towards what the inversion network says of real data. Nothing else moves."""
        n = real.shape[-2]
        loss = prior_divergence(self.posteriors(real).mean(-2), self.drawn(n), self.floor)
        late = max(0, self.turn - (self.prior_start or 0))
        self.prior_optimiser.param_groups[0]["lr"] = self.prior_lr / (1 + self.prior_decay * late)
        descend(loss, self.prior_optimiser)
        return {"prior_divergence": loss.detach()}

    def step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """One turn, in the published order. The same reals serve the discriminator and the prior."""
        n = real.shape[-2]
        self.turn += 1
        for _ in range(self.critic_steps):
            losses = self.discriminator_step(real)
        losses |= self.generator_step(n) | self.inversion_step(n)
        # Their losses are not reported: the loop averages names, and these do not come in every step.
        if self.prior_start is not None and self.turn > self.prior_start:
            self.prior_step(real)
        if self.labelled is not None and self.turn > self.supervise_start and self.turn % self.supervise_every == 0:
            self.supervision_step(n)
        return losses

    # Looking

    @torch.no_grad()
    def posteriors(self, real: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds n modes"]:
        """What the inversion network says: the probability of each mode for each sample. It stays as it was."""
        return peek(self.inversion, real)[1].softmax(-1)

    @torch.no_grad()
    def sample(self, n: int, rng: Streams | None = None, mode: int | None = None) -> Float[Tensor, "*seeds n dim"]:
        """n samples of each seed, of one mode when it is given. Without `rng` the same latents at every call."""
        rng = self.rng.for_purpose("look") if rng is None else rng
        return peek(self.generator, self.draw(n, rng, mode)[0])

    @torch.no_grad()
    def transfer(self, real: Float[Tensor, "*seeds n dim"], mode: int) -> Float[Tensor, "*seeds n dim"]:
        """Real samples carried to another mode: their own box is left, the place within it is kept.

        x' = G(h1(x) - (y, 0) + (e_mode, 0)),   y the one-hot of the mode that h2 reads
        """
        z_found, mode_logits = peek(self.inversion, real)
        away = F.one_hot(mode_logits.argmax(-1), self.modes).to(z_found)
        there = torch.zeros_like(away)
        there[..., mode] = 1
        return peek(self.generator, z_found + F.pad(there - away, (0, self.latent - self.modes)))

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"turn": self.turn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.turn = int(state["turn"])

    def _parts(self) -> dict[str, Any]:
        names = ("generator", "discriminator", "inversion", "prior", "rng")
        turns = ("generator", "discriminator", "inversion", "supervision", "prior")
        return {name: getattr(self, name) for name in (*names, *(f"{turn}_optimiser" for turn in turns))}


class ClusterGANStyle(NEMGAN):
    """After ClusterGAN (Mukherjee et al., arXiv:1809.03627): z = (y, 0.1 n), n ~ N(0, I), and a prior that stays.

    Both parts of z are recovered, as there. The boxes of the modes have no width in the first coordinates: y is a
    point. Departures: the squared error covers y too, and the weights are NEMGAN's. Give `prior_start=None`.
    """

    def place(self, modes: Float[Tensor, "*seeds n modes"], noise: Float[Tensor, "*seeds n latent"]) -> Tensor:
        normal = torch.erfinv(noise.clamp(-0.999999, 0.999999)) * 2**0.5
        return torch.cat([modes, 0.1 * normal[..., self.modes :]], -1)


class InfoGANStyle(NEMGAN):
    """After InfoGAN (Chen et al., arXiv:1606.03657): z = (y, u), u ~ U[-1, 1), where only y must be recovered.

    -CE(y, h2(h1(G(z)))) is InfoGAN's lower bound of the mutual information of y and G(z), up to the entropy of y.
    Departure: h is a network of its own; there it shares all but its last layers with the discriminator. Give
    `z_weight=0` and `prior_start=None`.
    """

    def place(self, modes: Float[Tensor, "*seeds n modes"], noise: Float[Tensor, "*seeds n latent"]) -> Tensor:
        return torch.cat([modes, noise[..., self.modes :]], -1)


class LabelledReals:
    """A few labelled reals, drawn so that every class that occurs comes equally often (published: oversampling).

    Raises:
        GanlabError: labels that do not fit the reals, or that name a mode that does not exist.
    """

    def __init__(self, real: Float[Tensor, "*seeds m dim"], labels: Int[Tensor, "*seeds m"], modes: int):
        if real.shape[:-1] != labels.shape or labels.shape[-1] == 0:
            raise GanlabError(
                f"labelled holds reals {tuple(real.shape)} and labels {tuple(labels.shape)}; give one label each."
            )
        if int(labels.min()) < 0 or int(labels.max()) >= modes:
            raise GanlabError(
                f"labels run from {int(labels.min())} to {int(labels.max())}; they must be 0 to {modes - 1}."
            )
        self.real, self.modes = real, F.one_hot(labels, modes).to(real.dtype)
        counts = self.modes.sum(-2, keepdim=True)
        share = self.modes / counts.clamp(min=1) / (counts > 0).sum(-1, keepdim=True)
        self.edges = share.sum(-1).cumsum(-1)[..., :-1].contiguous()

    def draw(self, n: int, rng: Streams) -> tuple[Float[Tensor, "*seeds n dim"], Float[Tensor, "*seeds n modes"]]:
        """n labelled reals, with replacement, and their one-hot modes."""
        chosen = torch.searchsorted(self.edges, rng.uniform(n), right=True).unsqueeze(-1)

        def take(rows):
            return rows.gather(-2, chosen.expand(*chosen.shape[:-1], rows.shape[-1]))

        return take(self.real), take(self.modes)
