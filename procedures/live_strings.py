"""Both nodes' strings of a characterisation, shown while they come in."""

import time

SHOW_EVERY_S = 2.0
SHOW_SHARE = 0.03  # of the time, at most, goes into showing


class LiveStrings:
    """Exchanges strings after each block; shows what is known every few seconds, or less often where that takes long.

    `joint` has all rounds at the end.

    Args:
        show: called with postprocess.characterisation.recombination.JointRounds.
        timeout_s: longest wait for the peer's last strings.
    """

    def __init__(self, show, timeout_s):
        self.show, self.timeout_s = show, timeout_s
        self.joint = None
        self._recombination = None
        self._next_show = time.monotonic() + SHOW_EVERY_S

    def update(self, store, link):
        """Give and take what there is; waits for nothing."""
        exchange = self._exchange(store)
        exchange.update(link)
        start = time.monotonic()
        if start > self._next_show and exchange.known:
            self.show(exchange.rounds())
            shown = time.monotonic()
            self._next_show = shown + max(SHOW_EVERY_S, (shown - start) / SHOW_SHARE)

    def finish(self, store, link):
        """Wait for the peer's last strings, when all rounds are stored on both nodes."""
        exchange = self._exchange(store)
        exchange.finish(link, self.timeout_s)
        self.joint = exchange.rounds()

    def _exchange(self, store):
        from postprocess.characterisation.recombination import Recombination

        if self._recombination is None:
            self._recombination = Recombination(store)
        return self._recombination
