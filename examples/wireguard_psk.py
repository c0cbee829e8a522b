#!/usr/bin/env python3
"""Set WireGuard's preshared keys from a KME (ETSI GS QKD 014): the same fresh key at both ends of a tunnel.

The master takes a key and tells the slave its key_ID by a TCP connection of their own; a key_ID is no secret. Each end
then sets the preshared key of its peer. Run it now and then (a timer): WireGuard takes the new key at its next
handshake, within two minutes.

    slave   wireguard_psk.py slave  CONNECTION --listen 10.0.0.2:9000 --interface wg0 --peer PUBLIC_KEY_OF_MASTER
    master  wireguard_psk.py master CONNECTION --connect 10.0.0.2:9000 --interface wg0 --peer PUBLIC_KEY_OF_SLAVE

CONNECTION: --kme HOST:PORT --certificate FILE --key FILE --ca FILE --partner SAE_ID (the other end's).
Needs PyPI's etsi-qkd-014-client and the program `wg`.
"""

import argparse
import os
import socket
import subprocess
import sys
import uuid

from etsi_qkd_014_client import QKD014Client

WIREGUARD_BITS = 256
PATIENCE_S = 60


def main() -> int:
    """Exit status 0 when both ends have the key."""
    args = parse()
    client = QKD014Client(args.kme, args.certificate, args.key, args.ca)
    key_id, key = (as_master if args.role == "master" else as_slave)(client, args)
    set_preshared_key(args.wg, args.interface, args.peer, key)
    print(f"{args.interface}: preshared key {key_id} is set")
    return 0


def as_master(client: QKD014Client, args: argparse.Namespace) -> tuple[str, str]:
    """A fresh key; its key_ID goes to the slave, who answers once it has the key."""
    key = only_key(client.get_key(args.partner, number=1, size=WIREGUARD_BITS))
    host, port = args.connect.rsplit(":", 1)
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        connection.sendall(f"{key.key_id}\n".encode())
        if connection.makefile("rb").readline(64).strip() != b"set":
            sys.exit("the slave has no key; nothing is changed here")
    return key.key_id, key.key


def as_slave(client: QKD014Client, args: argparse.Namespace) -> tuple[str, str]:
    """The key that the master names."""
    host, port = args.listen.rsplit(":", 1)
    with socket.create_server((host, int(port))) as server:
        server.settimeout(PATIENCE_S)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            key_id = str(uuid.UUID(connection.makefile("rb").readline(64).decode("ascii").strip()))
            key = only_key(client.get_key_with_key_IDs(args.partner, [key_id]))
            connection.sendall(b"set\n")
    return key_id, key.key


def only_key(answer):
    """The key of an answer, or the end."""
    status, content = answer
    if status != 200:
        sys.exit(f"no key: {status}, {content.message}")
    return content.keys[0]


def set_preshared_key(wg: str, interface: str, peer: str, key: str) -> None:
    """By standard input: an argument could be seen by every user of the machine."""
    command = [wg, "set", interface, "peer", peer, "preshared-key", "/dev/stdin"]
    subprocess.run(command, input=f"{key}\n", text=True, check=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=("master", "slave"))
    for name in ("kme", "certificate", "key", "ca", "partner", "interface", "peer"):
        parser.add_argument(f"--{name}", required=True)
    ends = parser.add_mutually_exclusive_group(required=True)
    ends.add_argument("--connect", metavar="HOST:PORT", help="master: where the slave listens")
    ends.add_argument("--listen", metavar="HOST:PORT", help="slave: where to wait for the master")
    parser.add_argument("--wg", default="wg", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if (args.role == "master") != bool(args.connect):
        parser.error("a master connects, a slave listens")
    return args


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
