"""A node, assembled from its parts: what both nodes do the same, whatever round they run."""

from collections.abc import Callable

from artiq.experiment import HasEnvironment

from node.recovery import Recovery
from node.rounds.block_loop import BlockLoop
from node.settings import NodeSettings
from node.station import Station


class AssembledNode(HasEnvironment):
    """Station, round and block loop; complete after build, refined by `configure`."""

    def build(self, round_class: type, defaults: NodeSettings, analysis: str):
        """`round_class`: the node's part in a round; `analysis`: name of its analysis pulse in the schedule."""
        self.setattr_device("core")
        self.defaults = self.settings = defaults
        self.vary: Callable[[NodeSettings], NodeSettings] = unvaried
        self.station = Station(self, defaults, analysis)
        self.round = round_class(self, self.station, defaults)
        self.blocks = BlockLoop(self, self.station, self.round)
        self.recovery = Recovery(self, self.station)

    def configure(self, settings: NodeSettings) -> None:
        """Use what `vary` makes of these settings; never while a kernel runs."""
        self.settings = self.vary(settings)
        self.station.configure(self.settings)
        self.round.configure(self.settings)


def unvaried(settings: NodeSettings) -> NodeSettings:
    """The calibrated settings as they are: what every session uses."""
    return settings
