"""Reading samples from folders and files that somebody else made: bounded, never executed, every complaint with a name.

Images are decoded by Pillow after their declared size was checked. Arrays are read without pickle. A generator file
(TorchScript or torch.export) is a program: it runs in a process of its own, and only when the reader says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from ganlab.errors import GanlabError
from ganlab.metrics.arrays import slow

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
MOST_PIXELS = 4096 * 4096  # of one image
MOST_VALUES = 2**30  # of one set in memory: 4 GB as float32
MOST_FILE_BYTES = 2**36


@dataclass(frozen=True)
class Scale:
    """The values of black and white, in arrays of integers or of floats."""

    integers: bool
    black: float
    white: float

    def __str__(self) -> str:
        return f"{self.black:g} to {self.white:g}"


EIGHT_BITS, MASK = Scale(True, 0, 255), Scale(True, 0, 1)
UNIT, SYMMETRIC, WIDE = Scale(False, 0, 1), Scale(False, -1, 1), Scale(False, 0, 255)


@dataclass(frozen=True)
class Samples:
    """Samples with their names.

    `values`: vectors `(n, features)`, or images `(n, channels, height, width)` in [0, 1]. `names`: a file name or
    "row 17" each. `source`: the path given. `available`: how many there were, of which these are a random choice.
    `read_as`: how the values were understood. `scale`: of images, what was black and what white.
    """

    values: Float[Tensor, "n ..."]
    names: list[str]
    source: str
    available: int
    read_as: str
    scale: Scale | None = None

    @property
    def images(self) -> bool:
        return self.values.ndim == 4

    @property
    def shape(self) -> str:
        _, *rest = self.values.shape
        if not self.images:
            return f"vectors of {rest[0]}"
        channels, height, width = rest
        colour = {1: "greyscale", 3: "colour"}.get(channels, f"{channels}-channel")
        return f"{colour} images of {width} x {height}"

    def __len__(self) -> int:
        return len(self.values)


def load_samples(
    path: str | os.PathLike,
    most: int = 5000,
    resize: int | None = None,
    seed: int = 0,
    scale: Scale | None = None,
) -> Samples:
    """A folder of images, or an `.npy`, `.npz` or `.safetensors` file; at most `most` samples, chosen at random.

    In a file with several arrays the one to take is named after a colon: `samples.npz:images`.

    Args:
        scale: of images in arrays. Without it, or when it is of integers and the array of floats or the reverse, the
            values themselves must tell: give generated samples the scale of the real ones, since a generator that
            makes bright images only, on a scale from -1 to 1, has values that look like 0 to 1.

    Raises:
        GanlabError: nothing there, nothing readable, samples that do not fit together, or values beyond the scale;
            the message names the file.
    """
    text = os.fspath(path)
    if os.path.isdir(text):
        return _load_folder(Path(text), most, resize, seed)
    file, key = _split_key(text)
    if not file.exists():
        raise GanlabError(f"{file} does not exist; give a folder of images or an .npy, .npz or .safetensors file.")
    if file.stat().st_size > MOST_FILE_BYTES:
        raise GanlabError(f"{file} has {file.stat().st_size:,} bytes, too many; give a sample of it.")
    readers = {".npy": _read_npy, ".npz": _read_npz, ".safetensors": _read_safetensors}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        more = " A generator goes after --generator." if file.suffix in (".pt", ".pt2", ".pth", ".ts") else ""
        raise GanlabError(
            f"{file} is neither a folder nor an .npy, .npz or .safetensors file; give one of these.{more}"
        )
    array = reader(file, key)
    return _from_array(array, str(file), most, resize, seed, scale)


def _split_key(text: str) -> tuple[Path, str | None]:
    if Path(text).exists() or ":" not in text:
        return Path(text), None
    file, key = text.rsplit(":", 1)
    return (Path(file), key) if Path(file).suffix.lower() in (".npz", ".safetensors") else (Path(text), None)


def _choose(n: int, most: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


# Folders of images ---------------------------------------------------------------------------------------------


def _load_folder(folder: Path, most: int, resize: int | None, seed: int) -> Samples:
    visible = (p for p in folder.rglob("*") if not any(name.startswith(".") for name in p.relative_to(folder).parts))
    everything = sorted(path for path in visible if path.is_file())
    files = [p for p in everything if p.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        found = f"it holds {len(everything)} other files, such as {everything[0].name}" if everything else "it is empty"
        raise GanlabError(f"{folder} holds no images ({found}); give a folder with .png or .jpg files.")
    chosen = [files[i] for i in _choose(len(files), most, seed)]
    images: list[Tensor] = []
    values = 0
    for file in slow(chosen, f"reading {folder.name}"):
        image = read_image(file)
        if resize is not None:
            image = F.interpolate(
                image[None].float(), (resize, resize), mode="bilinear", antialias=True, align_corners=False
            )[0].round().clamp(0, 255).to(torch.uint8)  # fmt: skip
        if images and image.shape != images[0].shape:
            raise GanlabError(_differ(file, image, chosen[0], images[0]))
        values += image.numel()
        if values > MOST_VALUES:
            raise GanlabError(
                f"{folder} has {len(chosen)} images of {tuple(image.shape)}: too much for memory; "
                "add --resize 64, or fewer with --most."
            )
        images.append(image)
    names = [str(file.relative_to(folder)) for file in chosen]
    read_as = "8-bit images" + (f", resized to {resize} x {resize}" if resize else "")
    return Samples(torch.stack(images).float() / 255, names, str(folder), len(files), read_as, EIGHT_BITS)


def _differ(file: Path, image: Tensor, first: Path, other: Tensor) -> str:
    colour = {1: "greyscale", 3: "colour"}
    if image.shape[0] != other.shape[0]:
        return (
            f"{file} is {colour[image.shape[0]]} and {first.name} is {colour[other.shape[0]]}; "
            "convert all images to one of the two."
        )
    return (
        f"{file} has {image.shape[2]} x {image.shape[1]} pixels and {first.name} has {other.shape[2]} x "
        f"{other.shape[1]}; bring all to one size with --resize, for example --resize 64."
    )


def read_image(file: Path) -> Tensor:
    """One image as uint8 `(channels, height, width)`, one channel or three.

    Raises:
        GanlabError: not an image, cut short, too large, animated, transparent, or deeper than 8 bits.
    """
    try:
        with Image.open(file) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise GanlabError(
                    f"{file} has {width} x {height} pixels, more than the {MOST_PIXELS:,} allowed; shrink it first."
                )
            if image.mode.startswith(("I", "F")):
                raise GanlabError(
                    f"{file} has more than 8 bits a channel (Pillow mode {image.mode}); convert it to 8 bits, so "
                    "that it is clear what is white."
                )
            if getattr(image, "n_frames", 1) > 1:
                raise GanlabError(f"{file} is animated ({image.n_frames} frames); save its frames as single images.")
            image.load()
            if "A" in image.getbands() or "transparency" in image.info:
                rgba = image.convert("RGBA")
                if rgba.getchannel("A").getextrema()[0] < 255:
                    raise GanlabError(f"{file} is partly transparent; save it on the background that you want.")
                image = rgba.convert("L" if image.mode == "LA" else "RGB")
            elif image.mode in ("1", "L"):
                image = image.convert("L")
            else:
                image = image.convert("RGB")
            pixels = np.array(image)
    except GanlabError:
        raise
    except UnidentifiedImageError:
        raise GanlabError(f"{file} is not an image that can be read; remove it or save it as PNG.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise GanlabError(f"{file} claims to be larger than {MOST_PIXELS:,} pixels; remove it.") from None
    except MemoryError:
        raise GanlabError(f"{file} does not fit into memory; shrink it first.") from None
    except Exception as error:  # a damaged file can raise nearly anything inside a decoder
        raise GanlabError(f"{file} is damaged or cut short ({error}); copy it again or remove it.") from None
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(pixels))


# Arrays --------------------------------------------------------------------------------------------------------


def _read_npy(file: Path, key: str | None) -> np.ndarray:
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        raise GanlabError(_array_complaint(file, error)) from None


def _array_complaint(file: Path, error: Exception) -> str:
    if "pickle" in str(error).lower() or "object" in str(error).lower():
        return f"{file} holds Python objects, which are never loaded; save a plain numeric array."
    return f"{file} cannot be read as an array ({error}); it may be cut short: write it again with numpy.save."


def _pick(file: Path, keys: list[str], key: str | None) -> str:
    if key is not None and key in keys:
        return key
    if key is None and len(keys) == 1:
        return keys[0]
    shown = ", ".join(keys[:8]) or "none"
    example = keys[0] if keys else "samples"
    raise GanlabError(f"{file} holds {len(keys)} arrays ({shown}); say which with a colon: {file}:{example}")


def _read_npz(file: Path, key: str | None) -> np.ndarray:
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in archive.infolist()}
        chosen = _pick(file, list(sizes), key)
        if sizes[chosen] > 8 * MOST_VALUES:
            raise GanlabError(f"{file}:{chosen} unpacks to {sizes[chosen]:,} bytes, too many; give a sample of it.")
        with np.load(file, allow_pickle=False) as archive:
            return archive[chosen]
    except GanlabError:
        raise
    except Exception as error:
        raise GanlabError(_array_complaint(file, error)) from None


def _read_safetensors(file: Path, key: str | None) -> np.ndarray:
    from safetensors import safe_open

    try:
        with safe_open(file, framework="pt") as archive:
            tensor = archive.get_tensor(_pick(file, list(archive.keys()), key))
    except GanlabError:
        raise
    except Exception as error:
        raise GanlabError(f"{file} cannot be read as safetensors ({error}); write it again.") from None
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _from_array(
    array: np.ndarray, source: str, most: int, resize: int | None, seed: int, scale: Scale | None
) -> Samples:
    if array.dtype.kind not in "uif":
        raise GanlabError(f"{source} holds values of type {array.dtype}; give integers or floating-point numbers.")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise GanlabError(
            f"{source} has shape {array.shape}; give (n, features), (n, height, width), (n, channels, height, width) "
            "or (n, height, width, channels)."
        )
    available = len(array)
    rows = _choose(available, most, seed)
    if len(rows) * int(np.prod(array.shape[1:])) > MOST_VALUES:
        raise GanlabError(f"{source}: {len(rows)} samples of {array.shape[1:]} are too much; give fewer with --most.")
    chosen = np.asarray(array[rows])
    integers = chosen.dtype.kind in "ui"
    if not integers:
        bad = ~np.isfinite(chosen.reshape(len(chosen), -1)).all(1)
        if bad.any():
            raise GanlabError(
                f"{source} has NaN or infinite values in {int(bad.sum())} of {len(chosen)} samples, the first in row "
                f"{int(rows[bad.argmax()])}; a generator that makes these has diverged: leave them out and say so."
            )
    values = torch.from_numpy(np.ascontiguousarray(chosen.astype(np.float32)))
    if values.ndim == 2:
        read_as, scale = "vectors", None
    else:
        values, scale, read_as = _as_images(values, integers, source, scale)
        if resize is not None:
            values = F.interpolate(values, (resize, resize), mode="bilinear", antialias=True, align_corners=False)
            read_as += f", resized to {resize} x {resize}"
    return Samples(values, [f"row {i}" for i in rows], source, available, read_as, scale)


def _as_images(
    values: Tensor, integers: bool, source: str, scale: Scale | None
) -> tuple[Float[Tensor, "n channels height width"], Scale, str]:
    """To values in [0, 1], with the scale that they had and how that is said."""
    if values.ndim == 3:
        values = values.unsqueeze(1)
    elif values.shape[-1] in (1, 3) and values.shape[1] not in (1, 3):
        values = values.permute(0, 3, 1, 2)
    if values.shape[1] not in (1, 3):
        raise GanlabError(
            f"{source} has {values.shape[1]} channels; give images with 1 or 3, or flatten them to vectors."
        )
    low, high = float(values.min()), float(values.max())
    found = _scale_of(low, high, integers, source)
    if scale is None or scale.integers != integers or scale == found:
        scale, read_as = found, f"images with values {found}"
    elif scale.black <= found.black and found.white <= scale.white:
        read_as = f"images with values {scale}, of which they take {low:g} to {high:g}"
    else:
        raise GanlabError(
            f"{source} has image values from {low:g} to {high:g}, beyond the scale from {scale} of the images that it "
            "is compared with or that was asked for; bring all sets to one scale."
        )
    return (values - scale.black) / (scale.white - scale.black), scale, read_as


def _scale_of(low: float, high: float, integers: bool, source: str) -> Scale:
    """The scale that values seem to have, with room for what a generator or a filter overshoots."""
    if integers or high > 1.5:
        if low < 0 or high > 255:
            raise GanlabError(f"{source} has image values from {low:g} to {high:g}; give 0 to 255, 0 to 1 or -1 to 1.")
        if integers:
            return EIGHT_BITS if high > 1 else MASK
        return WIDE
    if low < -1.5:
        raise GanlabError(f"{source} has image values from {low:g} to {high:g}; give 0 to 1 or -1 to 1.")
    return SYMMETRIC if low < -0.01 else UNIT


def check_same_kind(real: Samples, generated: Samples) -> None:
    """Raise, naming both, unless the two sets can be compared sample by sample."""
    if real.values.shape[1:] == generated.values.shape[1:]:
        return
    a, b = real.values.shape[1:], generated.values.shape[1:]
    if real.images and generated.images:
        if a[0] != b[0]:
            hint = "convert both to greyscale or both to colour"
        else:
            hint = f"bring both to one size with --resize {min(*a[1:], *b[1:])}"
    else:
        hint = "give two sets of the same kind, for example the outputs of one feature network"
    raise GanlabError(f"{real.source} holds {real.shape} and {generated.source} holds {generated.shape}; {hint}.")


# Generators ----------------------------------------------------------------------------------------------------


def sample_generator(
    file: str | os.PathLike,
    latent: int,
    n: int,
    distribution: str = "normal",
    seed: int = 0,
    timeout: float = 600.0,
    scale: Scale | None = None,
) -> Samples:
    """n samples of a generator exported by torch.export (`.pt2`) or TorchScript, from latents `(batch, latent)`.

    The file is a program, and loading it may run anything that it contains. It runs in a separate process, which
    protects this one from crashes and from its memory use, but **not** your files or network from ill will.

    Raises:
        GanlabError: the file cannot be loaded or run, in its own words; or it took longer than `timeout` seconds.
    """
    file = Path(file)
    if not file.is_file():
        raise GanlabError(f"{file} does not exist; give a file made by torch.export.save or torch.jit.save.")
    with tempfile.TemporaryDirectory(prefix="ganlab-generator-") as folder:
        out = Path(folder) / "samples.npy"
        command = [
            sys.executable, "-I", str(Path(__file__).with_name("generator_worker.py")),
            str(file.resolve()), str(latent), str(n), distribution, str(seed), str(out),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=folder)
        except subprocess.TimeoutExpired:
            raise GanlabError(
                f"{file} had not made {n} samples after {timeout:g} s; ask for fewer with --most."
            ) from None
        if done.returncode or not out.is_file():
            words = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise GanlabError(
                f"{file} could not be run with latents of shape (batch, {latent}): {words}. "
                "Check --latent, and that the generator takes one tensor and returns one."
            )
        samples = load_samples(out, most=n, seed=seed, scale=scale)
    names = [f"sample {i}" for i in range(len(samples))]
    return replace(samples, names=names, source=str(file))
