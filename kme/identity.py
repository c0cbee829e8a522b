"""Who asks: an application is its client certificate, as TLS has verified it; no header and no field says otherwise."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from kme.configuration import Sae
from kme.key_manager import UNAUTHORISED, RequestRefused

_NAMES = ("DNS", "URI", "email", "IP Address")


def names_in(certificate: dict[str, Any]) -> list[str]:
    """The names of a certificate as `ssl` gives it: its subject alternative names, else its common names."""
    alternative = [value for kind, value in certificate.get("subjectAltName", ()) if kind in _NAMES]
    if alternative:
        return alternative
    return [value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"]


class Identities:
    """Certificates of this node's SAEs."""

    def __init__(self, saes: Iterable[Sae]) -> None:
        self._by_certificate = {sae.certificate: sae for sae in saes}
        self._known: WeakKeyDictionary[ssl.SSLObject, tuple[Sae, float]] = WeakKeyDictionary()  # by connection

    def sae_of(self, connection: ssl.SSLObject | None, now: float | None = None) -> Sae:
        """The SAE at the other end of a TLS connection.

        Raises:
            RequestRefused: no certificate, one that has expired since, or one that names no SAE, or several.
        """
        if connection is None:
            raise RequestRefused(UNAUTHORISED, "a client certificate is needed")
        if connection not in self._known:
            self._known[connection] = self._identified(connection.getpeercert())
        sae, expires = self._known[connection]
        if expires < (time.time() if now is None else now):
            raise RequestRefused(UNAUTHORISED, "the client certificate has expired")
        return sae

    def _identified(self, certificate: dict[str, Any] | None) -> tuple[Sae, float]:
        """The SAE of a certificate, and when that expires."""
        if not certificate:
            raise RequestRefused(UNAUTHORISED, "a client certificate is needed")
        found = {name for name in names_in(certificate) if name in self._by_certificate}
        if len(found) != 1:
            raise RequestRefused(UNAUTHORISED, "the client certificate belongs to no SAE of this KME")
        return self._by_certificate[found.pop()], ssl.cert_time_to_seconds(str(certificate["notAfter"]))
