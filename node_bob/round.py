"""Bob's round: once the link is cut he tells Alice the round type, then measures in his basis."""

from artiq.experiment import TInt32, TInt64, kernel

from contract.round_settings import KEY_ROUND, KEY_SETTING, TEST_ROUND
from node.round_type import RoundTypeSender
from node.rounds.node_round import NodeRound
from node.rounds.record_buffer import record_bits
from node.settings import NodeSettings
from node.station import Station


class LeaderRound(NodeRound):
    """The steps of a round after the herald, Bob's side (Nadlinger 2022, S2; protocol steps 2 and 3)."""

    def build(self, station: Station, settings: NodeSettings):
        super().build(station, settings, RoundTypeSender)

    @kernel
    def perform(self, herald_mu: TInt64, pattern_index: TInt32, choice: TInt32) -> TInt32:
        """One round; `choice` is Y, 0 or 1 in test rounds, 2 in key rounds. Returns the record's bits
        (contract.record_layout)."""
        station = self.station
        test = self._round_type(choice)
        station.qubit.map_to_optical(herald_mu)
        station.shuttle.disconnect(herald_mu)  # from here on nothing that depends on a setting can leave the node
        station.qubit.load_analysis(herald_mu, choice, pattern_index)
        self.round_type.announce(herald_mu, test)
        station.qubit.rotate_to_basis(herald_mu, choice)
        station.readout.collect(herald_mu)
        station.scramble.reset_qubit(herald_mu)
        station.shuttle.reconnect(herald_mu)
        return record_bits(station.readout.is_bright(), choice, test, 0)

    @kernel
    def failed(self, choice: TInt32, flag: TInt32) -> TInt32:
        """The record's bits of a round that broke off: outcome 0, setting and round type as they were drawn."""
        return record_bits(0, choice, self._round_type(choice), flag)

    @kernel
    def _round_type(self, choice: TInt32) -> TInt32:
        return KEY_ROUND if choice == KEY_SETTING else TEST_ROUND
