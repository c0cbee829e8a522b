"""The device table file: which node, which apparatus, and one line when it cannot tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from node.apparatus import describe
from node.crate import with_monitoring
from node_alice.devices import DEVICES as ALICES
from node_bob.devices import DEVICES as BOBS
from postprocess.errors import InvalidInput
from postprocess.plans.presets import paper
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
        ({"DIQKD_NODE": "bob"}, "DIQKD_APPARATUS is ''; set it to kasli, bringup, emulated or compiled"),
        (
            {"DIQKD_NODE": "bob", "DIQKD_APPARATUS": "sim"},
            "DIQKD_APPARATUS is 'sim'; set it to kasli, bringup, emulated or compiled",
        ),
    ],
)
def test_unknown_values_are_one_line(environment, complaint):
    done = evaluate(**environment)
    assert done.returncode == 1
    assert done.stderr.strip() == f"device_db.py: {complaint}"


@pytest.mark.parametrize(("devices", "host"), [(ALICES, "192.168.1.70"), (BOBS, "192.168.1.71")])
def test_bring_up_adds_monitoring_and_analyzer_and_nothing_else(devices, host):
    proxies = {"core_moninj", "core_analyzer"}
    assert not proxies & set(devices) and "analyzer_proxy" not in devices["core"]["arguments"]
    table = with_monitoring(devices)
    assert set(table) - set(devices) == proxies and "analyzer_proxy" not in devices["core"]["arguments"]
    assert table["core"]["arguments"] == devices["core"]["arguments"] | {"analyzer_proxy": "core_analyzer"}
    assert describe(table) == (describe(devices)[0], "bringup")
    assert {name for name in devices if table[name] != devices[name]} == {"core", "apparatus"}
    ports = [table[name][port] for name in proxies for port in ("port", "port_proxy")]
    assert sorted(ports) == [1383, 1384, 1385, 1386]
    for name in proxies:
        assert table[name]["command"].endswith(f" --bind {{bind}} {host}") and table[name]["host"] == "::1"
        assert table[name]["command"].startswith("aqctl_")


def test_bring_up_is_chosen_by_the_environment():
    done = evaluate(DIQKD_NODE="bob", DIQKD_APPARATUS="bringup")
    assert done.stdout.strip() == "{'node': 'bob', 'kind': 'bringup'} True", done.stderr


def test_no_key_is_made_while_a_crate_is_brought_up(tmp_path, monkeypatch):
    standin.install()
    from testbed.devices import emulate
    from testbed.nodes.worker import Worker

    table = emulate(with_monitoring(BOBS), "bob")
    table["apparatus"]["arguments"]["kind"] = "bringup"
    (tmp_path / "device_db.py").write_text(f"device_db = {table!r}")
    monkeypatch.setenv("DIQKD_HOME", str(tmp_path / "homes"))
    (tmp_path / "homes" / "bob").mkdir(parents=True, mode=0o700)
    worker = Worker(tmp_path / "homes" / "bob", tmp_path / "device_db.py")
    worker.build(ROOT / "repository" / "generate_key.py", None, {})
    try:
        with pytest.raises(InvalidInput) as refused:
            worker.prepare()
    finally:
        worker.close()
    assert "\n" not in str(refused.value) and "DIQKD_APPARATUS=kasli" in str(refused.value)
    with pytest.raises(InvalidInput, match="apparatus"):
        paper("s", "bringup")


def test_compiled_kernels_need_artiq():
    done = evaluate(DIQKD_NODE="bob", DIQKD_APPARATUS="compiled")
    if standin.install():
        assert done.returncode == 1 and "ARTIQ is not installed here" in done.stderr
        assert done.stderr.count("\n") == 1
    else:
        assert done.stdout.strip() == "{'node': 'bob', 'kind': 'emulated'} True", done.stderr
