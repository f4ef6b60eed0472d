"""The `ganlab` command. Whatever is heavy is imported by the command that needs it, so that --help is quick."""

import errno
import importlib
import os
import signal
import sys
from typing import Annotated

import typer
from rich.console import Console

from ganlab.authoring.cli import app as notebooks_app
from ganlab.errors import GanlabError
from ganlab.runner.cli import course, run

app = typer.Typer(
    help="A course about GAN mode collapse: see it, measure it, fix it, prove that it is fixed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(course)
app.add_typer(notebooks_app, name="notebooks")


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Look whether everything is here, and say what to do about what is not."""
    from ganlab import doctor

    findings = doctor.examine()
    print(doctor.as_json(findings) if as_json else doctor.as_text(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _delegate(name: str, module: str, attribute: str, about: str) -> None:
    """Add a command that lives elsewhere; its module is imported only when the command is called."""

    def command(context: typer.Context) -> None:
        part = getattr(importlib.import_module(module), attribute)
        if not isinstance(part, typer.Typer):
            function, part = part, typer.Typer(pretty_exceptions_enable=False, add_completion=False)
            part.command()(function)
        part(args=context.args, prog_name=f"ganlab {name}")

    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(name, help=about, context_settings=settings, add_help_option=False)(command)


_delegate("data", "ganlab.data.cli", "app", "The data sets: list them, check them, fetch and import the large ones.")
_delegate("expected", "ganlab.learn.cli", "app", "Runs of many seeds to compare yours with: list them, make them.")
_delegate("sweep", "ganlab.sweep.cli", "sweep", "Run one notebook with many parameter sets and seeds.")
_delegate("train", "ganlab.scale.cli", "train", "Train a method on faces, on two cores or on many GPUs.")
_delegate("submit", "ganlab.classroom.cli", "submit", "Put your work into one small file to hand in.")
_delegate("grade", "ganlab.classroom.cli", "grade", "Grade a folder of submissions, each within bounds.")
_delegate("class", "ganlab.classroom.cli", "classes", "A kit for a class; its students' seeds and results.")
_delegate("diagnose", "ganlab.metrics.cli", "diagnose", "Measure mode collapse in samples of your own.")


class Stopped(BaseException):
    """Ctrl-C, or a polite kill."""


def main() -> None:
    """Run the command line; an error that a reader can put right is one red line and exit code 2."""
    complain = Console(stderr=True)

    def say(text: str) -> None:
        complain.print(text, style="red", markup=False, highlight=False, soft_wrap=True)

    # Typer turns KeyboardInterrupt into silence; a signal of our own comes through to here.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _stop)
    try:
        app()
    except GanlabError as error:
        say(str(error))
        sys.exit(2)
    except Stopped:
        say("Interrupted. What was finished is kept; the same command goes on from there.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        sentence = _explain(error)
        if sentence is None:
            raise
        say(sentence)
        sys.exit(2)


def _stop(*_: object) -> None:
    raise Stopped


def _explain(error: OSError) -> str | None:
    where = error.filename or "the disk"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full ({where}): free some space and run the same command again; nothing is half-written."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where} is not yours to read or to write to: use a folder of your own, for instance with --out."
    if error.errno == errno.ENOENT:
        return f"{where} is not there: look at its name, and at the folder that you are in."
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{where} is not a folder: choose another name."
    return None


if __name__ == "__main__":
    main()
