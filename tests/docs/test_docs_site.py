"""The site: it builds without a warning, holds every page, and no page loads anything from elsewhere."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
MISSING = [name for name in ("sphinx", "furo", "myst_parser", "latex2mathml") if importlib.util.find_spec(name) is None]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if MISSING:
        pytest.skip(f"the site was NOT built: {', '.join(MISSING)} not installed (pip install -e '.[docs]')")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    command += ["-d", str(folder / "trees"), str(DOCS), str(folder / "html")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return folder / "html"


def test_every_page_of_docs_is_in_the_site(site):
    sources = [path.relative_to(DOCS) for kind in ("*.md", "*.ipynb") for path in DOCS.rglob(kind)]
    assert len(sources) > 15
    assert all((site / path).with_suffix(".html").is_file() for path in sources if "_build" not in path.parts)


def test_no_page_needs_a_network(site):
    """Links that a reader follows may lead away; scripts, styles, fonts and pictures may not."""
    for page in site.rglob("*.html"):
        text = page.read_text()
        loaded = re.findall(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]*)"', text)
        loaded += re.findall(r'<link\b[^>]*\brel="(?:stylesheet|preload|icon)"[^>]*\bhref="([^"]*)"', text)
        assert not [name for name in loaded if re.match(r"(?:https?:)?//", name)], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//", style.read_text()), style.name


def test_formulas_are_mathml(site):
    text = (site / "proofs" / "renyi.html").read_text()
    assert text.count("<math ") > 300 and "\\frac" not in text


def test_the_public_functions_are_described(site):
    text = (site / "python_api.html").read_text()
    assert 'id="diqkd.library.planned_sessions.plan"' in text or 'id="diqkd.plan"' in text
    assert "soundness error" in text
