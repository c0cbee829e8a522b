"""The beams of one node as its ion sees them: what the switches and DDSs put out, as steps on the ion's levels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from testbed.drivers.line import KEEP
from testbed.physics import truth
from testbed.physics.ion import Light, Pulse, Step
from testbed.physics.optics import saturated

NOMINAL = 10 ** (truth.NOMINAL_ATTENUATION_DB / 20)
LIGHTS = {"cool": "dds_cooling", "deshelve": "dds_deshelve", "pump": "dds_pump"}
QUBIT, COOLING, REPUMP = "dds_qubit", "dds_cooling", "dds_repump"


class OpticalFields:
    """All switched beams; times in ns on the node's time line.

    Args:
        devices: name of a beam in the device table -> its DDS driver.
        line: the wire at an output channel.

    Attributes:
        cooling_drift: factor on the power of cooling light.
    """

    def __init__(self, devices: dict[str, Any], line: Callable[[int], Any]) -> None:
        self.dds = devices
        self.cooling_drift = 1.0
        self.lines = {name: line(dds.sw.channel).watch() for name, dds in devices.items()}
        self.qubit, self.cooling, self.repump = self.lines[QUBIT], self.lines[COOLING], self.lines[REPUMP]

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the power of cooling or repumping light may have changed."""
        for name in (COOLING, REPUMP):
            self.dds[name].on_set = changed

    def programme(self, origin: int, stop: int, qubit_dark: bool) -> tuple[Step, ...]:
        """Everything that acts on the ion's levels between two times, relative to the first, in order.

        `qubit_dark`: the 674 nm laser is out of lock, its pulses do nothing.
        """
        steps: list[Step] = []
        for kind, name in LIGHTS.items():
            line = self.lines.get(name)
            if line is None or not (line.kept() or line.level) or line.stays(0, origin, stop):
                continue
            if self.dds[name].tones[-1].amplitude > 0:
                steps += [Light(on - origin, off - on, kind) for on, off in line.pulses(origin, stop)]
        if not qubit_dark:
            for on, off in self.qubit.pulses(origin, stop):
                steps += self._tones(on, off, origin)
        if len(steps) > 1:
            steps.sort(key=_start)
        return tuple(steps)

    def _tones(self, on: int, off: int, origin: int) -> list[Step]:
        """What the qubit beam's DDS put out while its switch was open."""
        found: list[Step] = []
        for tone in reversed(self.dds[QUBIT].tones):
            if tone.since < off:
                begin = max(on, tone.since)
                if tone.amplitude > 0:
                    phase = (tone.phase + tone.ftw * (begin - tone.origin)) & 0xFFFFFFFF
                    found.append(Pulse(begin - origin, off - begin, tone.ftw, phase, tone.amplitude * NOMINAL))
                off = begin
                if begin == on:
                    break
        return found

    def lit(self, start: int, stop: int) -> int:
        """Time with both cooling and repump light, ns."""
        if self.cooling.stays(1, start, stop) and self.repump.stays(1, start, stop):
            return stop - start
        cooling, repump = self.cooling.pulses(start, stop), self.repump.pulses(start, stop)
        return sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for a in cooling for b in repump)

    def cooling_power(self) -> float:
        """Fluorescence relative to nominal beams."""
        amplitude = self.dds[COOLING].tones[-1].amplitude * NOMINAL * math.sqrt(self.cooling_drift)
        return saturated(amplitude) if self.dds[REPUMP].tones[-1].amplitude > 0 else 0.0

    def qubit_was_off(self) -> bool:
        """Whether there has been no 674 nm light since it was last forgotten."""
        return not self.qubit.kept() and not self.qubit.level

    def time_on(self, kind: str, start: int, stop: int) -> int:
        """How long a beam of LIGHTS was on, ns."""
        return sum(off - on for on, off in self.lines[LIGHTS[kind]].pulses(start, stop))

    def was_off(self, kind: str, start: int, stop: int) -> bool:
        """Whether a beam of LIGHTS was off all the time."""
        return self.lines[LIGHTS[kind]].stays(0, start, stop)

    def forget(self, before: int) -> None:
        """Drop what was put out before a time."""
        for line in self.lines.values():
            if line.kept():
                line.forget(before)
        for dds in self.dds.values():
            if len(dds.tones) > 1:
                dds.forget(before)

    def forget_qubit_light(self, before: int) -> None:
        """Drop the 674 nm light before a time."""
        self.qubit.forget(before)
        self.dds[QUBIT].forget(before)

    def trim(self, before: int) -> None:
        """Drop old edges when many have piled up."""
        if self.cooling.kept() > KEEP:
            for line in self.lines.values():
                if line.kept():
                    line.forget(before)


def _start(step: Step) -> int:
    return step.start
