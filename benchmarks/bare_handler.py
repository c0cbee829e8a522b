"""An HTTPS server whose only handler answers with random bytes: what aiohttp costs, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import uuid
from pathlib import Path

from aiohttp import web

from kme.configuration import Listening
from kme.tls import server_context

KEY_BYTES = 32


async def answer(request: web.Request) -> web.Response:
    """A key container of one key that nobody else has."""
    key = {"key_ID": str(uuid.uuid4()), "key": base64.b64encode(os.urandom(KEY_BYTES)).decode()}
    return web.json_response({"keys": [key]})


async def main(folder: Path) -> None:
    """Serve for ever; prints the port."""
    app = web.Application()
    app.router.add_get("/api/v1/keys/{sae}/enc_keys", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = server_context(Listening(folder / "server.pem", folder / "server.key", folder / "ca.pem"))
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
