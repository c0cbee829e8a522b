"""Processes that hold secrets leave no core file: commands, node processes, and whoever opens a ledger."""

import subprocess
import sys

import pytest

ALLOWED = "import resource as r; r.setrlimit(r.RLIMIT_CORE, (r.getrlimit(r.RLIMIT_CORE)[1],) * 2)\n"
ASK = """
import ctypes
from pathlib import Path
line = next(line for line in Path("/proc/self/limits").read_text().splitlines() if line.startswith("Max core file"))
print(line.split()[4], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
WAYS = {
    "command": "from diqkd.main import main\ntry: main(['keys', 'show', '--home', 'none', '--node', 'bob'])\n"
    "except SystemExit: pass",
    "node process": "from testbed.nodes.node_process import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    "ledger": "from pathlib import Path\nfrom postprocess.keystore import open_ledger\n"
    "from postprocess.storage.node_home import NodeHome\nfrom postprocess.errors import InvalidInput\n"
    "Path('bob').mkdir(mode=0o700)\ntry: open_ledger(NodeHome('bob', '.'))\nexcept InvalidInput: pass",
}


def asked(way, folder):
    """(soft limit of core files in bytes, whether dumpable) at the end of a process that was allowed core files."""
    command = [sys.executable, "-c", ALLOWED + way + ASK]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return tuple(ended.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("way", WAYS)
def test_no_core_file(tmp_path, way):
    assert asked(WAYS[way], tmp_path) == ("0", "0")
    assert asked("pass", tmp_path)[1] == "1", "the test sees the difference"
