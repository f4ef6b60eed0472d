"""Chapter 09, one protocol: floors, the same number of tries, the same time, and intervals of differences."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, Question


def smear_share(modes: int, sigma: float, side: float) -> float:
    """Share of points, uniform on a square of that side, that lie within 3 sigma of one of `modes` separate modes."""
    return modes * math.pi * (3 * sigma) ** 2 / side**2


def _check_smear_share(answer):
    same_function(
        answer,
        smear_share,
        [
            Case("25 modes of sigma 0.1 on a square of side 10", (25, 0.1, 10.0)),
            Case("one mode of sigma 0.2 on a square of side 4", (1, 0.2, 4.0)),
            Case("8 modes of sigma 0.05 on a square of side 5", (8, 0.05, 5.0)),
        ],
        misconceptions=[
            Misconception("one", lambda m, s, a: math.pi * 9 * s**2 / a**2,
                          "it is the share of one mode. Every mode has a disc around it."),
            Misconception("sigma", lambda m, s, a: m * math.pi * s**2 / a**2,
                          "its discs have radius sigma. What counts lies within 3 sigma."),
            Misconception("triple", lambda m, s, a: 3 * m * math.pi * s**2 / a**2,
                          "the 3 must be squared with the sigma: an area grows with the square of the radius."),
            Misconception("diameter", lambda m, s, a: m * math.pi * (1.5 * s) ** 2 / a**2,
                          "3 sigma is the radius of a disc, not its diameter."),
            Misconception("square", lambda m, s, a: m * (6 * s) ** 2 / a**2,
                          "it takes squares around the modes; those within 3 sigma of a centre are a disc."),
            Misconception("side", lambda m, s, a: m * math.pi * (3 * s) ** 2 / a,
                          "it divides by the side. The area of the square is the side squared."),
            Misconception("gauss", lambda m, s, a: m * math.pi * 9 * s**2 / a**2 * -math.expm1(-4.5),
                          "98.9 % within 3 sigma is for samples of a Gaussian. These are spread evenly."),
            Misconception("percent", lambda m, s, a: 100 * smear_share(m, s, a), "it is in per cent; return a share."),
        ],
    )  # fmt: skip


def best_try(scores: Float[Tensor, "tries seeds"]) -> Int[Tensor, ""]:
    """Which try has the highest mean over the seeds; one that diverged in any seed (NaN) is never chosen."""
    return scores.mean(1).nan_to_num(nan=-math.inf).argmax()


def _check_best_try(answer):
    nan = math.nan
    same_function(
        answer,
        best_try,
        [
            Case("scores [[.2, .4], [.5, .6], [.9, .1]]", (torch.tensor([[0.2, 0.4], [0.5, 0.6], [0.9, 0.1]]),)),
            Case("[[.1, .1, .1], [.0, .0, .2], [.0, .25, .0]]",
                 (torch.tensor([[0.1, 0.1, 0.1], [0.0, 0.0, 0.2], [0.0, 0.25, 0.0]]),)),
            Case("means .6, .5 and medians .5, .55", (torch.tensor([[0.9, 0.5, 0.4], [0.55, 0.6, 0.35]]),)),
            Case("[[.9, .3], [.5, .5]]", (torch.tensor([[0.9, 0.3], [0.5, 0.5]]),)),
            Case("a try with one NaN: [[.3, .4], [.9, nan]]", (torch.tensor([[0.3, 0.4], [0.9, nan]]),), "nan",
                 "a try that diverged from one seed will do so again: it must not be chosen."),
            Case("a negative score beside a diverged one", (torch.tensor([[nan, nan], [-2.0, -1.0]]),), "nan",
                 "a try that diverged is worse than any number."),
        ],
        misconceptions=[
            Misconception("luckiest", lambda s: s.nan_to_num(nan=-math.inf).amax(1).argmax(),
                          "it takes the try with the best single seed. One lucky seed proves nothing: compare means."),
            Misconception("entry", lambda s: s.argmax(),
                          "it gives the place of the largest entry in the flattened table, not the number of a try."),
            Misconception("entry", lambda s: s.nan_to_num(nan=-math.inf).argmax(),
                          "it gives the place of the largest entry in the flattened table, not the number of a try."),
            Misconception("worst-seed", lambda s: s.nan_to_num(nan=-math.inf).amin(1).argmax(),
                          "it takes the try whose worst seed is best. A fair wish, but the protocol says mean."),
            Misconception("median", lambda s: s.median(1).values.nan_to_num(nan=-math.inf).argmax(),
                          "it compares medians: the protocol says mean."),
            Misconception("worst", lambda s: s.mean(1).argmin(), "it gives the lowest mean; higher is better."),
            Misconception("axis", lambda s: s.mean(0).argmax(),
                          "it averages over the tries: the answer would be a seed. Average over the seeds, axis 1."),
            Misconception("nan", lambda s: s.nanmean(1).nan_to_num(nan=-math.inf).argmax(),
                          "it leaves the NaN out of the mean, so a try that diverged from one seed can still win."),
            Misconception("nan", lambda s: s.mean(1).argmax(),
                          "argmax takes NaN for the largest number there is: the diverged try wins."),
            Misconception("score", lambda s: s.mean(1).nan_to_num(nan=-math.inf).max(),
                          "it returns the score; what is asked is which try has it."),
        ],
    )  # fmt: skip


def equal_time_steps(seconds_a_step: Float[Tensor, " methods"], baseline: int, steps: int) -> Int[Tensor, " methods"]:
    """Whole steps that each method can do in the time in which the baseline does `steps`; at least one."""
    seconds = steps * seconds_a_step[baseline]
    return (seconds / seconds_a_step).floor().clamp(min=1).long()


def _check_equal_time_steps(answer):
    t = torch.tensor
    same_function(
        answer,
        equal_time_steps,
        [
            Case("2, 3 and 8 ms a step, the first the baseline, 1000 steps",
                 (t([0.002, 0.003, 0.008]).double(), 0, 1000)),
            Case("4, 1 and 7 ms a step, the second the baseline, 100 steps",
                 (t([0.004, 0.001, 0.007]).double(), 1, 100)),
            Case("3 and 400 ms, the first the baseline, 50 steps: not even one step fits",
                 (t([0.003, 0.4]).double(), 0, 50),
                 "none", "a method that took no step has nothing to show: at least one."),
        ],
        misconceptions=[
            Misconception("ratio", lambda s, b, n: (n * s / s[b]).floor().clamp(min=1).long(),
                          "the ratio is upside down: who needs more time for a step gets fewer steps."),
            Misconception("round", lambda s, b, n: (n * s[b] / s).round().clamp(min=1).long(),
                          "it rounds to the nearest; a step that does not fit any more must not be taken: round down."),
            Misconception("ceil", lambda s, b, n: (n * s[b] / s).ceil().clamp(min=1).long(),
                          "it rounds up: the last step no longer fits into the time."),
            Misconception("none", lambda s, b, n: (n * s[b] / s).floor().long(),
                          "a slow method gets no step at all: at least one."),
            Misconception("first", lambda s, b, n: (n * s[0] / s).floor().clamp(min=1).long(),
                          "it always takes the first method for the baseline."),
            Misconception("slowest", lambda s, b, n: (n * s.max() / s).floor().clamp(min=1).long(),
                          "it gives everybody the time of the slowest method; the baseline sets the time."),
            Misconception("same", lambda s, b, n: torch.full((len(s),), n), "everybody gets the same steps: that is "
                          "the other clock."),
            Misconception("seconds", lambda s, b, n: n * s, "it gives seconds for equal steps; what is asked are steps "
                          "in equal seconds."),
        ],
    )  # fmt: skip


def paired_interval(
    a: Float[Tensor, " n"], b: Float[Tensor, " n"], draws: Int[Tensor, "draws n"]
) -> Float[Tensor, " 3"]:
    """Mean of a - b with its 95 % percentile bootstrap interval; each row of `draws` is one redraw of the n seeds."""
    differences = a - b
    means = differences[draws].mean(1)
    ends = torch.tensor([0.025, 0.975], dtype=differences.dtype)
    return torch.cat([differences.mean().view(1), torch.quantile(means, ends)])


def _check_paired_interval(answer):
    def case(words, n, draws, shared):
        luck = torch.randn(n)
        return Case(words, (0.3 + shared * luck + 0.3 * torch.randn(n), shared * luck, torch.randint(n, (draws, n))))

    def ends(values, low=0.025, high=0.975):
        return torch.quantile(values, torch.tensor([low, high], dtype=values.dtype))

    def unpaired(a, b, draws):
        means = a[draws].mean(1) - b[draws.flip(0)].mean(1)
        return torch.cat([(a - b).mean().view(1), ends(means)])

    def with_deviation(a, b, draws, of):
        d = a - b
        half = 1.96 * of(d)
        return torch.stack([d.mean(), d.mean() - half, d.mean() + half])

    def percentiles(transform, low=0.025, high=0.975):
        def answer(a, b, draws):
            centre = (a - b).mean().view(1)
            return torch.cat([centre, ends(transform(a, b, draws), low, high)])

        return answer

    def means(a, b, draws):
        return (a - b)[draws].mean(1)

    same_function(
        answer,
        paired_interval,
        [
            case("ten seeds with much luck in common, 2,000 redraws", 10, 2000, 3.0),
            case("three seeds, 500 redraws", 3, 500, 1.0),
            case("twenty seeds with nothing in common", 20, 1000, 0.0),
        ],
        misconceptions=[
            Misconception("sign", lambda a, b, i: paired_interval(b, a, i), "it is b minus a; asked is a minus b."),
            Misconception("unpaired", unpaired,
                          "it redraws a and b apart. The redraw of a seed takes both its numbers."),
            Misconception("one-sided", percentiles(lambda a, b, i: a[i].mean(1) - b.mean()),
                          "it redraws a only. The redraw of a seed takes both its numbers."),
            Misconception("seeds", percentiles(lambda a, b, i: a - b),
                          "these are percentiles of the seeds. An interval of the mean needs the mean of each redraw."),
            Misconception("flat", percentiles(lambda a, b, i: (a - b)[i].flatten()),
                          "it takes percentiles of all redrawn differences. First the mean of each redraw."),
            Misconception("axis", percentiles(lambda a, b, i: (a - b)[i].mean(0)),
                          "it averages over the redraws: one number a place. Average within each redraw, axis 1."),
            Misconception("90", percentiles(means, 0.05, 0.95),
                          "it cuts 5 % off at each end: that is a 90 % interval."),
            Misconception("whole", percentiles(means, 0.0, 1.0),
                          "it gives the smallest and the largest mean; cut 2.5 % off at each end."),
            Misconception("deviation", lambda a, b, i: with_deviation(a, b, i, torch.std),
                          "it is the mean and 1.96 standard deviations of seeds: where a seed may lie, not the mean."),
            Misconception("normal", lambda a, b, i: with_deviation(a, b, i, lambda d: d.std() / len(d) ** 0.5),
                          "it is the normal approximation; use the redraws."),
            Misconception("centre", lambda a, b, i: torch.cat([means(a, b, i).mean().view(1), ends(means(a, b, i))]),
                          "its first number is the mean of the redraws; the estimate is the mean of the differences."),
        ],
    )  # fmt: skip


def optimism(tuning: Float[Tensor, "tries seeds"], fresh: Float[Tensor, "tries others"]) -> Float[Tensor, ""]:
    """How much better the winner of a search looks on the seeds that chose it than on fresh ones."""
    winner = tuning.mean(1).argmax()
    return tuning[winner].mean() - fresh[winner].mean()


def _check_optimism(answer):
    def case(words, tries, seeds, others):
        quality = torch.randn(tries, 1)
        return Case(words, (quality + torch.randn(tries, seeds), quality + torch.randn(tries, others)))

    same_function(
        answer,
        optimism,
        [
            case("six tries, two seeds and three fresh ones", 6, 2, 3),
            case("twenty tries, three seeds and ten fresh ones", 20, 3, 10),
            Case("a single try", (torch.tensor([[1.0, 2.0]]), torch.tensor([[1.5, 1.0]]))),
        ],
        misconceptions=[
            Misconception("sign", lambda t, f: -optimism(t, f),
                          "the sign is wrong: it is the tuning score minus the fresh one."),
            Misconception("two-winners", lambda t, f: t.mean(1).max() - f.mean(1).max(),
                          "it chooses again on the fresh seeds. The winner was chosen on the tuning seeds, once."),
            Misconception("all", lambda t, f: t.mean() - f.mean(),
                          "it averages over all tries; ask for the winner only. (Over all, luck averages out.)"),
            Misconception("fresh-winner", lambda t, f: t[f.mean(1).argmax()].mean() - f[f.mean(1).argmax()].mean(),
                          "it chooses the winner on the fresh seeds. They must have no say."),
            Misconception("luckiest", lambda t, f: t[t.amax(1).argmax()].mean() - f[t.amax(1).argmax()].mean(),
                          "it takes the try with the best single seed: the winner has the best mean."),
            Misconception("best-seed", lambda t, f: t[t.mean(1).argmax()].max() - f[t.mean(1).argmax()].mean(),
                          "it takes the winner's best seed; take the mean over its tuning seeds."),
            Misconception("tuning", lambda t, f: t.mean(1).max(), "it is the winner's tuning score alone: subtract "
                          "what the same try has on fresh seeds."),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        name="protocol.smear_share",
        difficulty=1,
        minutes=4,
        reference=smear_share,
        check=_check_smear_share,
        hints=(
            "Points are spread evenly, so a share of the points is a share of the area.",
            "Around each mode there is a disc of radius 3 sigma, area pi (3 sigma)^2; the square has side^2.",
        ),
    ),
    Exercise(
        name="protocol.best_try",
        difficulty=2,
        minutes=5,
        reference=best_try,
        check=_check_best_try,
        hints=(
            "scores.mean(1) is one number a try. A NaN makes it NaN, which is right: the try diverged.",
            "argmax takes NaN for the largest of all. nan_to_num(nan=-math.inf) makes it the smallest.",
            "scores.mean(1).nan_to_num(nan=...).argmax() is a tensor that holds the number of the try.",
        ),
    ),
    Exercise(
        name="protocol.equal_time_steps",
        difficulty=2,
        minutes=5,
        reference=equal_time_steps,
        check=_check_equal_time_steps,
        hints=(
            "How many seconds does the baseline need for its steps?",
            "Those seconds over the seconds of a step, rounded down: .floor(). At least one: .clamp(min=1).",
            ".long() makes whole numbers of it.",
        ),
    ),
    Exercise(
        name="protocol.paired_interval",
        difficulty=3,
        minutes=8,
        reference=paired_interval,
        check=_check_paired_interval,
        hints=(
            "Everything happens with the differences a - b: one number a seed.",
            "differences[draws] has a row for each redraw, with n differences. A row's mean is one bootstrap mean.",
            "torch.quantile(means, torch.tensor([0.025, 0.975])) gives both ends. In front of them comes the mean of "
            "the differences themselves.",
        ),
    ),
    Exercise(
        name="protocol.optimism",
        difficulty=2,
        minutes=5,
        reference=optimism,
        check=_check_optimism,
        hints=(
            "The winner: which row of `tuning` has the highest mean?",
            "The same row of `fresh` is what the winner scores on seeds that had no say.",
        ),
    ),
]  # fmt: skip

QUESTIONS = [
    Question(
        name="protocol.which_baseline",
        text="On a ring of eight modes one paper reports 1 mode for the plain GAN and another reports 6.3. "
        "Which of the two made a mistake?",
        choices=(
            Choice(
                "The first: a GAN can do better.",
                "It can, with other networks, rates and steps. That does not make the first run wrong.",
            ),
            Choice(
                "The second: it has tuned its baseline.",
                "Tuning a baseline is no mistake. Not doing so, and tuning the new method, would be one.",
            ),
            Choice(
                "Neither needs to have: a GAN is not one thing.",
                "Networks, rates, steps, and what counts as a mode differ. A baseline from another paper is a baseline "
                "of another experiment; it has to be run again under the same protocol.",
            ),
        ),
        right="c",
    ),
    Question(
        name="protocol.more_knobs",
        text="Method A has three knobs, method B has six, and the best settings of both are equally good. Both get "
        "eight random tries. Whom does this protocol favour?",
        choices=(
            Choice(
                "Nobody: the number of tries is equal.",
                "Equal tries, yes. But eight points fill a space of three knobs better than one of six.",
            ),
            Choice(
                "A, as long as B's further knobs matter much.",
                "B's tries are spread thinner. That is part of B's price: who uses it has to search, too. And where "
                "its usual settings are good, the first try is already near the best. (On the ring they were not.)",
            ),
            Choice(
                "B: more knobs can be adapted to more.",
                "With a long search, yes. Eight tries do not get that far.",
            ),
        ),
        right="b",
    ),
    Question(
        name="protocol.tuned_where",
        text="A table reports every method at the settings that were best *on the ten seeds of the table*. Every "
        "method had eight tries. What is wrong with it?",
        choices=(
            Choice(
                "Nothing: all were treated alike.",
                "Alike, but all are flattered: each number is the best of eight. And not equally: a method whose seeds "
                "differ much gains more from choosing.",
            ),
            Choice(
                "Its numbers are too high, most of all for methods that vary much from seed to seed.",
                "The best of eight noisy means is above the mean of the best, and the more so the noisier they are. So "
                "an unstable method gains most. Choose on some seeds, report others.",
            ),
            Choice(
                "Its numbers are too low.",
                "Choosing on the very seeds that are reported can only raise them.",
            ),
        ),
        right="b",
    ),
]
