"""Alice's crate: the slave of the attempt loop, listening on the two round-type lines."""

from node.crate import kasli_crate

CORE_HOST = "192.168.1.70"

DEVICES = kasli_crate("alice", CORE_HOST, is_master=False)
