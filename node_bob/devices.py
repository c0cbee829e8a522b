"""Bob's crate: the master of the attempt loop, driving the two round-type lines."""

from node.crate import kasli_crate

CORE_HOST = "192.168.1.71"

DEVICES = kasli_crate("bob", CORE_HOST, is_master=True)
