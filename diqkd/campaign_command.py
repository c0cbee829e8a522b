"""`diqkd campaign`: a night of sessions on the emulated laboratory, which keeps running by itself."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from diqkd import arguments
from diqkd.link_arguments import add_link_arguments, link_of
from diqkd.output_files import require_folder, write_result
from diqkd.temporary_folder import temporary_folder
from postprocess.errors import ExitStatus

DESCRIPTION = """\
Run sessions of the preset long back to back on the emulated laboratory while it drifts, ions get lost, the 674 nm laser
unlocks and a node is killed in every session. The sessions reload ions, calibrate and resume by themselves; the rounds
of each overlap the post-processing of the one before. It ends with a page: keys, key per hour of machine time, downtime
by cause, ages of the calibrations."""

EPILOG = """\
examples:
  diqkd campaign                                       three sessions of 150 000 rounds
  diqkd campaign --sessions 8 --rounds 500000 --keep night
  diqkd campaign --sessions 1 --ion-losses 0 --laser-unlocks 0 --restarts 0 --drift 0"""

PAGE = "campaign.html"
RECALIBRATIONS = 5  # in a session, unless told otherwise


def add_parser(subparsers: Any) -> None:
    """Register `diqkd campaign`."""
    parser = subparsers.add_parser(
        "campaign",
        help="a night of sessions on an emulated laboratory that drifts and loses ions",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    count = arguments.whole(0, 10_000)
    parser.add_argument("--sessions", type=arguments.whole(1, 1000), default=3, metavar="N", help="default: 3")
    parser.add_argument("--rounds", type=arguments.rounds, default=150_000, metavar="N", help="of each; default: 150000")
    parser.add_argument("--ion-losses", type=count, default=20, metavar="N", help="in each session; default: 20")
    parser.add_argument("--laser-unlocks", type=count, default=3, metavar="N", help="in each session; default: 3")
    parser.add_argument("--restarts", type=arguments.whole(0, 1), default=1, metavar="N",
                        help="kills of a node inside a block, in each session; default: 1, which the allowance bears")  # fmt: skip
    parser.add_argument("--recalibrate", type=arguments.whole(0, 100_000_000), metavar="ROUNDS",
                        help="calibrate again after so many rounds, 0: never; default: a fifth of a session")  # fmt: skip
    parser.add_argument("--keep", type=arguments.path, metavar="DIR",
                        help="keep homes and laboratory in DIR; the same command again resumes there")  # fmt: skip
    parser.add_argument("--seed", type=arguments.seed, metavar="S",
                        help="repeat nature and settings; all keys are predictable and marked insecure")  # fmt: skip
    parser.add_argument("-o", "--output", type=arguments.path, default=Path(PAGE), metavar="FILE",
                        help=f"the page (default: {PAGE})")  # fmt: skip
    add_link_arguments(parser)
    parser.set_defaults(run=run)
