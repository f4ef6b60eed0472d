"""Chapter 00, start here: one small exercise to learn how exercises work, and one question."""

import torch
from jaxtyping import Int
from torch import Tensor

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, Question


def count_modes(labels: Int[Tensor, " n"]) -> int:
    """How many different modes occur among the labels. labels[i] is the mode of sample i."""
    return len(labels.unique())


def _check_count_modes(answer):
    same_function(
        answer,
        count_modes,
        [
            Case("labels [5, 5, 2, 7, 2]", (torch.tensor([5, 5, 2, 7, 2]),)),
            Case("samples that all lie in mode 3", (torch.full((10,), 3),)),
            Case("a single sample, of mode 0", (torch.tensor([0]),)),
            Case("labels [0, 1, 2, 0]", (torch.tensor([0, 1, 2, 0]),)),
            Case("no sample at all", (torch.empty(0, dtype=torch.long),), "empty", "no sample means no mode."),
        ],
        misconceptions=[
            Misconception(
                "samples",
                lambda labels: len(labels),
                "it counts the samples. Two samples of the same mode are one mode.",
            ),
            Misconception(
                "largest",
                lambda labels: int(labels.max()) + 1 if len(labels) else 0,
                "it goes by the largest label. A generator may well miss the modes below it.",
            ),
            Misconception(
                "off-by-one",
                lambda labels: len(labels.unique()) - 1,
                "it counts one mode too few.",
            ),
            Misconception(
                "neighbours",
                lambda labels: 1 + int((labels[1:] != labels[:-1]).sum()) if len(labels) else 0,
                "it counts a mode again when it comes back later: the labels are not sorted.",
            ),
        ],
    )


EXERCISES = [
    Exercise(
        name="start.count_modes",
        difficulty=1,
        minutes=1,
        reference=count_modes,
        check=_check_count_modes,
        hints=(
            "How would you count the different words in a text?",
            "torch.unique gives each value once. How many does it give?",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="start.healthy_losses",
        text="A GAN's two losses have been flat and steady for the last thousand steps. What do you know?",
        choices=(
            Choice(
                "It has converged: the generator has learned the data.",
                "Flat losses only say that the two players balance each other. A generator that makes one "
                "mode of eight, over and over, can look just like this.",
            ),
            Choice(
                "It has collapsed: a healthy GAN's losses keep moving.",
                "It may have, but flat losses do not show it: a GAN that matches the data has flat losses too.",
            ),
            Choice(
                "Neither. One must look at the samples, and count.",
                "The losses measure the players against each other, not against the data. That is why this "
                "course measures samples, over several seeds.",
            ),
        ),
        right="c",
    ),
]
