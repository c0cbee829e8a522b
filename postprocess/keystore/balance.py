"""The balance of a ledger: the numbers of the paper's table I."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Balance:
    """Secret bits by what became of them (Nadlinger 2022, table I).

    Attributes:
        initial: |K0|.
        error_correction, authentication, activation: pads consumed by step 7, step 10 and step 11. Reserved pads
            count as consumed.
        vhash_key, trevisan_seed: reusable secrets.
        generated: new key bits, those set aside as pads included.
        delivered: key bits handed out to applications.
        apparatus, insecure_because: what every print of this balance must say.
    """

    initial: int
    error_correction: int
    authentication: int
    activation: int
    vhash_key: int
    trevisan_seed: int
    generated: int
    delivered: int
    apparatus: str
    insecure_because: tuple[str, ...] = ()

    @property
    def consumed(self) -> int:
        """All pads consumed."""
        return self.error_correction + self.authentication + self.activation

    @property
    def reusable(self) -> int:
        """Reusable secrets."""
        return self.vhash_key + self.trevisan_seed

    @property
    def final(self) -> int:
        """|K1|: K0 without the pads consumed, with the new key."""
        return self.initial - self.consumed + self.generated

    @property
    def net(self) -> int:
        """Net gain, |K1| - |K0|."""
        return self.generated - self.consumed

    def as_dict(self) -> dict[str, int]:
        """Table I's numbers by name."""
        return {
            "K0": self.initial,
            "consumed": self.consumed,
            "consumed_error_correction": self.error_correction,
            "consumed_authentication": self.authentication,
            "consumed_activation": self.activation,
            "reusable": self.reusable,
            "reusable_vhash": self.vhash_key,
            "reusable_trevisan": self.trevisan_seed,
            "generated": self.generated,
            "K1": self.final,
            "net": self.net,
        }

    def to_json(self) -> dict[str, object]:
        """Everything, for a machine-readable report."""
        return {
            **self.as_dict(),
            **{name: asdict(self)[name] for name in ("delivered", "apparatus", "insecure_because")},
        }
