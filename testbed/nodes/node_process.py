"""One node of the emulated laboratory as a process: runs one experiment, as a master's worker would.

    python -m testbed.nodes.node_process --node alice --home DIR --laboratory DIR \\
        --experiment repository/generate_key.py --class GenerateKey -o session='"s1"' -o rounds=20000

Values of -o are PYON, as for artiq_client. Signals: see node_signals.py. With --end-with-starter the process ends when
its standard input does, so that it never outlives a killed starter. Exit status: postprocess.errors.ExitStatus.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contract.nodes import NODES
from postprocess.errors import DISK_ERRORS, DiqkdError, ExitStatus, disk_problem, exit_status
from postprocess.storage.core_dumps import forbid_core_dumps
from testbed import standin
from testbed.physics import laboratory
from testbed.standin import pyon

ROOT = Path(__file__).resolve().parents[2]
STATUS_INTERVAL_S = 0.2
PUBLIC_KINDS = (bool, int, float, str)

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one experiment on one emulated node; returns an exit status."""
    forbid_core_dumps()
    args = _parse(argv)
    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING, stream=sys.stderr,
                        format=f"{args.node}: %(levelname)s:%(name)s: %(message)s")  # fmt: skip
    _print_results()
    os.environ |= {"DIQKD_NODE": args.node, "DIQKD_APPARATUS": args.apparatus, "DIQKD_HOME": str(args.home.resolve())}
    if args.laboratory:
        os.environ[laboratory.VARIABLE] = str(args.laboratory.resolve())
    standin.install()
    if args.end_with_starter:
        from testbed.nodes.node_signals import end_with_starter

        end_with_starter()
    arguments = {name: pyon.decode(value) for name, value in args.option}
    try:
        return run_experiment(args, arguments)
    except (DiqkdError, KeyboardInterrupt) as problem:
        print(f"{args.node}: {str(problem) or 'interrupted'}", file=sys.stderr)
        return exit_status(problem)
    except OSError as problem:
        if problem.errno not in DISK_ERRORS:
            logger.exception("the experiment failed")
            return ExitStatus.CRASHED
        print(f"{args.node}: {disk_problem(problem)}", file=sys.stderr)
        return ExitStatus.BAD_INPUT
    except Exception:
        logger.exception("the experiment failed")
        return ExitStatus.CRASHED


def run_experiment(args: argparse.Namespace, arguments: dict[str, Any]) -> int:
    """The lifecycle with its signals and its status file."""
    from artiq.language.core import TerminationRequested

    import testbed.drivers.native  # noqa: F401 - refuses a bad DIQKD_DRIVERS, here in one line
    from testbed.nodes.node_signals import NodeSignals, fall_silent
    from testbed.nodes.worker import Worker

    status = StatusFile(args.status)
    folder = args.home / args.node
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    experiment, device_db = args.experiment.resolve(), args.device_db.resolve()
    worker = Worker(folder, device_db, status.datasets_changed)
    try:
        status.stage("build")
        worker.build(experiment, args.class_name, arguments)
        NodeSignals(worker.scheduler).listen()
        for stage in ("prepare", "run", "analyze"):
            status.stage(stage)
            getattr(worker, stage)()
        status.stage("finished")
        return ExitStatus.DONE
    except TerminationRequested:
        resumes = "" if args.end_with_starter else "; the same command resumes"  # else the starter knows
        print(f"{args.node}: ended as asked{resumes}", file=sys.stderr)
        return ExitStatus.INTERRUPTED
    finally:
        fall_silent()
        worker.close()
        status.flush()


class StatusFile:
    """What the node shows to whoever started it: lifecycle stage and broadcast datasets, of lists the last item.

    Written whole and renamed, at most every STATUS_INTERVAL_S.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self._content: dict[str, Any] = {}
        self._written = 0.0

    def stage(self, name: str) -> None:
        self._content["lifecycle"] = name
        self.flush()

    def datasets_changed(self, datasets: dict[str, Any]) -> None:
        if self.path is None or time.monotonic() - self._written < STATUS_INTERVAL_S:
            self._pending = datasets
            return
        self._pending = datasets
        self.flush()

    _pending: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed

    def flush(self) -> None:
        """Write now."""
        if self.path is None:
            return
        for key, value in self._pending.items():
            last = value[-1] if isinstance(value, list) and value else value
            if isinstance(last, PUBLIC_KINDS):
                self._content[key] = last
        draft = self.path.with_suffix(".new")
        with contextlib.suppress(OSError):
            draft.write_text(json.dumps(self._content))
            draft.replace(self.path)
        self._written = time.monotonic()


class _Printed(logging.Handler):
    """Prints to what is stdout then: a run that was submitted has its own."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), flush=True)


def _print_results() -> None:
    """What experiments log as their results is what this process prints."""
    results = logging.getLogger("diqkd.results")
    results.handlers = [_Printed()]
    results.propagate = False


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m testbed.nodes.node_process", description=__doc__.split("\n\n")[0])
    parser.add_argument("--node", required=True, choices=NODES)
    parser.add_argument("--home", required=True, type=Path, help="DIQKD_HOME; the node's folder is below it")
    parser.add_argument("--apparatus", choices=("emulated", "compiled"), default="emulated")
    parser.add_argument("--laboratory", type=Path, help="folder of the shared laboratory; without: one of its own")
    parser.add_argument("--experiment", required=True, type=Path, help="file with the experiment")
    parser.add_argument("--class", dest="class_name", help="its class, if the file has several")
    parser.add_argument("--device-db", type=Path, default=ROOT / "device_db.py")
    parser.add_argument("--status", type=Path, help="JSON file to keep up to date")
    parser.add_argument("-o", "--option", action="append", default=[], type=_option, metavar="NAME=VALUE")
    parser.add_argument("--end-with-starter", action="store_true", help="end when standard input comes to its end")
    parser.add_argument("-v", "--verbose", action="store_true", help="also log what is normal")
    return parser.parse_args(argv)


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}': NAME=VALUE is needed")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
