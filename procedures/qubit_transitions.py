"""The three 674 nm lines: how an ion is prepared for a pulse on each, and how it shows that the pulse worked."""

from node.settings import NodeSettings, Transition
from node.shots.shot import Shot

LINES = ("mapping", "analysis", "shelving")


def transition(settings: NodeSettings, line: str) -> Transition:
    """A line's calibrated frequency and pi time."""
    return getattr(settings.qubit, line)


def prepared(settings: NodeSettings, line: str) -> Shot:
    """A shot up to where the pulse on `line` may begin: pumped to S1/2(+1/2), and for the analysis line mapped to
    D5/2(-3/2) from there."""
    shot = Shot(settings).pump()
    return shot.pi(settings.qubit.mapping) if line == "analysis" else shot


def transferred(settings: NodeSettings, line: str, counts: list[int]) -> int:
    """Shots in which the pulse moved the ion: found in S1/2 (bright) after the analysis pulse, in D5/2 after the
    others."""
    bright = sum(count > settings.readout.threshold for count in counts)
    return bright if line == "analysis" else len(counts) - bright
