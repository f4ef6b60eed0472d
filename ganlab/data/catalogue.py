"""What data there is, from where, on what terms, and whether it is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ganlab.data import real, store
from ganlab.errors import GanlabError


@dataclass(frozen=True)
class Entry:
    """One line of `ganlab data list`.

    `path` is `None` when the set is not there, or lives in no file of ours. `checksum` is that of the manifest's list
    of files, in which the sha256 of each stands; it is empty when there is no such list.
    """

    name: str
    title: str
    state: str
    path: Path | None
    licence: str
    source: str
    checksum: str = ""


def catalogue() -> list[Entry]:
    """Every data set the course knows, and every import."""
    found = [
        Entry("digits", "1,797 handwritten digits, 8x8", "with scikit-learn", None, "CC BY 4.0",
              "Alpaydin and Kaynak, UCI, as shipped by scikit-learn"),
        Entry("faces", "toy faces with 13 known attributes", "drawn", None, "Apache-2.0", "ganlab.data.toyfaces"),
    ]  # fmt: skip
    for name, manifest in store.embedded_manifests().items():
        folder = store.embedded_folder() / name
        found.append(Entry(name, manifest["title"], "embedded", folder, manifest["licence"], manifest["source"],
                           _checksum(manifest)))  # fmt: skip
    for known in (real.FASHION, real.MNIST):
        folder = real.find(known)
        state = "found" if folder else "not here"
        name = f"{known.name}-full" if known is real.FASHION else known.name
        found.append(Entry(name, f"{known.title}, 70,000 images", state, folder, known.licence, known.source))
    cifar = store.home() / "cifar-10-batches-bin"
    here = (cifar / "test_batch.bin").is_file()
    found.append(Entry("cifar10", "CIFAR-10, 60,000 images", "found" if here else "not here", cifar if here else None,
                       "not stated by its author", "Krizhevsky, cs.toronto.edu/~kriz/cifar.html"))  # fmt: skip
    imports = store.imported_manifests()
    if not any(name.startswith("celeba") for name in imports):
        found.append(Entry("celeba", "CelebA, 202,599 faces", "not here", None, "non-commercial research only",
                           "mmlab.ie.cuhk.edu.hk/projects/CelebA.html"))  # fmt: skip
    for name, manifest in imports.items():
        found.append(Entry(name, manifest["title"], "imported", store.home() / name, manifest["licence"],
                           manifest["source"], _checksum(manifest)))  # fmt: skip
    if store.home().is_dir():
        for partial in sorted(store.home().glob("*.partial/progress.json")):
            state = store.read_json(partial)
            title = f"{state['done']:,} of {state['plan']['images']:,} images; the same import goes on from there"
            found.append(Entry(partial.parent.name, title, "unfinished", partial.parent, "", ""))
    return found


def verify(name: str | None = None) -> Iterator[tuple[str, str | None]]:
    """Check every file against its checksum: pairs of what was checked and what is wrong with it, or `None`."""
    checked = 0
    for root, manifests in ((store.embedded_folder(), store.embedded_manifests()),
                            (store.home(), store.imported_manifests())):  # fmt: skip
        for folder, manifest in manifests.items():
            if name not in (None, folder):
                continue
            for file, stated in manifest["files"].items():
                checked += 1
                yield f"{folder}/{file}", store.problem_with(root / folder / file, stated)
    for known, load in ((real.FASHION, lambda split: real.fashion(split, full=True)), (real.MNIST, real.mnist)):
        label = f"{known.name}-full" if known is real.FASHION else known.name
        if name in (None, label) and real.find(known):
            for split in ("train", "test"):
                checked += 1
                yield f"{label} {split}", _problem(load, split)
    if name in (None, "cifar10") and (store.home() / "cifar-10-batches-bin").is_dir():
        for split in ("train", "test"):
            checked += 1
            yield f"cifar10 {split}", _problem(real.cifar10, split)
    if name in (None, "digits"):
        checked += 1
        yield "digits", _problem(real.digits, "all")
    if not checked:
        raise GanlabError(f"There are no files of {name!r} to verify; `ganlab data list` shows what there is.")


def where(name: str) -> Path:
    """The folder of a data set. Raises `GanlabError` when it is not there or has none."""
    entries = {entry.name: entry for entry in catalogue()}
    if name not in entries:
        raise GanlabError(f"There is no data set {name!r}; there are {', '.join(entries)}.")
    if (path := entries[name].path) is None:
        raise GanlabError(f"{name} has no folder here: it is {entries[name].state}.")
    return path


def _checksum(manifest: dict) -> str:
    return hashlib.sha256(json.dumps(manifest["files"], sort_keys=True).encode()).hexdigest()


def _problem(load, split: str) -> str | None:
    try:
        load(split)
    except GanlabError as error:
        return str(error)
    return None
