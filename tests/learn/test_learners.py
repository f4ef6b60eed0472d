"""The protocol as learners meet it: each way of doing an exercise, and what they read."""

import sys
import threading
import time

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from ganlab.errors import GanlabError
from ganlab.learn import bounded, chapters, exercise, hint, predict, progress, solution
from ganlab.learn.exercise import Exercise, NotYet
from ganlab.learn.judge import judge
from ganlab.methods import gan

NAME = "gan.generator_loss"
COURSE = "Going on with the course's version."


def told(capsys):
    """What was printed, as one line without the wrapping."""
    return " ".join(capsys.readouterr().out.split())


def quick(reference=lambda x: x, seconds=0.2):
    """An exercise whose check only calls the answer, with a short time limit."""
    return Exercise("test.quick", 1, 1, reference, lambda answer: answer(1), ("one", "two"), seconds)


# ------------------------------------------------------------------------------------- three outcomes


def test_right_goes_on_with_the_learners_own_function(capsys):
    def mine(fake_logits):
        return softplus(-fake_logits).mean()

    assert exercise(NAME)(mine) is mine
    assert told(capsys) == f"{NAME}: right. Going on with your version."


def raises(fake_logits):
    """A docstring."""
    raise NotImplementedError  # your code here


def raises_with_words(fake_logits):
    raise NotImplementedError("your code here")


def passes(fake_logits):
    pass


def dots(fake_logits):
    """A docstring."""
    ...


def returns_nothing(fake_logits):
    return


@pytest.mark.parametrize("stub", [raises, raises_with_words, passes, dots, returns_nothing])
def test_nothing_written_is_not_attempted_and_goes_on_with_the_courses(stub, capsys):
    assert exercise(NAME)(stub) is gan.generator_loss
    assert told(capsys).startswith(f"{NAME}: not attempted. {COURSE}")


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda fake: -softplus(-fake).mean(), "the sign is turned"),
        (lambda fake: np.logaddexp(0, -fake.detach().numpy()).mean(), "numpy carries no gradients"),
        (lambda fake: np.logaddexp(0, -fake.numpy()).mean(), "numpy does not know about gradients"),
        (lambda fake: softplus(-fake).mean().item(), "plain Python number; return a tensor"),
        (lambda fake: print(softplus(-fake).mean()), "prints its result and returns nothing"),
        (lambda fake: [softplus(-fake).mean(), 1][2], "IndexError: list index out of range"),
        (lambda fake: (softplus(-fake).mean(), fake), "it returns a tuple of 2; expected a single tensor"),
        (lambda fake: "0.7", "it returns a str; expected a tensor"),
        (lambda fake: softplus(-fake), "it returns shape (64,); expected ()"),
        (lambda: torch.tensor(0.0), "it takes () ; the notebook calls it with (fake_logits)".replace(" ;", ";")),
        (lambda fake: softplus(-fakes).mean(), "NameError: name 'fakes' is not defined"),  # noqa: F821
        (lambda fake: sys.exit(1), "asked Python to exit"),
        (lambda fake: (_ for _ in ()).throw(KeyboardInterrupt), "interrupted"),
        (lambda fake: fake.backward(), "one entry for each sample"),
    ],
)
def test_not_yet_says_why_and_goes_on_with_the_courses(answer, words, capsys):
    assert exercise(NAME)(answer) is gan.generator_loss
    text = told(capsys)
    assert text.startswith(f"{NAME}: not yet, because ") and text.endswith(COURSE)
    assert words in text
    assert "Traceback" not in text and "ganlab/" not in text


def test_an_error_is_shown_with_the_learners_line(capsys):
    def mine(fake_logits):
        weights = torch.ones(3)
        return (softplus(-fake_logits) * weights).mean()

    exercise(NAME)(mine)
    assert "`return (softplus(-fake_logits) * weights).mean()`" in told(capsys)


def test_an_error_deep_in_a_helper_still_names_a_line_of_the_learner(capsys):
    def helper(x):
        return x.view(7)

    exercise(NAME)(lambda fake: helper(fake).mean())
    assert "`return x.view(7)`" in told(capsys)


def test_endless_recursion_is_a_sentence(capsys):
    def mine(fake_logits):
        return mine(fake_logits)

    exercise(NAME)(mine)
    assert "RecursionError" in told(capsys)


def test_prints_are_shown_when_it_is_not_right_and_kept_short(capsys):
    def chatty(fake_logits):
        for number in range(100):
            print("looking at", number)
        return fake_logits.mean()

    exercise(NAME)(chatty)
    out = capsys.readouterr().out
    assert "Your code printed:" in out and out.count("looking at") == 5 and "..." in out


def test_prints_of_a_right_answer_do_not_drown_the_outcome(capsys):
    def chatty(fake_logits):
        print("looking")
        return softplus(-fake_logits).mean()

    assert exercise(NAME)(chatty) is chatty
    assert "looking" not in capsys.readouterr().out


def test_an_unknown_name_proposes_the_nearest():
    with pytest.raises(GanlabError, match="Did you mean 'gan.generator_loss'"):
        exercise("gan.generater_loss")
    with pytest.raises(GanlabError, match="Did you mean 'gan.rotation'"):
        predict("gan.rotaton")


# ---------------------------------------------------------------------------------- time and isolation


def spin(x):
    while True:
        pass


def spin_and_swallow(x):
    while True:
        try:
            while True:
                pass
        except Exception:
            pass


def spin_with_bare_except(x):
    tries = 0
    while tries < 2:
        try:
            while True:
                pass
        except:  # noqa: E722
            tries += 1
    while True:
        pass


@pytest.mark.parametrize("endless", [spin, spin_and_swallow, spin_with_bare_except])
def test_an_endless_loop_is_stopped(endless):
    verdict = judge(quick(), endless)
    assert verdict.reason == "time" and "0.2 seconds" in verdict.sentence


def test_a_sleep_is_stopped_by_the_clock():
    assert judge(quick(seconds=0.05), lambda x: time.sleep(60)).reason == "time"


def test_an_endless_loop_is_stopped_outside_the_main_thread_too():
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(judge(quick(), spin)))
    thread.start()
    thread.join(20)
    assert verdicts and verdicts[0].reason == "time"


def test_a_timer_that_ran_before_goes_on_afterwards():
    import signal

    if not hasattr(signal, "setitimer"):
        pytest.skip("no interval timers here")
    former_handler = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    former = signal.setitimer(signal.ITIMER_REAL, 1000.0)
    try:
        judge(quick(), lambda x: x)
        assert 900 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
    finally:
        signal.setitimer(signal.ITIMER_REAL, *former)
        signal.signal(signal.SIGALRM, former_handler)


def test_a_check_leaves_the_random_states_as_they_were():
    import random

    def draw():
        return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()

    def mine(fake_logits):
        torch.rand(5), np.random.rand(5), random.random()
        return softplus(-fake_logits).mean()

    for generator in (torch.manual_seed, np.random.seed, random.seed):
        generator(7)
    expected = draw()
    for generator in (torch.manual_seed, np.random.seed, random.seed):
        generator(7)
    exercise(NAME)(mine)
    assert draw() == expected


def test_checks_work_where_the_notebook_has_switched_gradients_off(capsys):
    with torch.no_grad():
        for name, known in chapters.exercises().items():
            assert judge(known, known.reference).outcome == "right", name


def test_a_fault_of_the_check_itself_is_a_sentence_too():
    broken = Exercise("test.broken", 1, 1, raises, lambda answer: 1 / 0, ("one", "two"))
    assert judge(broken, lambda x: x).reason == "error"


def test_a_learners_not_implemented_operation_is_not_taken_for_a_stub():
    def check(answer):
        raise NotYet("value", "wrong.")

    known = Exercise("test.operation", 1, 1, raises, check, ("one", "two"))
    assert judge(known, lambda x: x).outcome == "not yet"


# ------------------------------------------------------------------------------ hints, solution, questions


def test_hints_come_one_by_one_and_survive_a_restart(capsys):
    from ganlab.learn import state

    hint(NAME)
    first = capsys.readouterr().out
    assert first.startswith("Hint 1 of 2") and "Hint 2" not in first
    state.forget()  # as a restarted kernel does
    hint(NAME)
    second = capsys.readouterr().out
    assert "Hint 1 of 2" in second and "Hint 2 of 2" in second and "solution(" in second
    hint(NAME)
    assert capsys.readouterr().out == second


def test_solution_shows_code_without_its_docstring(capsys):
    solution("gan.generator_step")
    code = capsys.readouterr().out
    assert code.startswith("def generator_step(") and "loss.backward()" in code and '"""' not in code


def test_every_solution_can_be_shown_and_compiled(capsys):
    for name in chapters.exercises():
        solution(name)
        compile(capsys.readouterr().out, name, "exec")


def test_a_question_responds_to_the_particular_choice(capsys):
    texts = set()
    for letter in ("", "a", "b", "c", "x", " B) "):
        predict("gan.rotation", letter)
        texts.add(told(capsys).split("spirals in. ", 1)[1])
    assert len(texts) == 5  # " B) " is b
    assert sum("not attempted" in text for text in texts) == 1
    assert sum(": right." in text for text in texts) == 1
    assert sum("none of the answers" in text for text in texts) == 1


def test_every_question_is_complete():
    for name, asked in chapters.questions().items():
        assert asked.right in asked.letters, name
        assert len(asked.choices) >= 2, name
        responses = [choice.response for choice in asked.choices]
        assert all(responses) and len(set(responses)) == len(responses), name


def test_every_exercise_is_complete():
    for name, known in chapters.exercises().items():
        assert 1 <= known.difficulty <= 5 and 1 <= known.minutes <= 30, name
        assert len(known.hints) >= 2, name
        assert name.count(".") == 1, name


def test_progress_counts(capsys):
    exercise(NAME)(lambda fake: softplus(-fake).mean())
    exercise("gan.dirac_field")(lambda theta, psi: (theta, psi))
    predict("gan.rotation", "b")
    capsys.readouterr()
    progress()
    assert "Chapter 01: 2 of 8 right  ◐○○●○○●○" in capsys.readouterr().out
    progress(1)
    assert "gan.dirac_field                    not yet" in capsys.readouterr().out
    with pytest.raises(GanlabError, match="Chapter '77' has no exercises"):
        progress("77")


def test_radio_buttons_record_and_respond(monkeypatch, capsys):
    """With a front end: no text outcome, buttons whose choice is answered below them."""
    import IPython
    import IPython.display

    from ganlab.learn import state

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: type("Shell", (), {"kernel": object()})())
    monkeypatch.setattr(IPython.display, "display", shown.append)
    predict("gan.rotation", "")
    buttons, response = shown[0].children
    assert buttons.value is None and "not attempted" not in capsys.readouterr().out
    buttons.value = "a"
    assert "not yet" in response.value
    buttons.value = "b"
    assert "right" in response.value
    assert state.entries()["gan.rotation"]["outcome"] == "right"


def test_time_limit_inside_a_time_limit_leaves_the_outer_one_running():
    with pytest.raises(bounded.TooLong), bounded.time_limit(0.3):
        with bounded.time_limit(5):
            pass
        spin(None)


def test_no_name_is_used_twice():
    names = [name for number in chapters.numbers() for name in chapters.exercises(number)]
    names += [name for number in chapters.numbers() for name in chapters.questions(number)]
    assert len(set(names)) == len(names) == len(chapters.exercises()) + len(chapters.questions())
