"""Chapter 01, a GAN from scratch: the Dirac-GAN's field, the two losses, the two steps, the ring."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab.learn.checks import Case, Misconception, same_function, sorted_rows
from ganlab.learn.exercise import Choice, Exercise, Question
from ganlab.learn.probe import check_step
from ganlab.methods.gan import discriminator_loss, generator_loss, minimax_generator_loss

# ------------------------------------------------------------------------------------------ Dirac-GAN


def dirac_field(
    theta: Float[Tensor, "*any"], psi: Float[Tensor, "*any"]
) -> tuple[Float[Tensor, "*any"], Float[Tensor, "*any"]]:
    """The directions (d_theta, d_psi) in which the Dirac-GAN's two players move.

    The data is a point at 0, the generator a point at theta, the discriminator D(x) = sigmoid(psi x), the
    probability of "real". The GAN's objective is L(theta, psi) = log D(0) + log(1 - D(theta)): theta descends it,
    psi ascends it,

        d_theta = psi sigmoid(psi theta),   d_psi = -theta sigmoid(psi theta).

    Mescheder, Geiger and Nowozin 2018 (arXiv:1801.04406) write the mirror image, psi for -psi: there a large value
    means "generated".
    """
    slope = torch.sigmoid(psi * theta)
    return psi * slope, -theta * slope


def _check_dirac_field(answer):
    same_function(
        answer,
        dirac_field,
        [
            Case("theta = 1, psi = 0.5", (torch.tensor(1.0), torch.tensor(0.5))),
            Case("ten random points", (torch.randn(10), torch.randn(10))),
            Case("a 3 x 4 grid of points", (torch.randn(3, 4), torch.randn(3, 4))),
            Case("the equilibrium (0, 0)", (torch.tensor(0.0), torch.tensor(0.0))),
            Case(
                "theta = 20, psi = 20",
                (torch.tensor(20.0), torch.tensor(20.0)),
                "overflow",
                "exp(400) is too large for a float. torch.sigmoid(t) is the same slope and stays exact.",
            ),
        ],
        misconceptions=[
            Misconception(
                "sign",
                lambda theta, psi: tuple(-d for d in dirac_field(theta, psi)),
                "both players walk the wrong way: theta descends the objective, psi ascends it.",
            ),
            Misconception(
                "generator-ascends",
                lambda theta, psi: (-dirac_field(theta, psi)[0], dirac_field(theta, psi)[1]),
                "the generator ascends. It wants the objective small: its direction is minus the derivative.",
            ),
            Misconception(
                "discriminator-descends",
                lambda theta, psi: (dirac_field(theta, psi)[0], -dirac_field(theta, psi)[1]),
                "the discriminator descends. It wants the objective large: its direction is plus the derivative.",
            ),
            Misconception(
                "swapped",
                lambda theta, psi: dirac_field(theta, psi)[::-1],
                "the two directions are in the wrong order: d_theta comes first.",
            ),
            Misconception(
                "chain-rule",
                lambda theta, psi: (theta * torch.sigmoid(theta * psi), -psi * torch.sigmoid(theta * psi)),
                "the inner derivative is the wrong one: d(psi theta)/d theta is psi, not theta.",
            ),
            Misconception(
                "no-slope",
                lambda theta, psi: (psi, -theta),
                "the factor sigmoid(psi theta) is missing: this would be the field of a Wasserstein GAN, whose "
                "objective is the logit itself.",
            ),
            Misconception(
                "slope",
                lambda theta, psi: (psi * torch.sigmoid(-theta * psi), -theta * torch.sigmoid(-theta * psi)),
                "the slope has its argument turned: log(1 + exp(t)) has the slope exp(t) / (1 + exp(t)), "
                "which is sigmoid(t).",
            ),
            Misconception(
                "log-not-slope",
                lambda theta, psi: (psi * softplus(theta * psi), -theta * softplus(theta * psi)),
                "it uses log(1 + exp(t)) itself where its slope belongs.",
            ),
        ],
    )


# --------------------------------------------------------------------------------------------- losses

_LARGE = torch.tensor([-200.0, 200.0, -150.0])
_STAY_WITH_LOGITS = (
    "with logits this large, log(sigmoid(x)) is the log of 0 and exp(x) overflows; an added epsilon only "
    "hides it. log(sigmoid(x)) = -softplus(-x) stays exact."
)


def _check_discriminator_loss(answer):
    same_function(
        answer,
        discriminator_loss,
        [
            Case("64 random logits of each kind", (torch.randn(64) + 1, torch.randn(64) - 0.5)),
            Case("5 real and 3 fake logits", (torch.randn(5) + 1, torch.randn(3)), "mean", _TWO_MEANS),
            Case("a batch of one", (torch.randn(1), torch.randn(1))),
            Case("logits of ±200", (_LARGE, -_LARGE[:2]), "overflow", _STAY_WITH_LOGITS),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "sign",
                lambda real, fake: -discriminator_loss(real, fake),
                "the sign is turned: this is the objective that the discriminator maximises; a loss is minimised.",
            ),
            Misconception(
                "labels",
                lambda real, fake: softplus(real).mean() + softplus(-fake).mean(),
                "the labels are the wrong way round: it rewards calling real data fake.",
            ),
            Misconception(
                "sum",
                lambda real, fake: softplus(-real).sum() + softplus(fake).sum(),
                "it adds up the batch: take the mean, so that the learning rate does not depend on the batch size.",
            ),
            Misconception(
                "half",
                lambda real, fake: discriminator_loss(real, fake) / 2,
                "it is half of what it should be: the loss is the mean over the reals plus the mean over the "
                "fakes, not the mean of all of them.",
            ),
            Misconception(
                "mean",
                lambda real, fake: 2 * torch.cat([softplus(-real), softplus(fake)]).mean(),
                _TWO_MEANS,
            ),
            Misconception(
                "real-only",
                lambda real, fake: softplus(-real).mean(),
                "it looks at the reals only; the fakes count too.",
            ),
            Misconception(
                "fake-only",
                lambda real, fake: softplus(fake).mean(),
                "it looks at the fakes only; the reals count too.",
            ),
            Misconception(
                "both-real",
                lambda real, fake: softplus(-real).mean() + softplus(-fake).mean(),
                "it calls the fakes real: in the discriminator's loss their label is 0.",
            ),
            Misconception(
                "sigmoid-twice",
                lambda real, fake: discriminator_loss(real.sigmoid(), fake.sigmoid()),
                "the sigmoid is applied twice: binary_cross_entropy_with_logits and softplus take the logits "
                "as they are.",
            ),
            Misconception(
                "wasserstein",
                lambda real, fake: fake.mean() - real.mean(),
                "this is the Wasserstein critic's loss; here the logits go through log(sigmoid(...)).",
            ),
        ],
    )


_TWO_MEANS = (
    "with unequal numbers of reals and fakes the weights come out wrong: take the mean over the reals, the "
    "mean over the fakes, and add."
)


def _check_generator_loss(answer):
    same_function(
        answer,
        generator_loss,
        [
            Case("64 random logits", (torch.randn(64) - 0.5,)),
            Case("a batch of one", (torch.randn(1),)),
            Case("logits of ±200", (_LARGE,), "overflow", _STAY_WITH_LOGITS),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "saturating",
                minimax_generator_loss,
                "this is the minimax loss, E[log(1 - D)], whose gradient vanishes just where the generator "
                "is worst. The non-saturating one is -E[log D].",
            ),
            Misconception(
                "labels",
                lambda fake: softplus(fake).mean(),
                "it rewards being called fake: this is the discriminator's view of the fakes. "
                "The generator wants them called real.",
            ),
            Misconception(
                "sign",
                lambda fake: -softplus(-fake).mean(),
                "the sign is turned: E[log D] is to be maximised, so the loss is its negative.",
            ),
            Misconception(
                "sum",
                lambda fake: softplus(-fake).sum(),
                "it adds up the batch: take the mean, so that the learning rate does not depend on the batch size.",
            ),
            Misconception("half", lambda fake: softplus(-fake).mean() / 2, "it is half of what it should be."),
            Misconception(
                "sigmoid-twice",
                lambda fake: softplus(-fake.sigmoid()).mean(),
                "the sigmoid is applied twice: binary_cross_entropy_with_logits and softplus take the logits "
                "as they are.",
            ),
            Misconception(
                "wasserstein",
                lambda fake: -fake.mean(),
                "this is the Wasserstein generator's loss; here the logits go through log(sigmoid(...)).",
            ),
            Misconception(
                "no-log",
                lambda fake: 1 - fake.sigmoid().mean(),
                "the logarithm is missing: it is the mean of 1 - D, not of -log D.",
            ),
        ],
    )


# ---------------------------------------------------------------------------------------------- steps


def discriminator_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimiser: torch.optim.Optimizer,
    real: Float[Tensor, "n dim"],
    latent: Float[Tensor, "n latent"],
) -> Float[Tensor, ""]:
    """Train the discriminator on one batch, the generator held still; the loss before the update, detached.

    `optimiser` holds the discriminator's weights.
    """
    fake = generator(latent).detach()
    loss = discriminator_loss(discriminator(real), discriminator(fake))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def generator_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimiser: torch.optim.Optimizer,
    latent: Float[Tensor, "n latent"],
) -> Float[Tensor, ""]:
    """Train the generator on one batch of latents; the loss before the update, detached.

    `optimiser` holds the generator's weights. The gradient passes through the discriminator. What it leaves
    in the discriminator's .grad does no harm, since the discriminator's own step begins with zero_grad().
    """
    loss = generator_loss(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def _logits(players, batch):
    real = players["discriminator"](batch["real"])
    fake = players["discriminator"](players["generator"](batch["latent"]).detach())
    return real, fake


def _check_discriminator_step(answer):
    check_step(
        answer,
        arguments=("generator", "discriminator", "optimiser", "real", "latent"),
        trains="discriminator",
        loss=lambda players, batch: discriminator_loss(*_logits(players, batch)),
        misconceptions=[
            Misconception(
                "labels",
                lambda players, batch: discriminator_loss(*reversed(_logits(players, batch))),
                "the labels are the wrong way round: the discriminator learns to call real data fake.",
            ),
            Misconception(
                "generator-loss",
                lambda players, batch: generator_loss(_logits(players, batch)[1]),
                "it minimises the generator's loss: the discriminator would learn to help the generator.",
            ),
            Misconception(
                "real-only",
                lambda players, batch: softplus(-_logits(players, batch)[0]).mean(),
                "only the reals enter its loss; without fakes it learns to call everything real.",
            ),
            Misconception(
                "fake-only",
                lambda players, batch: softplus(_logits(players, batch)[1]).mean(),
                "only the fakes enter its loss; without reals it learns to call everything fake.",
            ),
            Misconception(
                "latent-as-fake",
                lambda players, batch: discriminator_loss(
                    players["discriminator"](batch["real"]), players["discriminator"](batch["latent"])
                ),
                "the discriminator is shown the latents themselves; pass them through the generator first.",
            ),
            Misconception(
                "sigmoid-twice",
                lambda players, batch: discriminator_loss(*(x.sigmoid() for x in _logits(players, batch))),
                "the sigmoid is applied twice: the loss takes the discriminator's logits as they are.",
            ),
        ],
    )


def _check_generator_step(answer):
    def fake_logits(players, batch):
        return players["discriminator"](players["generator"](batch["latent"]))

    check_step(
        answer,
        arguments=("generator", "discriminator", "optimiser", "latent"),
        trains="generator",
        may_reach=("discriminator",),
        loss=lambda players, batch: generator_loss(fake_logits(players, batch)),
        misconceptions=[
            Misconception(
                "saturating",
                lambda players, batch: minimax_generator_loss(fake_logits(players, batch)),
                "the generator minimises E[log(1 - D)], the minimax loss; this exercise wants the non-saturating one.",
            ),
            Misconception(
                "labels",
                lambda players, batch: softplus(fake_logits(players, batch)).mean(),
                "the generator learns to be called fake: this is the discriminator's view of the fakes.",
            ),
        ],
    )


# ----------------------------------------------------------------------------------------------- ring


def ring_centres(modes: int, radius: float) -> Float[Tensor, "modes 2"]:
    """Centres of `modes` modes, evenly spaced on a circle about the origin, the first at (radius, 0).

    linspace(0, 2 pi, modes) has both ends in it, and 0 and 2 pi are the same place: it gives modes - 1
    different centres, one of them twice. Published code has made that mistake.
    """
    angles = 2 * math.pi * torch.arange(modes) / modes
    return radius * torch.stack([angles.cos(), angles.sin()], dim=-1)


def _circle(angles: Tensor, radius: float) -> Tensor:
    return radius * torch.stack([angles.cos(), angles.sin()], dim=-1)


def _check_ring_centres(answer):
    same_function(
        answer,
        ring_centres,
        [
            Case("8 modes, radius 1", (8, 1.0)),
            Case("5 modes, radius 2", (5, 2.0)),
            Case("3 modes, radius 0.5", (3, 0.5)),
            Case("a single mode", (1, 1.0)),
        ],
        canonical=sorted_rows,
        misconceptions=[
            Misconception(
                "linspace",
                lambda modes, radius: _circle(torch.linspace(0, 2 * math.pi, modes), radius),
                "the first and the last centre are the same point: 0 and 2 pi are one angle, and linspace "
                "has both. So one mode is missing and another weighs double.",
            ),
            Misconception("radius", lambda modes, radius: ring_centres(modes, 1.0), "it ignores the radius."),
            Misconception(
                "diameter",
                lambda modes, radius: ring_centres(modes, radius / 2),
                "the radius is taken for a diameter.",
            ),
            Misconception(
                "half-circle",
                lambda modes, radius: _circle(math.pi * torch.arange(modes) / modes, radius),
                "the centres fill half a circle: a full turn is 2 pi.",
            ),
            Misconception(
                "degrees",
                lambda modes, radius: _circle(360 * torch.arange(modes) / modes, radius),
                "the angles are in degrees; cos and sin take radians.",
            ),
            Misconception(
                "eight",
                lambda modes, radius: _circle(2 * math.pi * torch.arange(modes) / 8, radius),
                "the angle between neighbours is that of eight modes whatever the number asked for.",
            ),
            Misconception(
                "rotated",
                lambda modes, radius: _circle(2 * math.pi * (torch.arange(modes) + 0.5) / modes, radius),
                "the ring is rotated by half a place: the first centre lies at angle 0, at (radius, 0).",
            ),
        ],
    )


EXERCISES = [
    Exercise(
        name="gan.dirac_field",
        difficulty=2,
        minutes=8,
        reference=dirac_field,
        check=_check_dirac_field,
        hints=(
            "log D(0) is a constant, and log(1 - sigmoid(t)) = -log(1 + exp(t)) with t = psi theta. So only -log(1 + "
            "exp(t)) matters.",
            "log(1 + exp(t)) has the slope sigmoid(t). The chain rule gives dL/dtheta = -psi sigmoid(psi theta), and "
            "dL/dpsi likewise.",
            "theta moves along -dL/dtheta, psi along +dL/dpsi: (psi * slope, -theta * slope), in this order.",
        ),
    ),
    Exercise(
        name="gan.ring_centres",
        difficulty=1,
        minutes=5,
        reference=ring_centres,
        check=_check_ring_centres,
        hints=(
            "Mode i sits at the angle 2 pi i / modes. How far does i run?",
            "torch.arange(modes) ends at modes - 1, so the angle 2 pi, which is 0 again, does not come up.",
            "torch.stack([angles.cos(), angles.sin()], dim=-1) makes the points.",
        ),
    ),
    Exercise(
        name="gan.discriminator_loss",
        difficulty=2,
        minutes=8,
        reference=discriminator_loss,
        check=_check_discriminator_loss,
        hints=(
            "It is the cross-entropy with label 1 for real and 0 for fake: -E[log D(real)] - E[log(1 - D(fake))].",
            "With D = sigmoid(x): log D = -softplus(-x) and log(1 - D) = -softplus(x).",
            "Mean over the reals of softplus(-real_logits), plus mean over the fakes of softplus(fake_logits).",
        ),
    ),
    Exercise(
        name="gan.generator_loss",
        difficulty=1,
        minutes=5,
        reference=generator_loss,
        check=_check_generator_loss,
        hints=(
            "The generator wants its fakes to be called real. Which of the two terms of the discriminator's "
            "loss says 'this is real'?",
            "-E[log D(fake)] with D = sigmoid(x) and log D = -softplus(-x).",
        ),
    ),
    Exercise(
        name="gan.discriminator_step",
        difficulty=3,
        minutes=10,
        reference=discriminator_step,
        check=_check_discriminator_step,
        hints=(
            "Five things in order: make fakes, compute the loss, zero_grad, backward, step. Then return the loss.",
            "The generator is not trained here: detach() the fakes, so that backward() stops at them.",
            "loss = discriminator_loss(discriminator(real), discriminator(generator(latent).detach())); "
            "return loss.detach() at the end.",
        ),
    ),
    Exercise(
        name="gan.generator_step",
        difficulty=3,
        minutes=8,
        reference=generator_step,
        check=_check_generator_step,
        hints=(
            "As in the other step, but now the gradient must travel from the loss through the discriminator "
            "into the generator. Where would a detach() cut it?",
            "optimiser holds the generator's weights only, so the discriminator stays put although gradients pass it.",
            "loss = generator_loss(discriminator(generator(latent))), then zero_grad, backward, step.",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="gan.rotation",
        text=(
            "The Dirac-GAN starts at theta = 1, psi = 0. Both players follow their arrows at the same moment, with "
            "small steps. Where does it go?"
        ),
        choices=(
            Choice(
                "Straight to the equilibrium (0, 0).",
                "At (1, 0) theta does not move at all: d_theta = psi / 2 = 0. First psi must leave 0, and by then ...",
            ),
            Choice(
                "It circles the equilibrium, a little further out with every turn.",
                "The field is at a right angle to the direction of the equilibrium: theta d_theta + psi "
                "d_psi = 0. Infinitely small steps would circle for ever; steps of finite length leave the "
                "circle outwards.",
            ),
            Choice(
                "It circles the equilibrium and slowly spirals in.",
                "Nothing pulls inwards: theta d_theta + psi d_psi = 0 at every point, so the distance to (0, "
                "0) does not shrink. A penalty on the discriminator's gradient would do it.",
            ),
        ),
        right="b",
    ),
    Question(
        name="gan.no_detach",
        text=(
            "Someone forgets to detach the fakes in the discriminator's step. All else is right: each player clears "
            "its gradients before backward(). What happens?"
        ),
        choices=(
            Choice(
                "The generator is trained in the wrong direction.",
                "Its gradients are computed, and they would point the wrong way; but the optimiser of this "
                "step holds the discriminator's weights only, and the generator's own step begins with "
                "zero_grad().",
            ),
            Choice(
                "Nothing changes in the result; each step costs more.",
                "backward() runs on through the generator for nothing. It turns into an error of the result "
                "as soon as the generator's step forgets its zero_grad(). Two harmless mistakes make a "
                "harmful one.",
            ),
            Choice(
                "An error: the graph is used twice.",
                "Only if the same fakes were used again in the generator's step. Here they are made anew.",
            ),
        ),
        right="b",
    ),
]
