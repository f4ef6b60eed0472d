"""Caltech-UCSD Birds 200-2011 with captions: the data of MSGAN's text-to-image task, read from where you unpacked them.

    PATH/images.txt                  1 001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg
    PATH/train_test_split.txt        1 0                              image, 1 if it is for training
    PATH/image_class_labels.txt      1 1                              image, class from 1
    PATH/bounding_boxes.txt          1 60.0 27.0 325.0 304.0          image, left, top, width, height in pixels
    PATH/images/001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg
    PATH/text_c10/001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.txt      one sentence a line, ten of them

The birds (11,788 photographs of 200 species; Wah et al. 2011, Caltech CNS-TR-2011-001) come from
www.vision.caltech.edu/datasets/cub_200_2011; the captions (Reed et al., 2016, arXiv:1605.05395) are a separate
download, in a folder `text_c10` or, in other packings, `text`. **Terms:** the photographs belong to those who took them
and the set's own readme states no licence; that it is for research only is unverified. Look at both sites, and do not
pass the images on. Nothing of it comes with this course.

Public text-to-image code reads *pickled* embeddings and lists of names that ship with it. Nothing is unpickled here:
captions are read as text, and a text encoder is trained on them.

    birds = cub("CUB_200_2011", size=64)
    images, tokens = two_sizes(birds.images), birds.tokens(caption=0)
    text = TextEncoder(len(birds.vocabulary)); image = dcgan_encoder(64, 3, 16)
    train(Matching(text, image), Batches(split_stages(images)[1], 64, labels=tokens), 10_000)
    codes = text(tokens).detach()                      # now StackedGenerator(64), StackedDiscriminator(64), TextToImage
"""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from ganlab.data.importing import Folder, opened
from ganlab.errors import GanlabError

SPLITS = {"train": ("1",), "test": ("0",), "all": ("0", "1")}
CAPTION_FOLDERS = ("text_c10", "text")
LONGEST = 64 << 10  # bytes of one image's captions


@dataclass(frozen=True)
class Birds:
    """Photographs and what people wrote about them.

    Attributes:
        images: shape `(n, 3, size, size)`, values 0 to 255.
        captions: of each image, its sentences.
        labels: the species of each image, from 0.
        names: the file of each image.
    """

    images: UInt8[Tensor, "n 3 size size"]
    captions: tuple[tuple[str, ...], ...]
    labels: Int[Tensor, " n"]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The padding, "", and every word of at least two of the captions, the most common first."""
        counts = Counter(word for own in self.captions for text in own for word in set(_words(text)))
        return ("", *sorted((word for word, n in counts.items() if n > 1), key=lambda word: (-counts[word], word)))

    def tokens(
        self, caption: int = 0, length: int = 24, vocabulary: tuple[str, ...] | None = None
    ) -> Int[Tensor, "n length"]:
        """One caption of each image as numbers of words, 0 after the end.

        Words outside the vocabulary are left out, and what is beyond `length` words.

        Args:
            caption: which; an image with fewer gives them in turn.
            vocabulary: that of the training split, when these are others.
        """
        place = {word: token for token, word in enumerate(vocabulary or self.vocabulary) if word}
        rows = torch.zeros(len(self), length, dtype=torch.int64)
        for row, own in zip(rows, self.captions, strict=True):
            known = [place[word] for word in _words(own[caption % len(own)]) if word in place][:length]
            row[: len(known)] = torch.tensor(known, dtype=torch.int64)
        return rows


def cub(
    path: str | Path, split: str = "train", size: int = 64, captions: str | Path | None = None, most: int | None = None
) -> Birds:
    """The birds of one split, each cut to a square around the bird and resized (bicubic, antialiased).

    The square's side is 1.5 times the longer side of the bounding box, as in StackGAN's code, or as much as the image
    has. The split is that of the data set, which has each species on both sides; published text-to-image work splits by
    species instead (150 and 50).

    Args:
        path: the unpacked folder that holds `images.txt`.
        split: "train", "test" or "all".
        captions: the folder of captions by species, when it is not `text_c10` or `text` under `path` or beside it.
        most: only the first so many. All are held in memory, 3 * size^2 bytes each.

    Raises:
        GanlabError: a list, an image or its captions are missing, damaged or do not fit together.
    """
    if split not in SPLITS:
        raise GanlabError(f"split is {split!r}; choose one of {', '.join(SPLITS)}.")
    for what, value in (("size", size), ("most", 1 if most is None else most)):
        if value < 1:
            raise GanlabError(f"{what} is {value}; give at least 1.")
    path = Path(path).expanduser()
    names, parts = _table(path, "images.txt", 1), _table(path, "train_test_split.txt", 1)
    classes, boxes = _table(path, "image_class_labels.txt", 1), _table(path, "bounding_boxes.txt", 4)
    for other, file in (
        (parts, "train_test_split.txt"),
        (classes, "image_class_labels.txt"),
        (boxes, "bounding_boxes.txt"),
    ):
        if missing := names.keys() - other.keys():
            raise GanlabError(f"{path / file} has no line for image {min(missing)}; unpack the data set again.")
    chosen = [image for image in names if parts[image][0] in SPLITS[split]][:most]
    if not chosen:
        raise GanlabError(f"{path} has no images in its split {split!r}; unpack the data set again.")
    files, texts = Folder(path / "images"), _caption_folder(path, captions)

    def one(image: str) -> tuple[np.ndarray, tuple[str, ...]]:
        name = _safe(names[image][0], path / "images.txt")
        if not (files.path / name).is_file():
            raise GanlabError(f"{files.path / name} is missing; unpack the data set again.")
        box = _numbers(boxes[image], float, path / "bounding_boxes.txt", image)
        return _bird(files.read(name), name, box, size), _captions(texts / Path(name).with_suffix(".txt"))

    with ThreadPoolExecutor() as pool:
        images, written = zip(*pool.map(one, chosen), strict=True)
    labels = [_numbers(classes[image], int, path / "image_class_labels.txt", image)[0] - 1 for image in chosen]
    return Birds(torch.from_numpy(np.stack(images)), written, torch.tensor(labels), tuple(names[i][0] for i in chosen))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def _table(path: Path, file: str, columns: int) -> dict[str, list[str]]:
    """A list of the data set: the image's number, then `columns` values, in the file's order."""
    try:
        lines = (path / file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GanlabError(f"{path / file} cannot be read ({error}); give the folder CUB_200_2011.") from None
    rows = [line.split() for line in lines if line.strip()]
    for row in rows:
        if len(row) != columns + 1:
            raise GanlabError(f"{path / file} has a line {' '.join(row)!r}; {columns + 1} values are expected.")
    return {row[0]: row[1:] for row in rows}


def _numbers(values: list[str], kind: type, file: Path, image: str) -> list:
    try:
        return [kind(value) for value in values]
    except ValueError:
        raise GanlabError(f"{file} says {' '.join(values)!r} of image {image}; numbers are expected.") from None


def _safe(name: str, file: Path) -> str:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise GanlabError(f"{file} names {name!r}, which lies outside the data set; do not trust this copy.")
    return name


def _caption_folder(path: Path, given: str | Path | None) -> Path:
    if given is not None:
        return Path(given).expanduser()
    for parent in (path, path.parent):
        for name in CAPTION_FOLDERS:
            if (parent / name).is_dir():
                return parent / name
    raise GanlabError(
        f"No folder {' or '.join(CAPTION_FOLDERS)} in {path} or beside it; the captions are a download of their own "
        "(Reed et al., 2016): unpack them there, or say where they are with captions=."
    )


def _captions(file: Path) -> tuple[str, ...]:
    try:
        with open(file, "rb") as opened_file:
            content = opened_file.read(LONGEST + 1)
    except OSError as error:
        raise GanlabError(f"{file} cannot be read ({error.strerror}); each image needs its captions.") from None
    if len(content) > LONGEST:
        raise GanlabError(f"{file} has more than {LONGEST:,} bytes, too much for one image's captions.")
    sentences = tuple(filter(_words, content.decode("utf-8", "replace").splitlines()))
    if not sentences:
        raise GanlabError(f"{file} holds no sentence; each image needs at least one caption.")
    return sentences


def _bird(content: bytes, name: str, box: list[float], size: int) -> np.ndarray:
    """One photograph, cut around its bounding box (left, top, width, height), `uint8` (3, size, size)."""
    from PIL import Image

    image = opened(content, name)
    left, top, width, height = box
    half, x, y = 0.75 * max(width, height), left + width / 2, top + height / 2
    edges = max(0, x - half), max(0, y - half), min(image.width, x + half), min(image.height, y + half)
    if not (edges[0] + 1 <= edges[2] and edges[1] + 1 <= edges[3]):
        raise GanlabError(f"The bounding box {box} of {name} lies outside its {image.width} x {image.height} pixels.")
    small = image.crop(tuple(round(edge) for edge in edges)).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(small, np.uint8).transpose(2, 0, 1)
