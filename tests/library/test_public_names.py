"""`import diqkd`: what it offers is there, described, listed on its page, and costs nothing before its first use."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import diqkd

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python_api.md").read_text()
NAMES = sorted(set(diqkd.__all__) - {"__version__"})


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_described(name):
    found = getattr(diqkd, name)
    assert inspect.getdoc(found) and name in dir(diqkd)
    assert re.search(rf"^\.\. auto\w+:: diqkd\.{name}$", PAGE, re.MULTILINE), f"docs/python_api.md lacks {name}"
    if inspect.isfunction(found):
        parts = inspect.signature(found)
        assert all(each.annotation is not each.empty for each in parts.parameters.values())
        assert parts.return_annotation is not parts.empty


def test_the_page_describes_nothing_else():
    assert sorted(re.findall(r"^\.\. auto\w+:: diqkd\.(\w+)$", PAGE, re.MULTILINE)) == NAMES


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'keys'"):
        diqkd.keys  # noqa: B018


def test_type_checkers_see_the_same_names():
    """Names for type checkers stand in the module's text; they must be those that are loaded."""
    block = (ROOT / "diqkd" / "__init__.py").read_text().split("if TYPE_CHECKING:\n")[1].split("\n_HOME")[0]
    imported = set(re.findall(r"\w+", re.sub(r"from [\w.]+ import", "", block))) - {""}
    assert imported == set(NAMES)


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, diqkd; print([m for m in ('numpy', 'scipy', 'numba', 'h5py', 'postprocess') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.strip() == "[]"
