"""The interface by clients that nobody here wrote (PyPI's etsi-qkd-014-client, curl, requests): ETSI GS QKD 014."""

import base64
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from etsi_qkd_014_client import QKD014Client

from kme import api
from kme.identity import Identities, names_in
from kme.key_manager import RequestRefused
from kme.tls import server_context

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120  # only ends a hang
STATUS_FIELDS = {
    "source_KME_ID": str, "target_KME_ID": str, "master_SAE_ID": str, "slave_SAE_ID": str, "key_size": int,
    "stored_key_count": int, "max_key_count": int, "max_key_per_request": int, "max_key_size": int,
    "min_key_size": int, "max_SAE_ID_count": int,
}  # fmt: skip


def foreign(servers, node, sae):
    return QKD014Client(f"127.0.0.1:{servers.ports[node]}", *servers.files(sae), servers.ca)


def ask(servers, sae, node, path, method="GET", **more):
    return requests.request(
        method, servers.url(node, path), cert=servers.files(sae), verify=servers.ca, timeout=60, **more
    )


def refused(answer, status, words):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    content = answer.json()
    assert set(content) <= {"message", "details"} and words in content["message"], content
    return content


def test_the_foreign_client_shares_a_key(servers):
    master, slave = foreign(servers, "alice", "a1"), foreign(servers, "bob", "b1")
    code, status = master.get_status("b1")
    assert code == 200 and (status.source_kme_id, status.target_kme_id) == ("kme-alice", "kme-bob")
    code, keys = master.get_key("b1", number=2, size=512)
    assert code == 200 and [len(base64.b64decode(key.key)) for key in keys.keys] == [64, 64]
    ids = [key.key_id for key in keys.keys]
    code, same = slave.get_key_with_key_IDs("a1", ids)
    assert code == 200 and [(key.key_id, key.key) for key in same.keys] == [(key.key_id, key.key) for key in keys.keys]
    code, error = slave.get_key_with_key_IDs("a1", ids)
    assert code == 400 and error.details == [{"key_ID": key_id} for key_id in ids]
    code, one = master.get_key("b1")
    assert code == 200 and len(base64.b64decode(one.keys[0].key)) == 32
    code, error = foreign(servers, "bob", "b2").get_key_with_key_IDs("a1", [one.keys[0].key_id])
    assert code == 400 and "cannot be served" in error.message
    assert slave.get_key_with_key_IDs("a1", [one.keys[0].key_id])[0] == 200


def test_status_has_the_fields_and_types_that_devices_test_for(servers):
    before = ask(servers, "a1", "alice", "b1/status").json()
    extension = before.pop("status_extension")
    assert {name: type(value) for name, value in before.items()} == STATUS_FIELDS
    assert (before["master_SAE_ID"], before["slave_SAE_ID"]) == ("a1", "b1")
    assert before["max_key_count"] >= before["stored_key_count"] > 0 and before["max_SAE_ID_count"] == 0
    assert extension["warnings"] == ["emulated apparatus: protects nothing", "insecure: a test"]
    ask(servers, "a1", "alice", "b1/enc_keys", params={"number": 3})
    after = ask(servers, "a1", "alice", "b1/status").json()
    assert after["stored_key_count"] == before["stored_key_count"] - 3, "reserved keys are not counted"


def test_curl_gets_and_posts(servers):
    assert shutil.which("curl"), "curl is part of what this is tested with"
    certificate, key = servers.files("a1")
    common = ["curl", "--silent", "--show-error", "--cacert", servers.ca]
    at_alice = [*common, "--cert", certificate, "--key", key, servers.url("alice", "b1/enc_keys?number=1&size=128")]
    (given,) = json.loads(subprocess.run(at_alice, capture_output=True, check=True).stdout)["keys"]
    certificate, key = servers.files("b1")
    body = json.dumps({"key_IDs": [{"key_ID": given["key_ID"]}]})
    at_bob = [*common, "--cert", certificate, "--key", key, "--data", body, servers.url("bob", "a1/dec_keys")]
    assert json.loads(subprocess.run(at_bob, capture_output=True, check=True).stdout)["keys"] == [given]


def test_a_get_request_for_one_key_id(servers):
    (given,) = ask(servers, "a1", "alice", "b1/enc_keys").json()["keys"]
    answer = ask(servers, "b1", "bob", "a1/dec_keys", params={"key_ID": given["key_ID"].upper()})
    assert answer.status_code == 200 and answer.json()["keys"] == [given]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "shall be JSON"), (b"[" * 60_000, "shall be JSON"), (b"\xff\xfe", "shall be JSON"),
        (b"[]", "JSON object"),
        (b'{"size": 100}', "size shall be a multiple of 8"), (b'{"size": 56}', "size shall be from 64 to 1024"),
        (b'{"size": 0}', "greater than 0"), (b'{"size": "big"}', "size shall be a whole number"),
        (b'{"number": 0}', "number shall be from 1 to 128"), (b'{"number": 129}', "number shall be from"),
        (b'{"number": true}', "number shall be a whole number"), (b'{"number": -1}', "number shall be a whole number"),
        (b'{"number": null}', "number shall be a whole number"), (b'{"number": 1.5}', "number shall be a whole number"),
        (b'{"additional_slave_SAE_IDs": ["b2"]}', "max_SAE_ID_count is 0"),
        (b'{"additional_slave_SAE_IDs": "b2"}', "shall be an array"),
        (b'{"extension_mandatory": [{"x": 1}]}', "not all extension_mandatory"),
        (b'{"nubmer": 1}', "'nubmer' is no parameter"),
        (b'{"number": 1' + b" " * (1 << 18) + b"}", "at most 131072 bytes"),
    ],
)  # fmt: skip
def test_requests_that_are_refused(servers, body, words):
    before = ask(servers, "a1", "alice", "b1/status").json()["stored_key_count"]
    refused(ask(servers, "a1", "alice", "b1/enc_keys", "POST", data=body), 400, words)
    assert ask(servers, "a1", "alice", "b1/status").json()["stored_key_count"] == before, "nothing is lost"


def test_optional_extensions_may_be_ignored(servers):
    body = {"extension_optional": [{"colour": "blue"}], "additional_slave_SAE_IDs": [], "extension_mandatory": []}
    assert ask(servers, "a1", "alice", "b1/enc_keys", "POST", json=body).status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "key_IDs shall be"), ({"key_IDs": []}, "from 1 to 128"), ({"key_IDs": ["x"]}, "array of objects"),
        ({"key_IDs": [{"key_ID": "x"}]}, "shall be a UUID"), ({"key_IDs": [{}]}, "shall be a UUID"),
        ({"key_IDs": [{"key_ID": str(uuid.UUID(int=1))}] * 2}, "different"),
        ({"key_IDs": [{"key_ID": str(uuid.UUID(int=1))}]}, "cannot be served"),
    ],
)  # fmt: skip
def test_key_ids_that_are_refused(servers, body, words):
    refused(ask(servers, "b1", "bob", "a1/dec_keys", "POST", json=body), 400, words)


@pytest.mark.parametrize(
    ("path", "more", "words"),
    [
        ("b1/enc_keys", {"params": {"size": "1e3"}}, "size shall be a whole number"),
        ("b1/enc_keys", {"params": {"colour": "blue"}}, "'colour' is no parameter"),
        ("b1/enc_keys", {"params": [("number", "1"), ("number", "2")]}, "given once"),
        ("b1/enc_keys", {"data": b'{"number": 3}'}, "a GET request has no body"),
        ("b1/dec_keys", {}, "shall be a UUID"),
    ],
)
def test_queries_that_are_refused(servers, path, more, words):
    refused(ask(servers, "a1", "alice", path, **more), 400, words)


def test_unknown_partners_paths_and_methods(servers):
    for path in ("a2/enc_keys", "nobody/status", "b1%2Fx/enc_keys", "%00/status"):
        refused(ask(servers, "a1", "alice", path), 401, "shares no keys")
    refused(ask(servers, "a1", "alice", "b1/other"), 404, "Not Found")
    answer = ask(servers, "a1", "alice", "b1/status", "DELETE")
    refused(answer, 405, "Not Allowed")
    assert answer.headers["Allow"] == "GET"


def test_identity_is_the_certificate_alone(servers):
    """No header makes one application another."""
    headers = {"X-SAE-ID": "a1", "X-SSL-Client-CN": "a1", "Authorization": "Bearer a1"}
    status = ask(servers, "a2", "alice", "b1/status", headers=headers).json()
    assert status["master_SAE_ID"] == "a2"


def test_a_client_of_the_other_node_is_no_client_here(servers):
    refused(ask(servers, "b1", "alice", "b2/status"), 401, "belongs to no SAE")


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("b1/status", {}), ("b1/enc_keys", {}), ("b1/enc_keys", {"method": "POST", "data": b'{"number": 1}'}),
        ("a1/dec_keys", {"method": "POST", "data": b"x" * (1 << 18)}), ("../openapi.json", {}), ("b1/other", {}),
        ("b1/status", {"method": "DELETE"}),
    ],
)  # fmt: skip
def test_without_a_certificate_there_is_401_and_nothing_else(servers, path, more, caplog):
    """For whatever is asked, before a body is read; the connection ends with it."""
    before = ask(servers, "a1", "alice", "b1/status").json()["stored_key_count"]
    method, data = more.get("method", "GET"), more.get("data")
    with caplog.at_level("WARNING", "diqkd.kme"):
        answer = _bare_request(servers, method, f"/api/v1/keys/{path}", data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ") and b"connection: close" in head.lower()
    assert json.loads(body) == {"message": "a client certificate is needed"}
    assert any("401, a client certificate is needed" in record.message for record in caplog.records)
    assert ask(servers, "a1", "alice", "b1/status").json()["stored_key_count"] == before


def _bare_request(servers, method, path, data):
    """All that comes back on a connection without a client certificate, until the server ends it."""
    context = ssl.create_default_context(cafile=servers.ca)
    length = f"Content-Length: {len(data)}\r\n" if data else ""
    with (
        socket.create_connection(("127.0.0.1", servers.ports["alice"])) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.settimeout(60)
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{length}\r\n".encode() + (data or b"")[:1000])
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    return answer


@pytest.mark.parametrize("kind", ["foreign", "expired", "server's"])
def test_certificates_that_tls_refuses(servers, authority, tmp_path, kind, caplog):
    """An answer needs a connection; these do not get one, and leave a line in the log."""
    own = _authority(servers)
    made = {
        "foreign": lambda: authority.issue("a1", ["a1"], server=False),
        "expired": lambda: own.issue("a1", ["a1"], server=False, days=-1),
        "server's": lambda: own.issue("a1", ["a1"], server=True),
    }[kind]()
    files = (str(tmp_path / "c.pem"), str(tmp_path / "c.key"))
    for name, content in zip(files, made, strict=True):
        with open(name, "wb") as file:  # noqa: PTH123
            file.write(content)
    with caplog.at_level("WARNING", "diqkd.kme"), pytest.raises(requests.exceptions.ConnectionError):
        requests.get(servers.url("alice", "b1/status"), cert=files, verify=servers.ca, timeout=60)
    assert any("refused by TLS" in record.message for record in caplog.records)


def _authority(servers):
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from kme.certificates import Authority

    certificate = x509.load_pem_x509_certificate((servers.certificates / "ca.pem").read_bytes())
    return Authority(certificate, load_pem_private_key((servers.certificates / "ca.key").read_bytes(), None))


def test_tls_1_2_only_by_option(servers):
    context = ssl.create_default_context(cafile=servers.ca)
    context.load_cert_chain(*servers.files("a1"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", servers.ports["alice"])) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_the_option_allows_1_2_and_nothing_older(servers):
    context = server_context(replace(servers.listening("alice"), tls_1_2=True))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2 and context.verify_mode == ssl.CERT_OPTIONAL


def test_a_slow_body_is_refused_and_costs_nothing(servers, monkeypatch):
    monkeypatch.setattr(api, "BODY_TIMEOUT_S", 0.2)
    context = ssl.create_default_context(cafile=servers.ca)
    context.load_cert_chain(*servers.files("a1"))
    with (
        socket.create_connection(("127.0.0.1", servers.ports["alice"])) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(b"POST /api/v1/keys/b1/enc_keys HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{")
        connection.settimeout(60)
        answer = connection.recv(4096)
    assert b"400" in answer and b"the body has not come" in answer


def test_names_of_certificates():
    """SAN before CN; a slash in a CN is part of it; two SAEs in one certificate are none."""
    from kme_pair import configuration

    subject = ((("organizationName", "x"),), (("commonName", "a/b"),))
    assert names_in({"subject": subject}) == ["a/b"]
    assert names_in({"subject": subject, "subjectAltName": (("DNS", "a1"), ("URI", "sae:1"))}) == ["a1", "sae:1"]
    identities = Identities(configuration("alice").saes.values())

    class Connection:
        def __init__(self, *names, days="2099"):
            self.names = {"subjectAltName": [("DNS", name) for name in names]}
            self.names |= {"notAfter": f"Jan  1 00:00:00 {days} GMT"}

        def getpeercert(self):
            return self.names

    assert identities.sae_of(Connection("a1", "other")).sae_id == "a1"
    for connection in (Connection("a1", "a2"), Connection("x"), Connection("a1", days="2020"), None):
        with pytest.raises(RequestRefused) as found:
            identities.sae_of(connection)
        assert found.value.status == 401


def test_wireguard_gets_the_same_preshared_key_at_both_ends(servers, tmp_path):
    wg = tmp_path / "wg"
    wg.write_text('#!/bin/sh\n{ echo "$@"; cat /dev/stdin; } > "$(dirname "$0")/set-$2"\n')
    wg.chmod(0o700)
    port = _free_port()

    def end(role, node, partner, *place):
        certificate, key = servers.files(f"{node[0]}1")
        words = ["--kme", f"127.0.0.1:{servers.ports[node]}", "--ca", servers.ca, "--partner", f"{partner[0]}1"]
        words += ["--certificate", certificate, "--key", key]
        words += ["--interface", f"wg-{node}", "--peer", "PUBLIC", "--wg", wg, *place]
        command = [sys.executable, ROOT / "examples" / "wireguard_psk.py", role, *words]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)

    slave = end("slave", "bob", "alice", "--listen", f"127.0.0.1:{port}")
    deadline = time.monotonic() + PATIENCE_S
    while not _listens(port):
        assert time.monotonic() < deadline and slave.poll() is None
        time.sleep(0.05)
    master = end("master", "alice", "bob", "--connect", f"127.0.0.1:{port}")
    printed = [process.communicate(timeout=PATIENCE_S)[0] for process in (master, slave)]
    assert (master.returncode, slave.returncode) == (0, 0), printed
    files = [(tmp_path / f"set-wg-{node}").read_text().splitlines() for node in ("alice", "bob")]
    assert files[0][0] == "set wg-alice peer PUBLIC preshared-key /dev/stdin"
    assert files[0][1] == files[1][1] and len(files[0][1]) == 44
    assert not any(files[0][1] in text for text in printed)


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _listens(port):
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


def test_the_peer_away_is_503_at_once(serve, tmp_path):
    with serve(tmp_path / "homes", bits=2000) as own:
        own.stop_kme("bob")
        refused(ask(own, "a1", "alice", "b1/enc_keys"), 503, "the peer's KME is away")
