"""The documentation site: `make docs`, then open docs/_build/index.html."""

from pyspapr import __version__

project = "pyspapr"
author = "The pyspapr developers"
copyright = author
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pyspapr {release}"
default_role = "code"  # in docstrings `x` is code
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
