"""Alice's round: once the link is cut she says so where there is a barrier, and learns from Bob whether it is a test or
a key round, and with two key bases of which."""

from artiq.experiment import TInt32, TInt64, kernel

from contract.record_layout import FLAG_ROUND_TYPE
from contract.round_settings import ANNOUNCED_KEY_0, KEY_ROUND
from node.node_errors import CalibrationError
from node.rounds.node_round import NodeRound
from node.rounds.record_buffer import record_bits
from node.settings import NodeSettings
from node.signal_lines import NO_VALUE, SignalReceiver, SignalSender
from node.station import Station


class FollowerRound(NodeRound):
    """The steps of a round after the herald, Alice's side (Nadlinger 2022, S2; protocol steps 2 and 3)."""

    def build(self, station: Station, settings: NodeSettings):
        super().build(station, settings, SignalReceiver, SignalSender)

    def configure(self, settings: NodeSettings):
        super().configure(settings)
        if self.has_two_bases and settings.qubit.amplitude[0] != 0.0:
            raise CalibrationError(
                "qubit.amplitude: with two key bases Alice's first must be 0.0, as her tone is loaded before she knows "
                "her setting; correct or delete this entry of her calibration file"
            )

    @kernel
    def perform(self, herald_mu: TInt64, pattern_index: TInt32, choice: TInt32) -> TInt32:
        """One round; `choice` is X for a test round, and with a barrier twice the bit that she sends is added. Returns
        the record's bits (contract.record_layout).

        In a key round X is the announced basis. With two bases her own bit decides nothing before she knows whether it
        is X, so that a test and a key round with the same X are the same to her device.
        """
        station = self.station
        barrier_bit = 0
        if self.has_barrier:
            barrier_bit = choice >> 1
            choice &= 1
        station.qubit.map_to_optical(herald_mu)
        station.shuttle.disconnect(herald_mu)  # from here on nothing that depends on a setting can leave the node
        if self.has_barrier:
            self.barrier.send(herald_mu, barrier_bit)
        self.round_type.open(herald_mu)
        tone = 1 if self.has_two_bases else choice
        station.qubit.load_analysis(herald_mu, tone, pattern_index)
        announced = self.round_type.listen(herald_mu)
        flags = 0
        if announced == NO_VALUE:
            flags = FLAG_ROUND_TYPE
            announced = ANNOUNCED_KEY_0
        test = announced & 1
        setting = choice * test + (announced >> 1)  # X: her own bit in a test round, the key basis otherwise
        station.qubit.rotate_to_basis(herald_mu, setting)
        station.readout.collect(herald_mu)
        station.scramble.reset_qubit(herald_mu)
        station.shuttle.reconnect(herald_mu)
        outcome = 1 - station.readout.is_bright()  # inverted: 0 for bright, as Bob's pair is anticorrelated
        if flags != 0:
            outcome = 0
        return record_bits(outcome, setting, test, flags, barrier_bit)

    @kernel
    def failed(self, choice: TInt32, flag: TInt32) -> TInt32:
        """The record's bits of a round that broke off: outcome 0; Alice may not even have seen T."""
        return record_bits(0, 0, KEY_ROUND, flag, 0)
