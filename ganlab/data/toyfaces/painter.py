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


class _Canvas:
    """Layers over each other. In ink, shapes are filled white and outlined, strokes are black, shading is left out."""

    def __init__(self, n: int, size: int, ink: bool, device):
        self.size, self.ink = size, ink
        self.image = torch.ones(n, 1 if ink else 3, size, size, device=device)
        centres = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1
        self.x, self.y = centres.view(1, 1, size), centres.view(1, size, 1)
        self.u = self.v = self.pixels = None

    def pose(self, roll: Tensor, shift_x: Tensor, shift_y: Tensor, zoom: Tensor) -> None:
        c, s = roll.cos() / zoom, roll.sin() / zoom
        x, y = self.x - shift_x, self.y - shift_y
        self.u, self.v = c * x + s * y, c * y - s * x
        self.pixels = zoom * (self.size / 2)  # pixels to one head unit

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

    def lay(self, distance: Tensor, colour: Tensor, where, *, soft: float = 0.0, opacity=1.0, line: str = "outline",
            rows: Tensor | None = None) -> None:  # fmt: skip
        """Lay a shape over the picture.

        `soft` widens the edge (head units); `line` says what it is in ink: "outline", "solid", "paper" (white without
        an outline) or "none".
        """
        if self.ink and line == "none":
            return
        ys, xs = where
        pixels = self.pixels if rows is None else self.pixels[rows]
        if self.ink:
            cover = (0.5 - distance * pixels).clamp_(0, 1)
            patch = self.image[:, 0, ys, xs] if rows is None else self.image[rows, 0, ys, xs]
            shade = 0.0 if line == "solid" else 1.0
            patch = patch + cover * (shade - patch)
            if line == "outline":
                width = 0.5 * max(0.02, 1.25 * 2 / self.size)
                stroke = (0.5 - (distance.abs() - width) * pixels).clamp_(0, 1)
                patch = patch - stroke * patch
            if rows is None:
                self.image[:, 0, ys, xs] = patch
            else:
                self.image[rows, 0, ys, xs] = patch
            return
        scale = pixels if not soft else pixels / (1 + soft * pixels)
        cover = (distance * -scale).add_(0.5).clamp_(0, 1)
        if soft:
            cover = cover * cover * (3 - 2 * cover)
        if not isinstance(opacity, float) or opacity != 1.0:
            cover = cover * opacity
        cover = cover[:, None]
        colour = colour if colour.ndim == 4 else colour[:, :, None, None]
        if rows is None:
            patch = self.image[:, :, ys, xs]
            patch.add_((colour - patch).mul_(cover))
        else:
            patch = self.image[rows, :, ys, xs]
            self.image[rows, :, ys, xs] = patch + (colour - patch).mul_(cover)


_HAIR_COLOURS = {
    "Black_Hair": ((0.05, 0.045, 0.06), (0.15, 0.13, 0.15)),
    "Brown_Hair": ((0.27, 0.14, 0.06), (0.42, 0.23, 0.10)),
    "Blond_Hair": ((0.86, 0.66, 0.28), (0.97, 0.83, 0.48)),
    "Gray_Hair": ((0.60, 0.61, 0.64), (0.78, 0.79, 0.82)),
}
_SKIN = ((0.40, 0.25, 0.19), (0.60, 0.40, 0.29), (0.80, 0.57, 0.43), (0.92, 0.72, 0.58))
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


def _paint(attributes: Tensor, factors: Tensor, size: int, ink: bool) -> Tensor:
    n, device = len(attributes), attributes.device
    has = {name: attributes[:, i] for i, name in enumerate(ATTRIBUTES)}
    raw = {name: factors[:, i] for i, name in enumerate(FACTORS)}

    def f(name: str, low: float, high: float) -> Tensor:
        return (low + (high - low) * raw[name]).view(n, 1, 1)

    canvas = _Canvas(n, size, ink, device)
    yaw, pitch = f("yaw", -1, 1), f("pitch", -1, 1)
    canvas.pose(f("roll", *ROLL), f("shift_x", *SHIFT_X), f("shift_y", *SHIFT_Y), f("zoom", *ZOOM))
    u, v = canvas.u, canvas.v
    everywhere = (slice(None), slice(None))

    def at(where, u0=0.0, v0=0.0, rows=None) -> tuple[Tensor, Tensor]:
        ys, xs = where
        if rows is None:
            return u[:, ys, xs] - u0, v[:, ys, xs] - v0
        return u[rows][:, ys, xs] - u0, v[rows][:, ys, xs] - v0

    def some(mask: Tensor) -> Tensor | None:
        rows = mask.nonzero().flatten()
        return rows if len(rows) else None

    skin, hair = _skin_colour(has, raw), _hair_colour(has, raw)
    dark = skin * torch.tensor([0.80, 0.72, 0.70], device=device)
    lip = skin * torch.tensor([0.86, 0.58, 0.58], device=device) + torch.tensor([0.04, 0.0, 0.01], device=device)
    line = torch.tensor([0.16, 0.10, 0.11], device=device).expand(n, 3)
    white = torch.ones(n, 3, device=device)
    haired, hatted, wavy = ~has["Bald"], has["Wearing_Hat"], has["Wavy_Hair"].view(n, 1, 1)

    # Light falls from one side: colours of the head brighten towards it.
    side, strength = f("light_side", -1, 1), f("light_strength", 0.05, 0.22)

    def lit(colour: Tensor, u_: Tensor, v_: Tensor, rows=None) -> Tensor:
        s, k = (side, strength) if rows is None else (side[rows], strength[rows])
        shade = 1 + k * (s * u_ * 1.6 - v_ * 0.9)
        return colour[:, :, None, None] * shade[:, None]

    # --- background: two shades of one hue under a slant, a paler disc behind the head
    hue, value = raw["background_hue"], 0.62 + 0.34 * raw["background_shade"]
    if not ink:
        low, high = _hsv(hue, 0.36, value * 0.88), _hsv((hue + 0.08) % 1, 0.20, value * 1.04)
        angle = raw["background_angle"].view(n, 1, 1) * 2 * math.pi
        ramp = ((canvas.x * angle.cos() + canvas.y * angle.sin()) * 0.4 + 0.5).clamp_(0, 1)
        canvas.image = low[:, :, None, None] + (high - low)[:, :, None, None] * ramp[:, None]
        halo = (canvas.x.square() + (canvas.y + 0.05).square()).sqrt() - 0.62
        canvas.lay(halo.expand(n, -1, -1), white, everywhere, soft=0.6, opacity=0.22)

    fw, fh = f("face_width", 0.385, 0.445), f("face_height", 0.475, 0.535)
    volume = f("hair_volume", 0.05, 0.11)
    length = raw["hair_length"].view(n, 1, 1)
    long = length > 0.5
    bottom = torch.where(long, 0.05 + 0.95 * length, 0.02 + 0.36 * length)  # how far down the hair hangs
    phase, wave = f("wave_phase", 0, 2 * math.pi), f("wave_size", 0.026, 0.040)

    def hair_shade(rows: Tensor) -> tuple[Tensor, Tensor]:
        """For each pixel: how bright hair is (a band of shine, waves if wavy), and how far curls push it out."""
        uu, vv = u[rows] - 0.02 * yaw[rows], v[rows]
        shine = (-(((vv + 0.40 + 0.55 * uu * uu) / 0.07).square_())).exp_()
        shade = shine * 0.22 + 0.95
        curls = torch.zeros_like(shade)
        curly = wavy.flatten()[rows].nonzero().flatten()
        if len(curly):
            uu, vv, turn = uu[curly], vv[curly], phase[rows][curly]
            strands = torch.sin(30 * vv + 2.2 * torch.sin(11 * uu + turn))
            shade[curly] += 0.20 * strands + 0.01
            curls[curly] = wave[rows][curly] * torch.sin(15 * torch.atan2(uu, 0.1 - vv) + turn).abs_() * 1.6
        return shade, curls

    # --- hair behind the head
    haired_rows = some(haired)
    if (rows := haired_rows) is not None:
        bright, curls = hair_shade(rows)
        uu, vv = at(everywhere, 0.02 * yaw[rows], 0, rows)
        w, end, vol = fw[rows], bottom[rows], volume[rows]
        skull = _ellipse(uu, vv + 0.07, w + vol + 0.01, 0.50 + vol)
        top = -0.15
        fall = _box(uu, vv - (top + end) / 2, w + vol + 0.02 * length[rows], (end - top) / 2, 0.16)
        d = torch.minimum(skull, fall)
        d = torch.where(long[rows], d, torch.maximum(d, vv - end)) - curls
        canvas.lay(d, hair[rows][:, :, None, None] * (0.80 * bright)[:, None], everywhere, rows=rows)

    # --- neck, shoulders, collar
    low = canvas.window(-1, 1, 0.32, 1)
    uu, vv = at(low, 0, 0.62)
    canvas.lay(_box(uu, vv, 0.155, 0.30, 0.08), dark, low)
    shirt = _hsv(raw["shirt_hue"], 0.62, 0.35 + 0.55 * raw["shirt_shade"])
    uu, vv = at(low, 0, 1.22)
    d = _ellipse(uu, vv, 0.80, 0.50)
    neckline = _ellipse(uu, vv + 0.52, 0.15 + 0.10 * raw["collar"].view(n, 1, 1), 0.16)
    canvas.lay(torch.maximum(d, -neckline), lit(shirt, uu, vv + 0.4), low)
    if not ink:
        canvas.lay(torch.maximum((neckline - 0.022).abs() - 0.022, d), shirt * 0.72, low)

    # --- ears and head
    ear = f("ear_size", 0.075, 0.10)

    for sign in (-1.0, 1.0):
        middle = canvas.window(*sorted((sign * 0.30, sign * 0.60)), -0.06, 0.24)
        uu, vv = at(middle, sign * (fw - 0.005) - 0.03 * yaw, 0.09)
        canvas.lay(_ellipse(uu, vv, ear * 0.78, ear * 1.15), skin * 0.97, middle)
        canvas.lay(_ellipse(uu - sign * 0.012, vv, ear * 0.42, ear * 0.66), dark, middle, line="none")
    head = canvas.window(-0.49, 0.49, -0.51, 0.68)
    uu, vv = at(head, 0, 0.06)
    jaw = f("jaw", 0.06, 0.26)
    face = _ellipse(uu / (1 - jaw * (vv / fh).clamp(min=0).square()), vv, fw, fh)
    # the shadow of the head on the neck
    if not ink:
        neck = (uu.abs() < 0.150).float() * (vv > 0.3)
        canvas.lay(face - 0.05, dark * 0.80, head, soft=0.05, opacity=neck * 0.45)
    canvas.lay(face, lit(skin, uu, vv), head)
    if not ink:
        canvas.lay(face.abs() - 0.02, dark, head, soft=0.10, opacity=(face < 0).float() * 0.55, line="none")

    # Features ride on the front of the head: turning it moves them sideways, nodding up and down.
    fx, fy = 0.085 * yaw, 0.05 * pitch + 0.06
    blush = torch.tensor([0.95, 0.42, 0.40], device=device).expand(n, 3)
    if not ink:
        for sign in (-1.0, 1.0):
            uu, vv = at(head, sign * fw * 0.60 + fx, 0.17 + fy)
            on_face = f("blush", 0.08, 0.34) * (face < -0.01)
            canvas.lay(_ellipse(uu, vv, 0.10, 0.075), blush, head, soft=0.12, opacity=on_face)

    # --- beard: the lower face, without the mouth's surroundings
    lower = canvas.window(-0.49, 0.49, -0.06, 0.80)
    mouth_v = f("mouth_height", 0.245, 0.285) + fy
    if (rows := some(~has["No_Beard"])) is not None:
        uu, vv = at(lower, 0, 0.06, rows)
        grow = f("beard_length", 0.02, 0.10)[rows]
        outer = _ellipse(uu / (1 - 0.7 * jaw[rows] * (vv / fh[rows]).clamp(min=0).square()), vv - grow * 0.6,
                         fw[rows] + 0.015, fh[rows] + grow * 0.55)  # fmt: skip
        bare = _ellipse(uu - fx[rows], vv + 0.15, fw[rows] * 0.87, 0.42)
        d = torch.maximum(torch.maximum(outer, -bare), -0.02 - vv)
        canvas.lay(d, lit(hair[rows] * 0.95, uu, vv, rows), lower, rows=rows)
        if ink:  # hatching tells a beard from a jaw
            hatch = torch.sin(20 * torch.atan2(uu, vv + 0.2)).abs() * 0.03 - 0.007
            canvas.lay(torch.maximum(hatch, d + 0.025), line, lower, rows=rows, line="solid")

    # --- mouth
    mouth = canvas.window(-0.34, 0.34, 0.16, 0.68)
    half = f("mouth_width", 0.135, 0.175)
    smiling = has["Smiling"]
    if (rows := some(~smiling)) is not None:
        uu, vv = at(mouth, fx[rows] * 1.05, mouth_v[rows] + 0.02, rows)
        bend = f("smile", -0.022, 0.010)[rows]
        canvas.lay(_arc(uu, vv - 0.026, half[rows] * 0.52, 0.02, 0.020), lip[rows], mouth, rows=rows, line="none")
        canvas.lay(_arc(uu, vv, half[rows] * 0.74, bend, 0.020), lip[rows] * 0.55, mouth, rows=rows, line="solid")
    if (rows := some(smiling)) is not None:
        uu, vv = at(mouth, fx[rows] * 1.05, mouth_v[rows] - 0.03, rows)
        w, depth = half[rows] * 1.12, f("smile", 0.085, 0.12)[rows]
        hang = 1 - (uu / w).square()  # both lips hang from the corners, the lower one further
        gape = f("grin", 0.035, 0.115)[rows]
        upper, lower_lip = (depth - 0.05) * hang, (depth + gape) * hang
        inside = torch.maximum(torch.maximum(upper - vv, vv - lower_lip) * 0.85, uu.abs() - w)
        canvas.lay(inside - 0.016, lip[rows] * 0.80, mouth, rows=rows, line="none")
        canvas.lay(inside, torch.tensor([0.40, 0.10, 0.12], device=device).expand(len(rows), 3), mouth, rows=rows)
        teeth = torch.maximum(inside + 0.004, vv - upper - 0.030 - 0.40 * gape)
        canvas.lay(teeth, white[rows] * 0.97, mouth, rows=rows, line="none")

    # --- nose
    nose = canvas.window(-0.26, 0.26, 0.06, 0.36)
    width = f("nose_size", 0.045, 0.070)
    nose_v = f("nose_height", 0.135, 0.165) + fy
    uu, vv = at(nose, fx * 1.5, nose_v)
    if not ink:
        canvas.lay(_ellipse(uu, vv + 0.005, width, width * 0.72), skin * 0.9 + blush * 0.07, nose, soft=0.03)
        canvas.lay(_ellipse(uu + 0.012, vv + 0.03, width * 0.35, width * 0.3), white, nose, soft=0.03, opacity=0.25)
    canvas.lay(_arc(uu, vv - 0.018, width, 0.030, 0.011), dark * 0.85, nose, line="solid")

    # --- moustache
    if (rows := some(has["Mustache"])) is not None:
        size_ = f("mustache_size", 0.105, 0.145)[rows]
        uu, vv = at(mouth, fx[rows] * 1.15, mouth_v[rows] - 0.042, rows)
        a = uu.abs()
        droop = 0.9 * (a - 0.02).square() / size_
        wing = _ellipse(a - size_ * 0.62, vv - droop * 0.8 + 0.012, size_ * 0.74, size_ * 0.36)
        canvas.lay(wing, lit(hair[rows] * 0.90, uu, vv, rows), mouth, rows=rows)

    # --- eyes and brows
    radius = f("eye_size", 0.078, 0.100)
    apart = f("eye_distance", 0.165, 0.195)
    eye_v = f("eye_height", -0.02, 0.02) + fy
    gaze = f("gaze", -0.022, 0.022) + 0.02 * yaw
    iris = _hsv(0.04 + 0.56 * raw["iris_hue"].square(), 0.62, 0.30 + 0.30 * raw["iris_hue"])
    brow = hair * 0.72 + torch.where(has["Black_Hair"][:, None], 0.0, 0.02)
    for sign in (-1.0, 1.0):
        socket = canvas.window(*sorted((sign * -0.02, sign * 0.40)), -0.15, 0.26)
        uu, vv = at(socket, sign * apart + fx, eye_v)
        ball = _ellipse(uu, vv, radius, radius * 0.92)
        canvas.lay(ball, white * 0.985, socket)
        canvas.lay(torch.maximum(_ellipse(uu - gaze, vv - 0.006, radius * 0.66, radius * 0.70), ball + 0.004),
                   iris, socket, line="none")  # fmt: skip
        canvas.lay(torch.maximum(_ellipse(uu - gaze, vv - 0.006, radius * 0.40, radius * 0.44), ball + 0.004),
                   line * 0.5, socket, line="solid")  # fmt: skip
        canvas.lay(_ellipse(uu - gaze + 0.022, vv + 0.024, radius * 0.22, radius * 0.22), white, socket, line="paper")
        canvas.lay(_arc(uu, vv + radius * 0.30, radius * 1.18, -radius * 0.66, 0.016), line, socket, line="solid")
        over = canvas.window(*sorted((sign * -0.03, sign * 0.42)), -0.27, 0.07)
        tilt = f("brow_tilt", -0.06, 0.20) * sign
        uu, vv = at(over, sign * (apart + 0.008) + fx, eye_v - f("brow_height", 0.150, 0.185))
        canvas.lay(_arc(uu, vv - tilt * uu, 0.105, -0.030, f("brow_weight", 0.014, 0.024)), brow, over, line="solid")

    # --- eyeglasses
    if (rows := some(has["Eyeglasses"])) is not None:
        frame = torch.where((raw["glasses_colour"] < 0.6)[:, None], line * 0.9,
                            _hsv(raw["glasses_colour"] * 2 % 1, 0.75, 0.5))[rows]  # fmt: skip
        a, corner = radius[rows] + 0.062, raw["glasses_shape"].view(n, 1, 1)[rows]
        a = torch.minimum(a, apart[rows] - 0.018)
        b = a * (0.80 + 0.16 * corner)
        band = canvas.window(-0.52, 0.52, -0.20, 0.31)
        for sign in (-1.0, 1.0):
            uu, vv = at(band, (sign * apart + fx)[rows], (eye_v + 0.008)[rows], rows)
            lens = _box(uu, vv, a, b, b * (0.35 + 0.62 * corner))
            canvas.lay(lens, white[rows], band, opacity=0.13, rows=rows, line="none")
            glare = torch.maximum((uu + vv * 0.7 + 0.035).abs() - 0.018, lens + 0.03)
            canvas.lay(glare, white[rows], band, opacity=0.35, rows=rows, line="none")
            canvas.lay(lens.abs() - 0.016, frame, band, rows=rows, line="solid")
            reach = (fw[rows] - apart[rows] - a) / 2 + 0.02
            uu, vv = at(band, (sign * apart + fx)[rows] + sign * (a + reach), (eye_v - 0.02)[rows], rows)
            canvas.lay(_box(uu, vv, reach, 0.012, 0.01), frame, band, rows=rows, line="solid")
        uu, vv = at(band, fx[rows], (eye_v - 0.01)[rows], rows)
        gap = (apart[rows] - a).clamp(min=0.01)
        canvas.lay(_arc(uu, vv, gap + 0.012, -0.02, 0.013), frame, band, rows=rows, line="solid")

    # --- hair in front: everything of the skull above the hairline, down the sides of the face
    if (rows := haired_rows) is not None:
        top = canvas.window(-0.67, 0.67, -0.75, 0.34)
        uu, vv = at(top, 0.02 * yaw[rows], 0, rows)
        vol, bangs = volume[rows], has["Bangs"].view(n, 1, 1)[rows]
        skull = _ellipse(uu, vv + 0.07, fw[rows] + vol + 0.01, 0.50 + vol) - curls[:, top[0], top[1]]
        from_part = uu - f("hair_part", -0.22, 0.22)[rows] - fx[rows]
        swept = 0.62 * from_part.abs().pow(1.6) + 0.35 * (uu.abs() - 0.26).clamp(min=0)
        swept += f("hairline", -0.40, -0.31)[rows]
        fringe = (-0.165 + 0.04 * torch.sin(26 * uu + phase[rows]).abs() + 0.9 * (uu.abs() - 0.27).clamp(min=0)
                  + 0.05 * from_part)  # fmt: skip
        edge = torch.where(bangs, fringe, swept)
        edge = edge + torch.where(wavy[rows], 0.022 * torch.sin(22 * uu + phase[rows]), 0.0)
        side_end = torch.where(long[rows], 0.12 + 0.2 * length[rows], -0.02 + 0.22 * length[rows])
        d = torch.maximum(torch.maximum(skull, (vv - edge) * 0.75), vv - side_end)
        colour = hair[rows][:, :, None, None] * bright[:, None, top[0], top[1]]
        canvas.lay(d, colour, top, rows=rows)
    if not ink and (rows := some(has["Bald"] & ~hatted)) is not None:
        top = canvas.window(-0.35, 0.35, -0.47, -0.17)
        uu, vv = at(top, (0.10 * side + 0.5 * fx)[rows], -0.32, rows)
        canvas.lay(_ellipse(uu, vv, 0.12, 0.05), white[rows], top, soft=0.10, opacity=0.55, rows=rows)

    # --- hat: a woollen one, one with a brim all round, a cap
    if (rows := some(hatted)) is not None:
        top = canvas.window(-0.90, 0.90, -0.92, -0.05)
        uu, vv = at(top, 0.02 * yaw[rows], 0.0, rows)
        kind = raw["hat_kind"].view(n, 1, 1)[rows]
        colour = _hsv(raw["hat_hue"], 0.68, 0.42 + 0.5 * raw["hat_shade"])[rows]
        trim = _hsv((raw["hat_hue"] + 0.45) % 1, 0.45, 0.95)[rows]
        wool, brim = kind < 0.4, (kind >= 0.4) & (kind < 0.72)
        w = fw[rows] + volume[rows] + 0.035
        line_v = -0.235 + 0.05 * (uu / w).square()
        dome = torch.maximum(_ellipse(uu, vv + 0.22, w, 0.50), (vv - line_v) * 0.95)
        crown = torch.maximum(_box(uu / (1 + 0.12 * (vv + 0.5)), vv + 0.45, w * 0.86, 0.30, 0.14), vv - line_v)
        d = torch.where(brim, crown, dome)
        rib = torch.where(wool, 0.06 * torch.sin(46 * uu / (1 + 0.3 * vv)), 0.0)
        canvas.lay(d, lit(colour, uu, vv, rows) * (1 + rib[:, None]), top, rows=rows)
        bobble = torch.where(wool, _ellipse(uu, vv + 0.755, 0.095, 0.09), 1.0)
        canvas.lay(bobble, trim, top, rows=rows)
        band_d = torch.where(
            wool,
            _box(uu, vv - line_v + 0.045, w + 0.012, 0.075, 0.05),
            torch.where(
                brim,
                torch.maximum((vv - line_v + 0.09).abs() - 0.055, crown),
                _ellipse(uu - 0.30 * torch.sign(yaw[rows]), vv - line_v - 0.005, 0.36, 0.075),
            ),
        )
        canvas.lay(band_d, torch.where(wool.view(-1, 1) | brim.view(-1, 1), trim, colour * 0.80), top, rows=rows)
        wide = torch.where(brim, _ellipse(uu, vv - line_v - 0.0, w + 0.27, 0.070), 1.0)
        canvas.lay(wide, lit(colour * 0.92, uu, vv, rows), top, rows=rows)

    image = canvas.image
    if not ink:
        warm = 0.05 * (raw["warmth"] - 0.5)
        image = image * torch.stack([1 + warm, torch.ones_like(warm), 1 - warm], 1)[:, :, None, None]
    return image.mul(255).round_().clamp_(0, 255).to(torch.uint8)
