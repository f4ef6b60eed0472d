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
    if name == "cifar10":
        archive = Path(CIFAR10[0]).name
        folder, files = home / "cifar-10-batches-bin", {home / archive: CIFAR10[1]}
        fetch = lambda: download_and_extract_archive(CIFAR10[0], str(home), md5=CIFAR10[1], remove_finished=True)
    elif name == "celeba":
        kind, folder = torchvision.datasets.CelebA, home / "celeba-torchvision"
        files = {folder / kind.base_folder / file: md5 for _, md5, file in kind.file_list}
        fetch = lambda: kind(str(folder), download=True)
    else:
        kind = {"fashion": torchvision.datasets.FashionMNIST, "mnist": torchvision.datasets.MNIST}[name]
        folder = home / kind.__name__ / "raw"
        files = {folder / file: md5 for file, md5 in kind.resources}
        fetch = lambda: kind(str(home), download=True)
    try:
        fetch()
    except BaseException as error:  # gdown raises classes of its own, which need not be installed here
        for path, md5 in files.items():
            _drop_if_bad(path, md5)
        if not isinstance(error, Exception):
            raise
        raise GanlabError(_explained(name, error)) from None
    return folder


def _explained(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:200]
    if name == "celeba":
        if "gdown" in reason and "required" in reason:
            return "Downloading CelebA needs gdown; `pip install gdown`, then download again."
        if not isinstance(error, OSError) or "zip" in reason.lower() or "quota" in reason.lower():
            return QUOTA
    return f"{name} could not be downloaded ({reason}); check the network and try again."


def _drop_if_bad(path: Path, md5: str) -> None:
    """Remove a half or a wrong file, so that a quota page is not taken for the archive next time."""
    from torchvision.datasets.utils import check_integrity

    if path.is_file() and not check_integrity(str(path), md5):
        path.unlink()
