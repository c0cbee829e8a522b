"""The key management entity of a node: what ETSI GS QKD 014 asks of it, without HTTP.

A master's request: places from the pool, a reservation that the peer's ledger stores, the same in this ledger together
with the erasure of the bits, and when both are on disk the answer. So no bit leaves before both ledgers say whose it
is, and a crash at any step costs at most that slice: the peer keeps it for a slave who never learns its key_ID.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from contract.nodes import other_node
from kme.configuration import Configuration, Sae
from kme.group_commit import GroupCommit
from kme.key_supply import KeySupply, Permissions
from kme.peer_dialogue import Refused
from kme.peer_line import PeerLine
from kme.peer_messages import reserved_groups
from kme.pool_watch import PoolWatch
from kme.reservations import Reservations
from postprocess.errors import DiqkdError, PeerLost
from postprocess.keystore.served_keys import RefusedSlice
from postprocess.keystore.slices import NotServed, Slice
from postprocess.link.codec import encode
from postprocess.storage.node_home import NodeHome

logger = logging.getLogger("diqkd.kme")

DAY_S = 86_400.0
GREETING_S = 5.0
ABSENCE_S = 0.5  # between two looks for a peer that is away
NOTHING_ALLOWED = Permissions()
BAD_REQUEST, UNAUTHORISED, UNAVAILABLE = 400, 401, 503


class RequestRefused(DiqkdError):
    """What an application is told instead of keys; `status` is the standard's: 400, 401 or 503."""

    def __init__(self, status: int, message: str, details: Sequence[dict] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.details = status, message, list(details)


@dataclass(frozen=True)
class DeliveredKeys:
    """(key_ID, key) of each key, and what must be said of them; `keys` never stands in a log."""

    keys: list[tuple[str, bytes]] = field(repr=False)
    warnings: list[str] = field(default_factory=list)


class KeyManager:
    """One node's KME.

    Args:
        home: the node's home. ledger: its keystore, in the hands of one thread. line: to the peer's KME.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        home: NodeHome,
        ledger: GroupCommit,
        line: PeerLine,
        configuration: Configuration,
        permissions: Permissions = NOTHING_ALLOWED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._node, self._ledger, self._line, self._clock = home.node, ledger, line, clock
        self.configuration, self._permissions = configuration, permissions
        self._slices = ledger.keystore.slices
        self.supply = KeySupply(home, ledger, line, configuration, permissions, self._on_reserve)
        timeout_s = configuration.rules.peer_timeout_s
        self._reservations = Reservations(home.node, ledger, self.supply.dialogue, timeout_s, clock)
        self._watch = PoolWatch(configuration.rules.low_bits)
        self._tasks: list[asyncio.Task] = []
        self._asked_bits: dict[str, int] = {}  # by master, under way

    async def start(self) -> None:
        """Begin to talk to the peer; requests are refused until it answers."""
        await self.supply.start()
        self._tasks = [asyncio.create_task(self.supply.dialogue.run()), asyncio.create_task(self._keep_in_touch())]

    async def close(self) -> None:
        """Stop; the ledger stays open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._reservations.close()
        self.supply.close()
        self._line.close()

    async def _keep_in_touch(self) -> None:
        while True:
            there = False
            try:
                there = await self.supply.greet()
                await self.supply.tidy(self._clock())
            except DiqkdError as problem:
                logger.error("%s", problem)
            await asyncio.sleep(GREETING_S if there else ABSENCE_S)

    # Requests

    def status(self, master: Sae, slave_id: str) -> dict:
        """The standard's Status, for a master SAE of this node and a slave SAE of the peer's."""
        self._require_partner(master, slave_id)
        rules = self.configuration.rules
        size = self._usual_bits(master) // 8
        answer = {
            "source_KME_ID": self.configuration.kme_id,
            "target_KME_ID": self.configuration.peer_kme_id,
            "master_SAE_ID": master.sae_id,
            "slave_SAE_ID": slave_id,
            "key_size": 8 * size,
            "stored_key_count": self.supply.stored(size),
            "max_key_count": self.supply.capacity(size),
            "max_key_per_request": rules.most_keys,
            "max_key_size": master.most_bits,
            "min_key_size": master.least_bits,
            "max_SAE_ID_count": 0,
        }
        if warnings := self.supply.warnings():
            answer["status_extension"] = {"warnings": warnings}
        return answer

    async def keys_for_master(self, master: Sae, slave_id: str, number: int = 1, bits: int = 0) -> DeliveredKeys:
        """Fresh keys, `number` of `bits` (0: the usual size), which that slave can have from the peer's KME, once.

        Raises:
            RequestRefused: not this master's partner; a number or size out of range; the peer's KME is away, or there
                are not so many keys.
        """
        self._require_partner(master, slave_id)
        bits = bits or self._usual_bits(master)
        self._require_in_range(master, number, bits)
        if not self.supply.is_ready:
            raise _away()
        total = number * bits
        self._asked_bits[master.sae_id] = self._asked_bits.get(master.sae_id, 0) + total
        try:
            await self._require_quota(master)
            slices, answer = await self._reservation(master, slave_id, number, bits // 8)
            try:
                found = await self._acknowledged(answer)
            finally:
                self.supply.in_flight -= {each.slice_id for each in slices}
        except PeerLost:
            raise _away() from None
        finally:
            self._asked_bits[master.sae_id] -= total
        self._watch.delivered(total, self.supply.free_bits)
        keys = [(each.slice_id, data) for each, data in zip(slices, found, strict=True)]
        return DeliveredKeys(keys, self.supply.warnings({each.key_id for each in slices}))

    async def _reservation(
        self, master: Sae, slave_id: str, number: int, size: int
    ) -> tuple[list[Slice], Awaitable[list[bytes]]]:
        """Slices for a request, sent to the peer in the order in which their places were taken."""
        places = self.supply.pool.allocate(number, size)
        if places is None:
            if await self.supply.replenish(number, size):
                places = self.supply.pool.allocate(number, size)
            if places is None:
                self._watch.empty()
                raise RequestRefused(UNAVAILABLE, "not enough keys; ask for fewer, or later")
        slices = [Slice(str(uuid.uuid4()), *place, size, master.sae_id, slave_id) for place in places]
        self.supply.in_flight |= {each.slice_id for each in slices}
        return slices, self._reservations.add(slices)

    async def _acknowledged(self, answer: Awaitable[list[bytes]]) -> list[bytes]:
        """The bits, once both ledgers have the slices."""
        try:
            return await answer
        except Refused as problem:
            if problem.reason == "slave":
                raise _not_authorised() from None
            logger.warning("%s", problem)
            await self.supply.greet()  # positions differ: take the larger ones
            raise RequestRefused(UNAVAILABLE, "the peer's KME refused the reservation; ask again") from None
        except PeerLost as problem:
            self.supply.lost(str(problem))
            raise
        except DiqkdError as problem:
            raise _broken(problem) from None

    async def keys_for_slave(self, slave: Sae, master_id: str, key_ids: Sequence[str]) -> DeliveredKeys:
        """The keys that a master at the peer's node has reserved for this slave: all of them or none, once.

        Raises:
            RequestRefused: one of them is not for this slave, of another master, unknown, or handed out already.
        """
        self._require_partner(slave, master_id)
        if not 1 <= len(key_ids) <= self.configuration.rules.most_keys or len(set(key_ids)) < len(key_ids):
            most = self.configuration.rules.most_keys
            raise RequestRefused(BAD_REQUEST, f"key_IDs shall be from 1 to {most} different ones")

        def claim(write):
            served = filter(self.supply.is_served, list(self.supply.keys))
            return self._slices.claim(write, key_ids, master_id, slave.sae_id, served)

        try:
            found = await self._ledger.write(claim)
        except NotServed as problem:
            logger.warning("dec_keys: refused to %s: %s", slave.sae_id, problem)
            raise RequestRefused(
                BAD_REQUEST, "a key_ID cannot be served", [{"key_ID": key_id} for key_id in key_ids]
            ) from None
        except DiqkdError as problem:
            raise _broken(problem) from None
        self.supply.unconfirmed -= set(key_ids)
        keys = [(key_id, data) for key_id, (_, data) in zip(key_ids, found, strict=True)]
        return DeliveredKeys(keys, self.supply.warnings({key_id for key_id, _ in found}))

    # What must hold of a request

    def _usual_bits(self, sae: Sae) -> int:
        return min(max(self.configuration.rules.size, sae.least_bits), sae.most_bits)

    def _require_partner(self, sae: Sae, partner_id: str) -> None:
        if partner_id not in sae.peers or not self.supply.peer_agrees(sae.sae_id, partner_id):
            raise _not_authorised()

    def _require_in_range(self, master: Sae, number: int, bits: int) -> None:
        if bits % 8:
            raise RequestRefused(BAD_REQUEST, "size shall be a multiple of 8")
        if not master.least_bits <= bits <= master.most_bits:
            raise RequestRefused(BAD_REQUEST, f"size shall be from {master.least_bits} to {master.most_bits} bits")
        if not 1 <= number <= self.configuration.rules.most_keys:
            raise RequestRefused(BAD_REQUEST, f"number shall be from 1 to {self.configuration.rules.most_keys}")

    async def _require_quota(self, master: Sae) -> None:
        if master.bits_per_day is None:
            return
        since = self._clock() - DAY_S
        taken = await self._ledger.read(lambda: self._slices.bits_taken(master.sae_id, since))
        if taken + self._asked_bits[master.sae_id] > master.bits_per_day:
            raise RequestRefused(UNAVAILABLE, f"no more than {master.bits_per_day} bits in 24 hours; ask later")

    # The peer's masters

    async def _on_reserve(self, body: bytes) -> bytes:
        """Store reservations, each as a whole or not at all; the answer has a reason for each that is refused."""
        groups = reserved_groups(body)
        reasons = [self._why_not(slices) for slices in groups]
        allowed = [slices for slices, reason in zip(groups, reasons, strict=True) if not reason]
        owner, now = other_node(self._node), self._clock()

        def reserve(write):
            return self._slices.in_groups(
                write, lambda slices: self._slices.reserve(write, slices, owner, now), allowed
            )

        try:
            outcomes = iter(await self._ledger.write(reserve) if allowed else ())
        except DiqkdError as problem:
            logger.error("a reservation of the peer's: %s", problem)
            return encode({"refused": [reason or "ledger" for reason in reasons]})
        for number, slices in enumerate(groups):
            outcome = None if reasons[number] else next(outcomes)
            if isinstance(outcome, RefusedSlice):
                logger.warning("a reservation of the peer's: %s", outcome)
                reasons[number] = "position"
            elif not reasons[number]:
                self.supply.unconfirmed |= {each.slice_id for each in slices}
        return encode({"refused": reasons})

    def _why_not(self, slices: list[Slice]) -> str:
        """Why this node reserves nothing of it, or nothing."""
        first, size = slices[0], 8 * slices[0].bytes
        slave = self.configuration.saes.get(first.slave)
        if slave is None or first.master not in slave.peers or not slave.least_bits <= size <= slave.most_bits:
            return "slave"
        return "" if all(self.supply.is_served(each.key_id) for each in slices) else "key"


def _away() -> RequestRefused:
    return RequestRefused(UNAVAILABLE, "the peer's KME is away; ask later")


def _not_authorised() -> RequestRefused:
    return RequestRefused(UNAUTHORISED, "this SAE shares no keys with that one")


def _broken(problem: DiqkdError) -> RequestRefused:
    logger.error("%s", problem)
    return RequestRefused(UNAVAILABLE, "the KME cannot use its ledger; its operator finds the reason in its log")
