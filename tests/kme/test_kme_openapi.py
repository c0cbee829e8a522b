"""The served description holds: schemathesis makes requests from it, good ones and bad ones, against the server."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from kme_pair import configuration

from kme import openapi
from kme.key_manager import KeyManager

DESCRIPTION = openapi.description(configuration("alice").rules)
schema = schemathesis.openapi.from_dict(DESCRIPTION)


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(servers, case):
    case.path_parameters = dict.fromkeys(case.path_parameters, "b1")  # who is a partner is no matter of form
    base = f"https://127.0.0.1:{servers.ports['alice']}"
    left_out = [schemathesis.checks.not_a_server_error]  # 503 without keys, as described
    if case.operation.path == openapi.DEC_KEYS_PATH:
        left_out += schemathesis.checks.CHECKS.get_by_names(["positive_data_acceptance"])  # a key_ID nobody has: 400
    case.call_and_validate(
        base_url=base, session=servers.session, verify=servers.ca, cert=servers.files("a1"), excluded_checks=left_out
    )


def test_the_description_is_served(servers):
    url = f"https://127.0.0.1:{servers.ports['alice']}{openapi.OPENAPI_PATH}"
    answer = requests.get(url, cert=servers.files("a1"), verify=servers.ca, timeout=60)
    assert answer.json() == DESCRIPTION


@pytest.mark.parametrize("schema_name", ["Status", "KeyContainer"])
def test_described_fields_are_those_of_the_standard(schema_name):
    fields = set(DESCRIPTION["components"]["schemas"][schema_name]["properties"])
    if schema_name == "KeyContainer":
        assert fields == {"keys", "key_container_extension"}
    else:
        assert fields == {*_status_fields(), "status_extension"}


def _status_fields():
    manager = KeyManager.__new__(KeyManager)
    manager.configuration = configuration("alice")
    manager.supply = type("Supply", (), {
        "stored": lambda self, size: 0, "capacity": lambda self, size: 0, "warnings": lambda self: [],
        "peer_agrees": lambda *_: True})()  # fmt: skip
    return manager.status(manager.configuration.saes["a1"], "b1")
