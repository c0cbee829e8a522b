"""This node's turn with the pulsed laser, over the node link."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from artiq.experiment import BooleanValue, NumberValue

from postprocess.acquisition.pulsed_laser import turn
from postprocess.link import open_link
from postprocess.storage.node_home import NodeHome


def turn_arguments(experiment):
    """Whether the peer also wants the laser, and how long to wait for it."""
    experiment.setattr_argument(
        "take_turns",
        BooleanValue(True),
        "Pulsed laser",
        "The peer runs the same calibration: Bob goes first, then Alice; off: the peer is idle, this node goes at once",
    )
    experiment.setattr_argument(
        "peer_timeout",
        NumberValue(120, unit="s", precision=0, scale=1, step=10, min=1, max=86_400, type="int"),
        "Pulsed laser",
        "Longest wait for the peer to come",
    )


@contextmanager
def laser_turn(
    home: NodeHome, calibration: str, take_turns: bool, timeout_s: float, show: Callable[[str], None]
) -> Iterator[None]:
    """Hold the pulsed laser during the block; see postprocess.acquisition.pulsed_laser.turn."""
    if not take_turns:
        yield
        return
    with closing(open_link(home.folder, home.node, f"pulsed laser: {calibration}", "rounds", timeout_s)) as link:
        with turn(link, home.node, timeout_s, show):
            yield
