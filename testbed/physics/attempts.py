"""The attempt loop as physics: from what the kernel configured to heralds.

A herald needs both photons in the gates of the right APDs, so timings, patterns, the ion, its place and the partner
decide. The public stream says how many good attempts it takes; windows that cannot give a herald (no ion, link cut,
partner not there) use none of them up.

What a laboratory does to a node is decided by the number of the herald that it sets out for, so that Alice can promise
the partner her coming: in her first window towards a herald nothing can keep her away any more, and if no fault begins
on the way, nothing keeps her away from the heralds after it until her kernel asks its host again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from contract.nodes import ALICE
from contract.patterns import PATTERNS
from testbed.drivers.entangler import (
    TIMED_OUT,
    gate_apd0,
    sequencer_422ps_trigger,
    sequencer_422sigma,
    sequencer_1092,
)
from testbed.physics import truth
from testbed.physics.heralds import last_of_chunk
from testbed.physics.optics import coupling, gate_fraction

if TYPE_CHECKING:
    from testbed.drivers.entangler import Entangler
    from testbed.physics.faults import Faults
    from testbed.physics.laboratory import Laboratory
    from testbed.physics.optics import Electrodes
    from testbed.physics.photon_counts import PhotonCounts
    from testbed.physics.trapped_ions import TrappedIons
    from testbed.physics.truth import NodeTruth

MIN_FACTOR = 0.5
GOOD_GATE = 0.95
COMPLETE_PUMPING_NS = 250
PLACES = 8  # of a moving ion during a window
UNUSUAL = -1  # no duration
PROMISED_ATTEMPTS = 50_000  # a herald that takes more is not promised: a kernel might lose its patience


class AttemptSite(Protocol):
    """What the attempt loop needs of its node."""

    node: str
    laboratory: Laboratory
    partner: Any
    faults: Faults
    truth: NodeTruth
    electrodes: Electrodes
    trap: TrappedIons
    counts: PhotonCounts
    rested_from: float

    def approach(self, herald: int) -> None: ...

    def can_attempt(self, start: int) -> bool: ...

    def begin_round(self, herald: int, pattern: int, time: int, genuine: bool) -> None: ...

    def light_at_the_station(self, start: int, stop: int) -> float: ...


class AttemptLoop:
    """Counts attempts towards the next herald of the public stream."""

    def __init__(self, site: AttemptSite, entangler: Entangler):
        self.site = site
        self.entangler = entangler
        self.partner = site.partner
        self.stream = site.laboratory.heralds()
        self.herald = 0
        self.together = True  # the kernel may have asked its host since the last herald
        self._ahead = site.laboratory.run_ahead if site.node == ALICE else 0
        self._promised = True
        self._likely = 0  # last herald of the stream that does not take too many attempts, nor any before it
        self.remaining = 0
        self.pattern = 0
        self.cycles = 0
        self.remaining_mu = 0
        self.counter_patterns: dict[int, set[int]] = {}
        self._clicks = [0, 0, 0, 0]
        self._last_pattern = 0
        self._reasons: dict[int, int] = {}
        self._ready, self._cycle = False, 0
        self._usual = UNUSUAL  # duration of windows that differ in nothing from the last one
        self._late = 0
        self._stuck: int | None = None
        self._edges: list[tuple[int, int]] = []  # of the gates, in a cycle with a reference edge
        self._held: list[tuple[int, int]] = []  # of the gates since the last reference edge
        self._pulsed = False

    def agree_anew(self) -> None:
        """A kernel starts or has ended: which herald comes next, both nodes' next windows decide."""
        self.herald, self.together, self._usual = 0, True, UNUSUAL

    def run(self, start: int, duration: int) -> tuple[int, int]:
        """One window; returns (end of its last cycle, reason)."""
        entangler = self.entangler
        is_usual = duration == self._usual and start > self.site.rested_from and not entangler.changed
        if is_usual and self.remaining > self.cycles:
            self.remaining -= self.cycles
            return start + duration, TIMED_OUT
        self._usual = UNUSUAL
        if entangler.changed:
            self._configure()
        cycle = self._cycle
        self.cycles = capacity = duration // cycle if cycle else 0
        self.remaining_mu = self._last_pattern = 0
        end = start + duration
        if not self._ready:
            if entangler.standalone:
                self._count_alone(start, capacity)
            return end, TIMED_OUT
        site = self.site
        if not (start > site.rested_from or site.can_attempt(start)):
            return end, TIMED_OUT
        if self.herald == 0:
            self._next(self.partner.first())
        if self._late:
            self._late -= 1
            return end, TIMED_OUT
        if self.remaining > capacity:
            if not self._promised:
                self._promise()
            self.remaining -= capacity
            self._usual = duration if self._promised else UNUSUAL
            return end, TIMED_OUT
        met = self.partner.meet(self.herald, self.together)
        if met != self.herald:
            if met:
                self._next(met)
            return end, TIMED_OUT
        return self._success(start, duration, cycle)

    def _promise(self) -> None:
        """Tell the partner which heralds he need not wait for."""
        herald, stream = self.herald, self.stream
        if self.remaining > PROMISED_ATTEMPTS:
            return
        self._promised = True
        last = min(herald + self._ahead - 1, last_of_chunk(herald))
        likely = max(self._likely, herald)
        while likely < last and stream[likely + 1][0] <= PROMISED_ATTEMPTS:
            likely += 1
        self._likely = likely
        self.partner.promise(herald, self.site.faults.harmless_until(herald, min(likely, last)))

    def _success(self, start: int, duration: int, cycle: int) -> tuple[int, int]:
        used, pattern, herald = self.remaining, self.pattern, self.herald
        stuck = self._stuck
        self._next(herald + 1)
        self.together = False
        reason = self._reasons.get(pattern, 0)
        if reason == 0:
            return start + duration, TIMED_OUT
        self.cycles, self._last_pattern = used, pattern
        self.remaining_mu = duration - used * cycle
        end = start + used * cycle
        self.site.begin_round(herald, pattern, end, genuine=stuck is None)
        return end, reason

    def _next(self, herald: int) -> None:
        """Set out for a herald of the stream."""
        self.herald, self._promised, self._usual = herald, self._ahead == 0, UNUSUAL
        self.remaining, self.pattern = self.stream[herald]
        faults = self.site.faults
        late = faults.at("partner late", herald, anywhere=True)
        dead = faults.since("link dead", herald, anywhere=True)
        self._late = int(late.value or 3) if late else 0
        if dead and (dead.value is None or dead.round == herald):
            self._late = 1 << 62 if dead.value is None else int(dead.value)
        stuck = faults.since("stuck apd", herald, anywhere=True)
        self._stuck = None
        if stuck:
            self._stuck = int(stuck.value or 0)
            with_it = [p for p in PATTERNS if p >> self._stuck & 1]
            self.pattern = with_it[self.remaining % len(with_it)]
            self.remaining = 1 + int(self.remaining * self.stream.success_per_attempt / truth.STUCK_APD_PER_ATTEMPT)
        self.site.approach(herald)

    def _configure(self) -> None:
        """What the configuration is worth: whether heralds can happen, and which reason each pattern gives."""
        entangler = self.entangler
        if not entangler.enabled:
            raise RuntimeError("entangler.run with enable=False: on hardware this never returns; call set_config(True)")
        entangler.changed = False
        self._reasons = {}
        for index, pattern in enumerate(entangler.heralds):
            self._reasons[pattern] = self._reasons.get(pattern, 0) | 1 << index
        self._cycle = cycle = entangler.cycle_mu

        def length(channel: int) -> int:
            start, stop = entangler.timings.get(channel, (0, 0))
            return min(stop if stop >= start else cycle, cycle) - start

        pumped = min(length(sequencer_422sigma), length(sequencer_1092)) >= COMPLETE_PUMPING_NS
        self._pulsed = excited = length(sequencer_422ps_trigger) >= truth.MIN_EXCITATION_NS
        edge = entangler.timings.get(sequencer_422ps_trigger, (0, 0))[0]
        timings = (entangler.timings.get(gate_apd0 + apd, (0, 0)) for apd in range(4))
        self._edges = [(edge + start, edge + stop) for start, stop in timings]
        gates = [gate_fraction(*entangler.timings.get(gate_apd0 + apd, (0, 0))) for apd in range(4)]
        self._gates = gates if pumped and excited else [0.0] * 4
        seen = cycle and pumped and excited and all(gate >= GOOD_GATE for gate in gates) and self._reasons
        self._ready = bool(seen and not entangler.standalone)
        self._clicks = [0, 0, 0, 0]

    def _count_alone(self, start: int, attempts: int) -> None:
        """Clicks of the four APDs from this node's ion alone: calibrations of gates, place, isolation and leak.

        A gate stays where the last reference edge has put it, so that cycles without a pulse count other light."""
        if not self._pulsed:
            self._count_light(start, attempts)
            return
        self._held = self._edges
        site, electrodes = self.site, self.site.electrodes
        electrodes.forget(start)
        factor = 0.0
        if site.trap.number:
            step = attempts * self.entangler.cycle_mu / PLACES
            places = [electrodes.displacement(start + int((i + 0.5) * step)) for i in range(PLACES)]
            factor = sum(coupling(place, site.truth.isolation) for place in places) / PLACES * site.trap.number
        mean = attempts * factor * truth.STATION_EFFICIENCY / 4
        self._clicks = [site.counts.number(mean * gate) for gate in self._gates]

    def _count_light(self, start: int, cycles: int) -> None:
        """Clicks under whatever light is on, at most one per APD and cycle."""
        length = self.entangler.cycle_mu
        if not (self._held and cycles):
            return
        mean = self.site.light_at_the_station(start, start + cycles * length) / 4 / cycles
        shares = [max(0, min(stop, length) - opened) / length for opened, stop in self._held]
        self._clicks = [self.site.counts.successes(cycles, -math.expm1(-mean * share)) for share in shares]

    def input_count(self, apd: int) -> int:
        if self._last_pattern:
            return self._last_pattern >> apd & 1
        return self._clicks[apd]

    def pattern_count(self, index: int) -> int:
        return int(self._last_pattern in self.counter_patterns.get(index, ()))

    def timestamp(self, index: int) -> int:
        start, stop = self.entangler.timings.get(sequencer_422ps_trigger, (0, 0))
        return start if index == 4 else min(stop, start) + int(truth.PHOTON_DELAY_NS + truth.PHOTON_LIFETIME_NS)
