"""Every rule of key length can be chosen wherever one chooses, and its proof is listed; each failure names the file."""

from pathlib import Path

import pytest

from diqkd import choice_arguments
from postprocess.security.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
NAMED_IN = {
    "repository/generate_key.py": '"{}"',  # the dashboard's argument
    "docs/proofs/README.md": "| `{}`",
    "docs/security.md": "| `{}`",
}


def test_the_command_line_offers_every_rule():
    assert set(choice_arguments.RULES) == set(RULES), "RULES of diqkd/choice_arguments.py"


@pytest.mark.parametrize("file", NAMED_IN)
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_named_in(file, rule):
    assert NAMED_IN[file].format(rule) in (ROOT / file).read_text(), f"add the rule {rule} to {file}"


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_an_own_proof_is_a_page_of_the_site(rule):
    if rule.source.startswith("docs/"):
        assert (ROOT / rule.source).is_file(), f"{rule.source}: write the proof"
        page = rule.source.removeprefix("docs/").removesuffix(".md")
        assert f"\n{page}\n" in (ROOT / "docs" / "index.md").read_text(), f"add {page} to docs/index.md"
