"""The one error type that a reader of the course ever needs to see."""


class GanlabError(Exception):
    """Something a reader can put right: one sentence with what is wrong, the value, and what to do.

    The command line prints it and exits with 2; in a notebook it shows as one line, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython calls this instead of formatting a traceback.
        return [f"{type(self).__name__}: {self}"]
