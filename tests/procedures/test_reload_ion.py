"""ReloadIon: one ion, neither none nor two, and both lines closed whatever happens."""

import json
import re

import pytest
from artiq.coredevice.exceptions import RTIOUnderflow

from contract.nodes import NODES
from node.settings import LoadingSettings
from procedures.loading_tries import EMPTY, ONE_ION, SEVERAL, LoadingTries
from procedures.node_calibration import CalibrationStopped
from testbed.physics import laboratory, truth

LINES = ("ttl_ablation", "ttl_photo_ionisation")


def lines_of(made):
    """{line: [(time, level)]} of what was put out since, as it happens."""
    seen = {name: [] for name in LINES}
    for name in LINES:
        line = made.core.line(made.worker.devices.get_device_db()[name]["arguments"]["channel"])

        def notes(time, level, name=name, heard=line.listener):
            seen[name].append((time, level))
            if heard is not None:
                heard(time, level)

        line.listener = notes
    return seen


def closed(edges):
    """Whether a line is low in the end."""
    return not edges or max(edges, key=lambda edge: edge[0])[1] == 0


@pytest.mark.parametrize("node", NODES)
def test_an_ion_that_is_there_is_left_alone(calibrate, node):
    made = calibrate(node, "reload_ion.py")
    seen = lines_of(made)
    made.run()
    assert made.result.startswith("one ion is there already") and "nothing was done" in made.result
    assert not any(level for edges in seen.values() for _, level in edges)


@pytest.mark.parametrize("node", NODES)
def test_a_lost_ion_is_reloaded(calibrate, node):
    made = calibrate(node, "reload_ion.py")
    trap = made.core.physics.trap
    trap.lose(1)
    seen = lines_of(made)
    made.run()
    assert trap.number == 1
    tries, pulses = (int(found) for found in re.search(r"after (\d+) tr.* \((\d+) in all\)", made.result).groups())
    assert trap.pulses == pulses == 3 * tries == sum(level for _, level in seen["ttl_ablation"])
    assert all(closed(edges) for edges in seen.values())
    logged = json.loads((made.home / "calibrations.json").read_text())["reload_ion"]
    assert logged["result"] == made.result


def test_two_ions_are_thrown_out(calibrate, monkeypatch):
    """Every pulse brings two at first."""
    monkeypatch.setattr(truth, "CAPTURE_PER_PULSE", 1.0)
    monkeypatch.setattr(truth, "CAPTURED_TWICE", 1.0)
    made = calibrate("bob", "reload_ion.py", pulses=1, replace=True)
    judge, numbers = LoadingTries.after_try, []

    def judged(tries, total):
        numbers.append(made.core.physics.trap.number)
        monkeypatch.setattr(truth, "CAPTURED_TWICE", 0.0)
        return judge(tries, total)

    monkeypatch.setattr(LoadingTries, "after_try", judged)
    made.run()
    assert numbers == [2, 1] and made.core.physics.trap.number == 1
    assert "2 tries of 1 pulses (2 in all), 1 x several ions" in made.result


@pytest.mark.parametrize("missing", ["photo-ionisation", "cooling"])
def test_no_ion_without_its_light_and_both_lines_are_closed(calibrate, monkeypatch, missing):
    monkeypatch.setattr(truth, "CAPTURE_PER_PULSE", 1.0)
    made = calibrate("alice", "reload_ion.py", tries=2)
    physics = made.core.physics
    physics.trap.lose(1)
    if missing == "cooling":
        monkeypatch.setattr(physics.beams, "lit", lambda start, stop: 0)
    else:
        made.experiment.reloading.ttl_photo_ionisation.on = lambda: None
    seen = lines_of(made)
    with pytest.raises(CalibrationStopped, match=r"no ion after 2 tries .* 2 x no ion: 0\.\d counts per gate .* check"):
        made.run()
    assert physics.trap.number == 0 and all(closed(edges) for edges in seen.values())
    assert not (made.home / "calibrations.json").exists()


@pytest.mark.parametrize("problem", [RTIOUnderflow("late"), KeyboardInterrupt(), RuntimeError("DAC")])
def test_both_lines_are_closed_when_a_kernel_breaks_off(calibrate, problem):
    """Inside the first try: pulses that were still to come load nothing."""
    made = calibrate("bob", "reload_ion.py", pulses=20)
    physics, reloading = made.core.physics, made.experiment.reloading
    physics.trap.lose(1)
    seen = lines_of(made)
    pulse, fired = reloading.ttl_ablation.pulse_mu, []

    def breaks(length):
        pulse(length)
        fired.append(length)
        if len(fired) == 2:
            raise problem

    reloading.ttl_ablation.pulse_mu = breaks
    if isinstance(problem, RTIOUnderflow):
        made.run()
        assert "1 x kernel late" in made.result and physics.trap.number == 1
    else:
        with pytest.raises(type(problem)):
            made.run()
        assert physics.trap.pulses < 2 == len(fired)
    # The shutter's falling edge was with the gateware before the first pulse.
    assert all(closed(edges) for edges in seen.values())
    assert any(level for _, level in seen["ttl_photo_ionisation"])


def test_gives_way_between_tries_alone(calibrate, monkeypatch):
    made = calibrate("bob", "reload_ion.py", tries=4)
    monkeypatch.setattr(truth, "CAPTURE_PER_PULSE", 0.0)
    made.core.physics.trap.lose(1)
    inside, asked = [], []
    load = made.experiment.reloading.load

    def loads(pulses):
        inside.append(True)
        try:
            return load(pulses)
        finally:
            inside.pop()

    made.experiment.reloading.load = loads
    scheduler = made.experiment.scheduler
    monkeypatch.setattr(scheduler, "check_pause", lambda: asked.append(len(inside)) or True)
    monkeypatch.setattr(scheduler, "pause", lambda: asked.append(len(inside)))
    with pytest.raises(CalibrationStopped):
        made.run()
    assert asked == [0] * 8


def test_another_process_goes_on_with_the_ion_that_was_loaded(calibrate, tmp_path):
    """Cases of a trap in a laboratory of two nodes: what one experiment loses, another reloads."""
    lab = laboratory.create(tmp_path / "laboratory", seed=8)
    first = calibrate("alice", "calibrate_readout.py", emulated=lab)
    trap = first.core.physics.trap
    assert trap.lose(17) and not trap.lose(17)
    second = calibrate("alice", "reload_ion.py", emulated=lab).run()
    assert second.result.startswith("one ion after")
    assert trap.number == 0
    first.experiment.node.recovery.ion_is_back(100)
    assert trap.number == 1 and not trap.lose(17) and trap.pulses == second.core.physics.trap.pulses > 0
    assert calibrate("bob", "reload_ion.py", emulated=lab).core.physics.trap.pulses == 0


def test_how_bright_one_ion_is():
    tries = LoadingTries(LoadingSettings(gates=10, one_ion=(12.0, 54.0)), 3)
    assert [tries.judge(10 * mean) for mean in (0, 11, 12, 54, 55)] == [EMPTY, EMPTY, ONE_ION, ONE_ION, SEVERAL]
    assert "no time" in tries.remedy()
    for total in (0, 0, 700):
        tries.after_try(total)
    assert "3 tries of 3 pulses (9 in all), 2 x no ion, 1 x several ions" in tries.words()
    assert "ablation" in tries.remedy()


@pytest.mark.parametrize("wrong", [{"one_ion": (54.0, 12.0)}, {"interval": 5e-6}, {"gates": 1}, {"expel": (11.0,) * 4}])
def test_limits_of_the_settings(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LoadingSettings(**wrong)
