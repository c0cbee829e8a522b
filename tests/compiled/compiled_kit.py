"""Kernels as ARTIQ compiles them, in tests: a node of its own, and what its boards put out."""

import os
import sys
from pathlib import Path

import pytest

from testbed.boards.ttl import LEVEL, SENSITIVITY

sys.path.insert(0, str(Path(__file__).parents[1] / "node"))
import emulated

REASON = "ARTIQ is not installed here: no kernel ran as its compiler makes it"


def is_real_artiq():
    """Whether `artiq` is ARTIQ and not the stand-in."""
    from testbed import standin

    return not standin.install()


def tools_on_path(monkeypatch):
    """The linker may stand beside Python."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


class Table:
    """A device database."""

    def __init__(self, table):
        self.table = table

    def get_device_db(self):
        return self.table

    def get(self, name, resolve_alias=False):
        return self.table[name]

    def get_satellite_cpu_target(self, destination):
        return "rv32g"


class Recorded(list):
    """A list of tones that remembers what was taken out of it."""

    def __init__(self, tones):
        super().__init__(tones)
        self.all = list(tones)

    def append(self, tone):
        self.all.append(tone)
        super().append(tone)


class WatchedNode:
    """A node on one of the two emulations, and everything its boards put out."""

    def __init__(self, name, folder, monkeypatch, apparatus, seed=7, **nature):
        folder.mkdir(exist_ok=True)
        tools_on_path(monkeypatch)
        self.rig = emulated.rig(name, folder, monkeypatch, seed=seed, apparatus=apparatus, **nature)
        self.table = self.rig.worker.devices.get_device_db()
        self.tones = {name: Recorded(dds.tones) for name, dds in self.rig.physics.beams.dds.items()}
        for name, dds in self.rig.physics.beams.dds.items():
            dds.tones = self.tones[name]
        self.loads = []
        dac = self.rig.physics.dmgr.get("zotino0")
        heard = dac.listener
        dac.listener = lambda time, registers: (self.loads.append((time, tuple(registers))), heard(time, registers))

    def measure(self, *blocks):
        """Measure blocks of settings; returns (leave code, host)."""
        core, self.walls = self.rig.core, []
        if hasattr(core, "rtio"):
            core.rtio.log = []
            return self.rig.measure(*blocks)
        start_log = core.start_log

        def with_walls():
            log = start_log()
            add = log.add

            def note(time, device, action, value=None):
                add(time, device, action, value)
                if action == "set":
                    self.walls.append(((time, device, value), core.wall))

            log.add = note
            return log

        core.start_log = with_walls
        return self.rig.measure(*blocks, log=True)

    def of_class(self, *classes):
        """Channel -> name of devices of some classes."""
        return {
            entry["arguments"]["channel"]: name
            for name, entry in self.table.items()
            if isinstance(entry, dict) and entry.get("class") in classes
        }

    def all_tones(self):
        """{(time, name, frequency, amplitude, phase at that time)} of all DDSs."""
        return {
            (tone.since, name, tone.ftw, round(tone.amplitude, 12), tone.phase_at(tone.since))
            for name, tones in self.tones.items()
            for tone in tones.all
        }

    def edges(self):
        """{(time, name, level, how early the CPU was)} of all logic outputs but those inside a Urukul or the DAC."""
        names = self.of_class("TTLOut", "TTLInOut")
        inside = ("io_update", "_ldac", "_clr")
        if hasattr(self.rig.core, "rtio"):
            found = {(t, names[c], d, t - w) for t, w, c, a, d in self.rig.core.rtio.log if c in names and a == LEVEL}
        else:
            found = {(*edge, edge[0] - wall) for edge, wall in self.walls}
        return {edge for edge in found if not edge[1].endswith(inside)}

    def gates(self):
        """{(time, name, length)} of all counting gates and gated inputs."""
        if not hasattr(self.rig.core, "rtio"):
            return {(e.time_mu, e.device, e.value) for e in self.rig.log.events if e.action == "gate"}
        counters, inputs = self.of_class("EdgeCounter"), self.of_class("TTLInOut")
        opened, found = {}, set()
        for time, _, channel, address, data in self.rig.core.rtio.log:
            if channel in counters or (channel in inputs and address == SENSITIVITY):
                if data & 3:
                    opened[channel] = time
                elif channel in opened:
                    start = opened.pop(channel)
                    found.add((start, (counters | inputs)[channel], time - start))
        return found


needs_artiq = pytest.mark.skipif(not is_real_artiq(), reason=REASON)


def measured_on(table, name, *blocks, seed=7):
    """The host after blocks on a device table of its own."""
    from artiq.master.worker_db import DeviceManager

    from procedures.node_experiment import node_class
    from testbed.physics import laboratory

    laboratory.use(laboratory.Laboratory(seed, ()))
    devices = DeviceManager(Table(table))
    try:
        node = node_class(name)((devices, None, None, {}))
        host = emulated.Host(*blocks)
        node.blocks.allocate(host.block_rounds)
        node.blocks.host = host
        assert node.blocks.measure() == 0
        return host
    finally:
        devices.close_devices()
