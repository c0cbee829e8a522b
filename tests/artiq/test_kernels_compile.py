"""Every kernel of every experiment compiles with the installed ARTIQ, against the Kasli device tables of both nodes."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compiler

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = sorted(path.name for path in (ROOT / "repository").glob("*.py"))

pytestmark = pytest.mark.skipif(not compiler.is_real_artiq(), reason=compiler.REASON)


@pytest.mark.parametrize("node", ["alice", "bob"])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_all_kernels_compile(node, name, monkeypatch, tmp_path):
    monkeypatch.setenv("DIQKD_NODE", node)
    monkeypatch.setenv("DIQKD_APPARATUS", "kasli")
    monkeypatch.delenv("DIQKD_HOME", raising=False)  # build() must not need it
    compiled = []
    with compiler.experiment(ROOT / "repository" / name, None, ROOT / "device_db.py", tmp_path) as instance:
        for part in compiler.parts(instance):
            for label, method, arguments in compiler.entry_points(part):
                compiler.compile_kernel(part, method, arguments)
                compiled.append(f"{type(part).__name__}.{label}")
    if name == "generate_key.py":
        expected = {"BlockLoop.run", "Heralding.until_herald", "QubitPulses.rotate_to_basis", "Readout.is_bright"}
        assert expected <= set(compiled)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_scanning_the_repository_needs_no_home_and_no_devices(name, monkeypatch):
    from artiq.master.worker_impl import ExamineDatasetMgr, examine

    class DeviceTable:
        @staticmethod
        def get_device_db():
            from node_bob.devices import DEVICES

            return DEVICES

        @staticmethod
        def get(name):
            return None

    found = {}
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    monkeypatch.setattr("artiq.master.worker_impl.register_experiment", lambda *args: found.update({args[0]: args}))
    examine(DeviceTable, ExamineDatasetMgr, str(ROOT / "repository" / name))
    assert found
    for _, title, arginfo, *_ in found.values():
        assert title and "\n" not in title
        assert all(tooltip and group for _, group, tooltip in arginfo.values())
