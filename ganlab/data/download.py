"""Downloads, by torchvision's own downloader, which checks what comes against published checksums."""

from __future__ import annotations

from pathlib import Path

from ganlab.data import store
from ganlab.errors import GanlabError

CIFAR10 = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530")
NAMES = ("fashion", "mnist", "cifar10", "celeba")

QUOTA = (
    "Google Drive did not give CelebA: it allows a number of downloads a day, and they are used up (or its link has "
    "moved). Try again tomorrow, or fetch the set from Kaggle (jessicali9530/celeba-dataset) or Hugging Face "
    "(flwrlabs/celeba) and run `ganlab data import celeba PATH`."
)


def download(name: str) -> Path:
    """Fetch a published data set into the home of large data; says where it is.

    For CelebA this is the archive in torchvision's layout, to be imported next.

    Raises:
        GanlabError: no network, a quota, a wrong checksum. What was there before stays; a bad file does not.
    """
    import torchvision
    from torchvision.datasets.utils import download_and_extract_archive

    if name not in NAMES:
        raise GanlabError(f"{name!r} cannot be downloaded; choose one of {', '.join(NAMES)}.")
    home = store.home()
    home.mkdir(parents=True, exist_ok=True)
    if name == "celeba":
        return _celeba(home / "celeba-torchvision", torchvision.datasets.CelebA)
    try:
        if name == "cifar10":
            download_and_extract_archive(CIFAR10[0], str(home), md5=CIFAR10[1], remove_finished=True)
            return home / "cifar-10-batches-bin"
        kind = {"fashion": torchvision.datasets.FashionMNIST, "mnist": torchvision.datasets.MNIST}[name]
        kind(str(home), download=True)
        return home / kind.__name__ / "raw"
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise GanlabError(f"{name} could not be downloaded ({reason}); check the network and try again.") from None


def _celeba(root: Path, kind: type) -> Path:
    try:
        kind(str(root), download=True)
    except Exception as error:  # gdown raises classes of its own, which need not be installed here
        for _, md5, filename in kind.file_list:
            _drop_if_bad(root / kind.base_folder / filename, md5)
        reason = " ".join(str(error).split())
        if "gdown" in reason and "required" in reason:
            raise GanlabError("Downloading CelebA needs gdown; `pip install gdown`, then download again.") from None
        lowered = reason.lower()
        if isinstance(error, OSError) and "zip" not in lowered and "quota" not in lowered:
            raise GanlabError(f"CelebA could not be downloaded ({reason[:200]}); check the network.") from None
        raise GanlabError(QUOTA) from None
    return root


def _drop_if_bad(path: Path, md5: str) -> None:
    """Remove a file that is not what was published, so that a quota page is not taken for the archive next time."""
    from torchvision.datasets.utils import check_integrity

    if path.is_file() and not check_integrity(str(path), md5):
        path.unlink()
