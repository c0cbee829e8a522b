"""Sessions under two real masters: keys, overlap, lost peers, pauses, ends, and nothing private where others look."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from diqkd.main import main
from postprocess.keystore import open_ledger
from postprocess.storage.node_home import NodeHome
from testbed import standin

sys.path.insert(0, str(Path(__file__).parent))
import lab_kit

ROOT = Path(__file__).resolve().parents[2]
IS_REAL = not standin.active() and importlib.util.find_spec("artiq_comtools") is not None

pytestmark = pytest.mark.skipif(not IS_REAL, reason=lab_kit.REASON)

VISIT = """
from artiq.experiment import *

class Visit(EnvExperiment):
    def build(self):
        self.setattr_device("scheduler")
        self.setattr_device("diqkd_keystore")
        self.setattr_device("diqkd_qrng")

    def run(self):
        states = [run["status"] for run in self.scheduler.get_status().values()]
        self.set_dataset("visit.during", states, broadcast=True)
        self.set_dataset("visit.K0", self.diqkd_keystore.balance()["K0"], broadcast=True)
        self.set_dataset("visit.insecure", self.diqkd_qrng.health()["insecure"], broadcast=True)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with lab_kit.laboratory(tmp_path_factory.mktemp("lab") / "lab", ROOT) as lab:
        yield lab


@pytest.fixture(scope="module")
def pair(lab):
    """Two sessions, submitted at once; (reports, states seen together on Alice's master)."""
    rids = [lab_kit.submit(lab, name) for name in ("first", "second")]
    together = set()

    def done():
        schedule = lab.node("alice").schedule()
        together.add(frozenset(run["status"] for run in schedule.values()))
        return not {rid["alice"] for rid in rids} & set(schedule)

    lab_kit.wait_for(done, 300.0)
    lab_kit.wait(lab, rids[1])
    return [lab.report(name) for name in ("first", "second")], together, rids


def submit_file(lab, node, path, priority):
    expid = {"devarg_override": {}, "log_level": 30, "class_name": None, "arguments": {}, "file": str(path)}
    with lab.node(node).remote("control", "schedule") as schedule:
        return schedule.submit("main", expid, priority, None, False)


def test_both_sessions_end_with_the_same_key_on_both_nodes(pair):
    reports, _, _ = pair
    for report in reports:
        assert report["accepted"]
        assert report["keys_equal"]
        assert report["ledgers_consistent"]
        assert report["measured_score"] == pytest.approx(2.65, abs=0.25)


def test_analysis_overlaps_the_next_run(pair):
    _, together, _ = pair
    assert any({"analyzing", "running"} <= states for states in together), together


def test_results_are_in_artiqs_layout(lab, pair):
    import h5py

    for node, rid in pair[2][0].items():
        with h5py.File(lab_kit.results(lab, node, rid)) as file:
            assert {"artiq_version", "rid", "start_time", "run_time", "expid", "datasets"} <= set(file)
            assert file["datasets"]["diqkd.rounds.done"][()] == 8_000
            assert file["datasets"]["diqkd.rounds.apparatus"][()] == b"emulated"


def test_nothing_private_outside_the_homes(lab, pair):
    for session in ("first", "second"):
        strings = lab_kit.private_strings(lab, session)
        assert len(strings) >= 8
        for node in lab_kit.NODES:
            files = [path for path in (lab.folder / "masters" / node).rglob("*") if path.is_file()]
            assert {path.suffix for path in files} >= {".h5", ".log", ".mdb"}
            for path in files:
                assert lab_kit.seen(strings, path.read_bytes()) == [], path
            assert lab_kit.seen(strings, lab_kit.published(lab.node(node)).encode()) == []


def test_the_search_for_private_strings_finds_them(lab, pair):
    strings = lab_kit.private_strings(lab, "first")
    bits = strings["alice's outcomes"]
    for leak in (np.packbits(bits).tobytes(), bits.astype(np.int64).tobytes(), str(bits.tolist()).encode()):
        assert "alice's outcomes" in lab_kit.seen(strings, b"noise" * 3 + leak)


def test_a_lost_peer_costs_its_session_nothing_and_the_next_no_time(lab):
    rid = lab.node("bob").submit(lab_kit.arguments("lonely", peer_timeout=5.0))
    lab_kit.wait_for(lambda: lab_kit.state(lab, "bob", rid) is None)
    assert lab_kit.results(lab, "bob", rid) is not None
    written = lab_kit.log(lab, "bob")
    assert "start the peer and run again" in written
    rids = lab_kit.submit(lab, "lonely")
    lab_kit.wait(lab, rids)
    report = lab.report("lonely")
    assert report["accepted"] and report["keys_equal"]


def test_a_peer_killed_in_its_analysis_does_not_block_the_next_one(lab):
    rids = lab_kit.submit(lab, "bereaved", peer_timeout=20.0)
    lab_kit.wait_for(lambda: lab_kit.state(lab, "alice", rids["alice"]) == "analyzing")
    with lab.node("alice").remote("control", "schedule") as schedule:
        schedule.delete(rids["alice"])
    following = lab_kit.submit(lab, "following")
    lab_kit.wait(lab, following)
    lab_kit.wait(lab, rids)
    assert lab.report("following")["keys_equal"]
    lab_kit.wait(lab, lab_kit.submit(lab, "bereaved"))
    report = lab.report("bereaved")
    assert report["accepted"] and report["keys_equal"]


def test_more_urgent_experiments_come_between_blocks_and_ask_the_controllers(lab, tmp_path):
    (tmp_path / "visit.py").write_text(VISIT)
    rids = lab_kit.submit(lab, "interrupted", rounds=40_000)
    lab_kit.wait_for(lambda: lab_kit.has_measured(lab, "alice", "interrupted", 1000))
    visit = submit_file(lab, "alice", tmp_path / "visit.py", 10)
    lab_kit.wait_for(lambda: lab_kit.state(lab, "alice", visit) is None)
    alice = lab.node("alice")
    assert "paused" in alice.dataset("visit.during")
    assert alice.dataset("visit.K0") > 1_000_000
    assert alice.dataset("visit.insecure") is False
    lab_kit.wait(lab, rids)
    report = lab.report("interrupted")
    assert report["accepted"] and report["keys_equal"]


def test_a_session_ended_by_the_operator_resumes(lab):
    rids = lab_kit.submit(lab, "ended", rounds=40_000, peer_timeout=20.0)
    lab_kit.wait_for(lambda: lab_kit.has_measured(lab, "bob", "ended", 1000))
    with lab.node("bob").remote("control", "schedule") as schedule:
        schedule.request_termination(rids["bob"])
    lab_kit.wait(lab, rids)
    assert all(lab_kit.results(lab, node, rid) is not None for node, rid in rids.items())
    assert not lab.report("ended")["accepted"]
    lab_kit.wait(lab, lab_kit.submit(lab, "ended", rounds=40_000))
    report = lab.report("ended")
    assert report["accepted"] and report["keys_equal"]


def test_other_parameters_at_the_peer_end_both_runs_with_the_field_named(lab):
    alice = lab.node("alice").submit(lab_kit.arguments("unequal"))
    bob = lab.node("bob").submit(lab_kit.arguments("unequal") | {"block_rounds": 400})
    lab_kit.wait(lab, {"alice": alice, "bob": bob})
    for node in lab_kit.NODES:
        assert "parameter mismatch" in lab_kit.log(lab, node)
        assert "block_rounds" in lab_kit.log(lab, node)
    assert lab.report("unequal")["abort_reason"] == "parameter mismatch"


def test_queues_that_differ_are_named_and_end_in_time(lab):
    rids = {node: lab.node(node).submit(lab_kit.arguments(f"{node}-only", peer_timeout=20.0)) for node in lab_kit.NODES}
    lab_kit.wait(lab, rids)
    assert "bob is at session 'bob-only', this node waits for it at 'alice-only'" in lab_kit.log(lab, "alice")
    assert "alice is at session 'alice-only', this node waits for it at 'bob-only'" in lab_kit.log(lab, "bob")


def test_bobs_submission_asks_alices_master_for_hers(lab):
    address = f"127.0.0.1:{lab.node('alice').ports['control']}"
    bob = lab.node("bob").submit(lab_kit.arguments("asked") | {"ask_peer": address})
    lab_kit.wait_for(lambda: lab.node("alice").schedule())
    ((alice, run),) = lab.node("alice").schedule().items()
    assert run["expid"]["arguments"] == lab_kit.arguments("asked")
    lab_kit.wait(lab, {"alice": alice, "bob": bob})
    report = lab.report("asked")
    assert report["accepted"] and report["keys_equal"]


def test_asking_over_a_network_is_refused_before_anything_is_spent(lab):
    rid = lab.node("bob").submit(lab_kit.arguments("exposed") | {"ask_peer": "10.0.0.2:3251"})
    lab_kit.wait_for(lambda: lab_kit.state(lab, "bob", rid) is None)
    assert "forward it through ssh and give 127.0.0.1:PORT" in lab_kit.log(lab, "bob")
    with lab.node("bob").remote("diqkd_keystore", "diqkd_keystore") as ledger:
        assert "exposed" not in [session["session_id"] for session in ledger.sessions()]


def test_down_ends_all_and_the_same_folder_comes_up_again(lab):
    names = {process.name for process in lab.running()}
    assert names == {"alice's master", "alice's ctlmgr", "bob's master", "bob's ctlmgr"}
    assert all(all(node["controllers"].values()) for node in lab.status().values())
    (manager,) = [process for process in lab.running() if process.name == "alice's ctlmgr"]
    os.kill(manager.pid, signal.SIGKILL)  # its controllers outlive it
    lab.down()
    assert lab.running() == []
    ports = [lab.node(node).ports[name] for node in lab_kit.NODES for name in ("diqkd_keystore", "diqkd_qrng")]
    lab_kit.wait_for(lambda: not any(map(lab_kit.listens, ports)), 10.0)
    lab.up(ROOT)
    lab_kit.wait(lab, lab_kit.submit(lab, "afterwards", rounds=6000))
    assert lab.report("afterwards")["abort_reason"] is None


def test_a_session_by_another_rule_with_a_public_seed(lab):
    own = {"rule": "renyi", "extractor": "toeplitz", "syndrome": "tight", "allowance": 564}
    rids = {node: lab.node(node).submit(lab_kit.arguments("own-rule") | own) for node in lab_kit.NODES}
    lab_kit.wait(lab, rids)
    report = lab.report("own-rule")
    assert report["accepted"]
    assert report["keys_equal"]
    with open_ledger(NodeHome("alice", lab.folder / "homes")) as ledger:
        parameters = ledger.session("own-rule").parameters
    assert (parameters.rule, parameters.extractor, parameters.allowance) == ("renyi", "toeplitz", 564)


def test_a_dead_master_is_named_and_replaced(lab, capsys):
    """Case M17: status says what to do, and up does it."""
    (master,) = [process for process in lab.running() if process.name == "alice's master"]
    os.kill(master.pid, signal.SIGKILL)
    lab_kit.wait_for(lambda: "alice's master" not in {process.name for process in lab.running()}, 10.0)
    assert main(["lab", "status", "--home", str(lab.folder)]) == 0
    said = capsys.readouterr().out
    assert "Something has ended: `diqkd lab up" in said and "ports: " in said
    lab.up(ROOT)
    lab_kit.wait(lab, lab_kit.submit(lab, "replaced", rounds=6000))
    assert lab.report("replaced")["keys_equal"]
