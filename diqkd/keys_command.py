"""`diqkd keys`: the ledger of secret bits, from the first shared secret to the key handed out."""

from __future__ import annotations

import argparse
from typing import Any

from diqkd import arguments
from diqkd.choice_arguments import add_choice_arguments, add_preset_argument
from diqkd.home_arguments import add_home_arguments

DESCRIPTION = """\
Look after a node's secret bits. Every node keeps a ledger in its home: the initial shared secret K0, the
one-time pads each session spent, the keys it gained. No command prints a secret bit; `deliver` writes a key to a
file, once."""

PROVISION = """\
Make a node's home and ledger and take in K0, the secret that both nodes share before their first session:
extractor seed, hash key, and 256 bits of one-time pads for each session. Its size follows from the parameters of
the session that is planned (1 203 422 bits for the paper's).

K0 is drawn on one node, into a file, and carried to the other by hand; the file is then erased:
  diqkd keys provision --home ~/diqkd --node alice --draw /media/usb/k0
  diqkd keys provision --home ~/diqkd --node bob --take /media/usb/k0"""

LINK = """\
Show this node's public link key (made on the first call) and its fingerprint, and store the peer's with the addresses
of the two channels. The link accepts the authenticated peer alone; what must be authentic carries a tag from the
ledger. A key is no secret, but must not be swapped: carry it as a file, then read the fingerprints aloud.

On Alice's node the addresses are those at which she listens, on Bob's those to which he connects:
  diqkd keys link --home ~/diqkd --node alice --write alice.link
  diqkd keys link --home ~/diqkd --node alice --peer bob.link --rounds 'tcp://*:5710' --post-processing 'tcp://*:5711'
--peer-key=KEY takes the 40 characters themselves, in single quotes: they hold every special character of a shell."""

FORGET = """\
Erase what a closed session has left here: settings, outcomes, the content of its messages. Delivering a key does so
by itself; an aborted session may be forgotten once its audit is done. Sizes, times and digests of messages stay."""

VERIFY = """\
Check everything there is to check: that the ledger's account is right, each secret against its digest, that the ledger
is the newest and knows the sessions beside it, and that nobody else can read its files. When the peer's home
is on this machine (an emulated laboratory), compare the keys of both ledgers bit by bit as well; nothing is
shown. Two machines are never compared over a network: a digest of a key is not secret."""

DELIVER = """\
Write a key to a new file (0600, packed, most significant bit first), once. A delivery that was interrupted is
finished by the same command; what it has left of a key that is still free is erased before the key goes anywhere
else. The key is then erased here, with settings, outcomes and messages, from which it could be made again. Bits set
aside as pads of a later session stay behind. A key of the emulated apparatus, or an insecure one, protects nothing
and is only handed out when asked for by name."""


def add_parser(subparsers: Any) -> None:
    """Register `diqkd keys` and its actions."""
    parser = subparsers.add_parser(
        "keys",
        help="the ledger: show, provision, link, verify, abandon, forget, deliver",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add(actions, "show", "accounts, sessions and keys", "Show table I of this ledger, its sessions and its keys.")
    _add_provision(_add(actions, "provision", "make the ledger and take in the initial secret", PROVISION))
    _add_link(_add(actions, "link", "this node's link key, and the peer's", LINK))
    _add(actions, "verify", "check the ledger; compare both where they are on one machine", VERIFY)
    abandon = _add(
        actions,
        "abandon",
        "give up an open session",
        "Give up a session that cannot be ended: its pads stay spent, its pending key is discarded, here now and at\n"
        "the peer when it hears of it. Its rounds are never used again.",
    )
    abandon.add_argument("--session", type=arguments.word, required=True, metavar="ID", help="session id")
    forget = _add(actions, "forget", "erase what a closed session has left", FORGET)
    forget.add_argument("--session", type=arguments.word, required=True, metavar="ID", help="session id")
    forget.add_argument("--with-key", action="store_true", help="erase its key as well, though it was never delivered")
    deliver = _add(actions, "deliver", "write a key to a file, once", DELIVER)
    deliver.add_argument(
        "--key", type=arguments.word, required=True, metavar="ID", help="key id, as `diqkd keys show` lists it"
    )
    deliver.add_argument("--to", required=True, type=arguments.path, metavar="FILE", help="new file for the key")
    deliver.add_argument("--allow-emulated", action="store_true", help="hand out a key of the emulated apparatus")
    deliver.add_argument("--allow-insecure", action="store_true", help="hand out a key marked insecure")


def run(args: argparse.Namespace) -> int:
    """Do the chosen action; returns the exit status."""
    from diqkd import keys_actions

    return int(getattr(keys_actions, args.action)(args))


def _add(actions: Any, name: str, summary: str, description: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_home_arguments(parser)
    parser.set_defaults(run=run, action=name)
    return parser


def _add_provision(parser: argparse.ArgumentParser) -> None:
    k0 = parser.add_mutually_exclusive_group(required=True)
    k0.add_argument(
        "--draw", type=arguments.path, metavar="FILE", help="draw K0 and write it to this new file for the peer"
    )
    k0.add_argument("--take", type=arguments.path, metavar="FILE", help="take K0 from the file that the peer has drawn")
    parser.add_argument("--apparatus", choices=("kasli", "emulated"), default="kasli", help="default: %(default)s")
    parser.add_argument(
        "--sessions", type=arguments.sessions, default=1, metavar="K", help="pads for so many sessions (default: 1)"
    )
    parser.add_argument(
        "--random-file",
        type=arguments.path,
        metavar="FILE",
        help="take this node's private random bits, now and later, from a hardware generator's file",
    )
    add_preset_argument(parser)
    add_choice_arguments(parser.add_argument_group("with --preset long (rounds, S, Q, eps) or custom"))


def _add_link(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--write", type=arguments.path, metavar="FILE", help="write the public key to a new file")
    parser.add_argument("--peer", type=arguments.path, metavar="FILE", help="take the peer's public key from its file")
    parser.add_argument("--peer-key", type=arguments.word, metavar="KEY", help="the peer's public key, 40 characters")
    parser.add_argument(
        "--rounds", type=arguments.word, metavar="ADDRESS", help="tcp://HOST:PORT of the channel for the rounds"
    )
    parser.add_argument(
        "--post-processing",
        type=arguments.word,
        metavar="ADDRESS",
        help="tcp://HOST:PORT of the channel for post-processing",
    )
    parser.add_argument(
        "--key-delivery",
        type=arguments.word,
        metavar="ADDRESS",
        help="tcp://HOST:PORT of the channel for `diqkd kme serve`, where applications take keys from it",
    )
