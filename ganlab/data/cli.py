"""`ganlab data`: what data there is, whether it is whole, and how more of it gets in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganlab.errors import GanlabError

app = typer.Typer(
    help="Data sets: what is there, is it whole, import and download more.", no_args_is_help=True, add_completion=False
)
importer = typer.Typer(help="Turn images that you have into one memory-mapped file.", no_args_is_help=True)
app.add_typer(importer, name="import")

Size = Annotated[int, typer.Option(help="Side of the images written, in pixels.")]
Replace = Annotated[bool, typer.Option("--replace", help="Import anew; the old one goes when the new one is whole.")]


@app.command("list")
def list_() -> None:
    """What there is, from where, on what terms, and the checksum."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ganlab.data import catalogue, store

    table = Table(box=None, pad_edge=False, show_header=False)
    for name in ("name", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("what")
    for entry in catalogue.catalogue():
        checksum = f"sha256 of the list of files: {entry.checksum[:12]}" if entry.checksum else ""
        terms = "; ".join(filter(None, (entry.licence and f"licence: {entry.licence}", entry.source, checksum)))
        table.add_row(entry.name, entry.state, Text.assemble(entry.title, *([("\n" + terms, "dim")] if terms else [])))
    console = Console()
    console.print(table)
    console.print(f"\nLarge data lives in {store.home()} (set GANLAB_DATA to change it).", soft_wrap=True)


@app.command()
def verify(name: Annotated[str | None, typer.Argument(help="One data set; all when not given.")] = None) -> None:
    """Check every file against its checksum."""
    from ganlab.data import catalogue

    bad = []
    for what, problem in catalogue.verify(name):
        typer.echo(f"{'ok ' if problem is None else 'BAD'} {what}{'' if problem is None else f': {problem}'}")
        bad += [what] if problem else []
    if bad:
        raise GanlabError(f"{len(bad)} of the files are damaged, {bad[0]} first; restore them or import them again.")


@app.command()
def path(name: Annotated[str | None, typer.Argument(help="A data set; the home of large data if not given.")] = None):
    """Print the folder of a data set."""
    from ganlab.data import catalogue, store

    typer.echo(catalogue.where(name) if name else store.home())


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="digits, fashion, faces, drawings, stacked-digits, ..., or an import.")],
    out: Annotated[Path, typer.Option(help="The PNG file to write.")],
    count: Annotated[int, typer.Option(help="How many images.", min=1, max=4096)] = 64,
    size: Annotated[int, typer.Option(help="Side of each image in pixels; its own when 0.", min=0)] = 0,
    scale: Annotated[int, typer.Option(help="Repeat each pixel this often.", min=1, max=16)] = 2,
    seed: Annotated[int, typer.Option(help="Which images.")] = 0,
) -> None:
    """Write a contact sheet of a data set."""
    from ganlab.data.sheets import write_sheet

    typer.echo(write_sheet(name, out, count=count, size=size, scale=scale, seed=seed))


@app.command()
def download(name: Annotated[str, typer.Argument(help="fashion, mnist, cifar10 or celeba.")]) -> None:
    """Fetch a published data set, checked against its published checksum."""
    from ganlab.data.download import download as fetch

    folder = fetch(name)
    typer.echo(folder)
    if name == "celeba":
        typer.echo(f"Next: ganlab data import celeba {folder}")


@importer.command("celeba")
def import_celeba(
    path: Annotated[Path, typer.Argument(help="torchvision's, Kaggle's or a parquet folder, or the zip.")],
    size: Size = 64,
    crop: Annotated[str, typer.Option(help="Side of the centre square cut out: 108, 178, ... or none.")] = "108",
    replace: Replace = False,
) -> None:
    """CelebA with its 40 attributes and the official split; can be stopped at any time and goes on from there."""
    from ganlab.data import importing
    from ganlab.data.photos import celeba_name

    if crop != "none" and not (crop.isdigit() and 8 <= int(crop) <= 1024):
        raise GanlabError(f"--crop is {crop!r}; give the side of the centre square in pixels, as 108, or none.")
    pixels = None if crop == "none" else int(crop)
    found = importing.find_celeba(path)
    _import(found, celeba_name(size, pixels), size, pixels, importing.CELEBA_LICENCE, replace)


@importer.command("images")
def import_images(
    path: Annotated[Path, typer.Argument(help="A folder or a zip archive of images.")],
    name: Annotated[str, typer.Option(help="What to call the data set.")],
    size: Size = 64,
    licence: Annotated[str, typer.Option(help="The terms of the images, for your own record.")] = "not stated",
    replace: Replace = False,
) -> None:
    """Any images: the largest centre square of each, resized."""
    from ganlab.data import importing

    _import(importing.find_images(path), name, size, None, licence, replace)


def _import(found, name: str, size: int, crop: int | None, licence: str, replace: bool) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ganlab.data.importing import import_images

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with found, Progress(*columns, transient=True) as bar:
        task = bar.add_task(name, total=len(found.names))
        done = import_images(found, name, size=size, crop=crop, licence=licence, replace=replace,
                             progress=lambda done, total: bar.update(task, completed=done))  # fmt: skip
    typer.echo(f"{done.images:,} images of {size} x {size} in {done.path}")
    for remark in done.remarks:
        typer.echo(remark)
