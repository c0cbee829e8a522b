"""The logic line that says whether the 674 nm laser is locked to its cavity."""

from artiq.experiment import HasEnvironment, TBool, delay, kernel, us


class LaserLock(HasEnvironment):
    """Sampled once per attempt window, when its cooling begins; high means locked."""

    def build(self):
        self.setattr_device("core")
        self.setattr_device("ttl_laser_locked")

    @kernel
    def initialise(self):
        self.core.break_realtime()
        self.ttl_laser_locked.input()
        delay(1 * us)

    @kernel
    def sample(self):
        """Sample the line at the cursor."""
        self.ttl_laser_locked.sample_input()

    @kernel
    def was_locked(self) -> TBool:
        """Level of the line when it was sampled."""
        return self.ttl_laser_locked.sample_get() == 1
