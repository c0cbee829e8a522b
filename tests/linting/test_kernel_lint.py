"""The kernel linter: every rule has a kernel that breaks it and one that does not, and our own kernels break none."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from kernel_samples import SAMPLES

from diqkd.linting.kernel_rules import RULES, lint

ROOT = Path(__file__).resolve().parents[2]
NAMES = [f"{number}-{sample.rule}" for number, sample in enumerate(SAMPLES)]


def findings(tmp_path, source):
    path = tmp_path / "sample.py"
    path.write_text(source)
    return lint(path)


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_a_broken_rule_is_found_and_named(tmp_path, sample):
    found = findings(tmp_path, sample.source(good=False))
    assert sample.rule in {finding.rule for finding in found}
    line = str(found[0])
    assert line.startswith(f"{tmp_path / 'sample.py'}:") and "\n" not in line


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_the_right_way_is_not_complained_about(tmp_path, sample):
    assert findings(tmp_path, sample.source(good=True)) == []


def test_every_rule_has_a_sample():
    assert {name for name, _ in RULES} == {sample.rule for sample in SAMPLES}


def test_host_code_may_do_what_kernels_may_not(tmp_path):
    source = "class Host:\n    def run(self):\n        return {x: f'{x}' for x in sorted(self.__items)}\n"
    assert findings(tmp_path, source) == []


def test_decorators_with_arguments_and_plain_functions_count(tmp_path):
    source = "@portable(flags={'fast-math'})\ndef f(x):\n    return sum(x)\n\n@kernel('core')\ndef g(x):\n    del x\n"
    assert [finding.rule for finding in findings(tmp_path, source)] == ["builtin", "syntax"]


def test_a_file_that_is_no_python_is_one_finding(tmp_path):
    assert [finding.rule for finding in findings(tmp_path, "def f(:\n")] == ["syntax"]


@pytest.mark.parametrize("folder", ["node", "node_alice", "node_bob", "procedures", "repository"])
def test_our_kernels_break_no_rule(folder):
    found = [finding for path in sorted((ROOT / folder).rglob("*.py")) for finding in lint(path)]
    assert found == []


def test_kernels_stay_short():
    from ast import parse

    from diqkd.linting.kernel_rules import kernels

    for folder in ("node", "node_alice", "node_bob", "procedures", "repository"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for kernel in kernels(parse(path.read_text())):
                length = kernel.function.end_lineno - kernel.function.lineno + 1
                assert length <= 60, f"{path.name}: {kernel.function.name} has {length} lines"


def test_the_command_prints_findings(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("@kernel\ndef f():\n    delay(1)\n")
    done = subprocess.run(
        [sys.executable, "-m", "diqkd", "lint-kernels", str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert f"{path}:3: integer delay: " in done.stdout
