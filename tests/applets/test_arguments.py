"""Arguments of every experiment in the entry fields of a real dashboard."""

from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = sorted(path.name for path in (ROOT / "repository").glob("*.py"))


class DeviceTable:
    """What a scan of a repository sees of devices."""

    @staticmethod
    def get_device_db():
        from node_bob.devices import DEVICES

        return DEVICES

    @staticmethod
    def get(name):
        return None


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_dashboard_can_show_every_argument(name, qt, monkeypatch):
    """A dashboard picks an integer field by precision, scale and step alone; its bounds must then be integers too."""
    from artiq.gui.entries import procdesc_to_entry
    from artiq.master import worker_impl

    found = {}
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    monkeypatch.setattr(worker_impl, "register_experiment", lambda *args: found.update({args[0]: args[2]}))
    monkeypatch.setattr(worker_impl, "sys", SimpleNamespace(modules={}))  # a scan forgets what it imported: not here
    worker_impl.examine(DeviceTable, worker_impl.ExamineDatasetMgr, str(ROOT / "repository" / name))
    assert found
    for arguments in found.values():
        for argument, (description, group, tooltip) in arguments.items():
            kind = procdesc_to_entry(description)
            state = kind.default_state(description)
            try:
                entry = kind({"desc": description, "state": state, "group": group, "tooltip": tooltip})
            except TypeError as problem:
                pytest.fail(f"{name}: {argument}: no dashboard can open this experiment: {problem}")
            assert kind.state_to_value(state) == description["default"]
            entry.deleteLater()
