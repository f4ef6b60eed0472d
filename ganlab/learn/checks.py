"""A toolbox for checks of functions: compare with the reference, and name the misconception when they differ.

A check is a function that takes the learner's answer, returns when it is right and raises `NotYet` when it is
not. Most are one call:

    def check_generator_loss(answer):
        same_function(
            answer,
            generator_loss,
            [
                Case("64 random logits", (torch.randn(64),)),
                Case("a batch of one", (torch.randn(1),)),
                Case("logits of ±200", (torch.tensor([-200.0, 200.0]),), "overflow", "log(0) is infinite."),
            ],
            gradients=True,
            misconceptions=[
                Misconception("sum", lambda fake_logits: softplus(-fake_logits).sum(), "it adds up ..."),
            ],
        )

A misconception is itself a small function, the wrong answer that it leads to. When the learner's result
differs from the reference but equals the misconception's on the same input, then that is what they are told.
So what is said is never a guess. Inside a check random numbers are seeded: every learner sees the same
inputs.
"""

import inspect
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor

from ganlab.learn.exercise import NotYet


@dataclass(frozen=True)
class Case:
    """One input. `reason` and `why` are what is said when it fails and no misconception explains it."""

    words: str
    arguments: tuple
    reason: str = "value"
    why: str = ""


@dataclass(frozen=True)
class Misconception:
    """A typical wrong answer: one word, a function that commits it, and the sentence that explains it."""

    reason: str
    answer: Callable
    sentence: str


def same_function(
    answer: Callable,
    reference: Callable,
    cases: Sequence[Case],
    *,
    misconceptions: Sequence[Misconception] = (),
    gradients: bool = False,
    canonical: Callable[[Tensor], Tensor] | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-5,
) -> None:
    """The answer gives what the reference gives, on every case, in kind, shape, dtype, value and gradient.

    gradients   also compare the gradients of the output with respect to every floating-point tensor argument
    canonical   applied to both outputs before they are compared, where several results are equally right
                (for example `sorted_rows`)
    rtol, atol  |got - expected| <= atol + rtol |expected|, for each entry; meant for float32

    Raises NotYet: "signature", "print", "none", "float", "numpy", "type", "tuple", "shape", "dtype",
    "in-place", "no-gradient", "gradient", a misconception's reason, or the failing case's.
    """
    takes(answer, arguments_of(reference))

    def same(one: Any, other: Any) -> bool:
        return close(_tensors(one, canonical), _tensors(other, canonical), rtol, atol)

    def imitates(misconception: Misconception, case: Case) -> bool:
        """It gives what the answer gives on this case, or fails where the answer fails."""
        got, wrong = (_attempt(function, case.arguments, gradients) for function in (answer, misconception.answer))
        if got is None or wrong is None:
            return got is wrong
        uncut = got[1] is None or close(got[1], wrong[1], rtol, atol)
        return uncut and same(got[0], wrong[0])

    def explanation(failing: int) -> Misconception | None:
        """What imitates the answer up to the failing case and, of several, for most of the others."""
        sofar = [m for m in misconceptions if all(imitates(m, case) for case in cases[: failing + 1])]
        return max(sofar, key=lambda m: sum(imitates(m, case) for case in cases), default=None)

    for number, case in enumerate(cases):
        want, want_gradients = _evaluate(reference, case.arguments, gradients)
        got, got_gradients = _evaluate(answer, case.arguments, gradients)
        same_kind(got, want, case.words)
        right_value = same(got, want)
        if right_value and close(got_gradients, want_gradients, rtol, atol):
            continue
        if right_value and got_gradients is None:
            raise NotYet(
                "no-gradient",
                "the value is right but no gradient flows back through it: a detach(), an .item(), a "
                "no_grad() or a conversion cuts it off.",
            )
        if misconception := explanation(number):
            sentence = f"{misconception.sentence} {compared(case.words, got, want)}"
            raise NotYet(misconception.reason, sentence)
        if right_value:
            gradient = compared(case.words, got_gradients, want_gradients)
            raise NotYet("gradient", f"the value is right but its gradient is not. {gradient}")
        reason, why = case.reason, case.why
        if not why and not _finite(got) and _finite(want):
            reason, why = "overflow", "a number becomes infinite or undefined on the way."
        seen = compared(case.words, got, want)
        raise NotYet(reason, f"{why} {seen}" if why else seen[0].lower() + seen[1:])  # after "because"


def takes(answer: Callable, arguments: Sequence[str]) -> None:
    """The answer can be called with that many arguments, by position."""
    try:
        signature = inspect.signature(answer)
    except ValueError:  # some functions written in C do not tell
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        raise NotYet(
            "signature",
            f"it takes {signature}; the notebook calls it with ({', '.join(arguments)}).",
        ) from None


def arguments_of(reference: Callable) -> list[str]:
    """The names of the arguments without a default."""
    parameters = inspect.signature(reference).parameters.items()
    return [name for name, parameter in parameters if parameter.default is parameter.empty]


def same_kind(got: Any, want: Any, words: str) -> None:
    """The answer's result has the reference's type, shape and dtype."""
    if got is None and want is not None:
        if isinstance(sys.stdout, io.StringIO) and sys.stdout.getvalue():
            raise NotYet("print", "it prints its result and returns nothing. Replace print(...) by return ....")
        raise NotYet("none", "it returns nothing. Is there a return at the end, on every path?")
    if isinstance(want, tuple | list):
        if isinstance(got, Tensor) or not isinstance(got, tuple | list) or len(got) != len(want):
            size = f" of {len(got)}" if isinstance(got, tuple | list) else ""
            raise NotYet("tuple", f"it returns {_a(got)}{size}; expected {len(want)} values: return a, b.")
        for one, other in zip(got, want, strict=True):
            same_kind(one, other, words)
    elif isinstance(want, Tensor):
        _same_kind_of_tensor(got, want, words)
    elif isinstance(want, bool | int | float):
        number = isinstance(got, bool | int | float | numpy.number | numpy.bool_)
        if not number and not (isinstance(got, Tensor | numpy.ndarray) and got.ndim == 0):
            raise NotYet("type", f"it returns {_a(got)}; expected one number. {_for(words)}.")
    elif not isinstance(got, type(want)):
        raise NotYet("type", f"it returns {_a(got)}; expected {_a(want)}. {_for(words)}.")


def _same_kind_of_tensor(got: Any, want: Tensor, words: str) -> None:
    if isinstance(got, bool | int | float):
        raise NotYet(
            "float",
            "it returns a plain Python number; return a tensor, since the cells that follow go on computing "
            "with it. float(), .item() and .tolist() leave torch behind.",
        )
    if isinstance(got, numpy.ndarray | numpy.generic):
        raise NotYet(
            "numpy",
            "it returns a numpy value; return a torch tensor. numpy carries no gradients and cannot go to a "
            "GPU; torch has the same functions almost everywhere.",
        )
    if isinstance(got, tuple | list):
        raise NotYet("tuple", f"it returns {_a(got)} of {len(got)}; expected a single tensor.")
    if not isinstance(got, Tensor):
        raise NotYet("type", f"it returns {_a(got)}; expected a tensor.")
    if got.shape != want.shape:
        hint = ""
        if want.ndim == 0:
            hint = " A loss is one number: reduce the batch with a mean."
        elif got.ndim == 0:
            hint = " It has been reduced to one number too early."
        raise NotYet(
            "shape",
            f"it returns shape {tuple(got.shape)}; expected {tuple(want.shape)}. {_for(words)}.{hint}",
        )
    if got.dtype != want.dtype and (got.is_floating_point() or want.is_floating_point()):
        raise NotYet("dtype", f"it returns {got.dtype}; expected {want.dtype}. {_for(words)}.")


# -------------------------------------------------------------------------------------- small pieces


def sorted_rows(rows: Tensor) -> Tensor:
    """Rows in a canonical order (rounded, then lexicographic), for results that are sets of points."""
    keys = (rows.detach().double() * 1e3).round()
    order = sorted(range(len(rows)), key=lambda i: keys[i].tolist())
    return rows[order]


def close(one: Sequence[Tensor] | None, other: Sequence[Tensor] | None, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Every tensor of one is the same as its partner in the other, up to rounding. Two None are close."""
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and all(
        a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol, atol, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def short(value: Any) -> str:
    """A value in a few characters: a number to four digits, a large tensor by its first entries and shape."""
    if isinstance(value, tuple | list):
        return f"({', '.join(short(item) for item in value)})" if len(value) != 1 else short(value[0])
    if isinstance(value, Tensor):
        if value.numel() == 1:
            return f"{value.item():.4g}"
        if value.numel() <= 6 and value.ndim == 1:
            return f"[{', '.join(f'{item:.4g}' for item in value.tolist())}]"
        first = ", ".join(f"{item:.4g}" for item in value.detach().flatten()[:4].tolist())
        return f"[{first}, ...] of shape {tuple(value.shape)}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return repr(value) if len(repr(value)) < 60 else _a(value)


def compared(words: str, got: Any, want: Any) -> str:
    """ "For 64 random logits it gives 2; expected 1."."""
    return f"{_for(words)} it gives {short(got)}; expected {short(want)}."


def _for(words: str) -> str:
    return f"For {words}"


def _a(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _tensors(value: Any, canonical: Callable | None = None) -> list[Tensor]:
    """A result as a flat list of tensors."""
    if isinstance(value, tuple | list):
        return [tensor for item in value for tensor in _tensors(item, canonical)]
    tensor = value.detach() if isinstance(value, Tensor) else torch.as_tensor(value)
    return [canonical(tensor) if canonical else tensor]


def _finite(value: Any) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in _tensors(value))


def _attempt(function: Callable, arguments: tuple, gradients: bool) -> tuple[Any, list[Tensor] | None] | None:
    """As `_evaluate`; None when it fails or gives something that is not made of numbers."""
    try:
        result, found = _evaluate(function, arguments, gradients)
        _tensors(result)
    except Exception:
        return None
    return result, found


def _evaluate(function: Callable, arguments: tuple, gradients: bool) -> tuple[Any, list[Tensor] | None]:
    """The result on fresh copies of the arguments, and the gradients (None when nothing carries any)."""
    copies = [item.detach().clone() if isinstance(item, Tensor) else item for item in arguments]
    leaves = [item for item in copies if isinstance(item, Tensor) and item.is_floating_point() and gradients]
    for leaf in leaves:
        leaf.requires_grad_()
    result = function(*copies)
    for copy, argument in zip(copies, arguments, strict=True):
        if isinstance(argument, Tensor) and not close([copy.detach()], [argument], 0, 0):  # NaN is equal to NaN
            raise NotYet("in-place", "it changes its input, which other cells still need. Make a new tensor.")
    outputs = result if isinstance(result, tuple | list) else [result]
    outputs = [item.sum() for item in outputs if isinstance(item, Tensor) and item.requires_grad]
    if not leaves or not outputs:
        return result, None
    found = torch.autograd.grad(sum(outputs), leaves, allow_unused=True)
    return result, [torch.zeros_like(x) if grad is None else grad for x, grad in zip(leaves, found, strict=True)]
