"""Bob's node, assembled."""

from node.assembly import AssembledNode
from node_bob.round import LeaderRound
from node_bob.settings import DEFAULTS


class BobNode(AssembledNode):
    """Station, round and block loop of Bob."""

    def build(self):
        super().build(LeaderRound, DEFAULTS, "analysis_leader")
