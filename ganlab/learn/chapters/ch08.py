"""Chapter 08, multiple random projections: the views, the mean over K, one discriminator at a time, K as one."""

import gc

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.functional import softplus
from torch.overrides import TorchFunctionMode

from ganlab.learn.checks import Case, Misconception, same_function, takes
from ganlab.learn.exercise import Choice, Exercise, NotYet, Question
from ganlab.learn.probe import Player, check_step, two_players
from ganlab.methods.rpgan import accumulated_gradient, generator_loss

# ------------------------------------------------------------------------------------------- the views


def unit_filters(filters: Float[Tensor, "K channels height width"]) -> Float[Tensor, "K channels height width"]:
    """Each filter divided by its length, over channels and pixels together."""
    return filters / filters.square().sum((1, 2, 3), keepdim=True).sqrt()


def _check_unit_filters(answer):
    same_function(
        answer,
        unit_filters,
        [
            Case("five random filters of 3 channels", (torch.randn(5, 3, 8, 8),)),
            Case("one grey filter", (torch.randn(1, 1, 8, 8),)),
            Case("two very short filters", (1e-3 * torch.randn(2, 2, 4, 4),)),
        ],
        misconceptions=[
            Misconception(
                "together",
                lambda w: w / w.norm(),
                "it divides by the length of all filters together; each filter gets a length of 1 of its own.",
            ),
            Misconception(
                "channel",
                lambda w: w / w.flatten(2).norm(dim=2)[..., None, None],
                "each *channel* has length 1, so a filter of 3 channels has length √3. A view adds up the channels: "
                "the length is over channels and pixels together.",
            ),
            Misconception(
                "pixel",
                lambda w: w / w.norm(dim=1, keepdim=True),
                "it divides each pixel by its length over the channels; that makes all pixels weigh the same.",
            ),
            Misconception(
                "across",
                lambda w: w / w.norm(dim=0, keepdim=True),
                "it divides by the length across the filters. They have nothing to do with each other.",
            ),
            Misconception(
                "absolute",
                lambda w: w / w.abs().sum((1, 2, 3), keepdim=True),
                "the absolute values add up to 1; the length is the root of the sum of squares.",
            ),
            Misconception(
                "squared",
                lambda w: w / w.square().sum((1, 2, 3), keepdim=True),
                "it divides by the squared length: take the root.",
            ),
            Misconception(
                "deviation",
                lambda w: w / w.flatten(1).std(dim=1).view(-1, 1, 1, 1),
                "it divides by the standard deviation, which leaves a length of about √(channels · height · width).",
            ),
        ],
    )


def project(
    samples: Float[Tensor, "n dim"], projections: Float[Tensor, "K dim features"]
) -> Float[Tensor, "K n features"]:
    """What each discriminator sees: y_k = W_k^T x for every sample and every k."""
    return torch.einsum("nd,kdm->knm", samples, projections)


def _check_project(answer):
    def case(words, n, dim, features, count):
        return Case(words, (torch.randn(n, dim), torch.randn(count, dim, features)))

    same_function(
        answer,
        project,
        [
            case("7 samples of 5 numbers, 3 views of 2", 7, 5, 2, 3),
            case("as many features as numbers, 4 and 4", 6, 4, 4, 3),
            case("a single view of a single number", 6, 4, 1, 1),
            case("as many samples as views", 3, 5, 2, 3),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "first",
                lambda x, w: (x @ w[0]).expand(len(w), -1, -1),
                "all views are the first one: discriminator k has a matrix of its own, W_k.",
            ),
            Misconception(
                "averaged",
                lambda x, w: (x @ w.mean(0)).expand(len(w), -1, -1),
                "it averages the matrices. Each view is kept apart.",
            ),
            Misconception(
                "scaled",
                lambda x, w: x @ w / w.shape[-1] ** 0.5,
                "the views are divided by the root of the number of features. The columns have length 1 already; "
                "nothing more is needed.",
            ),
            Misconception(
                "normalised",
                lambda x, w: x @ (w / w.norm(dim=1, keepdim=True)),
                "it makes the columns unit length once more. That is done when they are drawn; use them as they come.",
            ),
            Misconception(
                "transposed",
                lambda x, w: x @ w.mT,
                "it multiplies with the transposed matrices. W_k^T x for a column x is the row x times W_k.",
            ),
        ],
    )


# ------------------------------------------------------------------------------------------ the losses


def _check_generator_loss(answer):
    same_function(
        answer,
        generator_loss,
        [
            Case("logits of 12 discriminators for 64 samples", (torch.randn(12, 64) - 0.5,)),
            Case("a batch of one", (torch.randn(3, 1),)),
            Case("a single discriminator", (torch.randn(1, 8),)),
            Case(
                "logits of ±200",
                (torch.tensor([[-200.0, 200.0], [200.0, -150.0]]),),
                "overflow",
                "with logits this large log(sigmoid(x)) is the log of 0. -log(sigmoid(x)) = softplus(-x) stays exact.",
            ),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "sum",
                lambda logits: softplus(-logits).mean(1).sum(),
                "it adds up the K losses, as equation 2 prints it. The authors train with their mean: then the length "
                "of the generator's step does not grow with K.",
            ),
            Misconception(
                "combined",
                lambda logits: -logits.sigmoid().mean(0).log().mean(),
                "it averages the probabilities of the K discriminators and takes the log of that. Their outputs are "
                "never combined: one of them that is sure of a fake must stay heard. Average the losses.",
            ),
            Misconception(
                "logits",
                lambda logits: softplus(-logits.mean(0)).mean(),
                "it averages the logits of the K discriminators first. Their outputs are never combined: average the "
                "losses.",
            ),
            Misconception(
                "hardest",
                lambda logits: softplus(-logits).mean(1).max(),
                "it takes the strictest discriminator only. (GMAN can do that.) Here all K count alike.",
            ),
            Misconception(
                "kindest", lambda logits: softplus(-logits).mean(1).min(), "it takes the most lenient one only."
            ),
            Misconception(
                "first", lambda logits: softplus(-logits[0]).mean(), "only the first discriminator is asked."
            ),
            Misconception(
                "saturating",
                lambda logits: -softplus(logits).mean(),
                "this is the minimax loss, E[log(1 - D)]; the paper trains with the non-saturating one, -E[log D].",
            ),
            Misconception(
                "labels",
                lambda logits: softplus(logits).mean(),
                "it is low when the discriminators say fake: that is their own view of the fakes.",
            ),
            Misconception("sign", lambda logits: -softplus(-logits).mean(), "the sign is turned: a loss is minimised."),
            Misconception(
                "batch",
                lambda logits: softplus(-logits).sum(1).mean(),
                "it adds up the batch: take the mean over the samples too.",
            ),
        ],
    )


# -------------------------------------------------------------------------------- one at a time


def generator_step(
    generator: nn.Module,
    discriminators: list[nn.Module],
    optimiser: torch.optim.Optimizer,
    latent: Float[Tensor, "n latent"],
) -> Float[Tensor, ""]:
    """Train the generator against all K with the memory of one; the loss before the update, detached.

    `optimiser` holds the generator's weights; each discriminator gives logits `(n,)` of samples.
    """
    fake = generator(latent)
    loss, gradient = accumulated_gradient(fake, discriminators)
    optimiser.zero_grad()
    fake.backward(gradient)
    optimiser.step()
    return loss


_NAMES = ("first", "second", "third")


def _four_players() -> dict[str, Player]:
    players = {"generator": two_players()["generator"]}
    for name in _NAMES:
        players[name] = two_players()["discriminator"]
    return players


def most_kept(step) -> int:
    """Bytes of intermediate results that autograd keeps at the fullest moment of a step."""
    kept: dict[int, tuple[int, int]] = {}
    most = 0

    class Kept:
        def __init__(self, tensor: Tensor):
            nonlocal most
            self.tensor = tensor
            storage = tensor.untyped_storage()
            kept[id(self)] = (storage.data_ptr(), storage.nbytes())
            most = max(most, sum(dict(kept.values()).values()))

        def __del__(self):
            kept.pop(id(self), None)

    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda one: one.tensor):
        step()
    return most


def _check_generator_step(answer):
    takes(answer, ("generator", "discriminators", "optimiser", "latent"))

    def wrapped(generator, first, second, third, optimiser, latent):
        return answer(generator, [first, second, third], optimiser, latent)

    def logits(players, batch):
        fake = players["generator"](batch["latent"])
        return torch.stack([players[name](fake) for name in _NAMES])

    check_step(
        wrapped,
        arguments=("generator", *_NAMES, "optimiser", "latent"),
        trains="generator",
        make_players=_four_players,
        make_batch=lambda: {"latent": torch.randn(16, 2)},
        may_reach=_NAMES,
        loss=lambda players, batch: generator_loss(logits(players, batch)),
        misconceptions=[
            Misconception(
                "added",
                lambda players, batch: generator_loss(logits(players, batch), reduction="sum"),
                "the gradients of the K losses are added up; the loss is their mean: divide by the number of "
                "discriminators.",
            ),
            Misconception(
                "last",
                lambda players, batch: generator_loss(logits(players, batch)[-1:]) / 3,
                "only the last discriminator's gradient arrives: the others were overwritten. Add them up.",
            ),
            Misconception(
                "only-last",
                lambda players, batch: generator_loss(logits(players, batch)[-1:]),
                "only the last discriminator's gradient arrives: the others were overwritten. Add them up.",
            ),
            Misconception(
                "saturating",
                lambda players, batch: -softplus(logits(players, batch)).mean(),
                "the generator minimises E[log(1 - D)], the minimax loss; this exercise wants the non-saturating one.",
            ),
            Misconception(
                "labels",
                lambda players, batch: softplus(logits(players, batch)).mean(),
                "the generator learns to be called fake: this is the discriminators' view of the fakes.",
            ),
        ],
    )

    def memory(step, count: int) -> int:
        generator = nn.Linear(2, 2)
        body = [nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1), nn.Flatten(0)]
        discriminators = [nn.Sequential(*body) for _ in range(count)]
        optimiser = torch.optim.SGD(generator.parameters(), lr=0.01)
        gc.collect()
        return most_kept(lambda: step(generator, discriminators, optimiser, torch.randn(256, 2)))

    enough, taken = memory(generator_step, 8), memory(answer, 8)
    if taken > 2 * enough:
        raise NotYet(
            "memory",
            f"the step is right, but for 8 discriminators autograd keeps {taken / enough:.0f} times what one at a time "
            "needs: the graphs of all of them are alive at once. For each discriminator take the gradient with respect "
            "to the *samples* (torch.autograd.grad), add it up, and go through the generator once at the end.",
        )


# ------------------------------------------------------------------------------------------- K as one


def grouped(
    views: Float[Tensor, "n K_channels height width"], weights: Float[Tensor, "K outputs channels 4 4"]
) -> Float[Tensor, "n K_outputs height/2 width/2"]:
    """K convolutions 4x4 with stride 2 and padding 1, each on its own channels, in one call."""
    return F.conv2d(views, weights.flatten(0, 1), stride=2, padding=1, groups=len(weights))


def _own_convolutions(views, weights):
    parts = views.chunk(len(weights), 1)
    return [F.conv2d(x, w, stride=2, padding=1) for x, w in zip(parts, weights, strict=True)]


class _Convolutions(TorchFunctionMode):
    """Counts the convolutions."""

    count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.count += function in (torch.conv2d, F.conv2d)
        return function(*args, **(kwargs or {}))


def _check_grouped(answer):
    def case(words, n, count, channels, outputs, side):
        return Case(words, (torch.randn(n, count * channels, side, side), torch.randn(count, outputs, channels, 4, 4)))

    same_function(
        answer,
        grouped,
        [
            case("5 samples, 3 views of 2 channels", 5, 3, 2, 4, 8),
            case("grey views", 2, 4, 1, 3, 8),
            case("a single view", 2, 1, 3, 2, 8),
            case("as many views as channels", 2, 3, 3, 3, 4),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "shared",
                lambda x, w: torch.cat([F.conv2d(p, w[0], stride=2, padding=1) for p in x.chunk(len(w), 1)], 1),
                "all discriminators use the first one's filters.",
            ),
            Misconception(
                "interleaved-in",
                lambda x, w: grouped(
                    x.unflatten(1, (-1, len(w))).transpose(1, 2).flatten(1, 2) if x.shape[1] > len(w) else x, w
                ),
                "the input's channels are dealt out like cards. View k is a block: channels k·c to (k+1)·c - 1.",
            ),
            Misconception(
                "interleaved-out",
                lambda x, w: torch.stack(_own_convolutions(x, w), 2).flatten(1, 2),
                "the outputs are mixed like cards: first the first channel of every network. Keep each network's "
                "channels together: (K, outputs), flattened.",
            ),
            Misconception(
                "added",
                lambda x, w: sum(_own_convolutions(x, w)).repeat(1, len(w), 1, 1),
                "the K results are added up; the discriminators share nothing.",
            ),
        ],
    )
    with _Convolutions() as seen:
        answer(torch.randn(2, 12, 8, 8), torch.randn(12, 2, 1, 4, 4))
    if seen.count > 1:
        raise NotYet(
            "loop",
            f"the numbers are right, but 12 networks took {seen.count} calls. Put all filters into one weight of shape "
            "(K · outputs, channels, 4, 4) and let groups=K keep them apart.",
        )


# --------------------------------------------------------------------------------------- fresh directions


def sliced_distance(
    real: Float[Tensor, "n dim"], fake: Float[Tensor, "n dim"], directions: Float[Tensor, "dim K"]
) -> Float[Tensor, ""]:
    """The squared 2-Wasserstein distance along each direction, averaged over the directions.

    Between two samples of n numbers it is mean_i (a_(i) - b_(i))^2, where a_(i) is the i-th smallest.
    """
    return ((real @ directions).sort(0).values - (fake @ directions).sort(0).values).square().mean()


def _check_sliced_distance(answer):
    def case(words, n, dim, count):
        return Case(
            words, (torch.randn(n, dim), 0.5 + torch.randn(n, dim), F.normalize(torch.randn(dim, count), dim=0))
        )

    same_function(
        answer,
        sliced_distance,
        [
            case("20 points in 3D, 4 directions", 20, 3, 4),
            case("as many points as directions", 4, 3, 4),
            case("one direction", 9, 2, 1),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "unsorted",
                lambda real, fake, w: (real @ w - fake @ w).square().mean(),
                "it compares the points in the order in which they came. Which fake belongs to which real? Sort both.",
            ),
            Misconception(
                "sorted-first",
                lambda real, fake, w: (real.sort(0).values @ w - fake.sort(0).values @ w).square().mean(),
                "it sorts the coordinates before projecting, which tears the points apart. Project, then sort.",
            ),
            Misconception(
                "across",
                lambda real, fake, w: ((real @ w).sort(1).values - (fake @ w).sort(1).values).square().mean(),
                "it sorts across the directions: sort the points, along the first axis, for each direction.",
            ),
            Misconception(
                "means",
                lambda real, fake, w: (real @ w - fake @ w).mean(0).square().mean(),
                "it compares the means only; two distributions with the same mean would be equal.",
            ),
            Misconception(
                "absolute",
                lambda real, fake, w: ((real @ w).sort(0).values - (fake @ w).sort(0).values).abs().mean(),
                "it takes absolute differences (the 1-Wasserstein distance); square them.",
            ),
            Misconception(
                "root",
                lambda real, fake, w: sliced_distance(real, fake, w).sqrt(),
                "it takes the root at the end; the exercise wants the squared distance, which is easier to descend.",
            ),
            Misconception(
                "sum",
                lambda real, fake, w: sliced_distance(real, fake, w) * w.shape[1],
                "the directions are added up: take their mean.",
            ),
            Misconception(
                "batch",
                lambda real, fake, w: sliced_distance(real, fake, w) * len(real),
                "the points are added up: take their mean.",
            ),
        ],
    )


EXERCISES = [
    Exercise(
        name="rpgan.project",
        difficulty=2,
        minutes=5,
        reference=project,
        check=_check_project,
        hints=(
            "One sample as a row x of length dim: its view k is the row x times W_k.",
            "samples has shape (n, dim), projections (K, dim, features). Matrix products treat axes in front of the "
            "last two as a batch, and broadcast.",
            "samples @ projections, or torch.einsum('nd,kdm->knm', samples, projections).",
        ),
    ),
    Exercise(
        name="rpgan.generator_loss",
        difficulty=2,
        minutes=4,
        reference=generator_loss,
        check=_check_generator_loss,
        hints=(
            "Each discriminator k gives a loss as in chapter 01: -E[log D_k]. Then one number from K of them.",
            "Losses are averaged, never the discriminators' outputs. Which of the two means may you exchange?",
            "softplus(-logits), then the mean over samples, then the mean over k: together simply .mean().",
        ),
    ),
    Exercise(
        name="rpgan.generator_step",
        difficulty=4,
        minutes=12,
        reference=generator_step,
        check=_check_generator_step,
        hints=(
            "The chain rule cuts the graph at the samples: dL/dweights = dL/dfake times dfake/dweights. The first "
            "factor is a sum over k, so its parts can be found one after another.",
            "Make a second tensor with the same numbers but no history: leaf = fake.detach().requires_grad_(). For "
            "each discriminator, torch.autograd.grad(its loss, leaf) gives its part and frees its graph.",
            "Add up the parts divided by K, then zero_grad(), fake.backward(the sum), step(). Return the sum of the "
            "detached losses divided by K.",
        ),
    ),
    Exercise(
        name="rpgan.unit_filters",
        difficulty=1,
        minutes=3,
        reference=unit_filters,
        check=_check_unit_filters,
        hints=(
            "The length of a filter is the root of the sum of the squares of all its numbers.",
            "filters.flatten(1).norm(dim=1) gives K lengths; give them the shape (K, 1, 1, 1) before you divide.",
        ),
    ),
    Exercise(
        name="rpgan.grouped",
        difficulty=3,
        minutes=8,
        reference=grouped,
        check=_check_grouped,
        hints=(
            "torch.nn.functional.conv2d has an argument groups. What shape must the weight then have?",
            "With groups=K the weight is (K · outputs, channels, 4, 4): outputs k·o to (k+1)·o - 1 see input channels "
            "k·c to (k+1)·c - 1.",
            "F.conv2d(views, weights.flatten(0, 1), stride=2, padding=1, groups=len(weights)).",
        ),
    ),
    Exercise(
        name="rpgan.sliced_distance",
        difficulty=2,
        minutes=6,
        reference=sliced_distance,
        check=_check_sliced_distance,
        hints=(
            "On a line the cheapest way to carry one heap of sand to another keeps the order: smallest to smallest.",
            "real @ directions is (n, K). Sort it along the points, dim=0, and do the same with fake.",
            "The mean over points and directions of the squared differences.",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="rpgan.sure",
        text="The generator stands still and a discriminator learns until it is right about every sample. Which "
        "gradient at the generated samples goes to zero?",
        choices=(
            Choice(
                "Only that of the minimax loss, E[log(1 - D)].",
                "Its gradient is D times the slope of the logit, and D goes to 0. The non-saturating one has 1 - D in "
                "its place.",
            ),
            Choice(
                "Only that of the non-saturating loss, -E[log D].",
                "The other way round: it was made for this case. Its factor is 1 - D, which goes to 1.",
            ),
            Choice(
                "Both: a discriminator that is certain is flat.",
                "Certain is not flat. D is flat, but its logit is not: it goes on rising, and the non-saturating loss "
                "follows the logit.",
            ),
        ),
        right="a",
    ),
    Question(
        name="rpgan.axes",
        text="Real points sit at (1, 1) and (-1, -1). A generator makes points at (1, -1) and (-1, 1). Discriminator "
        "1 sees the first coordinate only, discriminator 2 the second only. What do they tell the generator, at "
        "their best?",
        choices=(
            Choice(
                "Both say fake: no generated point is where a real one is.",
                "Neither sees where a point is. Each sees one number, and +1 and -1 come as often in both sets.",
            ),
            Choice(
                "Nothing: neither can tell the two apart.",
                "Each coordinate by itself has the same distribution, so the best D is 1/2 everywhere and the "
                "generator is at rest. What differs is how the coordinates go together, and no view shows both.",
            ),
            Choice(
                "One of them notices, since the signs are wrong.",
                "The sign of a coordinate is right half of the time in both sets. Wrong is only which signs meet.",
            ),
        ),
        right="b",
    ),
    Question(
        name="rpgan.sum",
        text="You train with K = 12 and, as equation 2 prints it, add up the 12 generator losses in place of "
        "averaging. What changes under Adam, and what under plain SGD?",
        choices=(
            Choice(
                "Under both the generator takes steps 12 times as long.",
                "Under SGD, yes. Adam divides the gradient by a running average of its own size, and the 12 cancels.",
            ),
            Choice(
                "Next to nothing under Adam; under SGD the generator's learning rate is 12 times as high.",
                "A constant factor cancels in Adam (up to its epsilon). SGD has nothing to cancel it with.",
            ),
            Choice(
                "Nothing under either: a constant factor does not move a minimum.",
                "The minimum stays, but how far a step goes does not: under SGD it is 12 times as far.",
            ),
        ),
        right="b",
    ),
    Question(
        name="rpgan.trained",
        text="By mistake the projections are in the discriminators' optimiser and learn with them. What is lost?",
        choices=(
            Choice(
                "Nothing: more weights make better discriminators.",
                "Better at winning. The point of the views was that each discriminator can *not* see everything.",
            ),
            Choice(
                "Each discriminator can turn its view to where real and fake differ most.",
                "A trained projection is the first layer of an ordinary discriminator. All K could come to look the "
                "same way, and each goes after whatever gives the fakes away, as a single one does.",
            ),
            Choice(
                "Memory, and nothing else.",
                "A little memory too. But the discriminators also change what they see, and that is what the method "
                "fixes.",
            ),
        ),
        right="b",
    ),
]
