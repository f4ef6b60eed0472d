"""Where commands write, and how: plain lines that no terminal width breaks."""

from pathlib import Path

from rich.console import Console

console = Console()


def say(text: str, style: str | None = None) -> None:
    """One line; what looks like mark-up in it is text."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def short(path: Path) -> str:
    """The path as seen from the current folder, if it lies in it."""
    path = path.resolve()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)
