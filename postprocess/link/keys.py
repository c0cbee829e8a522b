"""CURVE keys of a node and what it knows of its peer: <home>/link/{secret_key,public_key,peer.json}, private."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.link.channel import CHANNELS, OPTIONAL_CHANNELS
from postprocess.storage.bounded_files import MissingFile, read_bytes, read_object
from postprocess.storage.private_files import private_folder, write_private

KEY_LENGTH = 40
_Z85 = frozenset(string.ascii_letters + string.digits + ".-:+=^!/*?&<>()[]{}@%$#")
_TCP = re.compile(r"tcp://(?:[A-Za-z0-9_.*-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})")
_IPC = re.compile(r"ipc://[!-~]{1,100}")
_REMEDY = "restore it from a copy, or delete the folder link/ and say `diqkd keys link` on both nodes again"


@dataclass(frozen=True)
class LinkKeys:
    """A node's own key pair, its peer's public key (Z85, 40 bytes each), and the endpoint of each channel."""

    public_key: bytes
    secret_key: bytes = field(repr=False)
    peer_key: bytes
    endpoints: dict[str, str]

    def endpoint(self, channel: str) -> str:
        """Where a channel is; InvalidInput for one that was never given an address."""
        if channel not in self.endpoints:
            raise InvalidInput(
                f"link/peer.json: no address of the channel '{channel}'; say `diqkd keys link` again with "
                "--key-delivery, on both nodes"
            )
        return self.endpoints[channel]


def make_link_keys(home: Path | str) -> str:
    """This node's public key (Z85); the pair is made on the first call and kept."""
    import zmq

    folder = private_folder(Path(home) / "link")
    secret_file, public_file = folder / "secret_key", folder / "public_key"
    if not public_file.exists():
        public_key, secret_key = zmq.curve_keypair()
        write_private(secret_file, secret_key)
        write_private(public_file, public_key)
    return _own_key(public_file).decode()


def write_peer(home: Path | str, public_key: str, endpoints: dict[str, str]) -> None:
    """Store the peer's public key and the endpoints of the channels: {"rounds": "tcp://…", "session": "tcp://…"}, and
    "keys" where there is a key delivery server.

    On Alice's node the endpoints are the addresses at which she listens, on Bob's those to which he connects.
    """
    folder = private_folder(Path(home) / "link")
    content = {"public_key": public_key, **endpoints}
    _check_peer(content, "the peer", own_key=make_link_keys(home))
    write_private(folder / "peer.json", json.dumps(content, indent=2).encode())


def stored_peer(home: Path | str) -> dict[str, str] | None:
    """The peer as stored, "public_key" and an address for each of CHANNELS that it has; None before it is.

    Raises:
        InvalidInput: the file is damaged.
    """
    path = Path(home) / "link" / "peer.json"
    try:
        content = read_object(path, _REMEDY)
    except MissingFile:
        return None
    _check_peer(content, str(path), own_key=make_link_keys(home))
    return {name: content[name] for name in ("public_key", *CHANNELS) if name in content}


def read_link_keys(home: Path | str) -> LinkKeys:
    """Keys and peer as stored; InvalidInput names the file that is missing or damaged."""
    folder = Path(home) / "link"
    try:
        secret_key, public_key = _own_key(folder / "secret_key"), _own_key(folder / "public_key")
        peer = read_object(folder / "peer.json", _REMEDY)
    except MissingFile as problem:
        name = str(problem).partition(": missing")[0]
        raise InvalidInput(f"{name}: missing; make the link keys and exchange the public ones first") from None
    _check_peer(peer, str(folder / "peer.json"), own_key=public_key.decode())
    endpoints = {name: peer[name] for name in CHANNELS if name in peer}
    return LinkKeys(public_key, secret_key, peer["public_key"].encode(), endpoints)


def _own_key(path: Path) -> bytes:
    key = read_bytes(path, _REMEDY)
    if not _is_key(key.decode("latin-1")):
        raise InvalidInput(f"{path}: not a link key of {KEY_LENGTH} characters (Z85); {_REMEDY}")
    return key


def _is_key(text: str) -> bool:
    return len(text) == KEY_LENGTH and _Z85.issuperset(text)


def _check_peer(content: Mapping[str, object], where: str, own_key: str) -> None:
    present = [name for name in CHANNELS if name in content or name not in OPTIONAL_CHANNELS]
    texts = [content.get(name) for name in ("public_key", *present)]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidInput(
            f"{where}: must give 'public_key', 'rounds' and 'session' as text; say `diqkd keys link` again"
        )
    key, *addresses = map(str, texts)
    if len(key) != KEY_LENGTH:
        raise InvalidInput(f"{where}: public_key must have {KEY_LENGTH} characters (Z85), not {len(key)}")
    if not _is_key(key):
        raise InvalidInput(f"{where}: public_key has characters that no key has; copy what the peer's node printed")
    if key == own_key:
        raise InvalidInput(f"{where}: this is the node's own public key; give the one that the peer's node printed")
    for address in addresses:
        _check_address(address, where)
    if len(set(addresses)) < len(addresses):
        raise InvalidInput(
            f"{where}: rounds and post-processing need an address each, and key delivery another one; two are the same"
        )


def _check_address(address: str, where: str) -> None:
    tcp = _TCP.fullmatch(address)
    if (tcp and 1 <= int(tcp[1]) <= 65_535) or _IPC.fullmatch(address):
        return
    shown = address[:80].encode("ascii", "backslashreplace").decode()
    raise InvalidInput(f"{where}: address {shown}: write tcp://HOST:PORT with a port from 1 to 65535")
