"""The program of one shot on this node's ion, written on the host pulse by pulse: pumping, 674 nm light, deshelving."""

from dataclasses import dataclass, field

from node.node_errors import NodeProblem
from node.settings import NodeSettings, Transition
from node.shots.point_loop import FIRST_WORD, POINT_WORDS
from node.units import to_coarse_mu, to_mu

# Places of a shot's words among those of its point; five words per pulse: ftw, pow, asf, start, duration.
PUMP_MU, DESHELVE_AT, DESHELVE_MU, READOUT_AT, PULSES, FIRST_PULSE = range(FIRST_WORD, FIRST_WORD + 6)
WORDS_PER_PULSE = 5
MAX_PULSES = (POINT_WORDS - FIRST_PULSE) // WORDS_PER_PULSE
GAP = 4e-6  # from one pulse to the next, at least: the DDS is programmed meanwhile


class ShotError(NodeProblem, ValueError):
    """A shot that cannot be programmed."""


@dataclass
class Shot:
    """Starts with a cooled ion; after the last step comes the readout. Every step begins where the one before ended.

    Times in s, frequencies in Hz; starts are rounded to 8 ns, durations to 1 ns. `now` is the end so far, counted from
    the shot's reference time, to which all phases refer.
    """

    settings: NodeSettings
    now: float = 0.0
    pumped: float = 0.0
    deshelved: tuple[float, float] = (0.0, 0.0)
    pulses: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    def pump(self) -> "Shot":
        """Optical pumping to S1/2(+1/2); only at the beginning."""
        self.pumped = self.settings.probe.pump
        self.now += self.pumped
        return self

    def pulse(
        self, frequency: float, duration: float, turns: float = 0.0, amplitude: float = 1.0, after: float = GAP
    ) -> "Shot":
        """674 nm pulse that starts `after` the step before; a pulse of no duration or amplitude is left out.

        Raises:
            ShotError: less than GAP for programming it, or more than MAX_PULSES pulses.
        """
        if after < GAP:
            raise ShotError(f"pulse after {after * 1e6:.2f} us: programming it takes {GAP * 1e6:.0f} us")
        start = float(to_coarse_mu(self.now + after)) * 1e-9
        if duration > 0 and amplitude > 0:
            if len(self.pulses) == MAX_PULSES:
                raise ShotError(f"a shot has at most {MAX_PULSES} pulses")
            self.pulses.append((frequency, turns % 1.0, amplitude, start, duration))
        self.now = start + duration
        return self

    def pi(self, line: Transition) -> "Shot":
        """Pi pulse on a line, as calibrated."""
        return self.pulse(line.frequency, line.pi_time)

    def deshelve(self, duration: float) -> "Shot":
        """1033 nm light; once per shot, after the last pulse."""
        self.now += 1e-6
        self.deshelved = (self.now, duration)
        self.now += duration
        return self

    def words(self, index: int, shots: int, dds) -> list[int]:
        """The point's words, int32. `dds`: the qubit laser's AD9910, whose units they are in."""
        start, duration = self.deshelved
        head = [index, shots, to_coarse_mu(self.pumped), to_coarse_mu(start), to_coarse_mu(duration)]
        words = [*head, to_coarse_mu(self.now + 1e-6), len(self.pulses)]
        for frequency, turns, amplitude, at, lasting in self.pulses:
            words += [dds.frequency_to_ftw(frequency), dds.turns_to_pow(turns), dds.amplitude_to_asf(amplitude)]
            words += [to_coarse_mu(at), to_mu(lasting)]
        return [int(word) for word in words]
