"""What the tries to load an ion gave, from the fluorescence after each."""

from collections import Counter

from node.settings import LoadingSettings

EMPTY, ONE_ION, SEVERAL, LATE = "no ion", "one ion", "several ions", "kernel late"
REMEDIES = {
    EMPTY: "check cooling, repump and photo-ionisation light, the ablation target or oven, and the trap's RF; more "
    "pulses per try load faster",
    SEVERAL: "fewer or weaker pulses per try; check loading.expel, the voltages that empty the trap, and "
    "loading.one_ion, the counts of one ion",
    LATE: "something else works the crate or its network",
}


class LoadingTries:
    """Judges and counts.

    Args:
        loading: what one ion's counts are.
        pulses: per try.

    Attributes:
        number: tries so far.
    """

    def __init__(self, loading: LoadingSettings, pulses: int):
        self._loading, self._pulses = loading, pulses
        self._total = 0
        self.seen: Counter = Counter()

    @property
    def number(self) -> int:
        return self.seen.total()

    @property
    def counts_per_gate(self) -> tuple[float, float, float]:
        """Mean of the last look, and its 68 % interval."""
        gates = self._loading.gates
        error = max(1, self._total) ** 0.5
        return self._total / gates, (self._total - error) / gates, (self._total + error) / gates

    def judge(self, total: int) -> str:
        """What the photons of all gates together say is there."""
        self._total = total
        low, high = self._loading.one_ion
        mean = total / self._loading.gates
        return EMPTY if mean < low else SEVERAL if mean > high else ONE_ION

    def after_try(self, total: int) -> str:
        """The same, of a try."""
        found = self.judge(total)
        self.seen[found] += 1
        return found

    def late(self) -> str:
        """A try during which the kernel was late."""
        self.seen[LATE] += 1
        return LATE

    def brightness(self) -> str:
        """The last look in words."""
        low, high = self._loading.one_ion
        return f"{self.counts_per_gate[0]:.1f} counts per gate (one ion: {low:g} to {high:g})"

    def words(self) -> str:
        """All tries."""
        fired = self.number * self._pulses
        failed = [f"{times} x {what}" for what, times in sorted(self.seen.items()) if what != ONE_ION]
        tries = f"{self.number} {'try' if self.number == 1 else 'tries'} of {self._pulses} pulses ({fired} in all)"
        return f"{tries}, {', '.join(failed)}" if failed else tries

    def remedy(self) -> str:
        """What to do after what was seen most often."""
        most = self.seen.most_common(1)
        return f"{self.brightness()} at last; {REMEDIES[most[0][0]]}" if most else "no time for a single try"
