"""Writing files so that a crash, a full disk or a second writer never leaves half of one."""

import os
import tempfile
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
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes private files; these are ordinary ones
        os.replace(temporary, path)
    except OSError as error:
        raise GanlabError(
            f"Could not write {path} ({error.strerror}); nothing there was changed. "
            "Free some space or choose a folder that you may write to."
        ) from None
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
