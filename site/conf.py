"""Sphinx configuration of the course's site; `make site` calls it through build.py, which writes the sources."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "ganlab"
author = "The ganlab authors"
copyright = "The ganlab authors. Code: Apache 2.0. Prose and figures: CC BY 4.0"
version = release = version_of("ganlab")
language = "en"

extensions = ["myst_nb", "site_mathml", "site_figures", "site_replay"]
exclude_patterns = ["downloads"]  # the notebooks as they are in the repository, to be taken home
myst_enable_extensions = ["amsmath", "dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the committed notebooks hold their outputs; tests hold those to the code
nb_ipywidgets_js = {}  # committed outputs are figures, and the player needs no library
suppress_warnings = ["ref.python", "mystnb.unknown_mime_type"]
highlight_language = "none"  # an indented block in a docstring is a formula
maximum_signature_line_length = 80
python_use_unqualified_type_names = True

html_theme = "sphinx_book_theme"
html_title = "ganlab"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_math_renderer = "mathml"
html_context = {"default_mode": "light"}  # the theme complains when it is left open
html_copy_source = False  # each chapter offers its notebook as it is in the repository
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "navbar_persistent": [],
    "show_navbar_depth": 1,
    "show_toc_level": 2,
}
