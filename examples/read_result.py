#!/usr/bin/env python3
"""Read a results file of characterise_link: its datasets, S and Q from its counts, and a plan for that link.

diqkd run characterise_link -o rounds=20000
python examples/read_result.py results/*characterise_link/alice.h5
"""

import argparse
from pathlib import Path

import diqkd


def main() -> None:
    """What was measured, and what it is good for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="RESULT.h5")
    path = parser.parse_args().file

    results = diqkd.read_results(path)
    print(f"{results.name}: {results.origin}, {len(results.values)} datasets")
    score, qber = diqkd.score_and_qber(results.values["diqkd.characterisation.counts"])
    print(f"S = {score.value:.4f} +- {score.standard_error:.4f} from {score.rounds} test rounds")
    print(f"Q = {100 * qber.value:.2f} +- {100 * qber.standard_error:.2f} % from {qber.rounds} key rounds")

    link = diqkd.read_measured_link(path)
    pessimistic = {"score": link.score_at(0.95), "qber": link.qber_at(0.95)}
    try:
        plan = diqkd.plan(rounds=5_000_000, rule="renyi", **pessimistic)
        print(f"5 000 000 rounds of it give {plan.ell} bits by the rule {plan.rule}")
    except diqkd.InvalidInput as problem:
        print(problem)


if __name__ == "__main__":
    main()
