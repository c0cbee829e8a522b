#!/usr/bin/env python3
"""Plan sessions of one's own link: what each rule of key length gives, and how likely an honest session passes.

python examples/plan_own_link.py --score 2.62 --qber 0.019 --rounds 2000000
"""

import argparse

import diqkd


def main() -> None:
    """One line per rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--score", type=float, default=2.62, help="CHSH score S of the link")
    parser.add_argument("--qber", type=float, default=0.019, help="quantum bit error rate Q, a probability")
    parser.add_argument("--rounds", type=int, default=2_000_000, help="heralded rounds n")
    args = parser.parse_args()
    link = {"rounds": args.rounds, "score": args.score, "qber": args.qber}

    for rule, standing in diqkd.key_length_rules().items():
        try:
            plan = diqkd.plan(**link, rule=rule, bases=2 if rule == "two-bases" else 1)
        except diqkd.InvalidInput as problem:
            print(f"{rule:<14} no key: {problem}")
            continue
        passes = diqkd.passing_probability(plan)
        print(f"{rule:<14} {plan.ell:>9} bits, gamma = {plan.gamma}, passes {100 * passes:.2f} %   ({standing})")


if __name__ == "__main__":
    main()
