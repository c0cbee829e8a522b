"""The round type T on two logic lines from Bob to Alice: a pulse on exactly one of them, never silence for a value."""

import numpy as np
from artiq.experiment import HasEnvironment, TInt32, TInt64, at_mu, delay, kernel, parallel, us

from contract.round_settings import KEY_ROUND, TEST_ROUND
from node.settings import NodeSettings

NO_ROUND_TYPE = -1


class RoundTypeSender(HasEnvironment):
    """Bob's side: tells Alice the round type, only after the worst-case isolation time of both nodes."""

    kernel_invariants = {"announce_at_mu", "width_mu"}

    def build(self, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("ttl_round_type_test")
        self.setattr_device("ttl_round_type_key")
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        self.announce_at_mu = settings.schedule.mu("announce")
        self.width_mu = settings.schedule.mu("announce_width")

    @kernel
    def initialise(self):
        self.core.break_realtime()
        self.ttl_round_type_test.off()
        self.ttl_round_type_key.off()
        delay(1 * us)

    @kernel
    def announce(self, herald_mu: TInt64, test: TInt32):
        """Pulse the line of T; both kinds of round take the same time."""
        at_mu(herald_mu + self.announce_at_mu)
        if test == TEST_ROUND:
            self.ttl_round_type_test.pulse_mu(self.width_mu)
        else:
            self.ttl_round_type_key.pulse_mu(self.width_mu)


class RoundTypeReceiver(HasEnvironment):
    """Alice's side: listens on both lines for the whole gate; anything but one edge on one line is a fault."""

    kernel_invariants = {"open_at_mu", "gate_mu"}

    def build(self, settings: NodeSettings):
        self.setattr_device("core")
        self.setattr_device("ttl_round_type_test")
        self.setattr_device("ttl_round_type_key")
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        half_width = settings.schedule.mu("listen")
        self.open_at_mu = settings.schedule.mu("announce") - half_width
        self.gate_mu = np.int64(2) * half_width

    @kernel
    def initialise(self):
        self.core.break_realtime()
        self.ttl_round_type_test.input()
        self.ttl_round_type_key.input()
        delay(1 * us)

    @kernel
    def open(self, herald_mu: TInt64):
        """Schedule the gates."""
        at_mu(herald_mu + self.open_at_mu)
        with parallel:
            self.ttl_round_type_test.gate_rising_mu(self.gate_mu)
            self.ttl_round_type_key.gate_rising_mu(self.gate_mu)

    @kernel
    def listen(self, herald_mu: TInt64) -> TInt32:
        """TEST_ROUND, KEY_ROUND, or NO_ROUND_TYPE; always waits for the end of the gates."""
        gate_end_mu = herald_mu + self.open_at_mu + self.gate_mu
        test_edges = self.ttl_round_type_test.count(gate_end_mu)
        key_edges = self.ttl_round_type_key.count(gate_end_mu)
        if test_edges == 1 and key_edges == 0:
            return TEST_ROUND
        if test_edges == 0 and key_edges == 1:
            return KEY_ROUND
        return NO_ROUND_TYPE
