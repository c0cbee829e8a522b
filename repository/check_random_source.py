"""Statistical tests of this node's source of private random bits."""

from artiq.experiment import *

from procedures.node_experiment import NodeExperiment


class CheckRandomSource(NodeExperiment, EnvExperiment):
    """Check the source of random bits

    The tests of FIPS 140-2 and the health tests of every drawing on samples of 20 000 bits, which are then thrown away;
    no hardware is touched. They find a generator that is stuck or biased, they cannot show that its bits are
    unpredictable.
    """

    FALSE_ALARM, RARE = 1e-3, 1e-4

    def build(self):
        self.describe_node()
        self.number_argument(
            "samples",
            5,
            2,
            1000,
            1,
            "Random source",
            "Samples of 20 000 bits; each makes a hardware generator's file 2 500 bytes shorter",
        )

    def run(self):
        """Draw the samples and test them; a healthy sample fails once in a thousand times."""
        from numpy import packbits
        from scipy.stats import binom

        from postprocess.errors import DiqkdError
        from postprocess.randomness.choice import untested_source
        from postprocess.randomness.fips_tests import SAMPLE_BITS, failed_tests
        from postprocess.randomness.health_tests import fault_of
        from procedures.calibration_log import keep_result

        source = untested_source(self.home, "self test")
        samples = [source.bits(SAMPLE_BITS) for _ in range(self.samples)]
        failures = [failed for bits in samples if (failed := failed_tests(bits))]
        faults = [fault for bits in samples if (fault := fault_of(packbits(bits).tobytes()))]
        names = ", ".join(sorted({name for failed in failures for name in failed}))
        line = f"{len(failures)} of {self.samples} samples fail" + (f" ({names})" if names else "")
        self.publish("random_source.description", source.description)
        self.publish("random_source.insecure", source.insecure)
        self.publish("random_source.result", line)
        self.log_result(f"{source.description}: {line}")
        if faults:
            raise DiqkdError(f"{source.description}: not random, {faults[0]} ({line}); do not start a session")
        if binom.sf(len(failures) - 1, self.samples, self.FALSE_ALARM) < self.RARE:
            raise DiqkdError(f"{source.description}: {line}; do not start a session, look after the generator")
        keep_result(self.home.folder, "check_random_source", f"{source.description}: {line}")
