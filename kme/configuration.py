"""kme.toml of a node: who it is, where it listens, which applications may ask for what."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import read_bytes

FILE = "kme.toml"
REMEDY = "docs/keys.md shows one, `diqkd kme certificates` writes one"
MOST_FILE_BYTES = 1 << 20
LOOPBACK = ("127.0.0.1", "::1", "localhost")
SMALLEST_BITS, LARGEST_BITS = 64, 8 << 16
_WORDS = {str: "text", int: "a whole number", dict: "a table", list: "a list", bool: "true or false"}


@dataclass(frozen=True)
class Sae:
    """An application (secure application entity) of this node.

    Attributes:
        sae_id: its ID in requests. certificate: the name in its client certificate (SAN, else CN).
        peers: IDs of the SAEs at the peer's node with which it may share keys, in either role.
        least_bits, most_bits: of a key. bits_per_day: as a master, in any 24 hours; None: no limit.
    """

    sae_id: str
    certificate: str
    peers: tuple[str, ...]
    least_bits: int
    most_bits: int
    bits_per_day: int | None


@dataclass(frozen=True)
class Listening:
    """Where and how the server listens; paths are absolute."""

    certificate: Path
    private_key: Path
    client_ca: Path
    address: str = "127.0.0.1"
    port: int = 8014
    tls_1_2: bool = False

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.address in LOOPBACK


@dataclass(frozen=True)
class KeyRules:
    """How keys are cut. Sizes in bits.

    Attributes:
        size: of a key when a request does not say. least_size, most_size: of a key. most_keys: in one request.
        share: Alice's part of each key, the same on both nodes. hand_over: whether free bytes of this node's shares go
            to the peer when it has run out.
        expire_hours: after which a key that its slave has not asked for is erased; 0: never.
        low_bits: warn when the pool has less. peer_timeout_s: how long a request waits for the peer's KME.
    """

    size: int = 256
    least_size: int = SMALLEST_BITS
    most_size: int = 1024
    most_keys: int = 128
    share: float = 0.5
    hand_over: bool = True
    expire_hours: float = 0.0
    low_bits: int = 4096
    peer_timeout_s: float = 5.0


@dataclass(frozen=True)
class Configuration:
    """All of kme.toml; SAEs by ID."""

    kme_id: str
    peer_kme_id: str
    rules: KeyRules
    saes: Mapping[str, Sae]
    listening: Listening | None = field(default=None, repr=False)


def read_configuration(path: Path) -> Configuration:
    """The configuration in a file; InvalidInput names what is wrong in it."""
    try:
        content = tomllib.loads(read_bytes(path, REMEDY, MOST_FILE_BYTES).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InvalidInput(f"{path}: not a TOML file ({problem}); {REMEDY}") from None
    return _Table(content, str(path)).configuration(path.parent)


@dataclass(frozen=True)
class _Table:
    """A table of the file; every value is taken once, by name and type."""

    content: dict[str, Any]
    where: str

    def configuration(self, folder: Path) -> Configuration:
        self._only("kme_id", "peer_kme_id", "server", "keys", "sae")
        rules = self._table("keys")._rules()
        saes: dict[str, Sae] = {}
        for number, entry in enumerate(self._take("sae", list, []), 1):
            if not isinstance(entry, dict):
                raise InvalidInput(f"{self.where}: write each SAE as a table of its own, [[sae]]")
            sae = _Table(entry, f"{self.where}, [[sae]] {number}")._sae(rules)
            if sae.sae_id in saes or sae.certificate in {known.certificate for known in saes.values()}:
                raise InvalidInput(f"{self.where}: two [[sae]] with the id or the certificate of '{sae.sae_id}'")
            saes[sae.sae_id] = sae
        listening = self._table("server")._listening(folder)
        return Configuration(self._name("kme_id"), self._name("peer_kme_id"), rules, saes, listening)

    def _listening(self, folder: Path) -> Listening:
        self._only(*(each.name for each in fields(Listening)))
        paths = {name: folder / self._take(name, str) for name in ("certificate", "private_key", "client_ca")}
        port = self._whole("port", Listening.port, 0, 65_535)
        address = self._take("address", str, Listening.address)
        return Listening(**paths, address=address, port=port, tls_1_2=self._take("tls_1_2", bool, False))

    def _rules(self) -> KeyRules:
        self._only(*(each.name for each in fields(KeyRules)))
        usual = KeyRules()
        least = self._bits("least_size", usual.least_size)
        most = self._bits("most_size", max(usual.most_size, least), least)
        return KeyRules(
            size=self._bits("size", min(max(usual.size, least), most), least, most),
            least_size=least,
            most_size=most,
            most_keys=self._whole("most_keys", usual.most_keys, 1, 1024),
            share=self._real("share", usual.share, 0, 1),
            hand_over=self._take("hand_over", bool, usual.hand_over),
            expire_hours=self._real("expire_hours", usual.expire_hours, 0, 1e6),
            low_bits=self._whole("low_bits", usual.low_bits, 0, 1 << 50),
            peer_timeout_s=self._real("peer_timeout_s", usual.peer_timeout_s, 0.1, 600),
        )

    def _sae(self, rules: KeyRules) -> Sae:
        self._only("id", "certificate", "peers", "least_size", "most_size", "bits_per_day")
        sae_id = self._name("id")
        peers = tuple(self._take("peers", list))
        if not peers or not all(isinstance(peer, str) and peer.isprintable() for peer in peers):
            raise InvalidInput(f"{self.where}: peers must name at least one SAE of the peer's node, as text")
        least = self._bits("least_size", rules.least_size, rules.least_size, rules.most_size)
        most = self._bits("most_size", rules.most_size, least, rules.most_size)
        daily = self._whole("bits_per_day", -1, 0, 1 << 50) if "bits_per_day" in self.content else None
        return Sae(sae_id, self._name("certificate", sae_id), peers, least, most, daily)

    def _only(self, *names: str) -> None:
        unknown = sorted(map(str, self.content.keys() - set(names)))
        if unknown:
            raise InvalidInput(f"{self.where}: '{unknown[0][:40]}' is not known here; there are {', '.join(names)}")

    def _table(self, name: str) -> _Table:
        return _Table(self._take(name, dict, {}), f"{self.where}, [{name}]")

    def _take(self, name: str, kind: type, usual: Any = None) -> Any:
        value = self.content.get(name, usual)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            words: str = {str: "text", int: "a whole number", dict: "a table", list: "a list", bool: "true or false"}[
                kind
            ]
            raise InvalidInput(f"{self.where}: {name} must be given, as {words}; {REMEDY}")
        if isinstance(value, str) and not (0 < len(value) <= 4000 and value.isprintable()):
            raise InvalidInput(f"{self.where}: {name} must be printable text")
        return value

    def _name(self, name: str, usual: str | None = None) -> str:
        value = self._take(name, str, usual)
        if len(value) > 256:
            raise InvalidInput(f"{self.where}: {name} must have at most 256 characters")
        return value

    def _whole(self, name: str, usual: int, least: int, most: int) -> int:
        value = self._take(name, int, usual)
        if not least <= value <= most:
            raise InvalidInput(f"{self.where}: {name} = {value}: must be from {least} to {most}")
        return value

    def _bits(self, name: str, usual: int, least: int = SMALLEST_BITS, most: int = LARGEST_BITS) -> int:
        value = self._whole(name, usual, least, most)
        if value % 8:
            raise InvalidInput(f"{self.where}: {name} = {value}: must be a multiple of 8")
        return value

    def _real(self, name: str, usual: float, least: float, most: float) -> float:
        value = self.content.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise InvalidInput(f"{self.where}: {name} must be a number from {least:g} to {most:g}")
        return float(value)
