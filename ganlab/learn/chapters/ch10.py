"""Chapter 10, a thousand modes: what counts prove, where the KL comes from, and the pieces of the combination."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, Question
from ganlab.methods.block_nemgan import block_latent, zero_centred_penalty
from ganlab.metrics.stacks import dependence

# ----------------------------------------------------------------------------------------- what counts prove


def expected_modes(probabilities: Float[Tensor, " modes"], n: int) -> Float[Tensor, ""]:
    """Distinct modes expected among n independent draws: the sum over modes of 1 - (1 - p_k)^n."""
    return (1 - (1 - probabilities) ** n).sum()


def _check_expected_modes(answer):
    def case(words, probabilities, n):
        return Case(words, (torch.tensor(probabilities, dtype=torch.float64), n))

    same_function(
        answer,
        expected_modes,
        [
            case("4 even modes, 3 draws", [0.25] * 4, 3),
            case("uneven modes, 5 draws", [0.5, 0.3, 0.15, 0.05], 5),
            case("a single draw", [0.7, 0.2, 0.1], 1),
            case("a mode of probability 0", [0.6, 0.4, 0.0], 9),
        ],
        misconceptions=[
            Misconception(
                "even",
                lambda p, n: len(p) * (1 - (1 - torch.ones_like(p[0]) / len(p)) ** n),
                "it takes all modes for equally likely. Each mode has its own chance of being missed.",
            ),
            Misconception(
                "missed",
                lambda p, n: ((1 - p) ** n).sum(),
                "that is how many modes are expected to be *missed*.",
            ),
            Misconception(
                "rate",
                lambda p, n: (n * p).clamp(max=1).sum(),
                "n p_k is how *often* mode k is expected, not the chance that it comes at all: the same mode may come "
                "twice while another does not.",
            ),
            Misconception(
                "always",
                lambda p, n: (1 - p**n).sum(),
                "p^n is the chance that every draw is of that mode. You want the chance that none is.",
            ),
            Misconception(
                "mean",
                lambda p, n: (1 - (1 - p) ** n).mean(),
                "it averages over the modes: add them up.",
            ),
        ],
    )


def time_to_quality(
    seconds: Float[Tensor, " looks"], modes: Float[Tensor, "seeds looks"], wanted: float
) -> Float[Tensor, " seeds"]:
    """Seconds until a seed first shows at least `wanted` modes; infinity for one that never does."""
    reached = torch.where(modes >= wanted, seconds, torch.inf)
    return reached.amin(-1)


def _check_time_to_quality(answer):
    seconds = torch.tensor([2.0, 4.0, 6.0, 8.0])

    def case(words, *rows, wanted=700.0):
        return Case(words, (seconds, torch.tensor(rows), wanted))

    same_function(
        answer,
        time_to_quality,
        [
            case("two seeds, reached at the second and at the last look", [300.0, 750, 800, 900], [5, 10, 200, 701]),
            case("one that never gets there", [10.0, 20, 30, 40], [100.0, 900, 900, 900]),
            case("exactly the wanted number", [100.0, 700, 800, 800]),
            case("there and away again", [100.0, 720, 500, 730]),
        ],
        misconceptions=[
            Misconception(
                "last",
                lambda s, m, w: torch.where(m >= w, s, -torch.inf).amax(-1),
                "it gives the last look at which the number was reached. Which came first?",
            ),
            Misconception(
                "look",
                lambda s, m, w: torch.where(m >= w, torch.arange(len(s)).float(), torch.inf).amin(-1),
                "it gives the number of the look, not its time in seconds.",
            ),
            Misconception(
                "never",
                lambda s, m, w: torch.where((m >= w).any(-1), time_to_quality(s, m, w), s[-1]),
                "a seed that never gets there has no time. The end of the run would make it look better than one that "
                "got there just after: give torch.inf.",
            ),
            Misconception(
                "first-look",
                lambda s, m, w: s[(m >= w).float().argmax(-1)],
                "argmax of all-False is 0, so a seed that never gets there seems to be there at the first look.",
            ),
            Misconception(
                "more",
                lambda s, m, w: torch.where(m > w, s, torch.inf).amin(-1),
                "exactly the wanted number counts too: >=.",
            ),
            Misconception(
                "together",
                lambda s, m, w: torch.where(m.mean(0) >= w, s, torch.inf).amin(-1).expand(len(m)),
                "it averages over the seeds first. Each seed has a time of its own.",
            ),
        ],
    )


# ----------------------------------------------------------------------------------- where the KL comes from


def _check_dependence(answer):
    def counts(seed, high):
        drawn = torch.randint(high, (10, 10, 10), generator=torch.Generator().manual_seed(seed))
        return drawn.double()

    lost = counts(2, 9) + 1
    lost[3] = 0
    copies = torch.zeros(10, 10, 10, dtype=torch.float64)
    copies[range(10), range(10), range(10)] = 5
    same_function(
        answer,
        dependence,
        [
            Case("random counts, all above 0", (counts(0, 9) + 1,)),
            Case("a first channel without the digit 3", (lost,), "zero", "0 log 0 is 0, but in floats it is NaN: use "
                 "torch.special.xlogy(q, ·), or leave out the modes that were not seen."),
            Case("three equal digits only", (copies,), "zero", "0 log 0 is 0, but in floats it is NaN: use "
                 "torch.special.xlogy(q, ·), or leave out the modes that were not seen."),
        ],
        misconceptions=[
            Misconception(
                "uniform",
                lambda c: torch.special.xlogy(c / c.sum(), 1000 * c / c.sum()).sum(),
                "that is the KL from the uniform distribution, the channels' own errors included. Compare with the "
                "product of the three marginals q1 q2 q3 that the counts have.",
            ),
            Misconception(
                "entropy",
                lambda c: -torch.special.xlogy(c / c.sum(), c / c.sum()).sum(),
                "that is the entropy of q. Take log(q / (q1 q2 q3)) in place of -log q.",
            ),
            Misconception(
                "counts",
                lambda c: c.sum() * dependence(c),
                "it weighs with the counts: divide by their sum first, so that q sums to 1.",
            ),
            Misconception(
                "reversed",
                _reversed_dependence,
                "it weighs with q1 q2 q3: KL(q1 q2 q3 ‖ q). The other direction is wanted, weighed with q.",
            ),
            Misconception(
                "two",
                lambda c: dependence(c.sum(2, keepdim=True).expand(10, 10, 10)),
                "it looks at the first two channels only.",
            ),
        ],
    )  # fmt: skip


def _reversed_dependence(counts):
    q = counts / counts.sum()
    apart = q.sum((1, 2))[:, None, None] * q.sum((0, 2))[:, None] * q.sum((0, 1))
    return (torch.special.xlogy(apart, apart) - torch.special.xlogy(apart, q)).sum()


# ------------------------------------------------------------------------------- the pieces of the combination


def _check_zero_centred_penalty(answer):
    first = torch.randn(5, 8)
    second = torch.randn(8)

    def discriminator(x):
        return torch.tanh(x @ first) @ second

    same_function(
        answer,
        zero_centred_penalty,
        [
            Case("12 samples of 5 numbers", (discriminator, torch.randn(12, 5))),
            Case("a batch of one", (discriminator, torch.randn(1, 5))),
            Case("a linear discriminator", (lambda x: (x @ first) @ second + 0 * x.square().sum(1), torch.randn(4, 5))),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "wgan-gp",
                lambda d, x: (_slopes(d, x).norm(dim=1) - 1).square().mean(),
                "that is WGAN-GP's: it wants a slope of 1. Here 0 is wanted.",
            ),
            Misconception(
                "norm",
                lambda d, x: _slopes(d, x).norm(dim=1).mean(),
                "it averages the length of the gradient: square it.",
            ),
            Misconception(
                "coordinates",
                lambda d, x: _slopes(d, x).square().mean(),
                "it averages over the coordinates too. The squared length is their sum; the mean is over samples.",
            ),
            Misconception(
                "samples",
                lambda d, x: _slopes(d, x).square().sum(),
                "it adds up the samples: take their mean.",
            ),
            Misconception(
                "batch",
                lambda d, x: torch.func.grad(lambda y: d(y).mean())(x).square().sum(1).mean(),
                "the gradient of the *mean* logit is n times too small for each sample: sum the logits before grad.",
            ),
            Misconception(
                "mean-slope",
                lambda d, x: _slopes(d, x).mean(0).square().sum(),
                "it averages the gradients of the samples before squaring, so opposite slopes cancel.",
            ),
            Misconception(
                "sigmoid",
                lambda d, x: _slopes(lambda y: d(y).sigmoid(), x).square().sum(1).mean(),
                "it takes the slope of sigmoid(logit), which vanishes where the discriminator is sure. Use the logit.",
            ),
        ],
    )


def _slopes(discriminator, x):
    return torch.func.grad(lambda y: discriminator(y).sum())(x)


def three_blocks(classes: Int[Tensor, "n 3"], noise: Float[Tensor, "n extra"]) -> Float[Tensor, "n latent"]:
    """Three one-hot blocks of ten, then the noise."""
    return block_latent(classes, noise)


def _check_three_blocks(answer):
    def case(words, *rows, extra):
        return Case(words, (torch.tensor(rows), torch.randn(len(rows), extra)))

    same_function(
        answer,
        three_blocks,
        [
            case("the numbers 473 and 028, with 5 numbers of noise", [4, 7, 3], [0, 2, 8], extra=5),
            case("one number whose digits are equal", [6, 6, 6], extra=2),
            case("batch without any 9", [1, 2, 3], [3, 2, 1], [0, 0, 5], extra=1),
        ],
        misconceptions=[
            Misconception(
                "interleaved",
                lambda c, z: torch.cat([F.one_hot(c, 10).mT.flatten(1).float(), z], 1),
                "the blocks are mixed like cards: the ten numbers of a block shall stand together.",
            ),
            Misconception(
                "backwards",
                lambda c, z: block_latent(c.flip(1), z),
                "the first digit's block comes first.",
            ),
            Misconception(
                "noise-first",
                lambda c, z: torch.cat([z, F.one_hot(c, 10).flatten(1).float()], 1),
                "the noise comes last.",
            ),
        ],
    )


EXERCISES = [
    Exercise(
        name="thousand.expected_modes",
        difficulty=2,
        minutes=5,
        reference=expected_modes,
        check=_check_expected_modes,
        hints=(
            "The expected number of modes seen is the sum, over modes, of the probability that this mode is seen.",
            "A draw misses mode k with probability 1 - p_k, and the draws are independent.",
            "(1 - (1 - probabilities) ** n).sum()",
        ),
    ),
    Exercise(
        name="thousand.dependence",
        difficulty=3,
        minutes=8,
        reference=dependence,
        check=_check_dependence,
        hints=(
            "q = counts / counts.sum(). The marginal of the first channel sums q over the other two axes.",
            "Give the marginals the shapes (10, 1, 1), (10, 1) and (10,): their product has the shape (10, 10, 10).",
            "(torch.special.xlogy(q, q) - torch.special.xlogy(q, product)).sum(): xlogy(0, 0) is 0.",
        ),
    ),
    Exercise(
        name="thousand.three_blocks",
        difficulty=2,
        minutes=4,
        reference=three_blocks,
        check=_check_three_blocks,
        hints=(
            "torch.nn.functional.one_hot(classes, 10) adds an axis: (n, 3) becomes (n, 3, 10). Without the 10, blocks "
            "are only as wide as the largest class of this batch.",
            "Flatten the last two axes, make floats of them, and put the noise behind with torch.cat.",
        ),
    ),
    Exercise(
        name="thousand.zero_centred_penalty",
        difficulty=3,
        minutes=8,
        reference=zero_centred_penalty,
        check=_check_zero_centred_penalty,
        hints=(
            "You need the gradient of each sample's logit with respect to that sample. The logits' *sum* gives all of "
            "them at once, as long as no sample influences another's logit.",
            "torch.func.grad(lambda x: discriminator(x).sum())(real) has the shape of real, and can be "
            "differentiated once more.",
            "Square, sum over the coordinates, average over the samples.",
        ),
    ),
    Exercise(
        name="thousand.time_to_quality",
        difficulty=2,
        minutes=5,
        reference=time_to_quality,
        check=_check_time_to_quality,
        hints=(
            "Which looks are good enough? modes >= wanted has the shape (seeds, looks).",
            "torch.where(good, seconds, torch.inf): now the earliest is a minimum, and never is infinity.",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="thousand.few_samples",
        text="You draw 1,000 stacks from your generator, and they show 640 of the 1,000 modes. What does it mean?",
        choices=(
            Choice(
                "More than a third of the modes is lost.",
                "Draw 1,000 *real* stacks: the same mode often comes twice, and they show about 632.",
            ),
            Choice(
                "As many as a perfect generator shows.",
                "Of 1,000 equally likely modes, 1,000 draws leave out each with probability .999^1000 = 37 %.",
            ),
            Choice(
                "Nothing: it is chance.",
                "The count is less random than it seems: 632, with a standard deviation of 10. It shows a collapse.",
            ),
        ),
        right="b",
    ),
    Question(
        name="thousand.copies",
        text="A generator makes all ten digits equally often in every channel, and always the same digit in all three. "
        "How large is its KL from the true distribution, and where does it come from?",
        choices=(
            Choice("0: every channel is right.", "It shows 10 of the 1,000 modes, each 100 times too often."),
            Choice(
                "2 log 10 = 4.6, from the dependence alone.",
                "The channels' own parts are 0. The first digit is free and tells both others: twice log 10.",
            ),
            Choice(
                "3 log 10 = 6.9, log 10 a channel.",
                "That is the KL of a generator of one single stack: there each channel has one digit only.",
            ),
        ),
        right="b",
    ),
]
