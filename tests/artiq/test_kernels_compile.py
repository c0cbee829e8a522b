"""Every kernel of every experiment compiles with the installed ARTIQ, against the Kasli device tables of both nodes."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compiler

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = sorted(path.name for path in (ROOT / "repository").glob("*.py"))

WITHOUT_KERNELS = {"check_random_source.py", "show_applets.py"}
ROUND_KERNELS = {"BlockLoop.run", "Heralding.until_herald", "QubitPulses.rotate_to_basis", "Readout.is_bright"}
SCAN_KERNELS = {"Probe.measure_point", "AttemptCounter.measure_point", "LeakCounter.measure_point"}
LOADING_KERNELS = {"Reloading.look", "Reloading.load", "Reloading.close"}
done: set[tuple[str, ...]] = set()

pytestmark = pytest.mark.skipif(not compiler.is_real_artiq(), reason=compiler.REASON)


@pytest.mark.parametrize("node", ["alice", "bob"])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_all_kernels_compile(node, name, monkeypatch, tmp_path):
    monkeypatch.setenv("DIQKD_NODE", node)
    monkeypatch.setenv("DIQKD_APPARATUS", "kasli")
    monkeypatch.delenv("DIQKD_HOME", raising=False)  # build() must not need it
    found = set()
    with compiler.experiment(ROOT / "repository" / name, None, ROOT / "device_db.py", tmp_path) as instance:
        for part in compiler.parts(instance):
            for label, method, arguments in compiler.entry_points(part):
                found.add(f"{type(part).__name__}.{label}")
                if (key := (node, label, *shape(part))) not in done:
                    compiler.compile_kernel(part, method, arguments)
                    done.add(key)
    scans = found & SCAN_KERNELS
    if name in WITHOUT_KERNELS:
        assert found == set()
    else:
        assert found >= ROUND_KERNELS
        assert ("PointLoop.run" in found) == bool(scans) == hasattr(instance, "loop")
        assert (found >= LOADING_KERNELS) == (name == "reload_ion.py")


def shape(part):
    """A part's class with the classes of what it holds: all that its kernels' types depend on, so that what several
    experiments share is compiled once."""
    return type(part).__qualname__, *(type(held).__qualname__ for held in vars(part).values())


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
    # A scan forgets what it imported; here that would leave two of each driver.
    monkeypatch.setattr("artiq.master.worker_impl.sys", SimpleNamespace(modules={}))
    examine(DeviceTable, ExamineDatasetMgr, str(ROOT / "repository" / name))
    assert found
    for _, title, arginfo, *_ in found.values():
        assert title and "\n" not in title
        assert all(tooltip and group for _, group, tooltip in arginfo.values())
