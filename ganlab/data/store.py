"""Where data lives, and how it stays whole.

Two places:

- **embedded**: the `data/` folder of the project (inside the wheel: `ganlab/_data`). Each folder in it has a
  `manifest.json` with licence, source, the command that made it, and size and sha256 of every file.
- **home**: large data sets that the reader downloads or imports. `$GANLAB_DATA` if set, else
  `$XDG_DATA_HOME/ganlab`, else `~/.local/share/ganlab`.

Every file is written aside, flushed to the disk and then renamed, so that a file under its final name is a whole one.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from ganlab.errors import GanlabError
from ganlab.files import read_json, write_atomically

MANIFEST = "manifest.json"


def home() -> Path:
    """The folder of large data sets. It need not exist yet."""
    if chosen := os.environ.get("GANLAB_DATA"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base).expanduser().absolute() / "ganlab"


@cache
def embedded_folder() -> Path:
    """The data that comes with the project: `ganlab/_data` in an installed wheel, `data/` in a checkout."""
    for folder in (Path(__file__).resolve().parents[1] / "_data", data_folder()):
        if any(folder.glob(f"*/{MANIFEST}")):
            return folder
    raise GanlabError(f"The data that comes with ganlab is missing beside {Path(__file__).parents[1]}; reinstall it.")


def data_folder() -> Path:
    """`data/` of a checkout: where the scripts of `ganlab.data.make` write."""
    return Path(__file__).resolve().parents[2] / "data"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Ask the system to put a file, or the names in a folder, on the disk now."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, all of it or nothing."""
    write_atomically(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def describe_files(folder: Path, names: list[str]) -> dict[str, dict]:
    """`{name: {"bytes": ..., "sha256": ...}}`, as manifests hold it."""
    return {name: {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)} for name in names}


def write_manifest(folder: Path, files: list[str], *, title: str, licence: str, source: str, made_by: str, **facts):
    """Record in `folder/manifest.json` what the files are, and their sizes and checksums."""
    stated = {"title": title, "licence": licence, "source": source, "made_by": made_by, **facts}
    write_json(folder / MANIFEST, {**stated, "files": describe_files(folder, files)})


def problem_with(path: Path, stated: dict, deep: bool = True) -> str | None:
    """What is wrong with a file against its stated size and sha256, in words; `None` when it is whole."""
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != stated["bytes"]:
        return f"has {size:,} bytes instead of {stated['bytes']:,}"
    if deep and sha256(path) != stated["sha256"]:
        return "does not match its sha256"
    return None


def embedded(name: str) -> Path:
    """The path of an embedded file, for example `"fashion/train-images-idx3-ubyte.gz"`, found whole.

    Raises:
        GanlabError: there is no such file in the manifest, or it is missing, cut short or changed.
    """
    return _embedded(name, embedded_folder())


@cache
def _embedded(name: str, root: Path) -> Path:
    folder, _, file = name.partition("/")
    stated = read_json(root / folder / MANIFEST)["files"] if (root / folder / MANIFEST).exists() else {}
    if file not in stated:
        raise GanlabError(f"ganlab has no embedded file {name!r}; `ganlab data list` shows what there is.")
    if problem := problem_with(root / name, stated[file]):
        raise GanlabError(f"{root / name} {problem}; reinstall ganlab, or restore the file from the repository.")
    return root / name


def embedded_manifests() -> dict[str, dict]:
    """`{folder name: manifest}` of everything embedded."""
    return {path.parent.name: read_json(path) for path in sorted(embedded_folder().glob(f"*/{MANIFEST}"))}


def imported_manifests() -> dict[str, dict]:
    """`{folder name: manifest}` of every finished import in the home folder."""
    found = sorted(home().glob(f"*/{MANIFEST}")) if home().is_dir() else []
    return {path.parent.name: read_json(path) for path in found}
