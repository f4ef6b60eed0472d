"""The proof of the checks: wrong answers are rejected with the fitting reason, right ones are accepted."""

import importlib.util
import sys
from pathlib import Path

import pytest

from ganlab.learn import chapters
from ganlab.learn.judge import NOT_YET, RIGHT, judge

MUTANTS = Path(__file__).parents[1] / "mutants"


def load(number):
    """WRONG and RIGHT of tests/mutants/chNN.py."""
    spec = importlib.util.spec_from_file_location(f"mutants_ch{number}", MUTANTS / f"ch{number}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The answers to chapter 03's exercises are networks that train.
NUMBERS = [pytest.param(n, marks=pytest.mark.slow) if n == "03" else n for n in chapters.numbers()]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_wrong_answer_is_rejected_with_the_fitting_reason_and_every_right_one_accepted(number, capsys):
    planted = load(number)
    exercises = chapters.exercises(number)
    assert set(planted.WRONG) == set(planted.RIGHT) == set(exercises)
    complaints, rows = [], []
    for name, exercise in exercises.items():
        wrong, right = planted.WRONG[name], planted.RIGHT[name]
        rejected = accepted = 0
        for position, (reason, answer) in enumerate(wrong):
            verdict = judge(exercise, answer)
            if (verdict.outcome, verdict.reason) == (NOT_YET, reason):
                rejected += 1
            else:
                complaints.append(f"{name}, wrong answer {position} ({reason}): {verdict}")
        for position, answer in enumerate(right):
            verdict = judge(exercise, answer)
            if verdict.outcome == RIGHT:
                accepted += 1
            else:
                complaints.append(f"{name}, right answer {position}: {verdict}")
        assert judge(exercise, exercise.reference).outcome == RIGHT, name
        rows.append((name, rejected, len(wrong), accepted, len(right)))
    with capsys.disabled():
        print(file=sys.stderr)
        for name, rejected, wrong, accepted, right in rows:
            print(f"  {name:32} {rejected:3}/{wrong} rejected, {accepted}/{right} accepted", file=sys.stderr)
        rejected, wrong, accepted, right = (sum(row[column] for row in rows) for column in (1, 2, 3, 4))
        print(
            f"  chapter {number}, mutation score: {rejected}/{wrong} rejected with the fitting reason; "
            f"{accepted}/{right} right answers accepted",
            file=sys.stderr,
        )
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("number", chapters.numbers())
def test_there_are_enough_planted_answers(number):
    planted = load(number)
    assert all(len(answers) >= 3 for answers in planted.RIGHT.values())
    assert all(len(answers) >= 4 for answers in planted.WRONG.values())
    assert sum(map(len, planted.WRONG.values())) >= 5 * len(planted.WRONG)


def test_the_sentences_are_sentences():
    """What a learner reads ends as a sentence, and speaks of the learner's code, not of ours."""
    for number in chapters.numbers():
        for name, answers in load(number).WRONG.items():
            for reason, answer in answers:
                sentence = judge(chapters.find(name), answer).sentence
                assert sentence.rstrip().endswith((".", "?", "`")), (name, reason, sentence)
                assert "ganlab" not in sentence and "Traceback" not in sentence, (name, reason, sentence)
