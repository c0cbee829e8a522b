"""The core device whose firmware is this machine: ARTIQ's own Core, another target, another connection."""

from __future__ import annotations

from typing import Any

from artiq.coredevice import core as artiq_core

from testbed.boards.board_crate import BoardCrate
from testbed.boards.rtio import Rtio
from testbed.compiled.connection import HostConnection
from testbed.compiled.target import HostTarget, require_host_target
from testbed.drivers.core import KERNEL_START_MU
from testbed.physics.node_physics import NodePhysics


class HostCore(artiq_core.Core):
    """Arguments as of ARTIQ's Core, plus the node whose boards and ions stand behind it; `host` is not used."""

    def __init__(self, dmgr: Any, node: str, **arguments: Any) -> None:
        require_host_target()
        super().__init__(dmgr, **(arguments | {"host": None, "target": "rv32g"}))
        self.node = node
        self.target_cls = HostTarget
        self.rtio = Rtio()
        self.comm = HostConnection(self.rtio)
        self._crate: BoardCrate | None = None

    @property
    def crate(self) -> BoardCrate:
        """The boards behind the channels; connected when first asked for, and by the first kernel."""
        if self._crate is None:
            table = self.dmgr.get_device_db()
            self.comm.charge(table)
            self._crate = BoardCrate(table, self.node, self.rtio, self.comm)
        return self._crate

    @property
    def physics(self) -> NodePhysics:
        """The physics behind the boards."""
        return self.crate.physics

    def _run_compiled(self, *compiled: Any) -> None:
        _ = self.crate
        self.comm.wall += KERNEL_START_MU
        super()._run_compiled(*compiled)

    def close(self) -> None:
        """Tell the laboratory that this node has gone."""
        if self._crate is not None:
            self._crate.close()
        super().close()
