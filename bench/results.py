"""How the benches keep what they found: JSON in `data/results`, with the command, the seconds and the versions."""

import json
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

from ganlab.files import locked, write_atomically
from ganlab.train.run import plain, versions

ROOT = Path(__file__).parents[1] / "data" / "results"


def stored(path: Path, settings: dict | None = None) -> dict:
    """What the file holds; nothing when it is not there, or came of other settings."""
    content = json.loads(path.read_text()) if path.exists() else {}
    if settings is not None and content.get("settings") != json.loads(json.dumps(plain(settings))):
        return {}
    return content


def write(path: Path, command: str, started: float, content: dict) -> None:
    """The file anew. `started`: the value of `time.perf_counter()` then."""
    head = {"command": command, "seconds": round(time.perf_counter() - started), "versions": versions()}
    _write(path, plain(head | content))


def merge(path: Path, command: str, seconds: float, content: dict) -> None:
    """A part into the file, to five digits; what else the file holds stays, and the seconds of all parts add up.

    Where several processes make parts of a file, call it within `alone()`.
    """
    known = stored(path)
    part = {"command": command, "seconds": round(seconds) + known.get("seconds", 0), "versions": versions(), **content}
    _write(path, merged(known, plain(part, digits=5)))


def merged(old: dict, new: dict) -> dict:
    """`old` with what `new` has in it, dictionaries inside dictionaries likewise."""
    both = [name for name in new if isinstance(old.get(name), dict) and isinstance(new[name], dict)]
    return old | new | {name: merged(old[name], new[name]) for name in both}


def alone(name: str) -> AbstractContextManager[None]:
    """One process at a time in a block of this name."""
    return locked(Path(tempfile.gettempdir()) / f"ganlab_bench_{name}.lock")


def _write(path: Path, content: dict) -> None:
    write_atomically(path, json.dumps(content, separators=(",", ":")) + "\n")
