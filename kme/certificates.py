"""Certificates to try key delivery with: an authority of one's own, both servers, some applications, kme.toml.

For a demonstration: one machine makes all private keys. In a network each machine makes its own, and an authority that
stands elsewhere signs them; kme.toml names such files just as well.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from contract.nodes import NODES, other_node
from kme.configuration import FILE
from postprocess.errors import InvalidInput
from postprocess.storage.private_files import private_folder, write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

DAYS = 365
PORTS = dict(zip(NODES, (8014, 8015), strict=True))
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_SAE_ID = re.compile(r"[ -~]{1,64}")

TEMPLATE = """\
# {node}'s key management entity; docs/keys.md explains every line.
kme_id = "kme-{name}"
peer_kme_id = "kme-{peer}"

[server]
address = "127.0.0.1"
port = {port}
certificate = "kme/server.pem"
private_key = "kme/server.key"
client_ca = "kme/ca.pem"

[keys]
size = 256
"""
SAE = """
[[sae]]
id = {sae_id}
peers = [{peers}]
"""


@dataclass(frozen=True)
class Authority:
    """A certificate authority; its private key never leaves this process but into its file."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @classmethod
    def made(cls, name: str = "diqkd demonstration authority") -> Authority:
        """A new one."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        key, subject = _private_key(), _subject(name)
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        certificate = (
            _builder(subject, subject, key.public_key(), DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    def issue(self, name: str, alternatives: Sequence[str], *, server: bool, days: float = DAYS) -> tuple[bytes, bytes]:
        """(certificate, private key) in PEM, for a server or a client.

        Args:
            alternatives: host names and addresses; empty: the common name alone.
            days: valid from now on; negative: expired so long ago.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = _private_key()
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            _builder(_subject(name), self.certificate.subject, key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if alternatives:
            names = x509.SubjectAlternativeName([_general_name(text) for text in alternatives])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM), _pem(key)

    def pem(self) -> bytes:
        """Its certificate."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self.certificate.public_bytes(Encoding.PEM)


def make_demonstration(
    homes: Path, folder: Path, saes: dict[str, Sequence[str]], hosts: Sequence[str] = ("localhost", "127.0.0.1", "::1")
) -> list[Path]:
    """Authority, servers and clients into a new folder; each home on this machine gets what its server needs.

    Args:
        saes: node -> IDs of its applications; every one may share keys with every one of the other node's.
        hosts: names and addresses by which clients reach the servers.

    Returns:
        The files of the clients' certificates.

    Raises:
        InvalidInput: the folder has certificates, or an ID that no certificate can bear.
    """
    if (folder / "ca.pem").exists():
        raise InvalidInput(f"{folder / 'ca.pem'}: exists; use these certificates, or name a new folder with --to")
    names = [name for node in NODES for name in saes[node]]
    for name in names:
        if not _SAE_ID.fullmatch(name) or "/" in name or name.startswith(".") or names.count(name) > 1:
            raise InvalidInput(f"SAE ID {ascii(name)[:60]}: give each its own, up to 64 ASCII characters, no slash")
    authority = Authority.made()
    private_folder(folder)
    write_private(folder / "ca.key", _pem(authority.key))
    clients = []
    for name in names:
        alternatives = [name] if _HOST_NAME.fullmatch(name) else []
        clients.append(_write(folder, name, *authority.issue(name, alternatives, server=False)))
    for node in NODES:
        server = authority.issue(f"kme-{node}", hosts, server=True)
        _write(folder, f"kme-{node}", *server)
        if (homes / node).is_dir():
            _equip(homes / node, node, authority, server, saes)
    write_private(folder / "ca.pem", authority.pem())
    return clients


def _equip(home: Path, node: str, authority: Authority, server: tuple[bytes, bytes], saes) -> None:
    folder = private_folder(home / "kme")
    _write(folder, "server", *server)
    write_private(folder / "ca.pem", authority.pem())
    if (home / FILE).exists():
        return
    peer = other_node(node)
    text = TEMPLATE.format(node=node.capitalize(), name=node, peer=peer, port=PORTS[node])
    peers = ", ".join(map(_quoted, saes[peer]))
    text += "".join(SAE.format(sae_id=_quoted(sae_id), peers=peers) for sae_id in saes[node])
    write_private(home / FILE, text.encode())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write(folder: Path, name: str, certificate: bytes, key: bytes) -> Path:
    write_private(folder / f"{name}.key", key)
    write_private(folder / f"{name}.pem", certificate)
    return folder / f"{name}.pem"


def _private_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _subject(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject, issuer, public_key, days: float) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=1), now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(begin, end - timedelta(hours=1)))
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, digital_signature=False, key_cert_sign=False, crl_sign=False) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(text: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
