"""What an experiment can observe of ARTIQ, as JSON: run by tests under whichever `artiq` is present.

    python contract_cases.py FILE     writes the observations; contract.json was written under ARTIQ release-8

The emulated core device is the same in both cases; the language, the managers and the worker's order of things are not.
"""

import json
import logging
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from testbed import standin  # noqa: E402

standin.install()

import h5py  # noqa: E402
import numpy as np  # noqa: E402

EXPERIMENTS = HERE / "experiments" / "contract.py"
VARYING = ("start_time", "run_time", "artiq_version", "expid")
SUPPLIED = {"number": 3, "whole": 7, "flag": True, "choice": "b", "text": "x", "any": "[1, (2, 3)]", "must": 1.5}
SCAN = {"ty": "RangeScan", "start": 0.0, "stop": 1.0, "npoints": 3}
DEVICE_DB = """
from testbed import standin
standin.install()
def entry(module, class_, **arguments):
    return {"type": "local", "module": "testbed.drivers." + module, "class": class_, "arguments": arguments}
device_db = {
    "core": entry("core", "Core", host=None, ref_period=1e-9),
    "ttl0": entry("ttl", "TTLOut", channel=0),
    "ttl1": entry("ttl", "TTLOut", channel=1),
    "counter": entry("edge_counter", "EdgeCounter", channel=2),
    "alias": "ttl0",
    "nothing": {"type": "dummy"},
}
"""


def run(class_name, arguments, folder, ask=None):
    """One experiment through the worker; what it said, what it left."""
    from testbed.nodes.worker import Worker

    logging.disable(logging.CRITICAL)
    path = Path(folder)
    path.mkdir(parents=True)
    (path / "device_db.py").write_text(DEVICE_DB)
    changes = []
    worker = Worker(path, path / "device_db.py", lambda datasets: changes.append(sorted(datasets)))
    seen = {"stages": [], "error": None}
    log = None
    try:
        for stage in ("build", "prepare", "run", "analyze"):
            seen["stages"].append(stage)
            if stage == "build":
                worker.build(EXPERIMENTS, class_name, arguments)
                log = worker.devices.get("core").start_log()
            else:
                if ask and stage == "run":
                    getattr(worker.scheduler, ask)()
                getattr(worker, stage)()
    except Exception as problem:
        seen["error"] = [type(problem).__name__, str(problem).splitlines()[0][:80] if str(problem) else ""]
    experiment = worker.experiment
    seen["said"] = getattr(experiment, "said", None)
    seen["file"] = [*worker.file.relative_to(path).parts[:1], worker.file.name] if worker.file else None
    seen["h5"] = layout(worker.file) if worker.file and worker.file.exists() else None
    seen["broadcasts"] = changes
    seen["scheduler"] = [worker.scheduler.rid, worker.scheduler.pauses] if worker.scheduler else None
    seen["ccb"] = [list(map(str, issued)) for issued in worker.ccb.issued]
    if log is not None and log.events:
        first = log.events[0].time_mu
        seen["events"] = [[e.time_mu - first, e.device, e.action, str(e.value)] for e in log.events]
    worker.close()
    logging.disable(logging.NOTSET)
    kept = path / "datasets.pyon"
    seen["persisted"] = kept.read_text() if kept.exists() else None
    return seen


def layout(path):
    """Names, kinds and small values of a results file."""
    found = {}
    with h5py.File(path, "r") as f:

        def look(name, item):
            if isinstance(item, h5py.Dataset):
                value = item[()]
                shown = None if name in VARYING else np.asarray(value).tolist()
                if isinstance(shown, bytes):
                    shown = shown.decode()
                attributes = {k: str(v) for k, v in item.attrs.items()}
                found[name] = [str(item.dtype.kind), list(item.shape), shown, attributes]
            else:
                found[name] = "group"

        f.visititems(look)
    return found


def describe():
    """What a master learns from scanning the file: arguments and titles."""
    import inspect

    from artiq.language.environment import TraceArgumentManager, is_public_experiment
    from artiq.master.worker_db import DummyDevice
    from artiq.tools import file_import

    class Devices:
        get = staticmethod(lambda name: DummyDevice())
        get_device_db = staticmethod(dict)

    found = {}
    module = file_import(str(EXPERIMENTS))
    for name, class_ in inspect.getmembers(module, is_public_experiment):
        arguments, scheduling = TraceArgumentManager(), {}
        class_((Devices, None, arguments, scheduling))
        described = {k: [p.describe(), group, tip] for k, (p, group, tip) in arguments.requested_args.items()}
        for description, *_ in described.values():
            if description["ty"] == "PYONValue":  # ARTIQ 9 writes PYON as JSON, without the spaces
                description["default"] = description["default"].replace(" ", "")
        found[name] = [class_.__doc__.strip().splitlines()[0], described, scheduling]
    return found


def observe():
    """All cases, name -> observation."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        cases = {
            "lifecycle": run("Lifecycle", {}, place / "1"),
            "arguments": run("Arguments", SUPPLIED | {"scan": SCAN}, place / "2"),
            "missing argument": run("Arguments", {}, place / "3"),
            "unknown argument": run("Lifecycle", {"unknown": 1}, place / "4"),
            "bad choice": run("Arguments", {"choice": "c", "must": 1.0}, place / "5"),
            "failing run": run("FailingRun", {}, place / "6"),
            "failing analysis": run("FailingAnalysis", {}, place / "7"),
            "unwritable dataset": run("UnwritableDataset", {}, place / "8"),
            "no such device": run("NoSuchDevice", {}, place / "9"),
            "timing": run("Timing", {}, place / "10"),
            "underflow": run("Underflow", {}, place / "11"),
            "pause": run("Pauses", {}, place / "12", "ask_pause"),
            "termination": run("Pauses", {}, place / "13", "ask_end"),
            "scan": describe(),
        }
    return json.loads(json.dumps(cases))


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(case, sort_keys=True)}" for name, case in sorted(observe().items())]
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n")
