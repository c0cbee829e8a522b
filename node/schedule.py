"""When the steps of a round happen, counted from its herald: one time line for both nodes, whatever settings and
outcomes.

Every time is a constant, so that a round's visible times (ready, trigger) cannot depend on X, Y, A or B. Bob's and
Alice's FPGA clocks need no common zero: the success signal ends both attempt loops within two clock cycles, and
everything else is counted from there.
"""

from dataclasses import dataclass, replace

from node.units import to_coarse_mu

BARRIER_WAIT = 27e-6  # Bob's CPU hears the barrier, and announces with as much time left as for the first pulse
AFTER_BARRIER = ("announce", "analysis_leader", "analysis_follower", "scramble", "reconnect")


@dataclass(frozen=True)
class RoundSchedule:
    """Times in seconds after the herald (Nadlinger 2022, S2: steps from shuttling to reconnection take 425 us).

    Attributes:
        mapping: start of the mapping pi pulse; the CPU needs the time before it to learn of the herald. disconnect: the
        electrodes are stepped. electrode_wait: low-pass of the electrodes; the link counts as cut this long after
        `disconnect`. barrier: with a barrier Alice's pulse on one of its two lines, later than the worst-case
        isolation of both nodes, see `with_barrier`; 0 without. announce: Bob's pulse on one of the round-type
        lines, later than that isolation and than the barrier. pulse_width: length of these pulses. listen: half-width
        of the gate around their rising edge (cable, clock phase, latency of the success signal). analysis_leader: start
        of Bob's analysis pulse. analysis_follower: start of Alice's; she has to see T and look up her pulse first.
        pulse_slot: time reserved for each of the analysis and the shelving pulse, DDS programming included. scramble:
        start of the scrambling light; the readout gate closes before. reconnect: the electrodes are stepped back and
        the round ends.
    """

    mapping: float = 27e-6
    disconnect: float = 36e-6
    electrode_wait: float = 30e-6
    barrier: float = 0.0
    announce: float = 68e-6
    pulse_width: float = 0.4e-6
    listen: float = 0.6e-6
    analysis_leader: float = 75e-6
    analysis_follower: float = 95e-6
    pulse_slot: float = 10e-6
    scramble: float = 325e-6
    reconnect: float = 425e-6

    def __post_init__(self) -> None:
        isolated = self.disconnect + self.electrode_wait
        heard = self.barrier + self.listen
        ordered = (
            ("announce", self.announce - self.listen, "disconnect + electrode_wait of both nodes", isolated),
            ("barrier", (self.barrier or 1.0) - self.listen, "disconnect + electrode_wait of both nodes", isolated),
            ("announce", self.announce, "barrier + listen", heard),
            ("analysis_leader", self.analysis_leader, "disconnect + electrode_wait", isolated),
            ("analysis_follower", self.analysis_follower, "announce + listen", self.announce + self.listen),
            ("scramble", self.scramble, "the follower's analysis", self.analysis_follower + 2 * self.pulse_slot),
            ("reconnect", self.reconnect, "scramble", self.scramble),
            ("disconnect", self.disconnect, "mapping", self.mapping),
            ("electrode_wait", self.electrode_wait, "30 us", 29.9e-6),
        )
        for name, time, after, earliest in ordered:
            if not time > earliest:
                raise ValueError(f"round schedule: {name} must come after {after} ({earliest * 1e6:.1f} us)")

    def with_barrier(self) -> "RoundSchedule":
        """The schedule of rounds in which Bob waits for Alice's pulse: it comes when he would announce the round type
        without one, and everything from there on follows `BARRIER_WAIT` later."""
        later = {name: getattr(self, name) + BARRIER_WAIT for name in AFTER_BARRIER}
        return replace(self, barrier=self.announce, **later)

    @property
    def has_barrier(self) -> bool:
        return self.barrier > 0

    def mu(self, name: str):
        """A time of this schedule in machine units on the 8 ns grid, numpy.int64."""
        return to_coarse_mu(getattr(self, name))
