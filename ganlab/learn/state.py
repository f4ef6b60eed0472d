"""What the learner has done so far: one small JSON file on this machine, never sent anywhere.

It lies in `$GANLAB_STATE` (a folder) if set, else in `$XDG_STATE_HOME/ganlab`, else in
`~/.local/state/ganlab` (on Windows `%LOCALAPPDATA%\\ganlab`). With GANLAB_INTERACTIVE=0, as in tests and when
notebooks are built, nothing is read or written, so that a notebook's output depends on the notebook alone.
"""

import contextlib
import json
import os
from pathlib import Path

from ganlab.errors import GanlabError
from ganlab.files import locked, write_atomically

VERSION = 1
# Higher stays: an exercise that was right once is done, whatever is tried in it afterwards.
RANK = {"not attempted": 0, "not yet": 1, "right": 2}

_in_memory: dict[str, dict] = {}
_said: set[str] = set()


def interactive() -> bool:
    """Whether a person sits in front of this kernel; tests, papermill runs and the builder say no."""
    return os.environ.get("GANLAB_INTERACTIVE", "1") != "0"


def folder() -> Path:
    """The folder of the progress file. It need not exist."""
    if chosen := os.environ.get("GANLAB_STATE"):
        return Path(chosen).expanduser()
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base).expanduser() / "ganlab"


def entries() -> dict[str, dict]:
    """By exercise or question: {"outcome": ..., "hints": number of hints seen, "answer": first letter chosen}."""
    if not interactive():
        return _in_memory
    try:
        return _merged(_in_memory, _read())
    except OSError as error:
        _say_once(f"(Progress cannot be read in {folder()}: {error.strerror}.)")
        return _in_memory


def record(name: str, outcome: str | None = None, hints: int = 0, answer: str = "") -> None:
    """Note an outcome, how many hints have been seen, or the first answer. What was reached before is never lost."""
    given = {"outcome": outcome, "hints": hints, "answer": answer}
    new = {name: {what: value for what, value in given.items() if value}}
    _in_memory.update(_merged(_in_memory, new))
    if not interactive():
        return
    path = folder() / "progress.json"
    try:
        with locked(path.with_suffix(".lock")):  # two kernels that finish at once write one after the other
            former = _read()
            merged = _merged(former, _in_memory)
            if merged != former:
                write_atomically(path, json.dumps({"version": VERSION, "exercises": merged}, indent=1, sort_keys=True))
    except (OSError, GanlabError) as error:  # a file that cannot be read now must not be written over
        why = error.strerror if isinstance(error, OSError) else "the disk is full, or not yours to write to"
        _say_once(f"(Progress cannot be saved in {path.parent}: {why}. It is kept until this kernel ends.)")


def forget() -> None:
    """Forget what this kernel holds in memory, as a restart does; the file stays."""
    _in_memory.clear()
    _said.clear()


def _merged(one: dict[str, dict], other: dict[str, dict]) -> dict[str, dict]:
    merged = {name: dict(entry) for name, entry in one.items()}
    for name, entry in other.items():
        mine = merged.setdefault(name, {})
        if "outcome" in entry:
            mine["outcome"] = max(mine.get("outcome", "not attempted"), entry["outcome"], key=RANK.__getitem__)
        if "hints" in entry:
            mine["hints"] = max(mine.get("hints", 0), entry["hints"])
        if "answer" in entry:
            mine.setdefault("answer", entry["answer"])
    return merged


def _read() -> dict[str, dict]:
    """The file's entries. A file that cannot be understood is set aside under another name, not deleted.

    Raises:
        OSError: it is there and cannot be read.
    """
    path = folder() / "progress.json"
    try:
        text = path.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except UnicodeDecodeError:
        text = ""
    try:
        found = json.loads(text)
        if found["version"] != VERSION:
            raise ValueError("another version")
        return {name: _entry(entry) for name, entry in found["exercises"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        aside = path.with_name("progress.unreadable.json")
        with contextlib.suppress(OSError):
            os.replace(path, aside)
            _say_once(f"(The progress file could not be understood. It is now {aside}; a new one begins.)")
        return {}


def _entry(entry: dict) -> dict:
    if not isinstance(entry, dict):
        raise ValueError(entry)
    kept = {}
    if "outcome" in entry:
        if entry["outcome"] not in RANK:
            raise ValueError(entry["outcome"])
        kept["outcome"] = entry["outcome"]
    if "hints" in entry:
        kept["hints"] = int(entry["hints"])
    if "answer" in entry:
        kept["answer"] = str(entry["answer"])[:1]
    return kept


def _say_once(sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        print(sentence)
