"""Faces in words: captions in varied wording, each with exactly what it says, so its true answers are known.

A caption mentions some attributes and passes over others, as people do. `Captions.mentions` records which, and
`Captions.answers(i)` gives every combination that the sentence fits, with its probability.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int8
from torch import Tensor

from ganlab.data import counter
from ganlab.data.toyfaces.attributes import ATTRIBUTES, HAIR, _checked, answers
from ganlab.errors import GanlabError

_STREAM = 1000
_DRAWS = 40  # uniform numbers reserved for each caption

_COLOURS = {
    "Black_Hair": ("black", "jet-black"),
    "Brown_Hair": ("brown", "chestnut"),
    "Blond_Hair": ("blond", "golden"),
    "Gray_Hair": ("grey", "silver"),
}
_NOUN_PHRASES = {  # (attribute, value): wordings that can stand in a list after "with"
    ("Bald", True): ("a bald head", "no hair"),
    ("Eyeglasses", True): ("glasses", "spectacles", "a pair of glasses"),
    ("Eyeglasses", False): ("no glasses",),
    ("Wearing_Hat", True): ("a hat", "a hat on"),
    ("Wearing_Hat", False): ("no hat",),
    ("No_Beard", False): ("a beard", "a full beard"),
    ("No_Beard", True): ("no beard",),
    ("Mustache", True): ("a moustache",),
    ("Mustache", False): ("no moustache",),
    ("Pale_Skin", True): ("pale skin", "a pale face"),
}
_SMILE = {
    True: {"adjective": ("smiling", "grinning", "cheerful"), "noun": ("a smile", "a big smile"),
           "clause": ("is smiling", "smiles")},
    False: {"adjective": ("serious", "unsmiling"), "noun": ("a serious look", "no smile"),
            "clause": ("is not smiling", "looks serious")},
}  # fmt: skip
_TEXTURE = {True: ("wavy", "curly"), False: ("straight",)}
_FRINGE = {True: ("and bangs", "with a fringe"), False: ("without bangs",)}
_WHO = ("a person", "someone", "somebody", "a face")


@dataclass(frozen=True)
class Captions:
    """Sentences and what they say.

    Attributes:
        text: one sentence for each face.
        mentions: shape `(n, 13)`, columns `ATTRIBUTES`: 1 said to be so, 0 said not to be so, -1 not said.
    """

    text: list[str]
    mentions: Int8[Tensor, "n attributes"]

    def __len__(self) -> int:
        return len(self.text)

    def known(self, i: int) -> dict[str, bool]:
        """What sentence i says, by attribute."""
        return {name: bool(m) for name, m in zip(ATTRIBUTES, self.mentions[i].tolist(), strict=True) if m >= 0}

    def answers(self, i: int) -> tuple[Bool[Tensor, "answers attributes"], Float[Tensor, " answers"]]:
        """Every combination of attributes that sentence i fits, with its probability among all faces that it fits.

        For captions written with `even` that is the probability given the sentence. People mention what is notable,
        so without `even` silence says something as well: who wears glasses is rarely passed over.
        """
        return answers(self.known(i))


def captions(
    attributes: Bool[Tensor, "n attributes"],
    seed: int = 0,
    *,
    start: int = 0,
    variant: int = 0,
    even: float | None = None,
) -> Captions:
    """One caption for each face; caption i depends on `(seed, start + i, variant)` and its attributes alone.

    Args:
        attributes: the faces, columns `ATTRIBUTES`.
        seed, start: as in `faces`; the same numbers give each face its own wording.
        variant: 0, 1, 2, ... give further captions of the same faces.
        even: mention every attribute with this probability, whatever it is, and never one that has words for one of
            its values only (pale skin). Then what is passed over says nothing, and `Captions.answers` is exact.
    """
    rows = _checked(attributes)
    index = np.arange(start, start + len(rows))[:, None]
    draws = counter.uniform(seed, _STREAM + variant * _DRAWS + np.arange(_DRAWS), index)
    written = [_write(dict(zip(ATTRIBUTES, row, strict=True)), iter(u), even)
               for row, u in zip(rows.tolist(), draws.tolist(), strict=True)]  # fmt: skip
    mentions = torch.tensor([[said.get(name, -1) for name in ATTRIBUTES] for _, said in written], dtype=torch.int8)
    return Captions([text for text, _ in written], mentions.view(-1, len(ATTRIBUTES)))


def _write(face: dict[str, bool], u, even: float | None) -> tuple[str, dict[str, int]]:
    said: dict[str, int] = {}

    def mentioned(p: float) -> bool:
        return next(u) < (p if even is None else even)

    def one_of(options: tuple[str, ...]) -> str:
        return options[int(next(u) * len(options))]

    def say(name: str) -> bool:
        said[name] = int(face[name])
        return face[name]

    things: list[str] = []
    hair = next(name for name in HAIR if face[name])
    if mentioned(0.9):
        said.update({name: int(name == hair) for name in HAIR})  # one hair colour rules out the others
        if hair == "Bald":
            things.append(one_of(_NOUN_PHRASES["Bald", True]))
        else:
            words = [one_of(_COLOURS[hair]), "hair"]
            if mentioned(0.75 if face["Wavy_Hair"] else 0.2):
                words.insert(1, one_of(_TEXTURE[say("Wavy_Hair")]))
            if mentioned(0.75 if face["Bangs"] else 0.05):
                words.append(one_of(_FRINGE[say("Bangs")]))
            things.append(" ".join(words))
    for name in ("Pale_Skin", "Eyeglasses", "No_Beard", "Mustache", "Wearing_Hat"):
        value = face[name]
        notable = value != (name == "No_Beard")
        sayable = {(name, value)} if even is None else {(name, True), (name, False)}
        if mentioned(0.85 if notable else 0.08) and sayable <= _NOUN_PHRASES.keys():
            things.append(one_of(_NOUN_PHRASES[name, say(name)]))

    smile = _SMILE[say("Smiling")] if mentioned(0.8 if face["Smiling"] else 0.4) else None
    form = int(next(u) * 4)
    who = one_of(_WHO)
    if smile and (form == 0 or not things):
        return _sentence(f"{one_of(('a', 'one'))} {one_of(smile['adjective'])} person{_with(things)}"), said
    if smile and form == 1:
        return _sentence(f"{who}{_with([*things, one_of(smile['noun'])])}"), said
    if smile and form == 2:
        return _sentence(f"{who}{_with(things)} who {one_of(smile['clause'])}"), said
    if smile:
        return _sentence(f"{_listed([*things, one_of(smile['noun'])])}"), said
    return _sentence(f"{one_of(('a portrait of ', 'a picture of ', ''))}{who}{_with(things)}"), said


def _listed(things: list[str]) -> str:
    return things[0] if len(things) == 1 else ", ".join(things[:-1]) + " and " + things[-1]


def _with(things: list[str]) -> str:
    return f" with {_listed(things)}" if things else ""


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z-]+", text.lower())


def _every_word() -> list[str]:
    phrases = [w for words in (*_COLOURS.values(), *_NOUN_PHRASES.values(), *_TEXTURE.values(), *_FRINGE.values(),
                               _WHO, *(w for forms in _SMILE.values() for w in forms.values()))
               for w in words]  # fmt: skip
    return sorted(set(_words(" ".join([*phrases, "hair with and a one person who portrait picture of"]))))


#: Every word that a caption can hold; a word's token is its place here, and 0 is the padding after the end.
VOCABULARY = ("", *_every_word())


def encode(text: list[str], length: int = 32) -> Int[Tensor, "n length"]:
    """Sentences to tokens, padded with 0 to `length`.

    Raises:
        GanlabError: a word that is not in `VOCABULARY`, or a sentence of more than `length` words.
    """
    place = {word: token for token, word in enumerate(VOCABULARY)}
    out = torch.zeros(len(text), length, dtype=torch.int64)
    for i, sentence in enumerate(text):
        words = _words(sentence)
        if unknown := [word for word in words if word not in place]:
            raise GanlabError(f"The word {unknown[0]!r} is not in the captions' vocabulary; see VOCABULARY.")
        if len(words) > length:
            raise GanlabError(f"A caption has {len(words)} words and length is {length}; give a larger length.")
        out[i, : len(words)] = torch.tensor([place[word] for word in words], dtype=torch.int64)
    return out


def decode(tokens: Int[Tensor, "n length"]) -> list[str]:
    """Tokens back to words, without capitals and punctuation."""
    return [" ".join(VOCABULARY[t] for t in row if t) for row in tokens.tolist()]
