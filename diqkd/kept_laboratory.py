"""The emulated laboratory of `diqkd run` and `diqkd calibrate`: a new one, or the one that --keep left in a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from diqkd.link_arguments import LINK_OPTIONS, instability_of, link_of
from postprocess.errors import InvalidInput

NEW_LABORATORY = ("seed", *LINK_OPTIONS)
SESSIONS = 10  # that the ledgers of a laboratory have pads for


def open_laboratory(folder: Path, args: argparse.Namespace) -> None:
    """Set up what the options describe, or go on with what stands in the folder.

    Raises:
        InvalidInput: options of a new laboratory for one that stands, or one whose masters run.
    """
    from testbed.nodes.two_masters import TwoMasters, demonstration_at

    lab = TwoMasters.open(folder)
    if not lab.is_set_up:
        chosen = {"link": link_of(args), "faults": args.fault, "instability": instability_of(args)}
        lab.set_up(sessions=SESSIONS, rehearsals=True, seed=args.seed, **chosen)
    elif asked := [name for name in NEW_LABORATORY if getattr(args, name) not in (None, [])]:
        option = asked[0].replace("_", "-")
        raise InvalidInput(f"--{option}: {folder} is a laboratory already, and keeps its own; name a new one")
    elif lab.running():
        raise InvalidInput(f"--keep {folder}: its masters are running; submit there, or `{lab.command('down')}` first")
    else:
        demonstration_at(folder).connect()  # the addresses of the last start may be taken by now
