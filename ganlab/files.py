"""Writing files so that a crash, a full disk or a second writer never leaves half of one."""

import contextlib
import os
import secrets
from pathlib import Path

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
