"""A measurement in Pauli bases with the peer: all its legs, one after the other."""

from procedures.peer_rounds import PeerExperiment


class BasisExperiment(PeerExperiment):
    """Base of experiments whose rounds measure in Pauli bases; `legs` has (plan, JointRounds) of each pair of bases."""

    def rounds_argument(self, default: int, step: int, group: str, pairs: int):
        """Size of the measurement."""
        self.number_argument(
            "pair_rounds",
            default,
            10,
            1_000_000,
            step,
            group,
            f"Heralded rounds per pair of bases, of all four patterns; there are {pairs} pairs",
        )

    def measure_legs(self, pairs):
        """Measure what an earlier run has not; a leg that is complete is only exchanged again."""
        from contract.nodes import NODES
        from node.basis_settings import with_bases
        from postprocess.characterisation.bases import leg_plans
        from procedures.live_strings import LiveStrings

        self.legs = []
        plans = leg_plans(self.name, self.apparatus, self.pair_rounds, self.block_rounds, pairs)
        self.describe_rounds(*plans, name=self.name)
        for plan in plans:
            names = plan.bases[NODES.index(self.node_name)]
            strings = LiveStrings(lambda joint: None, self.peer_timeout)
            self.measure_rounds(plan, strings, lambda settings, names=names: with_bases(settings, names))
            self.legs.append((plan, strings.joint))
