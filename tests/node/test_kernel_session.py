"""Host side of the kernels: pauses, waits with a limit, and calibrations read again after each of them."""

import pytest

from node.node_errors import NodeNotReady
from node_bob.settings import DEFAULTS
from procedures import kernel_session as module
from procedures.calibration_file import write
from procedures.kernel_session import KernelSession
from procedures.upkeep import UpkeepPlan


class Node:
    """A node whose ion and laser come back after some looks."""

    def __init__(self, looks=0):
        self.looks, self.done = looks, []
        self.core = self.blocks = self.recovery = self
        self.defaults = self.settings = DEFAULTS

    def measure(self):
        return 2

    def close(self):
        self.done.append("close")

    def configure(self, settings):
        self.done.append("configured")
        self.settings = settings

    def ion_is_back(self, tries):
        self.looks -= 1
        return self.looks < 0

    def laser_is_locked(self):
        return self.ion_is_back(0)


class Scheduler:
    def __init__(self, done):
        self.done = done

    def pause(self):
        self.done.append("pause")


@pytest.fixture
def hands(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "LASER_INTERVAL_S", 0.0)

    def make(looks=0, patience_s=60.0):
        node = Node(looks)
        calibration = tmp_path / "calibration.json"
        write(DEFAULTS, calibration, {"readout.threshold": 6}, by="test")
        made = KernelSession(node, Scheduler(node.done), calibration, patience_s, node.done.append)
        return node, made

    return make


def test_a_pause_frees_the_core_and_reads_calibrations_again(hands, caplog):
    node, kernel_session = hands()
    with caplog.at_level("INFO"):
        kernel_session.pause("the peer has something to do")
    line = "paused: the peer has something to do"
    assert node.done == [line, "close", "pause", "configured", line]
    assert "threshold" not in caplog.text  # not even that it changed


def test_the_reason_for_leaving_is_logged(hands, caplog):
    _, kernel_session = hands()
    assert kernel_session.measure() == 2
    assert "reload the ion" in caplog.text


class Upkeep:
    """Has ions reloaded; the node sees one after `after` times."""

    plan = UpkeepPlan()

    def __init__(self, node, after):
        self.node, self.after, self.reloads = node, after, 0
        node.looks = 10**9

    def reload(self):
        assert self.node.done[-1] == "close"
        self.reloads += 1
        if self.reloads == self.after:
            self.node.looks = 0
        return self.after > 0

    def in_pause(self, show, node_is_good, why):
        raise AssertionError("a lost ion is no time for calibrations")


def test_a_lost_ion_is_reloaded(hands):
    node, kernel_session = hands()
    kernel_session.upkeep = Upkeep(node, after=2)
    kernel_session.recover_ion()
    assert kernel_session.upkeep.reloads == 2
    assert [line for line in node.done if line.startswith("paused")] == [
        "paused: reloading the ion (1 of 3)",
        "paused: reloading the ion (2 of 3)",
    ]
    assert node.done[-2:] == ["configured", ""]


def test_reloading_has_an_end_that_says_what_to_do(hands):
    node, kernel_session = hands()
    kernel_session.upkeep = Upkeep(node, after=99)
    with pytest.raises(NodeNotReady, match=r"the ion did not come back in 3 times of reloading: .*to resume"):
        kernel_session.recover_ion()
    assert kernel_session.upkeep.reloads == 3


def test_where_nobody_reloads_it_is_waited_for(hands):
    node, kernel_session = hands(patience_s=0.0)
    kernel_session.upkeep = Upkeep(node, after=0)
    with pytest.raises(NodeNotReady, match="the ion did not come back within 0 s"):
        kernel_session.recover_ion()
    assert kernel_session.upkeep.reloads == 1


@pytest.mark.parametrize("wait", ["recover_ion", "wait_for_laser"])
def test_waiting_gives_way_until_it_is_back(hands, wait):
    node, kernel_session = hands(looks=2)
    getattr(kernel_session, wait)()
    assert node.done.count("pause") == 2
    assert node.done[-2:] == ["configured", ""]


@pytest.mark.parametrize(("wait", "what"), [("recover_ion", "the ion"), ("wait_for_laser", "the 674 nm laser")])
def test_waiting_has_an_end_that_says_what_to_do(hands, wait, what):
    _, kernel_session = hands(looks=10**9, patience_s=0.0)
    with pytest.raises(NodeNotReady, match=f"{what} did not come back within 0 s: .*to resume"):
        getattr(kernel_session, wait)()


def test_a_calibration_reaches_the_kernels(make_rig, tmp_path):
    node, path = make_rig("bob").node, tmp_path / "calibration.json"
    kernels = KernelSession(node, Scheduler([]), path, 0.0, print)
    values = {"readout.threshold": 9, "qubit.pattern_phase": [0.1, 0.2, 0.3, 0.4], "shuttle.disconnected": [1.5] * 4}
    write(DEFAULTS, path, values, by="test")
    kernels.read_calibration()
    assert node.station.readout.threshold == 9
    assert node.station.qubit.analysis_turns[:4] == pytest.approx([x / 6.283185307 for x in (0.1, 0.2, 0.3, 0.4)])
    assert node.station.shuttle.disconnected_volts == [1.5] * 4
    path.unlink()
    kernels.read_calibration()
    assert node.station.readout.threshold == DEFAULTS.readout.threshold
