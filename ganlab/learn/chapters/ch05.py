"""Chapter 05, Mode Seeking GAN: the ratio, its reciprocal, one forward pass for two latents, answers and diversity."""

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, NotYet, Question
from ganlab.learn.probe import Player, check_step
from ganlab.methods.msgan import EPS, distance_ratio, generator_loss, mode_seeking_loss

# ------------------------------------------------------------------------------------------- the ratio


def _pairs(n: int = 8, dim: int = 3, latent: int = 5, scale: float = 1.0) -> tuple[Tensor, ...]:
    """Two sample and two latent batches whose distances differ from pair to pair."""
    spread = torch.linspace(0.2, 3, n).unsqueeze(-1)
    return (
        scale * torch.randn(n, dim),
        scale * torch.randn(n, dim),
        torch.randn(n, latent),
        torch.randn(n, latent) * spread,
    )


def _equal_latents() -> tuple[Tensor, ...]:
    samples1, samples2, latents, _ = _pairs()
    return samples1, samples2, latents, latents.clone()


def _mean_of_ratios(samples1, samples2, latents1, latents2):
    return ((samples1 - samples2).abs().mean(-1) / (latents1 - latents2).abs().mean(-1)).mean()


def _of_sums(samples1, samples2, latents1, latents2):
    return (samples1 - samples2).abs().sum() / (latents1 - latents2).abs().sum()


def _of_row_sums(samples1, samples2, latents1, latents2):
    return (samples1 - samples2).abs().sum(-1).mean() / (latents1 - latents2).abs().sum(-1).mean()


def _euclidean(samples1, samples2, latents1, latents2):
    return (samples1 - samples2).norm(dim=-1).mean() / (latents1 - latents2).norm(dim=-1).mean()


def _squared(samples1, samples2, latents1, latents2):
    return (samples1 - samples2).square().mean() / (latents1 - latents2).square().mean()


def _upside_down(samples1, samples2, latents1, latents2):
    return (latents1 - latents2).abs().mean() / (samples1 - samples2).abs().mean()


def _numerator(samples1, samples2, latents1, latents2):
    return (samples1 - samples2).abs().mean()


def _of_means(samples1, samples2, latents1, latents2):
    return (samples1 - samples2).mean().abs() / (latents1 - latents2).mean().abs()


def _detached_second(samples1, samples2, latents1, latents2):
    return distance_ratio(samples1, samples2.detach(), latents1, latents2)


_ABOUT_THE_RATIO = [
    (
        "mean-of-ratios",
        _mean_of_ratios,
        "this is a ratio for each pair, then their mean (DSGAN does that). Here two means are taken over the whole "
        "batch, and then divided once.",
    ),
    (
        "sum",
        _of_sums,
        "it divides sums by sums, so an image of many pixels counts as far away. Take means over the coordinates.",
    ),
    ("sum", _of_row_sums, "the coordinates are added up. Take means over them as well as over the batch."),
    ("euclidean", _euclidean, "these are Euclidean distances; paper and code use the mean absolute difference."),
    ("squared", _squared, "these are squared differences; use absolute ones."),
    ("upside-down", _upside_down, "it is upside down: images above, latents below."),
    ("numerator", _numerator, "the distance of the latents is missing below the line."),
    (
        "signs-cancel",
        _of_means,
        "the absolute value comes too late: positive and negative differences cancel in the mean before it.",
    ),
]


def _eps_below(samples1, samples2, latents1, latents2):
    return (samples1 - samples2).abs().mean() / ((latents1 - latents2).abs().mean() + EPS)


def _check_distance_ratio(answer):
    same_function(
        answer,
        distance_ratio,
        [
            Case("8 pairs", _pairs()),
            Case("4 pairs of 6-dimensional samples and 2-dimensional latents", _pairs(4, 6, 2)),
            Case("a single pair", _pairs(1)),
        ],
        gradients=True,
        misconceptions=[
            *(Misconception(*row) for row in _ABOUT_THE_RATIO),
            Misconception(
                "detached",
                _detached_second,
                "the value is right, but no gradient reaches the second samples (DSGAN cuts it on purpose).",
            ),
        ],
    )
    equal = _equal_latents()
    nothing_said = "with equal latents the ratio is 0 / 0, which is not a number and poisons every weight. Return 0."
    too_large = (
        "a small number below the line avoids the division by 0, but with equal latents the ratio becomes huge instead "
        "of 0, and every ratio is a little wrong. Ask whether the distance is 0."
    )
    same_function(  # a new 0, which carries no gradient, is as good as any
        answer,
        distance_ratio,
        [Case("equal latents", equal, "zero", nothing_said)],
        misconceptions=[Misconception("eps-below", _eps_below, too_large)],
    )
    samples1, samples2 = equal[0].clone().requires_grad_(), equal[1].clone().requires_grad_()
    ratio = answer(samples1, samples2, *equal[2:])
    if ratio.requires_grad:
        reached = torch.autograd.grad(ratio, (samples1, samples2), allow_unused=True)
        if not all(part is None or part.isfinite().all() for part in reached):
            raise NotYet(
                "gradient",
                "with equal latents the value is right and its gradient is not a number. torch.where did not choose "
                "the 0 / 0, but it was computed, and through it comes back 0 times infinity. Divide by a number that "
                "is never 0, also where the result is not used.",
            )


def slope(ratio: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """d/dr of 1 / (r + 1e-5): -1 / (r + 1e-5)^2. How hard one more unit of ratio pulls, at ratio r."""
    return -1 / (ratio + EPS).square()


def _check_slope(answer):
    same_function(
        answer,
        slope,
        [
            Case("ratios 0.5, 1 and 1.7", (torch.tensor([0.5, 1.0, 1.7]),)),
            Case("a ratio of 0", (torch.tensor([0.0]),), "eps", "at 0 the slope is -1e10, not infinite: keep eps."),
        ],
        misconceptions=[
            Misconception(
                "sign", lambda r: 1 / (r + EPS) ** 2, "1 / (r + eps) falls as r grows: the slope is negative."
            ),
            Misconception("value", lambda r: 1 / (r + EPS), "this is the loss itself; its slope is asked for."),
            Misconception("maximised", lambda r: -torch.ones_like(r), "this is the slope of -r, the paper's form."),
            Misconception("not-squared", lambda r: -1 / (r + EPS), "by the chain rule the bracket is squared."),
            Misconception("logarithm", lambda r: (r + EPS).log(), "this is an integral of it, not the derivative."),
        ],
    )


def _loss(change):
    """A wrong loss from the ratio."""
    return lambda samples1, samples2, latents1, latents2: change(distance_ratio(samples1, samples2, latents1, latents2))


def _check_mode_seeking_loss(answer):
    alike = _pairs(scale=1e-5)
    samples, _, latents1, latents2 = _pairs()
    same_function(
        answer,
        mode_seeking_loss,
        [
            Case("8 pairs", _pairs()),
            Case("a single pair", _pairs(1)),
            Case("samples almost alike", alike, "eps", "eps = 1e-5 is added to the ratio; here it is as large as it."),
            Case("samples exactly alike", (samples, samples.clone(), latents1, latents2), "zero", "this is 1 / eps."),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "maximised",
                _loss(lambda r: -r),
                "this maximises the ratio, as the paper's equation does. The released code minimises the reciprocal.",
            ),
            Misconception("ratio", _loss(lambda r: r), "minimised, this makes all images alike."),
            Misconception(
                "sign", _loss(lambda r: -1 / (r + EPS)), "minimised, this makes all images alike: turn the sign."
            ),
            Misconception(
                "no-eps",
                _loss(lambda r: 1 / r),
                "without eps on the ratio itself, equal samples give 1 / 0. (An eps below the latents' distance "
                "does not prevent that.) Add 1e-5 to the ratio.",
            ),
            Misconception(
                "mean-of-reciprocals",
                lambda s1, s2, z1, z2: (
                    1 / ((s1 - s2).abs().mean(-1) / (z1 - z2).abs().mean(-1) + EPS)
                ).mean(),
                "this is the mean of a reciprocal for each pair: one pair of equal images would outweigh the batch.",
            ),
            Misconception(
                "log", _loss(lambda r: -(r + EPS).log()), "this is -log(r + eps); the released form is 1 / (r + eps)."
            ),
        ],
    )  # fmt: skip


# ----------------------------------------------------------------------------------- the generator's step


class ConditionalPlayer(Player):
    """A player that is called with an input and a condition, and notes both."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        self.inputs += [x.detach().clone(), condition.detach().clone()]
        y = self.body(torch.cat([x, condition], -1))
        self.outputs.append(y.detach().clone())
        return y


def _conditional_players() -> dict[str, Player]:
    norm = nn.BatchNorm1d(8, track_running_stats=False)  # it tells one pass from two
    generator = nn.Sequential(nn.Linear(2 + 3, 8), norm, nn.Tanh(), nn.Linear(8, 2))
    discriminator = nn.Sequential(nn.Linear(2 + 3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    return {"generator": ConditionalPlayer(generator), "discriminator": ConditionalPlayer(discriminator)}


def _conditional_batch() -> dict[str, Tensor]:
    condition = torch.eye(3)[torch.randint(3, (16,))]
    return {"condition": condition, "latents1": torch.randn(16, 2), "latents2": torch.randn(16, 2)}


def generator_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimiser: torch.optim.Optimizer,
    condition: Float[Tensor, "n width"],
    latents1: Float[Tensor, "n latent"],
    latents2: Float[Tensor, "n latent"],
    weight: float = 1.0,
) -> Float[Tensor, ""]:
    """Train the generator on both latents of each condition; the loss before the update, detached.

    One pass makes all fakes: G(z, c) of both latents together. The loss is the non-saturating loss of one half plus
    that of the other plus weight x 1 / (r + 1e-5). `optimiser` holds the generator's weights.
    """
    fakes = generator(torch.cat([latents1, latents2]), torch.cat([condition, condition]))
    one, other = fakes.chunk(2)
    adversarial = generator_loss(discriminator(one, condition), discriminator(other, condition))
    loss = adversarial + weight * mode_seeking_loss(one, other, latents1, latents2)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def _check_generator_step(answer):
    _check_with_weight(answer, 1.0)
    _check_with_weight(partial(answer, weight=0.7), 0.7)


def _check_with_weight(answer, weight):
    def made(players, batch, together=True):
        latents, c = (batch["latents1"], batch["latents2"]), batch["condition"]
        if together:
            return players["generator"](torch.cat(latents), torch.cat([c, c])).chunk(2)
        return tuple(players["generator"](z, c) for z in latents)

    def loss_from(change, together=True):
        """A loss from (adversarial of the first, of the second, the term, the two fakes, the batch)."""

        def loss(players, batch):
            one, other = made(players, batch, together)
            judged = [softplus(-players["discriminator"](x, batch["condition"])).mean() for x in (one, other)]
            term = mode_seeking_loss(one, other, batch["latents1"], batch["latents2"])
            return change(*judged, weight * term, (one, other), batch)

        return loss

    def shuffled(players, batch):
        c = batch["condition"]
        fakes = players["generator"](torch.cat([batch["latents1"], batch["latents2"]]), c.repeat_interleave(2, 0))
        one, other = fakes.chunk(2)
        judged = sum(softplus(-players["discriminator"](x, c)).mean() for x in (one, other))
        return judged + weight * mode_seeking_loss(one, other, batch["latents1"], batch["latents2"])

    check_step(
        answer,
        arguments=("generator", "discriminator", "optimiser", "condition", "latents1", "latents2"),
        trains="generator",
        make_players=_conditional_players,
        make_batch=_conditional_batch,
        may_reach=("discriminator",),
        loss=loss_from(lambda one, other, term, fakes, batch: one + other + term),
        misconceptions=[
            Misconception(
                "two-passes",
                loss_from(lambda one, other, term, fakes, batch: one + other + term, together=False),
                "the generator ran once for each latent, so its batch norm saw two batches. Join latents and "
                "conditions with torch.cat, run it once, split the result.",
            ),
            Misconception(
                "interleaved",
                shuffled,
                "the conditions are repeated in another order than the latents. Join them as the latents are joined: "
                "each half has all conditions in their order.",
            ),
            Misconception(
                "one-judged",
                loss_from(lambda one, other, term, fakes, batch: one + term),
                "only the first fakes are judged by the discriminator. The second ones could be anything far away.",
            ),
            Misconception(
                "mean",
                loss_from(lambda one, other, term, fakes, batch: (one + other) / 2 + term),
                "the two adversarial losses are averaged. The released code adds them, so against the term they count "
                "twice as much.",
            ),
            Misconception(
                "no-term",
                loss_from(lambda one, other, term, fakes, batch: one + other),
                "the mode-seeking term is missing.",
            ),
            Misconception(
                "minus",
                loss_from(lambda one, other, term, fakes, batch: one + other - term),
                "the term is subtracted. 1 / (r + eps) is small when the images differ: add it.",
            ),
            Misconception(
                "maximised",
                loss_from(
                    lambda one, other, term, fakes, batch: one
                    + other
                    - weight * distance_ratio(*fakes, batch["latents1"], batch["latents2"])
                ),
                "this subtracts the ratio, the form that the paper prints. Use the released one, 1 / (r + eps).",
            ),
            Misconception(
                "unweighted",
                loss_from(lambda one, other, term, fakes, batch: one + other + term / weight),
                "the term is not multiplied by the weight.",
            ),
            Misconception(
                "only-term",
                loss_from(lambda one, other, term, fakes, batch: term),
                "the discriminator is not asked at all.",
            ),
        ],
    )  # fmt: skip


# ------------------------------------------------------------------------------------------ the measures


def answers_found(
    images: Float[Tensor, "drawings draws pixels"], answers: Float[Tensor, "drawings answers pixels"]
) -> Int[Tensor, " drawings"]:
    """How many of each drawing's true answers are the nearest one (Euclidean) to at least one of its images."""
    nearest = torch.cdist(images, answers).argmin(-1)
    return torch.tensor([row.unique().numel() for row in nearest])


def _check_answers_found(answer):
    answers = torch.randn(5, 8, 12)
    # For drawing k the images lie near answers 0 to k, each several times.
    which = torch.stack([torch.arange(20) % (k + 1) for k in range(5)])
    near = torch.stack([answers[k, which[k]] for k in range(5)]) + 0.01 * torch.randn(5, 20, 12)
    alike = answers[:1].expand(2, -1, -1).clone()
    halfway = torch.stack([alike[0, [0, 0, 3]], alike[1, [1, 2, 5]]]) + 0.01 * torch.randn(2, 3, 12)
    same_function(
        answer,
        answers_found,
        [
            Case("5 drawings with images near 1, 2, 3, 4 and 5 answers", (near, answers)),
            Case("2 drawings with the same 8 answers", (halfway, alike)),
            Case("a single image of each of 3 drawings", (torch.randn(3, 1, 12), answers[:3])),
        ],
        misconceptions=[
            Misconception(
                "images",
                lambda images, answers: torch.full((len(images),), images.shape[1]),
                "this counts images, not the answers that they are.",
            ),
            Misconception(
                "pooled",
                lambda images, answers: torch.cdist(images, answers).argmin(-1).unique().numel()
                * torch.ones(len(images), dtype=torch.long),
                "the answers of all drawings are counted together. Each drawing has its own eight: a generator that "
                "gives each drawing one colouring would pass.",
            ),
            Misconception(
                "farthest",
                lambda images, answers: torch.tensor(
                    [row.unique().numel() for row in torch.cdist(images, answers).argmax(-1)]
                ),
                "this takes the farthest answer of each image.",
            ),
            Misconception(
                "wrong-axis",
                lambda images, answers: torch.tensor(
                    [row.unique().numel() for row in torch.cdist(images, answers).argmin(1)]
                ),
                "this asks for the nearest image of each answer, so almost every answer finds one. Ask for the nearest "
                "answer of each image.",
            ),
        ],
    )  # fmt: skip


def balance(weight: Float[Tensor, "*any"], pull: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """The ratio at which weight x 1 / (r + 1e-5) pulls as hard as a constant `pull` the other way."""
    return (weight / pull).sqrt() - EPS


def _check_balance(answer):
    same_function(
        answer,
        balance,
        [
            Case(
                "weights 0.1, 1 and 10 against pulls 50, 2 and 5",
                (torch.tensor([0.1, 1.0, 10.0]), torch.tensor([50.0, 2.0, 5.0])),
            ),
            Case("a weight of 1 against a pull of 1", (torch.tensor([1.0]), torch.tensor([1.0]))),
            Case("no weight", (torch.tensor([0.0]), torch.tensor([5.0])), "small", "without the term r ends at 0."),
        ],
        misconceptions=[
            Misconception(
                "no-root",
                lambda weight, pull: weight / pull - EPS,
                "this sets the *loss* equal to the pull. Set its slope equal to it: the bracket is squared, so a root "
                "is left.",
            ),
            Misconception(
                "upside-down",
                lambda weight, pull: (pull / weight).sqrt() - EPS,
                "it is upside down: a larger weight must bring a larger ratio.",
            ),
            Misconception(
                "product", lambda weight, pull: (weight * pull).sqrt(), "more pull the other way must make r smaller."
            ),
            Misconception(
                "weight-outside",
                lambda weight, pull: weight * (1 / pull).sqrt() - EPS,
                "the weight belongs under the root: weight / (r + eps)^2 = pull.",
            ),
        ],
    )  # fmt: skip


def pair_diversity(
    features: Float[Tensor, "contexts n width"],
    first: Int[Tensor, "contexts pairs"],
    second: Int[Tensor, "contexts pairs"],
) -> Float[Tensor, ""]:
    """Mean Euclidean distance of the pairs (first, second) of samples of one context, over pairs and contexts."""
    rows = torch.arange(len(features)).unsqueeze(-1)
    return (features[rows, first] - features[rows, second]).norm(dim=-1).mean()


def _check_pair_diversity(answer):
    def pairs(contexts, n, count):
        first = torch.randint(n, (contexts, count))
        return first, (first + torch.randint(1, n, (contexts, count))) % n

    # Contexts lie far apart, samples of one context close together.
    features = 10 * torch.randn(4, 1, 3) + torch.randn(4, 9, 3)
    deaf = (10 * torch.randn(4, 1, 3)).expand(4, 9, 3).clone()
    first, second = pairs(4, 9, 12)
    same_function(
        answer,
        pair_diversity,
        [
            Case("4 contexts of 9 samples, 12 pairs each", (features, first, second)),
            Case("a generator that is deaf to z", (deaf, first, second)),
            Case("a single context", (features[:1], first[:1], second[:1])),
        ],
        misconceptions=[
            Misconception(
                "across",
                lambda features, first, second: (
                    (features.flatten(0, 1)[first] - features.flatten(0, 1)[second]).norm(dim=-1).mean()
                ),
                "the contexts are joined before the pairs are taken, so all pairs come from the first contexts' rows. "
                "A pair is two samples of one context.",
            ),
            Misconception(
                "contexts",
                lambda features, first, second: (features[:, None] - features[None]).norm(dim=-1).mean(),
                "this compares different contexts. They differ even when z is ignored.",
            ),
            Misconception(
                "everything",
                lambda features, first, second: torch.cdist(features, features).mean(),
                "this averages over all pairs, each sample with itself included. Use the pairs that are given.",
            ),
            Misconception(
                "sum",
                lambda features, first, second: first.numel() * pair_diversity(features, first, second),
                "the distances are added up: take the mean over pairs and contexts.",
            ),
            Misconception(
                "absolute",
                lambda features, first, second: (
                    features[torch.arange(len(features))[:, None], first]
                    - features[torch.arange(len(features))[:, None], second]
                ).abs().mean(),
                "this is the mean absolute difference; the distance of two feature vectors is Euclidean here.",
            ),
            Misconception(
                "squared",
                lambda features, first, second: (
                    features[torch.arange(len(features))[:, None], first]
                    - features[torch.arange(len(features))[:, None], second]
                ).square().sum(-1).mean(),
                "the distances are squared: take the root of each.",
            ),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        name="msgan.distance_ratio",
        difficulty=2,
        minutes=8,
        reference=distance_ratio,
        check=_check_distance_ratio,
        hints=(
            "Two means, each over everything: one of |samples1 - samples2|, one of |latents1 - latents2|.",
            "If the latents' mean distance is 0, return 0. torch.where takes one of two tensors, but the other one is "
            "still computed, and its NaN comes back through the gradient: divide by 1 there.",
            "safe = torch.where(latents > 0, latents, torch.ones_like(latents)), then "
            "torch.where(latents > 0, images / safe, 0.0). A plain `if` is right too, outside compiled code.",
        ),
    ),
    Exercise(
        name="msgan.mode_seeking_loss",
        difficulty=1,
        minutes=4,
        reference=mode_seeking_loss,
        check=_check_mode_seeking_loss,
        hints=("One call of distance_ratio.", "1 / (ratio + 1e-5)."),
    ),
    Exercise(
        name="msgan.slope",
        difficulty=1,
        minutes=3,
        reference=slope,
        check=_check_slope,
        hints=("The chain rule on (r + eps)^(-1).", "-1 / (r + eps)^2, entry by entry."),
    ),
    Exercise(
        name="msgan.generator_step",
        difficulty=4,
        minutes=15,
        reference=generator_step,
        check=_check_generator_step,
        hints=(
            "How often does the generator run in this step? Once. On what?",
            "On torch.cat([latents1, latents2]) with torch.cat([condition, condition]); .chunk(2) splits the fakes.",
            "softplus(-discriminator(one, condition)).mean(), the same for the other, plus weight times your "
            "mode_seeking_loss. Then zero_grad, backward, step, and return the loss detached.",
        ),
    ),
    Exercise(
        name="msgan.answers_found",
        difficulty=2,
        minutes=8,
        reference=answers_found,
        check=_check_answers_found,
        hints=(
            "torch.cdist(images, answers) has shape (drawings, draws, answers). Which answer is nearest to each image?",
            "argmin(-1), and then for each drawing the number of different entries: row.unique().numel().",
        ),
    ),
    Exercise(
        name="msgan.balance",
        difficulty=2,
        minutes=5,
        reference=balance,
        check=_check_balance,
        hints=(
            "You have the slope of 1 / (r + eps) already. Multiply it by the weight, leave out its sign, and set it "
            "equal to the pull.",
            "weight / (r + eps)^2 = pull. Solve for r.",
        ),
    ),
    Exercise(
        name="msgan.pair_diversity",
        difficulty=2,
        minutes=6,
        reference=pair_diversity,
        check=_check_pair_diversity,
        hints=(
            "Index with two tensors: the context, and the place in the context.",
            "rows = torch.arange(len(features))[:, None]; features[rows, first] has shape (contexts, pairs, width).",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="msgan.denominator",
        text="A batch of 32 pairs of latents with 100 dimensions each. What does the division by the mean distance of "
        "the latents do to the loss?",
        choices=(
            Choice(
                "Pairs of distant latents count less than pairs of close ones.",
                "It would with a ratio for each pair. Here the batch is averaged first, then divided once.",
            ),
            Choice(
                "Almost nothing: it divides by nearly the same number each time.",
                "3,200 coordinates are averaged: 1.128 with a standard deviation of 0.015. A weight on the numerator "
                "would do the same.",
            ),
            Choice(
                "It keeps the loss finite when the latents are equal.",
                "On the contrary: with equal latents it is 0 / 0.",
            ),
        ),
        right="b",
    ),
    Question(
        name="msgan.form",
        text="Two latents give almost the same image: r = 0.01. Which form of the term pulls harder on r, the "
        "paper's -r or the released 1 / (r + eps)? And when the images already differ a lot, at r = 1.7?",
        choices=(
            Choice(
                "-r pulls harder at both.",
                "Its slope is 1 everywhere. At r = 0.01 the other slope is about 10,000.",
            ),
            Choice(
                "1 / (r + eps) pulls harder at both.",
                "At r = 1.7 its slope is 1 / 1.7^2 = 0.35, less than 1.",
            ),
            Choice(
                "1 / (r + eps) at 0.01, -r at 1.7.",
                "10,000 against 1, then 0.35 against 1; they cross at r = 1. The released form shouts at a deaf "
                "generator and leaves a varied one almost alone.",
            ),
        ),
        right="c",
    ),
    Question(
        name="msgan.deaf",
        text="A drawing has eight true colourings. A generator is trained with a large weight on L1, the mean "
        "absolute difference to the one colouring that the data happen to hold. It is given a latent z. What does L1 "
        "alone teach it to do with z?",
        choices=(
            Choice(
                "To choose among the eight colourings by z.",
                "z is drawn afresh at each step and knows nothing of the colouring that is asked for. A generator that "
                "follows it is right as often as chance has it, and pays for the rest.",
            ),
            Choice(
                "Nothing: the best answer to every z is the same.",
                "For each pixel the median of the true colourings costs least, whatever z is. A generator that listens "
                "to z can only lose by it.",
            ),
            Choice(
                "To add noise to the picture.",
                "Noise makes the absolute difference larger.",
            ),
        ),
        right="b",
    ),
    Question(
        name="msgan.cheat",
        text="The term wants |G(c, z1) - G(c, z2)| large in pixels. What is the cheapest way to please it?",
        choices=(
            Choice(
                "To make every true answer.",
                "That is what we hope for. But the term never sees a true answer; only the discriminator does.",
            ),
            Choice(
                "To change as many pixels as possible, by whatever the discriminator lets pass.",
                "Brightness, the colour of a large area, a shift of everything: the term pays for pixels, not for "
                "meaning. So measure quality beside diversity, and answers beside both.",
            ),
            Choice(
                "To add a new mode far away from the old ones.",
                "A new mode counts for as much as its share of the pairs and its pixels. Two modes far apart may "
                "please the term more than eight of them.",
            ),
        ),
        right="b",
    ),
]  # fmt: skip
