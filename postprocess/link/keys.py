"""CURVE keys of a node and what it knows of its peer: <home>/link/{secret_key,public_key,peer.json}, private."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.link.channel import CHANNELS
from postprocess.storage.private_files import private_folder, write_private


@dataclass(frozen=True)
class LinkKeys:
    """A node's own key pair, its peer's public key (Z85, 40 bytes each), and the endpoint of each channel."""

    public_key: bytes
    secret_key: bytes = field(repr=False)
    peer_key: bytes
    endpoints: dict[str, str]


def make_link_keys(home: Path | str) -> str:
    """This node's public key (Z85); the pair is made on the first call and kept."""
    import zmq

    folder = private_folder(Path(home) / "link")
    secret_file, public_file = folder / "secret_key", folder / "public_key"
    if not public_file.exists():
        public_key, secret_key = zmq.curve_keypair()
        write_private(secret_file, secret_key)
        write_private(public_file, public_key)
    return public_file.read_text()


def write_peer(home: Path | str, public_key: str, endpoints: dict[str, str]) -> None:
    """Store the peer's public key and the endpoints of the channels: {"rounds": "tcp://…", "session": "tcp://…"}.

    On Alice's node the endpoints are the addresses at which she listens, on Bob's those to which he connects.
    """
    content = {"public_key": public_key, **endpoints}
    _check_peer(content, "the peer")
    write_private(private_folder(Path(home) / "link") / "peer.json", json.dumps(content, indent=2).encode())


def read_link_keys(home: Path | str) -> LinkKeys:
    """Keys and peer as stored; InvalidInput names the file that is missing or damaged."""
    folder = Path(home) / "link"
    try:
        secret_key, public_key = (folder / "secret_key").read_bytes(), (folder / "public_key").read_bytes()
        peer = json.loads((folder / "peer.json").read_text())
    except FileNotFoundError as problem:
        name = Path(problem.filename).name
        raise InvalidInput(f"{folder / name}: missing; make the link keys and exchange the public ones first") from None
    except (OSError, ValueError) as problem:
        raise InvalidInput(f"{folder}: link keys or peer file cannot be read ({type(problem).__name__})") from None
    _check_peer(peer, str(folder / "peer.json"))
    return LinkKeys(public_key, secret_key, peer["public_key"].encode(), {name: peer[name] for name in CHANNELS})


def _check_peer(content: object, where: str) -> None:
    names = ("public_key", *CHANNELS)
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in names):
        raise InvalidInput(f"{where}: must give 'public_key', 'rounds' and 'session' as text")
    if len(content["public_key"]) != 40:
        raise InvalidInput(f"{where}: public_key must have 40 characters (Z85), not {len(content['public_key'])}")
