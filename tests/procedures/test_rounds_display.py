"""What results file and dashboard say of the rounds: all of them, whichever run measured them."""

import json
import math

import numpy as np
import pytest

from contract.patterns import PATTERNS
from postprocess.acquisition.acquisition_progress import ProgressMeter
from postprocess.results.dataset_catalogue import entry_of
from procedures.rounds_display import RoundsDisplay
from tests.characterisation.joint_cases import measure, plan, stores

PLANS = (plan(session_id="m.1"), plan(session_id="m.2", rounds=600))
TOTAL = 1600


class Datasets:
    """Takes what is published, as the base of experiments does."""

    node_name = "bob"

    def __init__(self):
        self.values = {}

    def publish(self, name, value, unit="", broadcast=True):
        entry_of("diqkd." + name)
        self.values["diqkd." + name] = list(value) if isinstance(value, list) else value

    def append_to_dataset(self, name, value):
        self.values[name].append(value)

    def __getitem__(self, name):
        return self.values[f"diqkd.rounds.{name}"]


@pytest.fixture
def parts(tmp_path):
    """Both nodes' stores of two parts, nothing measured."""
    return [stores(tmp_path / chosen.session_id, chosen) for chosen in PLANS]


def show_part(shown, pair, blocks=()):
    """What an experiment does with one part's rounds in one run; measures `blocks` of them."""
    bob = pair[1]
    meter = ProgressMeter(bob, clock=lambda: 0.0)
    shown.begin_part(bob.parameters, meter.report(), meter.rates_hz)
    for block in blocks:
        meter.start()
        before = bob.decided
        measure(*pair, block)
        meter._patterns += np.bincount(bob.patterns(before, bob.decided), minlength=16)
        meter.rates_hz.append(1e9)
        shown.block_done(meter.report())
    if bob.complete:
        shown.end_part(meter.report())


def begun(datasets):
    shown = RoundsDisplay(datasets, PLANS, "m")
    shown.begin("looking for the peer")
    return shown


def assert_complete(datasets, parts):
    assert (datasets["session"], datasets["total"], datasets["done"], datasets["lost"]) == ("m", TOTAL, TOTAL, 0)
    patterns = np.concatenate([bob.patterns(0, bob.decided) for _, bob in parts])
    assert datasets["pattern_counts"] == [int((patterns == pattern).sum()) for pattern in PATTERNS]
    assert sum(datasets["pattern_counts"]) == TOTAL
    assert len(datasets["herald_rate_hz"]) == 3 + 2, "every block of 400 rounds, once"
    assert datasets["remaining_s"] == 0.0
    assert [each["session_id"] for each in json.loads(datasets["plans"])] == ["m.1", "m.2"]


def test_one_run_adds_its_parts_up(parts):
    datasets = Datasets()
    shown = begun(datasets)
    assert (datasets["done"], datasets["status"]) == (0, "looking for the peer")
    show_part(shown, parts[0], range(3))
    assert datasets["done"] == 1000 and not shown.complete and math.isnan(datasets["remaining_s"])
    show_part(shown, parts[1], range(2))
    assert shown.complete and datasets["status"] == "measuring"
    assert_complete(datasets, parts)


@pytest.mark.parametrize("first_run", [(3, 2), (3, 1), (2, 0)], ids=["finished", "second part", "first part"])
def test_a_repeated_or_resumed_run_describes_all_rounds(parts, first_run):
    """Usability case 12."""
    for pair, count in zip(parts, first_run, strict=True):
        for block in range(count):
            measure(*pair, block)
    datasets = Datasets()
    shown = begun(datasets)
    for pair, count, blocks in zip(parts, first_run, (3, 2), strict=True):
        before = sum(bob.decided for _, bob in parts)
        show_part(shown, pair, range(count, blocks))
        assert datasets["done"] >= min(before, datasets["done"])
    assert_complete(datasets, parts)


def test_an_interrupted_run_says_how_far_all_runs_are(parts):
    for block in range(2):
        measure(*parts[0], block)
    datasets = Datasets()
    show_part(begun(datasets), parts[0])
    assert (datasets["done"], len(datasets["herald_rate_hz"])) == (800, 2)
    assert sum(datasets["pattern_counts"]) == 800 and datasets["status"] == "looking for the peer"
