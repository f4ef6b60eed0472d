"""Chapter 07, NEMGAN: boxes in the latent, a draw with a gradient, two heads, a prior that is learned."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.learn.checks import Case, Misconception, same_function, takes
from ganlab.learn.exercise import Choice, Exercise, Question
from ganlab.learn.probe import Player, check_step
from ganlab.methods import nemgan

SLOPE = nemgan.SLOPE

# -------------------------------------------------------------------------------- the engineered latent


def engineered_latent(modes: Float[Tensor, "n modes"], noise: Float[Tensor, "n latent"]) -> Float[Tensor, "n latent"]:
    """z = (y, 0) + 0.3 noise: the one-hot mode in the first coordinates, zeros in the others, noise in all."""
    return F.pad(modes, (0, noise.shape[1] - modes.shape[1])) + 0.3 * noise


def _check_engineered_latent(answer):
    def case(words, labels, modes, latent):
        y = F.one_hot(torch.tensor(labels), modes).float()
        return Case(words, (y, 2 * torch.rand(len(labels), latent) - 1))

    def apart(modes, noise):
        return torch.cat([modes, 0.3 * noise[:, modes.shape[1] :]], 1)

    same_function(
        answer,
        engineered_latent,
        [
            case("8 draws of 3 modes, latent 5", [0, 1, 2, 2, 1, 0, 0, 1], 3, 5),
            case("a single draw", [1], 2, 6),
            case("as many coordinates as modes", [3, 0, 1, 2], 4, 4),
        ],
        misconceptions=[
            Misconception(
                "width",
                lambda modes, noise: F.pad(modes, (0, noise.shape[1] - modes.shape[1])) + noise,
                "the noise enters with weight 1: boxes of half width 1 overlap. Multiply it by 0.3.",
            ),
            Misconception(
                "continuous-only",
                apart,
                "the coordinates of the mode carry no noise: that is ClusterGAN's latent. Here each box has the "
                "half width 0.3 in every coordinate.",
            ),
            Misconception(
                "discrete-only",
                lambda modes, noise: F.pad(
                    modes + 0.3 * noise[:, : modes.shape[1]], (0, noise.shape[1] - modes.shape[1])
                ),
                "the last coordinates hold no noise; it goes into all of them.",
            ),
            Misconception(
                "last",
                lambda modes, noise: F.pad(modes, (noise.shape[1] - modes.shape[1], 0)) + 0.3 * noise,
                "the mode stands in the last coordinates, as in the authors' code; in this course it stands first.",
            ),
            Misconception(
                "times",
                lambda modes, noise: F.pad(modes, (0, noise.shape[1] - modes.shape[1])) * 0.3 * noise,
                "mode and noise are multiplied; they are added.",
            ),
        ],
    )


def smoothed_modes(uniform: Float[Tensor, " n"], logits: Float[Tensor, " modes"]) -> Float[Tensor, "n modes"]:
    """y_k = H_k - H_(k-1), H_k = 1 - clip(1e7 (u - a_k)^3 / 5 + 1/2, 0, 1), H_0 = 0 and H_modes = 1.

    a is the cumulative sum of softmax(logits). Rows sum to 1.
    """
    return nemgan.smoothed_modes(uniform, logits)


def _steps(uniform, logits, below):
    """y from a wrong H: below(u - a) for the inner boundaries."""
    inner = logits.softmax(0).cumsum(0)[:-1]
    h = below(uniform.unsqueeze(1) - inner)
    edge = torch.zeros(len(uniform), 1)
    return torch.diff(h, dim=1, prepend=edge, append=edge + 1)


def _cumulative(uniform, logits):
    return smoothed_modes(uniform, logits).cumsum(1)


def _last_step_smoothed(uniform, logits):
    edges = logits.softmax(0).cumsum(0)
    h = 1 - (SLOPE * (uniform.unsqueeze(1) - edges) ** 3 / 5 + 0.5).clamp(0, 1)
    return torch.diff(h, dim=1, prepend=torch.zeros(len(uniform), 1))


def _of_logits(uniform, logits):
    return smoothed_modes(uniform, logits.clamp(min=1e-6).log())


def _check_smoothed_modes(answer):
    logits = torch.tensor([0.3, -0.7, 0.1, 0.5])
    inner = logits.softmax(0).cumsum(0)[:-1]
    near = (inner.unsqueeze(1) + torch.tensor([-0.005, -0.003, 0.002, 0.004])).flatten()
    same_function(
        answer,
        smoothed_modes,
        [
            Case("12 numbers within a step", (near, logits)),
            Case("64 random numbers", (torch.rand(64), logits)),
            Case("numbers near 1", (torch.tensor([0.995, 0.998, 0.9999]), logits)),
            Case("two modes", (torch.tensor([0.1, 0.4995, 0.5003, 0.9]), torch.zeros(2))),
        ],
        gradients=True,
        rtol=1e-3,
        atol=1e-4,
        misconceptions=[
            Misconception(
                "hard",
                lambda u, logits: nemgan.hard_modes(u, logits) + 0 * logits.sum(),
                "these are hard draws: one-hot, and without a gradient. The step must be smoothed.",
            ),
            Misconception(
                "torch-hard-sigmoid",
                lambda u, logits: _steps(u, logits, lambda d: 1 - F.hardsigmoid(SLOPE * d**3)),
                "this is torch's hard sigmoid, t / 6 + 1/2. The published code uses Keras's, t / 5 + 1/2.",
            ),
            Misconception(
                "upside-down",
                lambda u, logits: _steps(u, logits, lambda d: (SLOPE * d**3 / 5 + 0.5).clamp(0, 1)),
                "H is upside down: it must be 1 where u lies below the boundary. Take 1 minus the hard sigmoid.",
            ),
            Misconception(
                "cumulative", _cumulative, "this is H with H_modes = 1 at the end. A mode is the difference of "
                "two neighbours."
            ),
            Misconception(
                "last-step",
                _last_step_smoothed,
                "the last step, at a = 1, is smoothed too, as in the published code: the last mode then loses half "
                "a step, and rows near u = 1 do not sum to 1. All u lie below 1: take H_modes = 1.",
            ),
            Misconception(
                "soft",
                lambda u, logits: _steps(u, logits, lambda d: 1 - (SLOPE * d**3).sigmoid()),
                "this is the smooth sigmoid; the published step clips a straight line.",
            ),
            Misconception(
                "no-fifth",
                lambda u, logits: _steps(u, logits, lambda d: 1 - (SLOPE * d**3 + 0.5).clamp(0, 1)),
                "the hard sigmoid's slope of 1/5 is missing.",
            ),
            Misconception(
                "no-softmax",
                _of_logits,
                "the boundaries are the cumulative sums of softmax(logits), not of something else made of the logits.",
            ),
        ],
    )  # fmt: skip


# ------------------------------------------------------------------------------------------- the losses


def inversion_loss(
    z_found: Float[Tensor, "n latent"],
    mode_logits: Float[Tensor, "n modes"],
    z: Float[Tensor, "n latent"],
    modes: Float[Tensor, "n modes"],
) -> Float[Tensor, ""]:
    """10 times the mean squared error of z, plus the cross-entropy of the one-hot modes."""
    return nemgan.inversion_loss(z_found, mode_logits, z, modes)


def _distance(z_found, z):
    return (z_found - z).square().mean()


def _crossed(mode_logits, modes):
    return nemgan.mode_cross_entropy(mode_logits, modes)


def _of_heads(answer):
    """The answer as a function of what the two heads say: the targets are data, and may be detached or not."""

    def of_heads(z_found: Tensor, mode_logits: Tensor) -> Tensor:
        n, modes = mode_logits.shape
        one_hot = F.one_hot(torch.arange(n) % modes, modes).float()
        noise = 2 * torch.rand(n, z_found.shape[1], generator=torch.Generator().manual_seed(n)) - 1
        return answer(z_found, mode_logits, engineered_latent(one_hot, noise), one_hot)

    return of_heads


def _on_heads(*mistakes: Misconception) -> list[Misconception]:
    return [Misconception(mistake.reason, _of_heads(mistake.answer), mistake.sentence) for mistake in mistakes]


def _check_inversion_loss(answer):
    def case(words, n, modes, scale=1.0, **more):
        return Case(words, (torch.randn(n, modes + 2), scale * torch.randn(n, modes)), **more)

    takes(answer, ["z_found", "mode_logits", "z", "modes"])
    same_function(
        _of_heads(answer),
        _of_heads(inversion_loss),
        [
            case("16 samples of 3 modes", 16, 3),
            case("a single sample", 1, 4),
            case(
                "logits of several hundreds", 4, 3, 300.0,
                reason="overflow", why="log(softmax(x)) is the log of 0 there; log_softmax stays exact.",
            ),
        ],
        gradients=True,
        misconceptions=_on_heads(
            Misconception(
                "unweighted",
                lambda f, logits, z, y: _distance(f, z) + _crossed(logits, y),
                "the squared error enters with weight 1; the weight is 10.",
            ),
            Misconception(
                "weight-on-modes",
                lambda f, logits, z, y: _distance(f, z) + 10 * _crossed(logits, y),
                "the weight of 10 stands before the wrong term: it belongs to the squared error.",
            ),
            Misconception(
                "sum-coordinates",
                lambda f, logits, z, y: 10 * (f - z).square().sum(1).mean() + _crossed(logits, y),
                "the squared error is summed over the coordinates; take its mean over them too.",
            ),
            Misconception("no-modes", lambda f, logits, z, y: 10 * _distance(f, z), "the cross-entropy is missing."),
            Misconception("no-z", lambda f, logits, z, y: _crossed(logits, y), "the error of z is missing."),
            Misconception(
                "absolute",
                lambda f, logits, z, y: 10 * (f - z).abs().mean() + _crossed(logits, y),
                "it is the absolute error, as in the fixed-prior code; take the squared one.",
            ),
            Misconception(
                "mean-over-modes",
                lambda f, logits, z, y: 10 * _distance(f, z) - (y * logits.log_softmax(1)).mean(),
                "the cross-entropy is divided by the number of modes: sum over the modes of a sample, then take the "
                "mean over samples.",
            ),
            Misconception(
                "binary",
                lambda f, logits, z, y: 10 * _distance(f, z) + F.binary_cross_entropy_with_logits(logits, y),
                "this treats each mode as a question of its own (sigmoid). Exactly one mode is right: softmax.",
            ),
            Misconception(
                "softmax-twice",
                lambda f, logits, z, y: 10 * _distance(f, z) + F.cross_entropy(logits.softmax(1), y),
                "the softmax is taken twice: cross_entropy takes logits.",
            ),
            Misconception(
                "sign",
                lambda f, logits, z, y: 10 * _distance(f, z) - _crossed(logits, y),
                "the cross-entropy's sign is turned: it rewards reading the wrong box.",
            ),
        ),
    )  # fmt: skip


def prior_divergence(found: Float[Tensor, " modes"], drawn: Float[Tensor, " modes"]) -> Float[Tensor, ""]:
    """KL(found || drawn), with `drawn` held above 0.001 and no gradient towards `found`."""
    return nemgan.prior_divergence(found, drawn)


def _check_prior_divergence(answer):
    def shares(*values):
        return torch.tensor(values)

    def kl(p, q):
        return (p * (p / q).log()).sum()

    same_function(
        answer,
        prior_divergence,
        [
            Case("five modes", (shares(0.1, 0.1, 0.2, 0.3, 0.3), shares(0.2, 0.25, 0.15, 0.3, 0.1))),
            Case("two modes", (shares(0.8, 0.2), shares(0.5, 0.5))),
            Case(
                "a mode that nobody drew", (shares(0.3, 0.3, 0.4), shares(0.6, 0.0, 0.4)),
                "empty", "a batch without a mode has drawn = 0 there, and its logarithm is minus infinity. Hold "
                "drawn above 0.001.",
            ),
            Case(
                "a mode that h never finds", (shares(0.0, 0.5, 0.5), shares(0.2, 0.4, 0.4)),
                "zero", "0 log 0 counts as 0: torch.xlogy(p, p) does that.",
            ),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "direction",
                lambda p, q: kl(q, p.detach()),
                "the divergence is the wrong way round: it is KL(found || drawn).",
            ),
            Misconception(
                "found-learns",
                lambda p, q: (torch.xlogy(p, p) - p * q.clamp(min=1e-3).log()).sum(),
                "a gradient runs into `found`: the inversion network would learn to say what the prior likes to hear. "
                "Detach it.",
            ),
            Misconception(
                "plus",
                lambda p, q: (torch.xlogy(p.detach(), p.detach()) - p.detach() * (q + 1e-3).log()).sum(),
                "0.001 is added to every share, which moves the minimum. Hold drawn *above* it: clamp(min=0.001).",
            ),
            Misconception(
                "squared",
                lambda p, q: (p.detach() - q).square().mean(),
                "this is the squared error, a variant of later code; write the divergence.",
            ),
            Misconception(
                "mean", lambda p, q: nemgan.prior_divergence(p, q) / len(p), "it is a sum over modes, not a mean."
            ),
            Misconception(
                "cross-entropy",
                lambda p, q: -(p.detach() * q.clamp(min=1e-3).log()).sum(),
                "this is the cross-entropy: its gradient is right, but it is not 0 at the goal. Add sum p log p.",
            ),
            Misconception(
                "sign",
                lambda p, q: -nemgan.prior_divergence(p, q),
                "the sign is turned: a divergence is never negative.",
            ),
        ],
    )  # fmt: skip


def gradient_penalty(critic, real: Float[Tensor, "n dim"], fake: Float[Tensor, "n dim"], mix: Float[Tensor, "n 1"]):
    """E[(||grad D(x)|| - 1)^2] at x = real + mix (fake - real); the critic maps (n, dim) to (n,)."""
    return nemgan.gradient_penalty(critic, real, fake, mix)


def _with_critic(answer):
    """The answer as a function of the critic's weight alone: what must receive the gradient."""

    def of_weight(weight: Tensor, n: int) -> Tensor:
        rng = torch.Generator().manual_seed(n)
        real, fake = torch.randn(n, 2, generator=rng) + 1, torch.randn(n, 2, generator=rng)
        mix = torch.rand(n, 1, generator=rng)
        return answer(lambda x: (weight * x.pow(3)).sum(1), real, fake, mix)

    return of_weight


def _penalty(change):
    """A wrong penalty: change(slopes, real, fake) for the slopes at the mixed points."""

    def wrong(critic, real, fake, mix):
        x = real + mix * (fake - real)
        return change(torch.func.grad(lambda x: critic(x).sum())(x), critic, real, fake)

    return wrong


def _slopes_of_mean(critic, real, fake, mix):
    x = real + mix * (fake - real)
    return (torch.func.grad(lambda x: critic(x).mean())(x).norm(dim=1) - 1).square().mean()


def _check_gradient_penalty(answer):
    takes(answer, ["critic", "real", "fake", "mix"])
    mistakes = [
        ("of-mean", _slopes_of_mean,
         "the slopes are n times too small: differentiate the sum of D over the batch, not its mean. Then each "
         "sample's slope is its own."),
        ("one-sided", _penalty(lambda g, *_: (g.norm(dim=1) - 1).clamp(min=0).square().mean()),
         "only slopes above 1 are punished. The published penalty is two-sided."),
        ("whole-norm", _penalty(lambda g, *_: (g.norm() - 1).square()),
         "this is one norm over the whole batch; each sample's slope should have length 1."),
        ("no-one", _penalty(lambda g, *_: g.square().sum(1).mean()),
         "this pulls the slopes to 0 (that is R1); the penalty pulls their length to 1."),
        ("norm-squared", _penalty(lambda g, *_: (g.square().sum(1) - 1).square().mean()),
         "it compares the squared length with 1: take the root."),
        ("not-squared", _penalty(lambda g, *_: (g.norm(dim=1) - 1).abs().mean()),
         "the deviation from 1 is not squared."),
        ("sum", _penalty(lambda g, *_: (g.norm(dim=1) - 1).square().sum()), "it adds up the batch: take the mean."),
        ("at-real", lambda critic, real, fake, mix: nemgan.gradient_penalty(critic, real, fake, 0 * mix),
         "the slope is taken at the reals; take it between reals and fakes, at real + mix (fake - real)."),
        ("at-fake", lambda critic, real, fake, mix: nemgan.gradient_penalty(critic, real, fake, 0 * mix + 1),
         "the slope is taken at the fakes; take it between reals and fakes, at real + mix (fake - real)."),
        ("swapped-mix", lambda critic, real, fake, mix: nemgan.gradient_penalty(critic, real, fake, 1 - mix),
         "mix = 0 should give the real point: real + mix (fake - real)."),
    ]  # fmt: skip
    same_function(
        _with_critic(answer),
        _with_critic(nemgan.gradient_penalty),
        [Case("16 points", (torch.tensor([0.3, -0.2]), 16)), Case("a batch of one", (torch.tensor([0.5, 0.1]), 1))],
        gradients=True,
        misconceptions=[Misconception(reason, _with_critic(wrong), words) for reason, wrong, words in mistakes],
    )


# --------------------------------------------------------------------------------------- the prior's step


class DrawModes(nn.Module):
    """A prior as the step sees it: uniform numbers to smoothed modes."""

    def __init__(self, logits: Tensor):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, uniform: Tensor) -> Tensor:
        return nemgan.smoothed_modes(uniform, self.logits)


def prior_step(prior, inversion, optimiser, real, uniform) -> Float[Tensor, ""]:
    """Move the prior, which `optimiser` holds, towards what the inversion network says of the reals.

    `prior(uniform)` gives smoothed modes, `inversion(real)` the pair (z_found, mode_logits). Returns the divergence
    before the update, detached. The inversion network gets no gradient.
    """
    with torch.no_grad():
        found = inversion(real)[1].softmax(1).mean(0)
    loss = prior_divergence(found, prior(uniform).mean(0))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


class _TwoHeads(nn.Module):
    """A player that returns two tensors, and notes as `Player` does what it was called with."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(2, 5), nn.Linear(5, 3)
        self.inputs, self.outputs = [], []

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.inputs.append(x.detach().clone())
        z_found = self.body(x)
        return z_found, self.head(z_found)


def _check_prior_step(answer):
    def found(players, batch):
        return players["inversion"](batch["real"])[1]

    def drawn(players, batch):
        return players["prior"](batch["uniform"]).mean(0)

    def divergence(p, q):
        return nemgan.prior_divergence(p, q)

    check_step(
        answer,
        arguments=("prior", "inversion", "optimiser", "real", "uniform"),
        trains="prior",
        make_players=lambda: {
            "prior": Player(DrawModes(torch.tensor([0.2, -0.3, 0.1]))),
            "inversion": _TwoHeads(),
        },
        make_batch=lambda: {"real": torch.randn(512, 2), "uniform": torch.rand(512)},
        loss=lambda players, batch: divergence(found(players, batch).softmax(1).mean(0), drawn(players, batch)),
        misconceptions=[
            Misconception(
                "softmax-of-mean",
                lambda players, batch: divergence(found(players, batch).mean(0).softmax(0), drawn(players, batch)),
                "the softmax is taken of the mean logits. Turn each sample's logits into probabilities first, "
                "then average.",
            ),
            Misconception(
                "hard",
                lambda players, batch: divergence(
                    F.one_hot(found(players, batch).argmax(1), 3).float().mean(0), drawn(players, batch)
                ),
                "it counts the most likely modes; average the probabilities.",
            ),
            Misconception(
                "z",
                lambda players, batch: divergence(
                    players["inversion"](batch["real"])[0].softmax(1).mean(0)[:3], drawn(players, batch)
                ),
                "the inversion network returns the pair (z_found, mode_logits); the second is wanted.",
            ),
            Misconception(
                "direction",
                lambda players, batch: divergence(drawn(players, batch), found(players, batch).softmax(1).mean(0))
                + _reverse(drawn(players, batch), found(players, batch).softmax(1).mean(0).detach()),
                "the divergence is the wrong way round: KL(found || drawn).",
            ),
        ],
    )  # fmt: skip


def _reverse(q: Tensor, p: Tensor) -> Tensor:
    """KL(q || p) with a gradient towards q."""
    return (torch.xlogy(q, q) - q * p.log()).sum()


# ------------------------------------------------------------------------------- to another mode's box


def carried(
    z_found: Float[Tensor, "n latent"], mode_logits: Float[Tensor, "n modes"], mode: int
) -> Float[Tensor, "n latent"]:
    """z_found - (y, 0) + (e_mode, 0), where y is the one-hot of the most likely mode of each sample."""
    away = F.one_hot(mode_logits.argmax(1), mode_logits.shape[1])
    return z_found + _in_front(_unit(mode_logits, mode) - away, z_found)


def _unit(mode_logits: Tensor, mode: int) -> Tensor:
    return F.one_hot(torch.full((len(mode_logits),), mode), mode_logits.shape[1])


def _in_front(modes: Tensor, z: Tensor) -> Tensor:
    return F.pad(modes.float(), (0, z.shape[1] - modes.shape[1]))


def _replaced(z, logits, mode):
    return torch.cat([_unit(logits, mode).float(), z[:, logits.shape[1] :]], 1)


def _check_carried(answer):
    def case(words, n, modes, extra, mode):
        return Case(words, (torch.randn(n, modes + extra), torch.randn(n, modes), mode))

    def by_largest_coordinate(z, logits, mode):
        return carried(z, z[:, : logits.shape[1]], mode)

    same_function(
        answer,
        carried,
        [
            case("8 samples of 3 modes, to mode 1", 8, 3, 4, 1),
            case("8 samples of 5 modes, to the last", 8, 5, 2, 4),
            case("one sample, and no coordinates beside the modes'", 1, 2, 0, 0),
        ],
        misconceptions=[
            Misconception(
                "stays",
                lambda z, logits, mode: z + _in_front(_unit(logits, mode), z),
                "the old box is not left: the latent then has a 1 in two places. Take the found mode's one-hot away.",
            ),
            Misconception(
                "nowhere",
                lambda z, logits, mode: z - _in_front(F.one_hot(logits.argmax(1), logits.shape[1]), z),
                "the old box is left, but the new one's one-hot is not added.",
            ),
            Misconception(
                "place",
                _replaced,
                "the first coordinates are overwritten: the place *within* the box is lost there. Take a one-hot away "
                "and add another.",
            ),
            Misconception(
                "soft",
                lambda z, logits, mode: z + _in_front(_unit(logits, mode) - logits.softmax(1), z),
                "probabilities are taken away. A box is left whole: take away the one-hot of the most likely mode.",
            ),
            Misconception(
                "coordinates",
                by_largest_coordinate,
                "the mode is read from the coordinates of z; h2's logits are there for that.",
            ),
            Misconception(
                "end",
                lambda z, logits, mode: (
                    z
                    + F.pad(
                        (_unit(logits, mode) - F.one_hot(logits.argmax(1), logits.shape[1])).float(),
                        (z.shape[1] - logits.shape[1], 0),
                    )
                ),
                "the last coordinates are changed; the modes stand in the first.",
            ),
        ],
    )


EXERCISES = [
    Exercise(
        name="nemgan.engineered_latent",
        difficulty=1,
        minutes=4,
        reference=engineered_latent,
        check=_check_engineered_latent,
        hints=(
            "Make the one-hot modes as long as the noise, then add.",
            "torch.nn.functional.pad(modes, (0, how many zeros)) + 0.3 * noise.",
        ),
    ),
    Exercise(
        name="nemgan.smoothed_modes",
        difficulty=3,
        minutes=12,
        reference=smoothed_modes,
        check=_check_smoothed_modes,
        hints=(
            "Boundaries: logits.softmax(0).cumsum(0)[:-1], without the last, which is 1. All u against all boundaries: "
            "uniform.unsqueeze(1) - boundaries.",
            "H = 1 - (1e7 * (u - a)**3 / 5 + 0.5).clamp(0, 1), shape (n, modes - 1). Put a column of 0 before and a "
            "column of 1 behind it.",
            "torch.diff(H, dim=1, prepend=zeros, append=ones), where zeros and ones have shape (n, 1).",
        ),
    ),
    Exercise(
        name="nemgan.gradient_penalty",
        difficulty=3,
        minutes=10,
        reference=gradient_penalty,
        check=_check_gradient_penalty,
        hints=(
            "torch.func.grad(f)(x) is the gradient of f at x, and it can be differentiated again. f must give one "
            "number.",
            "f = lambda x: critic(x).sum(): the samples do not meet in the critic, so row i of its gradient is the "
            "slope at sample i.",
            "slope.norm(dim=1), minus 1, squared, mean.",
        ),
    ),
    Exercise(
        name="nemgan.inversion_loss",
        difficulty=2,
        minutes=6,
        reference=inversion_loss,
        check=_check_inversion_loss,
        hints=(
            "Two terms. The first is the mean squared error over samples and coordinates, times 10.",
            "The second: torch.nn.functional.cross_entropy takes logits and also one-hot targets.",
        ),
    ),
    Exercise(
        name="nemgan.prior_divergence",
        difficulty=2,
        minutes=8,
        reference=prior_divergence,
        check=_check_prior_divergence,
        hints=(
            "KL(p || q) = sum p log p - p log q. Which of the two carries the gradient, and which is data?",
            "found.detach(); drawn.clamp(min=1e-3); torch.xlogy(p, p) for p log p with 0 log 0 = 0.",
        ),
    ),
    Exercise(
        name="nemgan.prior_step",
        difficulty=3,
        minutes=8,
        reference=prior_step,
        check=_check_prior_step,
        hints=(
            "found: what h says of the reals, as probabilities, averaged over the batch, under torch.no_grad().",
            "drawn: prior(uniform).mean(0). Then prior_divergence, and the usual: zero_grad, backward, step.",
        ),
    ),
    Exercise(
        name="nemgan.carried",
        difficulty=2,
        minutes=6,
        reference=carried,
        check=_check_carried,
        hints=(
            "Which box is the sample in? mode_logits.argmax(1), as a one-hot row: that is to be taken away.",
            "one_hot(torch.tensor(mode), modes) is what is to be added; the same for all rows.",
            "Both have one coordinate a mode, in front: pad them with zeros to the latent's length.",
        ),
    ),
]  # fmt: skip

QUESTIONS = [
    Question(
        name="nemgan.wrong_prior",
        text="Five boxes are drawn equally often, 20 % each. The data have five clusters, far apart, of 10, 10, 20, 30 "
        "and 30 %. The discriminator wants that balance; the inversion network wants each box readable from what it "
        "makes. Both cannot have it all. What gives way?",
        choices=(
            Choice(
                "The boxes: some are spread over two clusters until the balance is right.",
                "A box is in one piece and the clusters are apart: to cover two, it must be torn, and the points "
                "between are seen at once. Section 9 measures where the boxes go.",
            ),
            Choice(
                "The balance: each box keeps to one cluster, and the small clusters come twice too often.",
                "So it is in section 9. A box in one piece is easily laid on one cluster and hardly on two. The "
                "discriminator sees the wrong balance, and nothing that the generator can do corrects it.",
            ),
            Choice(
                "The two small clusters: the generator leaves them out.",
                "Then five boxes share three clusters and can hardly be told apart.",
            ),
        ),
        right="b",
    ),
    Question(
        name="nemgan.early",
        text="The prior learns from what the inversion network h says of real data. Suppose it starts at step 1, with "
        "h just initialised. Where does the prior go first?",
        choices=(
            Choice(
                "To the true shares, only more slowly.",
                "h knows nothing of the shares yet. What it says at first is set by its random weights.",
            ),
            Choice(
                "To wherever the random weights of h happen to point.",
                "The divergence pulls the prior to the mean of h's answers, whatever they are. Whether it finds back "
                "depends on how fast h learns, and on whether a box has been starved meanwhile.",
            ),
            Choice(
                "Nowhere: h answers uniformly as long as it knows nothing.",
                "A random network is not uniform; some logits are larger than others for nearly all inputs.",
            ),
        ),
        right="b",
    ),
    Question(
        name="nemgan.no_labels",
        text="Take all labels away, in the plane, where the clusters are far apart. Boxes start at 20 % each. What "
        "does the prior learn?",
        choices=(
            Choice(
                "The true shares, but in any order: which box is which cluster is chance.",
                "In most seeds so it is. Boxes settle on clusters by themselves, h reads real points into them, and "
                "the prior counts. What is lost is the names. Where classes touch, a box need not become a class.",
            ),
            Choice(
                "Nothing: it stays near 20 % each.",
                "It would, if the boxes cut the data into five equal parts. But a box in one piece is easier laid on a "
                "whole cluster, and then h finds the cluster's share.",
            ),
            Choice(
                "To draw one box only.",
                "Then the generator would make one cluster, and the discriminator would notice.",
            ),
        ),
        right="a",
    ),
]  # fmt: skip
