"""Public plan of rounds that make no key: characterisations, declared before their first round.

Both nodes exchange all strings of such rounds, so no key could ever come of them: they lie in a folder of their own in
a node's home, where post-processing does not look, and travel under a name of their own on the link.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Protocol

from contract.nodes import KINDS
from postprocess.errors import InvalidInput
from postprocess.plans.session_parameters import BELL, SESSION_ID, SessionParameters, read_gamma
from postprocess.storage.bounded_files import read_text

BASES = "bases"
PURPOSE = "characterisation"


class RoundsPlan(Protocol):
    """What rounds need to know, whatever they are for: SessionParameters or MeasurementPlan.

    `scheme` says how settings are drawn (rounds.settings); `store_folder` is the folder in a node's home;
    `link_name` what the rounds are called on the link.
    """

    @property
    def session_id(self) -> str: ...
    @property
    def apparatus(self) -> str: ...
    @property
    def rounds(self) -> int: ...
    @property
    def block_rounds(self) -> int: ...
    @property
    def blocks(self) -> int: ...
    @property
    def gamma(self) -> Fraction: ...
    @property
    def insecure_because(self) -> tuple[str, ...]: ...
    @property
    def key_bases(self) -> int: ...
    @property
    def barrier(self) -> bool: ...
    @property
    def scheme(self) -> str: ...
    @property
    def store_folder(self) -> str: ...
    @property
    def link_name(self) -> str: ...
    def to_json(self) -> str: ...
    def digest(self) -> bytes: ...
    def differences(self, other: Any) -> list[str]: ...


@dataclass(frozen=True)
class MeasurementPlan:
    """What both nodes agree on before they measure a characterisation.

    Attributes:
        session_id: name of the measurement, as of a session.
        apparatus: one of contract.nodes.KINDS.
        rounds: heralded rounds.
        scheme: "bell": settings as in a key session with this gamma; "bases": every round is announced as a test round,
            Alice's setting is uniform in 0..3, Bob's in 0..1.
        gamma: probability of a Bell-test round, k/256.
        bases: what the settings mean where scheme is "bases": names of Alice's four and Bob's two.
        block_rounds: rounds per block.
        key_bases: that Bob announces in key rounds, 1 or 2.

    Raises:
        InvalidInput: a value is out of range.
    """

    session_id: str
    apparatus: str
    rounds: int
    scheme: str = BELL
    gamma: Fraction = Fraction(1, 2)
    bases: tuple[tuple[str, ...], ...] = ()
    block_rounds: int = 1000
    key_bases: int = 1

    insecure_because: ClassVar[tuple[str, ...]] = ("characterisation: both nodes' strings are exchanged",)
    store_folder: ClassVar[str] = "measurements"
    barrier: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("rounds", "block_rounds", "key_bases"):
            if type(getattr(self, name)) is not int:
                raise InvalidInput(f"{name} = {getattr(self, name)!r:.100}: must be a whole number")
        shape = [len(names) for names in self.bases]
        named = all(isinstance(name, str) and len(name) <= 64 for names in self.bases for name in names)
        fitting = named and shape == ([4, 2] if self.scheme == BASES else [])
        checks = (
            (SESSION_ID.fullmatch(self.session_id) is not None, "session_id", "1 to 64 letters, digits, '.', '_', '-'"),
            (self.apparatus in KINDS, "apparatus", f"one of {', '.join(KINDS)}"),
            (1 <= self.rounds <= 100_000_000, "rounds", "1 to 100 000 000"),
            (self.scheme in (BELL, BASES), "scheme", f"'{BELL}' or '{BASES}'"),
            (0 < self.gamma < 1 and (256 * self.gamma).denominator == 1, "gamma", "k/256 with k from 1 to 255"),
            (fitting, "bases", "four of Alice's and two of Bob's, or none"),
            (1 <= self.block_rounds <= 1_000_000, "block_rounds", "1 to 1 000 000"),
            (
                1 <= self.key_bases <= (2 if self.scheme == BELL else 1),
                "key_bases",
                f"1, or 2 where scheme is '{BELL}'",
            ),
        )
        for fits, name, allowed in checks:
            if not fits:
                raise InvalidInput(f"{name} = {getattr(self, name)!s:.100}: must be {allowed}")

    @property
    def link_name(self) -> str:
        """What the two nodes call these rounds on their link; no session's name has a slash."""
        return f"{PURPOSE}/{self.session_id}"

    @property
    def blocks(self) -> int:
        """Number of blocks; the last one may be shorter."""
        return -(-self.rounds // self.block_rounds)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        values = {"purpose": PURPOSE, **asdict(self)}
        if self.key_bases == 1:
            del values["key_bases"]  # as plans were written before there were two
        values["gamma"] = f"{self.gamma.numerator}/{self.gamma.denominator}"
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> MeasurementPlan:
        """A plan from `to_json`; InvalidInput when a field is missing, unknown or out of range."""
        try:
            values: dict[str, Any] = json.loads(text)
            if values.pop("purpose") != PURPOSE:
                raise ValueError("another purpose")
            values["gamma"] = read_gamma(values["gamma"])
            values["bases"] = tuple(tuple(names) for names in values["bases"])
            if values.get("key_bases", 2) == 1:
                raise ValueError("key_bases is left out where there is one")
            return cls(**values)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            raise InvalidInput(f"plan of a characterisation: not what diqkd writes ({problem!s:.200})") from problem

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON, 32 bytes."""
        return hashlib.sha256(self.to_json().encode()).digest()

    def differences(self, other: RoundsPlan) -> list[str]:
        """Names of the fields in which two plans differ."""
        if not isinstance(other, MeasurementPlan):
            return ["purpose"]
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


def read_plan(text: str) -> SessionParameters | MeasurementPlan:
    """The plan of stored rounds, whatever they are for; InvalidInput when the text is neither."""
    try:
        is_measurement = "purpose" in json.loads(text)
    except (ValueError, TypeError, RecursionError) as problem:
        raise InvalidInput(f"session parameters: not what diqkd writes ({problem!s:.200})") from problem
    return MeasurementPlan.from_json(text) if is_measurement else SessionParameters.from_json(text)


def stored_plan(path: Path) -> SessionParameters | MeasurementPlan:
    """The plan beside stored rounds; InvalidInput when its file is missing or damaged."""
    remedy = "restore it from a copy or abandon the session"
    text = read_text(path, remedy)
    try:
        return read_plan(text)
    except InvalidInput as problem:
        raise InvalidInput(f"{path}: {problem}; {remedy}") from problem
