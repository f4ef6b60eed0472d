"""Chapter 12, the report: what counts as a repetition, and what the same seeds are good for."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, NotYet, Question


def one_number_a_seed(seeds: Int[Tensor, " n"], values: Float[Tensor, " n"]) -> Float[Tensor, " different"]:
    """The mean value of each different seed, in ascending order of the seeds."""
    return torch.stack([values[seeds == seed].mean() for seed in seeds.unique()])


def paired_differences(
    seeds_a: Int[Tensor, " n"], a: Float[Tensor, " n"], seeds_b: Int[Tensor, " m"], b: Float[Tensor, " m"]
) -> Float[Tensor, " shared"]:
    """a minus b for each seed that is in both groups, in ascending order of the seeds; a seed is once in a group."""
    shared = sorted(set(seeds_a.tolist()) & set(seeds_b.tolist()))
    of_a, of_b = dict(zip(seeds_a.tolist(), a, strict=True)), dict(zip(seeds_b.tolist(), b, strict=True))
    return torch.stack([of_a[seed] - of_b[seed] for seed in shared]) if shared else a[:0]


def _of_length(answer, arguments: tuple, mistakes: dict[int, tuple[str, str]]) -> None:
    """What a result of a wrong length says about its maker; all else is left to `same_function`."""
    try:
        result = answer(*(argument.clone() for argument in arguments))
    except Exception:
        return
    if isinstance(result, Tensor) and result.ndim == 1 and len(result) in mistakes:
        raise NotYet(*mistakes[len(result)])


def _check_one_number_a_seed(answer):
    numbers = torch.tensor
    _of_length(
        answer,
        (numbers([0, 0, 1, 0]), numbers([8.0, 5.0, 6.0, 2.0])),
        {
            4: ("all", "it keeps every number. Two runs of seed 0 share its weights and its data: they are one "
                "repetition, seen twice."),
            3: ("neighbours", "it takes only neighbours together: for seeds [0, 0, 1, 0] it gives three numbers. A "
                "seed may come back later."),
        },
    )  # fmt: skip
    same_function(
        answer,
        one_number_a_seed,
        [
            Case("seeds [0, 1, 0, 1, 0] and values [8, 5, 6, 2, 1]",
                 (numbers([0, 1, 0, 1, 0]), numbers([8.0, 5.0, 6.0, 2.0, 1.0]))),
            Case("seeds [7, 3, 7], not in order", (numbers([7, 3, 7]), numbers([1.0, 5.0, 2.0]))),
            Case("seeds that all occur once", (numbers([2, 0, 1]), numbers([3.0, 1.0, 2.0]))),
            Case("a single number", (numbers([4]), numbers([2.5]))),
            Case("sixteen numbers of eight seeds", (torch.arange(8).repeat(2), torch.randn(16))),
        ],
        misconceptions=[
            Misconception("sum", lambda seeds, values: torch.stack([values[seeds == s].sum() for s in seeds.unique()]),
                          "it adds up the numbers of a seed: take their mean."),
            Misconception("first", lambda seeds, values: torch.stack([values[seeds == s][0] for s in seeds.unique()]),
                          "it keeps the first number of a seed and throws the others away."),
            Misconception("last", lambda seeds, values: torch.stack([values[seeds == s][-1] for s in seeds.unique()]),
                          "of a seed's numbers only the last survives. A dict that is written twice does that."),
            Misconception("median", lambda seeds, values: torch.stack([values[seeds == s].median() for s in
                          seeds.unique()]), "it takes the median of a seed's numbers: take their mean."),
            Misconception("best", lambda seeds, values: torch.stack([values[seeds == s].max() for s in seeds.unique()]),
                          "it keeps the best number of a seed: that is choosing results."),
            Misconception("appearance", lambda seeds, values: torch.stack([values[seeds == s].mean() for s in
                          dict.fromkeys(seeds.tolist())]), "the seeds come in the order in which they appear: sort "
                          "them."),
        ],
    )  # fmt: skip


def _check_paired_differences(answer):
    t = torch.tensor

    def by_place(seeds_a, a, seeds_b, b):
        size = min(len(a), len(b))
        return a[:size] - b[:size]

    def sorted_by_value(seeds_a, a, seeds_b, b):
        size = min(len(a), len(b))
        return a.sort().values[:size] - b.sort().values[:size]

    def as_they_come(seeds_a, a, seeds_b, b):
        other = dict(zip(seeds_b.tolist(), b, strict=True))
        kept = [value - other[s] for s, value in zip(seeds_a.tolist(), a, strict=True) if s in other]
        return torch.stack(kept) if kept else a[:0]

    _of_length(
        answer,
        (t([0, 1, 3]), t([5.0, 6.0, 8.0]), t([1, 2, 3]), t([1.0, 9.0, 2.0])),
        {4: ("filled", "a seed that one group lacks counts as if its value were 0: for seeds [0, 1, 3] and [1, 2, 3] "
             "it gives four differences. Only seeds 1 and 3 are in both.")},
    )  # fmt: skip
    same_function(
        answer,
        paired_differences,
        [
            Case("seeds [0, 1, 2] in both, values [5, 6, 8] and [4, 8, 5]",
                 (t([0, 1, 2]), t([5.0, 6.0, 8.0]), t([0, 1, 2]), t([4.0, 8.0, 5.0]))),
            Case("the seeds of b in another order: [2, 0, 1]",
                 (t([0, 1, 2]), t([5.0, 6.0, 8.0]), t([2, 0, 1]), t([5.0, 4.0, 8.0]))),
            Case("seeds [0, 1, 3] and [1, 2, 3]: only 1 and 3 are in both",
                 (t([0, 1, 3]), t([5.0, 6.0, 8.0]), t([1, 2, 3]), t([1.0, 9.0, 2.0]))),
            Case("the seeds of a in another order: [3, 0]",
                 (t([3, 0]), t([1.0, 2.0]), t([0, 3, 5]), t([7.0, 3.0, 1.0]))),
            Case("no seed in both", (t([0, 1]), t([1.0, 2.0]), t([2, 3]), t([1.0, 2.0])), "empty",
                 "no pair means no difference: return an empty tensor."),
        ],
        misconceptions=[
            Misconception("by-place", by_place, "it subtracts by place. The tenth number of a and the tenth of b need "
                          "not be of the same seed."),
            Misconception("by-value", sorted_by_value, "it sorts the values before it subtracts: the pairs are lost."),
            Misconception("sign", lambda sa, a, sb, b: -paired_differences(sa, a, sb, b),
                          "it is b minus a; what is asked is a minus b."),
            Misconception("absolute", lambda sa, a, sb, b: paired_differences(sa, a, sb, b).abs(),
                          "it drops the sign: then no method is ever worse."),
            Misconception("unpaired", lambda sa, a, sb, b: a - b.mean(),
                          "it subtracts the mean of b from each a. The pairs are what the same seeds are for."),
            Misconception("order", as_they_come, "the differences come in the order of a: sort them by seed."),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        name="report.one_number_a_seed",
        difficulty=2,
        minutes=4,
        reference=one_number_a_seed,
        check=_check_one_number_a_seed,
        hints=(
            "Which different seeds are there? seeds.unique() has them, in ascending order.",
            "values[seeds == seed] are the numbers of one seed.",
            "torch.stack([... for seed in seeds.unique()]) makes a tensor of one mean for each.",
        ),
    ),
    Exercise(
        name="report.paired_differences",
        difficulty=2,
        minutes=6,
        reference=paired_differences,
        check=_check_paired_differences,
        hints=(
            "Which seeds are in both? Python's sets know: set(x) & set(y).",
            "dict(zip(seeds_a.tolist(), a)) finds the value of a seed, wherever it stands.",
            "For each shared seed, in sorted order: the value in a minus the value in b. Think of no shared seed at "
            "all: torch.stack refuses an empty list.",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="report.overlap",
        text="Two settings were run from the same seeds. Their 95 % intervals overlap. What do you know of their "
        "difference?",
        choices=(
            Choice(
                "There is none.",
                "An interval says how well one mean is known. Two of them may overlap and yet the first setting beat "
                "the second in every single seed.",
            ),
            Choice(
                "Not enough: look at the differences, seed by seed.",
                "Often seeds differ more than settings. What a seed does to both settings drops out of the "
                "difference, and the interval of the differences is the one that answers the question.",
            ),
            Choice(
                "There is one, since the means differ.",
                "Means of different numbers always differ. The question is whether they would on other seeds too.",
            ),
        ),
        right="b",
    ),
    Question(
        name="report.best_of_many",
        text="Of twenty settings, each run from eight seeds, you keep the best one. Its mean is 7.1 of 8 modes. What "
        "would you bet on for eight fresh seeds?",
        choices=(
            Choice(
                "About 7.1: that is what a mean is.",
                "A mean of a setting that was fixed before. This one was chosen because its eight seeds went well.",
            ),
            Choice(
                "Rather less than 7.1.",
                "The highest of twenty means is good and lucky. The setting stays, the luck does not. So: choose on "
                "some seeds, report others.",
            ),
            Choice(
                "Rather more than 7.1, since it is the best setting.",
                "It may be the best, but that is no reason for it to get better than it was.",
            ),
        ),
        right="b",
    ),
]
