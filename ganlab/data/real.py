"""Small real images: handwritten digits, Fashion-MNIST, and MNIST and CIFAR-10 where the reader has them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from ganlab.data import counter, idx, store
from ganlab.data.images import ImageSet
from ganlab.errors import GanlabError

DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
CIFAR_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True)
class Published:
    """A published data set of four IDX files: where it may lie, the checksums it is known by, and its terms.

    Attributes:
        folders: relative to `store.home()` (torchvision's own layout is one of them), or absolute.
        digests: what a good file may hash to: SHA-256 of its uncompressed content, or MD5 of the published .gz file.
    """

    name: str
    title: str
    folders: tuple[str, ...]
    digests: frozenset[str]
    source: str
    licence: str


FASHION = Published(
    "fashion",
    "Fashion-MNIST",
    ("fashion-mnist", "FashionMNIST/raw", "/usr/share/datasets/fashion-mnist"),
    frozenset({
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    }),
    "Zalando Research, github.com/zalandoresearch/fashion-mnist",
    "MIT",
)  # fmt: skip
MNIST = Published(
    "mnist",
    "MNIST",
    ("mnist", "MNIST/raw"),
    frozenset({
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    }),
    "LeCun, Cortes and Burges, yann.lecun.com/exdb/mnist",
    "not stated by its authors",
)  # fmt: skip


def digits(split: str = "all", size: int = 8) -> ImageSet:
    """The 1,797 real handwritten digits of 8x8 pixels that scikit-learn ships; grey levels 0..16 become 0..255.

    Args:
        split: "train" (1,437), "test" (360, a fixed random fifth) or "all".
        size: upsampled bilinearly when larger than 8.
    """
    from sklearn.datasets import load_digits

    _one_of("split", split, ("train", "test", "all"))
    bunch = load_digits()
    images = torch.from_numpy(np.round(bunch.images * (255 / 16)).astype(np.uint8))[:, None]
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    order = torch.from_numpy(counter.permutation(0, 0, len(labels)))
    chosen = {"all": slice(None), "test": order[:360].sort().values, "train": order[360:].sort().values}[split]
    found = ImageSet(
        images[chosen], labels[chosen], DIGIT_NAMES, "digits",
        "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, as shipped by scikit-learn", "CC BY 4.0",
    )  # fmt: skip
    return found.resized(size)


def fashion(split: str = "train", full: bool | str = "auto", size: int = 28) -> ImageSet:
    """Fashion-MNIST, 28x28, ten classes.

    Args:
        split: "train" or "test".
        full: `False` takes the embedded subset (5,000 train, 1,000 test images, the same number of each class); `True`
            the full set (60,000 and 10,000), wherever it is found; `"auto"` the full set when it is there. The
            set's `name` says which it is. Numbers that must be the same everywhere need `True` or `False`.
        size: resized to this many pixels.

    Raises:
        GanlabError: the full set was asked for and is not there, or what is there is damaged.
    """
    _one_of("full", full, (True, False, "auto"))
    if full is False or full == "auto" and find(FASHION) is None:
        _one_of("split", split, ("train", "test"))
        images, labels = (idx.read_idx(store.embedded(f"fashion/{name}.gz")) for name in _IDX_FILES[split])
        found = _image_set(images, labels, FASHION_NAMES, "fashion subset", FASHION)
    else:
        found = _published(FASHION, split, FASHION_NAMES)
    return found.resized(size)


def mnist(split: str = "train", size: int = 28) -> ImageSet:
    """MNIST, 28x28, ten digits: 60,000 train and 10,000 test images, from wherever the reader has it."""
    return _published(MNIST, split, DIGIT_NAMES).resized(size)


def cifar10(split: str = "train", size: int = 32) -> ImageSet:
    """CIFAR-10, 3x32x32, ten classes: 50,000 train and 10,000 test images, from its binary version.

    The version for Python is a pickle, which can run code when it is opened, so it is not read.
    """
    _one_of("split", split, ("train", "test"))
    folder = store.home() / "cifar-10-batches-bin"
    parts = []
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] if split == "train" else ["test_batch.bin"]:
        path = folder / name
        if not path.is_file():
            raise GanlabError(
                f"CIFAR-10 (binary version) is not in {folder}; `ganlab data download cifar10` fetches it, "
                "or unpack cifar-10-binary.tar.gz there."
            )
        raw = np.fromfile(path, np.uint8)
        if raw.size != 10_000 * 3073 or raw.reshape(-1, 3073)[:, 0].max() > 9:
            raise GanlabError(f"{path} is not a whole CIFAR-10 batch ({raw.size:,} bytes); fetch it again.")
        parts.append(raw.reshape(-1, 3073))
    rows = np.concatenate(parts)
    return ImageSet(
        torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(rows[:, 0].astype(np.int64)),
        CIFAR_NAMES, "cifar10", "Krizhevsky, cs.toronto.edu/~kriz/cifar.html", "not stated by its author",
    ).resized(size)  # fmt: skip


def find(known: Published) -> Path | None:
    """The first of the data set's folders that holds any of its files, or `None`."""
    for folder in (store.home() / name for name in known.folders):  # an absolute name replaces the home folder
        if any((folder / f"{file}{end}").is_file() for pair in _IDX_FILES.values() for file in pair for end in ENDS):
            return folder
    return None


ENDS = (".gz", "")


@cache
def _checked_idx(path: Path, modified: int, known: Published) -> np.ndarray:
    content = path.read_bytes()
    array = idx.read_idx(path)
    plain = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
    if not known.digests & {hashlib.sha256(plain).hexdigest(), hashlib.md5(content).hexdigest()}:
        raise GanlabError(f"{path} is not the published {known.title} (its checksum differs); fetch it again.")
    return array


def _published(known: Published, split: str, names: tuple[str, ...]) -> ImageSet:
    _one_of("split", split, ("train", "test"))
    folder = find(known)
    if folder is None:
        raise GanlabError(
            f"{known.title} is not on this machine; `ganlab data download {known.name}` fetches it, "
            f"or put its IDX files into {store.home() / known.folders[0]}."
        )
    arrays = []
    for name in _IDX_FILES[split]:
        found = [folder / f"{name}{end}" for end in ENDS if (folder / f"{name}{end}").is_file()]
        if not found:
            raise GanlabError(f"{folder} holds {known.title} without {name}; fetch the set again.")
        arrays.append(_checked_idx(found[0], found[0].stat().st_mtime_ns, known))
    images, labels = arrays
    return _image_set(images.copy(), labels, names, known.name, known)  # the cache keeps its own


def _image_set(images, labels, names, name: str, known: Published) -> ImageSet:
    return ImageSet(
        torch.from_numpy(images)[:, None], torch.from_numpy(labels.astype(np.int64)), names,
        name, known.source, known.licence,
    )  # fmt: skip


def _one_of(what: str, value: object, choices: tuple) -> None:
    if value not in choices:
        raise GanlabError(f"{what} is {value!r}; choose one of {', '.join(map(repr, choices))}.")
