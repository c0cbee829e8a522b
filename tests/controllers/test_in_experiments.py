"""An experiment asks for the controllers by name and gets them, served or in-process."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import os
from artiq.experiment import *

class Ask(EnvExperiment):
    def build(self):
        self.setattr_device("diqkd_keystore")
        self.setattr_device("diqkd_qrng")

    def run(self):
        self.set_dataset("K0", self.diqkd_keystore.balance()["K0"], broadcast=True)
        self.set_dataset("insecure", self.diqkd_qrng.health()["insecure"], broadcast=True)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("sipyco") is not None, reason="sipyco is installed: tests/artiq asks the served ones"
)
def test_in_process_without_sipyco(homes, tmp_path):
    (tmp_path / "ask.py").write_text(ASK)
    command = [sys.executable, "-m", "testbed.nodes.node_process", "--node", "alice", "--home", str(homes)]
    command += ["--experiment", str(tmp_path / "ask.py"), "--status", str(tmp_path / "status.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ}, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"insecure": false' in (tmp_path / "status.json").read_text()
