"""Every calibration finds what is true of the emulated apparatus, from a deliberately wrong start, on both nodes."""

import math
import re

import h5py
import numpy as np
import pytest
from calibrating import FIT, HISTOGRAM, SCAN, scan

from contract.nodes import NODES
from postprocess.calibration.curve_fit import FitFailed
from testbed.physics import truth

LINES = ("mapping", "analysis", "shelving")
SIGMAS = 4.0


def numbers(text):
    """(value, standard error) of every "a +- b" in a line."""
    return [(float(a), float(b)) for a, b in re.findall(r"(-?[\d.]+) \+- ([\d.]+)", text)]


def agree(found, true):
    value, error = found
    return error > 0 and abs(value - true) < SIGMAS * error


def assert_fitted(made, *expected):
    """Usability case 14: the fit as numbers with units, errors and goodness, one row per fit."""
    with h5py.File(made.worker.file) as file:
        names, units, values, errors, chi_square, degrees, p_value = (
            file["datasets"][f"{FIT}{name}"][()]
            for name in ("names", "units", "values", "errors", "chi_square", "degrees", "p_value")
        )
    names, units = names.decode().split(", "), units.decode().split(", ")
    assert values.shape == errors.shape == (len(values), len(names)) and len(units) == len(names)
    assert np.all(errors > 0) and np.all(degrees > 0) and np.all(chi_square > 0) and np.all(p_value > 1e-5)
    for name, unit, true in expected:
        column = names.index(name)
        assert units[column] == unit
        assert np.all(np.abs(values[:, column] - true) < SIGMAS * errors[:, column]), name


def assert_written(made, name, old, true, error):
    """The value went to the file within its error, with what measured it, and the line says what it replaced."""
    entry = made.written[name]
    assert abs(entry["value"] - true) < SIGMAS * error
    assert entry["by"] == type(made.experiment).__name__ and entry["rid"] == made.worker.scheduler.rid
    assert entry["error"] == pytest.approx(error, rel=0.1) and entry["revision"]
    assert 0.2 < entry["goodness"]["reduced_chi_square"] < 3 and entry["goodness"]["p_value"] > 1e-5
    (before,) = entry["history"]
    assert before["value"] == old and before["by"] == "a mistake"
    assert made.dataset(f"diqkd.calibrated.{name}") == entry["value"]
    assert made.dataset(f"diqkd.calibrated.{name}_error") == entry["error"]
    shown = made.worker.datasets.get_metadata(f"diqkd.calibrated.{name}")
    assert (shown["unit"], shown["scale"]) == (("MHz", 1e6) if name.endswith("frequency") else ("us", 1e-6))
    assert f"wrote {name}: {old} -> {entry['value']}" in made.result


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("line", LINES)
def test_frequency(calibrate, node, line):
    name, wrong = f"qubit.{line}.frequency", truth.RESONANCES[line] + 70e3
    made = calibrate(node, "calibrate_frequency.py", wrong={name: wrong}, line=line).run()
    (found,) = numbers(made.result)
    assert agree(found, truth.RESONANCES[line] / 1e6) and found[1] < 2e-3
    assert_written(made, name, wrong, truth.RESONANCES[line], 1e6 * found[1])
    assert_fitted(made, ("centre", "Hz", truth.RESONANCES[line]))


def test_a_weak_pulse_narrows_the_line(calibrate):
    wrong = {"qubit.mapping.frequency": 200.004e6}
    made = calibrate("bob", "calibrate_frequency.py", wrong=wrong, detuning=scan(-30e3, 30e3, 41), amplitude=0.1).run()
    (found,) = numbers(made.result)
    assert agree(found, 200.0) and found[1] < 2e-4


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("line", LINES)
def test_pi_time(calibrate, node, line):
    name, true = f"qubit.{line}.pi_time", truth.PI_TIMES_NS[line] * 1e-9
    made = calibrate(node, "calibrate_pi_time.py", wrong={name: 0.8 * true}, line=line).run()
    (found,) = numbers(made.result)
    assert agree(found, 1e6 * true) and found[1] < 0.05
    assert_fitted(made, ("pi_time", "s", true))
    assert_written(made, name, 0.8 * true, true, 1e-6 * found[1])


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("offset", [-400.0, 300.0])
def test_ramsey(calibrate, node, offset):
    """Table S3: the optical qubit's coherence; the sign of the offset shows."""
    name, wrong = "qubit.analysis.frequency", truth.RESONANCES["analysis"] + offset
    made = calibrate(node, "ramsey.py", wrong={name: wrong}).run()
    frequency, coherence = numbers(made.result)
    assert agree(frequency, truth.RESONANCES["analysis"] / 1e6) and frequency[1] < 10e-6
    assert agree(coherence, 1e3 * truth.NODE_TRUTHS[node].optical_coherence_s)
    assert_fitted(made, ("coherence_s", "s", truth.NODE_TRUTHS[node].optical_coherence_s))
    assert_written(made, name, wrong, truth.RESONANCES["analysis"], 1e6 * frequency[1])


@pytest.mark.parametrize("node", NODES)
def test_ramsey_on_the_mapping_line(calibrate, node):
    made = calibrate(node, "ramsey.py", line="mapping", wait=scan(10e-6, 2.01e-3, 81), beat=4e3).run()
    assert agree(numbers(made.result)[1], 1e3 * truth.NODE_TRUTHS[node].mapping_coherence_s)


@pytest.mark.parametrize("node", NODES)
def test_deshelving(calibrate, node):
    """Figure S5 right."""
    made = calibrate(node, "calibrate_deshelving.py").run()
    (found,) = numbers(made.result)
    assert agree(found, 1e6 * truth.NODE_TRUTHS[node].deshelving_s)
    assert_fitted(made, ("time_constant", "s", truth.NODE_TRUTHS[node].deshelving_s))
    assert made.written == {}


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("wrong", [2, 15])
def test_readout(calibrate, node, wrong):
    made = calibrate(node, "calibrate_readout.py", wrong={"readout.threshold": wrong}).run()
    gate = truth.READOUT_REFERENCE_S
    dark, bright = truth.DARK_RATE * gate, (truth.BRIGHT_RATE + truth.DARK_RATE) * gate
    crossing = (bright - dark) / math.log(bright / dark)
    assert agree(numbers(made.result)[0], crossing)
    assert_fitted(
        made, ("crossing", "counts", crossing), ("mean_dark", "counts", dark), ("mean_bright", "counts", bright)
    )
    assert made.written["readout.threshold"]["value"] == math.floor(crossing)
    assert made.dataset(HISTOGRAM + "threshold") == math.floor(crossing)
    for name, mean in (("dark", dark), ("bright", bright)):
        histogram = made.dataset(HISTOGRAM + name)
        assert histogram.dtype == np.int64 and histogram.sum() == 2000
        assert (histogram * np.arange(len(histogram))).sum() / 2000 == pytest.approx(
            mean, abs=5 * math.sqrt(mean / 2000)
        )


@pytest.mark.parametrize("node", NODES)
def test_apd_gates(calibrate, node):
    wrong = {"attempts.gate": [20e-9, 90e-9]}
    made = calibrate(node, "calibrate_apd_gates.py", wrong=wrong, take_turns=False).run()
    arrivals = re.search(r"arrive (.*) ns", made.result).group(1)
    assert len(numbers(arrivals)) == 4
    assert all(agree(found, truth.PHOTON_DELAY_NS) for found in numbers(arrivals))
    assert_fitted(made, ("arrival", "s", 1e-9 * truth.PHOTON_DELAY_NS))
    start, stop = made.written["attempts.gate"]["value"]
    assert 8e-9 <= start <= truth.PHOTON_DELAY_NS * 1e-9
    assert stop == pytest.approx((truth.PHOTON_DELAY_NS + 7 * truth.PHOTON_LIFETIME_NS) * 1e-9, abs=8e-9)


@pytest.mark.parametrize("node", NODES)
def test_isolation(calibrate, node):
    """Figure S5 left, and the coupling behind table S5; the delay to 1 % follows from electrodes and focus."""
    made = calibrate(node, "calibrate_shuttle.py", take_turns=False).run()
    moved = truth.FOCUS_WAIST_UM * math.sqrt(math.log(100) / 2)
    cut = -truth.ELECTRODE_TIME_CONSTANT_NS / 1000 * math.log(1 - moved / truth.MICROMETRES_PER_VOLT)
    assert agree(numbers(made.result)[0], cut)
    assert_fitted(made, ("cut", "s", 1e-6 * cut))
    coupling, limit = map(float, re.search(r"link cut ([\d.e-]+), below ([\d.e-]+)", made.result).groups())
    assert made.dataset("diqkd.calibration.coupling") == pytest.approx(coupling, rel=0.1)
    assert made.dataset("diqkd.calibration.coupling_limit") == pytest.approx(limit, rel=0.1)
    assert limit < 1e-4
    assert limit > truth.NODE_TRUTHS[node].isolation or coupling < limit
    assert coupling == pytest.approx(truth.NODE_TRUTHS[node].isolation, abs=limit - coupling + 1e-5)


def test_a_link_that_is_not_cut_fails_and_says_so(calibrate):
    wrong = {"shuttle.disconnected": [0.5, 0.5, 0.5, 0.5]}
    made = calibrate("bob", "calibrate_shuttle.py", wrong=wrong, take_turns=False, windows=500)
    made.worker.prepare()
    with pytest.raises(FitFailed, match=r"isolation of the link: .* move the ion further"):
        made.worker.run()


def test_without_the_operators_wish_nothing_is_written(calibrate):
    wrong = {"qubit.mapping.pi_time": 4e-6}
    made = calibrate("alice", "calibrate_pi_time.py", wrong=wrong, write=False).run()
    assert numbers(made.result) and "wrote" not in made.result
    assert made.settings.qubit.mapping.pi_time == 4e-6


def test_a_fit_that_failed_writes_nothing_and_leaves_its_data(calibrate):
    wrong = {"qubit.mapping.frequency": 201.5e6}
    made = calibrate("alice", "calibrate_frequency.py", wrong=wrong, detuning=scan(-25e3, 25e3, 41))
    made.worker.prepare()
    with pytest.raises(FitFailed, match="line frequency"):
        made.worker.run()
    assert made.settings.qubit.mapping.frequency == 201.5e6
    assert made.result == ""
    with h5py.File(made.worker.file) as file:
        assert len(file["datasets"][SCAN + "y"]) == 41
        assert len(file["datasets"][SCAN + "fit_x"]) == 0


def test_what_applets_see(calibrate):
    made = calibrate("bob", "calibrate_pi_time.py", duration=scan(0.0, 20e-6, 21), shots=50).run()
    assert made.dataset(SCAN + "title") == "Rabi flops of the mapping line (bob)"
    assert (made.dataset(SCAN + "x_label"), made.dataset(SCAN + "y_label")) == (
        "Pulse length (us)",
        "Transfer probability",
    )
    x, y, low, high = (np.array(made.dataset(SCAN + name)) for name in ("x", "y", "y_low", "y_high"))
    assert np.sort(x) == pytest.approx(np.linspace(0, 20, 21), abs=1e-3) and (np.diff(x) < 0).any()
    assert ((low <= y) & (y <= high) & (low < high) & (low >= 0) & (high <= 1)).all()
    fit_x, fit_y = made.dataset(SCAN + "fit_x"), made.dataset(SCAN + "fit_y")
    assert fit_x.shape == fit_y.shape and (fit_x[0], fit_x[-1]) == pytest.approx((0, 20))
    assert np.interp(x, fit_x, fit_y) == pytest.approx(y, abs=0.35)
    assert made.dataset("diqkd.calibration.status") == ""
    assert made.dataset("diqkd.calibration.apparatus") == "emulated"
