"""One HTML page on a session: self-contained, printable, and without anything private of a real apparatus."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np

from postprocess.keystore import ACCEPTED
from postprocess.reports.calibration_ages import calibration_rows
from postprocess.reports.page import Page, Row, Section, html_of
from postprocess.reports.session_facts import EMULATED, SessionFacts, StoredHeralds
from postprocess.reports.svg_charts import bar_chart, line_chart
from postprocess.reports.table1 import table_rows
from postprocess.rounds.herald_times import Pause
from postprocess.security.rules import hypotheses_of, label_of, rule_named
from postprocess.session.transcript import versions
from postprocess.shaping.apparatus_marks import REAL
from postprocess.shaping.heralds_view import PATTERNS, SMOOTHING_BLOCKS, balance, moving_mean
from postprocess.shaping.worded_numbers import duration, spaced

LONGEST_LIST = 40
HOURS, MINUTES = (3600.0, "hours"), (60.0, "minutes")
ASSUMED = (
    "Assumed: both nodes are isolated while a round's settings and outcomes exist; random bits are uniform and "
    "private; the computers do what they say; lines that synchronise the nodes are trusted; devices carry nothing from "
    "rounds into what an operator sees of calibrations."
)


def session_report(facts: SessionFacts, made: datetime | None = None) -> str:
    """The page as HTML text; `made`: when, UTC."""
    made = made or datetime.now(UTC)
    sections = (
        _parameters(facts),
        _key_length(facts),
        _account(facts),
        *_heralds(facts),
        _chronicle(facts),
        _calibrations(facts, made),
        _post_processing(facts),
        *_measured(facts),
        _versions(facts, made),
    )
    page = Page(
        title=f"Session {facts.session.session_id}, {facts.node}",
        about=f"report of {facts.node}",
        heading=f"Session {facts.session.session_id}",
        outcome=outcome_words(facts),
        good=facts.session.outcome == ACCEPTED and not warnings_of(facts),
        warnings=warnings_of(facts),
        apparatus=facts.parameters.apparatus,
        sections=sections,
        source=facts.node,
        assumed=ASSUMED,
    )
    return html_of(page, made)


def outcome_words(facts: SessionFacts) -> str:
    """How the session ended, by its public name."""
    outcome, detail = facts.session.outcome, facts.session.detail[:300]
    if outcome == ACCEPTED:
        return f"Key accepted: {spaced(facts.parameters.ell)} bits"
    if outcome is None:
        return "Open: not ended yet"
    return f"Aborted, no key: {outcome}" + (f" ({detail})" if detail else "")


def warnings_of(facts: SessionFacts) -> list[str]:
    """What must stand beside everything of this session."""
    emulated = ["Made on the emulated apparatus: not a secret key."] if facts.parameters.apparatus == EMULATED else []
    return emulated + [f"INSECURE: {reason}" for reason in facts.insecure_because]


def _parameters(facts: SessionFacts) -> Section:
    p = facts.parameters
    rows = (
        ("rounds", spaced(p.rounds), "n, with a herald"),
        ("Bell-test rounds", f"{p.gamma.numerator}/{p.gamma.denominator}", "gamma"),
        ("expected score", f"{p.score:g}", "S, agreed beforehand"),
        ("expected bit error rate", f"{100 * p.qber:.3g} %", "Q, agreed beforehand"),
        ("threshold", f"{p.omega_thr:.7f}", f"omega_thr; S_thr = {8 * p.omega_thr - 4:.4f}"),
        ("lost tests allowed", spaced(p.bell_limit), "of about " + spaced(round(p.rounds * float(p.gamma))) + " tests"),
        ("soundness error", f"{p.eps_snd:g}", "eps_snd"),
        ("rounds per block", spaced(p.block_rounds), ""),
        ("allowance", spaced(p.allowance), "rounds that may be zeroed at Alice"),
        ("minimum response time", f"{p.min_response_s:g} s", "of Bob"),
        ("apparatus", p.apparatus, "real" if p.apparatus in REAL else "no real ions"),
        ("digest", p.digest().hex(), "SHA-256 of all parameters, under every tag"),
        ("initial key", facts.k0_id, "public name of K0"),
    )
    return Section("Parameters", "Agreed by both nodes before the first round.", rows)


def _key_length(facts: SessionFacts) -> Section:
    p = facts.parameters
    rule = rule_named(p.rule)
    rows = [
        ("rule", p.rule, label_of(rule, p.allowance)),
        ("key length", f"{spaced(p.ell)} bits", "ell" if not p.insecure else "ell, claimed by no proof: see above"),
        ("per round", f"{p.ell / p.rounds:.4f} bits", ""),
        *((name, f"{value:.6g}", "free parameter") for name, value in p.free),
    ]
    return Section("Key length", f"Rests on: {hypotheses_of(rule, p.allowance)}", rows)


def _account(facts: SessionFacts) -> Section:
    lines = [(" " * 4 * depth + name, bits) for name, bits, depth in table_rows(facts.balance.as_dict())]
    text = f"{facts.node.capitalize()}'s whole ledger as it is now, all its sessions together (the paper's table I)."
    return Section("Secret bits", text, head=("", "bits"), lines=lines)


def _heralds(facts: SessionFacts) -> list[Section]:
    found, p = facts.heralds, facts.parameters
    if found is None or not found.decided:
        why = "Erased with the strings, once the key had left." if facts.erased else "No rounds are stored here."
        return [Section("Heralds", why)]
    shares, errors = balance(found.patterns.astype(float))
    times = found.times
    rows = [
        ("rounds over", spaced(found.decided), f"of {spaced(p.rounds)}"),
        ("zeroed", spaced(found.zeroed), "count with outcome 0 after a crash or a fault"),
        ("flagged", spaced(found.flagged), "of them: underflow, overflow, round type"),
    ]
    charts = []
    if len(times.rates_hz):
        mean = (found.decided - found.zeroed) / times.measuring_s if times.measuring_s > 0 else math.nan
        rows.append(("herald rate", f"{mean:.4g} per second", "of machine time, without pauses"))
        blocks, smooth = np.arange(1.0, len(times.rates_hz) + 1), moving_mean(times.rates_hz, SMOOTHING_BLOCKS)
        charts.append(line_chart(blocks, times.rates_hz, "block", "heralds per s", points=True, smooth=smooth))
    if len(shares):
        rows += [
            (f"pattern {name}", f"{share:.2f} ± {error:.2f} %", f"{spaced(int(count))} heralds")
            for name, share, error, count in zip(PATTERNS, shares, errors, found.patterns, strict=True)
        ]
        charts.append(bar_chart(PATTERNS, shares, errors, 100 / len(PATTERNS), "share (%)"))
    text = f"Rate of each block with the mean of {SMOOTHING_BLOCKS}; shares of the patterns with binomial errors."
    return [Section("Heralds", text, rows, charts=charts), _timeline(found, p.block_rounds)]


def _timeline(found: StoredHeralds, block_rounds: int) -> Section:
    times = found.times
    known = [pause.seconds for pause in times.pauses if pause.seconds is not None]
    total = float(times.seconds[-1]) if len(times.seconds) else 0.0
    unit, name = HOURS if total >= 2 * HOURS[0] else MINUTES
    rows = [
        ("from first to last herald", duration(total), "machine time"),
        ("pauses and recoveries", str(len(times.pauses)), f"{duration(sum(known))} together"),
    ]
    chart = line_chart(times.seconds / unit, times.rounds.astype(float), f"time ({name})", "rounds")
    longest = sorted(times.pauses, key=lambda pause: -(pause.seconds or math.inf))[:LONGEST_LIST]
    causes: dict[int, str] = {}
    for each in found.causes:
        causes[each.after_round] = "; ".join(filter(None, (causes.get(each.after_round), each.cause)))
    lines = [
        _pause(pause, block_rounds, causes.get(pause.after_round, ""))
        for pause in sorted(longest, key=lambda pause: pause.after_round)
    ]
    text = "Where the line goes level no herald came."
    if len(longest) < len(times.pauses):
        text += f" The {LONGEST_LIST} longest are listed."
    head = ("after round", "at", "for", "") if lines else ()
    return Section("Time line of the rounds", text, rows, head, lines, [chart])


def _pause(pause: Pause, block_rounds: int, cause: str) -> Row:
    where = "between two blocks" if pause.after_round % block_rounds == 0 else "inside a block: the kernel was left"
    where = cause or where
    if pause.seconds is None:
        return spaced(pause.after_round), duration(pause.start_s), "unknown", cause or "the core's clock began anew"
    return spaced(pause.after_round), duration(pause.start_s), duration(pause.seconds), where


def _chronicle(facts: SessionFacts) -> Section:
    """Times of the ledger's page, UTC."""
    events = [(facts.session.opened, "pads reserved, session open", "")]
    for message in facts.transcript["messages"]:
        events.append(
            (message["stored"], f"{message['kind']} {message['direction']}", f"{spaced(message['bytes'])} bytes")
        )
    if facts.session.closed:
        events.append((facts.session.closed, f"closed: {facts.session.outcome}", ""))
    lines = [(stamp.replace("T", " ").removesuffix("+00:00"), what, size) for stamp, what, size in events]
    return Section("Chronicle", head=("UTC", "event", ""), lines=lines)


def _calibrations(facts: SessionFacts, made: datetime) -> Section:
    lines = calibration_rows(facts.calibrations, facts.session.opened, made)
    text = "Ages when the session was opened; the values stay in the node." if lines else "No calibration file here."
    return Section("Calibrations", text, head=("setting", "measured by", "UTC", "age") if lines else (), lines=lines)


def _post_processing(facts: SessionFacts) -> Section:
    from postprocess.keystore.initial_secret import seed_bits
    from postprocess.reconciliation.syndrome_length import conditional_entropy

    p, transcript = facts.parameters, facts.transcript
    entropy = p.rounds * conditional_entropy(p.gamma, p.score, p.qber)[0]
    seed = p.public_seed_bits or seed_bits(p)
    rows = [
        ("syndrome", f"{spaced(p.syndrome_bits)} bits", f"m; {p.syndrome_bits / p.rounds:.4f} per round"),
        (
            "expected entropy",
            f"{spaced(round(entropy))} bits",
            f"of A given B; m is {p.syndrome_bits / entropy:.3f} times it",
        ),
        ("code", f"rate {1 - p.syndrome_bits / p.rounds:.4f}", f"public seed {p.code_seed}"),
        ("extractor", p.extractor, f"{spaced(p.rounds)} to {spaced(p.ell)} bits, eps_pa = {p.eps_pa:g}"),
        ("extractor seed", f"{spaced(seed)} bits", "public, drawn after the rounds" if p.public_seed_bits else "in K0"),
        (
            "disclosed",
            f"{spaced(transcript['disclosed_bits'])} bits",
            f"{spaced(transcript['subtracted_bits'])} subtracted",
        ),
        *((name, f"{seconds:.2f} s", "this node's public step") for name, seconds in facts.step_seconds.items()),
    ]
    if facts.key is not None:
        rows.append(
            ("key", facts.key.state, f"{spaced(facts.key.bits)} bits, {spaced(facts.key.deliverable)} to deliver")
        )
    lines = [
        (m["direction"], m["kind"], spaced(m["bytes"]), spaced(m["running_bits"]), m["sha256"])
        for m in transcript["messages"]
    ]
    text = (
        "How decoding went, and why a session was not accepted, are private on a real apparatus: Bob's decision leaves "
        "after the minimum response time, whatever he found."
    )
    head = ("", "message", "bytes", "bits disclosed", "SHA-256") if lines else ()
    return Section("Post-processing", text, rows, head, lines)


def _measured(facts: SessionFacts) -> list[Section]:
    """Bob's measurement, which facts hold for the emulated apparatus alone."""
    known = facts.measured
    if facts.parameters.apparatus != EMULATED or not known:
        return []

    rows = [("verdict", str(known.get("verdict")), "")]
    for label, name, scale, unit in (("score S", "score", 1, ""), ("bit error rate Q", "qber", 100, " %")):
        value, error = known.get(name), known.get(f"{name}_standard_error")
        if isinstance(value, float) and isinstance(error, float):
            rows.append((label, f"{scale * value:.4f} ± {scale * error:.4f}{unit}", ""))
    if isinstance(known.get("lost_test_rounds"), int):
        rows.append(("lost tests", spaced(known["lost_test_rounds"]), f"at most {spaced(facts.parameters.bell_limit)}"))
    if isinstance(known.get("decoder_iterations"), int):
        rows.append(("decoder", f"{known['decoder_iterations']} iterations", ""))
    text = "Shown because nothing made on the emulated apparatus is secret; on a real one this stays in Bob's node."
    return [Section("What Bob measured (emulated)", text, rows)]


def _versions(facts: SessionFacts, made: datetime) -> Section:
    here = versions()
    names = list(here)
    lines = [("session", *(str(each.get(name, "")) for name in names)) for each in facts.transcript["versions"]]
    return Section("Versions", head=("", *names), lines=[*lines, ("this page", *here.values())])
