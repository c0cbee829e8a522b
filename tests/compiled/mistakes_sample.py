"""Kernels with a mistake each; importable where ARTIQ is installed."""

from artiq.experiment import HasEnvironment, TInt32, at_mu, kernel, now_mu


class Mistakes(HasEnvironment):
    def build(self):
        self.setattr_device("core")
        self.setattr_device("ttl_round_type_test")
        self.ttl = self.ttl_round_type_test

    def ask(self) -> TInt32:
        return 3_000_000

    @kernel
    def as_it_should_be(self):
        self.core.reset()
        pulses = self.ask()
        self.core.break_realtime()
        self.ttl.pulse_mu(pulses // 1000)

    @kernel
    def without_break_realtime(self):
        self.core.reset()
        pulses = self.ask()
        self.ttl.pulse_mu(pulses // 1000)

    @kernel
    def overflowing_time(self):
        self.core.reset()
        pulses = self.ask()
        self.core.break_realtime()
        at_mu(now_mu() + pulses * 1000)
        self.ttl.pulse_mu(1000)

    @kernel
    def number_that_is_no_integer(self):
        self.core.reset()
        self.ttl.pulse_mu(2.5e3)
