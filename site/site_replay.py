"""Sphinx extension: the directive `replay`, which puts the player of recorded runs into a page.

    ```{replay} collapse even_rates
    :autoplay:
    ```

Names are those of files in data/traces. With `autoplay` it plays once when it comes into view, unless the reader has
asked for reduced motion: then it stands at the end of the run.
"""

from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ganlab.data.store import embedded
from ganlab.errors import GanlabError
from ganlab.show import load_trace, player_html


class Replay(SphinxDirective):
    required_arguments = 1
    optional_arguments = 1
    option_spec: ClassVar = {"autoplay": directives.flag}

    def run(self) -> list[nodes.Node]:
        paths = [embedded(f"traces/{name}.json") for name in self.arguments]
        try:
            player = player_html(*map(load_trace, paths), page=False)
        except (GanlabError, OSError) as error:
            raise self.error(str(error)) from error
        for path in paths:
            self.env.note_dependency(path)
        start = ' data-autoplay=""' if "autoplay" in self.options else ""
        return [nodes.raw("", f'<div class="replay"{start}>{player}</div>', format="html")]


def setup(app: Sphinx) -> dict:
    app.add_directive("replay", Replay)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
