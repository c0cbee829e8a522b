"""`diqkd campaign`: a night of sessions on the emulated laboratory, which keeps running by itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diqkd import arguments
from diqkd.link_arguments import LIST, add_link_arguments, fault_list, faults_of, instability_of, link_of
from diqkd.output_files import require_folder, require_writable, write_result
from diqkd.printing import columns, spaced
from diqkd.temporary_folder import temporary_folder
from postprocess.errors import ExitStatus

if TYPE_CHECKING:
    from testbed.nodes.campaign import Campaign, SessionRun

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
USUAL_DRIFT = 1.0
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
    for name, kind, usual, words in (
        ("sessions", arguments.whole(1, 1000), 3, "how many"),
        ("rounds", arguments.rounds, 150_000, "of each"),
        ("ion-losses", count, 20, "in each session"),
        ("laser-unlocks", count, 3, "in each session"),
        ("restarts", arguments.whole(0, 1), 1, "kills of a node in each session, inside a block"),
    ):
        parser.add_argument(f"--{name}", type=kind, default=usual, metavar="N", help=f"{words} (default: {usual})")
    parser.add_argument(
        "--recalibrate",
        type=arguments.whole(0, 100_000_000),
        metavar="ROUNDS",
        help="calibrate again after so many rounds, 0: never (default: a fifth of a session)",
    )
    parser.add_argument(
        "--keep",
        type=arguments.path,
        metavar="DIR",
        help="keep homes and laboratory in DIR; the same command again resumes there",
    )
    parser.add_argument(
        "--seed",
        type=arguments.seed,
        metavar="S",
        help="repeat nature and settings; all keys are predictable and marked insecure",
    )
    parser.add_argument(
        "-o", "--output", type=arguments.path, default=Path(PAGE), metavar="FILE", help=f"the page (default: {PAGE})"
    )
    add_link_arguments(parser)
    parser.set_defaults(run=run, drift=USUAL_DRIFT)


def run(args: argparse.Namespace) -> int:
    """Run the sessions, tell how they ended, and write the page."""
    if LIST in args.fault:
        print(fault_list(columns()))
        return ExitStatus.DONE
    require_writable(args.output, "-o")
    if args.keep is not None:
        require_folder(args.keep, "--keep")
        return _run_in(args.keep, args)
    with temporary_folder("diqkd-campaign-") as folder:
        return _run_in(folder, args)


def campaign_of(folder: Path, args: argparse.Namespace) -> Campaign:
    """The campaign asked for, in `folder`."""
    from postprocess.plans.presets import long_choice
    from testbed.nodes.campaign import Campaign, Mishaps

    every = args.rounds // RECALIBRATIONS if args.recalibrate is None else args.recalibrate
    return Campaign(
        folder,
        long_choice(args.rounds),
        args.sessions,
        {"recalibrate_rounds": every},
        mishaps=Mishaps(args.ion_losses, args.laser_unlocks, args.restarts),
        instability=instability_of(args),
        link=link_of(args),
        seed=args.seed,
        faults=faults_of(args, args.sessions * args.rounds),
    )


def _run_in(folder: Path, args: argparse.Namespace) -> int:
    from contract.nodes import NODES
    from diqkd.campaign_display import Display
    from diqkd.places import checkout
    from postprocess.reports.campaign_page import CampaignReport
    from postprocess.reports.session_facts import read_session_facts
    from postprocess.storage.node_home import NodeHome
    from testbed.nodes.campaign import CampaignRun, exit_status_of

    campaign = campaign_of(folder, args)
    display = Display(campaign)
    display.announce()
    campaign.parts[0].set_up()
    with display.progress() as (on_session, on_line):
        runs = CampaignRun(campaign, checkout(), on_session, on_line).run()
    home = NodeHome(NODES[1], campaign.parts[0].homes)
    begun = [part.parameters.session_id for part in campaign.parts if part.begun()]
    if begun:
        notes = {run.part.parameters.session_id: killed_words(run) for run in runs if run.killed}
        report = CampaignReport([read_session_facts(home, session_id) for session_id in begun], notes)
        display.conclude(report)
        write_result(args.output, report.html(), "-o")
        display.where(args.output, args.keep)
    return exit_status_of(runs)


def killed_words(run: SessionRun) -> str:
    """'alice killed after 12 000 rounds'."""
    return ", ".join(f"{node} killed after {spaced(rounds)} rounds" for node, rounds in run.killed)
