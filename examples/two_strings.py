#!/usr/bin/env python3
"""Post-process two strings of one's own with two nodes in memory: error correction, Bell check, key.

python examples/two_strings.py                        strings drawn here, a rehearsal of some seconds
python examples/two_strings.py alice.npz bob.npz      arrays settings, test, outcomes of each node, uint8 of 0/1/2
"""

import argparse

import numpy as np

import diqkd


def drawn(rounds: int, gamma: float, score: float, qber: float, seed: int) -> tuple[diqkd.RawRounds, diqkd.RawRounds]:
    """Strings of a link with this S and Q: X is 0 and Y is 2 in key rounds; A xor B = X Y where a round is won."""
    random = np.random.default_rng(seed)
    test = (random.random(rounds) < gamma).astype(np.uint8)
    x = random.integers(0, 2, rounds, dtype=np.uint8) & test
    y = np.where(test, random.integers(0, 2, rounds), 2).astype(np.uint8)
    wrong = random.random(rounds) < np.where(test, (4 - score) / 8, qber)
    a = random.integers(0, 2, rounds, dtype=np.uint8)
    return diqkd.RawRounds(x, test, a), diqkd.RawRounds(y, test.copy(), a ^ wrong ^ (x & y))


def read(path: str) -> diqkd.RawRounds:
    """One node's strings."""
    with np.load(path) as arrays:
        return diqkd.RawRounds(arrays["settings"], arrays["test"], arrays["outcomes"])


def main() -> None:
    """S and Q of both strings together, then a session."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE.npz", help="Alice's and Bob's, both or none")
    parser.add_argument("--gamma", default="1/2", help="probability of a Bell-test round, k/256")
    args = parser.parse_args()
    if len(args.files) not in (0, 2):
        parser.error("give both files, or none")
    alice, bob = (read(path) for path in args.files) if args.files else drawn(20_000, 0.5, 2.64, 0.018, seed=1)

    counts = diqkd.count_rounds(alice.settings, bob.settings, alice.outcomes, bob.outcomes)
    score, qber = diqkd.score_and_qber(counts)
    print(f"S = {score.value:.3f} +- {score.standard_error:.3f}, Q = {100 * qber.value:.2f} %")

    priors = diqkd.priors_from_score(2.64, 0.018)
    plan = diqkd.plan(rounds=len(alice), gamma=args.gamma, score=2.64, qber=0.018, priors=priors, rehearsal=True)
    pair = diqkd.post_process(plan, alice, bob)
    if pair.alice_key is None or pair.bob_key is None:
        print(f"no key: {pair.alice.abort_reason}")
        return
    print(f"{len(pair.alice_key)} bits of key, the same on both nodes: {np.array_equal(pair.alice_key, pair.bob_key)}")
    print("not to be used: " + "; ".join(pair.alice.insecure_because))


if __name__ == "__main__":
    main()
