"""When a session pauses for itself, what it has done then, and when it asks for the operator."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from scripted_scheduler import ScriptedScheduler

from contract.patterns import PATTERNS
from node.node_errors import NodeNotReady
from node_bob.settings import DEFAULTS
from postprocess.calibration.running_order import RUNNING_ORDER, UPKEEP
from procedures import submissions
from procedures.calibration_log import keep_result
from procedures.herald_watch import HeraldWatch
from procedures.stale_calibrations import ages_h, require_fresh, stale, summary
from procedures.upkeep import TOO_OLD, Upkeep, UpkeepPlan

READOUT = UPKEEP["readout"]
EVEN = [0] * 16


@pytest.fixture
def make(tmp_path, monkeypatch):
    """make(plan, works=True) gives (upkeep, scheduler); calibrations that work leave their result."""
    monkeypatch.setattr(submissions, "POLL_S", 0.0)
    made = []

    def make(works=True, clock=lambda: 0.0, **plan):
        def does(expid):
            made.append(expid)
            if works:
                keep_result(tmp_path, "calibrate_readout", f"number {len(made)}")
                entries = json.loads((tmp_path / "calibrations.json").read_text())
                entries["calibrate_readout"]["measured"] += f" {len(made)}"  # two results in one millisecond differ
                (tmp_path / "calibrations.json").write_text(json.dumps(entries))

        scheduler = ScriptedScheduler(does)
        upkeep = Upkeep(scheduler, UpkeepPlan(**{"steps": READOUT} | plan), tmp_path, 60.0, clock)
        upkeep.begin_at(0, EVEN)
        return upkeep, scheduler

    return make


def pause(upkeep, good=True):
    """One pause; returns (lines shown, how often the node was looked at)."""
    shown, looks = [], []
    upkeep.in_pause(shown.append, lambda: looks.append(1) or good)
    return shown, len(looks)


def test_by_default_nothing_is_due(make):
    upkeep, scheduler = make()
    for done in range(1000, 50_000, 1000):
        upkeep.block_done(done, 100.0, EVEN)
    assert upkeep.pause_for() == "" and pause(upkeep) == ([], 0) and scheduler.ran == []


def test_every_so_many_rounds_whenever_the_session_was_resumed(make):
    upkeep, scheduler = make(recalibrate_rounds=2500)
    upkeep.begin_at(2000, EVEN)
    due = []
    for done in range(3000, 9000, 1000):
        upkeep.block_done(done, 100.0, EVEN)
        if upkeep.pause_for():
            due.append(done)
            assert upkeep.pause_for() == "recalibration"
            assert pause(upkeep) == (["paused: calibrating (recalibration)"], 0)
    assert due == [3000, 5000, 8000]
    assert [name for name, _ in scheduler.ran] == ["calibrate_readout.py"] * 3


def test_its_calibrations_reload_no_ion_either_where_the_session_must_not(make):
    upkeep, scheduler = make(recalibrate_rounds=1000, reload=False)
    upkeep.block_done(1000, 100.0, EVEN)
    pause(upkeep)
    ((name, arguments),) = scheduler.ran
    assert name == "calibrate_readout.py" and arguments["reload"] is False


def test_after_so_long(make):
    now = [0.0]
    upkeep, scheduler = make(recalibrate_s=600.0, clock=lambda: now[0])
    for seconds, due in ((599, False), (600, True), (1100, False), (1300, True)):
        now[0] = float(seconds)
        upkeep.block_done(1000, 100.0, EVEN)
        assert bool(upkeep.pause_for()) == due
        pause(upkeep)
    assert len(scheduler.ran) == 2


@pytest.mark.parametrize(
    ("seconds", "why", "times"),
    [(400, "alice: recalibration", 1), (200, "alice: recalibration", 0), (400, "alice: ion lost", 0)],
)
def test_a_node_joins_the_others_recalibration_when_its_own_is_near(make, seconds, why, times):
    now = [0.0]
    upkeep, scheduler = make(recalibrate_s=600.0, clock=lambda: now[0])
    now[0] = float(seconds)
    upkeep.in_pause(lambda line: None, lambda: True, why)
    assert len(scheduler.ran) == times
    upkeep.in_pause(lambda line: None, lambda: True, why)
    assert len(scheduler.ran) == times


def test_somebody_elses_experiment_is_no_calibration(make):
    upkeep, scheduler = make()
    scheduler.schedule[8] = ScriptedScheduler.entry({"file": "visit.py", "arguments": {}}, 10)
    assert upkeep.pause_for() == "another experiment" and pause(upkeep) == ([], 0)


@pytest.mark.parametrize("good", [True, False])
def test_a_check_that_fails_has_all_calibrations_measured(make, good):
    upkeep, scheduler = make(check_rounds=1000)
    upkeep.block_done(1000, 100.0, EVEN)
    assert upkeep.pause_for() == "check of the node"
    shown, looks = pause(upkeep, good)
    assert looks == 1 and shown[0] == "paused: checking the node"
    assert bool(scheduler.ran) == (not good) and upkeep.pause_for() == ""


def test_checks_that_fail_in_spite_of_calibrating_end_it(make):
    upkeep, scheduler = make(check_rounds=1000)
    for done, good in ((1000, False), (2000, False), (3000, True), (4000, False), (5000, False)):
        upkeep.block_done(done, 100.0, EVEN)
        pause(upkeep, good)
    assert len(scheduler.ran) == 4
    upkeep.block_done(6000, 100.0, EVEN)
    with pytest.raises(NodeNotReady, match="the node failed 3 checks in a row, in spite of calibrating"):
        pause(upkeep, good=False)


def test_a_calibration_without_result_is_borne_twice_in_a_row(make):
    upkeep, _ = make(works=False)
    for _ in range(2):
        upkeep.ask("test")
        pause(upkeep)
    upkeep.ask("test")
    with pytest.raises(NodeNotReady, match=r"calibrate_readout: no result, 3 times in a row; .*calibrations.json"):
        pause(upkeep)


def test_what_was_too_old_at_the_beginning_must_succeed_at_once(make):
    upkeep, _ = make(works=False)
    upkeep.ask(TOO_OLD)
    with pytest.raises(NodeNotReady, match="calibrate_readout: calibrations too old, and no result"):
        pause(upkeep)


def test_upkeep_measures_what_one_node_can_and_leaves_the_herald_phase():
    steps = {step.key: step for step in RUNNING_ORDER}
    for step in UPKEEP["all"]:
        assert not step.needs_peer and not step.laser and step.writes != "qubit.pattern_phase"
        assert step.key in steps and dict(step.given) == dict(steps[step.key].given)
    assert {step.key for step in UPKEEP["all"]} >= {"calibrate_readout", "calibrate_pi_time analysis"}


def counts(total, shares=(0.25, 0.25, 0.25, 0.25)):
    found = [0] * 16
    for pattern, share in zip(PATTERNS, shares, strict=True):
        found[pattern] = int(total * share)
    return found


def test_a_falling_herald_rate_is_seen_after_three_blocks_and_a_weak_block_is_not():
    watch = HeraldWatch()
    rates = [100.0, 0.0, 101, 99, 100, 102, 60, 98, 60, 60]
    assert [watch.look(rate, EVEN) for rate in rates] == [""] * len(rates)
    assert watch.look(55, EVEN) == "herald rate 55 Hz after 100 Hz"
    watch.forget()
    assert [watch.look(55, EVEN) for _ in range(20)] == [""] * 20


def test_patterns_out_of_balance_are_named():
    watch = HeraldWatch()
    watch.begin(counts(1000, (0.7, 0.1, 0.1, 0.1)))
    before = counts(1000, (0.7, 0.1, 0.1, 0.1))
    for total in (20_000, 40_000):
        now = [a + b for a, b in zip(before, counts(total), strict=True)]
        assert watch.look(0.0, now) == ""
    off = [a + b for a, b in zip(now, counts(20_000, (0.25, 0.25, 0.30, 0.20)), strict=True)]
    assert watch.look(0.0, off) == f"pattern {PATTERNS[2]:04b} in 30.0 % after 25.0 %"


NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def entries(path, **hours):
    content = {
        name.replace("__", "."): {"value": 6, "by": "x"}
        | ({} if age is None else {"measured": (NOW - timedelta(hours=age)).isoformat()})
        for name, age in hours.items()
    }
    path.write_text(json.dumps(content))
    return ages_h(path, NOW)


def test_stale_calibrations_are_refused_by_name(tmp_path):
    ages = entries(tmp_path / "c.json", readout__threshold=30.0, cooling__ion_counts=2.0, probe__tries=None)
    assert stale(ages, 24.0) == ["probe.tries", "readout.threshold"] and stale(ages, 0.0) == []
    told = r"older than 24 h: probe.tries \(no date\), readout.threshold \(30 h\); calibrate them, or .* max_age 0"
    with pytest.raises(NodeNotReady, match=told):
        require_fresh(ages, 24.0)
    require_fresh(ages, 24.0, frozenset(ages))
    require_fresh(ages, 0.0)


def test_what_was_never_calibrated_is_said(tmp_path):
    assert ages_h(tmp_path / "none.json") == {}
    require_fresh({}, 1.0)
    assert summary(DEFAULTS, {}).endswith("settings never calibrated: the operator's defaults")
    line = summary(DEFAULTS, entries(tmp_path / "c.json", readout__threshold=0.5, cooling__ion_counts=3.0))
    assert line.startswith("2 settings calibrated, oldest cooling.ion_counts (3 h); ")
