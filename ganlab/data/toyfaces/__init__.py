"""Toy faces: CelebA in miniature, drawn from attributes that are known exactly.

`attributes` states the joint distribution, `render` draws, `captions` describes in words.
"""

from ganlab.data.toyfaces.attributes import (
    ATTRIBUTES,
    answers,
    combinations,
    draw_attributes,
    mode_of,
    probability,
    sharing,
)
from ganlab.data.toyfaces.captions import VOCABULARY, Captions, captions, decode, encode
from ganlab.data.toyfaces.painter import FACTORS, FaceSet, colourings, draw_factors, drawings, faces, render

__all__ = [
    "ATTRIBUTES",
    "FACTORS",
    "VOCABULARY",
    "Captions",
    "FaceSet",
    "answers",
    "captions",
    "colourings",
    "combinations",
    "decode",
    "draw_attributes",
    "draw_factors",
    "drawings",
    "encode",
    "faces",
    "mode_of",
    "probability",
    "render",
    "sharing",
]
