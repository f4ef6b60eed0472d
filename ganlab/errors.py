"""The one error type that a reader of the course ever needs to see."""

import difflib
from collections.abc import Iterable


class GanlabError(Exception):
    """Something a reader can put right: one sentence with what is wrong, the value, and what to do.

    The command line prints it and exits with 2; in a notebook it shows as one line, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython calls this instead of formatting a traceback.
        return [f"{type(self).__name__}: {self}"]


def unknown(kind: str, name: object, known: Iterable[str]) -> GanlabError:
    """The error for a name that is not known: what there is none of, and the nearest name or all of them."""
    known = list(known)
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.4)
    proposal = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
    return GanlabError(f"There is no {kind} called {name!r}. {proposal}")
