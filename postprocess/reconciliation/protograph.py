"""Base graphs: the small bipartite graph that a code repeats, and the rule that picks one for given n and m.

A coupled base graph has L positions of `variables` variable nodes each. A variable at position t has one edge into each
of the positions t, t+1, ..., t+w, w = d_v - 1, where `checks` check nodes wait; the chain thus ends in w positions of
checks with fewer edges, from which decoding starts and travels inwards (Nadlinger 2022, S6; Kudekar, Richardson,
Urbanke, IEEE Trans. Inf. Theory 59, 7761 (2013)).

The ends cost w positions of checks that a block code would not need. A good part is won back where it is not missed:
the outermost positions, whose checks would have very few edges, keep half of their checks, and so do three positions in
the middle, where two waves meet and either alone would have sufficed. At the paper's point this saves 2 % of the
syndrome.

A regular base graph is Gallager's: d_v bands that each contain every variable once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from postprocess.reconciliation.public_stream import PublicStream


@dataclass(frozen=True)
class BaseGraph:
    """Protograph and its lift size, before the code is cut to the exact n and m.

    `degree` edges per variable (d_v); `checks` and `variables` per position; `length` positions of variables (1 when
    not coupled); `lift` copies Z of every node.
    """

    degree: int
    checks: int
    variables: int
    length: int
    lift: int

    @property
    def coupled(self) -> bool:
        return self.length > 1

    @property
    def check_positions(self) -> int:
        """Positions that hold checks: L + d_v - 1 for a chain, 1 otherwise."""
        return self.length + self.degree - 1 if self.coupled else 1

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Check nodes at each position: `checks`, or half of them at the ends and in the middle of a long chain."""
        rows = [self.checks] * self.check_positions
        if self.length >= _SHORTEST_WITH_HALVES:
            middle = self.check_positions // 2
            for position in (0, middle - 1, middle, middle + 1, self.check_positions - 1):
                rows[position] = (self.checks + 1) // 2
        return tuple(rows)

    @property
    def lifted_bits(self) -> int:
        """Variables n' of the lifted graph, before removal."""
        return self.variables * self.length * self.lift

    @property
    def lifted_checks(self) -> int:
        """Checks m' of the lifted graph, before merging."""
        return sum(self.rows) * self.lift


_SHORTEST_WITH_HALVES = 40
_CHAIN_REFERENCE = (100, 268_000)  # positions and syndrome bits where the rule for L was measured
_CHAIN_CHOICES = 8
_SHORTEST_CHAIN = 20
_SMALLEST_LIFT = 12
_MOST_VARIABLES = 160
_MOST_CHECKS = 8


def candidates(n: int, syndrome_bits: int, degree: int) -> list[BaseGraph]:
    """Coupled base graphs that can be cut to exactly n variables and m checks, best first.

    All graphs of 2..8 checks by up to 160 variables per position compete, on chains of `_chain_length` positions and up
    to 8 fewer; the lift is the smallest that gives n' >= n and m' >= m. Cost is what has to be given up, (n' - n)/n + 2
    (m' - m)/m, plus a tenth of w/L, the rate that the chain's ends cost. Empty for strings too short for a chain.
    """
    width = degree - 1
    found = []
    for checks in range(2, _MOST_CHECKS + 1):
        for variables in range(checks, _MOST_VARIABLES + 1):
            if checks * n > 2 * syndrome_bits * variables or syndrome_bits * variables > 2 * checks * n:
                continue
            comfortable = _comfortable_lift(degree, checks, variables)
            longest = max(_SHORTEST_CHAIN, min(_chain_length(syndrome_bits), n // (variables * comfortable)))
            for length in range(max(longest - _CHAIN_CHOICES, _SHORTEST_CHAIN), longest + 1):
                unit = BaseGraph(degree, checks, variables, length, 1)
                lift = max(-(-n // unit.lifted_bits), -(-syndrome_bits // unit.lifted_checks))
                if lift < max(_SMALLEST_LIFT, 2 * comfortable // 3):
                    continue
                graph = BaseGraph(degree, checks, variables, length, lift)
                removed = (graph.lifted_bits - n) / n
                merged = (graph.lifted_checks - syndrome_bits) / syndrome_bits
                found.append((removed + 2 * merged + width / (10 * length), checks, variables, length, graph))
    return [entry[-1] for entry in sorted(found, key=lambda entry: entry[:-1])]


def _chain_length(syndrome_bits: int) -> int:
    """Wished L = floor(100 (m / 268 000)^(1/3)), in integers: no code may depend on the last bit of a cube root.

    The ends cost a part ~ 1/L of the syndrome; local fluctuations of the noise, which each stretch of the chain must
    bear on its own, ~ sqrt(L V / n) / H with entropy H and its variance V. The sum is least at L ~ (n H^2 / V)^(1/3),
    and V ~ H for the error rates of interest.
    """
    positions, bits = _CHAIN_REFERENCE
    length = _SHORTEST_CHAIN
    while (length + 1) ** 3 * bits <= positions**3 * syndrome_bits:
        length += 1
    return length


def _comfortable_lift(degree: int, checks: int, variables: int) -> int:
    """Lift at which shifts without 4-cycles are easily found.

    Of the d_c = d_v variables / checks variables of a check, each pair meets in (d_v - 1) / checks other checks on
    average: so many shifts per edge are forbidden. With twice as many, a redrawn shift causes half a new conflict on
    average, and redrawing ends. Never below 64, the width of a vector chunk.
    """
    return max(64, 2 * degree * (degree - 1) * variables // checks**2)


def coupled_edges(graph: BaseGraph, stream: PublicStream) -> tuple[np.ndarray, np.ndarray]:
    """Edges of a coupled base graph, sorted by check: check blocks and variable blocks, int64 (E,) each.

    Check blocks are numbered by position, variable block (t, k) is t * variables + k. For each t and offset s a public
    permutation deals the variables to the rows as evenly as possible; the row that gets one more rotates with s, so the
    checks of an inner position have degrees that differ by at most one.
    """
    labels = np.arange(graph.variables)
    first_row = np.concatenate([[0], np.cumsum(graph.rows)])
    check_blocks, variable_blocks = [], []
    for t in range(graph.length):
        for s in range(graph.degree):
            rows = (graph.variables * s + labels) % graph.rows[t + s]
            dealt = stream.permutation(graph.variables)
            check_blocks.append(first_row[t + s] + rows)
            variable_blocks.append(t * graph.variables + dealt)
    checks, variables = np.concatenate(check_blocks), np.concatenate(variable_blocks).astype(np.int64)
    order = np.lexsort((variables, checks))
    return checks[order], variables[order]


def regular_edges(graph: BaseGraph) -> tuple[np.ndarray, np.ndarray]:
    """Edges of Gallager's regular base graph, sorted by check: each of the d_v bands has every variable block once."""
    checks = np.repeat(np.arange(graph.checks), graph.variables)
    return checks, np.tile(np.arange(graph.variables), graph.checks)


def regular_graph(n: int, syndrome_bits: int, degree: int = 3) -> BaseGraph:
    """Base graph of a regular code for n bits: d_v checks by d_c variables.

    d_c = floor(d_v n / m), so that merges and removals stay few: m' >= m with the smallest lift that also gives n' >=
    n.
    """
    per_check = max(degree, degree * n // syndrome_bits)
    lift = max(-(-n // per_check), -(-syndrome_bits // degree))
    return BaseGraph(degree, degree, per_check, 1, lift)
