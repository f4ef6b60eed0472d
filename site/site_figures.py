"""Sphinx extension: figures of notebooks get their alt text back, which myst-nb leaves in the output's metadata."""

from base64 import b64decode
from hashlib import sha256
from pathlib import Path, PurePosixPath

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


def alt_by_image(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """The alt text of each figure, by the sha256 of its file: the name under which myst-nb writes it."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                found[sha256(b64decode(png)).hexdigest()] = output.metadata.get("image/png", {}).get("alt", "")
    return found


def setup(app: Sphinx) -> dict:
    app.connect("doctree-read", _restore)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _restore(app: Sphinx, doctree: nodes.document) -> None:
    source = Path(app.env.doc2path(app.env.current_document.docname))
    if source.suffix == ".ipynb":
        known = alt_by_image(nbformat.read(source, as_version=4))
        for image in doctree.findall(nodes.image):
            image["alt"] = known.get(PurePosixPath(image["uri"]).stem) or image.get("alt", "")
    for image in doctree.findall(nodes.image):
        if not image.get("alt"):
            logger.warning(f"The figure {image['uri']} has no alt text.", location=image)
