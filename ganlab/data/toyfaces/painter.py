"""The painter: signed distances to simple shapes, turned into soft edges and laid over each other, many faces at once.

A shape is a function that gives, for each pixel, the distance to its edge (negative inside). `clamp(1/2 - distance in
pixels, 0, 1)` is the fraction of the pixel that it covers: exact for a straight edge, so edges are smooth at any size.
Every face is drawn in coordinates of its own head (u to the right, v down, the head about one unit tall), which
turn, tilt, shift and grow with its pose.

What a face looks like is a function of its attributes and of `FACTORS`, uniform numbers that are neither named in
words nor part of a mode: pose, light, build, clothes, background.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from ganlab.data import counter
from ganlab.data.toyfaces.attributes import ATTRIBUTES, COLOUR_ATTRIBUTES, _checked, draw_attributes, mode_of, sharing
from ganlab.errors import GanlabError

#: Continuous variation, each uniform on [0, 1).
FACTORS = (
    "yaw", "pitch", "roll", "shift_x", "shift_y", "zoom",
    "face_width", "face_height", "jaw", "ear_size",
    "eye_size", "eye_distance", "eye_height", "iris_hue", "gaze", "brow_height", "brow_tilt", "brow_weight",
    "nose_size", "nose_height", "mouth_width", "mouth_height", "smile", "grin",
    "skin", "warmth", "blush", "light_side", "light_strength",
    "hair_shade", "hair_length", "hair_volume", "hair_part", "hairline", "wave_phase", "wave_size",
    "beard_length", "mustache_size", "facial_hair_of_bald",
    "glasses_shape", "glasses_colour", "hat_kind", "hat_hue", "hat_shade",
    "shirt_hue", "shirt_shade", "collar", "background_hue", "background_shade", "background_angle",
)  # fmt: skip
#: How far the head leans (radians), moves (picture units from -1 to 1) and grows.
ROLL, SHIFT_X, SHIFT_Y, ZOOM = (-0.13, 0.13), (-0.06, 0.06), (0.05, 0.12), (1.05, 1.21)
_FACTOR_STREAM = 1
_CHUNK = 64  # faces drawn at once: few enough for the working set to stay in the processor's cache


@dataclass(frozen=True)
class FaceSet:
    """Faces and everything that is true about them.

    Attributes:
        images: shape `(n, 3, size, size)`, values 0 to 255.
        attributes: shape `(n, 13)`, columns `ATTRIBUTES`.
        factors: shape `(n, len(FACTORS))`, the continuous variation, each in [0, 1).
        labels: which row of `combinations()` each face is: its mode.
    """

    images: UInt8[Tensor, "n 3 size size"]
    attributes: Bool[Tensor, "n attributes"]
    factors: Float[Tensor, "n factors"]
    labels: Int[Tensor, " n"]
    seed: int
    name: str = "faces"
    names: tuple[str, ...] = ATTRIBUTES
    source: str = "drawn by ganlab.data.toyfaces"
    licence: str = "Apache-2.0"

    _TENSORS: ClassVar = ("images", "attributes", "factors", "labels")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        size = self.images.shape[-1]
        return f"{self.name}: {len(self):,} images 3x{size}x{size}, {len(self.names)} attributes, seed {self.seed}"

    def column(self, name: str) -> Bool[Tensor, " n"]:
        """One attribute of every face, by CelebA's name."""
        if name not in self.names:
            raise GanlabError(f"There is no attribute {name!r}; the attributes are {', '.join(self.names)}.")
        return self.attributes[:, self.names.index(name)]

    def take(self, index: Tensor | slice) -> FaceSet:
        """The faces at `index` (integers, a mask or a slice) with all that belongs to them."""
        return replace(self, **{name: getattr(self, name)[index] for name in self._TENSORS})

    def to(self, device: str | torch.device) -> FaceSet:
        """The set with all its tensors on a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in self._TENSORS})


def draw_factors(n: int, seed: int = 0, start: int = 0) -> Float[Tensor, "n factors"]:
    """The continuous variation of faces `start` to `start + n - 1` of a seed."""
    index = np.arange(start, start + n)[:, None]
    stream = _FACTOR_STREAM + np.arange(len(FACTORS))
    return torch.from_numpy(counter.uniform(seed, stream, index).astype(np.float32))


def faces(
    n: int,
    size: int = 64,
    seed: int = 0,
    *,
    start: int = 0,
    attributes: Bool[Tensor, "n attributes"] | None = None,
    device: str | torch.device = "cpu",
) -> FaceSet:
    """Draw `n` faces of `size` x `size` pixels.

    Face i of a seed depends on `(seed, start + i)` alone, so `faces(10)` are the first ten of `faces(1000)`, and two
    sets with different seeds share nothing.

    Args:
        n: how many.
        size: 32, 64 and 128 are what the shapes were made for; any size from 16 works.
        seed: which faces.
        start: the number of the first face.
        attributes: draw these instead of drawing from the joint distribution; the factors stay those of the seed.
        device: where to draw; the images stay there.
    """
    if n < 1:
        raise GanlabError(f"n is {n}; ask for at least one face.")
    chosen = draw_attributes(n, seed, start) if attributes is None else _checked(attributes)
    if len(chosen) != n:
        raise GanlabError(f"There are {len(chosen)} rows of attributes for {n} faces; give one row each.")
    factors = draw_factors(n, seed, start)
    return FaceSet(render(chosen, factors, size, device=device), chosen, factors, mode_of(chosen), seed)


def render(
    attributes: Bool[Tensor, "n attributes"],
    factors: Float[Tensor, "n factors"],
    size: int = 64,
    *,
    ink: bool = False,
    device: str | torch.device = "cpu",
) -> UInt8[Tensor, "n channels size size"]:
    """Paint faces from their attributes and factors: 3 channels, or with `ink` a line drawing of 1 channel."""
    attributes = _checked(attributes)
    if (mode_of(attributes) < 0).any():
        first = attributes[int((mode_of(attributes) < 0).nonzero()[0])]
        on = [name for name, value in zip(ATTRIBUTES, first, strict=True) if value]
        raise GanlabError(f"No face can be drawn with just {on}: exactly one hair colour or Bald is needed, "
                          "Bangs and Wavy_Hair need hair, and a hat hides Bangs.")  # fmt: skip
    if size < 16:
        raise GanlabError(f"size is {size}; faces need at least 16 pixels.")
    chunks = zip(attributes.split(_CHUNK), factors.split(_CHUNK), strict=True)
    with torch.no_grad():
        return torch.cat([_paint(a.to(device), f.to(device), size, ink) for a, f in chunks])


def drawings(faces: FaceSet, size: int | None = None) -> UInt8[Tensor, "n 1 size size"]:
    """The line drawing of each face: black lines on white, the same for every colour of hair and skin."""
    return render(faces.attributes, faces.factors, size or faces.images.shape[-1], ink=True)


def colourings(
    faces: FaceSet, index: int
) -> tuple[UInt8[Tensor, "answers 3 size size"], Bool[Tensor, "answers attributes"], Float[Tensor, " answers"]]:
    """Every true answer to the drawing of face `index`: the images, their attributes, their probabilities.

    The images share the face's factors, so they differ from it in `COLOUR_ATTRIBUTES` alone.
    """
    rows, p = sharing(faces.attributes[index], COLOUR_ATTRIBUTES)
    factors = faces.factors[index].expand(len(rows), -1)
    return render(rows, factors, faces.images.shape[-1]), rows, p


# --- shapes: distances in head units, negative inside --------------------------------------------------------------


def _ellipse(u: Tensor, v: Tensor, a, b) -> Tensor:
    """Distance to an ellipse of half-axes a, b: exact to first order near the edge, which is what an edge needs."""
    x, y = u / a, v / b
    level = (x * x).addcmul_(y, y).sub_(1)
    x.div_(a)
    y.div_(b)
    return level.div_(x.mul_(x).addcmul_(y, y).sqrt_().mul_(2).clamp_(min=1e-3))


def _box(u: Tensor, v: Tensor, a, b, round_) -> Tensor:
    """Distance to a rectangle of half-sides a, b with rounded corners."""
    x, y = u.abs() - (a - round_), v.abs() - (b - round_)
    outside = (x.clamp(min=0).square_() + y.clamp(min=0).square_()).sqrt_()
    return outside + torch.maximum(x, y).clamp_(max=0) - round_


def _arc(u: Tensor, v: Tensor, half, bend, thick) -> Tensor:
    """Distance to a stroke along the parabola v = bend·(1 - (u/half)²), thinning towards |u| = half."""
    t = (u / half).square_().clamp_(max=4.0)
    curve = v - bend * (1 - t)
    slope = ((2 * bend / half) * (u / half)).square_().add_(1).sqrt_()
    return torch.maximum(curve.abs_().div_(slope) - thick * (1.15 - 0.55 * t.clamp(max=1.0)), u.abs() - half)


def _hsv(h: Tensor, s, v) -> Tensor:
    """Hue, saturation, value in [0, 1] to RGB, shape (n, 3)."""
    s, v = torch.as_tensor(s, device=h.device).expand_as(h), torch.as_tensor(v, device=h.device).expand_as(h)
    k = (torch.tensor([5.0, 3.0, 1.0], device=h.device) + 6 * h[:, None]) % 6
    return v[:, None] - (v * s)[:, None] * torch.minimum(k, 4 - k).clamp(0, 1)


class _Portrait:
    """Faces in the making: their attributes and factors, what several parts share, and the picture so far.

    Parts are laid over each other. In ink, shapes are filled white and outlined, strokes are black, and shading is left
    out. Numbers of one a face have shape (n, 1, 1), colours (n, 3).
    """

    def __init__(self, attributes: Tensor, factors: Tensor, size: int, ink: bool):
        self.n, self.size, self.ink, device = len(attributes), size, ink, attributes.device
        self.has = {name: attributes[:, i] for i, name in enumerate(ATTRIBUTES)}
        self.raw = {name: factors[:, i] for i, name in enumerate(FACTORS)}
        centres = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1
        self.x, self.y = centres.view(1, 1, size), centres.view(1, size, 1)
        self.image = torch.ones(self.n, 1 if ink else 3, size, size, device=device)

        roll, zoom = self.f("roll", *ROLL), self.f("zoom", *ZOOM)
        c, s = roll.cos() / zoom, roll.sin() / zoom
        x, y = self.x - self.f("shift_x", *SHIFT_X), self.y - self.f("shift_y", *SHIFT_Y)
        self.u, self.v = c * x + s * y, c * y - s * x
        self.pixels = zoom * (size / 2)  # pixels to one head unit

        # Features ride on the front of the head: turning it moves them sideways, nodding up and down.
        self.yaw = self.f("yaw", -1, 1)
        self.fx, self.fy = 0.085 * self.yaw, 0.05 * self.f("pitch", -1, 1) + 0.06
        self.face_width, self.face_height = self.f("face_width", 0.385, 0.445), self.f("face_height", 0.475, 0.535)
        self.jaw = self.f("jaw", 0.06, 0.26)
        self.mouth_v = self.f("mouth_height", 0.245, 0.285) + self.fy
        self.eye_size, self.eye_distance = self.f("eye_size", 0.078, 0.100), self.f("eye_distance", 0.165, 0.195)
        self.eye_v = self.f("eye_height", -0.02, 0.02) + self.fy
        self.hair_volume, self.hair_length = self.f("hair_volume", 0.05, 0.11), self.f("hair_length", 0, 1)
        self.wave_phase = self.f("wave_phase", 0, 2 * math.pi)
        self.light_side, self.light = self.f("light_side", -1, 1), self.f("light_strength", 0.05, 0.22)

        self.skin, self.hair = _skin_colour(self.has, self.raw), _hair_colour(self.has, self.raw)
        self.dark_skin = self.skin * self.colour(0.80, 0.72, 0.70)
        self.line, self.white = self.colour(0.16, 0.10, 0.11), self.colour(1.0, 1.0, 1.0)

    def f(self, name: str, low: float, high: float) -> Tensor:
        """A factor, stretched to the range [low, high], shape (n, 1, 1)."""
        return (low + (high - low) * self.raw[name]).view(-1, 1, 1)

    def colour(self, *rgb: float) -> Tensor:
        return torch.tensor(rgb, device=self.image.device).expand(self.n, 3)

    def is_(self, name: str) -> Tensor:
        """An attribute, shape (n, 1, 1)."""
        return self.has[name].view(-1, 1, 1)

    def only(self, rows: Tensor) -> _Portrait:
        """Some of the faces, with a picture of their own."""
        part = object.__new__(_Portrait)
        for name, value in vars(self).items():
            if isinstance(value, dict):
                value = {key: entry[rows] for key, entry in value.items()}
            elif isinstance(value, Tensor) and len(value) == self.n and name not in ("x", "y"):
                value = value[rows]
            setattr(part, name, value)
        part.n = len(rows)
        return part

    def lit(self, colour: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """A colour brightening towards the light, shape (n, 3, height, width)."""
        return colour[:, :, None, None] * (1 + self.light * (self.light_side * u * 1.6 - v * 0.9))[:, None]

    def at(self, where: tuple[slice, slice], u=0.0, v=0.0) -> tuple[Tensor, Tensor]:
        """Head coordinates of the pixels of a window, as seen from the point (u, v)."""
        return self.u[:, where[0], where[1]] - u, self.v[:, where[0], where[1]] - v

    def window(self, left: float, right: float, top: float, bottom: float) -> tuple[slice, slice]:
        """The part of the picture where a shape can be that lies within these bounds of the head, whatever the pose."""
        x, y = [], []
        for u, v, turn, zoom in itertools.product((left, right), (top, bottom), ROLL, ZOOM):
            x += [zoom * (u * math.cos(turn) - v * math.sin(turn)) + shift for shift in SHIFT_X]
            y += [zoom * (u * math.sin(turn) + v * math.cos(turn)) + shift for shift in SHIFT_Y]

        def pixels(values: list[float]) -> slice:
            low, high = ((edge + 1) / 2 * self.size for edge in (min(values), max(values)))
            return slice(max(math.floor(low) - 1, 0), min(math.ceil(high) + 1, self.size))

        return pixels(y), pixels(x)

    def lay(self, distance: Tensor, colour: Tensor, where, *, soft: float = 0.0, opacity=1.0, line: str = "outline"):
        """Lay a shape over a window of the picture.

        `soft` widens the edge (head units); `line` says what the shape is in ink: "outline", "solid", "paper" (white
        without an outline) or "none".
        """
        patch = self.image[:, :, where[0], where[1]]
        if not self.ink:
            cover = (distance * -(self.pixels / (1 + soft * self.pixels))).add_(0.5).clamp_(0, 1)
            if soft:
                cover = cover * cover * (3 - 2 * cover)
            if not isinstance(opacity, float) or opacity != 1.0:
                cover = cover * opacity
            patch += ((colour if colour.ndim == 4 else colour[:, :, None, None]) - patch).mul_(cover[:, None])
        elif line != "none":
            cover = (0.5 - distance * self.pixels).clamp_(0, 1)[:, None]
            patch += cover * ((0.0 if line == "solid" else 1.0) - patch)
            if line == "outline":
                width = 0.5 * max(0.02, 1.25 * 2 / self.size)
                patch -= (0.5 - (distance.abs() - width) * self.pixels).clamp_(0, 1)[:, None] * patch


_HAIR_COLOURS = {
    "Black_Hair": ((0.05, 0.045, 0.06), (0.15, 0.13, 0.15)),
    "Brown_Hair": ((0.27, 0.14, 0.06), (0.42, 0.23, 0.10)),
    "Blond_Hair": ((0.86, 0.66, 0.28), (0.97, 0.83, 0.48)),
    "Gray_Hair": ((0.60, 0.61, 0.64), (0.78, 0.79, 0.82)),
}
_SKIN = ((0.40, 0.25, 0.19), (0.60, 0.40, 0.29), (0.80, 0.57, 0.43), (0.92, 0.72, 0.58))
_BLUSH = (0.95, 0.42, 0.40)
_PALE = ((0.97, 0.86, 0.81), (1.0, 0.92, 0.88))


def _between(low, high, t: Tensor) -> Tensor:
    low, high = torch.tensor(low, device=t.device), torch.tensor(high, device=t.device)
    return low + (high - low) * t[:, None]


def _hair_colour(attribute: dict[str, Tensor], factor: dict[str, Tensor]) -> Tensor:
    colours = {name: _between(*ends, factor["hair_shade"]) for name, ends in _HAIR_COLOURS.items()}
    chosen = torch.where((factor["facial_hair_of_bald"] < 0.5)[:, None], colours["Gray_Hair"], colours["Brown_Hair"])
    for name, colour in colours.items():
        chosen = torch.where(attribute[name][:, None], colour, chosen)
    return chosen


def _skin_colour(attribute: dict[str, Tensor], factor: dict[str, Tensor]) -> Tensor:
    t = factor["skin"] * (len(_SKIN) - 1)
    stops = torch.tensor(_SKIN, device=t.device)
    low = t.long().clamp(max=len(_SKIN) - 2)
    tone = stops[low] + (stops[low + 1] - stops[low]) * (t - low)[:, None]
    return torch.where(attribute["Pale_Skin"][:, None], _between(*_PALE, factor["skin"]), tone)


# --- the parts of a picture, from back to front ---------------------------------------------------------------------

_EVERYWHERE = (slice(None), slice(None))
_SIDES = (-1.0, 1.0)


def _background(p: _Portrait) -> None:
    """Two shades of one hue under a slant, a paler disc behind the head."""
    if p.ink:
        return
    hue, value = p.raw["background_hue"], 0.62 + 0.34 * p.raw["background_shade"]
    low, high = _hsv(hue, 0.36, value * 0.88), _hsv((hue + 0.08) % 1, 0.20, value * 1.04)
    angle = p.f("background_angle", 0, 1) * 2 * math.pi
    ramp = ((p.x * angle.cos() + p.y * angle.sin()) * 0.4 + 0.5).clamp_(0, 1)
    p.image = low[:, :, None, None] + (high - low)[:, :, None, None] * ramp[:, None]
    halo = (p.x.square() + (p.y + 0.05).square()).sqrt() - 0.62
    p.lay(halo.expand(p.n, -1, -1), p.white, _EVERYWHERE, soft=0.6, opacity=0.22)


def _hair_texture(p: _Portrait) -> tuple[Tensor, Tensor]:
    """For each pixel: how bright hair is (a band of shine, waves if wavy), and how far curls push it out."""
    u, v = p.at(_EVERYWHERE, 0.02 * p.yaw)
    shine = (-(((v + 0.40 + 0.55 * u * u) / 0.07).square_())).exp_()
    bright = shine * 0.22 + 0.95
    curls = torch.zeros_like(bright)
    rows = p.has["Wavy_Hair"].nonzero().flatten()
    if len(rows):
        u, v, turn = u[rows], v[rows], p.wave_phase[rows]
        bright[rows] += 0.20 * torch.sin(30 * v + 2.2 * torch.sin(11 * u + turn)) + 0.01
        size = p.f("wave_size", 0.026, 0.040)[rows]
        curls[rows] = size * torch.sin(15 * torch.atan2(u, 0.1 - v) + turn).abs_() * 1.6
    return bright, curls


def _skull(p: _Portrait, u: Tensor, v: Tensor) -> Tensor:
    return _ellipse(u, v + 0.07, p.face_width + p.hair_volume + 0.01, 0.50 + p.hair_volume)


def _hair_behind(p: _Portrait, bright: Tensor, curls: Tensor) -> None:
    u, v = p.at(_EVERYWHERE, 0.02 * p.yaw)
    long = p.hair_length > 0.5
    top, end = -0.15, torch.where(long, 0.05 + 0.95 * p.hair_length, 0.02 + 0.36 * p.hair_length)
    width = p.face_width + p.hair_volume + 0.02 * p.hair_length
    d = torch.minimum(_skull(p, u, v), _box(u, v - (top + end) / 2, width, (end - top) / 2, 0.16))
    d = torch.where(long, d, torch.maximum(d, v - end)) - curls
    p.lay(torch.where(p.is_("Bald"), 1.0, d), p.hair[:, :, None, None] * (0.80 * bright)[:, None], _EVERYWHERE)


def _body(p: _Portrait) -> None:
    """Neck, shoulders, collar."""
    where = p.window(-1, 1, 0.32, 1)
    u, v = p.at(where, 0, 0.62)
    p.lay(_box(u, v, 0.155, 0.30, 0.08), p.dark_skin, where)
    shirt = _hsv(p.raw["shirt_hue"], 0.62, 0.35 + 0.55 * p.raw["shirt_shade"])
    u, v = p.at(where, 0, 1.22)
    d = _ellipse(u, v, 0.80, 0.50)
    neckline = _ellipse(u, v + 0.52, p.f("collar", 0.15, 0.25), 0.16)
    p.lay(torch.maximum(d, -neckline), p.lit(shirt, u, v + 0.4), where)
    p.lay(torch.maximum((neckline - 0.022).abs() - 0.022, d), shirt * 0.72, where, line="none")


def _head(p: _Portrait) -> None:
    """Ears, the head and its shadow on the neck, cheeks."""
    ear = p.f("ear_size", 0.075, 0.10)
    for side in _SIDES:
        where = p.window(*sorted((side * 0.30, side * 0.60)), -0.06, 0.24)
        u, v = p.at(where, side * (p.face_width - 0.005) - 0.03 * p.yaw, 0.09)
        p.lay(_ellipse(u, v, ear * 0.78, ear * 1.15), p.skin * 0.97, where)
        p.lay(_ellipse(u - side * 0.012, v, ear * 0.42, ear * 0.66), p.dark_skin, where, line="none")
    where = p.window(-0.49, 0.49, -0.51, 0.68)
    u, v = p.at(where, 0, 0.06)
    face = _ellipse(u / (1 - p.jaw * (v / p.face_height).clamp(min=0).square()), v, p.face_width, p.face_height)
    neck = (u.abs() < 0.150).float() * (v > 0.3)
    p.lay(face - 0.05, p.dark_skin * 0.80, where, soft=0.05, opacity=neck * 0.45, line="none")
    p.lay(face, p.lit(p.skin, u, v), where)
    p.lay(face.abs() - 0.02, p.dark_skin, where, soft=0.10, opacity=(face < 0).float() * 0.55, line="none")
    for side in _SIDES:
        u, v = p.at(where, side * p.face_width * 0.60 + p.fx, 0.17 + p.fy)
        opacity = p.f("blush", 0.08, 0.34) * (face < -0.01)
        p.lay(_ellipse(u, v, 0.10, 0.075), p.colour(*_BLUSH), where, soft=0.12, opacity=opacity, line="none")


def _beard(p: _Portrait) -> None:
    """The lower face without the surroundings of the mouth; in ink, hatching tells a beard from a jaw."""
    where = p.window(-0.49, 0.49, -0.06, 0.80)
    u, v = p.at(where, 0, 0.06)
    grow = p.f("beard_length", 0.02, 0.10)
    taper = 1 - 0.7 * p.jaw * (v / p.face_height).clamp(min=0).square()
    outer = _ellipse(u / taper, v - grow * 0.6, p.face_width + 0.015, p.face_height + grow * 0.55)
    bare = _ellipse(u - p.fx, v + 0.15, p.face_width * 0.87, 0.42)
    d = torch.maximum(torch.maximum(outer, -bare), -0.02 - v)
    p.lay(d, p.lit(p.hair * 0.95, u, v), where)
    if p.ink:
        hatch = torch.sin(20 * torch.atan2(u, v + 0.2)).abs() * 0.03 - 0.007
        p.lay(torch.maximum(hatch, d + 0.025), p.line, where, line="solid")


_MOUTH = (-0.34, 0.34, 0.16, 0.68)


def _lips(p: _Portrait) -> Tensor:
    return p.skin * p.colour(0.86, 0.58, 0.58) + p.colour(0.04, 0.0, 0.01)


def _closed_mouth(p: _Portrait) -> None:
    where, half = p.window(*_MOUTH), p.f("mouth_width", 0.135, 0.175)
    u, v = p.at(where, p.fx * 1.05, p.mouth_v + 0.02)
    p.lay(_arc(u, v - 0.026, half * 0.52, 0.02, 0.020), _lips(p), where, line="none")
    p.lay(_arc(u, v, half * 0.74, p.f("smile", -0.022, 0.010), 0.020), _lips(p) * 0.55, where, line="solid")


def _smile(p: _Portrait) -> None:
    where, half = p.window(*_MOUTH), p.f("mouth_width", 0.135, 0.175) * 1.12
    u, v = p.at(where, p.fx * 1.05, p.mouth_v - 0.03)
    depth, gape = p.f("smile", 0.085, 0.12), p.f("grin", 0.035, 0.115)
    hang = 1 - (u / half).square()  # both lips hang from the corners, the lower one further
    upper, lower = (depth - 0.05) * hang, (depth + gape) * hang
    inside = torch.maximum(torch.maximum(upper - v, v - lower) * 0.85, u.abs() - half)
    p.lay(inside - 0.016, _lips(p) * 0.80, where, line="none")
    p.lay(inside, p.colour(0.40, 0.10, 0.12), where)
    teeth = torch.maximum(inside + 0.004, v - upper - 0.030 - 0.40 * gape)
    p.lay(teeth, p.white * 0.97, where, line="none")


def _nose(p: _Portrait) -> None:
    where, width = p.window(-0.26, 0.26, 0.06, 0.36), p.f("nose_size", 0.045, 0.070)
    u, v = p.at(where, p.fx * 1.5, p.f("nose_height", 0.135, 0.165) + p.fy)
    tip = p.skin * 0.9 + p.colour(*_BLUSH) * 0.07
    p.lay(_ellipse(u, v + 0.005, width, width * 0.72), tip, where, soft=0.03, line="none")
    glint = _ellipse(u + 0.012, v + 0.03, width * 0.35, width * 0.3)
    p.lay(glint, p.white, where, soft=0.03, opacity=0.25, line="none")
    p.lay(_arc(u, v - 0.018, width, 0.030, 0.011), p.dark_skin * 0.85, where, line="solid")


def _moustache(p: _Portrait) -> None:
    where, size = p.window(*_MOUTH), p.f("mustache_size", 0.105, 0.145)
    u, v = p.at(where, p.fx * 1.15, p.mouth_v - 0.042)
    a = u.abs()
    droop = 0.9 * (a - 0.02).square() / size
    wing = _ellipse(a - size * 0.62, v - droop * 0.8 + 0.012, size * 0.74, size * 0.36)
    p.lay(wing, p.lit(p.hair * 0.90, u, v), where)


def _eyes(p: _Portrait) -> None:
    """Eyes and brows."""
    r, gaze = p.eye_size, p.f("gaze", -0.022, 0.022) + 0.02 * p.yaw
    iris = _hsv(0.04 + 0.56 * p.raw["iris_hue"].square(), 0.62, 0.30 + 0.30 * p.raw["iris_hue"])
    brow = p.hair * 0.72 + torch.where(p.has["Black_Hair"][:, None], 0.0, 0.02)
    for side in _SIDES:
        where = p.window(*sorted((side * -0.02, side * 0.40)), -0.15, 0.26)
        u, v = p.at(where, side * p.eye_distance + p.fx, p.eye_v)
        ball = _ellipse(u, v, r, r * 0.92)
        p.lay(ball, p.white * 0.985, where)
        disc = torch.maximum(_ellipse(u - gaze, v - 0.006, r * 0.66, r * 0.70), ball + 0.004)
        p.lay(disc, iris, where, line="none")
        pupil = torch.maximum(_ellipse(u - gaze, v - 0.006, r * 0.40, r * 0.44), ball + 0.004)
        p.lay(pupil, p.line * 0.5, where, line="solid")
        p.lay(_ellipse(u - gaze + 0.022, v + 0.024, r * 0.22, r * 0.22), p.white, where, line="paper")
        p.lay(_arc(u, v + r * 0.30, r * 1.18, -r * 0.66, 0.016), p.line, where, line="solid")
        where = p.window(*sorted((side * -0.03, side * 0.42)), -0.27, 0.07)
        u, v = p.at(where, side * (p.eye_distance + 0.008) + p.fx, p.eye_v - p.f("brow_height", 0.150, 0.185))
        slant = v - p.f("brow_tilt", -0.06, 0.20) * side * u
        p.lay(_arc(u, slant, 0.105, -0.030, p.f("brow_weight", 0.014, 0.024)), brow, where, line="solid")


def _glasses(p: _Portrait) -> None:
    where, corner = p.window(-0.52, 0.52, -0.20, 0.31), p.f("glasses_shape", 0, 1)
    tint = p.raw["glasses_colour"]
    frame = torch.where((tint < 0.6)[:, None], p.line * 0.9, _hsv(tint * 2 % 1, 0.75, 0.5))
    a = torch.minimum(p.eye_size + 0.062, p.eye_distance - 0.018)
    b = a * (0.80 + 0.16 * corner)
    for side in _SIDES:
        centre = side * p.eye_distance + p.fx
        u, v = p.at(where, centre, p.eye_v + 0.008)
        lens = _box(u, v, a, b, b * (0.35 + 0.62 * corner))
        p.lay(lens, p.white, where, opacity=0.13, line="none")
        glare = torch.maximum((u + v * 0.7 + 0.035).abs() - 0.018, lens + 0.03)
        p.lay(glare, p.white, where, opacity=0.35, line="none")
        p.lay(lens.abs() - 0.016, frame, where, line="solid")
        reach = (p.face_width - p.eye_distance - a) / 2 + 0.02
        u, v = p.at(where, centre + side * (a + reach), p.eye_v - 0.02)
        p.lay(_box(u, v, reach, 0.012, 0.01), frame, where, line="solid")
    u, v = p.at(where, p.fx, p.eye_v - 0.01)
    p.lay(_arc(u, v, (p.eye_distance - a).clamp(min=0.01) + 0.012, -0.02, 0.013), frame, where, line="solid")


def _hair_in_front(p: _Portrait, bright: Tensor, curls: Tensor) -> None:
    """Everything of the skull above the hairline, and down the sides of the face."""
    where = p.window(-0.67, 0.67, -0.75, 0.34)
    ys, xs = where
    u, v = p.at(where, 0.02 * p.yaw)
    from_part = u - p.f("hair_part", -0.22, 0.22) - p.fx
    swept = 0.62 * from_part.abs().pow(1.6) + 0.35 * (u.abs() - 0.26).clamp(min=0) + p.f("hairline", -0.40, -0.31)
    fringe = 0.04 * torch.sin(26 * u + p.wave_phase).abs() + 0.9 * (u.abs() - 0.27).clamp(min=0) + 0.05 * from_part
    edge = torch.where(p.is_("Bangs"), fringe - 0.165, swept)
    edge = edge + torch.where(p.is_("Wavy_Hair"), 0.022 * torch.sin(22 * u + p.wave_phase), 0.0)
    length = p.hair_length
    side_end = torch.where(length > 0.5, 0.12 + 0.2 * length, -0.02 + 0.22 * length)
    d = torch.maximum(torch.maximum(_skull(p, u, v) - curls[:, ys, xs], (v - edge) * 0.75), v - side_end)
    p.lay(torch.where(p.is_("Bald"), 1.0, d), p.hair[:, :, None, None] * bright[:, None, ys, xs], where)


def _shine(p: _Portrait) -> None:
    """Light on a bald head."""
    where = p.window(-0.35, 0.35, -0.47, -0.17)
    u, v = p.at(where, 0.10 * p.light_side + 0.5 * p.fx, -0.32)
    p.lay(_ellipse(u, v, 0.12, 0.05), p.white, where, soft=0.10, opacity=0.55, line="none")


def _hat(p: _Portrait) -> None:
    """A woollen hat with a bobble, a hat with a brim all round, or a cap."""
    where, kind = p.window(-0.90, 0.90, -0.92, -0.05), p.f("hat_kind", 0, 1)
    wool, brim = kind < 0.4, (kind >= 0.4) & (kind < 0.72)
    colour = _hsv(p.raw["hat_hue"], 0.68, 0.42 + 0.5 * p.raw["hat_shade"])
    trim = _hsv((p.raw["hat_hue"] + 0.45) % 1, 0.45, 0.95)
    u, v = p.at(where, 0.02 * p.yaw)
    width = p.face_width + p.hair_volume + 0.035
    rim = v + 0.235 - 0.05 * (u / width).square()  # below the line where the hat sits
    dome = torch.maximum(_ellipse(u, v + 0.22, width, 0.50), rim * 0.95)
    crown = torch.maximum(_box(u / (1 + 0.12 * (v + 0.5)), v + 0.45, width * 0.86, 0.30, 0.14), rim)
    rib = torch.where(wool, 0.06 * torch.sin(46 * u / (1 + 0.3 * v)), 0.0)
    p.lay(torch.where(brim, crown, dome), p.lit(colour, u, v) * (1 + rib[:, None]), where)
    p.lay(torch.where(wool, _ellipse(u, v + 0.755, 0.095, 0.09), 1.0), trim, where)
    cuff = _box(u, rim + 0.045, width + 0.012, 0.075, 0.05)
    ribbon = torch.maximum((rim + 0.09).abs() - 0.055, crown)
    peak = _ellipse(u - 0.30 * torch.sign(p.yaw), rim - 0.005, 0.36, 0.075)
    band = torch.where((kind < 0.72).view(-1, 1), trim, colour * 0.80)
    p.lay(torch.where(wool, cuff, torch.where(brim, ribbon, peak)), band, where)
    p.lay(torch.where(brim, _ellipse(u, rim, width + 0.27, 0.070), 1.0), p.lit(colour * 0.92, u, v), where)


def _paint(attributes: Tensor, factors: Tensor, size: int, ink: bool) -> Tensor:
    p = _Portrait(attributes, factors, size, ink)

    def some(part: Callable[[_Portrait], None], mask: Tensor) -> None:
        rows = mask.nonzero().flatten()
        if len(rows):
            those = p.only(rows)
            part(those)
            p.image[rows] = those.image

    hair = _hair_texture(p)
    _background(p)
    _hair_behind(p, *hair)
    _body(p)
    _head(p)
    some(_beard, ~p.has["No_Beard"])
    some(_closed_mouth, ~p.has["Smiling"])
    some(_smile, p.has["Smiling"])
    _nose(p)
    some(_moustache, p.has["Mustache"])
    _eyes(p)
    some(_glasses, p.has["Eyeglasses"])
    _hair_in_front(p, *hair)
    some(_shine, p.has["Bald"] & ~p.has["Wearing_Hat"])
    some(_hat, p.has["Wearing_Hat"])
    if not ink:
        warm = 0.05 * (p.raw["warmth"] - 0.5)
        p.image *= torch.stack([1 + warm, torch.ones_like(warm), 1 - warm], 1)[:, :, None, None]
    return p.image.mul(255).round_().clamp_(0, 255).to(torch.uint8)
