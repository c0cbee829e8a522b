"""Whether heralds still come as they did: their rate and the balance of their patterns, block by block; both public."""

from collections.abc import Sequence

import numpy as np

from contract.patterns import PATTERNS

REFERENCE_BLOCKS = 5
LEAST_RATE = 0.7  # of the rate when all was well; three blocks in a row
LOW_BLOCKS = 3
MOST_UNBALANCED = 6.0  # standard deviations of one pattern's share in WINDOW heralds, and at least a tenth of it
WINDOW = 20_000


class HeraldWatch:
    """Compares with the first blocks after it began, or after `forget`."""

    def __init__(self):
        self._before = np.zeros(len(PATTERNS))
        self.forget()

    def begin(self, pattern_counts: Sequence[int]) -> None:
        """So many heralds came before this part of the measurement."""
        self._before = _counts(pattern_counts)

    def forget(self) -> None:
        """What comes now is how it should be."""
        self._rates: list[float] = []
        self._low = 0
        self._shares: np.ndarray | None = None
        self._window = np.zeros(len(PATTERNS))

    def look(self, rate_hz: float, pattern_counts: Sequence[int]) -> str:
        """A block more; what is wrong in public words, empty while nothing is.

        Args:
            pattern_counts: of patterns 0 to 15, since the session's beginning.
        """
        counts = _counts(pattern_counts)
        self._window += counts - self._before
        self._before = counts
        return self._rate(rate_hz) or self._balance()

    def _rate(self, rate_hz: float) -> str:
        if rate_hz <= 0:
            return ""
        if len(self._rates) < REFERENCE_BLOCKS:
            self._rates.append(rate_hz)
            return ""
        usual = float(np.median(self._rates))
        self._low = self._low + 1 if rate_hz < LEAST_RATE * usual else 0
        return f"herald rate {rate_hz:.0f} Hz after {usual:.0f} Hz" if self._low >= LOW_BLOCKS else ""

    def _balance(self) -> str:
        total = self._window.sum()
        if total < WINDOW:
            return ""
        shares, self._window = self._window / total, np.zeros(len(PATTERNS))
        if self._shares is None:
            self._shares = shares
            return ""
        off = np.abs(shares - self._shares)
        error = np.sqrt(2 * self._shares * (1 - self._shares) / total)
        worst = int(np.argmax(off / np.maximum(error, 1e-9)))
        if off[worst] > MOST_UNBALANCED * error[worst] and off[worst] > 0.1 * self._shares[worst]:
            now, before = 100 * shares[worst], 100 * self._shares[worst]
            return f"pattern {PATTERNS[worst]:04b} in {now:.1f} % after {before:.1f} %"
        return ""


def _counts(pattern_counts: Sequence[int]) -> np.ndarray:
    return np.array([pattern_counts[pattern] for pattern in PATTERNS], float)
