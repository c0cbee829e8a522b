"""What an experiment submits runs in its pauses, as under a master: by priority, whole, and failing alone."""

import logging

import h5py
import pytest
from artiq.language.core import TerminationRequested

from testbed.nodes.node_process import _print_results
from testbed.nodes.worker import Worker

TABLE = "device_db = {}\n"
MAIN = '''
import logging

from artiq.experiment import *


class Main(EnvExperiment):
    """Submits and gives way"""

    def build(self):
        self.setattr_device("scheduler")

    def run(self):
        pass


class Note(EnvExperiment):
    """Leaves a note at every stage"""

    def build(self):
        self.setattr_device("scheduler")
        self.setattr_argument("name", StringValue("one"))
        self.setattr_argument("fails", BooleanValue(False))
        self.setattr_argument("below", BooleanValue(False))

    def run(self):
        logging.getLogger("diqkd.results").info("note of " + self.name)
        states = [run["status"] for run in self.scheduler.get_status().values()]
        self.set_dataset("states." + self.name, ", ".join(states), broadcast=True)
        if self.below:
            expid = dict(self.scheduler.expid, arguments={"name": "inner"})
            self.scheduler.submit(expid=expid, priority=self.scheduler.priority + 1)
            self.scheduler.pause()
        if self.fails:
            raise ValueError("on purpose")

    def analyze(self):
        self.set_dataset("analysed." + self.name, True, broadcast=True)
'''


@pytest.fixture
def worker(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "device_db.py").write_text(TABLE)
    (tmp_path / "main.py").write_text(MAIN)
    worker = Worker(tmp_path / "bob", tmp_path / "device_db.py")
    (tmp_path / "bob").mkdir()
    worker.build(tmp_path / "main.py", "Main", {})
    yield worker
    worker.close()


def submit(worker, priority=1, **arguments):
    scheduler = worker.scheduler
    expid = {**scheduler.expid, "class_name": "Note", "arguments": arguments}
    return scheduler.submit(scheduler.pipeline_name, expid, priority, None, False)


def seen(worker):
    return {key: entry[1] for key, entry in worker.datasets.data.items()}


def test_only_what_is_more_urgent_runs_in_a_pause_and_leaves_its_results(worker):
    assert not worker.scheduler.check_pause()
    later, now = submit(worker, 0, name="later"), submit(worker, 1, name="now")
    assert worker.scheduler.check_pause()
    states = {rid: run["status"] for rid, run in worker.scheduler.get_status().items()}
    assert states == {worker.scheduler.rid: "running", later: "pending", now: "pending"}
    place, rid = worker.file.parent, worker.scheduler.rid
    worker.scheduler.pause()
    assert seen(worker) == {"states.now": "paused, pending, running", "analysed.now": True}
    assert worker.experiment.scheduler is worker.scheduler and worker.scheduler.rid == rid
    assert set(worker.scheduler.get_status()) == {rid, later} and not worker.scheduler.check_pause()
    (written,) = place.glob(f"{now:09}-Note.h5")
    with h5py.File(written) as file:
        assert file["datasets"]["states.now"][()] == b"paused, pending, running" and file["rid"][()] == now


def test_the_most_urgent_goes_first_and_one_that_fails_fails_alone(worker, caplog):
    submit(worker, 1, name="second", fails=True)
    submit(worker, 2, name="first", below=True)
    worker.scheduler.pause()
    assert list(seen(worker)) == ["states.first", "states.inner", "analysed.inner", "analysed.first", "states.second"]
    assert "on purpose" in caplog.text
    assert set(worker.scheduler.get_status()) == {worker.scheduler.rid}


def test_what_it_finds_is_not_printed_among_the_results_of_the_main_experiment(worker, caplog, capsys, monkeypatch):
    results = logging.getLogger("diqkd.results")
    for name, value in (("handlers", []), ("propagate", True), ("level", logging.INFO)):
        monkeypatch.setattr(results, name, value)
    _print_results()
    submit(worker, name="one")
    with caplog.at_level("INFO"):
        worker.scheduler.pause()
    assert capsys.readouterr().out == "" and "note of one" in caplog.messages
    results.info("of the main experiment")
    assert capsys.readouterr().out == "of the main experiment\n"


def test_what_is_not_there_is_logged(worker, caplog):
    expid = {**worker.scheduler.expid, "file": "nowhere.py", "class_name": "Nothing", "arguments": {}}
    worker.scheduler.submit("main", expid, 1, None, False)
    worker.scheduler.pause()
    assert "Nothing" in caplog.text


def test_a_run_that_waits_can_be_deleted_and_an_end_comes_before_the_others(worker):
    worker.scheduler.delete(submit(worker, name="deleted"))
    submit(worker, name="waiting")
    worker.scheduler.request_termination(worker.scheduler.rid)
    with pytest.raises(TerminationRequested):
        worker.scheduler.pause()
    assert seen(worker) == {}
