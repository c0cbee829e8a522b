"""Values between the crates: a pulse on exactly one of several logic lines, never silence for a value."""

import numpy as np
from artiq.experiment import HasEnvironment, TInt32, TInt64, at_mu, delay, kernel, us

from node.settings import NodeSettings

NO_VALUE = -1


class SignalSender(HasEnvironment):
    """Pulses the line of a value, at one fixed time of the round whatever the value."""

    kernel_invariants = {"lines", "send_at_mu", "width_mu"}

    def build(self, settings: NodeSettings, lines: tuple[str, ...], at: str):
        """`lines`: devices, line k for the value k; `at`: the pulse's name in the schedule."""
        self.setattr_device("core")
        self.all_lines = [self.get_device(line) for line in lines]
        self.at = at
        self.configure(settings, len(lines))

    def configure(self, settings: NodeSettings, values: int):
        """`values`: how many there are; lines beyond them are not touched."""
        self.lines = self.all_lines[:values]
        self.send_at_mu = settings.schedule.mu(self.at)
        self.width_mu = settings.schedule.mu("pulse_width")

    @kernel
    def initialise(self):
        self.core.break_realtime()
        for line in self.lines:
            line.off()
            delay(1 * us)

    @kernel
    def send(self, herald_mu: TInt64, value: TInt32):
        at_mu(herald_mu + self.send_at_mu)
        self.lines[value].pulse_mu(self.width_mu)


class SignalReceiver(HasEnvironment):
    """Listens on all lines for the whole gate; anything but one edge on one line is a fault."""

    kernel_invariants = {"lines", "open_at_mu", "gate_mu"}

    def build(self, settings: NodeSettings, lines: tuple[str, ...], at: str):
        """`lines`, `at`: as of the sender."""
        self.setattr_device("core")
        self.all_lines = [self.get_device(line) for line in lines]
        self.at = at
        self.configure(settings, len(lines))

    def configure(self, settings: NodeSettings, values: int):
        """`values`: as of the sender."""
        self.lines = self.all_lines[:values]
        half_width = settings.schedule.mu("listen")
        self.open_at_mu = settings.schedule.mu(self.at) - half_width
        self.gate_mu = np.int64(2) * half_width

    @kernel
    def initialise(self):
        self.core.break_realtime()
        for line in self.lines:
            line.input()
            delay(1 * us)

    @kernel
    def open(self, herald_mu: TInt64):
        """Schedule the gates."""
        for line in self.lines:
            at_mu(herald_mu + self.open_at_mu)
            line.gate_rising_mu(self.gate_mu)

    @kernel
    def listen(self, herald_mu: TInt64) -> TInt32:
        """The value, or NO_VALUE; always waits for the end of the gates."""
        gate_end_mu = herald_mu + self.open_at_mu + self.gate_mu
        value = NO_VALUE
        edges = 0
        for i in range(len(self.lines)):
            found = self.lines[i].count(gate_end_mu)
            if found == 1:
                value = i
            edges += found
        return value if edges == 1 else NO_VALUE
