"""What the actions of `diqkd keys` do; imported when one runs, so that the command line stays quick."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import other_node
from diqkd.choice_arguments import choice_of, require_effective
from diqkd.home_arguments import home_of
from diqkd.printing import bits, counted, wrapped
from postprocess.errors import ExitStatus, InvalidInput
from postprocess.keystore import open_ledger
from postprocess.keystore.digests import LedgerDamaged
from postprocess.keystore.key_records import MADE
from postprocess.plans.presets import session_parameters
from postprocess.randomness.choice import declared_source
from postprocess.storage.bounded_files import read_bytes
from postprocess.storage.node_home import NodeHome
from postprocess.storage.private_files import private_folder, sync_folder, write_private

if TYPE_CHECKING:
    from postprocess.keystore import KeyRecord, Keystore

MOST_K0_BYTES = 1 << 27  # seeds of 10^8 rounds and pads of many sessions
WARNING_EMULATED = "This ledger serves the emulated apparatus: nothing in it is secret."


def show(args: argparse.Namespace) -> ExitStatus:
    """Table I, sessions and keys."""
    from postprocess.reports.table1 import table_text

    homes, node = home_of(args)
    with open_ledger(NodeHome(node, homes), checked=False) as keystore:
        balance, sessions, keys = keystore.balance(), keystore.sessions(), keystore.key_records.records()
        path, left = keystore.path, len(keystore.free_pad_sets())
        accounts, pool = keystore.slices.accounts(), keystore.served_keys.pool()
    if args.json:
        _print_json(
            {
                "node": node,
                "path": str(path),
                "balance": balance.to_json(),
                "sessions_left": left,
                "sessions": [asdict(session) for session in sessions],
                "keys": [asdict(key) for key in keys],
                "key_delivery": {"pool_bits": pool, "accounts": [asdict(account) for account in accounts]},
            }
        )
        return ExitStatus.DONE
    print(f"{node}'s ledger {path}\n\n{table_text(balance)}")
    print(f"\nPads for {counted(left, 'more session')}; one that ends with a key leaves pads for another")
    print(f"Delivered of what was generated: {bits(balance.delivered)}")
    rows = [(session.session_id, session.outcome or "open", session.opened, session.detail) for session in sessions]
    _print_rows("Sessions", ("session", "outcome", "opened", ""), rows)
    key_rows = [(key.key_id, bits(key.bits), _state(key)) for key in keys]
    below = [["; ".join(filter(None, (f"rule {key.rule}: {key.label}", _worth(key))))] for key in keys]
    _print_rows("Keys", ("key", "length", "state"), key_rows, below)
    if accounts or any(pool.values()):
        whose = ", ".join(f"{bits} bits for {owner.capitalize()}'s masters" for owner, bits in pool.items())
        print(f"\nKey delivery server: {whose}, not handed out")
        head = ("master SAE", "slave SAE", f"{node} is the", "state", "keys", "bits")
        given = [(a.master, a.slave, f"{a.side}'s", a.state, str(a.keys), str(a.bits)) for a in accounts]
        _print_rows("Handed out in slices", head, given)
    return ExitStatus.DONE


def provision(args: argparse.Namespace) -> ExitStatus:
    """Home, ledger and K0."""
    from postprocess.keystore import Keystore, draw_k0

    homes, node = home_of(args)
    folder = private_folder(homes / node)
    home = NodeHome(node, homes)
    _require_new_home(folder)
    if args.random_file is not None:
        choice = {"kind": "file", "path": str(args.random_file.absolute())}
        write_private(folder / "random.json", json.dumps(choice).encode())
    require_effective(args)
    parameters = session_parameters(home, args.apparatus, "provisioning", preset=args.preset, choice=choice_of(args))
    if args.draw is not None:
        k0 = draw_k0(declared_source(home, "K0", parameters.insecure_because), parameters, args.sessions)
        _write_new(args.draw, k0, "choose another name; a K0 drawn earlier is taken in with --take")
    else:
        k0 = read_bytes(args.take, "give the file that --draw wrote", MOST_K0_BYTES)
    path = folder / "keystore.sqlite"
    with Keystore.open(path) if path.exists() and path.stat().st_size else Keystore.create(path, node) as keystore:
        keystore.provision(k0, parameters)
        balance = keystore.balance()
    if args.json:
        _print_json({"node": node, "path": str(path), "balance": balance.to_json()})
        return ExitStatus.DONE
    print(f"{node}'s ledger {path}: {balance.initial} bits of K0")
    _print_warnings(balance.apparatus, balance.insecure_because)
    if args.draw is not None:
        print(f"Carry {shlex.quote(str(args.draw))} to the other node, take it in there with --take, then erase it.")
    else:
        print(f"Erase {shlex.quote(str(args.take))} now.")
    return ExitStatus.DONE


def link(args: argparse.Namespace) -> ExitStatus:
    """This node's public key; the peer's is stored when it is given; fingerprints of both say what is there."""
    from postprocess.link.key_files import LinkKeyFile, fingerprint
    from postprocess.link.keys import make_link_keys, stored_peer, write_peer

    homes, node = home_of(args)
    peer = other_node(node)
    if args.peer_key and args.peer:
        raise InvalidInput("--peer and --peer-key: give one of them")
    addresses = (args.rounds, args.post_processing)
    asked = args.peer_key or args.peer or args.key_delivery or any(addresses)
    if asked and not ((args.peer_key or args.peer) and all(addresses)):
        raise InvalidInput("the peer: give all of --peer (or --peer-key), --rounds and --post-processing")
    folder = private_folder(homes / node)
    public_key, key = make_link_keys(folder), args.peer_key
    if args.peer is not None:
        carried = LinkKeyFile.read(args.peer)
        if carried.node != peer:
            raise InvalidInput(f"--peer {args.peer}: this is {carried.node}'s key; {node}'s node takes {peer}'s")
        key = carried.public_key
    if key:
        endpoints = {"rounds": args.rounds, "session": args.post_processing}
        write_peer(folder, key, endpoints | ({"keys": args.key_delivery} if args.key_delivery else {}))
    if args.write is not None:
        _write_new(args.write, LinkKeyFile(node, public_key).text().encode(), "choose another name", mode=0o644)
    stored = stored_peer(folder)
    if args.json:
        content = {"node": node, "public_key": public_key, "fingerprint": fingerprint(public_key)}
        told = None if stored is None else stored | {"fingerprint": fingerprint(stored["public_key"])}
        _print_json(content | {"peer_stored": stored is not None, "peer": told})
        return ExitStatus.DONE
    print(public_key)
    print(f"{node}'s fingerprint  {fingerprint(public_key)}")
    if args.write is not None:
        print(f"Written to {shlex.quote(str(args.write))}: carry it to {peer}'s node, take it in there with --peer.")
    if stored is None:
        print(f"{peer}'s key is not stored yet.")
    else:
        print(f"{peer}'s fingerprint  {fingerprint(stored['public_key'])}, {'stored now' if key else 'as stored'}")
        meaning = "listens" if node == "alice" else "connects"
        print(f"{node} {meaning} at {stored['rounds']} (rounds) and {stored['session']} (post-processing)")
        print("Read both fingerprints aloud between the nodes: they must be the same on both.")
    return ExitStatus.DONE


def verify(args: argparse.Namespace) -> ExitStatus:
    """Account, permissions, and the peer's ledger where it is on this machine."""
    homes, node = home_of(args)
    home, peer = NodeHome(node, homes), NodeHome(other_node(node), homes) if _is_here(homes, node) else None
    with open_ledger(home, checked=False) as keystore:
        balance = keystore.balance()
        usable = [record.key_id for record in keystore.key_records.records() if record.state in MADE]
        equal = _compare(keystore, peer, usable) if peer else {}
        findings = [
            *_findings(home, keystore),
            *(f"key {name}: not the same on both nodes" for name in usable if peer and not equal[name]),
        ]
    if args.json:
        _print_json(
            {
                "node": node,
                "keys": usable,
                "peer_on_this_machine": peer is not None,
                "keys_equal": all(equal.values()) if peer else None,
                "in_order": not findings,
                "findings": findings,
                "balance": balance.to_json(),
            }
        )
    if findings:
        more = f" (and {len(findings) - 1} more, see --json)" if len(findings) > 1 else ""
        raise InvalidInput(
            f"{node}'s ledger is not in order: {findings[0]}{more}; use no key of it before that is clear"
        )
    if not args.json:
        print(f"{node}'s ledger is in order: {balance.initial} bits at first, {balance.final} now.")
        _print_warnings(balance.apparatus, balance.insecure_because)
        print(
            f"{counted(len(equal), 'key')}, equal on both nodes."
            if peer
            else f"{other_node(node)}'s ledger is on another machine."
        )
    return ExitStatus.DONE


def _is_here(homes: Path, node: str) -> bool:
    return (homes / other_node(node) / "keystore.sqlite").is_file()


def _findings(home: NodeHome, keystore: Keystore) -> list[str]:
    """Everything that is not as it must be: permissions, account, digests, sessions beside the ledger, erasure."""
    from postprocess.keystore.delivery import interrupted
    from postprocess.session.erasure import not_erased

    found = []
    try:
        open_ledger(home).close()
    except InvalidInput as problem:
        found.append(str(problem))
    return [
        *found,
        *(line for line in keystore.check() if not any(line in other for other in found)),
        *not_erased(home, keystore),
        *interrupted(keystore),
    ]


def abandon(args: argparse.Namespace) -> ExitStatus:
    """Give a session up."""
    from postprocess.keystore.delivery import erase_leftover
    from postprocess.session.transcript import write_transcript

    homes, node = home_of(args)
    with open_ledger(NodeHome(node, homes)) as keystore:
        erase_leftover(keystore, args.session)
        keystore.abandon(args.session)
        page = keystore.session(args.session)
        outcome = page.outcome
        write_transcript(page, node)
    if args.json:
        _print_json({"node": node, "session_id": args.session, "outcome": outcome})
    else:
        print(f"session {args.session}: {outcome} on {node}; abandon it on the other node too, or let it hear of it")
    return ExitStatus.DONE


def deliver(args: argparse.Namespace) -> ExitStatus:
    """Write a key to a new file, once; or finish a delivery that was interrupted."""
    from postprocess.keystore.delivery import deliver as deliver_key
    from postprocess.session.erasure import erase_session

    homes, node = home_of(args)
    home = NodeHome(node, homes)
    with open_ledger(home, checked=False) as keystore:
        record = deliver_key(
            keystore,
            args.key,
            args.to,
            allow_emulated=args.allow_emulated,
            allow_insecure=args.allow_insecure,
            erase_strings=lambda: erase_session(home, keystore, args.key),
        )
    if args.json:
        worth = {"apparatus": record.apparatus, "insecure": bool(record.insecure_because)}
        proof = {"rule": record.rule, "label": record.label}
        _print_json(
            {"node": node, "key_id": args.key, "bits": record.deliverable, "file": str(args.to), **worth, **proof}
        )
    else:
        print(f"key {args.key}: {record.deliverable} bits in {args.to}")
        print(f"rule {record.rule}: {record.label}")
        print("Erased here: the key, the strings it was made from, the content of its messages.")
        _print_warnings(record.apparatus, record.insecure_because)
    return ExitStatus.DONE


def forget(args: argparse.Namespace) -> ExitStatus:
    """Erase a closed session's strings and messages, and its key unless that must still be delivered."""
    from postprocess.keystore.delivery import forget_key, leftover
    from postprocess.session.erasure import erase_session

    homes, node = home_of(args)
    home = NodeHome(node, homes)
    with open_ledger(home, checked=False) as keystore:
        if keystore.session(args.session).outcome is None:
            raise InvalidInput(f"session '{args.session}': still open; end it first, or `diqkd keys abandon` it")
        record = next((each for each in keystore.key_records.records() if each.key_id == args.session), None)
        state = record and record.state
        if record and (state == "active" or leftover(record)) and not args.with_key:
            raise InvalidInput(
                f"session '{args.session}': its key is not delivered; deliver it, or say --with-key to erase it too"
            )
        if state in ("offered", "serving") and args.with_key:
            raise InvalidInput(
                f"session '{args.session}': the key delivery server hands its key out; leave out --with-key"
            )
        erase_session(home, keystore, args.session)
        forget_key(keystore, args.session)
    if args.json:
        _print_json({"node": node, "session_id": args.session, "erased": True})
    else:
        print(f"session {args.session}: strings and messages erased on {node}")
    return ExitStatus.DONE


def _compare(keystore: Keystore, peer: NodeHome, key_ids: list[str]) -> dict[str, bool]:
    with open_ledger(peer, checked=False) as other:
        known = {record.key_id for record in other.key_records.records()}
        return {key_id: key_id in known and _same_key(keystore, other, key_id) for key_id in key_ids}


def _same_key(keystore: Keystore, other: Keystore, key_id: str) -> bool:
    with suppress(LedgerDamaged):  # that line has its own finding
        return keystore.key_records.same_key(other.key_records, key_id)
    return False


def _require_new_home(folder: Path) -> None:
    from postprocess.keystore import Keystore

    path = folder / "keystore.sqlite"
    if path.exists() and path.stat().st_size:
        with Keystore.open(path) as keystore:
            if keystore.provisioned:
                raise InvalidInput(f"{path}: has its K0 already; a second one needs a home of its own")
    if (folder / "sessions").is_dir() and any((folder / "sessions").iterdir()):
        raise InvalidInput(f"{folder}: has sessions, so a ledger was here; a new K0 needs a new home")


def _create_new(path: Path, remedy: str, mode: int = 0o600) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        raise InvalidInput(f"{path}: exists; {remedy}") from None
    except OSError as problem:
        raise InvalidInput(f"{path}: cannot be made ({problem.strerror}); give a file in a folder of yours") from None


def _write_new(path: Path, content: bytes, remedy: str, mode: int = 0o600) -> None:
    _write_all(_create_new(path, remedy, mode), content, path)


def _write_all(file: int, content: bytes, path: Path) -> None:
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as problem:
        with suppress(OSError):
            path.unlink()  # no half of a secret stays behind
        raise InvalidInput(f"{path}: cannot be written ({problem.strerror}); make room and start again") from problem
    sync_folder(path.absolute().parent)


def _state(key: KeyRecord) -> str:
    """What became of its bits."""
    parts = {"active": "to deliver", "delivered": "handed out, none is here any more", "forgotten": "erased"}
    if key.state not in parts:
        return key.state
    pads = f", {bits(key.bits - key.deliverable)} are pads" if key.deliverable < key.bits else ""
    return f"{key.state}: {bits(key.deliverable)} {parts[key.state]}{pads}"


def _worth(key: KeyRecord) -> str:
    words = ["emulated"] if key.apparatus == "emulated" else []
    return ", ".join([*words, *(f"INSECURE: {reason}" for reason in key.insecure_because)])


def _print_warnings(apparatus: str, insecure_because: tuple[str, ...]) -> None:
    if apparatus == "emulated":
        print(WARNING_EMULATED)
    for reason in insecure_because:
        print(f"INSECURE: {reason}")


def _print_rows(
    title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]], below: Sequence[Sequence[str]] = ()
) -> None:
    """A table; `below` has for each row what is said below it, wrapped to the terminal."""
    print(f"\n{title}" if rows else f"\n{title}: none")
    if rows:
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        for row, notes in zip_longest((head, *rows), ((), *below), fillvalue=()):
            print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
            for note in notes:
                print(wrapped(note, 4))


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, indent=2))
