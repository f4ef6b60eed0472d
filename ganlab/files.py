"""Files: written so that a crash, a full disk or a second writer never leaves half of one, read with a sentence when
they are not what they should be."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock

from ganlab.errors import GanlabError


def write_atomically(path: str | os.PathLike, content: bytes | str) -> None:
    """Write `content` to a neighbour of `path`, flush it to the disk, then rename it over `path`.

    Whatever happens, `path` holds either all of the old content or all of the new. Text becomes UTF-8.

    Raises:
        GanlabError: the folder cannot be written or the disk is full; the old file is as it was.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise GanlabError(
            f"Could not write {path} ({error.strerror}); nothing there was changed. "
            "Free some space or choose a folder that you may write to."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def read_json(path: str | os.PathLike, advice: str = "restore it from a good copy") -> dict[str, Any]:
    """The object that a JSON file holds.

    Args:
        advice: what to do about a file that holds none; it ends the sentence.

    Raises:
        GanlabError: the file is missing, cut short, no JSON, or holds something else than an object.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise GanlabError(f"{path} cannot be read as JSON ({error}); {advice}.") from None
    if not isinstance(content, dict):
        raise GanlabError(f"{path} holds a JSON {type(content).__name__}, not an object; {advice}.")
    return content


def parse_yaml(text: str | bytes, name: str | os.PathLike) -> Any:
    """What a YAML text holds; `name` is that of its file.

    Raises:
        GanlabError: it is not YAML; the sentence says in which line.
    """
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2026-02-30
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        why = " ".join(str(getattr(error, "problem", None) or error).split())
        raise GanlabError(f"{name} is not YAML{line}: {why}.") from None


@contextlib.contextmanager
def locked(path: str | os.PathLike, busy: str = "") -> Iterator[None]:
    """Inside, nobody else is in a block `locked` by the same file. The lock goes with the process, however it ends.

    The file stays: whoever waits for it would else hold one that no later comer sees.

    Args:
        busy: what to say when somebody holds it; without a word, wait.

    Raises:
        GanlabError: `busy`.
        OSError: the file cannot be made.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0 if busy else -1)
    except filelock.Timeout:
        raise GanlabError(busy) from None
    try:
        yield
    finally:
        lock.release()
