"""Both nodes' strings of a characterisation, shown while they come in."""

import time

SHOW_EVERY_S = 2.0


class LiveStrings:
    """Exchanges strings after each block and shows what is known every few seconds; `joint` has them all at the end.

    Args:
        show: called with postprocess.characterisation.recombination.JointRounds.
        timeout_s: longest wait for the peer's last strings.
    """

    def __init__(self, show, timeout_s):
        self.show, self.timeout_s = show, timeout_s
        self.joint = None
        self._recombination = None
        self._shown = time.monotonic()

    def update(self, store, link):
        """Give and take; waits for the peer only when all of this node's rounds are stored and agreed upon."""
        from postprocess.characterisation.recombination import Recombination

        if self.joint is not None:
            return
        if self._recombination is None:
            self._recombination = Recombination(store)
        if store.closed:
            self._recombination.finish(link, self.timeout_s)
            self.joint = self._recombination.rounds()
            return
        self._recombination.update(link)
        if time.monotonic() - self._shown > SHOW_EVERY_S and self._recombination.known:
            self.show(self._recombination.rounds())
            self._shown = time.monotonic()
