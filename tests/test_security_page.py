"""docs/security.md: each attack and fault of its table has the test that it names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROWS = re.findall(r"^\| ([CHML]\d+) \| [^|]+ \| `(tests/[^`]+)` \|$", (ROOT / "docs" / "security.md").read_text(), re.M)


def test_every_case_is_in_the_table():
    expected = {
        f"{kind}{number}" for kind, most in (("C", 5), ("H", 5), ("M", 17), ("L", 11)) for number in range(1, most + 1)
    }
    assert [case for case, _ in ROWS] == sorted(expected, key=lambda case: ("CHML".index(case[0]), int(case[1:])))


@pytest.mark.parametrize(("case", "test"), ROWS)
def test_the_named_test_names_its_case(case, test):
    assert re.search(rf"[Cc]ases? ([A-Z]\d+(, | and ))*{case}\b", (ROOT / test).read_text())
