"""Chapter 04, Mode Regularized GAN: the regulariser's signs, who is real in the diffusion step, the paper's metrics."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, Question
from ganlab.learn.probe import Player, check_step, gaussian_batch, two_players
from ganlab.methods.gan import discriminator_loss
from ganlab.methods.gan import generator_loss as plain_generator_loss
from ganlab.methods.mdgan import generator_loss, mode_regulariser, squared_distance
from ganlab.metrics.modes import mass_in_place
from ganlab.metrics.scores import class_balance_kl, inception_score, mode_score

_LARGE = torch.tensor([-200.0, 200.0, -150.0])
_STAY_WITH_LOGITS = (
    "with logits this large log(sigmoid(x)) is the log of 0. log(sigmoid(x)) = -softplus(-x) = "
    "logsigmoid(x) stays exact."
)

# ------------------------------------------------------------------------------------- the regulariser


def _check_mode_regulariser(answer):
    same_function(
        answer,
        mode_regulariser,
        [
            Case("64 random logits", (torch.randn(64) - 0.5,)),
            Case("a batch of one", (torch.randn(1),)),
            Case("logits of ±200", (_LARGE,), "overflow", _STAY_WITH_LOGITS),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "sign",
                lambda logits: softplus(-logits).mean(),
                "the sign is turned: this is -E[log D]. The term itself is E[log D], never positive; what sign it gets "
                "in a loss is the next exercise.",
            ),
            Misconception(
                "fake",
                lambda logits: -softplus(logits).mean(),
                "this is E[log(1 - D)]: small when D takes the reconstructions for real.",
            ),
            Misconception("sum", lambda logits: -softplus(-logits).sum(), "it adds up the batch: take the mean."),
            Misconception("no-log", lambda logits: logits.sigmoid().mean(), "the logarithm is missing: it is E[D]."),
            Misconception(
                "logits",
                lambda logits: logits.mean(),
                "the logits are not log D: pass them through log(sigmoid(.)).",
            ),
            Misconception(
                "log-of-mean",
                lambda logits: logits.sigmoid().mean().log(),
                "it is the log of the mean; the term is the mean of the logs, which cares more about the worst ones.",
            ),
        ],
    )


def _wrong(change):
    """A wrong generator's loss from the right one's parts: change(fake, distance, mode, lambda1, lambda2)."""

    def answer(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
        return change(
            plain_generator_loss(fake_logits),
            squared_distance(real, reconstruction),
            mode_regulariser(reconstruction_logits),
            lambda1,
            lambda2,
        )

    return answer


def _mean_over_coordinates(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    distance = (real - reconstruction).square().mean()
    return plain_generator_loss(fake_logits) + lambda1 * distance - lambda2 * mode_regulariser(reconstruction_logits)


def _not_squared(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    distance = (real - reconstruction).norm(dim=-1).mean()
    return plain_generator_loss(fake_logits) + lambda1 * distance - lambda2 * mode_regulariser(reconstruction_logits)


def _summed_distance(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    distance = (real - reconstruction).square().sum()
    return plain_generator_loss(fake_logits) + lambda1 * distance - lambda2 * mode_regulariser(reconstruction_logits)


def _pooled(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    terms = torch.cat([softplus(-fake_logits), lambda2 * softplus(-reconstruction_logits)])
    return terms.mean() + lambda1 * squared_distance(real, reconstruction)


def _summed(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    return len(real) * generator_loss(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2)


def _pushed_to_fake(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    distance = squared_distance(real, reconstruction)
    return plain_generator_loss(fake_logits) + lambda1 * distance + lambda2 * softplus(reconstruction_logits).mean()


def _saturating(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    distance = squared_distance(real, reconstruction)
    return plain_generator_loss(fake_logits) + lambda1 * distance - lambda2 * softplus(reconstruction_logits).mean()


def _regularised_on_fakes(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    distance = squared_distance(real, reconstruction)
    return (1 + lambda2) * plain_generator_loss(fake_logits) + lambda1 * distance


def _detached(fake_logits, real, reconstruction, reconstruction_logits, lambda1, lambda2):
    return generator_loss(fake_logits, real, reconstruction.detach(), reconstruction_logits, lambda1, lambda2)


def _check_generator_loss(answer):
    def case(words, fake, n, reason="value", why="", logits=None):
        logits = torch.randn(n) - 0.5 if logits is None else logits
        return Case(words, (fake, torch.randn(n, 2), torch.randn(n, 2), logits, 0.3, 0.7), reason, why)

    same_function(
        answer,
        generator_loss,
        [
            case("16 random reals", torch.randn(16), 16),
            case("a batch of one", torch.randn(1), 1),
            case("24 fakes and 16 reals", torch.randn(24), 16),
            case("logits of ±200", _LARGE, 3, "overflow", _STAY_WITH_LOGITS, logits=-_LARGE),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "printed-sign",
                _wrong(lambda fake, d, mode, l1, l2: fake + l1 * d + l2 * mode),
                "lambda2 log D(G(E(x))) has a plus, as printed in the paper. Minimising it makes D take the "
                "reconstructions for *fake*: it pushes them away from the data. Which sign does the argument need?",
            ),
            Misconception(
                "printed",
                _wrong(lambda fake, d, mode, l1, l2: -fake + l1 * d + l2 * mode),
                "this is equation 1 as printed in arXiv v1, without a minus. Minimised, it makes D take all that G "
                "makes for fake. The distance is right to minimise; both log D terms must rise.",
            ),
            Misconception(
                "maximised",
                _wrong(lambda fake, d, mode, l1, l2: -fake - l1 * d + l2 * mode),
                "all signs are turned: this is what G maximises. Return a loss, which is minimised.",
            ),
            Misconception(
                "distance-sign",
                _wrong(lambda fake, d, mode, l1, l2: fake - l1 * d - l2 * mode),
                "minimised, it drives reconstructions *away* from x: the distance needs a plus.",
            ),
            Misconception(
                "fake-sign",
                _wrong(lambda fake, d, mode, l1, l2: -fake + l1 * d - l2 * mode),
                "the sign of the first term is turned: minimised, it makes D take G(z) for fake.",
            ),
            Misconception(
                "swapped",
                _wrong(lambda fake, d, mode, l1, l2: fake + l2 * d - l1 * mode),
                "lambda1 and lambda2 are swapped: lambda1 weighs the distance.",
            ),
            Misconception(
                "encoder-loss",
                _wrong(lambda fake, d, mode, l1, l2: l1 * d - l2 * mode),
                "this is the encoder's loss. The generator also wants its G(z) taken for real.",
            ),
            Misconception(
                "no-mode", _wrong(lambda fake, d, mode, l1, l2: fake + l1 * d), "the mode regulariser is missing."
            ),
            Misconception(
                "no-distance", _wrong(lambda fake, d, mode, l1, l2: fake - l2 * mode), "the distance is missing."
            ),
            Misconception(
                "unweighted",
                _wrong(lambda fake, d, mode, l1, l2: fake + d - mode),
                "the two terms enter with weight 1: multiply by lambda1 and lambda2.",
            ),
            Misconception(
                "mean-coordinates",
                _mean_over_coordinates,
                "the squared distance is averaged over the coordinates too (mse_loss does that). Sum over the "
                "coordinates of a sample, then average over samples; else lambda1 means something else in each "
                "dimension.",
            ),
            Misconception(
                "summed-distance",
                _summed_distance,
                "the squared distance is added up over the batch too. Sum over coordinates only; average over samples.",
            ),
            Misconception(
                "pooled",
                _pooled,
                "fakes and reconstructions are averaged together. Each expectation is a mean over its own batch.",
            ),
            Misconception("not-squared", _not_squared, "it is the distance, not its square."),
            Misconception("sum", _summed, "it adds up the batch: take means."),
            Misconception(
                "pushed-to-fake",
                _pushed_to_fake,
                "the last term is the cross-entropy with label 0: it teaches reconstructions to be taken for fake.",
            ),
            Misconception(
                "saturating",
                _saturating,
                "the mode term is log(1 - D), which has no slope where D calls a reconstruction fake, just where it "
                "is needed.",
            ),
            Misconception(
                "fakes-twice",
                _regularised_on_fakes,
                "the mode term looks at G(z) again. It belongs to G(E(x)): that is where modes without any G(z) get "
                "a say.",
            ),
            Misconception(
                "detached",
                _detached,
                "the value is right, but no gradient passes through the reconstruction's distance: G and E would not "
                "learn to reconstruct.",
            ),
        ],
    )  # fmt: skip


# ---------------------------------------------------------------------------------- the diffusion step


def diffusion_discriminator_step(
    generator: nn.Module,
    encoder: nn.Module,
    discriminator: nn.Module,
    optimiser: torch.optim.Optimizer,
    real: Float[Tensor, "n dim"],
    latent: Float[Tensor, "n latent"],
) -> Float[Tensor, ""]:
    """Train D2 to tell reconstructions (its reals) from G(z) (its fakes); the loss before the update, detached.

    `optimiser` holds D2's weights. Neither generator nor encoder gets a gradient.
    """
    with torch.no_grad():
        reconstruction, fake = generator(encoder(real)), generator(latent)
    loss = discriminator_loss(discriminator(reconstruction), discriminator(fake))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def _three_players() -> dict[str, Player]:
    encoder = Player(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)))
    return {**two_players(), "encoder": encoder}


def _check_diffusion_discriminator_step(answer):
    def logits(players, x):
        return players["discriminator"](x.detach())

    def reconstruction(players, batch):
        return players["generator"](players["encoder"](batch["real"]))

    def fake(players, batch):
        return players["generator"](batch["latent"])

    check_step(
        answer,
        arguments=("generator", "encoder", "discriminator", "optimiser", "real", "latent"),
        trains="discriminator",
        make_players=_three_players,
        make_batch=gaussian_batch,
        loss=lambda players, batch: discriminator_loss(
            logits(players, reconstruction(players, batch)), logits(players, fake(players, batch))
        ),
        misconceptions=[
            Misconception(
                "plain-gan",
                lambda players, batch: discriminator_loss(
                    logits(players, batch["real"]), logits(players, fake(players, batch))
                ),
                "its reals are x. In the diffusion step D2's reals are the reconstructions G(E(x)): both things "
                "that it compares lie on the generator's manifold.",
            ),
            Misconception(
                "manifold-step",
                lambda players, batch: discriminator_loss(
                    logits(players, batch["real"]), logits(players, reconstruction(players, batch))
                ),
                "this is D1's step, x against G(E(x)). D2 compares G(E(x)) with G(z).",
            ),
            Misconception(
                "labels",
                lambda players, batch: discriminator_loss(
                    logits(players, fake(players, batch)), logits(players, reconstruction(players, batch))
                ),
                "the labels are the wrong way round: the reconstruction is D2's real, G(z) its fake.",
            ),
            Misconception(
                "both-fake",
                lambda players, batch: (
                    softplus(logits(players, reconstruction(players, batch))).mean()
                    + softplus(logits(players, fake(players, batch))).mean()
                ),
                "the reconstruction is called fake. The generator made it, but here it plays the data.",
            ),
            Misconception(
                "code-as-real",
                lambda players, batch: discriminator_loss(
                    logits(players, players["encoder"](batch["real"])), logits(players, fake(players, batch))
                ),
                "D2 is shown the code E(x); decode it with the generator first.",
            ),
        ],
    )


# --------------------------------------------------------------------------------------------- metrics


def _check_mass_in_place(answer):
    even, uneven = torch.full((4,), 0.25), torch.tensor([0.5, 0.3, 0.15, 0.05])
    same_function(
        answer,
        mass_in_place,
        [
            Case("four even modes, some points on none", (torch.tensor([300, 10, 0, 250]), 1000, even)),
            Case("uneven modes", (torch.tensor([100, 400, 100, 300]), 1000, uneven)),
            Case("no point on any mode", (torch.tensor([0, 0, 0, 0]), 500, even)),
            Case(
                "three seeds at once", (torch.tensor([[300, 10, 0, 250], [90, 90, 90, 90], [999, 0, 0, 1]]), 1000, even)
            ),
        ],
        misconceptions=[
            Misconception(
                "kept-only",
                lambda counts, n, weights: torch.minimum(
                    counts / counts.sum(-1, keepdim=True).clamp(min=1), weights
                ).sum(-1),
                "the shares are of the points that lie on some mode. Divide by n, all points: else a generator that "
                "puts nine of ten points between the modes loses nothing by it.",
            ),
            Misconception(
                "quality",
                lambda counts, n, weights: (counts / n).sum(-1),
                "this is the share of points on any mode. A generator of one mode alone would get everything: a mode "
                "counts at most with its own weight.",
            ),
            Misconception(
                "covered",
                lambda counts, n, weights: torch.where(counts > 0, weights, 0.0).sum(-1),
                "one lucky point brings the mode's whole weight. Only what is there counts, at most the weight.",
            ),
            Misconception(
                "mean",
                lambda counts, n, weights: torch.minimum(counts / n, weights).mean(-1),
                "it is the mean over modes; the shares add up.",
            ),
            Misconception(
                "maximum",
                lambda counts, n, weights: torch.maximum(counts / n, weights).sum(-1),
                "it takes the larger of the two; the overlap is the smaller.",
            ),
            Misconception(
                "difference",
                lambda counts, n, weights: (counts / n - weights).abs().sum(-1),
                "this adds up differences, which is 0 for a perfect generator; the overlap is what both have.",
            ),
        ],
    )


def _check_mode_score(answer):
    def posteriors(n, classes, sharpness=3.0):
        return (sharpness * torch.randn(n, classes, dtype=torch.float64)).softmax(-1)

    uneven = torch.tensor([0.6, 0.3, 0.08, 0.02], dtype=torch.float64)
    same_function(
        answer,
        mode_score,
        [
            Case("200 samples, 4 uneven classes", (posteriors(200, 4), uneven)),
            Case("200 samples, 10 even classes", (posteriors(200, 10), torch.full((10,), 0.1, dtype=torch.float64))),
            Case("a single sample", (posteriors(1, 4), uneven)),
            Case(
                "a classifier that is entirely sure",
                (torch.eye(4, dtype=torch.float64)[[0, 0, 1, 2]], uneven),
                "zero",
                "0 log 0 counts as 0: torch.xlogy(p, p) does that.",
            ),
        ],
        misconceptions=[
            Misconception(
                "inception",
                lambda p, train: inception_score(p),
                "this is the Inception score. If you took both divergences to p_train, as printed, then that is "
                "why: the training marginal cancels. The first divergence goes to the generated marginal.",
            ),
            Misconception(
                "balance-sign",
                lambda p, train: inception_score(p) ** 2 / mode_score(p, train),
                "a wrong balance is rewarded: the second divergence is subtracted.",
            ),
            Misconception(
                "log", lambda p, train: float(torch.tensor(mode_score(p, train)).log()), "the exponential is missing."
            ),
            Misconception(
                "direction",
                lambda p, train: inception_score(p) * float((-(train * (train / p.mean(0)).log()).sum()).exp()),
                "the second divergence is KL(p_train || p_generated); it becomes infinite as soon as a class is "
                "absent. This form has KL(p_generated || p_train).",
            ),
            Misconception(
                "balance-only",
                lambda p, train: float(torch.tensor(-class_balance_kl(p, train)).exp()),
                "only the balance counts; the first divergence asks whether each sample is sure of its class.",
            ),
            Misconception(
                "sum",
                lambda p, train: inception_score(p) ** len(p) * mode_score(p, train) / inception_score(p),
                "the first divergence is added up over the samples; it is their mean.",
            ),
        ],
    )  # fmt: skip


def ideal_discriminator(log_data: Float[Tensor, "*any"], log_generated: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """The best possible discriminator, from the two log densities: p_data / (p_data + p_generated).

    = sigmoid(log p_data - log p_generated). Near 1 where only data lie, 1/2 where both do.
    """
    return torch.sigmoid(log_data - log_generated)


def _check_ideal_discriminator(answer):
    same_function(
        answer,
        ideal_discriminator,
        [
            Case("ten random log densities", (torch.randn(10), torch.randn(10))),
            Case("equal densities", (torch.tensor([-3.0]), torch.tensor([-3.0]))),
            Case(
                "log densities of -500 and -520",
                (torch.tensor([-500.0, -520.0]), torch.tensor([-520.0, -500.0])),
                "underflow",
                "exp(-500) is 0 in floats, and 0 / 0 is undefined. Only the difference of the logs matters.",
            ),
        ],
        misconceptions=[
            Misconception(
                "printed",
                lambda data, generated: torch.sigmoid(generated - data),
                "this is equation 5 as printed, p_g / (p_g + p_d): it is near 0 at a missing mode, against the paper's "
                "own text. A discriminator trained to say 1 for data gives the data's share.",
            ),
            Misconception(
                "ratio",
                lambda data, generated: (data - generated).exp(),
                "this is the ratio of the densities; the discriminator gives the data's share of the two.",
            ),
            Misconception(
                "logits",
                lambda data, generated: data - generated,
                "these are the ideal *logits*; pass them through the sigmoid.",
            ),
            Misconception(
                "of-logs",
                lambda data, generated: data / (data + generated),
                "it divides the logarithms; the densities are their exponentials.",
            ),
            Misconception(
                "data-only",
                lambda data, generated: torch.sigmoid(data),
                "the generated density does not enter.",
            ),
        ],
    )


EXERCISES = [
    Exercise(
        name="mdgan.mode_regulariser",
        difficulty=1,
        minutes=3,
        reference=mode_regulariser,
        check=_check_mode_regulariser,
        hints=(
            "D = sigmoid(logit). Which function of torch is log(sigmoid(x)), safely?",
            "torch.nn.functional.logsigmoid, or -softplus(-x). Then the mean over the batch.",
        ),
    ),
    Exercise(
        name="mdgan.generator_loss",
        difficulty=3,
        minutes=10,
        reference=generator_loss,
        check=_check_generator_loss,
        hints=(
            "Do not trust the printed signs. For each of the three terms ask: should it go up or down?",
            "log D of fakes: up. Squared distance: down. log D of reconstructions: up. A loss is minimised.",
            "-E[log D(G(z))] + lambda1 * E||x - G(E(x))||^2 - lambda2 * E[log D(G(E(x)))], where the norm sums over "
            "the last axis and E averages over the batch.",
        ),
    ),
    Exercise(
        name="mdgan.diffusion_discriminator_step",
        difficulty=2,
        minutes=8,
        reference=diffusion_discriminator_step,
        check=_check_diffusion_discriminator_step,
        hints=(
            "What are the two things that D2 compares, and which of them is called real?",
            "Real: generator(encoder(real)). Fake: generator(latent). Make both under torch.no_grad(): only D2 learns.",
            "Then as in chapter 01: discriminator loss, zero_grad(), backward(), step(), return loss.detach().",
        ),
    ),
    Exercise(
        name="mdgan.mass_in_place",
        difficulty=1,
        minutes=5,
        reference=mass_in_place,
        check=_check_mass_in_place,
        hints=(
            "What share of all points is on mode k? How much of it should be there?",
            "torch.minimum compares entry by entry, and weights meets every seed by itself.",
            "Sum over the last axis, which holds the modes: .sum(-1).",
        ),
    ),
    Exercise(
        name="mdgan.mode_score",
        difficulty=2,
        minutes=8,
        reference=mode_score,
        check=_check_mode_score,
        hints=(
            "p_generated is the mean of the posteriors over the samples. Two divergences, one minus the other, then "
            "exp.",
            "KL(p || q) = sum over classes of p log p - p log q; torch.xlogy(p, q) is p log q with 0 log 0 = 0.",
            "exp(mean_x KL(p(y|x) || p_generated) - KL(p_generated || p_train)).",
        ),
    ),
    Exercise(
        name="mdgan.ideal_discriminator",
        difficulty=1,
        minutes=4,
        reference=ideal_discriminator,
        check=_check_ideal_discriminator,
        hints=(
            "Write p / (p + q) as a function of p / q.",
            "1 / (1 + q / p) = 1 / (1 + exp(log q - log p)): that is a sigmoid. Of what?",
        ),
    ),
]  # fmt: skip

QUESTIONS = [
    Question(
        name="mdgan.flat",
        text="All of G's samples lie near one mode. At a mode far from them D is sure: D = 0.99, 'real'. What does the "
        "gradient of G's loss know about that far mode?",
        choices=(
            Choice(
                "Everything: D is high there, and G climbs towards high D.",
                "G climbs, but from where it stands. The gradient is taken at G's own samples; how high D is "
                "elsewhere does not "
                "enter.",
            ),
            Choice(
                "Only what D's slope at G's own samples happens to say.",
                "E[log D(G(z))] is evaluated at G(z) and nowhere else. A mode that no sample is near has no term in "
                "the sum. What G hears of it is what it did to D's slope elsewhere: a direction for all samples.",
            ),
            Choice(
                "Nothing, since D is flat everywhere.",
                "D is flat at the far mode, but it need not be flat at G's samples, and that is where it is read.",
            ),
        ),
        right="b",
    ),
    Question(
        name="mdgan.sign",
        text="A public code minimises a loss that holds + lambda2 log D(G(E(x))). What does this term then do to a "
        "reconstruction?",
        choices=(
            Choice(
                "It moves it to where D says real.",
                "That would raise log D. Minimising + log D lowers it.",
            ),
            Choice(
                "It moves it to where D says fake.",
                "Minimising log D makes D(G(E(x))) small. It works against the distance, which pulls the same point "
                "to x. At a small lambda2 the distance wins and you may not notice.",
            ),
            Choice(
                "Nothing: the distance decides.",
                "The distance may hide it when lambda2 is small, but the term has a gradient: lambda2 (1 - D) on every "
                "logit, the largest where D says fake.",
            ),
        ),
        right="b",
    ),
    Question(
        name="mdgan.balance",
        text="A digit generator makes nine tenths of its images the digit 1, in many fine variants, and the others "
        "evenly. A second one makes all ten digits evenly. The training data have nine tenths of 1. Which gets the "
        "higher Inception score?",
        choices=(
            Choice(
                "The first, since it has the data's balance.",
                "The Inception score does not know the data. It rewards an even spread over classes.",
            ),
            Choice(
                "The second, since it is even over the classes.",
                "10 against about 1.7. The score never looks at the training data. The MODE score was meant to.",
            ),
            Choice(
                "They tie: every image is recognised with certainty.",
                "Certainty is one half of the score; the spread over classes is the other.",
            ),
        ),
        right="b",
    ),
]  # fmt: skip
