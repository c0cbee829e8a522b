"""One experiment through ARTIQ's lifecycle: build, prepare, run, analyze, and a results file in ARTIQ's layout.

ARTIQ's own managers do the work where ARTIQ is installed, the stand-in's otherwise; both have the same names. As
under a master: `run` may raise, then the results are written and `analyze` is skipped; the working folder is that of
the results.
"""

from __future__ import annotations

import copy
import io
import logging
import os
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import artiq
import h5py
from artiq import tools
from artiq.language.core import TerminationRequested
from artiq.language.environment import ProcessArgumentManager
from artiq.master.databases import DeviceDB
from artiq.master.worker_db import DatasetManager, DeviceManager

from postprocess.errors import DiqkdError
from postprocess.results.self_description import describe
from postprocess.storage.private_files import changing
from postprocess.storage.whole_files import draft_of, write_whole
from testbed.nodes.local_scheduler import LocalSchedule, LocalScheduler
from testbed.standin import pyon

LAST_RID = "last_rid.pyon"

logger = logging.getLogger(__name__)


class LocalCCB:
    """Client control broadcasts, which nobody listens to here; kept for tests."""

    def __init__(self) -> None:
        self.issued: list[tuple[str, tuple, dict]] = []

    def issue(self, service, *args, **kwargs):
        self.issued.append((service, args, kwargs))


class DatasetStore:
    """The master's side of datasets: broadcast ones in memory, persistent ones in a file too.

    Args:
        path: file of the persistent datasets, or None.
        on_change: called after every change of a broadcast dataset with all of them, key -> value.
    """

    def __init__(self, path: Path | None = None, on_change: Callable[[dict[str, Any]], None] | None = None):
        self.path = path
        self.on_change = on_change
        self.data: dict[str, tuple[bool, Any, dict]] = {}
        if path is not None and path.exists():
            kept = pyon.decode(path.read_text())
            self.data = {key: (True, value, metadata) for key, (value, metadata) in kept.items()}

    def get(self, key):
        return self.data[key][1]

    def get_metadata(self, key):
        return self.data[key][2]

    def update(self, mod):
        """Apply a modification as ARTIQ's workers send them."""
        key = mod["path"][0] if mod["path"] else mod["key"]
        if not mod["path"]:
            if mod["action"] == "setitem":
                self.data[key] = mod["value"]
            else:
                del self.data[key]
        # Deeper changes are in self.data already: worker and store are one process and share the values.
        if self.on_change is not None:
            self.on_change({name: entry[1] for name, entry in self.data.items()})

    def save(self) -> None:
        """Write the persistent datasets."""
        kept = {key: (value, metadata) for key, (persist, value, metadata) in self.data.items() if persist}
        if self.path is not None and (kept or self.path.exists()):
            write_whole(self.path, pyon.encode(kept).encode())


class Worker:
    """Runs one experiment, and in its pauses those that it submits.

    Args:
        folder: of the node; results go to results/DATE/HOUR/RID-Class.h5 below it.
        device_db: path of the device table.
        on_change: see DatasetStore.
    """

    def __init__(self, folder: Path, device_db: Path, on_change: Callable[[dict[str, Any]], None] | None = None):
        self.folder = Path(folder).resolve()
        self.datasets = DatasetStore(self.folder / "datasets.pyon", on_change)
        self.ccb = LocalCCB()
        self.devices = DeviceManager(DeviceDB(str(Path(device_db).resolve())), {})
        self.results = DatasetManager(self.datasets)
        self.scheduler: LocalScheduler | None = None
        self.experiment: Any = None
        self.file: Path | None = None

    def next_rid(self) -> int:
        """A run number, durable as a master's, and no other run's."""
        path = self.folder / LAST_RID
        with changing(self.folder):
            rid = pyon.decode(path.read_text()) + 1 if path.exists() else 0
            write_whole(path, f"{rid}\n".encode())
        return rid

    def build(self, file: Path, class_name: str | None, arguments: dict[str, Any]) -> None:
        """Import the experiment and construct it."""
        expid = {"log_level": 30, "file": str(file), "class_name": class_name, "arguments": arguments}
        schedule = LocalSchedule(self.next_rid, self._run_submitted)
        self._build(LocalScheduler(schedule, schedule.add("main", expid, 0)))

    def _build(self, scheduler: LocalScheduler) -> None:
        self._start = time.time()
        self._run_time: float | None = None
        self.scheduler, self.expid = scheduler, scheduler.expid
        file, class_name, arguments = (self.expid[name] for name in ("file", "class_name", "arguments"))
        self.devices.virtual_devices = {"scheduler": scheduler, "ccb": self.ccb}
        module = tools.file_import(str(Path(file).resolve()), prefix="artiq_worker_")
        self._class = tools.get_experiment(module, class_name)
        place = self.folder / "results" / time.strftime("%Y-%m-%d/%H", time.localtime(self._start))
        place.mkdir(parents=True, exist_ok=True)
        os.chdir(place)
        self.file = place / f"{scheduler.rid:09}-{self._class.__name__}.h5"
        supplied = ProcessArgumentManager(arguments)
        self.experiment = self._class((self.devices, self.results, supplied, {}))
        supplied.check_unprocessed_arguments()

    def _run_submitted(self, scheduler: LocalScheduler) -> None:
        """One experiment through its whole life while this one is paused, on the same devices; it fails alone."""
        other = copy.copy(self)
        other.results = DatasetManager(self.datasets)
        place, own, printed = Path.cwd(), self.devices.virtual_devices, io.StringIO()
        try:
            other._build(scheduler)
            for stage in (other.prepare, other.run, other.analyze):
                with redirect_stdout(printed):
                    stage()
        except TerminationRequested:
            logger.warning("%s: ended as asked", scheduler.expid["class_name"])
        except DiqkdError as problem:
            logger.error("%s: %s", scheduler.expid["class_name"], problem)
        except Exception:
            logger.exception("%s failed", scheduler.expid["class_name"])
        finally:
            for line in printed.getvalue().splitlines():
                logger.info("%s", line)  # stdout is the main experiment's
            self.devices.virtual_devices = own
            os.chdir(place)

    def prepare(self) -> None:
        self.experiment.prepare()

    def run(self) -> None:
        """Run; if that raises, the results so far are written."""
        self._run_time = time.time()
        try:
            self.experiment.run()
        except BaseException:
            self.write_results()
            raise
        finally:
            self.devices.notify_run_end()

    def analyze(self) -> None:
        """Analyze; the results are written in any case."""
        try:
            self.experiment.analyze()
        finally:
            self.write_results()

    def write_results(self) -> None:
        """The results file, in ARTIQ's layout, with what it says of itself as attributes."""
        assert self.file is not None
        draft = draft_of(self.file)
        try:
            with h5py.File(draft, "w") as f:
                self._fill(f)
        finally:  # what could be written before something that cannot, as ARTIQ's own worker leaves it
            draft.replace(self.file)

    def _fill(self, f: h5py.File) -> None:
        self.results.write_hdf5(f)
        f["artiq_version"] = artiq.__version__
        f["rid"] = self.scheduler.rid if self.scheduler else 0
        f["start_time"] = self._start
        f["run_time"] = self._run_time
        f["expid"] = pyon.encode(self.expid)
        describe(f)

    def close(self) -> None:
        self.devices.close_devices()
        self.datasets.save()
