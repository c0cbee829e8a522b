"""The interface described for machines (OpenAPI 3.0), from the same names that the handlers use."""

from __future__ import annotations

from typing import Any

from kme.configuration import KeyRules

STATUS_PATH = "/api/v1/keys/{slave_SAE_ID}/status"
ENC_KEYS_PATH = "/api/v1/keys/{slave_SAE_ID}/enc_keys"
DEC_KEYS_PATH = "/api/v1/keys/{master_SAE_ID}/dec_keys"
OPENAPI_PATH = "/api/v1/openapi.json"
KEY_REQUEST_FIELDS = ("number", "size", "additional_slave_SAE_IDs", "extension_mandatory", "extension_optional")
KEY_IDS_FIELDS = ("key_IDs", "key_IDs_extension")

_OBJECT = {"type": "object"}
_OBJECTS = {"type": "array", "items": _OBJECT}
_UUID = {"type": "string", "format": "uuid"}
_ERRORS = {"400": "bad request format", "401": "not authorised", "503": "error on the server's side, or no keys"}


def _whole(least: int, most: int | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, **({} if most is None else {"maximum": most}), **more}


def _record(required: dict[str, Any], optional: dict[str, Any] | None = None, *, closed: bool = True) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": not closed}
    return found | ({"required": list(required)} if required else {})


def _schemas(rules: KeyRules) -> dict[str, Any]:
    number = _whole(1, rules.most_keys, default=1)
    size = _whole(rules.least_size, rules.most_size, multipleOf=8, default=rules.size)
    key = _record({"key_ID": _UUID, "key": {"type": "string", "format": "byte"}})
    names = {name: {"type": "string"} for name in ("source_KME_ID", "target_KME_ID", "master_SAE_ID", "slave_SAE_ID")}
    counts = ("key_size", "stored_key_count", "max_key_count", "max_key_per_request", "max_key_size", "min_key_size")
    key_id = _record({"key_ID": _UUID}, {"key_ID_extension": _OBJECT}, closed=False)
    return {
        "Status": _record(
            names | {name: _whole(0) for name in (*counts, "max_SAE_ID_count")}, {"status_extension": _OBJECT}
        ),
        "KeyRequest": _record(
            {},
            {
                "number": number,
                "size": size,
                "additional_slave_SAE_IDs": {"type": "array", "items": {"type": "string"}, "maxItems": 0},
                "extension_mandatory": _OBJECTS | {"maxItems": 0},
                "extension_optional": _OBJECTS,
            },
        ),
        "KeyContainer": _record({"keys": {"type": "array", "items": key}}, {"key_container_extension": _OBJECT}),
        "KeyIDs": _record(
            {"key_IDs": {"type": "array", "items": key_id, "minItems": 1, "maxItems": rules.most_keys}},
            {"key_IDs_extension": _OBJECT},
        ),
        "Error": _record({"message": {"type": "string"}}, {"details": _OBJECTS}),
    }


def _reference(name: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def _operation(name: str, sae: str, answer: str, query: dict[str, Any], body: str | None = None) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    parameters = [{"name": sae, "in": "path", "required": True, "schema": text}]
    parameters += [
        {"name": key, "in": "query", "required": key == "key_ID", "schema": schema} for key, schema in query.items()
    ]
    responses = {"200": {"description": "done"} | _reference(answer)}
    responses |= {status: {"description": text} | _reference("Error") for status, text in _ERRORS.items()}
    found: dict[str, Any] = {"operationId": name, "parameters": parameters, "responses": responses}
    if body:
        found["requestBody"] = {"required": body == "KeyIDs"} | _reference(body)
    return found


def description(rules: KeyRules) -> dict[str, Any]:
    """The whole description, a JSON object."""
    schemas = _schemas(rules)
    request = schemas["KeyRequest"]["properties"]
    query = {name: request[name] for name in ("number", "size")}
    slave, master = "slave_SAE_ID", "master_SAE_ID"
    return {
        "openapi": "3.0.3",
        "info": {"title": "Key delivery, ETSI GS QKD 014 V1.1.1", "version": "1.1.1"},
        "paths": {
            STATUS_PATH: {"get": _operation("getStatus", slave, "Status", {})},
            ENC_KEYS_PATH: {
                "get": _operation("getKeySimple", slave, "KeyContainer", query),
                "post": _operation("getKey", slave, "KeyContainer", {}, "KeyRequest"),
            },
            DEC_KEYS_PATH: {
                "get": _operation("getKeyWithKeyIDsSimple", master, "KeyContainer", {"key_ID": _UUID}),
                "post": _operation("getKeyWithKeyIDs", master, "KeyContainer", {}, "KeyIDs"),
            },
        },
        "components": {"schemas": schemas},
    }
