"""Base of every experiment of a node: which node this is, its parts, its home, and arguments that many share."""

import logging

from artiq.experiment import NumberValue, StringValue

from contract.nodes import ALICE, BOB
from node.apparatus import describe
from procedures.described_datasets import DescribedDatasets

PATIENCE = "Patience"
RESULTS = logging.getLogger("diqkd.results")  # whatever the log level that an experiment is submitted with
RESULTS.setLevel(logging.INFO)


def node_class(name: str) -> type:
    """The assembled node of Alice or Bob."""
    if name == ALICE:
        from node_alice.node import AliceNode

        return AliceNode
    from node_bob.node import BobNode

    return BobNode


class NodeExperiment(DescribedDatasets):
    """What an experiment knows of its node.

    Attributes:
        node_name, apparatus: from the device table, after `describe_node`.
        node: the assembled node, after `build_node`.
        home: postprocess.storage.node_home.NodeHome, after `prepare`.
    """

    def describe_node(self):
        """Which node this master controls, and what apparatus stands behind it; touches no hardware."""
        self.node_name, self.apparatus = describe(self.get_device_db())

    def build_node(self):
        """The node with all its parts."""
        self.setattr_device("core")
        self.setattr_device("scheduler")
        self.describe_node()
        self.node = node_class(self.node_name)(self)

    @property
    def is_bob(self) -> bool:
        """Whether this is the leader's node."""
        return self.node_name == BOB

    def prepare(self):
        """Find the node's home; calibrations are read in run, as this overlaps the run before."""
        from postprocess.storage.node_home import NodeHome

        self.home = NodeHome(self.node_name)
        self.describe_file()

    def log_result(self, text: str) -> None:
        """What came out, for the log that the dashboard and the master keep; public as datasets are."""
        RESULTS.info(text)

    # Arguments

    def number_argument(self, name: str, default: int, least: int, most: int, step: int, group: str, tooltip: str):
        """A whole number."""
        self.setattr_argument(
            name, NumberValue(default, precision=0, scale=1, step=step, min=least, max=most, type="int"), group, tooltip
        )

    def seconds_argument(self, name: str, default: int, least: int, step: int, group: str, tooltip: str):
        """A whole number of seconds, up to a day."""
        value = NumberValue(default, unit="s", precision=0, scale=1, step=step, min=least, max=86_400, type="int")
        self.setattr_argument(name, value, group, tooltip)

    def recovery_argument(self, default: int, tooltip: str):
        """How long to wait for ion or laser."""
        self.seconds_argument("recovery_timeout", default, 1, 60, PATIENCE, tooltip)

    def name_argument(self, group: str, default: str):
        """The name by which the nodes find each other for a measurement."""
        self.setattr_argument(
            "name", StringValue(default), group, "Name of the measurement, the same on both nodes; never used twice"
        )
