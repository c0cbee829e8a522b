"""A look at the node between blocks, with shots of its own: do 674 nm pulses, their frequencies and the readout hold?

Pi pulses and readout must work in most shots. Frequencies are judged on the slope of a Ramsey fringe, where half of the
shots are bright whatever the coherence: there a few hundred hertz show, long before a pi pulse suffers.
"""

from collections.abc import Callable
from dataclasses import dataclass

from node.shots.shot import Shot
from procedures.calibration_log import keep_result
from procedures.qubit_transitions import LINES, prepared, transferred, transition

SHOTS = 100
LEAST_TRANSFER = 0.85
FRINGE_S = 200e-6
SLOPE = (0.25, 0.75)  # some 0.4 kHz to either side; five standard deviations of SHOTS shots
LEAST_LIGHT = 0.7  # of the counts that the first look of this run found
BRIGHT = "bright"


@dataclass(frozen=True)
class CheckShot:
    """One kind of shot: how it is made, which share of the shots succeeds, and what that share may be."""

    name: str
    line: str
    shot_of: Callable
    low: float
    high: float = 1.0

    def share(self, settings, counts: list[int]) -> float:
        """Of the shots in which the pulse moved the ion; without a line, of those that were bright."""
        if not self.line:
            return sum(count > settings.readout.threshold for count in counts) / len(counts)
        return transferred(settings, self.line, counts) / len(counts)


def _pi(settings, line):
    found = transition(settings, line)
    return prepared(settings, line).pulse(found.frequency, found.pi_time)


def _slope(settings, line):
    found = transition(settings, line)
    half = found.pi_time / 2
    shot = prepared(settings, line).pulse(found.frequency, half)
    return shot.pulse(found.frequency, half, turns=0.25, after=FRINGE_S)


def _untouched(settings, line):
    return Shot(settings)


CHECK_SHOTS = (
    *(CheckShot(f"{line} pi", line, _pi, LEAST_TRANSFER) for line in LINES),
    *(CheckShot(f"{line} fringe", line, _slope, *SLOPE) for line in ("mapping", "analysis")),
    CheckShot(BRIGHT, "", _untouched, LEAST_TRANSFER),
)


class NodeCheck:
    """Measures all CHECK_SHOTS. The counts of a bright ion fall with the power of the beams that also cool it.

    What is found goes to the node's private log and nowhere else.

    Args:
        experiment: with `probe`, `loop` and `home`, see procedures.upkeep_arguments.
    """

    def __init__(self, experiment):
        self.experiment = experiment
        self.light: float | None = None

    def is_good(self, kernel_session) -> bool:
        """Whether all is within its limits."""
        from procedures.scans.point_scan import PointScan

        settings, probe = kernel_session.node.settings, self.experiment.probe
        probe.allocate(SHOTS)
        counts: list[list[int]] = []

        def words_of(index):
            test = CHECK_SHOTS[index]
            return test.shot_of(settings, test.line).words(index, SHOTS, probe.dds_qubit)

        PointScan(self.experiment.loop, kernel_session, lambda: False).measure(
            len(CHECK_SHOTS), words_of, lambda index, found: counts.append(list(found))
        )
        shares = {test: test.share(settings, found) for test, found in zip(CHECK_SHOTS, counts, strict=True)}
        light = sum(counts[-1]) / SHOTS
        self.light = self.light or light
        told = ", ".join(f"{test.name} {share:.2f}" for test, share in shares.items())
        keep_result(self.experiment.home.folder, "check in a session", f"{told}; {light:.1f} counts of a bright ion")
        within = all(test.low <= share <= test.high for test, share in shares.items())
        return within and light >= LEAST_LIGHT * self.light
