"""`diqkd kme`: the key delivery server of a node (ETSI GS QKD 014), and certificates to try it with."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from typing import Any

from contract.nodes import NODES
from diqkd import arguments
from diqkd.home_arguments import add_home_arguments, home_of
from postprocess.errors import ExitStatus, InvalidInput

DESCRIPTION = """\
Hand a node's keys to applications on its PC by the REST interface of ETSI GS QKD 014 V1.1.1. Each node has a key
management entity (KME); a key that one hands to a master application can be had once, by its slave application, from
the other. docs/keys.md leads from a session to two applications that share a key."""

SERVE = """\
Serve this node's keys until SIGTERM or Ctrl-C, as kme.toml in its home says: HTTPS with client certificates on the
loopback interface unless told otherwise. Needs the peer's KME, over the node link's channel for key delivery
(`diqkd keys link --key-delivery`); while that is away every request for keys is refused.

Keys of the emulated apparatus and insecure ones are only handed out when allowed by name, on both nodes."""

CERTIFICATES = """\
Make an authority for a demonstration, certificates of both servers and of applications, all in one new folder, and
equip each home that is on this machine: kme/ with the server's certificate, and kme.toml where there is none. Whoever
reads that folder can be any application; for a network use certificates of your own and name them in kme.toml."""


def add_parser(subparsers: Any) -> None:
    """Register `diqkd kme` and its actions."""
    parser = subparsers.add_parser(
        "kme",
        help="hand keys to applications: serve (ETSI GS QKD 014), certificates",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    serve = _add(actions, "serve", _serve, "serve this node's keys", SERVE)
    add_home_arguments(serve)
    serve.add_argument("--config", type=arguments.path, metavar="FILE", help="default: kme.toml in the node's home")
    serve.add_argument("--allow-emulated", action="store_true", help="hand out keys of the emulated apparatus")
    serve.add_argument("--allow-insecure", action="store_true", help="hand out keys marked insecure")
    certificates = _add(actions, "certificates", _certificates, "make some to try it with", CERTIFICATES)
    certificates.add_argument(
        "--home", type=arguments.path, required=True, metavar="DIR", help="folder that holds a folder per node"
    )
    certificates.add_argument(
        "--to", type=arguments.path, metavar="DIR", help="new folder for them; default: certificates in --home"
    )
    for node in NODES:
        certificates.add_argument(
            f"--{node}-sae",
            type=arguments.word,
            action="append",
            metavar="ID",
            help=f"an application (SAE) of {node.capitalize()}'s node; may be repeated; default: sae-{node}",
        )


def _add(actions: Any, name: str, run: Any, summary: str, description: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=run)
    return parser


def require_libraries() -> None:
    """InvalidInput where this Python lacks what serving keys needs."""
    for name in ("aiohttp", "cryptography"):
        if importlib.util.find_spec(name) is None:
            raise InvalidInput(f"{name} is not installed for {sys.executable}; install it there, key delivery needs it")


def _serve(args: argparse.Namespace) -> ExitStatus:
    import json

    require_libraries()
    from kme.key_supply import Permissions
    from kme.server import serve
    from postprocess.storage.node_home import NodeHome

    homes, node = home_of(args)
    home = NodeHome(node, homes)

    def ready(line: str) -> None:
        print(json.dumps({"node": node, "ready": line}) if args.json else f"{node.capitalize()}'s {line}", flush=True)

    serve(home, Permissions(args.allow_emulated, args.allow_insecure), file=args.config, ready=ready)
    return ExitStatus.DONE


def _certificates(args: argparse.Namespace) -> ExitStatus:
    require_libraries()
    from kme.certificates import make_demonstration

    saes = {node: getattr(args, f"{node}_sae") or [f"sae-{node}"] for node in NODES}
    if not any((args.home / node).is_dir() for node in NODES):
        raise InvalidInput(f"{args.home}: no home of a node in it; run `diqkd keys provision`, or correct --home")
    folder = args.to or args.home / "certificates"
    clients = make_demonstration(args.home, folder, saes)
    print(f"Authority: {folder / 'ca.pem'}")
    for path in clients:
        print(f"Application {path.stem}: {path} and {path.with_suffix('.key').name}")
    for node in NODES:
        if (args.home / node).is_dir():
            print(f"{node.capitalize()}: {args.home / node / 'kme.toml'}, kme/; start it with `diqkd kme serve`")
        else:
            print(f"{node.capitalize()}'s home is not here: carry kme-{node}.pem, .key and ca.pem to it")
    print(f"For demonstrations: whoever reads {folder} can be any of these applications.")
    return ExitStatus.DONE
