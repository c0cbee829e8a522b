"""What the rounds of both nodes share: the station, and this node's end of the round-type lines."""

from artiq.experiment import HasEnvironment, kernel

from node.settings import NodeSettings
from node.station import Station


class NodeRound(HasEnvironment):
    """Base of a node's part in a round; `perform` and `failed` are the node's own."""

    kernel_invariants = {"station", "round_type"}

    def build(self, station: Station, settings: NodeSettings, round_type: type):
        """`round_type`: class of this node's end of the round-type lines."""
        self.setattr_device("core")
        self.station = station
        self.round_type = round_type(self, settings)

    def configure(self, settings: NodeSettings):
        self.round_type.configure(settings)

    @kernel
    def initialise(self):
        self.round_type.initialise()
        self.core.break_realtime()
