"""kme.toml: what it says, and one line for everything that it must not say."""

import pytest

from kme.configuration import KeyRules, read_configuration
from kme.pool_watch import PoolWatch
from postprocess.errors import InvalidInput

GOOD = """
kme_id = "kme-alice"
peer_kme_id = "kme-bob"
[server]
certificate = "c.pem"
private_key = "c.key"
client_ca = "/etc/ca.pem"
[keys]
most_size = 4096
[[sae]]
id = "vpn"
peers = ["vpn-b"]
bits_per_day = 1000
[[sae]]
id = "o=x/cn=y"
certificate = "y/z"
peers = ["vpn-b", "c"]
least_size = 128
"""


def read(tmp_path, text):
    (tmp_path / "kme.toml").write_text(text)
    return read_configuration(tmp_path / "kme.toml")


def test_what_it_says(tmp_path):
    found = read(tmp_path, GOOD)
    assert found.rules == KeyRules(most_size=4096)
    assert (found.listening.certificate, str(found.listening.client_ca)) == (tmp_path / "c.pem", "/etc/ca.pem")
    assert found.listening.is_loopback and (found.listening.port, found.listening.tls_1_2) == (8014, False)
    vpn, other = found.saes.values()
    assert (vpn.certificate, vpn.bits_per_day, vpn.most_bits) == ("vpn", 1000, 4096)
    assert (other.certificate, other.peers, other.least_bits) == ("y/z", ("vpn-b", "c"), 128)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("kme_id", "kme_name", "'kme_name' is not known here"), ('"kme-alice"', "7", "kme_id must be given, as text"),
        ("[keys]", "[keys", "not a TOML file"), ("4096", "4095", "must be a multiple of 8"),
        ("most_size = 4096", "size = 2048", "size = 2048: must be from 64 to 1024"),
        ("most_size = 4096", "share = 1.5", "share must be a number from 0 to 1"),
        ("most_size = 4096", "hand_over = 1", "hand_over must be given, as true or false"),
        ('["vpn-b", "c"]', "[]", "peers must name at least one"), ('["vpn-b", "c"]', "[3]", "peers must name"),
        ('"o=x/cn=y"', '"vpn"', "two .*sae.* with the id or the certificate of 'vpn'"),
        ('"y/z"', '"vpn"', "two .*sae.*"), ("1000", "-1", "bits_per_day = -1"), ("1000", "true", "as a whole number"),
        ("[[sae]]", "[sae]", "as a list|not a TOML file"), ("least_size = 128", "least_size = 8", "64"),
        ('"c.pem"', '""', "certificate must be printable text"),
    ],
)  # fmt: skip
def test_what_it_must_not_say(tmp_path, before, after, words):
    with pytest.raises(InvalidInput, match=words) as found:
        read(tmp_path, GOOD.replace(before, after))
    assert "kme.toml" in str(found.value) and "\n" not in str(found.value)


def test_a_low_pool_is_said_with_the_time_to_empty(caplog):
    now = [1000.0]
    watch = PoolWatch(low_bits=4096, clock=lambda: now[0])
    for free in (50_000, 4096):
        now[0] += 100
        watch.delivered(1000, free)
    assert caplog.text == ""
    now[0] += 100
    watch.delivered(1000, 3000)
    assert "3000 bits left, 5 minutes at the present rate of 10 bits per second" in caplog.text
    watch.delivered(1000, 2000)
    assert len(caplog.records) == 1, "not again at every key"
    now[0] += 601
    watch.empty()
    assert "not enough keys for a request" in caplog.text
