"""Chapter 11: what changes when a run gets long and wide."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, Question
from ganlab.scale.cost import images_per_second
from ganlab.scale.generator import decay_of

# ---------------------------------------------------------------------------------------------- the clock


def _check_decay(answer):
    same_function(
        answer,
        decay_of,
        [
            Case("a half-life of 1,000 images and batches of 100", (1000.0, 100)),
            Case("a half-life of 64 images and batches of 64", (64.0, 64)),
            Case("a half-life of 100,000 images and batches of 16", (100_000.0, 16)),
            Case("a half-life of 10 images and batches of 40", (10.0, 40)),
            Case(
                "a half-life of 0", (0.0, 64), "zero",
                "a half-life of 0 means no average at all: the new weights count, the past does not. Return 0.",
            ),
        ],
        rtol=1e-6,
        atol=1e-9,
        misconceptions=[
            Misconception(
                "per-image", lambda half_life, batch: 0.5 ** (1 / half_life) if half_life else 0.0,
                "this is the decay of one image; a step is `batch` images.",
            ),
            Misconception(
                "steps", lambda half_life, batch: 0.5 ** (1 / (half_life * batch)) if half_life else 0.0,
                "it multiplies by the batch where it should divide: a larger batch needs fewer steps to the half-life.",
            ),
            Misconception(
                "linear", lambda half_life, batch: 1 - batch / half_life if half_life else 0.0,
                "1 - batch / half_life forgets too fast (after the half-life .37 are left), and is negative for large "
                "batches.",
            ),
            Misconception(
                "linear-half", lambda half_life, batch: 1 - 0.5 * batch / half_life if half_life else 0.0,
                "it takes the same share of the start away at each step. What decays loses a share of what is left.",
            ),
            Misconception(
                "e", lambda half_life, batch: 2.718281828459045 ** (-batch / half_life) if half_life else 0.0,
                "after one half-life 1/e is left, not a half: the base is 1/2.",
            ),
            Misconception(
                "weight-of-new", lambda half_life, batch: 1 - 0.5 ** (batch / half_life) if half_life else 1.0,
                "this is the weight of the new; asked for is that of the past.",
            ),
        ],
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- processes


def own_rows(batch: int, processes: int, rank: int) -> Int[Tensor, " rows"]:
    """Which rows of the global batch process `rank` works on: consecutive ones, so that joining parts keeps order."""
    size = batch // processes
    return torch.arange(rank * size, (rank + 1) * size)


def _check_own_rows(answer):
    same_function(
        answer,
        own_rows,
        [
            Case("a batch of 12, 3 processes, the first (rank 0)", (12, 3, 0)),
            Case("a batch of 12, 3 processes, the last (rank 2)", (12, 3, 2)),
            Case("a batch of 8, 2 processes, rank 1", (8, 2, 1)),
            Case("a batch of 5 and one process", (5, 1, 0)),
            Case("a batch of 4, 4 processes, rank 2", (4, 4, 2)),
        ],
        misconceptions=[
            Misconception(
                "strided", lambda batch, processes, rank: torch.arange(rank, batch, processes),
                "every process gets its share, but dealt out like cards: joined one after another, the rows are out of "
                "order, and row i of the outputs no longer belongs to row i of the inputs.",
            ),
            Misconception(
                "same", lambda batch, processes, rank: torch.arange(batch // processes),
                "every process gets the first rows: the others are never looked at.",
            ),
            Misconception(
                "from-one", lambda batch, processes, rank: torch.arange(
                    (rank - 1) * (batch // processes), rank * (batch // processes)),
                "ranks are counted from 0.",
            ),
        ],
    )  # fmt: skip


def centre_distance(
    real_parts: Float[Tensor, "processes rows dim"], fake_parts: Float[Tensor, "processes rows dim"]
) -> Float[Tensor, ""]:
    """||mean of all fakes - mean of all reals||, MMGAN's first term, of a batch that lies in parts."""
    return (fake_parts.mean((0, 1)) - real_parts.mean((0, 1))).norm()


def _apart(real, fake):
    return (fake.mean(1) - real.mean(1)).norm(dim=-1)


def _check_centre_distance(answer):
    def case(words, *shape):
        return Case(words, (torch.randn(shape), 0.5 + torch.randn(shape)))

    same_function(
        answer,
        centre_distance,
        [
            case("2 processes with 8 rows of 3 numbers each", 2, 8, 3),
            case("one process", 1, 6, 4),
            case("4 processes with one row each", 4, 1, 5),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "averaged", lambda real, fake: _apart(real, fake).mean(),
                "it computes the distance in each process and averages those. The mean of lengths is not the length of "
                "the mean: the parts' random errors, which would cancel, are counted.",
            ),
            Misconception("summed", lambda real, fake: _apart(real, fake).sum(), "it adds up what the processes have."),
            Misconception("first", lambda real, fake: _apart(real, fake)[0], "it looks at the first process only."),
            Misconception(
                "squared", lambda real, fake: centre_distance(real, fake).square(),
                "it gives the squared length; the loss is the length.",
            ),
            Misconception(
                "rows", lambda real, fake: (fake - real).norm(dim=-1).mean(),
                "it compares fakes with reals row by row; compared are the two centres.",
            ),
            Misconception(
                "coordinates", lambda real, fake: (fake.mean((0, 1)) - real.mean((0, 1))).abs().mean(),
                "it averages over the coordinates; the length is the root of the sum of squares.",
            ),
        ],
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- the roofline


def _check_roofline(answer):
    same_function(
        answer,
        images_per_second,
        [
            Case("2 GFLOP and 50 MB an image, 100 TFLOP/s and 1 TB/s", (2e9, 50e6, 100e12, 1e12)),
            Case("40 GFLOP and 50 MB an image, 100 TFLOP/s and 1 TB/s", (40e9, 50e6, 100e12, 1e12)),
            Case("1 GFLOP and 10 MB an image, 1 TFLOP/s and 10 GB/s", (1e9, 10e6, 1e12, 10e9)),
        ],
        rtol=1e-6,
        misconceptions=[
            Misconception(
                "arithmetic", lambda operations, moved, peak, bandwidth: peak / operations,
                "it counts arithmetic only; the device also has to fetch what it computes with.",
            ),
            Misconception(
                "memory", lambda operations, moved, peak, bandwidth: bandwidth / moved,
                "it counts memory traffic only; with much arithmetic a byte, that is not what takes the time.",
            ),
            Misconception(
                "faster", lambda operations, moved, peak, bandwidth: max(peak / operations, bandwidth / moved),
                "the faster of the two does not help when the slower one is not done.",
            ),
            Misconception(
                "added", lambda operations, moved, peak, bandwidth: 1 / (operations / peak + moved / bandwidth),
                "it adds the two times up. At best they overlap, and the longer one counts.",
            ),
            Misconception(
                "seconds", lambda operations, moved, peak, bandwidth: max(operations / peak, moved / bandwidth),
                "these are seconds an image; asked for are images a second.",
            ),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        name="scale.decay",
        difficulty=2,
        minutes=5,
        reference=decay_of,
        check=_check_decay,
        hints=(
            "After half_life images the past shall weigh 1/2. How many steps of `batch` images is that?",
            "half_life / batch steps, each with a factor of decay: decay to that power is 1/2.",
            "decay = 0.5 ** (batch / half_life), and 0.0 when the half-life is 0.",
        ),
    ),
    Exercise(
        name="scale.own_rows",
        difficulty=1,
        minutes=4,
        reference=own_rows,
        check=_check_own_rows,
        hints=(
            "Each process has batch // processes rows. Ranks are 0, 1, 2, ...",
            "The parts are joined one after another by torch.cat, and the result must be in the old order.",
            "torch.arange(rank * size, (rank + 1) * size).",
        ),
    ),
    Exercise(
        name="scale.centre_distance",
        difficulty=2,
        minutes=6,
        reference=centre_distance,
        check=_check_centre_distance,
        hints=(
            "real_parts[p] are the rows that process p has. Where is the centre of all reals?",
            "The parts are equally large, so the mean over both axes, mean((0, 1)), is the centre of the whole batch.",
            "Then the length of the difference of the two centres: .norm().",
        ),
    ),
    Exercise(
        name="scale.roofline",
        difficulty=2,
        minutes=5,
        reference=images_per_second,
        check=_check_roofline,
        hints=(
            "How many images a second would the arithmetic allow, if memory were infinitely fast? And the other way?",
            "device_operations / operations and device_bytes / moved: the smaller one sets the pace.",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="scale.clock",
        text="You move to four GPUs and make the batch four times as large. The averaged generator keeps its decay of "
        "0.999 a step. What happens to its memory?",
        choices=(
            Choice(
                "Nothing: 0.999 is 0.999.",
                "In steps. But a step is now four times as many images, and training goes further in it.",
            ),
            Choice(
                "It reaches back four times as many images.",
                "693 steps are its half-life, and each is four times as many images. Give the half-life in images "
                "instead, and neither batch nor processes change it.",
            ),
            Choice(
                "It reaches back a quarter as many images.",
                "The other way round: the number of steps that it remembers stays, and a step is more images.",
            ),
        ),
        right="b",
    ),
    Question(
        name="scale.averaged_gradients",
        text="Two processes have half of the batch each. Each computes MSGAN's term 1 / r on its half, where r is a "
        "ratio of means, and the two gradients are averaged. Is that the gradient of one process with the whole batch?",
        choices=(
            Choice(
                "Yes, to rounding: averaging gradients is what data-parallel training does.",
                "It is what it does, and for losses that are means over samples it is right. 1 / r is none.",
            ),
            Choice(
                "No: 1 / r of the whole batch is not the mean of the halves' 1 / r.",
                "With equal denominators the mean of 1 / r over parts is larger than 1 / r of the whole (Jensen); with "
                "unequal ones it may be smaller: parts 2/4 and 1/1 give 3/2, the whole 3/5 gives 5/3. Either way the "
                "result would depend on the number of processes.",
            ),
            Choice(
                "Only if both processes draw the same latents.",
                "Then both would do the same work. The nonlinearity is the trouble, not the draw.",
            ),
        ),
        right="b",
    ),
]
