"""Small real images: whole, balanced, found where they are, and refused when they are damaged."""

import gzip
import shutil
import struct

import numpy as np
import pytest
import torch

from ganlab.data import cifar10, digits, fashion, mnist, real, store
from ganlab.data.idx import read_idx, write_idx
from ganlab.errors import GanlabError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANLAB_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


def test_digits_are_scikit_learns_and_the_splits_share_nothing():
    from sklearn.datasets import load_digits

    whole, train, test = digits(), digits("train"), digits("test")
    assert (len(whole), len(train), len(test)) == (1797, 1437, 360)
    raw = load_digits().images
    assert np.abs(whole.images[:, 0].numpy() * (16 / 255) - raw).max() < 0.05
    key = lambda s: sorted(image.numpy().tobytes() for image in s.images)
    assert sorted(key(train) + key(test)) == key(whole)
    assert test.labels.bincount(minlength=10).min() >= 20
    assert digits(size=32).images.shape == (1797, 1, 32, 32)


def test_fashion_subset_is_balanced_and_says_that_it_is_one():
    train, test = fashion(full=False), fashion("test", full=False)
    assert train.labels.bincount().tolist() == [500] * 10 and test.labels.bincount().tolist() == [100] * 10
    assert train.images.shape == (5000, 1, 28, 28) and train.name == "fashion subset" and train.licence == "MIT"
    assert train.images.float().mean().item() == pytest.approx(73, abs=2)  # the full set's mean is 72.9


def put_fashion(home, monkeypatch, folder="fashion-mnist", n=20, ending=".gz"):
    """A small stand-in for the full set, with its own checksums."""
    import hashlib

    rng, digests = np.random.default_rng(0), set()
    for split in ("train", "t10k"):
        for what, array in (("images-idx3", rng.integers(0, 256, (n, 28, 28))), ("labels-idx1", np.arange(n) % 10)):
            path = home / folder / f"{split}-{what}-ubyte{ending}"
            write_idx(path.with_suffix(".gz"), array.astype(np.uint8))
            plain = gzip.decompress(path.with_suffix(".gz").read_bytes())
            digests.add(hashlib.sha256(plain).hexdigest())
            if not ending:
                path.with_suffix(".gz").unlink()
                path.write_bytes(plain)
    known = real.Published(real.FASHION.name, real.FASHION.title, real.FASHION.folders[:2], frozenset(digests), "", "")
    monkeypatch.setattr(real, "FASHION", known)


@pytest.mark.parametrize(("folder", "ending"), [("fashion-mnist", ".gz"), ("FashionMNIST/raw", "")])
def test_the_full_set_is_used_where_it_is_found(home, monkeypatch, folder, ending):
    put_fashion(home, monkeypatch, folder, ending=ending)
    assert len(fashion("train")) == 20 and fashion("test").name == "fashion"
    assert len(fashion("train", full=False)) == 5000


def test_what_a_reader_does_with_the_images_stays_with_them(home, monkeypatch):
    put_fashion(home, monkeypatch)
    before = fashion("train").images.clone()
    fashion("train").images.zero_()
    assert torch.equal(fashion("train").images, before)


def test_a_damaged_full_set_is_named_and_never_replaced_in_silence(home, monkeypatch):
    put_fashion(home, monkeypatch)
    path = home / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    array = read_idx(path)
    array[0, 0, 0] ^= 1
    write_idx(path, array)
    with pytest.raises(GanlabError, match="train-images-idx3-ubyte.gz is not the published Fashion-MNIST"):
        fashion("train")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(GanlabError, match="train-images-idx3-ubyte.gz cannot be read"):
        fashion("train")
    path.unlink()
    with pytest.raises(GanlabError, match="without train-images"):
        fashion("train")


def test_absent_sets_say_how_to_get_them(monkeypatch):
    monkeypatch.setattr(real, "FASHION", real.Published("fashion", "Fashion-MNIST", ("none",), frozenset(), "", ""))
    assert fashion("train").name == "fashion subset"
    for call in (lambda: fashion(full=True), mnist, cifar10):
        with pytest.raises(GanlabError, match="ganlab data download"):
            call()
    with pytest.raises(GanlabError, match="split is 'val'"):
        digits("val")


def test_cifar10_binary_batches(home):
    folder = home / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    rows = np.random.default_rng(0).integers(0, 256, (10_000, 3073), dtype=np.uint8)
    rows[:, 0] %= 10
    rows.tofile(folder / "test_batch.bin")
    found = cifar10("test")
    assert torch.equal(found.labels, torch.from_numpy(rows[:, 0].astype(np.int64)))
    assert torch.equal(found.images[7].flatten(), torch.from_numpy(rows[7, 1:]))
    (folder / "test_batch.bin").write_bytes(rows.tobytes()[:-1])
    with pytest.raises(GanlabError, match="not a whole CIFAR-10 batch"):
        cifar10("test")


def test_idx_round_trip_is_the_same_bytes_each_time(tmp_path):
    array = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, array)
    assert np.array_equal(read_idx(tmp_path / "a.gz"), array)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an IDX file"),
        (b"<html>quota", "not an IDX file"),
        (b"\0\0\x0d\1" + struct.pack(">I", 1) + b"\0\0\0\0", "not an IDX file"),
        (b"\0\0\x08\3" + struct.pack(">I", 7), "promises"),
        (b"\0\0\x08\1" + struct.pack(">I", 5) + b"1234", "holds 4 bytes of data and its header promises 5"),
        (b"\0\0\x08\1" + struct.pack(">I", 5) + b"123456", "holds 6 bytes of data"),
        (b"\0\0\x08\2" + struct.pack(">II", 2**31, 2**31), "promises"),
    ],
)
def test_bad_idx_files_are_named(tmp_path, content, words):
    path = tmp_path / "bad-idx"
    path.write_bytes(content)
    with pytest.raises(GanlabError, match=words):
        read_idx(path)


def test_embedded_files_are_checked_against_their_manifest(tmp_path, monkeypatch):
    shutil.copytree(store.embedded_folder() / "fashion", tmp_path / "data" / "fashion")
    monkeypatch.setattr(store, "embedded_folder", lambda: tmp_path / "data")
    name = "fashion/t10k-images-idx3-ubyte.gz"
    assert store.embedded(name).is_file()
    store._embedded.cache_clear()
    content = bytearray((tmp_path / "data" / name).read_bytes())
    content[1000] ^= 1
    (tmp_path / "data" / name).write_bytes(content)
    with pytest.raises(GanlabError, match="t10k-images-idx3-ubyte.gz does not match its sha256"):
        fashion("test", full=False)
    (tmp_path / "data" / name).write_bytes(content[:-5])
    with pytest.raises(GanlabError, match="bytes instead of"):
        fashion("test", full=False)
    (tmp_path / "data" / name).unlink()
    with pytest.raises(GanlabError, match="is missing"):
        fashion("test", full=False)
    with pytest.raises(GanlabError, match="no embedded file"):
        store.embedded("fashion/other")
    store._embedded.cache_clear()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"GANLAB_DATA": "/tmp/a"}, "/tmp/a"),
        ({"GANLAB_DATA": "", "XDG_DATA_HOME": "/tmp/x"}, "/tmp/x/ganlab"),
        ({"GANLAB_DATA": "", "XDG_DATA_HOME": "", "HOME": "/tmp/h"}, "/tmp/h/.local/share/ganlab"),
    ],
)
def test_the_home_of_large_data(monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(store.home()) == expected
