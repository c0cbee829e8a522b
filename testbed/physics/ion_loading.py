"""Loading: what ablation pulses bring into a trap."""

from __future__ import annotations

from testbed.drivers.line import Line
from testbed.physics import truth
from testbed.physics.heralds import Uniforms
from testbed.physics.optical_fields import OpticalFields
from testbed.physics.trapped_ions import TrappedIons


class IonLoading:
    """Pulses on the ablation line, judged when somebody looks at the trap next.

    Args:
        ablation, shutter: the two lines.
        seed: of the laboratory; the n-th pulse of a trap's life uses the n-th numbers, whatever kernels do.

    Attributes:
        fired: beginnings of the pulses that nobody has looked after yet, ns.
    """

    def __init__(
        self, ablation: Line, shutter: Line, beams: OpticalFields, ions: TrappedIons, seed: int, node: str
    ) -> None:
        self._shutter, self._beams, self._ions = shutter.watch(), beams, ions
        self._random = Uniforms(seed, f"loading-{node}", 2)
        self.fired: list[int] = []
        ablation.listener = self._pulse

    def _pulse(self, time: int, level: int) -> None:
        if level:
            self.fired.append(time)
        else:
            self.fired[:] = [each for each in self.fired if each < time]  # a reset drops what was to come

    def settle(self, now: int) -> bool:
        """Whether pulses before a time brought ions."""
        due = [time for time in self.fired if time + truth.CAPTURE_COOLING_NS <= now]
        if not due:
            return False
        self.fired[:] = [time for time in self.fired if time not in due]
        found = sum(self._captured(self._ions.pulses + number) for number, time in enumerate(due) if self._can(time))
        self._shutter.forget(now)
        self._ions.load(len(due), found)
        return found > 0

    def _can(self, time: int) -> bool:
        """Whether a pulse could load: photo-ionisation open, and cooling light for a while."""
        cooled = truth.CAPTURE_COOLING_NS
        return self._shutter.stays(1, time, time + 1) and self._beams.lit(time, time + cooled) == cooled

    def _captured(self, pulse: int) -> int:
        one, two = self._random[pulse]
        return (1 + (two < truth.CAPTURED_TWICE)) if one < truth.CAPTURE_PER_PULSE else 0
