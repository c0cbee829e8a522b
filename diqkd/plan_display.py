"""How a plan looks on the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from diqkd.printing import bits, spaced

NO_KEY = "No key: at this size and quality this rule proves no positive length"
WIDEST = 120
NAME, VALUE = 30, 16
LEAST_NOTE = 24  # columns; with fewer, notes go below
FORECAST = 1e-3  # the waterfall of decoding failures is not measured below
Row = tuple[str, str, str]


def show_plan(result: dict[str, Any]) -> None:
    """Print a plan; notes are wrapped to the terminal's width, to 120 columns where there is none."""
    width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
    link, measured = result.get("link"), result.get("measured")
    _show(f"Plan with the statistics of {link['source']}" if link else "Plan of a session", _session(result), width)
    if link:
        doubt = "" if link["checked"] else " (from a secondary source, not checked)"
        print(f"  published: {link['published']}{doubt}")
    for warning in result["warnings"]:
        _say(f"Warning: {warning}", width)
    if not result["ell"]:
        _say(f"{NO_KEY}; {result['remedy']}.", width)
    if result["passes"]:
        _show("An honest session", _passes(result), width)
    _show("The link", _margins(result), width)
    if result["hours"]:
        _show(f"At {result['hours']['herald_rate_hz']:.3g} heralds per second", _hours(result), width)
    _show_sensitivity(result, width)
    if measured:
        where = f", {measured['apparatus']} apparatus" if measured["apparatus"] else ""
        _say(
            f"Measured: {measured['source']}{where}. S, Q and rate, unless given, are each no worse than planned with "
            f"at {100 * measured['quantile']:g} % confidence.",
            width,
        )


def _show(title: str, rows: Iterator[Row], width: int) -> None:
    print(title)
    for name, value, note in rows:
        left = f"  {name:<{NAME}}{value:>{VALUE}}  "
        if width - len(left) >= LEAST_NOTE:
            parts = textwrap.wrap(note, width - len(left), break_on_hyphens=False) or [""]
            print((left + ("\n" + " " * len(left)).join(parts)).rstrip())
            continue
        left = f"  {name:<{NAME - 6}}{value:>{VALUE}}"
        inline = len(left) + 2 + len(note) <= width
        print(f"{left}  {note}".rstrip() if inline else left)
        if not inline:
            print(textwrap.fill(note, width, initial_indent=" " * 6, subsequent_indent=" " * 6))


def _say(text: str, width: int) -> None:
    print(textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False))


def _session(result: dict[str, Any]) -> Iterator[Row]:
    measured = result.get("measured")
    yield "rounds", spaced(result["rounds"]), "n"
    if result["gamma"] is None:
        yield "Bell-test rounds", "-", "gamma; none gives a key"
    else:
        best = ", the best" if result["gamma_is_best"] else ""
        yield (
            "Bell-test rounds",
            result["gamma"],
            f"gamma{best if result['ell'] else best and best + ' for fewest rounds'}",
        )
    yield "expected score", f"{result['score']:.5g}", "S" + _measured(measured, "score", 1, "")
    yield "expected bit error rate", f"{result['qber']:.5g}", "Q" + _measured(measured, "qber", 100, " %")
    if result["bases"] == 2:
        yield "second key basis", f"{result['qber2']:.4g}", "Q_1; two announced key bases"
    yield "soundness error", f"{result['eps_snd']:g}", "eps_snd"
    if result["omega_thr"] is not None:
        threshold = f"omega_thr, on the winning probability; S_thr = {result['score_thr']:.4f}"
        yield "threshold", f"{result['omega_thr']:.7f}", threshold
    if result["allowance"]:
        yield "zeroed rounds allowed", spaced(result["allowance"]), "J_max"
    note = "Bob waits until Alice is isolated" if result["barrier"] else "trusted synchronisation, docs/security.md"
    yield "barrier", "yes" if result["barrier"] else "no", note
    if result["syndrome_bits"] is not None:
        yield "syndrome", bits(result["syndrome_bits"]), "m, step 5"
    if result["leakage"] is not None:
        note = f"n h({result['leakage']['probability']:g}), subtracted here; a session does not subtract it"
        yield "leak during readout", bits(result["leakage"]["bits"]), note
    yield "new key", bits(result["ell"]), f"ell, {result['rule']}: {result['label']}"
    if result["extractor"] is not None:
        yield from _budget(result["extractor"], result["budget"])


def _budget(extractor: dict[str, Any], budget: dict[str, Any]) -> Iterator[Row]:
    if extractor["name"] == "trevisan":
        design = f"t = {extractor['t']}, t+ = {extractor['t_plus']}, {extractor['blocks']} blocks"
        yield "extractor seed", bits(extractor["seed_bits"]), design
    else:
        yield "public seed", bits(extractor["public_seed_bits"]), "drawn by Alice after the rounds, for one session"
    yield "initial key K0", bits(budget["initial_key_bits"]), ""
    reusable = "extractor seed and hash key" if extractor["seed_bits"] else "hash key"
    yield "  reusable", bits(budget["reusable_bits"]), reusable
    yield "  consumed", bits(budget["consumed_bits"]), "four one-time pads"
    yield "final key K1", bits(budget["final_key_bits"]), ""
    yield "net gain", bits(budget["net_bits"]), ""


def _measured(measured: dict[str, Any] | None, name: str, factor: float, unit: str) -> str:
    if measured is None or measured[name] is None:
        return ""
    value, error = (factor * number for number in measured[name])
    return f"; measured {value:.4g} +- {error:.2g}{unit}"


def _passes(result: dict[str, Any]) -> Iterator[Row]:
    passes = result["passes"]
    yield "passes", percent(passes["session"]), "Bell check and decoding, with this S and Q"
    yield "  Bell check", percent(passes["bell_check"]), f"at most {spaced(result['bell_limit'])} lost tests; binomial"
    if result["allowance"]:
        note = "if as many rounds as allowed are zeroed"
        yield "  Bell check, all zeroed", percent(passes["bell_check_all_zeroed"]), note
    yield "  decoding", _decoding(passes["decoding"]), "fitted to trials, see docs/reconciliation.md"


def _margins(result: dict[str, Any]) -> Iterator[Row]:
    from postprocess.plans.session_parameters import MOST_SESSION_ROUNDS

    fewest = result["fewest"]
    if fewest is None:
        yield "fewest rounds with a key", "never", "no number of rounds gives this link a key: improve S or Q"
    else:
        beyond = "; more than one session may have" if fewest["rounds"] > MOST_SESSION_ROUNDS else ""
        yield "fewest rounds with a key", spaced(fewest["rounds"]), f"with gamma = {fewest['gamma']}{beyond}"
    sized = f"with {spaced(result['rounds'])} rounds and gamma = {result['margins_gamma']}"
    needed, allowed = result["score_needed"], result["qber_allowed"]
    yield "S needed at this Q", "none suffices" if needed is None else f"{needed:.3f}", sized
    sized += ", Q_1 in proportion" if result["bases"] == 2 else ""
    yield "Q allowed at this S", "none" if allowed is None else f"{100 * allowed:.2f} %", sized


def _hours(result: dict[str, Any]) -> Iterator[Row]:
    hours, measured = result["hours"], result.get("measured")
    note = "rounds alone, without pauses" + _measured(measured, "herald_rate_hz", 1, " per s")
    yield "session", _duration(hours["session"]), note
    if hours["fewest"] is not None:
        yield "fewest rounds with a key", _duration(hours["fewest"]), ""
    if result["ell"]:
        yield "new key per hour", bits(round(hours["bits_per_hour"])), ""
        yield "new key per day", bits(round(hours["bits_per_day"])), ""


def _show_sensitivity(result: dict[str, Any], width: int) -> None:
    """Rows of S, columns of Q; fewer columns on a narrow terminal."""
    table = result["sensitivity"]
    columns = list(range(len(table["qber"])))
    bell, decoding = table["bell_check"], table["decoding"]
    while len(columns) > 1 and 8 + 12 * (len(columns) + bool(bell)) > width:
        columns = columns[1:-1] if len(columns) > 2 else columns[:1]
    proportion = ", Q_1 in proportion to Q" if result["bases"] == 2 else ""
    _say(
        f"Key in bits for other S and Q{proportion}" + ("; how likely this very plan passes there" if bell else ""),
        width,
    )
    head = [f"{100 * table['qber'][place]:.4g} %" for place in columns]
    print(f"  S \\ Q {_cells(head)}" + (f"{'Bell check':>12}" if bell else ""))
    for row, score in enumerate(table["score"]):
        found = [spaced(table["bits"][row][place]) if table["bits"][row][place] else "-" for place in columns]
        print(f"  {score:<6.4g}{_cells(found)}" + (f"{percent(bell[row]):>12}" if bell else ""))
    if decoding:
        print(f"  {'decod.':<6}{_cells([_decoding(decoding[place]) for place in columns])}")


def _cells(texts: list[str]) -> str:
    return "".join(f"{text:>12}" for text in texts)


def percent(probability: float) -> str:
    """A probability in per cent, never as 0 or 100 %."""
    if probability > 0.9999:
        return "> 99.99 %"
    return "< 0.01 %" if probability < 1e-4 else f"{100 * probability:.2f} %"


def _decoding(probability: float) -> str:
    return "> 99.9 %" if probability > 1 - FORECAST else percent(probability)


def _duration(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:.2g} min" if hours < 1 / 6 else f"{60 * hours:.0f} min"
    return f"{hours:.1f} h" if hours < 100 else f"{spaced(round(hours))} h"
