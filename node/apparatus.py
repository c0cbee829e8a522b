"""The entry of the device table that says whose crate this is and whether there are ions behind it."""

from contract.nodes import KINDS, NODES


class Apparatus:
    """Name of the node and kind of apparatus; a pseudo-device, so that results and keys can carry where they come
    from."""

    kernel_invariants = {"node", "kind"}

    def __init__(self, dmgr, node: str, kind: str):
        self.node = node
        self.kind = kind


def describe(device_db: dict) -> tuple[str, str]:
    """(node, kind) of a device table; works while a repository is scanned, when devices are None.

    Raises:
        ValueError: the table has no usable 'apparatus' entry.
    """
    entry = device_db.get("apparatus")
    arguments = entry.get("arguments", {}) if isinstance(entry, dict) else {}
    node, kind = arguments.get("node"), arguments.get("kind")
    if node not in NODES or kind not in KINDS:
        wanted = f"node {'|'.join(NODES)} and kind {'|'.join(KINDS)}"
        raise ValueError(f"device table: no 'apparatus' entry with {wanted}; use device_db.py")
    return node, kind
