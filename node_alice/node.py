"""Alice's node, assembled."""

from pathlib import Path

from artiq.experiment import *

from node.block_loop import BlockLoop
from node.calibration import calibrated, changes
from node.recovery import Recovery
from node.station import Station
from node_alice.round import FollowerRound
from node_alice.settings import DEFAULTS


class Node(HasEnvironment):
    """Station, round and block loop of Alice; complete after build, refined by `load_calibration`."""

    def build(self):
        self.setattr_device("core")
        self.settings = DEFAULTS
        self.station = Station(self, DEFAULTS, DEFAULTS.schedule.analysis_follower)
        self.round = FollowerRound(self, self.station, DEFAULTS)
        self.blocks = BlockLoop(self, self.station, self.round)
        self.recovery = Recovery(self, self.station)

    def load_calibration(self, path: Path) -> list[str]:
        """Override the defaults with the calibration file's values, if there is one; call it in run, not in build.

        Returns what changed since the last time, one line per setting.
        """
        before, self.settings = self.settings, calibrated(DEFAULTS, path)
        self.station.configure(self.settings)
        self.round.configure(self.settings)
        return changes(before, self.settings)
