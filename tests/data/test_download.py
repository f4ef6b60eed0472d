"""Downloads that fail say why, and leave neither a bad file nor a traceback."""

import pytest

from ganlab.data.download import download
from ganlab.errors import GanlabError


class Celeba:
    """In the place of torchvision's class: writes Google's quota page where the archive should be, then fails."""

    base_folder = "celeba"
    file_list = [("id", "0" * 32, "img_align_celeba.zip"), ("id", "0" * 32, "list_attr_celeba.txt")]
    error: Exception = RuntimeError("File not found or corrupted.")

    def __init__(self, root, download):
        from pathlib import Path

        folder = Path(root) / self.base_folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "img_align_celeba.zip").write_text("<html>Google Drive - Quota exceeded</html>")
        raise self.error


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    import torchvision

    monkeypatch.setenv("GANLAB_DATA", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets, "CelebA", Celeba)
    return tmp_path


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("File not found or corrupted."), "Google Drive did not give CelebA"),
        (type("FileURLRetrievalError", (Exception,), {})("Too many users have viewed"), "Google Drive did not give"),
        (RuntimeError("To download files from GDrive, 'gdown' is required."), "pip install gdown"),
        (OSError("[Errno -2] Name or service not known"), "Name or service not known"),
    ],
)
def test_celeba(home, monkeypatch, error, words):
    monkeypatch.setattr(Celeba, "error", error)
    with pytest.raises(GanlabError, match=words) as caught:
        download("celeba")
    assert "\n" not in str(caught.value) and caught.value.__cause__ is None
    assert not list(home.rglob("*.zip"))  # the quota page is not mistaken for the archive next time


def test_the_others_say_what_went_wrong(home, monkeypatch):
    import torchvision

    def fails(root, download):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nTried http://a, got:\n<urlopen error>")

    fails.resources, fails.__name__ = (), "MNIST"
    monkeypatch.setattr(torchvision.datasets, "MNIST", fails)
    with pytest.raises(GanlabError, match="mnist could not be downloaded .*check the network") as caught:
        download("mnist")
    assert "\n" not in str(caught.value)


def test_a_wrong_checksum_is_refused(home, monkeypatch):
    from torchvision.datasets import utils

    def wrong(url, filename, *_, **__):
        open(filename, "wb").write(b"not the archive")

    monkeypatch.setattr(utils, "_urlretrieve", wrong)
    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, max_hops: url)
    with pytest.raises(GanlabError, match="cifar10 could not be downloaded"):
        download("cifar10")
    assert not list(home.iterdir())


def test_where_a_download_lies(home, monkeypatch):
    import torchvision

    quiet = type("FashionMNIST", (), {"__init__": lambda *_, **__: None, "resources": ()})
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", quiet)
    assert download("fashion") == home / "FashionMNIST" / "raw"
    monkeypatch.setattr(Celeba, "__init__", lambda *_, **__: None)
    assert download("celeba") == home / "celeba-torchvision"
