"""Chapter 03, collapse on demand: the loss that saturates, one knob that mends, and what to expect when."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from ganlab.errors import GanlabError
from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, NotYet, Question
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


# ------------------------------------------------------------------------------------------- one knob

MEND_SEEDS = (300, 301, 302)
_WIDEST, _LARGEST_BATCH = 256, 512  # so that the check ends in seconds


def mend_momentum(settings: dict) -> dict:
    """A copy of the settings of a GAN with beta1 = 0.9 in which one other setting keeps it from collapsing.

    A leaky ReLU has a slope on both sides: units that the momentum has driven too far still learn their way back.
    """
    return {**settings, "activation": "leaky_relu"}


def momentum_at_default() -> dict:
    """The settings of `ring-healthy` with beta1 = 0.9, the default of `torch.optim.Adam`."""
    from dataclasses import asdict

    from ganlab.recipes import recipe

    return asdict(recipe("ring-healthy").but(beta1=0.9).settings)


def _check_mend_momentum(answer):
    from ganlab.recipes import recipe, run

    before = momentum_at_default()
    given = dict(before)
    mended = answer(given)
    if given != before:
        raise NotYet("in-place", "it changes the settings it was given. Make a copy: {**settings, name: value}.")
    if mended is None:
        raise NotYet("none", "it returns nothing. Is there a return at the end?")
    if not isinstance(mended, dict):
        raise NotYet("type", f"it returns a {type(mended).__name__}; expected a dict of settings.")
    if mended.keys() != before.keys():
        odd = ", ".join(sorted(map(str, mended.keys() ^ before.keys())))
        raise NotYet("keys", f"these names are missing or unknown: {odd}. Return all settings, one of them changed.")
    changed = [name for name in before if not _same_setting(mended[name], before[name])]
    if not changed:
        raise NotYet("nothing", "nothing is changed.")
    if len(changed) > 1:
        raise NotYet("several", f"{len(changed)} settings are changed ({', '.join(changed)}): one at a time, or you "
                     "do not know which of them did it.")  # fmt: skip
    (name,) = changed
    if name == "beta1":
        raise NotYet("beta1", "beta1 is changed. That would do it; leave it at 0.9 and find another way.")
    if name in ("mixture", "spread", "sigma"):
        raise NotYet("data", f"{name} is changed: that is another task, not a better GAN.")
    if name == "steps":
        raise NotYet("steps", "the number of steps is changed: with more time it may come and go, but the cause stays.")
    try:
        chosen = recipe("ring-healthy").but(**mended)
    except GanlabError as error:
        raise NotYet("value", f"{str(error)[0].lower()}{str(error)[1:]}") from None
    widest = max(chosen.settings.generator + chosen.settings.discriminator)
    if widest > _WIDEST or chosen.settings.batch > _LARGEST_BATCH:
        raise NotYet("large", f"it would take too long: stay within widths of {_WIDEST} and batches of "
                     f"{_LARGEST_BATCH}.")  # fmt: skip
    modes = run(chosen, MEND_SEEDS, looks=1, workers=1).modes
    if int((modes >= 6).sum()) < 2:
        raise NotYet("collapsed", f"with {name} = {mended[name]} it covers {', '.join(map(str, modes.tolist()))} of 8 "
                     f"modes in {len(MEND_SEEDS)} seeds; wanted are 6 or more in at least two of them.")  # fmt: skip


def _same_setting(one: object, other: object) -> bool:
    """Equal, with lists and tuples of the same widths counted as equal."""
    return [*one] == [*other] if isinstance(one, list | tuple) and isinstance(other, tuple) else one == other


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
    Exercise(
        name="collapse.mend_momentum",
        difficulty=2,
        minutes=6,
        reference=mend_momentum,
        check=_check_mend_momentum,
        hints=(
            "Read the list of settings. Which of them could make the two players more forgiving?",
            "A ReLU that has been driven to where it is always off has the slope 0 and never comes back. Which "
            "activation is never quite off? (The loss is worth a try too.)",
        ),
        seconds=60,
    ),
]

QUESTIONS = [
    Question(
        name="collapse.fast_generator",
        text="The generator learns twenty times as fast as the discriminator, on the ring. What do you expect?",
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
            "Of two GANs you know nothing but the losses. A: discriminator 1.38, generator 0.70, both steady. B: "
            "discriminator 1.2, generator 0.9, both restless. Which of them has collapsed?"
        ),
        choices=(
            Choice(
                "A.",
                "Perhaps. 2 log 2 = 1.386 and log 2 = 0.693 are also exactly what a perfect generator has.",
            ),
            Choice(
                "B.",
                "Perhaps. But restless losses are also what a GAN has that covers everything.",
            ),
            Choice(
                "The losses cannot tell.",
                "Each loss measures one player against the other. Whether modes are missing is a fact about samples "
                "and data, so look there.",
            ),
        ),
        right="c",
    ),
    Question(
        name="collapse.strong_discriminator",
        text=(
            "The discriminator learns a hundred times as fast as the generator, which has the non-saturating loss. "
            "What do you expect?"
        ),
        choices=(
            Choice(
                "All 8 modes: the generator has a better teacher.",
                "The teacher knows each mode sharply, and near each sample only the nearest one shows in its gradient.",
            ),
            Choice(
                "The gradient vanishes and the generator stands still.",
                "So it would with the minimax loss. The non-saturating loss has the slope D - 1, almost -1 when "
                "the discriminator is sure: it pulls as hard as it can.",
            ),
            Choice(
                "One or two modes, and they stay the same ones.",
                "Each sample is pulled hard to the first mode on its way, and nothing shows it the others.",
            ),
        ),
        right="c",
    ),
    Question(
        name="collapse.minimax_alone",
        text="The healthy ring again, and only the generator's loss becomes the minimax loss. What do you expect?",
        choices=(
            Choice(
                "It collapses: the minimax loss is known for it.",
                "Known for vanishing gradients, which need a discriminator that is sure. This one is not, and sees "
                "no harm done.",
            ),
            Choice(
                "About the same as before.",
                "Where D is near one half the two slopes, -D and D - 1, are alike. The loss saturates only under a "
                "discriminator that wins.",
            ),
            Choice(
                "Better: it is the loss that the theory is about.",
                "The theory is about a discriminator trained to the end at each step, and there this loss has almost "
                "no gradient.",
            ),
        ),
        right="b",
    ),
    Question(
        name="collapse.depth",
        text="More hidden layers for one of the players. For which of them does the ring collapse in every seed?",
        choices=(
            Choice(
                "The generator.",
                "One step of Adam moves each weight equally far. With more layers its samples move the farther for it: "
                "a deep generator is a fast generator.",
            ),
            Choice(
                "The discriminator.",
                "A deeper discriminator sees sharper, and in some seeds it wins as the strong one did. In others all "
                "is well.",
            ),
            Choice(
                "Neither: deeper networks can do everything that shallow ones can.",
                "They can represent it. What counts here is where they start and how they get there.",
            ),
        ),
        right="a",
    ),
]
