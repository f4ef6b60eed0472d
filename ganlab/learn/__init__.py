"""Exercises that tell the truth.

In a notebook:

    from ganlab.learn import exercise, hint, predict, progress, solution

    @exercise("gan.generator_loss")
    def generator_loss(fake_logits):
        raise NotImplementedError  # your code here

| file | what it holds |
|---|---|
| `protocol` | what a learner meets: `exercise`, `hint`, `solution`, `progress`, `predict` |
| `chapters/chNN` | the exercises and questions of chapter NN, each a few lines; how to add one stands there |
| `checks` | toolbox for checks of functions: compare with a reference, name the misconception |
| `probe` | toolbox for checks of training steps: what moved, in which direction, what should not have |
| `judge` | from a learner's object to one of three outcomes, whatever their code does |
| `bounded` | time limits and isolation |
| `expected` | committed runs of many seeds, and where a learner's run lies among them |
| `state` | the progress file |
"""

from ganlab.learn.expected import expect
from ganlab.learn.protocol import exercise, hint, predict, progress, solution

__all__ = ["exercise", "expect", "hint", "predict", "progress", "solution"]
