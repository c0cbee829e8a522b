"""The device table file: which node, which apparatus, and one line when it cannot tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed import standin

ROOT = Path(__file__).resolve().parents[2]
SHOW = """
try:
    from device_db import device_db
except Exception as problem:
    raise SystemExit(str(problem))
print(device_db["apparatus"]["arguments"], device_db["entangler"]["arguments"]["is_master"])
"""


def evaluate(**environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DIQKD")}
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(command, cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True)


@pytest.mark.parametrize(("node", "master"), [("alice", False), ("bob", True)])
def test_kasli_table(node, master):
    done = evaluate(DIQKD_NODE=node, DIQKD_APPARATUS="kasli")
    assert done.stdout.strip() == f"{{'node': '{node}', 'kind': 'kasli'}} {master}", done.stderr


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "DIQKD_NODE is ''; set it to alice or bob"),
        ({"DIQKD_NODE": "eve", "DIQKD_APPARATUS": "kasli"}, "DIQKD_NODE is 'eve'; set it to alice or bob"),
        ({"DIQKD_NODE": "bob"}, "DIQKD_APPARATUS is ''; set it to kasli, emulated or compiled"),
        (
            {"DIQKD_NODE": "bob", "DIQKD_APPARATUS": "sim"},
            "DIQKD_APPARATUS is 'sim'; set it to kasli, emulated or compiled",
        ),
    ],
)
def test_unknown_values_are_one_line(environment, complaint):
    done = evaluate(**environment)
    assert done.returncode == 1
    assert done.stderr.strip() == f"device_db.py: {complaint}"


def test_compiled_kernels_need_artiq():
    done = evaluate(DIQKD_NODE="bob", DIQKD_APPARATUS="compiled")
    if standin.install():
        assert done.returncode == 1 and "ARTIQ is not installed here" in done.stderr
        assert done.stderr.count("\n") == 1
    else:
        assert done.stdout.strip() == "{'node': 'bob', 'kind': 'emulated'} True", done.stderr
