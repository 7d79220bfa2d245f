"""How the documentation is built: ``make docs``."""

import sys
from pathlib import Path

import zerosum

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Zerosum"
author = "the Zerosum authors"
copyright = "2026, the Zerosum authors"
release = version = zerosum.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml", "recipe_pages"]
exclude_patterns = ["_build", "_ext"]
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["zerosum.css"]
html_theme = "furo"
html_title = f"Zerosum {release}"

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
nitpicky = False
