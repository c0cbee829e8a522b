"""Where slices come from: keys that both nodes have agreed to serve, and what the two KMEs tell each other of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from contract.nodes import ALICE, other_node
from kme.configuration import Configuration
from kme.group_commit import GroupCommit
from kme.peer_dialogue import Handler, PeerDialogue, Refused
from kme.peer_line import PeerLine
from kme.peer_messages import ANSWER_FIELDS, FIELDS, MOST_UNCONFIRMED, VERSION, Greeting
from kme.pool import Pool
from postprocess.errors import InvalidInput, PeerLost
from postprocess.keystore.delivery import erase_leftover
from postprocess.keystore.served_keys import RefusedSlice, ServableKey, Share, alice_bytes, first_split
from postprocess.link.codec import decode, encode
from postprocess.session.erasure import erase_session
from postprocess.storage.node_home import NodeHome

logger = logging.getLogger("diqkd.kme")

DAY_S = 86_400.0
MOST_ROUNDS = 16  # of looking for more, for one request


@dataclass(frozen=True)
class Permissions:
    """What an operator has allowed by name."""

    emulated: bool = False
    insecure: bool = False

    def allow(self, key: ServableKey) -> bool:
        """Whether a key may be handed out."""
        return key.is_allowed(emulated=self.emulated, insecure=self.insecure)


class KeySupply:
    """This node's side of the common keys.

    Args:
        reserve: answers the peer's reservations.

    Attributes:
        pool: own bytes that are free. unconfirmed: slices kept here of which nobody knows whether a master has them.
        in_flight: slices asked of the peer of which it is not decided yet whether a master is given them.
    """

    def __init__(
        self,
        home: NodeHome,
        ledger: GroupCommit,
        line: PeerLine,
        configuration: Configuration,
        permissions: Permissions,
        reserve: Handler,
    ) -> None:
        self._home, self.ledger, self._configuration, self._permissions = home, ledger, configuration, permissions
        self._node, self._rules = home.node, configuration.rules
        self._served = ledger.keystore.served_keys
        handlers = {"hello": self._on_hello, "adopt": self._on_adopt, "borrow": self._on_borrow, "reserve": reserve}
        self.dialogue = PeerDialogue(line, handlers)
        self.pool, self.keys = Pool(), dict[str, ServableKey]()
        self.in_flight: set[str] = set()
        self.unconfirmed: set[str] = set()
        self._peer_active: frozenset[str] = frozenset()
        self._peer_saes: dict[str, tuple[str, ...]] | None = None
        self._greeted, self._lock = False, asyncio.Lock()

    async def start(self) -> None:
        """Make good what a crash has left, and know what there is."""
        keystore = self.ledger.keystore
        for line in await self.ledger.alone(self._erase_leftovers):
            logger.warning("%s", line)
        await self.ledger.write(self._served.erase_passed)
        self.unconfirmed = set(await self.ledger.read(keystore.slices.unconfirmed))
        for key in await self.ledger.read(self._served.keys):
            if key.state == "serving":
                await self._erase_strings(key.key_id)
        await self.refresh()
        for key in self.keys.values():
            if not self._permissions.allow(key):
                logger.warning("key '%s' is not handed out: %s", key.key_id, "; ".join(key.warnings))

    def _erase_leftovers(self) -> list[str]:
        """Copies that interrupted deliveries have left of keys that may be served: such a key has one place only."""
        found, keystore = [], self.ledger.keystore
        for record in keystore.key_records.records():
            try:
                erase_leftover(keystore, record.key_id)
            except InvalidInput as problem:
                found.append(f"{problem}; until then the key is not served")
        return found

    async def refresh(self) -> None:
        """Look at the ledger again: other programs put keys into it."""
        keys, shares = await self.ledger.read(lambda: (self._served.keys(), self._served.shares()))
        self.keys = {key.key_id: key for key in keys}
        self.pool.refresh(share for share in shares if share.owner == self._node and self.is_served(share.key_id))

    def is_served(self, key_id: str) -> bool:
        """Whether slices of this key may be handed out now."""
        key = self.keys.get(key_id)
        return key is not None and key.state == "serving" and self._permissions.allow(key)

    def _may_serve(self) -> list[ServableKey]:
        """Active keys that this node could serve, oldest first."""
        return [key for key in self.keys.values() if key.state == "active" and self._permissions.allow(key)]

    def _adoptable(self) -> list[ServableKey]:
        return [key for key in self._may_serve() if key.key_id in self._peer_active and self._own_part(key.size)]

    def _own_part(self, size: int) -> int:
        alice = alice_bytes(size, self._rules.share)
        return alice if self._node == ALICE else size - alice

    # What there is

    def stored(self, size: int) -> int:
        """How many slices of `size` bytes this node could hand out."""
        return self.pool.count(size) + sum(self._own_part(key.size) // size for key in self._adoptable())

    def capacity(self, size: int) -> int:
        """The same before anything was handed out of these keys."""
        keys = [*self._adoptable(), *(key for key in self.keys.values() if self.is_served(key.key_id))]
        return max(self.stored(size), sum(self._own_part(key.size) // size for key in keys))

    @property
    def free_bits(self) -> int:
        """All bits that this node could hand out."""
        return 8 * (self.pool.free + sum(self._own_part(key.size) for key in self._adoptable()))

    def warnings(self, key_ids: Iterable[str] | None = None) -> list[str]:
        """What must be said of these keys, or of all that are handed out here."""
        if key_ids is None:
            key_ids = [key.key_id for key in self._adoptable()] + list(filter(self.is_served, self.keys))
        found = [self.keys[key_id] for key_id in key_ids if key_id in self.keys]
        return list(dict.fromkeys(warning for key in found for warning in key.warnings))

    def peer_agrees(self, sae_id: str, partner_id: str) -> bool:
        """Whether the peer's KME lets its SAE `partner_id` share keys with our `sae_id`; True until it was asked."""
        return self._peer_saes is None or sae_id in self._peer_saes.get(partner_id, ())

    # Meeting the peer

    @property
    def is_ready(self) -> bool:
        """Whether the peer is there and both know of each other's positions."""
        return self._greeted and self.dialogue.is_there()

    async def greet(self) -> bool:
        """Compare notes with the peer; False when it is not there."""
        if not self.dialogue.is_there():
            self.lost()
            return False
        await self.refresh()
        asked = sorted(self.unconfirmed)[:MOST_UNCONFIRMED]
        mine = await self._greeting(unconfirmed=tuple(asked))
        try:
            answer = Greeting.decoded(await self.dialogue.ask("hello", mine.encoded(), self._rules.peer_timeout_s))
            await self._take_in(answer)
            await self._confirm((self.unconfirmed & set(asked)) - set(answer.in_flight), set(answer.unknown))
        except Refused as problem:
            self._greeted = False
            logger.error("%s", problem)
            return False
        except PeerLost as problem:
            self.lost(str(problem))
            return False
        if not self._greeted:
            logger.info("the peer's KME %s is there", answer.kme_id)
        self._greeted = True
        for key in [key for key in self.keys.values() if key.state == "offered"]:
            with suppress(PeerLost, Refused):
                await self._adopt(key)
        return True

    def lost(self, why: str = "not connected") -> None:
        """Nothing is asked of the peer until it has greeted again."""
        if self._greeted:
            logger.warning("the peer's KME is away (%s): no keys until it is back", why)
        self._greeted = False

    async def _confirm(self, slice_ids: set[str], unknown: set[str]) -> None:
        """The peer has said which of these a master was given."""
        slices = self.ledger.keystore.slices

        def note(write) -> None:
            slices.void(write, list(slice_ids & unknown))
            slices.confirm(write, slice_ids - unknown)

        if slice_ids:
            await self.ledger.write(note)
        self.unconfirmed -= slice_ids

    async def _greeting(self, **answers: Any) -> Greeting:
        peer, slices = other_node(self._node), self.ledger.keystore.slices
        shares, settled = await self.ledger.read(lambda: (self._served.shares(), slices.settled(peer)))
        active = tuple(key.key_id for key in self._may_serve())
        names = (self._node, self._configuration.kme_id, self.ledger.keystore.k0_id)
        saes = tuple((sae.sae_id, *sae.peers) for sae in self._configuration.saes.values())
        found = Greeting(*names, active, tuple(shares), saes, settled=tuple(settled))
        return replace(found, **answers) if answers else found

    async def _take_in(self, theirs: Greeting) -> None:
        expected = (other_node(self._node), self._configuration.peer_kme_id, self.ledger.keystore.k0_id, VERSION)
        found = (theirs.node, theirs.kme_id, theirs.k0_id, theirs.version)
        for name, here, there in zip(("node", "KME ID", "K0", "version"), expected, found, strict=True):
            if here != there:
                logger.error("the peer's KME has another %s than this node expects", name)
                raise Refused(f"another {name}")

        await self.refresh()
        for key in [key for key in self.keys.values() if key.state == "offered"]:
            alice = first_split(theirs.shares, key.key_id)
            if alice is not None:  # the peer has agreed, and its answer was lost
                await self._serve(key.key_id, alice)

        def note(write) -> None:
            self._served.take_over(write, theirs.shares, self._node)
            self._served.raise_positions(write, theirs.shares)

        if await self.ledger.read(lambda: self._served.is_behind(theirs.shares, self._node)):
            await self.ledger.write(note)
        slices, over = self.ledger.keystore.slices, (theirs.settled, theirs.finished)
        if await self.ledger.read(lambda: slices.has_settled(*over)):
            await self.ledger.write(lambda write: slices.prune(write, *over))
        self._peer_active = frozenset(theirs.active)
        self._peer_saes = {sae_id: tuple(partners) for sae_id, *partners in theirs.saes}
        await self.refresh()

    async def _on_hello(self, body: bytes) -> bytes:
        theirs = Greeting.decoded(body)
        await self._take_in(theirs)
        in_flight = self.in_flight & set(theirs.unconfirmed)
        asked = [slice_id for slice_id in theirs.unconfirmed if slice_id not in in_flight]
        served = dict.fromkeys(share.key_id for share in theirs.shares)
        unknown, finished = await self.ledger.read(
            lambda: (self.ledger.keystore.slices.unknown(asked), self._served.finished(served))
        )
        answers = {"unknown": tuple(unknown), "in_flight": tuple(in_flight), "finished": tuple(finished)}
        return (await self._greeting(**answers)).encoded()

    # More bytes

    async def replenish(self, count: int, size: int) -> bool:
        """Look for bytes for `count` slices: keys not served yet, then what the peer can spare; whether there are.

        Raises:
            PeerLost: the peer has gone.
        """
        async with self._lock:
            for _ in range(MOST_ROUNDS):
                if self.pool.count(size) >= count:
                    return True
                try:
                    if adoptable := self._adoptable():
                        await self._adopt(adoptable[0])
                    else:
                        await self._borrow(size)
                except Refused as problem:
                    logger.info("%s", problem)
                    if not adoptable:
                        return False
                    self._peer_active -= {adoptable[0].key_id}
            return self.pool.count(size) >= count

    async def _adopt(self, key: ServableKey) -> None:
        """Agree with the peer that a key is served, durably on both sides."""
        offer = {"key_id": key.key_id, "size": key.size, "alice_bytes": alice_bytes(key.size, self._rules.share)}
        try:
            await self.ledger.write(lambda write: self._served.offer(write, key.key_id))
        except RefusedSlice:  # delivered to a file in this moment
            await self.refresh()
            raise Refused(f"key '{key.key_id}' has gone elsewhere") from None
        try:
            answer = await self.dialogue.ask("adopt", encode(offer), self._rules.peer_timeout_s)
            alice = decode("adopt", answer, ANSWER_FIELDS["adopt"])["alice_bytes"]
        except Refused:
            await self.ledger.write(lambda write: self._served.withdraw(write, key.key_id))
            await self.refresh()
            raise
        await self._serve(key.key_id, alice)

    async def _on_adopt(self, body: bytes) -> bytes:
        offer = decode("adopt", body, FIELDS["adopt"])
        await self.refresh()
        key = self.keys.get(offer["key_id"])
        if key is None:
            raise Refused("key not active")
        alice = first_split(await self.ledger.read(self._served.shares), key.key_id)
        if alice is None:
            alice = alice_bytes(key.size, self._rules.share)
            if not self._permissions.allow(key):
                raise Refused("key not allowed")
            if (offer["size"], offer["alice_bytes"]) != (key.size, alice):
                logger.error("key '%s': the peer's kme.toml gives it another share; make both the same", key.key_id)
                raise Refused("another share")
            await self._serve(key.key_id, alice)
        return encode({"alice_bytes": alice})

    async def _serve(self, key_id: str, alice: int) -> None:
        await self.ledger.write(lambda write: self._served.serve(write, key_id, alice))
        await self._erase_strings(key_id)
        await self.refresh()
        logger.info("key '%s' is served from now on, in slices", key_id)

    async def _erase_strings(self, session_id: str) -> None:
        """What a key was made from: with it, every slice could be made again."""
        await self.ledger.alone(lambda: erase_session(self._home, self.ledger.keystore, session_id))

    async def _borrow(self, size: int) -> None:
        question = encode({"bytes": size, "keys": [key_id for key_id in self.keys if self.is_served(key_id)]})
        answer = await self.dialogue.ask("borrow", question, self._rules.peer_timeout_s)
        given = Share(*decode("borrow", answer, ANSWER_FIELDS["borrow"])["share"])
        await self.ledger.write(lambda write: self._served.take_over(write, [given], self._node))
        await self.refresh()

    async def _on_borrow(self, body: bytes) -> bytes:
        asked = decode("borrow", body, FIELDS["borrow"])
        place = self.pool.give(asked["bytes"], set(asked["keys"])) if self._rules.hand_over else None
        if place is None:
            raise Refused("no bytes to spare")
        share = await self.ledger.write(lambda write: self._served.give(write, *place, self._node))
        return encode({"share": [share.key_id, share.start, share.stop, share.position, share.owner]})

    # Housekeeping

    async def tidy(self, now: float) -> None:
        """Erase what nobody will ask for any more, and close keys of which nothing is left, or on its way."""
        hours, slices = self._rules.expire_hours, self.ledger.keystore.slices
        before, idle = now - 3600 * hours, not self.in_flight
        if not await self.ledger.read(
            lambda: bool((idle and self._served.used_up()) or (hours and slices.waiting_since(before)))
        ):
            return

        def work(write) -> int:
            if idle:
                self._served.finish(write)
            slices.forget_takings(write, now - 2 * DAY_S)
            return slices.expire(write, before) if hours else 0

        expired = await self.ledger.write(work)
        if expired:
            logger.warning("%d keys that nobody has asked for have expired and are erased", expired)

    def close(self) -> None:
        """Nothing is asked any more."""
        self.dialogue.close()
