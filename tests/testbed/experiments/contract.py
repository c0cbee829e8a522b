"""Small experiments whose every observation must be the same under ARTIQ and under its stand-in."""

import numpy as np
from artiq.coredevice.exceptions import RTIOUnderflow
from artiq.experiment import (
    BooleanValue,
    EnumerationValue,
    EnvExperiment,
    HasEnvironment,
    NumberValue,
    PYONValue,
    RangeScan,
    Scannable,
    StringValue,
    TInt32,
    at_mu,
    delay,
    delay_mu,
    host_only,
    kernel,
    ms,
    now_mu,
    parallel,
    portable,
    rpc,
    sequential,
    us,
)


class Part(HasEnvironment):
    def build(self, name):
        self.name = name
        self.setattr_device("ttl0")
        self.prepared = False

    def prepare(self):
        self.prepared = True


class Lifecycle(EnvExperiment):
    """Lifecycle and datasets.

    More words.
    """

    def build(self):
        self.setattr_device("core")
        self.setattr_device("scheduler")
        self.setattr_device("ccb")
        self.said = ["build"]
        self.parts = [Part(self, "a"), Part(self, "b")]
        self.set_default_scheduling(priority=3, pipeline_name="calibration")

    def prepare(self):
        super().prepare()
        self.said.append(["prepare", [part.prepared for part in self.parts], len(self.children)])

    def run(self):
        self.said.append(["run", sorted(self.kernel_invariants), self.parts[0].ttl0 is self.get_device("alias")])
        self.set_dataset("scalar", 3, unit="us", scale=1e-6, precision=1)
        self.set_dataset("text", "words")
        self.set_dataset("flag", True)
        self.set_dataset("array", np.arange(6.0).reshape(2, 3), broadcast=True)
        self.set_dataset("list", [], broadcast=True)
        for i in range(3):
            self.append_to_dataset("list", i)
        self.mutate_dataset("array", 1, np.zeros(3))
        self.mutate_dataset("array", ((0, 1), (1, 3)), np.full((1, 2), 9.0))
        self.set_dataset("kept", 17, persist=True)
        self.set_dataset("shown", 5, broadcast=True, archive=False)
        self.set_dataset("hidden", 5, archive=False)
        self.said.append([self.get_dataset("scalar"), self.get_dataset("absent", 8), self.get_dataset("shown")])
        self.said.append(self.get_dataset_metadata("scalar"))
        refused = (
            lambda: self.get_dataset("absent"),
            lambda: self.mutate_dataset("absent", 0, 1),
            lambda: self.get_argument("late", StringValue("")),
            lambda: self.set_default_scheduling(1),
        )
        for action in refused:
            try:
                action()
            except Exception as problem:
                self.said.append(type(problem).__name__)
        self.ccb.issue("create_applet", "name", command="x")

    def analyze(self):
        self.set_dataset("analysed", np.int64(1))
        self.said.append("analyze")


class Arguments(EnvExperiment):
    """Every kind of argument"""

    def build(self):
        self.setattr_device("core")
        self.setattr_argument("number", NumberValue(2.5, unit="ms", min=0.0, max=1.0, precision=3), "Group", "Tip")
        self.setattr_argument("whole", NumberValue(5, precision=0, scale=1, step=1))
        self.setattr_argument("typed", NumberValue(5, precision=0, scale=1, step=2, type="int"))
        self.setattr_argument("flag", BooleanValue(False))
        self.setattr_argument("choice", EnumerationValue(["a", "b"], default="a"), "Group")
        self.setattr_argument("text", StringValue("default"))
        self.setattr_argument("any", PYONValue({"k": [1, 2]}))
        self.setattr_argument("must", NumberValue())
        self.setattr_argument("scan", Scannable(default=[RangeScan(0, 2 * us, 3)], unit="us"))

    def run(self):
        self.said = [[name, str(getattr(self, name)), type(getattr(self, name)).__name__] for name in (
            "number", "whole", "typed", "flag", "choice", "text", "any", "must")]  # fmt: skip
        self.said.append(list(self.scan))


class FailingRun(EnvExperiment):
    """Run raises"""

    def build(self):
        self.setattr_device("core")
        self.said = []

    def run(self):
        self.set_dataset("before", 1)
        raise RuntimeError("on purpose")

    def analyze(self):
        self.said.append("analyze")


class FailingAnalysis(EnvExperiment):
    """Analysis raises"""

    def build(self):
        self.setattr_device("core")

    def run(self):
        self.set_dataset("before", 1)

    def analyze(self):
        raise RuntimeError("on purpose")


class UnwritableDataset(EnvExperiment):
    """A dataset that HDF5 cannot hold breaks the file"""

    def build(self):
        self.setattr_device("core")

    def run(self):
        self.set_dataset("bad", {"a": 1})


class NoSuchDevice(EnvExperiment):
    """A device that is not in the table"""

    def build(self):
        self.setattr_device("absent")

    def run(self):
        pass


@portable
def double(x):
    return 2 * x


class Timing(EnvExperiment):
    """Time line and kernels"""

    def build(self):
        for name in ("core", "ttl0", "ttl1", "counter"):
            self.setattr_device(name)
        self.said = []

    @kernel
    def pulse_twice(self, line, gap_mu):
        line.pulse_mu(100)
        delay_mu(gap_mu)
        line.pulse(1 * us)

    @rpc
    def tell(self, what) -> TInt32:
        self.said.append(int(what))
        return 5

    @host_only
    def never(self):
        return 0

    @kernel
    def run(self):
        self.core.reset()
        start = now_mu()
        with parallel:
            self.pulse_twice(self.ttl0, 200)
            self.pulse_twice(self.ttl1, 50)
            with sequential:
                delay(2 * us)
                self.ttl0.pulse_mu(50)
        self.tell(now_mu() - start)
        at_mu(start + double(5000))
        self.ttl1.on()
        delay(1 * ms)
        self.ttl1.off()
        end = self.counter.gate_rising(10 * us)
        self.tell(end - start)
        self.tell(self.counter.fetch_count())
        with sequential:
            delay_mu(10)
        self.tell(self.tell(0))


class Underflow(EnvExperiment):
    """Too late, caught and not caught"""

    def build(self):
        self.setattr_device("core")
        self.setattr_device("ttl0")
        self.said = []

    @kernel
    def run(self):
        self.core.reset()
        try:
            for _ in range(10000):
                self.ttl0.pulse_mu(8)
        except RTIOUnderflow:
            self.said.append("underflow")
        self.core.break_realtime()
        self.ttl0.on()
        at_mu(now_mu() - 1000000)
        self.ttl0.off()


class Pauses(EnvExperiment):
    """Pauses in kernels"""

    def build(self):
        self.setattr_device("core")
        self.setattr_device("scheduler")
        self.said = []

    @kernel
    def until_pause(self):
        turns = 0
        while turns < 3 and not self.scheduler.check_pause():
            turns += 1
        return turns

    def run(self):
        for _ in range(2):
            self.said.append(self.until_pause())
            self.core.close()
            self.scheduler.pause()
        self.said.append([self.scheduler.pipeline_name, self.scheduler.priority, self.scheduler.check_termination()])
