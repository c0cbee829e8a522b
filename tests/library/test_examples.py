"""examples/ run as they stand; those that need a key delivery server are tested where there is one (tests/kme)."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from postprocess.security.rules import RULES
from tests.drawing.result_files import outcomes, write_results

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TESTED_ELSEWHERE = {"wireguard_psk.py": "tests/kme/test_kme_interface.py"}


def output(name, *arguments, cwd):
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    ended = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(EXAMPLES.parent)}
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_example_is_tested():
    here = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        elsewhere = TESTED_ELSEWHERE.get(path.name)
        assert path.name in (here if elsewhere is None else (EXAMPLES.parent / elsewhere).read_text()), path.name


def test_plan_own_link(tmp_path):
    lines = output("plan_own_link.py", "--rounds", 1_200_000, cwd=tmp_path).splitlines()
    assert [line.split()[0] for line in lines] == list(RULES)
    assert all("bits, gamma = " in line or "no key: " in line for line in lines)


def test_two_strings(tmp_path):
    text = output("two_strings.py", cwd=tmp_path)
    assert "744 bits of key, the same on both nodes: True" in text and "not to be used" in text


def test_read_result(tmp_path):
    x, y, a, b, patterns = outcomes(50_000)
    counts = np.zeros((4, 2, 3, 2, 2), np.int64)
    np.add.at(counts, (np.searchsorted([3, 5, 10, 12], patterns), x, y, a, b), 1)
    values = {"characterisation.counts": counts}
    values |= {f"characterisation.total_{name}": 2.7 if name.startswith("s") else 0.02 for name in ("score", "qber")}
    values |= {f"characterisation.total_{name}_error": 0.001 for name in ("score", "qber")}
    path = write_results(tmp_path / "link.h5", {f"diqkd.{name}": value for name, value in values.items()})
    text = output("read_result.py", path, cwd=tmp_path)
    assert "link: CharacteriseLink" in text and "5 000 000 rounds of it give" in text
