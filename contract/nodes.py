"""The two nodes and the kinds of apparatus behind them."""

ALICE, BOB = "alice", "bob"
NODES = (ALICE, BOB)
KASLI, BRINGUP, EMULATED = "kasli", "bringup", "emulated"
KINDS = (KASLI, BRINGUP, EMULATED)
KINDS_FOR_KEYS = (KASLI, EMULATED)  # a crate under bring-up shows settings and counts to whoever looks


def other_node(node: str) -> str:
    """The peer of `node`."""
    return BOB if node == ALICE else ALICE
