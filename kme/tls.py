"""The server's side of mutual TLS: 1.3, or 1.2 by option; a client whose certificate is not valid gets no further.

One that has no certificate at all gets a connection, and on it the standard's 401 and nothing else (see `api`).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kme.configuration import REMEDY, Listening
from postprocess.errors import InvalidInput
from postprocess.storage.private_files import require_private

logger = logging.getLogger("diqkd.kme")

CIPHERS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(listening: Listening) -> ssl.SSLContext:
    """The context of the server; InvalidInput names a file that is missing, open to others, or not what it should be.

    Sessions are never resumed: a resumed one would not look at the client's certificate again.
    """
    for path in (listening.certificate, listening.private_key, listening.client_ca):
        if not path.is_file():
            raise InvalidInput(f"{path}: missing; {REMEDY}")
    require_private(listening.private_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2 if listening.tls_1_2 else ssl.TLSVersion.TLSv1_3
    context.set_ciphers(CIPHERS_1_2)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL  # asked of everybody; whoever has none is told so in HTTP
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    _load(lambda: context.load_cert_chain(listening.certificate, listening.private_key), listening.certificate)
    _load(lambda: context.load_verify_locations(listening.client_ca), listening.client_ca)
    context.sslobject_class = _LoggedConnection
    return context


def _load(load: Callable[[], Any], path: Path) -> None:
    try:
        load()
    except (ssl.SSLError, OSError) as problem:
        reason = getattr(problem, "reason", None) or problem
        raise InvalidInput(f"{path}: not a certificate in PEM, or not that of the private key ({reason})") from None


class _LoggedConnection(ssl.SSLObject):
    """A connection whose failed handshake leaves a line in the log."""

    def do_handshake(self) -> None:
        """As of SSLObject."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as problem:
            reason = getattr(problem, "verify_message", "") or problem.reason or "broken off"
            logger.warning("a client was refused by TLS: %s", reason)
            raise
