"""The two nodes and the kinds of apparatus behind them."""

ALICE, BOB = "alice", "bob"
NODES = (ALICE, BOB)
KINDS = ("kasli", "emulated")


def other_node(node: str) -> str:
    """The peer of `node`."""
    return BOB if node == ALICE else ALICE
