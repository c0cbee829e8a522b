"""What a session asks of its scheduler: once, above its own priority, from its own revision, and with an end."""

import pytest
from artiq.language.core import TerminationRequested
from scripted_scheduler import EXPID, ScriptedScheduler

from procedures import submissions as module
from procedures.submissions import Submissions, Wanted

RELOAD = Wanted("reload_ion")
PI_TIME = Wanted("calibrate_pi_time", {"line": "mapping"})


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(module, "POLL_S", 0.0)


def test_it_runs_above_the_session_from_the_same_revision():
    scheduler = ScriptedScheduler(looks=3)
    assert Submissions(scheduler, 60.0).run_first([RELOAD, PI_TIME])
    assert scheduler.ran == [("reload_ion.py", {}), ("calibrate_pi_time.py", {"line": "mapping"})]
    assert scheduler.submitted[0] == EXPID | {"file": "reload_ion.py", "class_name": "ReloadIon", "arguments": {}}
    assert scheduler.submitted[1]["class_name"] == "CalibratePiTime"
    assert [run["priority"] for run in scheduler.schedule.values()] == [5, 6, 6]


def test_a_subfolder_stays_the_same():
    scheduler = ScriptedScheduler()
    scheduler.expid = EXPID | {"file": "/lab/repository/generate_key.py"}
    Submissions(scheduler, 60.0).run_first([RELOAD])
    assert scheduler.ran == [("/lab/repository/reload_ion.py", {})]


@pytest.mark.parametrize(
    ("entry", "submitted"),
    [
        ({"priority": 10}, 0),
        ({"priority": 6, "pipeline": "other"}, 0),
        ({"priority": 5}, 1),  # would wait for the session's end
        ({"priority": 10, "status": "analyzing"}, 1),
        ({"priority": 10, "due_date": 4e9}, 1),
    ],
)
def test_an_operators_is_not_doubled(entry, submitted):
    scheduler = ScriptedScheduler()
    scheduler.schedule[8] = ScriptedScheduler.entry(EXPID | {"file": "reload_ion.py", "arguments": {}}, **entry)
    assert Submissions(scheduler, 60.0).run_first([RELOAD])
    assert len(scheduler.submitted) == submitted


def test_another_line_is_another_calibration():
    scheduler = ScriptedScheduler()
    other = EXPID | {"file": "calibrate_pi_time.py", "arguments": {"line": "shelving"}}
    scheduler.schedule[8] = ScriptedScheduler.entry(other, 10)
    Submissions(scheduler, 60.0).run_first([PI_TIME])
    assert len(scheduler.submitted) == 1


@pytest.mark.parametrize("expid", [None, {"content": "class GenerateKey: ...", "class_name": None, "arguments": {}}])
def test_without_a_master_or_a_file_nothing_is_submitted(expid):
    scheduler = ScriptedScheduler()
    scheduler.expid = expid
    assert not Submissions(scheduler, 60.0).run_first([RELOAD])
    assert scheduler.submitted == []


def test_what_never_begins_is_taken_back():
    scheduler = ScriptedScheduler(looks=10**9)
    assert not Submissions(scheduler, 0.0).run_first([RELOAD])
    assert set(scheduler.schedule) == {7} and scheduler.ran == []


def test_the_operators_end_ends_it():
    scheduler = ScriptedScheduler()
    scheduler.end = True
    with pytest.raises(TerminationRequested):
        Submissions(scheduler, 60.0).run_first([RELOAD])
    assert len(scheduler.submitted) == 1 and set(scheduler.schedule) == {7}  # nothing of it runs afterwards
