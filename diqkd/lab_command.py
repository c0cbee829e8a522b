"""`diqkd lab`: both nodes of the emulated laboratory under ARTIQ's own masters, on one machine."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from diqkd import arguments, choice_arguments
from diqkd.link_arguments import add_instability_arguments, instability_of
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from testbed.nodes.two_masters import TwoMasters

DESCRIPTION = """\
Start Alice's and Bob's artiq_master, each in its own working folder with a controller manager and the controllers of
ledger and random source, all on loopback ports and on the emulated apparatus. Sessions are then submitted, scheduled,
paused and ended with artiq_client or artiq_dashboard, as in a laboratory; `up` prints the commands. Needs ARTIQ."""

EPILOG = """\
examples:
  diqkd lab up --home lab --rehearsals
  diqkd lab up --home lab --compiled
  diqkd lab submit --home lab --session s1 --rounds 20000 --gamma 1/2 --wait
  diqkd lab status --home lab
  diqkd lab down --home lab"""

SESSIONS = 20


def add_parser(subparsers: Any) -> None:
    """Register `diqkd lab`."""
    parser = subparsers.add_parser(
        "lab",
        help="both nodes under ARTIQ's masters, emulated",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    up = _action(actions, "up", _up, "set up where needed, start everything, print how to use it")
    up.add_argument(
        "--rehearsals",
        action="store_true",
        help="also take sessions too short for the proof; every key in these ledgers is then marked insecure",
    )
    up.add_argument(
        "--sessions", type=arguments.sessions, metavar="N", help=f"K0 has pads for N sessions (default: {SESSIONS})"
    )
    up.add_argument("--seed", type=arguments.seed, metavar="S", help="repeatable, and insecure")
    add_instability_arguments(up)
    up.add_argument(
        "--compiled",
        action="store_true",
        help="this time run kernels as ARTIQ compiles them, on its own drivers; the emulation begins behind the boards",
    )
    up.add_argument(
        "--kme", action="store_true", help="also start both key delivery servers (docs/keys.md), for any of these keys"
    )
    status = _action(actions, "status", _status, "processes, schedules, progress, ledgers")
    status.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    _action(actions, "down", _down, "end everything in order; unfinished sessions resume later")
    _add_submit(_action(actions, "submit", _submit, "submit the key generation to both masters"))


def _action(actions: Any, name: str, run: Any, text: str) -> Any:
    parser = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--home", type=arguments.path, required=True, metavar="DIR", help="folder of the laboratory")
    parser.set_defaults(run=run)
    return parser


def _add_submit(parser: Any) -> None:
    parser.add_argument(
        "--session", type=arguments.word, required=True, metavar="ID", help="a new name, or that of a session to resume"
    )
    choice_arguments.add_preset_argument(parser)
    parser.add_argument("--rounds", type=arguments.rounds, metavar="N", help="default: the paper's session")
    parser.add_argument("--gamma", type=arguments.gamma, metavar="K/256", help="default: 13/256")
    choice_arguments.add_rule_arguments(parser)
    parser.add_argument("--block-rounds", type=arguments.block_rounds, default=1000, metavar="N", help="default: 1000")
    parser.add_argument(
        "--recalibrate",
        type=arguments.count_or_zero,
        default=0,
        metavar="ROUNDS",
        help="calibrate both nodes again after every so many rounds (default: never)",
    )
    parser.add_argument("--pipeline", type=arguments.word, default="main", metavar="NAME", help="default: main")
    parser.add_argument("--priority", type=arguments.priority, default=0, metavar="P", help="default: 0")
    parser.add_argument("--wait", action="store_true", help="until the session is over; then compare both ledgers")
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")


def _open(args: argparse.Namespace) -> TwoMasters:
    from testbed.nodes.two_masters import TwoMasters

    return TwoMasters.open(args.home)


def _up(args: argparse.Namespace) -> ExitStatus:
    from diqkd.kme_command import require_libraries
    from diqkd.places import checkout
    from testbed.standin.real_artiq import require_artiq

    require_artiq()
    if args.compiled:
        from testbed.compiled.target import require_host_target

        require_host_target()
    lab = _open(args)
    asked = {"--rehearsals": args.rehearsals, "--sessions": args.sessions, "--seed": args.seed is not None}
    asked |= {"--drift": args.drift, "--ion-lifetime": args.ion_lifetime}
    if args.kme:
        require_libraries()
    if not lab.is_set_up:
        _set_up_and_start(lab, args)
        _print_commands(lab, args.home)
        return _start_kmes(lab, args)
    if any(asked.values()):
        names = ", ".join(name for name, given in asked.items() if given)
        raise InvalidInput(f"{args.home}: set up already; leave out {names}, or name a new folder")
    lab.up(checkout(), args.compiled)
    _print_commands(lab, args.home)
    return _start_kmes(lab, args)


def _start_kmes(lab: TwoMasters, args: argparse.Namespace) -> ExitStatus:
    """Key delivery beside the masters, with certificates for a demonstration."""
    if not args.kme:
        return ExitStatus.DONE
    from kme.certificates import make_demonstration

    homes = lab.folder / "homes"
    certificates = homes / "certificates"
    if not (certificates / "ca.pem").exists():
        make_demonstration(homes, certificates, {node: (f"sae-{node}",) for node in NODES})
    for node in NODES:
        command = [sys.executable, "-m", "diqkd", "kme", "serve", "--home", str(homes), "--node", node]
        lab.start_beside(node, "kme", [*command, "--allow-emulated", "--allow-insecure"], "https://")
        print((lab.node(node).working_folder / "kme.log").read_text().splitlines()[0])
    print(f"Certificates of sae-alice and sae-bob: {certificates}")
    return ExitStatus.DONE


def _set_up_and_start(lab: TwoMasters, args: argparse.Namespace) -> None:
    """A new laboratory; one that does not come up leaves nothing that a second try would be refused for."""
    from diqkd.places import checkout

    existed = lab.folder.exists()
    try:
        lab.set_up(
            sessions=args.sessions or SESSIONS,
            rehearsals=args.rehearsals,
            seed=args.seed,
            instability=instability_of(args),
        )
        lab.up(checkout(), args.compiled)
    except BaseException:
        if not existed:
            shutil.rmtree(lab.folder, ignore_errors=True)
        raise


def _print_commands(lab: TwoMasters, home: Path) -> None:
    session = "preset='\"paper\"' session='\"session-1\"'"
    for name in lab.ports:
        node = lab.node(name)
        print(f"{name.capitalize()}: master ready in {node.working_folder}")
        print(f"  {node.dashboard_command()}")
        print(f"  {node.client_command(f'submit -R generate_key.py {session}')}")
    quoted = shlex.quote(str(home))
    print(f"Submit the same on both nodes, or: diqkd lab submit --home {quoted} --session session-1 --wait")
    print(f"diqkd lab status --home {quoted}; diqkd lab down --home {quoted}")
    print("Emulated apparatus: keys made here protect nothing.")


def _status(args: argparse.Namespace) -> ExitStatus:
    lab = _open(args)
    status = lab.status()
    if not status:
        lab.node("alice")  # says what is missing
    if args.json:
        print(json.dumps(status, indent=2))
        return ExitStatus.DONE
    for name, node in status.items():
        _print_node(name, node)
    if any(set(node["processes"].values()) == {True, False} for node in status.values()):
        print(f"Something has ended: `{lab.command('up')}` starts everything again")
    return ExitStatus.DONE


def _print_node(name: str, node: dict[str, Any]) -> None:
    running = [label for label, alive in node["processes"].items() if alive]
    print(f"{name.capitalize()}: {', '.join(running) + ' running' if running else 'down'}")
    print("  ports: " + ", ".join(f"{port} {number}" for port, number in node["ports"].items()))
    for label, answers in node["controllers"].items():
        print(f"  controller {label}: {'answers' if answers else 'does not answer'}")
    for rid, run in node["schedule"].items():
        print(f"  RID {rid}: {run['status']}, {_named(run)}, pipeline {run['pipeline']}")
    progress = node["progress"]
    if progress.get("rounds.session"):
        rounds = f"{progress['rounds.done']} of {progress['rounds.total']} rounds"
        print(f"  rounds of {progress['rounds.session']}: {progress['rounds.status']}, {rounds}")
    if progress.get("key.session"):
        print(f"  key of {progress['key.session']}: {progress.get('key.status', 'post-processing')}")
    if node["balance"]:
        balance = node["balance"]
        print(f"  ledger: {balance['generated']} bits generated, {balance['consumed']} consumed")


def _named(run: dict[str, Any]) -> str:
    return f"{run['class']} {run['session']}" if run["session"] else str(run["class"])


def _down(args: argparse.Namespace) -> ExitStatus:
    lab = _open(args)
    running = [process.name for process in lab.running()]
    lab.down()
    print(f"Ended: {', '.join(running)}" if running else "Nothing was running")
    return ExitStatus.DONE


def _submit(args: argparse.Namespace) -> int:
    lab = _open(args)
    rids = lab.submit(_chosen(args), args.pipeline, args.priority)
    if not args.json:
        print(", ".join(f"{node.capitalize()}'s RID {rid}" for node, rid in rids.items()), flush=True)
    if not args.wait:
        if args.json:
            print(json.dumps(rids))
        return ExitStatus.DONE
    lab.wait(rids)
    report = lab.report(args.session)
    if args.json:
        print(json.dumps(report | {"rids": rids}, indent=2))
    elif report["accepted"]:
        equal = "identical" if report["keys_equal"] else "DIFFERENT"
        print(f"Session accepted: {report['ell']} new bits, the two nodes' keys are {equal}")
    else:
        print(f"No key: {report['abort_reason'] or 'see the logs of both masters; submitting it again resumes'}")
    return _exit_status(report)


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments of GenerateKey; whatever departs from the paper's session makes it a custom one."""
    from postprocess.plans.paper import PAPER_GAMMA, PAPER_ROUNDS
    from postprocess.security.rules import require_covered, rule_named

    rule = rule_named(args.rule)
    require_covered(rule, args.extractor or rule.extractors[0], args.bases)
    usual = {"rule": "proposition-2", "extractor": "usual", "allowance": 0, "barrier": False, "bases": 1}
    named = {name: getattr(args, name) or value for name, value in usual.items()}
    departs = args.rounds or args.gamma or named != usual
    preset = "custom" if args.preset == "paper" and departs else args.preset
    if preset in ("long", "longest"):
        choice_arguments.require_effective(args)
    return named | {
        "session": args.session,
        "preset": preset,
        "rounds": args.rounds or PAPER_ROUNDS,
        "gamma_256": int(256 * (args.gamma or PAPER_GAMMA)),
        "block_rounds": args.block_rounds,
        "recalibrate_rounds": args.recalibrate,
        "min_response": 0.0,  # nothing to hide: the laboratory is emulated
    }


def _exit_status(report: dict[str, Any]) -> ExitStatus:
    if report["accepted"] and report["keys_equal"]:
        return ExitStatus.DONE
    if report["abort_reason"]:
        return ExitStatus.ABORTED
    return ExitStatus.CRASHED if report["accepted"] else ExitStatus.PEER_LOST
