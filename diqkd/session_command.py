"""`diqkd session`: post-process stored rounds, steps 4 to 12, one command per role."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from diqkd import arguments
from diqkd.choice_arguments import add_decoder_argument
from diqkd.home_arguments import add_home_arguments, home_of
from diqkd.running_notes import running
from postprocess.errors import ExitStatus

if TYPE_CHECKING:
    from postprocess.plans.session_parameters import SessionParameters
    from postprocess.session import SessionResult

DESCRIPTION = """\
Turn the stored rounds of a session into a key, or into a named abort: basis revelation, error correction,
validation, privacy amplification, authentication and key activation (Nadlinger 2022, steps 4 to 12).

Run it on both nodes, in any order; each waits for the other. The experiment GenerateKey does the same by
itself when the last round is in. Started again, the command goes on where a crash or a lost peer stopped it,
and for a session that has ended it tells the peer and repeats the result. Messages go over the link whose keys
`diqkd keys link` stores.

example, one line on each node:
  diqkd session --home ~/diqkd --node alice --session 2024-05-17
  diqkd session --home ~/diqkd --node bob --session 2024-05-17"""

STEPS = 6  # that a role announces, at most


def add_parser(subparsers: Any) -> None:
    """Register `diqkd session`."""
    parser = subparsers.add_parser(
        "session",
        help="post-process stored rounds into a key, one command per role",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_home_arguments(parser)
    parser.add_argument(
        "--session", type=arguments.word, required=True, metavar="ID", help="session id, as given to the experiment"
    )
    parser.add_argument(
        "--timeout",
        type=arguments.seconds,
        default=600.0,
        metavar="S",
        help="longest wait for each message of the peer, in seconds (default: %(default)g)",
    )
    add_decoder_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Post-process and print the outcome; an abort ends with status 3, a lost peer with 4."""
    from postprocess.plans.session_parameters import SESSION_ID
    from postprocess.reconciliation.reference_decoder import require_size
    from postprocess.rounds.opening import stored_parameters
    from postprocess.session.post_processing import post_process, require_key
    from postprocess.storage.node_home import NodeHome

    homes, node = home_of(args)
    if not SESSION_ID.fullmatch(args.session):
        from postprocess.errors import InvalidInput

        raise InvalidInput(f"--session {args.session}: write 1 to 64 letters, digits, '.', '_' or '-'")
    home = NodeHome(node, homes)
    parameters = stored_parameters(home, args.session)
    require_size(args.decoder, parameters.rounds)

    with running(f"session: {args.session}, {node}'s post-processing", homes) as note:
        done: list[str] = []

        def progress(step: str) -> None:
            done.append(step)
            note(min(len(done), STEPS) / (STEPS + 1), step)
            if not args.json:
                print(f"  {step}", file=sys.stderr, flush=True)

        result = post_process(home, args.session, timeout_s=args.timeout, progress=progress, decoder=args.decoder)
    if args.json:
        print(json.dumps(_as_json(node, parameters, result), indent=2))
        return ExitStatus.DONE if result.accepted else ExitStatus.ABORTED
    _warn(parameters, result)
    require_key(result, args.session)
    bits = f"{result.ell:,}".replace(",", " ")
    print(f"session {args.session}: accepted, {bits} new key bits, in {node}'s ledger as '{result.key_id}'")
    return ExitStatus.DONE


def _as_json(node: str, parameters: SessionParameters, result: SessionResult) -> dict[str, Any]:
    return {
        "session_id": parameters.session_id,
        "node": node,
        "n": parameters.rounds,
        "accepted": result.accepted,
        "abort_reason": result.abort_reason.value if result.abort_reason else None,
        "detail": result.detail,
        "ell": result.ell,
        "key_id": result.key_id,
        "peer_informed": result.peer_informed,
        "apparatus": parameters.apparatus,
        "insecure": parameters.insecure,
        "insecure_because": list(parameters.insecure_because),
        "seconds": result.seconds,
    }


def _warn(parameters: SessionParameters, result: SessionResult) -> None:
    if parameters.apparatus == "emulated":
        print("Made on the emulated apparatus: not a secret key.")
    for reason in parameters.insecure_because:
        print(f"INSECURE: {reason}")
    if not result.peer_informed:
        print("The peer has not said that it knows; run the command once more on both nodes.", file=sys.stderr)
