"""Device table of this node: DIQKD_NODE (alice | bob) says whose, DIQKD_APPARATUS (kasli | bringup | emulated |
compiled) what stands behind it."""

import os


def _table():
    node, apparatus = os.environ.get("DIQKD_NODE", ""), os.environ.get("DIQKD_APPARATUS", "")
    if node == "alice":
        from node_alice.devices import DEVICES as devices
    elif node == "bob":
        from node_bob.devices import DEVICES as devices
    else:
        raise ValueError(f"device_db.py: DIQKD_NODE is '{node}'; set it to alice or bob")
    if apparatus == "kasli":
        return devices
    if apparatus == "bringup":
        from node.crate import with_monitoring

        return with_monitoring(devices)
    if apparatus == "emulated":
        from testbed.devices import emulate

        return emulate(devices, node)
    if apparatus == "compiled":
        from testbed.devices import run_compiled

        return run_compiled(devices, node)
    raise ValueError(f"device_db.py: DIQKD_APPARATUS is '{apparatus}'; set it to kasli, bringup, emulated or compiled")


device_db = _table()
