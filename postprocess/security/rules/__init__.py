"""Key-length rules by name: how many bits of key a session may extract, and on what proof that rests."""

from __future__ import annotations

from postprocess.errors import InvalidInput
from postprocess.security.rules.counting import Counting
from postprocess.security.rules.proposition2 import Proposition2
from postprocess.security.rules.renyi import Renyi
from postprocess.security.rules.rule import Free, Plan, Problem, Rule, hypotheses_of, label_of, require_covered
from postprocess.security.rules.two_bases import TwoBases

RULES: dict[str, Rule] = {rule.name: rule for rule in (Proposition2(), Counting(), Renyi(), TwoBases())}


def rule_named(name: str) -> Rule:
    """The rule of that name; raises InvalidInput for a name that none has."""
    if name not in RULES:
        raise InvalidInput(f"rule {name!r}: choose one of {', '.join(RULES)}")
    return RULES[name]


def best_plan(rule: Rule, problem: Problem) -> Plan | None:
    """The best free parameters of a rule and the length that they certify; None where there is no key."""
    require_covered(rule, problem.extractor, problem.bases)
    free = rule.search(problem)
    ell = rule.certify(problem, free) if free is not None else 0
    return Plan(ell, free) if free is not None and ell > 0 else None


__all__ = [
    "RULES", "Free", "Plan", "Problem", "Rule", "best_plan", "hypotheses_of", "label_of", "require_covered",
    "rule_named",
]  # fmt: skip
