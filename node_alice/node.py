"""Alice's node, assembled."""

from node.assembly import AssembledNode
from node_alice.round import FollowerRound
from node_alice.settings import DEFAULTS


class AliceNode(AssembledNode):
    """Station, round and block loop of Alice."""

    def build(self):
        super().build(FollowerRound, DEFAULTS, "analysis_follower")
