"""Chapter 03, collapse on demand: the loss that saturates, losses that look healthy, and what to expect when."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, Question
from ganlab.methods.gan import minimax_generator_loss

_LARGE = torch.tensor([-200.0, 200.0, -150.0])


def _check_minimax_generator_loss(answer):
    same_function(
        answer,
        minimax_generator_loss,
        [
            Case("64 random logits", (torch.randn(64) - 0.5,)),
            Case("a batch of one", (torch.randn(1),)),
            Case(
                "logits of ±200",
                (_LARGE,),
                "overflow",
                "1 - sigmoid(200) is 0 in a float, and its log is infinite. log(1 - sigmoid(x)) = -softplus(x) "
                "stays exact.",
            ),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "non-saturating",
                lambda fake: softplus(-fake).mean(),
                "this is the non-saturating loss, -E[log D]. Here the game is wanted as it is written: "
                "E[log(1 - D)], to be minimised.",
            ),
            Misconception(
                "sign",
                lambda fake: softplus(fake).mean(),
                "the sign is turned: -E[log(1 - D)] is the discriminator's term. The generator minimises "
                "+E[log(1 - D)].",
            ),
            Misconception(
                "no-complement",
                lambda fake: -softplus(-fake).mean(),
                "this is E[log D], to be minimised: it would ask for fakes that look fake.",
            ),
            Misconception("sum", lambda fake: -softplus(fake).sum(), "it adds up the batch: take the mean."),
            Misconception(
                "no-log",
                lambda fake: (1 - fake.sigmoid()).mean(),
                "the logarithm is missing.",
            ),
            Misconception(
                "sigmoid-twice",
                lambda fake: -softplus(fake.sigmoid()).mean(),
                "the sigmoid is applied twice: softplus takes the logits as they are.",
            ),
        ],
    )


def gradient_of_fakes(fake_logits: Float[Tensor, " n"], loss: str) -> Float[Tensor, " n"]:
    """d(loss of one fake)/d(its logit) for the generator's two losses, `"non-saturating"` or `"minimax"`.

    With D = sigmoid(logit): the non-saturating -log D has the slope D - 1, the minimax log(1 - D) has -D. When the
    discriminator is sure that a sample is fake (D near 0), the first is -1 and the second is 0.
    """
    probability = fake_logits.sigmoid()
    return probability - 1 if loss == "non-saturating" else -probability


def _check_gradient_of_fakes(answer):
    logits = torch.randn(32) * 3
    sure = torch.tensor([-30.0, -10.0, 0.0, 10.0, 30.0])
    same_function(
        answer,
        gradient_of_fakes,
        [
            Case("32 random logits, non-saturating", (logits, "non-saturating")),
            Case("32 random logits, minimax", (logits, "minimax")),
            Case("logits of ±30, non-saturating", (sure, "non-saturating")),
            Case("logits of ±30, minimax", (sure, "minimax")),
        ],
        misconceptions=[
            Misconception(
                "exchanged",
                lambda x, loss: gradient_of_fakes(x, "minimax" if loss == "non-saturating" else "non-saturating"),
                "the two losses are exchanged: which of them still pushes when D is near 0?",
            ),
            Misconception(
                "sign",
                lambda x, loss: -gradient_of_fakes(x, loss),
                "the sign is turned: both losses fall when the logit rises, so both slopes are negative.",
            ),
            Misconception(
                "same",
                lambda x, loss: x.sigmoid() - 1,
                "it gives the same slope for both losses.",
            ),
            Misconception(
                "mean",
                lambda x, loss: gradient_of_fakes(x, loss) / len(x),
                "it is the slope of the mean; each fake's own loss is meant.",
            ),
            Misconception(
                "by-probability",
                lambda x, loss: -1 / x.sigmoid() if loss == "non-saturating" else -1 / (1 - x.sigmoid()),
                "it is the derivative by D, not by the logit: the factor dD/dlogit = D (1 - D) is missing.",
            ),
        ],
    )


EXERCISES = [
    Exercise(
        name="collapse.minimax_generator_loss",
        difficulty=1,
        minutes=4,
        reference=minimax_generator_loss,
        check=_check_minimax_generator_loss,
        hints=(
            "The game as it is written: the generator minimises E[log(1 - D(G(z)))].",
            "log(1 - sigmoid(x)) = -softplus(x).",
        ),
    ),
    Exercise(
        name="collapse.gradient_of_fakes",
        difficulty=2,
        minutes=8,
        reference=gradient_of_fakes,
        check=_check_gradient_of_fakes,
        hints=(
            "Write both losses with softplus; the derivative of softplus is the sigmoid.",
            "non-saturating: softplus(-x), slope -sigmoid(-x). minimax: -softplus(x), slope -sigmoid(x).",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="collapse.strong_discriminator",
        text=(
            "The discriminator gets ten steps for each step of the generator, with the minimax loss. "
            "What do you expect?"
        ),
        choices=(
            Choice(
                "A better generator: it has a better teacher.",
                "A sure discriminator gives D near 0 on every fake, and there the minimax loss has the slope -D: "
                "almost nothing. The teacher is right and says nothing.",
            ),
            Choice(
                "The generator nearly stops learning.",
                "With D near 0 the slope of log(1 - D) by the logit is -D, almost 0. The non-saturating loss has the "
                "slope D - 1 there, almost -1.",
            ),
            Choice(
                "Nothing changes: both see the same data.",
                "What changes is the balance: the discriminator comes closer to its best answer before the "
                "generator moves.",
            ),
        ),
        right="b",
    ),
    Question(
        name="collapse.fast_generator",
        text="The generator learns ten times as fast as the discriminator, on a ring of 8 modes. What do you expect?",
        choices=(
            Choice(
                "All 8 modes, sooner.",
                "A fast generator runs to the place that the discriminator likes best at this moment, with all of its "
                "samples. Nothing in its loss asks for variety.",
            ),
            Choice(
                "All samples run after one mode, then another.",
                "For a fixed discriminator the generator's best answer is its highest point, a single place. A fast "
                "generator gets there before the discriminator answers, and then moves on.",
            ),
            Choice(
                "It diverges: the losses become infinite.",
                "Losses on logits grow slowly and Adam bounds each step. It does not blow up; it looks calm.",
            ),
        ),
        right="b",
    ),
    Question(
        name="collapse.diagnose_losses",
        text=(
            "Run A: discriminator loss 1.38, generator loss 0.70, both steady. Run B: discriminator loss 0.3, "
            "generator loss 3, both noisy. Which of them has collapsed?"
        ),
        choices=(
            Choice(
                "A.",
                "Perhaps. 2 log 2 = 1.386 and log 2 = 0.693 are also exactly what a perfect generator has.",
            ),
            Choice(
                "B.",
                "Perhaps. But a discriminator that wins is also what many useful GANs have in mid-training.",
            ),
            Choice(
                "The losses cannot tell.",
                "Each loss measures one player against the other. Whether modes are missing is a fact about samples "
                "and data, so look there.",
            ),
        ),
        right="c",
    ),
]
