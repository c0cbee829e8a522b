"""Everything behind one core device: lines, beams, ion, electrodes, detectors, and the link to the other node.

Drivers report what they put out; nothing is computed until somebody looks, that is until a photon count or a T edge is
fetched. Outcomes therefore come from the pulses that were really scheduled before the counting gate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count as counting
from typing import Any

import numpy as np

from contract.nodes import NODES
from postprocess.characterisation.state_tomography import published_states
from testbed.drivers.ad53xx import voltage_to_mu
from testbed.drivers.line import KEEP
from testbed.drivers.ttl import SilentInput
from testbed.physics import laboratory as laboratories
from testbed.physics import truth
from testbed.physics.attempts import AttemptLoop
from testbed.physics.heralding_station import Station
from testbed.physics.heralds import Uniforms, generator
from testbed.physics.inputs import LaserLockInput, RoundTypeInput
from testbed.physics.ion import Ion, Light, Pulse, Step
from testbed.physics.optics import Electrodes, coupling, saturated
from testbed.physics.partner import UNMEASURED, Outcome, effect_matrix

NOMINAL = 10 ** (truth.NOMINAL_ATTENUATION_DB / 20)
LIGHTS = {"cool": "dds_cooling", "deshelve": "dds_deshelve", "pump": "dds_pump"}
T_LINES = ("ttl_round_type_test", "ttl_round_type_key")
PHOTON_CHUNK = 4096
MAX_GATES = 1000
JOINT_CACHE = 20_000
MIN_COUPLING = 0.5
SURELY = 1 - 1e-9
ZERO_VOLTS, DAC_STEP_V = voltage_to_mu(0.0), 20.0 / 65536


class Bench:
    """The apparatus of one node.

    Args:
        dmgr: device manager; the bench finds its wiring by the names of the device table.
        node: "alice" or "bob".
    """

    def __init__(self, dmgr: Any, node: str):
        if node not in NODES:
            raise ValueError(f"bench: node is '{node}', must be alice or bob")
        self.dmgr, self.node = dmgr, node
        self.table = dmgr.get_device_db()
        self.core = dmgr.get("core")
        self.truth = truth.NODE_TRUTHS[node]
        self.laboratory = laboratories.current()
        self.faults = self.laboratory.faults_of(node)
        self.partner = self.laboratory.partner_of(node)
        self.random = Uniforms(self.laboratory.seed, f"outcomes-{node}", 2)
        self._photons = generator(self.laboratory.seed, f"photons-{node}", self.partner.epoch)
        self._gates: dict[tuple[int, int], Iterator[int]] = {}
        self._saturation: float | None = None
        self._outcomes: dict[Any, Outcome] = {}
        self.ion = Ion(self.truth, sum(fault.value or 0.0 for fault in self.faults.find("phase error")))
        self.states = published_states()
        self.electrodes = Electrodes()
        self.station = Station(self.electrodes, self.truth.isolation)
        self.ion_present = True
        self.rested_from: float = math.inf  # from this time on any window could give a herald
        self.herald, self.pattern, self.herald_mu = 0, 0, 0
        self.loop: AttemptLoop | None = None
        self._open = False  # a herald's qubit waits for its readout
        self._genuine = True
        self._struck: set[Any] = set()
        self._since = 0  # time of the last preparation or projection outside of rounds
        self._shelved = False
        self._edges: list[tuple[int, int]] = []
        self._unlocked_until: int | None = None
        self._joint: dict[Any, float] = {}
        self.heralds_seen = self._heralds_told = 0
        self._wire()
        self.core.on_kernel.append(self._kernel)

    # Wiring

    def _wire(self) -> None:
        beams = ("dds_qubit", "dds_repump", *LIGHTS.values())
        self.dds = {name: self.dmgr.get(name) for name in beams if name in self.table}
        self.lines = {name: self.core.line(dds.sw.channel).watch() for name, dds in self.dds.items()}
        self._qubit, self._cooling = self.lines["dds_qubit"], self.lines["dds_cooling"]
        self._repump = self.lines["dds_repump"]
        for name in ("dds_cooling", "dds_repump"):
            self.dds[name].on_set = self._light_changed
        if "zotino0" in self.table:
            self.dmgr.get("zotino0").listener = self._voltages
        if self.node == "bob":
            self.dds["dds_qubit"].on_set = self.publish_edges  # T is out once the analysis is programmed
            for number, name in enumerate(T_LINES):
                if name in self.table:
                    self.core.line(self._channel(name)).listener = self._listener(number)

    def _channel(self, name: str) -> int:
        return self.table[name]["arguments"]["channel"]

    def _listener(self, number: int):
        def heard(time: int, level: int) -> None:
            if level and self._open:
                self._edges.append((number, time - self.herald_mu))

        return heard

    def _voltages(self, time: int, registers: list[int]) -> None:
        if self.faults.since("shuttle broken", self.herald):
            return
        volts = [(registers[channel] - ZERO_VOLTS) * DAC_STEP_V for channel in truth.ELECTRODE_CHANNELS]
        self.electrodes.step(time, volts)
        self.rested_from = math.inf

    def attempts(self, entangler: Any) -> AttemptLoop:
        """The physics behind an entangler."""
        self.loop = AttemptLoop(self, entangler)
        return self.loop

    def input(self, channel: int) -> Any:
        """The signal at an input channel."""
        if "ttl_laser_locked" in self.table and channel == self._channel("ttl_laser_locked"):
            return LaserLockInput(self)
        for number, name in enumerate(T_LINES):
            if self.node == "alice" and name in self.table and channel == self._channel(name):
                return RoundTypeInput(self, number)
        return SilentInput()

    def counter(self, channel: int):
        """What an edge counter counts."""
        if "pmt_counter" in self.table and channel == self._channel("pmt_counter"):
            return self.fluorescence
        return lambda start, stop: 0

    def _kernel(self, started: bool) -> None:
        self.partner.kernel(started)
        if self.loop is not None:
            self.loop.herald = 0  # agree anew
        if started:
            self.ion_present = True  # the operator has reloaded
        else:
            self.write_truth()

    # Heralds

    def approach(self, herald: int) -> None:
        """The nodes set out for a herald: faults that begin here."""
        if self._strikes("ion lost", herald):
            self.ion_present = False
            self.rested_from = math.inf
        self._unlock = self._strikes("laser unlocked", herald, anywhere=True)

    def _strikes(self, kind: str, herald: int, anywhere: bool = False) -> Any:
        """The fault that begins at a herald; it does so once, also if several kernels set out for that herald."""
        fault = self.faults.at(kind, herald, anywhere)
        if fault is None or fault in self._struck:
            return None
        self._struck.add(fault)
        return fault

    _unlock: Any = None

    def can_attempt(self, start: int) -> bool:
        """Whether a window starting now could give a herald."""
        if not self.ion_present or self._shelved:
            return False
        electrodes = self.electrodes
        electrodes.forget(start)
        if start > electrodes.home_from:
            self.rested_from = start
            return True
        return coupling(electrodes.displacement(start), 0.0) > MIN_COUPLING

    def begin_round(self, herald: int, pattern: int, time: int, genuine: bool) -> None:
        """A herald: the ion's qubit is now half of the pattern's state."""
        self.herald, self.pattern, self.herald_mu = herald, pattern, time
        self.heralds_seen += 1
        self._open, self._genuine = True, genuine
        self._edges = []
        for line in self.lines.values():
            line.forget(time)
        for dds in self.dds.values():
            dds.forget(time)
        if self.faults.at("underflow", herald):
            self.core.wall += 1_000_000

    # Light and levels

    def _programme(self, origin: int, stop: int) -> tuple[Step, ...]:
        """Everything that acts on the ion's levels between two times, relative to the first."""
        steps: list[Step] = []
        for kind, name in LIGHTS.items():
            line = self.lines.get(name)
            if line is None or line.stays(0, origin, stop):
                continue
            if self.dds[name].tones[-1].amplitude > 0:
                steps += [Light(on - origin, off - on, kind) for on, off in line.pulses(origin, stop)]
        if not self.is_unlocked(stop):
            for on, off in self._qubit.pulses(origin, stop):
                steps += self._tones(on, off, origin)
        if len(steps) > 1:
            steps.sort(key=_start)
        return tuple(steps)

    def _tones(self, on: int, off: int, origin: int) -> list[Step]:
        """What the qubit beam's DDS put out while its switch was open."""
        found: list[Step] = []
        for tone in reversed(self.dds["dds_qubit"].tones):
            if tone.since < off:
                begin = max(on, tone.since)
                if tone.amplitude > 0:
                    phase = (tone.phase + tone.ftw * (begin - tone.origin)) & 0xFFFFFFFF
                    found.append(Pulse(begin - origin, off - begin, tone.ftw, phase, tone.amplitude * NOMINAL))
                off = begin
                if begin == on:
                    break
        return found

    def fluorescence(self, start: int, stop: int) -> int:
        """Photons counted in a gate; if the ion's state was open, this is its measurement."""
        if self._cooling.stays(1, start, stop) and self._repump.stays(1, start, stop):
            lit = stop - start
        else:
            lit = self._lit(start, stop)
        if self._open:
            bright = self._measure_round(start, stop, lit) if lit and start >= self.herald_mu else False
        else:
            qubit = self._qubit
            if self._shelved or qubit.edges or qubit.level:
                bright = self._measure_alone(start, lit)
            else:
                bright = True  # in S1/2 since the last look, and no 674 nm light since
                if lit:
                    self._since = start
        if len(self._cooling.edges) > KEEP:
            for line in self.lines.values():
                line.forget(start)
        key = (lit if bright and self.ion_present else 0, stop - start)
        numbers = self._gates.get(key)
        if numbers is None:
            if self._saturation is None:
                self._saturation = self._cooling_power()
            mean = key[0] * truth.BRIGHT_RATE * self._saturation + key[1] * truth.DARK_RATE
            numbers = self._gates[key] = self._poisson(mean * 1e-9)
            if len(self._gates) > MAX_GATES:
                self._gates.clear()
        return next(numbers)

    def _lit(self, start: int, stop: int) -> int:
        """Time with both cooling and repump light."""
        cooling, repump = self._cooling.pulses(start, stop), self._repump.pulses(start, stop)
        return sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for a in cooling for b in repump)

    def _light_changed(self) -> None:
        self._saturation = None
        self._gates.clear()
        self.station.light_changed()

    def _cooling_power(self) -> float:
        """Fluorescence relative to nominal beams."""
        amplitude = self.dds["dds_cooling"].tones[-1].amplitude * NOMINAL
        return saturated(amplitude) if self.dds["dds_repump"].tones[-1].amplitude > 0 else 0.0

    def _measure_alone(self, start: int, lit: int) -> bool:
        """Outside of rounds: levels from the last projection through all light since."""
        qubit = self._qubit
        if not qubit.edges and not qubit.level and self.lines["dds_pump"].stays(0, self._since, start):
            return self._deshelved(start, lit)
        populations = [0.0, 0.0, 1.0, 0.0] if self._shelved else [0.5, 0.5, 0.0, 0.0]
        effect = self.ion.effect(self._programme(self._since, start))
        bright = self._photons.random() < float(effect.diagonal().real @ populations)
        if lit:
            self._projected(start, bright)
        return bright

    def _deshelved(self, start: int, lit: int) -> bool:
        """Shelved at the last look: by now back in S1/2 if 1033 nm light was on for long enough."""
        time_on = sum(off - on for on, off in self.lines["dds_deshelve"].pulses(self._since, start))
        p = 1 - math.exp(-time_on * 1e-9 / self.truth.deshelving_s)
        bright = p > SURELY or self._photons.random() < p
        if lit:
            self._projected(start, bright)
        return bright

    def _projected(self, time: int, bright: bool) -> None:
        self._shelved, self._since = not bright, time
        if self._shelved:
            self.rested_from = math.inf
        self._qubit.forget(time)
        self.dds["dds_qubit"].forget(time)

    def _measure_round(self, start: int, stop: int, lit: int) -> bool:
        """The readout of a round: Bob's outcome by his marginal, Alice's conditional on his."""
        programme = self._programme(self.herald_mu, start)
        herald = self.herald
        leaked = self.station.leak(start, stop, lit, self._cooling_power)
        if self.node == "bob":
            self.publish_edges()
            bright = self.random[herald][0] < self._probability(programme, UNMEASURED)
            self.partner.tell(herald, self._outcome(programme, bright, leaked))
        else:
            theirs = self.partner.outcome(herald)
            bright = self.random[herald][0] < self._probability(programme, theirs)
            if theirs is not UNMEASURED:
                self.station.count(bright, theirs, leaked, self.random[herald][1])
        self._open = False
        self._projected(start, bright)
        return bright

    def _probability(self, programme: tuple[Step, ...], theirs: Outcome) -> float:
        """Probability of bright, given what the partner found."""
        key = (programme, theirs[:4], self.pattern, self._genuine)
        found = self._joint.get(key)
        if found is None:
            state = self.states[self.pattern] if self._genuine else np.eye(4) / 4
            mine, other = self.ion.herald_effect(programme), effect_matrix(theirs)
            order = (mine, other) if self.node == "alice" else (other, mine)
            blank = (np.eye(2), other) if self.node == "alice" else (other, np.eye(2))
            found = float((np.trace(state @ np.kron(*order)) / np.trace(state @ np.kron(*blank))).real)
            if len(self._joint) > JOINT_CACHE:
                self._joint.clear()
            self._joint[key] = found
        return found

    def _outcome(self, programme: tuple[Step, ...], bright: bool, leaked: float) -> Outcome:
        key = (programme, bright, leaked)
        found = self._outcomes.get(key)
        if found is None:
            effect = self.ion.herald_effect(programme)
            if not bright:
                effect = np.eye(2) - effect
            off = complex(effect[0, 1])
            levels = float(effect[0, 0].real), float(effect[1, 1].real)
            if len(self._outcomes) > JOINT_CACHE:
                self._outcomes.clear()
            found = self._outcomes[key] = Outcome(*levels, off.real, off.imag, float(bright), leaked if bright else 0.0)
        return found

    def write_truth(self) -> None:
        """Heralds and, on Alice's side, the histogram of the station so far go to the laboratory's folder."""
        if self.heralds_seen > self._heralds_told:
            self.laboratory.add_truth(self.node, self.heralds_seen - self._heralds_told, self.station.take())
            self._heralds_told = self.heralds_seen

    def photon_number(self, mean: float) -> int:
        """A Poissonian number."""
        return int(self._photons.poisson(mean))

    def _poisson(self, mean: float) -> Iterator[int]:
        """Many of them; drawn in bulk."""
        for size in counting(2):
            yield from self._photons.poisson(mean, min(PHOTON_CHUNK, 4**size)).tolist()

    # Lines

    def publish_edges(self) -> None:
        """Bob's T edges of this round travel to Alice."""
        edges = self._edges
        if not edges:
            return
        self._edges = []
        if self.faults.at("t line dead", self.herald):
            return
        if self.faults.at("t line double", self.herald):
            edges = [(0, edges[0][1]), (1, edges[0][1])]
        self.partner.announce(self.herald, edges)

    def is_unlocked(self, time: int) -> bool:
        """Whether the 674 nm laser has lost its lock at a time."""
        if self._unlock is not None:
            self._unlocked_until = time + int((self._unlock.value or 0.02) * 1e9)
            self._unlock = None
        return self._unlocked_until is not None and time < self._unlocked_until

    def close(self) -> None:
        self.write_truth()
        self.partner.close()


def _start(step: Step) -> int:
    return step.start
