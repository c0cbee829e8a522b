"""A new ion in this node's trap."""

import time

from artiq.coredevice.exceptions import RTIOOverflow, RTIOUnderflow
from artiq.experiment import *

from node.reloading import Reloading
from procedures.loading_tries import ONE_ION, LoadingTries
from procedures.node_calibration import Calibration, CalibrationStopped


class ReloadIon(Calibration, EnvExperiment):
    """Reload the ion

    Fires the ablation laser (or heats the oven) with the photo-ionisation shutter open under cooling light, and looks
    whether there is one ion: too dark or too bright, the trap is emptied for the next try. Nothing is done if one is
    there already. Gives way to other experiments between tries only.
    """

    def build(self):
        self.build_node("Longest time for all tries together", reloads=False)
        self.reloading = Reloading(self, self.node.station, self.node.defaults)
        group = "Loading"
        self.number_argument("tries", 50, 1, 10_000, 10, group, "Most tries")
        self.number_argument("pulses", 3, 1, 100, 1, group, "Ablation or oven pulses per try")
        self.setattr_argument(
            "replace", BooleanValue(False), group, "Empty the trap and load a new ion also if there is one"
        )

    def calibrate(self):
        """Look, and load until there is one ion.

        Raises:
            CalibrationStopped: no tries or no time left.
        """
        self.begin("Loading an ion", "Try", "Counts per gate")
        self.reloading.configure(self.settings)
        tries = LoadingTries(self.settings.loading, self.pulses)
        if not self.replace and tries.judge(self.reloading.look()) == ONE_ION:
            self.conclude(f"one ion is there already, {tries.brightness()}: nothing was done")
            return
        deadline = time.monotonic() + self.recovery_timeout
        while tries.number < self.tries and time.monotonic() < deadline:
            if self._try(tries) == ONE_ION:
                self.conclude(f"one ion after {tries.words()}, {tries.brightness()}")
                return
            if self.scheduler.check_pause():
                self.kernel_session.pause("between two tries to load an ion")
                self.reloading.configure(self.settings)
        raise CalibrationStopped(f"no ion after {tries.words()}: {tries.remedy()}")

    def _try(self, tries: LoadingTries) -> str:
        """What there is after one try; both lines are closed, whatever happened."""
        try:
            total = self.reloading.load(self.pulses)
        except (RTIOUnderflow, RTIOOverflow):
            self.reloading.close()
            return tries.late()
        except BaseException:
            self.reloading.close()
            raise
        found = tries.after_try(total)
        self.display.point(tries.number, *tries.counts_per_gate)
        return found
