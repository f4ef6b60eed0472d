"""`ganlab train`: one run at scale, from a YAML file or a preset."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ganlab.runner.parameters import parse_assignments

SAVED_AND_STOPPED = 143  # what a shell says of a process that SIGTERM ended


def train(
    file: Annotated[str, typer.Argument(help="A YAML file of parameters, or the name of a preset; `list` shows them.")],
    parameters: Annotated[list[str], typer.Option("-p", help="name=value, over the file.")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="The run's folder; runs/train/NAME when not given.")] = None,
    change: Annotated[list[str], typer.Option(help="A parameter that may differ from before.")] = [],  # noqa: B006
) -> None:
    """Train a method on faces; killed at any moment, the same command goes on from the last checkpoint.

    On several GPUs: torchrun --nproc-per-node 4 -m ganlab.cli train FILE. The numbers do not depend on how many.
    """
    from ganlab.scale.settings import PARAMETERS, presets, read_settings

    if file == "list":
        typer.echo("Presets: " + ", ".join(presets()))
        for p in PARAMETERS.values():
            typer.echo(f"{p.name}: {p.type} = {p.default}  # {p.help} {p.limits if p.choices else ''}".rstrip())
        return
    settings = read_settings(file, parse_assignments(parameters))
    from ganlab.scale.trainer import fit

    folder = out or Path("runs") / "train" / Path(file).stem
    with stopping_politely() as asked:
        _, history = fit(settings, folder, changed=change, stop=asked, say=lambda line: print(line, flush=True))
    done = history.steps[-1] if len(history) else 0
    if asked() and done < settings["steps"]:
        typer.echo("Saved and stopped. The same command goes on from there.", err=True)
        raise typer.Exit(SAVED_AND_STOPPED)


@contextmanager
def stopping_politely() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM and Ctrl-C only raise a hand, for the trainer to see after its step; a second Ctrl-C
    interrupts. A second SIGTERM does not: launchers pass on the one that the process had from the scheduler."""
    raised: list[int] = []

    def raise_hand(number: int, _: object) -> None:
        raised.append(number)
        if number == signal.SIGINT:
            signal.signal(number, before[number])

    before = {number: signal.signal(number, raise_hand) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(raised)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
