"""The player of recorded runs: a widget in JupyterLab, plain HTML elsewhere, a figure where neither lives."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from ganlab.errors import GanlabError
from ganlab.show.figure import display
from ganlab.show.live import interactive
from ganlab.show.trace import Trace, film_strip

MODULE = Path(__file__).with_name("player.js")


def _some(traces: tuple[Trace, ...]) -> tuple[Trace, ...]:
    if not 1 <= len(traces) <= 2:
        raise GanlabError(f"The player was given {len(traces)} traces: it shows one, or two side by side.")
    return traces


def player_widget(*traces: Trace) -> Any:
    """The player as a widget; its `frame` follows the slider and may be set."""
    import anywidget
    import traitlets

    _some(traces)

    class TracePlayer(anywidget.AnyWidget):
        _esm = MODULE
        traces = traitlets.List().tag(sync=True)
        frame = traitlets.Int(0, min=0).tag(sync=True)

        def __repr__(self) -> str:  # stable, since nbval compares it
            return f"TracePlayer({', '.join(repr(trace) for trace in traces)})"

    return TracePlayer(traces=[trace.payload() for trace in traces])


def player_html(*traces: Trace, page: bool = True, title: str | None = None) -> str:
    """The player as HTML that needs no other file, no server and no network.

    Args:
        traces: one, or two to compare side by side.
        page: a whole page, or the fragment to put into one.
        title: of the page; the titles of the traces when not given.
    """
    _some(traces)
    # "</" would end the script element, whatever it stands in.
    data = json.dumps([trace.payload() for trace in traces], separators=(",", ":")).replace("</", "<\\/")
    spoken = "".join(f"<li>{html.escape(trace.title)}. {html.escape(trace.sentences[-1])}</li>" for trace in traces)
    fragment = (
        '<div class="ganlab-player-place">'
        f'<script type="application/json">{data}</script><noscript><ul>{spoken}</ul></noscript></div>\n'
        f'<script type="module">\n{MODULE.read_text("utf-8")}\nmountAll(document);\n</script>\n'
    )
    if not page:
        return fragment
    title = html.escape(title or "; ".join(trace.title for trace in traces))
    return (
        f'<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<style>body { margin: 1rem auto; max-width: 60rem; padding: 0 1rem; "
        "font-family: system-ui, sans-serif }</style>\n"
        f"</head>\n<body>\n<main>\n<h1>{title}</h1>\n{fragment}</main>\n</body>\n</html>\n"
    )


def player(*traces: Trace, frames: int = 5) -> None:
    """Show recorded runs: scrub, play, compare two; a film strip of `frames` frames without a front end."""
    _some(traces)
    if not interactive():
        display(film_strip(*traces, frames=frames))
        return
    from IPython.display import display as show

    show(player_widget(*traces))
