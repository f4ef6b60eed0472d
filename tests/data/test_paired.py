"""Pairs in pix2pix's layout: both directions, folder and zip alike, and what is wrong is named."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab.data.paired import paired_folder
from ganlab.errors import GanlabError

RNG = np.random.default_rng(0)
SQUARES = RNG.integers(0, 256, (5, 2, 8, 8, 3), dtype=np.uint8)  # five pairs of 8x8 pixels


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    pairs = [png(np.concatenate([a, b], 1)) for a, b in SQUARES]
    train = {f"facades/train/{k}.png": content for k, content in enumerate(pairs[:3])}
    return train | {f"facades/test/{k}.png": content for k, content in enumerate(pairs[3:])}


@pytest.fixture
def folder(tmp_path):
    for name, content in files().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "facades"


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2))


def test_both_directions_hold_the_pixels_of_the_files(folder):
    for split, own in (("train", SQUARES[:3]), ("test", SQUARES[3:])):
        there, back = (paired_folder(folder, split, size=8, direction=way) for way in ("AtoB", "BtoA"))
        assert torch.equal(there.conditions, as_tensor(own[:, 0])) and torch.equal(there.images, as_tensor(own[:, 1]))
        assert torch.equal(back.conditions, there.images) and torch.equal(back.images, there.conditions)
        assert len(there) == len(own) and there.names == tuple(f"{split}/{k}.png" for k in range(len(own)))


def test_squares_are_cut_before_they_are_resized(folder):
    """Nothing of A bleeds into B."""
    Image.fromarray(np.concatenate([np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)], 1)).save(
        folder / "train" / "0.png"
    )
    pairs = paired_folder(folder, size=5, most=1)
    assert pairs.conditions.eq(255).all() and pairs.images.eq(0).all()


def test_an_archive_is_read_like_the_folder(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "facades.zip", "w") as archive:
        for name, content in files().items():
            archive.writestr(name, content)
    one, other = paired_folder(folder, size=8), paired_folder(tmp_path / "facades.zip", size=8)
    assert torch.equal(one.conditions, other.conditions) and torch.equal(one.images, other.images)


def test_most_takes_the_first(folder):
    assert torch.equal(paired_folder(folder, size=8, most=2).images, paired_folder(folder, size=8).images[:2])


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"split": "val"}, "no images in a folder 'val'; it has test, train"),
        ({"direction": "AB"}, "direction is 'AB'; choose one of AtoB, BtoA"),
        ({"size": 0}, "size is 0; give at least 1"),
        ({"most": 0}, "most is 0; give at least 1"),
    ],
)
def test_arguments_that_cannot_be_met_are_named(folder, arguments, words):
    with pytest.raises(GanlabError, match=words):
        paired_folder(folder, **arguments)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(GanlabError, match="nowhere does not exist"):
        paired_folder(tmp_path / "nowhere")
    with pytest.raises(GanlabError, match="it has no images at all"):
        paired_folder(tmp_path)


@pytest.mark.parametrize(
    "content, words",
    [
        (png(np.zeros((8, 12, 3), np.uint8)), "bad.png is 12 x 8 pixels; a pair is two squares side by side"),
        (png(SQUARES[0, 0])[:60], "bad.png is not a whole image"),
        (b"<html>quota</html>", "bad.png is not a whole image"),
    ],
)
def test_a_file_that_is_no_pair_is_named(folder, content, words):
    (folder / "train" / "bad.png").write_bytes(content)
    with pytest.raises(GanlabError, match=words):
        paired_folder(folder)
