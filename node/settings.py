"""What a node's beams, pulses, voltages and thresholds are: frozen, in SI units, defaults complete without any file."""

import math
from dataclasses import dataclass, field, replace

from contract.record_layout import MOST_COUNTS
from contract.round_settings import KEY_SETTING
from node.schedule import RoundSchedule

MOST_FREQUENCY_HZ = 400e6  # of an AD9910
MOST_ATTENUATION_DB = 31.875  # of a Urukul
MOST_TURNS_RAD = 1000.0  # phases wrap, but not for ever in floating point


def require_within(settings, **limits) -> None:
    """ValueError for the first value, or part of a tuple, outside of its (lowest, highest); NaN is outside of all."""
    for name, (low, high) in limits.items():
        value = getattr(settings, name)
        for part in value if isinstance(value, tuple) else (value,):
            if not low <= part <= high:
                raise ValueError(f"{name} = {part}: must lie from {low:g} to {high:g}")


@dataclass(frozen=True)
class Beam:
    """One AOM: RF frequency in Hz, amplitude as a fraction of full scale, attenuation in dB."""

    frequency: float
    amplitude: float = 1.0
    attenuation: float = 10.0

    def __post_init__(self) -> None:
        require_within(self, frequency=(1e6, MOST_FREQUENCY_HZ), amplitude=(0, 1), attenuation=(0, MOST_ATTENUATION_DB))


@dataclass(frozen=True)
class CoolingSettings:
    """Doppler cooling before each attempt window, with the check that the ion is still there.

    Attributes:
        duration: s.
        gate: fluorescence is counted for the first part of it, s.
        ion_counts: fewer counts than this say 'no ion'.
        count_every: windows from one counting gate to the next; the first window after a round always has one.
        low_limit: so many such gates in a row mean that the ion is lost.
    """

    duration: float = 300e-6
    gate: float = 200e-6
    ion_counts: int = 3
    count_every: int = 10
    low_limit: int = 10

    def __post_init__(self) -> None:
        counts = (1, 1_000_000)
        require_within(self, duration=(1e-6, 1), ion_counts=counts, count_every=counts, low_limit=counts)
        require_within(self, gate=(1e-6, self.duration))


@dataclass(frozen=True)
class AttemptSettings:
    """The entangler's attempt loop: times in s; outputs relative to the cycle, gates to the 422 ps reference edge.

    Attributes:
        cycle: length of an attempt, at most 8.184 us.
        window: attempts go on for at most this long.
        windows: give up and tell the host after so many windows without a herald.
        pump, repump, excitation: (start, stop) of the three sequencer outputs, 8 ns grid.
        gate: (start, stop) of the four APD gates, 1 ns grid, start at least 8 ns.
        turnaround: time line kept free after a window for the CPU.
    """

    cycle: float = 1e-6
    window: float = 500e-6
    windows: int = 2500
    pump: tuple[float, float] = (0.0, 400e-9)
    repump: tuple[float, float] = (0.0, 480e-9)
    excitation: tuple[float, float] = (600e-9, 640e-9)
    gate: tuple[float, float] = (8e-9, 58e-9)
    turnaround: float = 27e-6

    def __post_init__(self) -> None:
        require_within(self, windows=(1, 1_000_000), turnaround=(1e-6, 1))
        if not 0 < self.cycle <= 8.184e-6:
            raise ValueError(f"attempt cycle of {self.cycle} s: the gateware counts at most 8.184 us")
        if not self.cycle <= self.window < 2:
            raise ValueError(f"attempt window of {self.window} s: must hold a cycle and stay below 2 s (int32 ns)")
        for name in ("pump", "repump", "excitation"):
            start, stop = getattr(self, name)
            if not 0 <= start < stop <= self.cycle:
                raise ValueError(f"{name} from {start} to {stop} s does not fit into a cycle of {self.cycle} s")
        if not 8e-9 <= self.gate[0] < self.gate[1] < self.cycle:
            raise ValueError(f"APD gate {self.gate} s: start at least 8 ns after the reference edge, within the cycle")


@dataclass(frozen=True)
class Transition:
    """A line of the 674 nm transition: frequency of the AOM in Hz and pi time at full amplitude in s."""

    frequency: float
    pi_time: float

    def __post_init__(self) -> None:
        require_within(self, frequency=(1e6, MOST_FREQUENCY_HZ), pi_time=(1e-7, 1e-3))


@dataclass(frozen=True)
class QubitSettings:
    """The 674 nm pulses. All lists over settings have four entries, one per value of the two-bit setting of a round.

    A pulse that a setting does not need stays behind a closed RF switch: number and times of tones and switch edges
    never depend on the setting.

    Attributes:
        mapping: S1/2(+1/2) <-> D5/2(-3/2), a pi pulse on every herald.
        analysis: S1/2(-1/2) <-> D5/2(-3/2), the optical qubit.
        shelving: S1/2(+1/2) <-> D5/2(+3/2), a pi pulse in the computational basis.
        angle: rotation angle of the analysis pulse in rad; with two key bases setting 3 rotates by twice as much.
        amplitude: 1.0 for a setting that rotates, 0.0 for the computational basis.
        phase: phase of the analysis pulse per setting in rad, to which the herald pattern's is added.
        pattern_phase: analysis phase per herald pattern in rad, in the order of PATTERNS.
    """

    mapping: Transition
    analysis: Transition
    shelving: Transition
    angle: float
    amplitude: tuple[float, float, float, float]
    phase: tuple[float, float, float, float]
    pattern_phase: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        phases = (-MOST_TURNS_RAD, MOST_TURNS_RAD)
        require_within(self, phase=phases, pattern_phase=phases)
        if not 0 < self.angle <= math.pi:
            raise ValueError(f"analysis angle of {self.angle} rad: must be above 0 and at most pi")
        if any(a not in (0.0, 1.0) for a in self.amplitude):
            raise ValueError(f"analysis amplitudes {self.amplitude}: each is 0.0 (computational basis) or 1.0")

    def turns(self, setting: int, pattern_index: int) -> float:
        """Phase of the analysis pulse in turns, in [0, 1)."""
        return (self.phase[setting] + self.pattern_phase[pattern_index]) / (2 * math.pi) % 1.0


@dataclass(frozen=True)
class ShuttleSettings:
    """Voltages of the electrodes Q15, Q16, Q23, Q24 in V: ion in the focus of the link optics, and 3 um beside it."""

    channels: tuple[int, int, int, int] = (0, 1, 2, 3)
    connected: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    disconnected: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        require_within(self, channels=(0, 31), connected=(-10, 9.999), disconnected=(-10, 9.999))


@dataclass(frozen=True)
class ReadoutSettings:
    """State detection: length of the gate in s, and the largest count that still means dark (ion in D5/2)."""

    gate: float = 205e-6
    threshold: int = 5

    def __post_init__(self) -> None:
        require_within(self, gate=(1e-6, 1), threshold=(0, MOST_COUNTS - 1))


@dataclass(frozen=True)
class ProbeSettings:
    """Shots on this node's ion outside of rounds (calibrations).

    Attributes:
        pump: optical pumping to S1/2(+1/2) at the beginning of a shot, s.
        lead: time line kept free before a shot for the CPU to program its pulses, s.
        settle: from the step back into the focus to the next cooling pulse, s; many time constants of the electrodes.
        tries: a point during which the kernel was late is measured so many times before the kernel gives up.
    """

    pump: float = 10e-6
    lead: float = 60e-6
    settle: float = 300e-6
    tries: int = 3

    def __post_init__(self) -> None:
        require_within(self, pump=(1e-7, 1), lead=(1e-6, 1), settle=(0, 1), tries=(1, 1000))


@dataclass(frozen=True)
class LoadingSettings:
    """Loading an ion (ReloadIon).

    Attributes:
        pulse: length of an ablation pulse, or how long the oven is heated, s.
        interval: from one pulse to the next, s.
        opening: the photo-ionisation shutter opens so long before the first pulse, s.
        capture: cooling after the last pulse, shutter closed, before fluorescence is counted, s.
        gates: as those of the cooling, counted in a look at the trap.
        one_ion: mean counts per gate of one ion: with fewer there is none, with more there are several.
        expel: voltages of the shuttle's electrodes that empty the trap, V, for expel_time, s.
    """

    pulse: float = 10e-6
    interval: float = 0.1
    opening: float = 20e-3
    capture: float = 0.5
    gates: int = 50
    one_ion: tuple[float, float] = (12.0, 54.0)
    expel: tuple[float, float, float, float] = (9.0, 9.0, 9.0, 9.0)
    expel_time: float = 10e-3

    def __post_init__(self) -> None:
        require_within(self, pulse=(1e-7, 60), opening=(0, 10), capture=(1e-3, 60), gates=(5, 10_000))
        require_within(self, interval=(1e-6 + self.pulse, 600), expel=(-10, 9.999), expel_time=(1e-3, 1))
        if not 0 < self.one_ion[0] < self.one_ion[1] < math.inf:
            raise ValueError(f"one_ion = {self.one_ion}: the lower limit first, both above 0")


@dataclass(frozen=True)
class NodeSettings:
    """Everything a node's real-time code needs; values from the calibration file override these.

    `key_bases` (1 or 2): how many Bob announces, a parameter of the rounds and no calibration.
    """

    qubit: QubitSettings
    cooling_beam: Beam = Beam(200e6)
    repump_beam: Beam = Beam(110e6)
    deshelve_beam: Beam = Beam(80e6)
    pump_beam: Beam = Beam(200e6)
    qubit_attenuation: float = 10.0
    cooling: CoolingSettings = field(default_factory=CoolingSettings)
    attempts: AttemptSettings = field(default_factory=AttemptSettings)
    shuttle: ShuttleSettings = field(default_factory=ShuttleSettings)
    readout: ReadoutSettings = field(default_factory=ReadoutSettings)
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    loading: LoadingSettings = field(default_factory=LoadingSettings)
    key_bases: int = 1
    schedule: RoundSchedule = field(default_factory=RoundSchedule)

    def __post_init__(self) -> None:
        require_within(self, qubit_attenuation=(0, MOST_ATTENUATION_DB), key_bases=(1, 2))
        readout_starts = self.schedule.analysis_follower + 2 * self.schedule.pulse_slot
        if readout_starts + self.readout.gate > self.schedule.scramble:
            raise ValueError(
                f"readout gate of {self.readout.gate * 1e6:.0f} us does not fit between analysis and scrambling "
                f"({readout_starts * 1e6:.0f} to {self.schedule.scramble * 1e6:.0f} us)"
            )
        analysis = self.qubit.analysis.pi_time * self.qubit.angle / math.pi * (2 if self.doubles else 1)
        longest = max(self.qubit.shelving.pi_time, analysis)
        if self.schedule.pulse_slot < longest + 4e-6:
            raise ValueError(f"pulse_slot: a pulse of {longest * 1e6:.1f} us and 4 us for the next tone do not fit")
        mapped = self.schedule.mapping + self.qubit.mapping.pi_time
        if mapped > self.schedule.disconnect:
            raise ValueError(
                f"mapping pulse: it ends {mapped * 1e6:.1f} us after the herald, when the ion moves already"
            )

    @property
    def doubles(self) -> bool:
        """Whether a round's analysis pulse may last twice as long: that of Bob's second key basis."""
        return self.key_bases == 2 and self.qubit.amplitude[KEY_SETTING + 1] > 0


def with_two_bases(settings: NodeSettings) -> NodeSettings:
    """The same for rounds in which Bob announces one of two key bases."""
    return replace(settings, key_bases=2)


def with_barrier(settings: NodeSettings) -> NodeSettings:
    """The same for rounds in which Bob waits for Alice's pulse before he announces the round type."""
    return replace(settings, schedule=settings.schedule.with_barrier())
