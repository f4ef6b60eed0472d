"""Where the course lies on this disk, and which chapters it has."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ganlab.errors import GanlabError

NAME = re.compile(r"\d\d_[a-z0-9_]+")


@dataclass(frozen=True)
class Chapter:
    """One chapter: `name` is its file name without the ending, such as `01_gan_from_scratch`."""

    name: str
    notebooks: Path

    @property
    def number(self) -> str:
        return self.name[:2]

    @property
    def source(self) -> Path:
        return self.notebooks / "src" / f"{self.name}.py"

    @property
    def learner(self) -> Path:
        return self.notebooks / f"{self.name}.ipynb"

    @property
    def solved(self) -> Path:
        return self.notebooks / "solutions" / f"{self.name}.ipynb"

    def notebook(self, solutions: bool = False) -> Path:
        """The committed notebook; with `solutions`, the solved one where the chapter has exercises."""
        return self.solved if solutions and self.solved.exists() else self.learner


def find_notebooks(start: Path | None = None) -> Path:
    """The course's `notebooks` folder: in `start` (the current folder) or above it, else beside the package.

    Raises:
        GanlabError: there is none; the message says where it was looked for.
    """
    start = (start or Path.cwd()).resolve()
    beside_package = Path(__file__).resolve().parents[2]
    for folder in (start, *start.parents, beside_package):
        if (folder / "notebooks" / "src").is_dir() and (folder / "pyproject.toml").is_file():
            return folder / "notebooks"
    raise GanlabError(f"No course found in {start} or above it: change to the folder that you cloned ganlab into.")


def chapters(notebooks: Path) -> list[Chapter]:
    """All chapters in order: every `NN_name` that has a source or a notebook."""
    found = {
        path.stem
        for path in (*(notebooks / "src").glob("*.py"), *notebooks.glob("*.ipynb"))
        if NAME.fullmatch(path.stem)
    }
    return [Chapter(name, notebooks) for name in sorted(found)]


def find_chapter(notebooks: Path, wanted: str) -> Chapter:
    """The chapter that `wanted` names: its number (`1`, `01`), its name, part of it, or its file.

    Raises:
        GanlabError: none or more than one fits; the message names the nearest ones.
    """
    known = chapters(notebooks)
    text = Path(wanted).stem if wanted.endswith((".py", ".ipynb")) else wanted
    exact = [c for c in known if text == c.name or (text.isdigit() and int(text) == int(c.number))]
    fitting = exact or [c for c in known if text and text in c.name]
    if len(fitting) == 1:
        return fitting[0]
    if not known:
        raise GanlabError(f"There are no chapters in {notebooks} yet.")
    names = [c.name for c in known]
    if fitting:
        raise GanlabError(f"'{wanted}' fits several chapters: {', '.join(c.name for c in fitting)}. Give the number.")
    raise GanlabError(f"There is no chapter '{wanted}'{nearest(text, names)}. Known: {', '.join(names)}.")


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'steps'?` or nothing: the end of an error message about an unknown name."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else ""
