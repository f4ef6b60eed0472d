"""From a learner's object to one of three outcomes, whatever the learner's code does."""

import dis
import os
import sysconfig
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganlab.learn.bounded import TooLong, isolated, time_limit
from ganlab.learn.exercise import Exercise, NotYet

NOT_ATTEMPTED = "not attempted"
RIGHT = "right"
NOT_YET = "not yet"


@dataclass(frozen=True)
class Verdict:
    """One of the three outcomes; for *not yet* also the reason word, the sentence, and what was printed."""

    outcome: str
    reason: str = ""
    sentence: str = ""
    printed: str = ""


def judge(exercise: Exercise, answer: Callable) -> Verdict:
    """Check an answer. Never raises, never hangs, never prints, leaves the random states as they were."""
    if is_stub(answer):
        return Verdict(NOT_ATTEMPTED)
    with isolated() as printed:
        try:
            with time_limit(exercise.seconds):
                exercise.check(answer)
            return Verdict(RIGHT)
        except NotYet as fault:
            reason, sentence = fault.reason, fault.sentence
        except TooLong:
            reason = "time"
            sentence = (
                f"your code had not come back after {exercise.seconds:g} seconds. "
                "Look for a loop that never ends, or one over single numbers where a tensor operation does "
                "it at once."
            )
        except KeyboardInterrupt:
            reason, sentence = "interrupted", "the check was interrupted before it ended."
        except SystemExit:
            reason, sentence = "exit", "your code asked Python to exit. Return a result instead."
        except Exception as error:
            if isinstance(error, NotImplementedError) and _raised_by_learner(error):
                return Verdict(NOT_ATTEMPTED)
            reason, sentence = explain(error)
        return Verdict(NOT_YET, reason, sentence, printed.getvalue())


# ---------------------------------------------------------------------------------------------- stubs


def _empty():
    pass


def _operations(function: Callable) -> list[tuple]:
    steps = dis.get_instructions(function)
    return [(step.opname, step.argval) for step in steps if step.opname not in ("NOP", "RESUME", "CACHE")]


def is_stub(answer: Callable) -> bool:
    """Whether a function has no body beyond a docstring, `pass`, `...` or a bare `return`."""
    return hasattr(answer, "__code__") and _operations(answer) == _operations(_empty)


# ----------------------------------------------------------------------------------- errors, in words

_NOT_THE_LEARNERS = (
    "<frozen",
    str(Path(__file__).parents[1]) + os.sep,
    *(sysconfig.get_paths()[kind] + os.sep for kind in ("stdlib", "purelib", "platlib")),
)

# Errors of PyTorch whose own words do not say what a beginner did: part of the message, reason, sentence.
_KNOWN_ERRORS = [
    (
        "does not require grad",
        "no-gradient",
        "backward() found nothing to follow: a detach(), an .item(), a conversion to numpy or a no_grad() "
        "has cut the loss off from the weights.",
    ),
    (
        "backward through the graph a second time",
        "backward-twice",
        "backward() ran twice over the same graph. Call it once, on one loss.",
    ),
    (
        "Can't call numpy() on Tensor that requires grad",
        "numpy",
        "numpy does not know about gradients. Stay with torch operations: they have the same names almost everywhere.",
    ),
    (
        "in-place operation",
        "in-place",
        "an operation in place (such as x += 1 or x.clamp_()) changed a tensor that is still needed for the "
        "gradient. Make a new tensor instead.",
    ),
    (
        "modified by an inplace operation",
        "in-place",
        "a tensor that is still needed for the gradient was changed before backward() ran: the optimiser's "
        "step, or an operation in place, came too early.",
    ),
    (
        "grad can be implicitly created only for scalar",
        "shape",
        "backward() needs one number, but the loss still has one entry for each sample. Take the mean first.",
    ),
]


def _learners_frames(error: BaseException) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(_NOT_THE_LEARNERS)]


def _raised_by_learner(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and not frames[-1].filename.startswith(_NOT_THE_LEARNERS)


def explain(error: Exception) -> tuple[str, str]:
    """Reason word and sentence for an exception out of the learner's code, or out of using its result."""
    message = " ".join(str(error).split())
    message = message if len(message) <= 240 else message[:240] + "..."
    frames = _learners_frames(error)
    line = f" It happened in the line `{frames[-1].line}`." if frames and frames[-1].line else ""
    for part, reason, sentence in _KNOWN_ERRORS:
        if part in message:
            return reason, sentence + line
    if frames:
        colon = ": " if message else ""
        return "error", f"your code raised {type(error).__name__}{colon}{message.rstrip('.')}.{line}"
    return "error", f"what your code gave back could not be used ({type(error).__name__}: {message})."
