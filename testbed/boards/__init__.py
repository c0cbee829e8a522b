"""Boards of a node's crate as their RTIO channels see them: registers in, input events out. Behind them stands the same
physics as behind the emulated drivers (testbed.drivers)."""
