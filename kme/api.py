"""The interface of ETSI GS QKD 014 V1.1.1 as aiohttp handlers: its paths, fields, errors, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from kme import openapi
from kme.configuration import Sae
from kme.identity import Identities
from kme.key_manager import BAD_REQUEST, UNAVAILABLE, DeliveredKeys, KeyManager, RequestRefused

logger = logging.getLogger("diqkd.kme")

MOST_BODY_BYTES = 1 << 17
BODY_TIMEOUT_S = 10.0
_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_WHOLE = re.compile("[0-9]{1,9}")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(manager: KeyManager) -> web.Application:
    """The web application of a KME."""
    interface = Interface(manager)
    app = web.Application(middlewares=[interface.errors], client_max_size=MOST_BODY_BYTES)
    app.router.add_get(openapi.STATUS_PATH, interface.status, allow_head=False)
    app.router.add_get(openapi.ENC_KEYS_PATH, interface.enc_keys, allow_head=False)
    app.router.add_post(openapi.ENC_KEYS_PATH, interface.enc_keys)
    app.router.add_get(openapi.DEC_KEYS_PATH, interface.dec_keys, allow_head=False)
    app.router.add_post(openapi.DEC_KEYS_PATH, interface.dec_keys)
    app.router.add_get(openapi.OPENAPI_PATH, interface.description, allow_head=False)
    return app


class Interface:
    """The handlers."""

    def __init__(self, manager: KeyManager) -> None:
        self._manager = manager
        self._identities = Identities(manager.configuration.saes.values())
        self._description = openapi.description(manager.configuration.rules)

    def _caller(self, request: web.Request) -> Sae:
        transport = request.transport
        return self._identities.sae_of(transport.get_extra_info("ssl_object") if transport else None)

    async def status(self, request: web.Request) -> web.Response:
        """Get status."""
        await _query_only(request)
        return _json(self._manager.status(self._caller(request), request.match_info["slave_SAE_ID"]))

    async def enc_keys(self, request: web.Request) -> web.Response:
        """Get key: fresh ones for a master."""
        sae, slave_id = self._caller(request), request.match_info["slave_SAE_ID"]
        fields = await _fields(request, openapi.KEY_REQUEST_FIELDS, ("number", "size"))
        number, size = _whole(fields, "number", 1), _whole(fields, "size", None)
        _refuse_what_is_not_offered(fields)
        if size == 0:
            raise RequestRefused(BAD_REQUEST, "size shall be greater than 0")
        delivered = await self._manager.keys_for_master(sae, slave_id, number or 0, size or 0)
        logger.debug("enc_keys: %d keys for %s, to share with %s", len(delivered.keys), sae.sae_id, slave_id)
        return _container(delivered)

    async def dec_keys(self, request: web.Request) -> web.Response:
        """Get key with key IDs: those that a master has had, for its slave."""
        sae, master_id = self._caller(request), request.match_info["master_SAE_ID"]
        if request.method == "GET":
            fields = await _fields(request, (), ("key_ID",))
            key_ids = [fields.get("key_ID")]
        else:
            fields = await _fields(request, openapi.KEY_IDS_FIELDS, ())
            entries = fields.get("key_IDs")
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise RequestRefused(BAD_REQUEST, "key_IDs shall be an array of objects with a key_ID each")
            extensions = [fields.get("key_IDs_extension", {})]
            extensions += [entry.get("key_ID_extension", {}) for entry in entries]
            if not all(isinstance(extension, dict) for extension in extensions):
                raise RequestRefused(BAD_REQUEST, "an extension shall be an object")
            key_ids = [entry.get("key_ID") for entry in entries]
        delivered = await self._manager.keys_for_slave(sae, master_id, [_uuid(key_id) for key_id in key_ids])
        logger.debug("dec_keys: %d keys of %s for %s", len(delivered.keys), master_id, sae.sae_id)
        return _container(delivered)

    async def description(self, request: web.Request) -> web.Response:
        """What this interface is, for machines."""
        self._caller(request)
        return _json(self._description)

    @web.middleware
    async def errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every error as the standard has it, and a line in the log; who asks is the first question of all."""
        headers, known = {}, False
        try:
            self._caller(request)
            known = True
            return await handler(request)
        except RequestRefused as problem:
            status, message, details = problem.status, problem.message, problem.details
        except web.HTTPException as problem:
            status, message, details = problem.status, problem.reason, []
            headers = {name: problem.headers[name] for name in ("Allow",) if name in problem.headers}
        except Exception:
            logger.exception("a request ended in an error of this program")
            status, message, details = UNAVAILABLE, "internal error", []
        logger.warning("%s %s: %d, %s", request.method, _shown(request.path), status, message)
        content: dict[str, Any] = {"message": message, **({"details": details} if details else {})}
        response = _json(content, status)
        response.headers.update(headers)
        if not known:
            response.force_close()
        return response


async def _query_only(request: web.Request) -> None:
    if request.can_read_body:
        raise RequestRefused(BAD_REQUEST, "a GET request has no body; use POST")


async def _fields(request: web.Request, allowed: tuple[str, ...], query_allowed: tuple[str, ...]) -> dict[str, Any]:
    """Parameters of a request: the query of a GET, the body of a POST; RequestRefused for others than these."""
    if request.method == "GET":
        await _query_only(request)
        found = dict(request.query)
        if len(found) != len(request.query):
            raise RequestRefused(BAD_REQUEST, "each parameter shall be given once")
        allowed = query_allowed
    else:
        found = _object(await _body(request))
        if request.query:
            raise RequestRefused(BAD_REQUEST, "a POST request has its parameters in its body")
    for name in found:
        if name not in allowed:
            raise RequestRefused(BAD_REQUEST, f"{_shown(name)} is no parameter of this request")
    return found


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except TimeoutError:
        raise RequestRefused(BAD_REQUEST, f"the body has not come within {BODY_TIMEOUT_S:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise RequestRefused(BAD_REQUEST, f"a body has at most {MOST_BODY_BYTES} bytes") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise RequestRefused(BAD_REQUEST, "the body shall be JSON") from None
    if not isinstance(found, dict):
        raise RequestRefused(BAD_REQUEST, "the body shall be a JSON object")
    return found


def _whole(fields: dict[str, Any], name: str, usual: int | None) -> int | None:
    value = fields.get(name, usual)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value) if name in fields else value
    if value is not None and (type(value) is not int or value < 0):
        raise RequestRefused(BAD_REQUEST, f"{name} shall be a whole number")
    if value is None and name in fields:
        raise RequestRefused(BAD_REQUEST, f"{name} shall be a whole number")
    return value


def _refuse_what_is_not_offered(fields: dict[str, Any]) -> None:
    for name in ("additional_slave_SAE_IDs", "extension_mandatory", "extension_optional"):
        kind, what = (str, "IDs") if name.endswith("IDs") else (dict, "objects")
        given = fields.get(name, [])
        if not isinstance(given, list) or not all(isinstance(each, kind) for each in given):
            raise RequestRefused(BAD_REQUEST, f"{name} shall be an array of {what}")
    if fields.get("additional_slave_SAE_IDs"):
        raise RequestRefused(BAD_REQUEST, "additional_slave_SAE_IDs are not supported: max_SAE_ID_count is 0")
    if fields.get("extension_mandatory"):
        raise RequestRefused(BAD_REQUEST, "not all extension_mandatory parameters are supported: there are none")


def _uuid(value: Any) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value.lower()):
        raise RequestRefused(BAD_REQUEST, "key_ID shall be a UUID")
    return value.lower()


def _container(delivered: DeliveredKeys) -> web.Response:
    keys = [{"key_ID": key_id, "key": base64.b64encode(key).decode()} for key_id, key in delivered.keys]
    content: dict[str, Any] = {"keys": keys}
    if delivered.warnings:
        content["key_container_extension"] = {"warnings": delivered.warnings}
    return _json(content)


def _json(content: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(content, status=status, headers={"Cache-Control": "no-store"})


def _shown(text: str) -> str:
    shown = ascii(text)
    return shown if len(shown) <= 100 else f"{shown[:100]}..."
