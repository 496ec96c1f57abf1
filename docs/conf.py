"""How Sphinx builds the documents: ``sphinx-build -W -n docs build/docs``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the pages that are generated import benchmarks and docs

from docs import pages

project = "elboproof"
author = "The elboproof authors"
copyright = author  # noqa: A001 - Sphinx's name
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["**/__pycache__"]
html_theme = "furo"
html_title = "elboproof"
html_theme_options = {  # lines of 96 characters of code fit into the column at a desktop's width
    "light_css_variables": {"code-font-size": "76%"},
    "dark_css_variables": {"code-font-size": "76%"},
}
highlight_language = "text"  # blocks that name no language are what a program printed
smartquotes = False  # f' is a derivative, W'W a product, and --strict an option

myst_heading_anchors = 3

# The class pages of the reference list their own members; names in signatures are linked by `pages.linked`.
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
maximum_signature_line_length = 88
# Types of other libraries, and of rooms that are no public API, are printed and have no page.
nitpick_ignore_regex = [("py:(class|obj|data|exc)", pages.FOREIGN)]


def setup(app: object) -> None:
    """Write the generated pages before any page is read."""
    pages.connect(app)
