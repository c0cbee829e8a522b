"""Every public dataset that an experiment may write: what it is, its unit, what its axes are.

A dataset that is not listed here cannot be published by procedures.described_datasets and is not copied to the kept
results, so nothing becomes public by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from contract.patterns import PATTERNS
from postprocess.errors import DiqkdError

PREFIX = "diqkd."
DESCRIPTION = "diqkd.description"

_PATTERN, _BLOCK, _WINDOW, _FIT = ("pattern",), ("block",), ("window",), ("fit",)
_ORDER = "patterns in the order " + ", ".join(f"{pattern:04b}" for pattern in PATTERNS)
_TIME = ("time",)
_LEAK = ("condition", "outcome")
_SCAN, _CURVE = ("point",), ("curve point",)


@dataclass(frozen=True)
class DatasetEntry:
    """What a dataset is.

    Attributes:
        about: one line.
        unit: of its numbers as they stand, "" for text and pure numbers.
        dimensions: name of each axis of an array, in order.
        shown: (unit, its value in `unit`s, decimals) in which a dashboard shows the numbers, where not in `unit`.
    """

    about: str
    unit: str = ""
    dimensions: tuple[str, ...] = ()
    shown: tuple[str, float, int] | None = None


_ROUNDS = {
    "node": DatasetEntry("node that wrote this file"),
    "plan": DatasetEntry("what both nodes agreed on, JSON; of the latest part where there are several"),
    "plans": DatasetEntry("what both nodes agreed on for every part of the measurement, JSON list"),
    "plan_digest": DatasetEntry("SHA-256 of the plan"),
    "revision": DatasetEntry("version of the software"),
    "session": DatasetEntry("name of the session or measurement"),
    "apparatus": DatasetEntry("where it was measured"),
    "insecure_because": DatasetEntry("why no key of these rounds may be trusted, empty if nothing is known"),
    "total": DatasetEntry("heralded rounds of the whole measurement"),
    "done": DatasetEntry("rounds decided so far, those of interrupted runs included"),
    "lost": DatasetEntry("rounds that count with outcome 0 after a fault or crash"),
    "remaining_s": DatasetEntry("estimated time to the end, NaN while unknown", "s"),
    "herald_rate_hz": DatasetEntry("heralds per second of machine time, every stored block", "Hz", _BLOCK),
    "pattern_counts": DatasetEntry(f"rounds per herald pattern, {_ORDER}", "", _PATTERN),
    "timeline_rounds": DatasetEntry("number of rounds at the times of the time line", "", _TIME),
    "timeline_s": DatasetEntry("machine time of the time line, pauses included", "s", _TIME),
    "pause_rounds": DatasetEntry("rounds that were over when both nodes agreed on a pause", "", ("pause",)),
    "pause_causes": DatasetEntry("who asked for each pause and what for, a line each"),
    "calibrations": DatasetEntry("how many settings were calibrated when the rounds began, the oldest, how many never"),
    "status": DatasetEntry("what the node does or waits for"),
}
_KEY = {
    "session": DatasetEntry("name of the session"),
    "apparatus": DatasetEntry("where it was measured"),
    "status": DatasetEntry("latest step of post-processing"),
    "accepted": DatasetEntry("whether there is a key"),
    "abort_reason": DatasetEntry("public reason why there is none, empty if there is one"),
    "bits": DatasetEntry("length of the key", "bit"),
    "rule": DatasetEntry("rule of key length"),
    "label": DatasetEntry("status of the proof of that rule"),
    "insecure_because": DatasetEntry("why the key must not be trusted, empty if nothing is known"),
}
_CHARACTERISATION = {
    "apparatus": DatasetEntry("where it was measured"),
    "window_rounds": DatasetEntry("rounds of a moving average"),
    "round": DatasetEntry("number of the last round of each window", "", _WINDOW),
    "score": DatasetEntry("CHSH score S, moving average", "", _WINDOW),
    "score_low": DatasetEntry("lower end of the 95 % band of S", "", _WINDOW),
    "score_high": DatasetEntry("upper end of the 95 % band of S", "", _WINDOW),
    "qber": DatasetEntry("quantum bit error rate Q, moving average", "", _WINDOW),
    "qber_low": DatasetEntry("lower end of the 95 % band of Q", "", _WINDOW),
    "qber_high": DatasetEntry("upper end of the 95 % band of Q", "", _WINDOW),
    "qber2": DatasetEntry("error rate Q_1 of the second key basis, moving average", "", _WINDOW),
    "qber2_low": DatasetEntry("lower end of the 95 % band of Q_1", "", _WINDOW),
    "qber2_high": DatasetEntry("upper end of the 95 % band of Q_1", "", _WINDOW),
    "total_score": DatasetEntry("CHSH score S over all rounds"),
    "total_score_error": DatasetEntry("standard error of S"),
    "total_qber": DatasetEntry("quantum bit error rate Q over all rounds"),
    "total_qber_error": DatasetEntry("standard error of Q"),
    "total_qber2": DatasetEntry("quantum bit error rate Q_1 of the second key basis over all rounds"),
    "total_qber2_error": DatasetEntry("standard error of Q_1"),
    "score_of_pattern": DatasetEntry(f"S per herald pattern, {_ORDER}", "", _PATTERN),
    "score_of_pattern_error": DatasetEntry("standard errors of S per herald pattern", "", _PATTERN),
    "qber_of_pattern": DatasetEntry(f"Q per herald pattern, {_ORDER}", "", _PATTERN),
    "qber_of_pattern_error": DatasetEntry("standard errors of Q per herald pattern", "", _PATTERN),
    "qber2_of_pattern": DatasetEntry(f"Q_1 per herald pattern, {_ORDER}", "", _PATTERN),
    "qber2_of_pattern_error": DatasetEntry("standard errors of Q_1 per herald pattern", "", _PATTERN),
    "probabilities": DatasetEntry(
        "P(A, B | X, Y) for (X, Y) = (0,0), (0,1), (1,0), (1,1), (0,2), with two key bases (1,3)",
        "",
        ("setting", "A", "B"),
    ),
    "counts": DatasetEntry(f"rounds without fault, {_ORDER}", "", ("pattern", "X", "Y", "A", "B")),
    "block_counts": DatasetEntry("rounds without fault per block", "", ("block", "X", "Y", "A", "B")),
}
_TOMOGRAPHY = {
    "bases": DatasetEntry("pairs of bases, Alice's first, in the order of the counts; ',' within, ' ' between"),
    "counts": DatasetEntry(
        f"rounds by outcomes ++, +-, -+, -- (Alice first, + is bright), {_ORDER}", "", ("pattern", "bases", "outcomes")
    ),
    "states_real": DatasetEntry(
        f"density matrices, real part, Alice's qubit first, {_ORDER}", "", ("pattern", "row", "column")
    ),
    "states_imag": DatasetEntry("density matrices, imaginary part", "", ("pattern", "row", "column")),
    "fractions": DatasetEntry(f"fully entangled fraction, {_ORDER}", "", _PATTERN),
    "fraction_errors": DatasetEntry("standard errors of the fractions, parametric bootstrap", "", _PATTERN),
    "analysis_phases": DatasetEntry("Bob's analysis phase with the largest S", "rad", _PATTERN),
    "key_errors": DatasetEntry("Q_0 and Q_1 that the states give in the two key bases", "", ("pattern", "basis")),
}
_HERALD_PHASE = {
    "phase": DatasetEntry(f"Bob's analysis phase, {_ORDER}", "rad", _PATTERN),
    "standard_error": DatasetEntry("standard errors of the phases", "rad", _PATTERN),
    "contrast": DatasetEntry("contrast of the correlations behind the phases", "", _PATTERN),
}
_CALIBRATION = {
    "apparatus": DatasetEntry("where it was measured"),
    "status": DatasetEntry("what the node waits for, empty while it measures"),
    "scan.title": DatasetEntry("what was scanned"),
    "scan.x_label": DatasetEntry("label of the scanned axis, with its unit"),
    "scan.y_label": DatasetEntry("label of the measured axis"),
    "scan.result": DatasetEntry("what came out, and what was written to the calibration file"),
    "scan.x": DatasetEntry("scanned value", "", _SCAN),
    "scan.y": DatasetEntry("measured value", "", _SCAN),
    "scan.y_low": DatasetEntry("lower end of the 68 % interval", "", _SCAN),
    "scan.y_high": DatasetEntry("upper end of the 68 % interval", "", _SCAN),
    "scan.fit_x": DatasetEntry("fitted curve, scanned axis", "", _CURVE),
    "scan.fit_y": DatasetEntry("fitted curve, measured axis", "", _CURVE),
    "histogram.dark": DatasetEntry("shots with k photon counts, ion prepared dark", "", ("counts",)),
    "histogram.bright": DatasetEntry("shots with k photon counts, ion prepared bright", "", ("counts",)),
    "histogram.threshold": DatasetEntry("largest number of counts that means dark"),
    "fit.what": DatasetEntry("what was fitted"),
    "fit.names": DatasetEntry("names of the parameters, separated by ', '"),
    "fit.units": DatasetEntry("their units, separated by ', '; empty for pure numbers"),
    "fit.values": DatasetEntry("values of the parameters, in their units", "", ("fit", "parameter")),
    "fit.errors": DatasetEntry("standard errors of the parameters, in their units", "", ("fit", "parameter")),
    "fit.chi_square": DatasetEntry("sum of squared pulls", "", _FIT),
    "fit.degrees": DatasetEntry("degrees of freedom, the expectation of chi_square", "", _FIT),
    "fit.p_value": DatasetEntry("probability of at least this chi_square if the model is right", "", _FIT),
    "coupling": DatasetEntry("coupling with the link cut, relative to the focus"),
    "coupling_limit": DatasetEntry("its upper limit at 95 %"),
    "leak.conditions": DatasetEntry(
        "how the ion was prepared and where, in the order of the counts, separated by '; '"
    ),
    "leak.clicks": DatasetEntry("clicks at the heralding station, outcome dark or bright", "", (*_LEAK, "apd")),
    "leak.cycles": DatasetEntry("cycles of the gateware in which an APD could click, once each", "", _LEAK),
    "leak.windows": DatasetEntry("windows counted", "", _LEAK),
    "leak.histogram": DatasetEntry("windows with 0, 1, 2, 3 and more clicks (table S5)", "", (*_LEAK, "clicks")),
    "leak.probability": DatasetEntry("photons that a readout of a bright ion sends into the cut link"),
    "leak.standard_error": DatasetEntry("its standard error"),
    "leak.limit": DatasetEntry("upper limit of the probability of such a photon"),
    "leak.level": DatasetEntry("confidence of the limit, one-sided"),
    "leak.bits_per_round": DatasetEntry("h of the limit: what a round leaks at most"),
    "leak.dark_counts_hz": DatasetEntry("counts of all APDs without light", "Hz"),
    "leak.in_focus": DatasetEntry("photons counted per readout of a bright ion in the focus"),
}
_RANDOM_SOURCE = {
    "description": DatasetEntry("source of private random bits"),
    "insecure": DatasetEntry("whether its bits are predictable"),
    "result": DatasetEntry("how many samples failed a test"),
}
_MHZ, _US, _NS = ("MHz", 1e6, 6), ("us", 1e-6, 5), ("ns", 1e-9, 1)
_SETTINGS = {
    "readout.threshold": DatasetEntry("largest number of counts that means dark", "", (), ("counts", 1.0, 2)),
    "attempts.gate": DatasetEntry("beginning and end of the APD gates", "s", ("edge",), _NS),
    "qubit.pattern_phase": DatasetEntry(f"Bob's analysis phase, {_ORDER}", "rad", _PATTERN, ("rad", 1.0, 4)),
}
for _line in ("mapping", "analysis", "shelving"):
    _SETTINGS[f"qubit.{_line}.frequency"] = DatasetEntry(f"AOM frequency of the {_line} line", "Hz", (), _MHZ)
    _SETTINGS[f"qubit.{_line}.pi_time"] = DatasetEntry(f"pi time of the {_line} line", "s", (), _US)
_CALIBRATED = _SETTINGS | {
    f"{name}_error": replace(entry, about=f"standard error of: {entry.about}") for name, entry in _SETTINGS.items()
}
_FAMILIES = {
    "rounds": _ROUNDS,
    "key": _KEY,
    "characterisation": _CHARACTERISATION,
    "tomography": _TOMOGRAPHY,
    "herald_phase": _HERALD_PHASE,
    "calibration": _CALIBRATION,
    "calibrated": _CALIBRATED,
    "random_source": _RANDOM_SOURCE,
}
ENTRIES: dict[str, DatasetEntry] = {
    DESCRIPTION: DatasetEntry("what this file holds: experiment, arguments, units, axes; JSON"),
    **{f"{PREFIX}{family}.{name}": entry for family, names in _FAMILIES.items() for name, entry in names.items()},
}


def entry_of(name: str) -> DatasetEntry:
    """The entry of a dataset by its full name; DiqkdError for one that is not listed and must not become public."""
    if name not in ENTRIES:
        raise DiqkdError(f"dataset {name}: not among the public ones; describe it in postprocess/results first")
    return ENTRIES[name]
