"""Which bytes come next: this node's shares of the served keys, as they are now, requests under way counted.

The ledger's positions follow once the peer has acknowledged; here they move at once, so that two requests never get
the same bytes. A request that fails does not bring its bytes back.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from postprocess.keystore.served_keys import Share


@dataclass
class _Open:
    position: int
    stop: int

    @property
    def free(self) -> int:
        return max(0, self.stop - self.position)


class Pool:
    """Own shares, the oldest key's first. Sizes in bytes."""

    def __init__(self) -> None:
        self._shares: dict[tuple[str, int], _Open] = {}

    def refresh(self, shares: Iterable[Share]) -> None:
        """Take in what the ledger says; what is under way here goes further, never back."""
        fresh = {}
        for share in shares:
            place = (share.key_id, share.start)
            known = self._shares.get(place, _Open(share.position, share.stop))
            fresh[place] = _Open(max(known.position, share.position), min(known.stop, share.stop))
        self._shares = fresh

    def allocate(self, count: int, size: int) -> list[tuple[str, int]] | None:
        """Places (key id, first byte) for `count` slices of `size` bytes; None when there are not so many."""
        if self.count(size) < count:
            return None
        places: list[tuple[str, int]] = []
        for (key_id, _), share in self._shares.items():
            while len(places) < count and share.free >= size:
                places.append((key_id, share.position))
                share.position += size
        return places

    def count(self, size: int) -> int:
        """How many slices of this size there are."""
        return sum(share.free // size for share in self._shares.values())

    @property
    def free(self) -> int:
        """All free bytes."""
        return sum(share.free for share in self._shares.values())

    def give(self, least: int, key_ids: Container[str]) -> tuple[str, int, int] | None:
        """Give up the end of the largest share of these keys: half of what is free there, or `least` bytes if that is
        more.

        Returns:
            (key id, first byte, stop); None when no share has so many.
        """
        places = [place for place in self._shares if place[0] in key_ids]
        place = max(places, key=lambda place: self._shares[place].free, default=None)
        if place is None or self._shares[place].free < least:
            return None
        share = self._shares[place]
        given = max(least, share.free // 2)
        share.stop -= given
        return place[0], share.stop, share.stop + given
