"""Bob's round: once the link is cut, and where there is a barrier Alice's too, he tells her the round type, then
measures in his basis."""

from artiq.experiment import TInt32, TInt64, kernel

from contract.record_layout import FLAG_BARRIER
from contract.round_settings import ANNOUNCED_TEST, KEY_SETTING
from node.rounds.node_round import NodeRound
from node.rounds.record_buffer import record_bits
from node.settings import NodeSettings
from node.signal_lines import NO_VALUE, SignalReceiver, SignalSender
from node.station import Station


class LeaderRound(NodeRound):
    """The steps of a round after the herald, Bob's side (Nadlinger 2022, S2; protocol steps 2 and 3)."""

    def build(self, station: Station, settings: NodeSettings):
        super().build(station, settings, SignalSender, SignalReceiver)

    @kernel
    def perform(self, herald_mu: TInt64, pattern_index: TInt32, choice: TInt32) -> TInt32:
        """One round; `choice` is Y, 0 or 1 in test rounds, 2 plus the key basis in key rounds. Returns the record's
        bits (contract.record_layout)."""
        station = self.station
        announced = self._announced(choice)
        station.qubit.map_to_optical(herald_mu)
        station.shuttle.disconnect(herald_mu)  # from here on nothing that depends on a setting can leave the node
        if self.has_barrier:
            self.barrier.open(herald_mu)
        station.qubit.load_analysis(herald_mu, choice, pattern_index)
        barrier_bit = 0
        flags = 0
        if self.has_barrier:
            barrier_bit = self.barrier.listen(herald_mu)
            if barrier_bit == NO_VALUE:
                barrier_bit = 0
                flags = FLAG_BARRIER
        if flags == 0:  # Alice is isolated: only now may the round type leave
            self.round_type.send(herald_mu, announced)
        station.qubit.rotate_to_basis(herald_mu, choice)
        station.readout.collect(herald_mu)
        station.scramble.reset_qubit(herald_mu)
        station.shuttle.reconnect(herald_mu)
        outcome = station.readout.is_bright()
        if flags != 0:
            outcome = 0
        return record_bits(outcome, choice, announced & 1, flags, barrier_bit)

    @kernel
    def failed(self, choice: TInt32, flag: TInt32) -> TInt32:
        """The record's bits of a round that broke off: outcome 0, setting and round type as they were drawn."""
        return record_bits(0, choice, self._announced(choice) & 1, flag, 0)

    @kernel
    def _announced(self, choice: TInt32) -> TInt32:
        return ANNOUNCED_TEST if choice < KEY_SETTING else (choice - KEY_SETTING) << 1
