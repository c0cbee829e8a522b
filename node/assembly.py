"""A node, assembled from its parts: what both nodes do the same, whatever round they run."""

from collections.abc import Callable
from pathlib import Path

from artiq.experiment import *

from node.block_loop import BlockLoop
from node.calibration import calibrated, changes
from node.recovery import Recovery
from node.settings import NodeSettings
from node.station import Station


class AssembledNode(HasEnvironment):
    """Station, round and block loop; complete after build, refined by `load_calibration`."""

    def build(self, round_class: type, defaults: NodeSettings, analysis_at: float):
        """`round_class`: the node's part in a round; `analysis_at`: its analysis pulse, in s after the herald."""
        self.setattr_device("core")
        self.defaults = self.settings = defaults
        self.vary: Callable[[NodeSettings], NodeSettings] = unvaried
        self.station = Station(self, defaults, analysis_at)
        self.round = round_class(self, self.station, defaults)
        self.blocks = BlockLoop(self, self.station, self.round)
        self.recovery = Recovery(self, self.station)

    def load_calibration(self, path: Path) -> list[str]:
        """Override the defaults with the calibration file's values, if there is one; call it in run, not in build.

        What `vary` makes of them is used: other bases for a measurement that is not the protocol's.

        Returns what changed since the last time, one line per setting.
        """
        before, self.settings = self.settings, self.vary(calibrated(self.defaults, path))
        self.station.configure(self.settings)
        self.round.configure(self.settings)
        return changes(before, self.settings)


def unvaried(settings: NodeSettings) -> NodeSettings:
    """The calibrated settings as they are: what every session uses."""
    return settings
