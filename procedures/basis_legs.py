"""All legs of a measurement in Pauli bases, one after the other, with the peer."""


class BasisLegs:
    """Measures the legs of `postprocess.characterisation.bases` on this node; `legs` has (plan, JointRounds) of each.

    Args:
        peer_rounds: procedures.peer_rounds.PeerRounds of the experiment.
        plans: postprocess.plans.measurement_plan.MeasurementPlan of each leg.
    """

    def __init__(self, peer_rounds, plans):
        self.peer_rounds, self.plans = peer_rounds, plans
        self.legs = []

    def measure(self, home, peer_timeout, recovery_timeout):
        """Measure what an earlier run has not; a leg that is complete is only exchanged again."""
        from node.basis_settings import with_bases
        from procedures.live_strings import LiveStrings

        for plan in self.plans:
            names = plan.bases[0 if self.peer_rounds.node_name == "alice" else 1]
            strings = LiveStrings(lambda joint: None, peer_timeout)
            self.peer_rounds.describe(plan)
            self.peer_rounds.measure(
                home,
                plan,
                peer_timeout,
                recovery_timeout,
                strings.update,
                lambda settings, names=names: with_bases(settings, names),
            )
            self.legs.append((plan, strings.joint))
