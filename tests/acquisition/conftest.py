"""Two node homes with link keys."""

import socket

import pytest
from emulated_rounds import NODES

from postprocess.link.keys import make_link_keys, write_peer


def free_endpoints():
    """Two addresses nobody listens at."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    endpoints = [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return dict(zip(("rounds", "session"), endpoints, strict=True))


@pytest.fixture
def homes(tmp_path):
    """Two node homes that know each other's link key."""
    endpoints = free_endpoints()
    homes = {node: tmp_path / "homes" / node for node in NODES}
    keys = {node: make_link_keys(home) for node, home in homes.items()}
    write_peer(homes["alice"], keys["bob"], endpoints)
    write_peer(homes["bob"], keys["alice"], endpoints)
    return homes
