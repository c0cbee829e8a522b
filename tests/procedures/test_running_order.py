"""The whole running order on a node where everything is wrong at first: in the end all of it is right."""

import pytest

from postprocess.calibration.running_order import RUNNING_ORDER, page
from testbed.physics import truth

WRONG = {  # every setting that a step writes
    "qubit.mapping.frequency": 200.06e6,
    "qubit.mapping.pi_time": 4.2e-6,
    "qubit.shelving.frequency": 225.14e6,
    "qubit.shelving.pi_time": 5.8e-6,
    "qubit.analysis.frequency": 213.95e6,
    "qubit.analysis.pi_time": 5.1e-6,
    "readout.threshold": 12,
    "attempts.gate": [15e-9, 90e-9],
}


def test_every_setting_that_is_written_is_wrong_at_first():
    written = {step.writes for step in RUNNING_ORDER if step.writes and not step.needs_peer}
    assert written == set(WRONG), "WRONG in tests/procedures/test_running_order.py: what a step writes, and a bad value"


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_from_all_wrong_to_all_right(calibrate, node):
    alone = [step for step in RUNNING_ORDER if not step.needs_peer]
    for number, step in enumerate(alone):
        wrong = WRONG if number == 0 else None
        made = calibrate(node, f"{step.experiment}.py", wrong=wrong, seed=number, **step.arguments(alone=True)).run()
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
    rows = {row.step.key: row for row in page(made.home.parent, [node])[node]}
    assert {key for key, row in rows.items() if row.state != "good"} == {"calibrate_herald_phase"} & set(rows)
    assert " +- " in rows["ramsey mapping"].result and rows["calibrate_deshelving"].result.startswith(
        "deshelving time constant"
    )
    assert made.written["qubit.mapping.frequency"]["error"] < 60
