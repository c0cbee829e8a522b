"""Alice's node: she follows Bob's round type, her outcome is inverted."""

from typing import Any

__all__ = ["Node"]


def __getattr__(name: str) -> Any:
    # The device table is read where ARTIQ may be missing; the node itself is not.
    if name == "Node":
        from node_alice.node import Node

        return Node
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
