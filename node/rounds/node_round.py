"""What the rounds of both nodes share: the station, and this node's ends of the lines to the other crate."""

from artiq.experiment import HasEnvironment, kernel

from contract.round_settings import BARRIER_LINES, ROUND_TYPE_LINES
from node.settings import NodeSettings
from node.station import Station


class NodeRound(HasEnvironment):
    """Base of a node's part in a round; `perform` and `failed` are the node's own.

    Attributes:
        has_barrier: whether Bob waits for Alice's pulse before he announces the round type.
        has_two_bases: whether he announces one of two key bases in key rounds.
    """

    kernel_invariants = {"station", "round_type", "barrier", "has_barrier", "has_two_bases"}

    def build(self, station: Station, settings: NodeSettings, round_type: type, barrier: type):
        """`round_type`, `barrier`: SignalSender or SignalReceiver, this node's end of these lines."""
        self.setattr_device("core")
        self.station = station
        self.round_type = round_type(self, settings, ROUND_TYPE_LINES, "announce")
        self.barrier = barrier(self, settings, BARRIER_LINES, "barrier")
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        self.round_type.configure(settings, 1 + settings.key_bases)
        self.barrier.configure(settings, len(BARRIER_LINES))
        self.has_barrier = settings.schedule.has_barrier
        self.has_two_bases = settings.key_bases == 2

    @kernel
    def initialise(self):
        self.round_type.initialise()
        self.barrier.initialise()
        self.core.break_realtime()
