"""Sphinx's configuration: the pages of docs/ as a site that needs no network, built by `make docs`."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent)]

project = "diqkd"
author = "The diqkd developers"
copyright = "the diqkd developers; LGPL-3.0-or-later"
release = version = re.search(r'__version__ = "(.+)"', (HERE.parent / "diqkd" / "__init__.py").read_text())[1]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "house_docstrings",
    "mathml_formulas",
    "notebook_pages",
    "unbroken_numbers",
]
exclude_patterns = ["_build", "_extensions"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!diqkd\.).*")]  # types of other libraries have other names in other versions

myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # pages that include another begin with its first heading

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
default_role = "code"
python_maximum_signature_line_length = 80
add_module_names = False

smartquotes = False
html_theme = "furo"
html_title = f"diqkd {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None
linkcheck_anchors = False
linkcheck_timeout = 30
