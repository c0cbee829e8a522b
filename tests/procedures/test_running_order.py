"""The whole running order on a node where everything is wrong at first: in the end all of it is right."""

import pytest

from testbed.physics import truth

WRONG = {
    "qubit.mapping.frequency": 200.06e6,
    "qubit.mapping.pi_time": 4.2e-6,
    "qubit.shelving.frequency": 225.14e6,
    "qubit.shelving.pi_time": 5.8e-6,
    "qubit.analysis.frequency": 213.95e6,
    "qubit.analysis.pi_time": 5.1e-6,
    "readout.threshold": 12,
    "attempts.gate": [15e-9, 90e-9],
}
FREQUENCY, PI_TIME = "calibrate_frequency.py", "calibrate_pi_time.py"
NARROW = {"span": 40e3, "amplitude": 0.1}
ORDER = (
    ("check_random_source.py", {}),
    (FREQUENCY, {"line": "mapping"}),
    (PI_TIME, {"line": "mapping"}),
    (FREQUENCY, {"line": "shelving"}),
    (PI_TIME, {"line": "shelving"}),
    ("calibrate_readout.py", {}),
    (FREQUENCY, {"line": "analysis"}),
    (PI_TIME, {"line": "analysis"}),
    (FREQUENCY, {"line": "mapping"} | NARROW),
    (FREQUENCY, {"line": "shelving"} | NARROW),
    (FREQUENCY, {"line": "analysis"} | NARROW),
    ("ramsey.py", {"line": "mapping", "longest": 2e-3, "beat": 2e3}),
    ("ramsey.py", {"line": "analysis"}),
    ("calibrate_deshelving.py", {}),
    ("calibrate_apd_gates.py", {"take_turns": False}),
    ("calibrate_shuttle.py", {"take_turns": False, "windows": 500}),
)


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_from_all_wrong_to_all_right(calibrate, node):
    for number, (file, arguments) in enumerate(ORDER):
        made = calibrate(node, file, wrong=WRONG if number == 0 else None, seed=number, **arguments).run()
    settings = calibrate(node, "calibrate_readout.py").settings
    for line in ("mapping", "analysis", "shelving"):
        found = getattr(settings.qubit, line)
        within = 800.0 if line == "shelving" else 60.0  # a weak pulse; Ramsey fringes
        assert found.frequency == pytest.approx(truth.RESONANCES[line], abs=within)
        assert found.pi_time == pytest.approx(truth.PI_TIMES_NS[line] * 1e-9, rel=0.015)
    assert settings.readout.threshold == 6
    start, stop = settings.attempts.gate
    assert start <= truth.PHOTON_DELAY_NS * 1e-9
    assert stop >= (truth.PHOTON_DELAY_NS + 5 * truth.PHOTON_LIFETIME_NS) * 1e-9
    assert set(made.written) == set(WRONG)
