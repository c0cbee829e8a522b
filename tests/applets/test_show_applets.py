"""The experiment that lists the applets in every dashboard."""

import importlib.util
import inspect
import shlex
import string
from pathlib import Path

import pytest

from testbed.nodes.worker import Worker

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def issued(tmp_path, monkeypatch):
    """What the experiment broadcasts: (service, args, kwargs) each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIQKD_NODE", "bob")
    monkeypatch.setenv("DIQKD_APPARATUS", "kasli")
    worker = Worker(tmp_path, ROOT / "device_db.py")
    worker.build(ROOT / "repository" / "show_applets.py", None, {})
    worker.prepare()
    worker.run()
    worker.analyze()
    worker.close()
    return worker.ccb.issued


def test_every_applet_of_the_room_is_listed_once(issued):
    commands = [kwargs.get("command") or args[1] for _, args, kwargs in issued]
    modules = [shlex.split(string.Template(command).substitute(python="python3"))[2] for command in commands]
    room = {f"applets.{path.stem}" for path in (ROOT / "applets").glob("*.py") if path.stem != "__init__"}
    assert sorted(modules) == sorted(room)
    assert all(importlib.util.find_spec(module) is not None for module in modules)


def test_they_stand_in_one_group_under_different_names(issued):
    assert {service for service, _, _ in issued} == {"create_applet"}
    assert {kwargs["group"] for _, _, kwargs in issued} == {"diqkd"}
    assert len({args[0] for _, args, _ in issued}) == len(issued)


def test_the_dashboard_takes_these_requests(issued, qt):
    from artiq.dashboard.applets_ccb import AppletsCCBDock

    for service, args, kwargs in issued:
        inspect.signature(getattr(AppletsCCBDock, f"ccb_{service}")).bind(None, *args, **kwargs)
