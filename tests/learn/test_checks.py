"""The toolboxes themselves: explanations that are never guesses, and the probe on steps of other shapes."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganlab.learn.checks import Case, Misconception, close, same_function, short, sorted_rows
from ganlab.learn.exercise import Exercise, NotYet
from ganlab.learn.judge import judge
from ganlab.learn.probe import Player, check_step, clipped, two_players


def double(x):
    return 2 * x


CASES = [Case("one", (torch.tensor([1.0]),)), Case("three", (torch.tensor([3.0]),))]
SQUARE = Misconception("square", lambda x: x + x.square(), "it squares.")
CUBE = Misconception("cube", lambda x: x + x.pow(3), "it cubes.")
PLUS = Misconception("plus", lambda x: x + 2, "it adds.")


def reason_of(check):
    with pytest.raises(NotYet) as caught:
        check()
    return caught.value.reason


def test_a_misconception_that_is_harmless_on_the_earlier_cases_is_named_on_the_later_one():
    assert reason_of(lambda: same_function(SQUARE.answer, double, CASES, misconceptions=[CUBE, SQUARE])) == "square"


def test_a_misconception_is_not_named_for_an_answer_that_only_agrees_with_it_once():
    """Wrong on the second case as if it had added; but on the first case adding would have given another value."""

    def wrong_for_three(x):
        return torch.where(x > 2, x + 2, 2 * x)

    found = reason_of(lambda: same_function(wrong_for_three, double, CASES, misconceptions=[PLUS]))
    assert found == "value"


def test_of_two_that_fit_the_failing_case_the_one_that_fits_the_others_is_named():
    cases = [Case("minus one", (torch.tensor([-1.0]),)), Case("three", (torch.tensor([3.0]),))]
    both = [
        Misconception("absolute", lambda x: 2 * x.abs(), "it loses the sign."),
        Misconception("negative", lambda x: -2 * x, "it turns the sign."),
    ]
    assert reason_of(lambda: same_function(lambda x: -2 * x, double, cases, misconceptions=both)) == "negative"
    assert reason_of(lambda: same_function(lambda x: 2 * x.abs(), double, cases, misconceptions=both)) == "absolute"


def test_a_right_value_with_a_wrong_gradient_is_not_right():
    def straight_through(x):
        return x + x.detach()

    same_function(straight_through, double, CASES)
    assert reason_of(lambda: same_function(straight_through, double, CASES, gradients=True)) == "gradient"


def test_the_case_says_why_when_nothing_else_explains_it():
    cases = [Case("one", (torch.tensor([1.0]),), "mine", "because.")]
    assert reason_of(lambda: same_function(lambda x: x, double, cases)) == "mine"


def test_rounding_passes_and_more_does_not():
    one = [torch.tensor([1.0, 1e-6])]
    assert close(one, [torch.tensor([1.00005, 0.0])])
    assert not close(one, [torch.tensor([1.0005, 0.0])])
    assert close([torch.tensor(float("nan"))], [torch.tensor(float("nan"))])
    assert not close([torch.tensor(float("nan"))], [torch.tensor(1.0)])
    assert not close(one, []) and not close(one, None) and close(None, None)


def test_sorted_rows_does_not_mind_rounding():
    rows = torch.tensor([[1.0, 0.0], [1e-8, 1.0], [-1e-8, -1.0]])
    shaken = rows.flip(0) + 1e-8 * torch.randn(3, 2)
    assert torch.allclose(sorted_rows(rows), sorted_rows(shaken), atol=1e-6)


def test_short_is_short():
    for value in (torch.randn(100, 100), torch.randn(3), [torch.randn(9)] * 3, "x" * 1000, 1 / 3, None):
        assert len(short(value)) < 200


# -------------------------------------------------------------------------------------------- the probe


def bce_step(clip_when):
    """A discriminator's step that clips its gradient's norm to 0.1 before or after backward(), or never."""

    def step(generator, discriminator, optimiser, real, latent):
        fake = generator(latent).detach()
        loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()
        optimiser.zero_grad()
        if clip_when == "before":
            nn.utils.clip_grad_norm_(discriminator.parameters(), 0.1)
        loss.backward()
        if clip_when == "after":
            nn.utils.clip_grad_norm_(discriminator.parameters(), 0.1)
        if clip_when == "value":
            nn.utils.clip_grad_value_(discriminator.parameters(), 0.1)
        optimiser.step()
        return loss.detach()

    return step


def check_clipped(answer):
    check_step(
        answer,
        arguments=("generator", "discriminator", "optimiser", "real", "latent"),
        trains="discriminator",
        loss=lambda players, batch: (
            softplus(-players["discriminator"](batch["real"])).mean()
            + softplus(players["discriminator"](players["generator"](batch["latent"]).detach())).mean()
        ),
        clip_norm=0.1,
    )


@pytest.mark.parametrize("when, reason", [("after", ""), ("before", "clip"), ("never", "clip"), ("value", "gradient")])
def test_a_clip_must_come_between_backward_and_step(when, reason):
    """A clip before backward() changes nothing and raises nothing: only a look at the gradients finds it."""
    known = Exercise("test.clip", 1, 1, bce_step("after"), check_clipped, ("one", "two"))
    assert judge(known, bce_step(when)).reason == reason


def test_clipped_is_what_torch_does():
    weights = [torch.randn(3, requires_grad=True), torch.randn(2, 2, requires_grad=True)]
    for norm in (0.1, 100.0):
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        expected = clipped([weight.grad.clone() for weight in weights], norm)
        nn.utils.clip_grad_norm_(weights, norm)
        assert all(torch.allclose(weight.grad, e) for weight, e in zip(weights, expected, strict=True))


def test_a_step_of_three_players():
    """An encoder and a generator trained together on a reconstruction: MDGAN's shape of step."""

    def players():
        return two_players() | {"encoder": Player(nn.Linear(2, 2))}

    def check(answer):
        check_step(
            answer,
            arguments=("encoder", "generator", "optimiser", "real"),
            trains="encoder",
            may_reach=("generator",),
            loss=lambda p, batch: (p["generator"](p["encoder"](batch["real"])) - batch["real"]).square().mean(),
            make_players=players,
            returns_loss=False,
        )

    def right(encoder, generator, optimiser, real):
        optimiser.zero_grad()
        (generator(encoder(real)) - real).pow(2).mean().backward()
        optimiser.step()

    def cut(encoder, generator, optimiser, real):
        optimiser.zero_grad()
        (generator(encoder(real).detach()) - real).pow(2).mean().backward()
        optimiser.step()

    known = Exercise("test.encoder", 1, 1, right, check, ("one", "two"))
    assert judge(known, right).outcome == "right"
    assert judge(known, cut).reason == "detach"


# -------------------------------------------------------------------------------------------- a class


class Average:
    """The course's: an exponential moving average."""

    def __init__(self, decay):
        self.decay, self.value = decay, 0.0

    def update(self, x):
        self.value = self.decay * self.value + (1 - self.decay) * x
        return self.value


class StaleAverage(Average):
    def update(self, x):
        former = self.value
        super().update(x)
        return former


class StubAverage:
    def __init__(self, decay):
        raise NotImplementedError  # your code here

    def update(self, x):
        raise NotImplementedError  # your code here


class HalfAverage(StubAverage):
    def __init__(self, decay):
        self.decay = decay


def check_average(answer):
    def three(average):
        return lambda decay: [average(decay).update(torch.tensor(x)) for x in (1.0, 2.0, 3.0)]

    def after(average):
        def run(decay):
            made = average(decay)
            return torch.stack([made.update(torch.tensor(x)) for x in (1.0, 2.0, 3.0)])

        return run

    same_function(three(answer), three(Average), [Case("decay 0.9", (0.9,))])
    same_function(
        after(answer), after(Average), [Case("three updates, decay 0.9", (0.9,), "stale", "it is one behind.")]
    )


@pytest.mark.parametrize(
    "answer, outcome",
    [
        (Average, "right"),
        (StaleAverage, "not yet"),
        (StubAverage, "not attempted"),
        (HalfAverage, "not attempted"),
    ],
)
def test_an_exercise_may_be_a_class(answer, outcome):
    known = Exercise("test.average", 1, 1, Average, check_average, ("one", "two"))
    assert judge(known, answer).outcome == outcome
