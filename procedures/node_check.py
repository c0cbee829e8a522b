"""A look at the node between blocks, with shots of its own: does each 674 nm pulse, and the readout, do its work?"""

from procedures.calibration_log import keep_result
from procedures.qubit_transitions import LINES, prepared, transferred, transition

SHOTS = 100
LEAST_TRANSFER = 0.85
LEAST_LIGHT = 0.7  # of the counts that the first look of this run found
BRIGHT = "bright"


class NodeCheck:
    """Four points of shots: one pi pulse on each line, and an ion that stays bright.

    The counts of a bright ion fall with the power of the beams that also cool it. Results go to the node's private log.

    Args:
        experiment: with `probe`, `loop` and `home`, see procedures.upkeep_arguments.
    """

    def __init__(self, experiment):
        self.experiment = experiment
        self.light: float | None = None

    def is_good(self, kernel_session) -> bool:
        """Whether all is within its limits."""
        from node.shots.shot import Shot
        from procedures.scans.point_scan import PointScan

        settings = kernel_session.node.settings
        names = (*LINES, BRIGHT)
        self.experiment.probe.allocate(SHOTS)
        counts: dict[str, list[int]] = {}

        def words_of(index):
            name = names[index]
            shot = Shot(settings) if name == BRIGHT else prepared(settings, name)
            if name != BRIGHT:
                line = transition(settings, name)
                shot.pulse(line.frequency, line.pi_time)
            return shot.words(index, SHOTS, self.experiment.probe.dds_qubit)

        def keep(index, found):
            counts[names[index]] = list(found)

        PointScan(self.experiment.loop, kernel_session, lambda: False).measure(len(names), words_of, keep)
        shares = {line: transferred(settings, line, counts[line]) / SHOTS for line in LINES}
        shares[BRIGHT] = sum(count > settings.readout.threshold for count in counts[BRIGHT]) / SHOTS
        light = sum(counts[BRIGHT]) / SHOTS
        self.light = self.light or light
        told = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
        keep_result(self.experiment.home.folder, "check in a session", f"{told}; {light:.1f} counts of a bright ion")
        return min(shares.values()) >= LEAST_TRANSFER and light >= LEAST_LIGHT * self.light
