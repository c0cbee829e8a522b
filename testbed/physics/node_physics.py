"""The physics behind one core device: wires the parts of a node's apparatus to its drivers.

Drivers report what they put out; nothing is computed until somebody looks, that is until a photon count or a round-type
edge is fetched. Outcomes therefore come from the pulses that were really scheduled before the counting gate.
"""

from __future__ import annotations

import math
from typing import Any

from contract.nodes import BOB, NODES
from testbed.drivers.ttl import SilentInput
from testbed.physics import laboratory as laboratories
from testbed.physics import truth
from testbed.physics.attempts import AttemptLoop
from testbed.physics.crate_cables import BARRIER_LINES, ROUND_TYPE_LINES, TEST_LINE, SignalInput, SignalSource
from testbed.physics.drift import Drift
from testbed.physics.faults import Fault
from testbed.physics.heralding_station import StationPhotons
from testbed.physics.heralds import Uniforms, generator
from testbed.physics.ion import Ion
from testbed.physics.ion_loading import IonLoading
from testbed.physics.ion_state import IonState
from testbed.physics.lock_state import LaserLockInput, LockState
from testbed.physics.optical_fields import LIGHTS, QUBIT, REPUMP, OpticalFields
from testbed.physics.optics import Electrodes, coupling, displaced
from testbed.physics.partner import UNMEASURED
from testbed.physics.photon_counts import PhotonCounts
from testbed.physics.round_state import RoundState
from testbed.physics.trapped_ions import TrappedIons

MIN_COUPLING = 0.5
STALL_MU = 1_000_000
LOADING_LINES = ("ablation", "photo_ionisation")


class NodePhysics:
    """The apparatus of one node.

    Args:
        dmgr: device manager; the wiring is found by the names of the device table.
        node: "alice" or "bob".

    Attributes:
        trap: what it holds.
        rested_from: from this time on any attempt window could give a herald; infinite while something moves.
    """

    def __init__(self, dmgr: Any, node: str) -> None:
        if node not in NODES:
            raise ValueError(f"laboratory: node is '{node}', must be alice or bob")
        self.dmgr, self.node = dmgr, node
        self.table = dmgr.get_device_db()
        self.core = dmgr.get("core")
        self.truth = truth.NODE_TRUTHS[node]
        self.laboratory = laboratories.current()
        self.faults = self.laboratory.faults_of(node)
        self.partner = self.laboratory.partner_of(node)
        self.random = Uniforms(self.laboratory.seed, f"outcomes-{node}", 2)
        names = (QUBIT, REPUMP, *LIGHTS.values())
        self.beams = OpticalFields({name: dmgr.get(name) for name in names if name in self.table}, self.core.line)
        self.lock = LockState()
        stream = generator(self.laboratory.seed, f"photons-{node}", self.partner.epoch)
        self.counts = PhotonCounts(stream, self.beams.cooling_power)
        ion = Ion(self.truth, sum(fault.value or 0.0 for fault in self.faults.find("phase error")))
        self.trap = TrappedIons(self.laboratory.folder, node)
        self.loading: IonLoading | None = None
        self._fired: list[int] = []
        self.drift = self.laboratory.drift_of(node)
        self._drifted = -1  # step of the drift that is in force
        self.ion = IonState(ion, self.truth, self.beams, self.lock, self.counts)
        self.round = RoundState(node, ion, self.laboratory.link.states())
        self.electrodes = Electrodes()
        self.station = StationPhotons(self.electrodes, self.truth.isolation)
        kind = "round type" if node == BOB else "barrier"
        self.said: tuple[str, ...] = ROUND_TYPE_LINES if node == BOB else BARRIER_LINES
        self.heard: tuple[str, ...] = BARRIER_LINES if node == BOB else ROUND_TYPE_LINES
        self.signals = SignalSource(kind, self.round, self.faults, self.partner)
        self.rested_from: float = math.inf
        self.loop: AttemptLoop | None = None
        self._struck: set[Fault] = set()
        self._heralds_told = 0
        self._wire()

    def _wire(self) -> None:
        self.beams.on_change(self._light_changed)
        if "zotino0" in self.table:
            self.dmgr.get("zotino0").listener = self._voltages
        self.beams.dds[QUBIT].on_set = self.signals.publish  # with the next tone, before this node waits for anything
        for number, name in enumerate(self.said):
            if name in self.table:
                self.core.line(self._channel(name)).listener = self.signals.listener(number)
        if all(f"ttl_{name}" in self.table for name in LOADING_LINES):
            ablation, shutter = (self.core.line(self._channel(f"ttl_{name}")) for name in LOADING_LINES)
            self.loading = IonLoading(ablation, shutter, self.beams, self.trap, self.laboratory.seed, self.node)
            self._fired = self.loading.fired
        self.core.on_kernel.append(self._kernel)
        self.core.on_break.append(self._break)

    def _channel(self, name: str) -> int:
        return self.table[name]["arguments"]["channel"]

    def _voltages(self, time: int, registers: list[int]) -> None:
        if self.faults.since("shuttle broken", max(self.round.herald, 1)):  # before the first herald too
            return
        target = displaced(*[registers[channel] for channel in truth.ELECTRODE_CHANNELS])
        self.electrodes.step(time, target)
        self.rested_from = math.inf
        if abs(target) > truth.EXPELLED_FROM_UM:
            self.trap.expel()

    def _light_changed(self) -> None:
        self.counts.light_changed()
        self.station.light_changed()

    def _kernel(self, started: bool) -> None:
        self.partner.kernel(started)
        if self.loop is not None:
            self.loop.agree_anew()
        if started:
            self.trap.recall()
            self.rested_from = math.inf
            if self.drift is not None:
                self._drift_to(self.drift, self.partner.first())
        else:
            self._load(self.core.wall)
            self.write_truth()

    def _break(self) -> None:
        """The kernel makes up for time that it did not know of: it has asked its host, perhaps."""
        if self.loop is not None:
            self.loop.together = True

    # What drivers ask for

    def attempts(self, entangler: Any) -> AttemptLoop:
        """The physics behind an entangler."""
        self.loop = AttemptLoop(self, entangler)
        return self.loop

    def input(self, channel: int) -> Any:
        """The signal at an input channel."""
        if "ttl_laser_locked" in self.table and channel == self._channel("ttl_laser_locked"):
            return LaserLockInput(self.lock)
        for number, name in enumerate(self.heard):
            if name in self.table and channel == self._channel(name):
                return SignalInput(self.round, self.partner, number)
        return SilentInput()

    def counter(self, channel: int):
        """What an edge counter counts."""
        if "pmt_counter" in self.table and channel == self._channel("pmt_counter"):
            return self.fluorescence
        return lambda start, stop: 0

    # What the attempt loop asks for: see attempts.AttemptSite

    def approach(self, herald: int) -> None:
        """The nodes set out for a herald: faults that begin here."""
        if self._strikes("ion lost", herald):
            self.trap.stay_away()
            self.rested_from = math.inf
        if self.faults.loses_ion_for_good(herald) and self.trap.lose(herald):
            self.rested_from = math.inf
        unlock = self._strikes("laser unlocked", herald, anywhere=True)
        if unlock is not None:
            self.lock.lose(unlock.value)

    def _strikes(self, kind: str, herald: int, anywhere: bool = False) -> Fault | None:
        """The fault that begins at a herald; it does so once, also if several kernels set out for that herald."""
        fault = self.faults.at(kind, herald, anywhere)
        if fault is None or fault in self._struck:
            return None
        self._struck.add(fault)
        return fault

    def can_attempt(self, start: int) -> bool:
        """Whether a window starting now could give a herald."""
        if self.trap.number != 1 or self.ion.shelved:
            return False
        electrodes = self.electrodes
        electrodes.forget(start)
        if start > electrodes.home_from:
            self.rested_from = start
            return True
        return coupling(electrodes.displacement(start), 0.0) > MIN_COUPLING

    def begin_round(self, herald: int, pattern: int, time: int, genuine: bool) -> None:
        """A herald has come."""
        if self.drift is not None:
            self._drift_to(self.drift, herald)
        self.round.begin(herald, pattern, time, genuine)
        self.signals.begin_round()
        self.beams.forget(time)
        if self.faults.at("underflow", herald):
            self.core.wall += STALL_MU

    def light_at_the_station(self, start: int, stop: int) -> float:
        """Expected counts of all APDs from `start` to `stop`: dark counts, and the ion under its cooling light."""
        lit = self.beams.lit(start, stop)
        background = truth.STATION_BACKGROUND * (stop - start) * 1e-9 / truth.READOUT_REFERENCE_S
        ions = self.trap.number
        if not (lit and self.ion.look(start, lit) and ions):
            return background
        self.electrodes.forget(start)
        sent = ions * self.station.leak(start, stop, lit, self.beams.cooling_power)
        return background + truth.STATION_DETECTION * sent

    # Looking at the ion

    def fluorescence(self, start: int, stop: int) -> int:
        """Photons counted in a gate; if a round is open, this is its measurement."""
        if self._fired:
            self._load(start)
        lit = self.beams.lit(start, stop)
        if self.round.open:
            bright = self._measure_round(start, stop, lit) if lit and start >= self.round.herald_mu else False
        else:
            bright = self.ion.look(start, lit)
            if self.ion.shelved:
                self.rested_from = math.inf
        self.beams.trim(start)
        return self.counts.of_gate(lit * self.trap.number if bright else 0, stop - start)

    def _load(self, now: int) -> None:
        """What loading pulses before a time have brought."""
        if self.loading is not None and self.loading.settle(now):
            self.ion.shelved = False
            self.rested_from = math.inf

    def _drift_to(self, drift: Drift, herald: int) -> None:
        """The laboratory as it is at a herald."""
        step = drift.step_of(herald)
        if step == self._drifted:
            return
        self._drifted, now = step, drift.at(step)
        self.round.ion.drift(now.frequency_hz, now.qubit_amplitude)
        self.round.drift(now.herald_phase)
        self.beams.cooling_drift = now.cooling_power
        self._light_changed()

    def _measure_round(self, start: int, stop: int, lit: int) -> bool:
        """The readout of a round: Bob's outcome by his marginal, Alice's conditional on his."""
        state = self.round
        programme = self.beams.programme(state.herald_mu, start, self.lock.is_unlocked(start))
        leaked = self.station.leak(start, stop, lit, self.beams.cooling_power)
        uniform = self.random[state.herald]
        if self.node == BOB:
            self.signals.publish()
            bright = uniform[0] < state.probability(programme, UNMEASURED)
            if self._answers_zero():
                bright = False
            self.partner.tell(state.herald, state.outcome(programme, bright, leaked))
        else:
            theirs = self.partner.outcome(state.herald)
            bright = uniform[0] < state.probability(programme, theirs)
            if theirs is not UNMEASURED:
                self.station.count(bright, theirs, leaked, uniform[1])
        state.open = False
        self.ion.project(start, bright)
        if not bright:
            self.rested_from = math.inf
        return bright

    def _answers_zero(self) -> bool:
        """Whether Bob's device is one that answers 0 to the key setting, which it knows from the round type."""
        is_key = self.signals.announced not in (None, TEST_LINE)
        return is_key and self.faults.since("device answers 0 to setting 2", self.round.herald) is not None

    def write_truth(self) -> None:
        """Heralds and, on Alice's side, the station's histogram so far go to the laboratory's folder."""
        if self.round.heralds_seen > self._heralds_told:
            new = self.round.heralds_seen - self._heralds_told
            self.laboratory.add_truth(self.node, new, self.station.take())
            self._heralds_told = self.round.heralds_seen

    def close(self) -> None:
        self.write_truth()
        self.partner.close()
