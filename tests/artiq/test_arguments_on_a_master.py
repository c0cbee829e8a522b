"""Every argument of every experiment on a real master: as it lists them, as the dashboard's editor shows and submits
them, and as artiq_client submits others."""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed import standin
from testbed.nodes.masters import HOST, NodeMasters, choose_ports, stop
from testbed.physics import laboratory
from testbed.standin import pyon

sys.path.insert(0, str(Path(__file__).parent))
import lab_kit

HERE, ROOT = Path(__file__).parent, Path(__file__).resolve().parents[2]
IS_REAL = not standin.active() and importlib.util.find_spec("artiq_comtools") is not None
HAS_QT = any(importlib.util.find_spec(name) for name in ("PyQt5", "PyQt6"))
PLAIN = {"gamma_256": ["13"], "eps_snd": ["1e-10"], "qber": ["1.8 %"]}  # what an operator reads

pytestmark = pytest.mark.skipif(not IS_REAL, reason="ARTIQ is not installed here: no master took any argument")


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arguments")
    (folder / "homes" / "bob").mkdir(parents=True, mode=0o700)
    laboratory.create(folder / "laboratory")
    node = NodeMasters("bob", folder, choose_ports("bob"))
    node.set_up(ROOT)
    processes = node.start()
    try:
        yield node
    finally:
        stop(processes)


@pytest.fixture(scope="module")
def listed(master):
    """Class -> (title, arguments: name -> (description, group, tooltip)), as the master tells its clients."""
    files = len(list((ROOT / "repository").glob("*.py")))
    found = lab_kit.wait_for(lambda: told if len(told := asyncio.run(explist(master))) >= files else None)
    return {entry["class_name"]: (title, entry["arginfo"]) for title, entry in found.items()}


async def explist(master):
    from sipyco.sync_struct import Subscriber

    told, struct = asyncio.Event(), {}

    def take(initial):
        struct.update(initial)
        told.set()
        return struct

    subscriber = Subscriber("explist", take)
    await subscriber.connect(HOST, master.ports["notify"])
    await asyncio.wait_for(told.wait(), 60)
    await subscriber.close()
    return struct


def other(description):
    """A value that is not the default, as PYON has it, and what the experiment then gets."""
    kind, default = description["ty"], description.get("default")
    if kind == "NumberValue":
        value = description["min"] if description["min"] != default else description["max"]
        return (int if description["type"] == "int" else float)(value)
    if kind == "BooleanValue":
        return not default
    if kind == "EnumerationValue":
        return next(choice for choice in description["choices"] if choice != default)
    if kind == "StringValue":
        return f"{default}-other"
    assert kind == "Scannable"
    return {"ty": "ExplicitScan", "sequence": [description["global_min"], description["global_max"]]}


def echoed(master, rid):
    lab_kit.wait_for(lambda: rid not in master.schedule())
    text = master.dataset(f"echo.{rid}")
    assert text is not None, (master.working_folder / "master.log").read_text()[-3000:]
    return json.loads(text)


def submitted_by_client(master, class_name, arguments):
    """RID of a submission by the command line."""
    command = [sys.executable, "-m", "artiq.frontend.artiq_client", "-s", HOST, "--port", str(master.ports["control"])]
    command += ["submit", "-c", class_name, str(HERE / "echo_arguments.py")]
    command += [f"{name}={pyon.encode(value)}" for name, value in arguments.items()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("RID:")[1])


def test_other_values_arrive_through_artiq_client(master, listed):
    assert len(listed) == len(list((ROOT / "repository").glob("*.py")))
    given = {name: {key: other(told[0]) for key, told in arguments.items()} for name, (_, arguments) in listed.items()}
    rids = {name: submitted_by_client(master, name, arguments) for name, arguments in given.items()}
    for name, rid in rids.items():
        assert echoed(master, rid) == given[name], name


@pytest.mark.skipif(not HAS_QT, reason="Qt is not installed here: no argument editor was built")
def test_the_dashboards_editor_shows_and_submits_the_defaults(master, listed, tmp_path):
    rids, submitted = {}, {}
    for name, (_, arguments) in listed.items():
        if not arguments:
            continue
        picture = tmp_path / f"{name}.png"
        done = subprocess.run(
            [sys.executable, str(HERE / "argument_editor.py"), str(picture)],
            input=json.dumps(arguments), capture_output=True, text=True, timeout=300,
            env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        )  # fmt: skip
        assert done.returncode == 0 and picture.stat().st_size > 5000, done.stderr
        told = json.loads(done.stdout)
        for key, (description, _, tooltip) in arguments.items():
            assert tooltip, f"{name}.{key}"
            shown = told[key]["shown"]
            if description["ty"] == "NumberValue":
                assert len(shown[0].split()[0]) <= 12 and shown[0] == PLAIN.get(key, shown)[0], f"{name}.{key}: {shown}"
        submitted[name] = {key: told[key]["submitted"] for key in arguments}
        expid = {"devarg_override": {}, "log_level": 30, "repo_rev": None, "class_name": name}
        expid |= {"file": str(HERE / "echo_arguments.py"), "arguments": submitted[name]}
        with master.remote("control", "schedule") as schedule:
            rids[name] = schedule.submit("main", expid, 0, None, False)
    for name, rid in rids.items():
        found = echoed(master, rid)
        for key, (description, _, _) in listed[name][1].items():
            default = description["default"]
            if description["ty"] == "Scannable":  # Qt ticks a box with 2
                found[key]["randomize"], default = bool(found[key]["randomize"]), default[0]
            assert found[key] == pytest.approx(default), f"{name}.{key}"
