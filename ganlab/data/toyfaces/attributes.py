"""What a toy face can be: thirteen attributes under CelebA's names, and their joint distribution.

The distribution is a small table of conditional probabilities, multiplied out over every possible combination. So the
modes are known, and so is the probability of each: coverage, priors and floors are computed, not guessed.

    hair            Black .34, Brown .30, Blond .16, Gray .13, Bald .07 (exactly one of the five)
    Wearing_Hat     .10; .30 when Bald
    Bangs           .25; never when Bald or under a hat
    Wavy_Hair       .35; never when Bald
    Eyeglasses      .12; .45 when Gray or Bald
    No_Beard        .82; .60 when Bald
    Mustache        .08 without a beard, .70 with one
    Pale_Skin       .12; .04 with Black hair, .30 with Blond
    Smiling         .55

Everything not said to depend on something is independent. That makes 832 possible combinations: the most common has a
probability of 5.2 %, the rarest of 1.4 in a million, so there are plenty of small modes to lose.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ganlab.data import counter
from ganlab.errors import GanlabError

ATTRIBUTES = (
    "Bald",
    "Bangs",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Eyeglasses",
    "Gray_Hair",
    "Mustache",
    "No_Beard",
    "Pale_Skin",
    "Smiling",
    "Wavy_Hair",
    "Wearing_Hat",
)
HAIR = ("Black_Hair", "Brown_Hair", "Blond_Hair", "Gray_Hair", "Bald")
#: Attributes that a line drawing does not show: they are only colour.
COLOUR_ATTRIBUTES = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Pale_Skin")

_HAIR_PROBABILITY = {"Black_Hair": 0.34, "Brown_Hair": 0.30, "Blond_Hair": 0.16, "Gray_Hair": 0.13, "Bald": 0.07}
_ATTRIBUTE_STREAM = 0


def _conditional(hair: str, on: dict[str, bool]) -> float:
    """The probability of the yes/no attributes `on` given the hair, as the table above states it."""
    bald = hair == "Bald"
    yes = {
        "Wearing_Hat": 0.30 if bald else 0.10,
        "Bangs": 0.0 if bald or on["Wearing_Hat"] else 0.25,
        "Wavy_Hair": 0.0 if bald else 0.35,
        "Eyeglasses": 0.45 if hair in ("Gray_Hair", "Bald") else 0.12,
        "No_Beard": 0.60 if bald else 0.82,
        "Mustache": 0.08 if on["No_Beard"] else 0.70,
        "Pale_Skin": {"Black_Hair": 0.04, "Blond_Hair": 0.30}.get(hair, 0.12),
        "Smiling": 0.55,
    }
    return float(np.prod([p if on[name] else 1 - p for name, p in yes.items()]))


@cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    free = [name for name in ATTRIBUTES if name not in HAIR]
    rows = []
    for hair in HAIR:
        for values in itertools.product((False, True), repeat=len(free)):
            on = dict(zip(free, values, strict=True))
            p = _HAIR_PROBABILITY[hair] * _conditional(hair, on)
            if p > 0:
                rows.append((p, [on.get(name, name == hair) for name in ATTRIBUTES]))
    rows.sort(key=lambda row: (-row[0], row[1]))
    return np.array([row[1] for row in rows]), np.array([row[0] for row in rows])


def combinations() -> tuple[Bool[Tensor, "modes attributes"], Float[Tensor, " modes"]]:
    """Every possible combination of attributes and its probability (`float64`, sum 1), most common first.

    >>> combinations()[0].shape[1] == len(ATTRIBUTES)
    True
    """
    attributes, p = _table()
    return torch.from_numpy(attributes.copy()), torch.from_numpy(p.copy())


def draw_attributes(n: int, seed: int = 0, start: int = 0) -> Bool[Tensor, "n attributes"]:
    """The attributes of faces `start` to `start + n - 1` of a seed, drawn from the joint distribution."""
    attributes, p = _table()
    u = counter.uniform(seed, _ATTRIBUTE_STREAM, np.arange(start, start + n))
    return torch.from_numpy(attributes[np.searchsorted(np.cumsum(p)[:-1], u, side="right")])


def _code(attributes: np.ndarray) -> np.ndarray:
    return attributes.astype(np.int64) @ (1 << np.arange(len(ATTRIBUTES), dtype=np.int64))


def mode_of(attributes: Bool[Tensor, "n attributes"]) -> Int[Tensor, " n"]:
    """Which row of `combinations()` each face is; -1 for a combination that cannot occur (two hair colours, say).

    A classifier's answers on generated images may well be such a combination: count them, they are not modes.
    """
    table = _code(_table()[0])
    order = np.argsort(table)
    wanted = _code(_checked(attributes).numpy())
    place = np.searchsorted(table, wanted, sorter=order).clip(max=len(table) - 1)
    row = order[place]
    return torch.from_numpy(np.where(table[row] == wanted, row, -1))


def probability(attributes: Bool[Tensor, "n attributes"]) -> Float[Tensor, " n"]:
    """The probability of each combination; 0 for one that cannot occur."""
    mode = mode_of(attributes)
    return torch.where(mode >= 0, combinations()[1][mode.clamp(min=0)], 0.0)


def answers(known: dict[str, bool]) -> tuple[Bool[Tensor, "answers attributes"], Float[Tensor, " answers"]]:
    """Every combination that agrees with what is known, and its probability given that.

    >>> rows, p = answers({"Bald": True, "Eyeglasses": True})
    >>> bool(rows[:, ATTRIBUTES.index("Bald")].all()), round(float(p.sum()), 6)
    (True, 1.0)
    """
    attributes, p = combinations()
    fits = torch.ones(len(p), dtype=torch.bool)
    for name, value in known.items():
        if name not in ATTRIBUTES:
            raise GanlabError(f"There is no attribute {name!r}; the attributes are {', '.join(ATTRIBUTES)}.")
        fits &= attributes[:, ATTRIBUTES.index(name)] == value
    if not fits.any():
        raise GanlabError(f"No face can have {known}; see ganlab.data.toyfaces.combinations().")
    return attributes[fits], p[fits] / p[fits].sum()


def sharing(
    face: Bool[Tensor, " attributes"], hidden: tuple[str, ...] = COLOUR_ATTRIBUTES
) -> tuple[Bool[Tensor, "answers attributes"], Float[Tensor, " answers"]]:
    """Every combination equal to `face` in all but the `hidden` attributes, with its probability given the rest.

    With the default these are the true answers to "which colours may this line drawing have?".
    """
    face = _checked(face[None])[0]
    return answers({name: bool(face[i]) for i, name in enumerate(ATTRIBUTES) if name not in hidden})


def _checked(attributes: Tensor) -> Tensor:
    if attributes.ndim != 2 or attributes.shape[1] != len(ATTRIBUTES):
        raise GanlabError(
            f"Attributes have shape {tuple(attributes.shape)}; give (n, {len(ATTRIBUTES)}), "
            f"one column for each of {', '.join(ATTRIBUTES)}."
        )
    return attributes.bool().cpu()
