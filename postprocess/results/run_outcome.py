"""What came out of a run in one line, from its public datasets alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postprocess.errors import ExitStatus

ENDS = {status.value: status.name.lower().replace("_", " ") for status in ExitStatus}
MEASURED = ("diqkd.rounds.apparatus", "diqkd.calibration.apparatus")


def end_words(status: int) -> str:
    """How a node's process ended: 'done', 'peer lost', 'signal 9'."""
    return ENDS.get(status, f"signal {-status}")


def outcome_of(values: Mapping[str, Any]) -> str:
    """Outcome of a node's run, '' where it has none.

    Args:
        values: postprocess.results.self_description.read_public.
    """
    for line in (_key, _link, _tomography, _phases, _calibration, _random_source, _rounds):
        told = line({name.removeprefix("diqkd."): value for name, value in values.items()})
        if told:
            return told
    return ""


def both_outcomes(values: Mapping[str, Mapping[str, Any]], statuses: Mapping[str, int]) -> str:
    """Outcome of a run on one node or both: once where they agree, and how a node ended that did not end well."""
    told = {node: outcome_of(each) for node, each in values.items()}
    for node, status in statuses.items():
        if status:
            told[node] = ", ".join(filter(None, (end_words(status), told.get(node, ""))))
    if len(set(told.values())) == 1:
        return next(iter(told.values())) or "done"
    return "; ".join(f"{node}: {line or 'done'}" for node, line in told.items()) or "done"


def apparatus_of(values: Mapping[str, Any]) -> str:
    """Apparatus on which a run measured, '' where it measured nothing."""
    return next((str(values[name]) for name in MEASURED if name in values), "")


def _key(values: Mapping[str, Any]) -> str:
    if "key.status" not in values:
        return ""
    if values.get("key.accepted"):
        proof = f", rule {values['key.rule']}: {values['key.label']}" if "key.label" in values else ""
        reasons = values.get("key.insecure_because")
        marks = f"; INSECURE: {reasons}" if reasons else ""
        return f"a new key of {_spaced(values['key.bits'])} bits{proof}{marks}"
    reason = values.get("key.abort_reason")
    return f"no key, aborted: {reason}" if reason else f"no key, ended in: {values['key.status']}"


def _link(values: Mapping[str, Any]) -> str:
    names = [f"characterisation.total_{name}" for name in ("score", "score_error", "qber", "qber_error")]
    if not all(name in values for name in (*names, "characterisation.counts")):
        return ""
    score, score_error, qber, qber_error = (float(values[name]) for name in names)
    rounds = _spaced(values["characterisation.counts"].sum())
    return f"S = {score:.4f} +- {score_error:.4f}, Q = {100 * qber:.2f} +- {100 * qber_error:.2f} %, {rounds} rounds"


def _tomography(values: Mapping[str, Any]) -> str:
    if "tomography.fractions" not in values:
        return ""
    pairs = zip(values["tomography.fractions"], values["tomography.fraction_errors"], strict=True)
    return "fully entangled fractions " + ", ".join(f"{100 * f:.1f} +- {100 * e:.1f} %" for f, e in pairs)


def _phases(values: Mapping[str, Any]) -> str:
    if "herald_phase.phase" not in values:
        return ""
    pairs = zip(values["herald_phase.phase"], values["herald_phase.standard_error"], strict=True)
    return "phases " + ", ".join(f"{phase:.3f} +- {error:.3f}" for phase, error in pairs) + " rad"


def _calibration(values: Mapping[str, Any]) -> str:
    return str(values.get("calibration.scan.result", ""))


def _random_source(values: Mapping[str, Any]) -> str:
    if "random_source.result" not in values:
        return ""
    return f"{values['random_source.description']}: {values['random_source.result']}"


def _rounds(values: Mapping[str, Any]) -> str:
    if "rounds.total" not in values:
        return ""
    return f"{_spaced(values['rounds.done'])} of {_spaced(values['rounds.total'])} rounds"


def _spaced(number: Any) -> str:
    return f"{int(number):,}".replace(",", " ")
