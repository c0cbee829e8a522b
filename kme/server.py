"""The process of a KME: ledger, line to the peer, HTTPS, until it is asked to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kme.configuration import FILE, REMEDY, Configuration, Listening, read_configuration
from kme.group_commit import GroupCommit
from kme.key_supply import Permissions
from kme.tls import server_context
from postprocess.errors import InvalidInput
from postprocess.keystore import open_ledger
from postprocess.storage.node_home import NodeHome
from postprocess.storage.private_files import lock_file, private_folder

SLOW_CLIENT_S = 30.0  # without a whole request
END_PATIENCE_S = 5.0
SWITCH_S = 5e-4  # the ledger's thread does little between its syncs, and should not wait for its turn


def serve(
    home: NodeHome, permissions: Permissions, *, file: Path | None = None, ready: Callable[[str], None] = print
) -> None:
    """Serve a node's keys until SIGTERM or SIGINT.

    Args:
        file: the configuration; None: kme.toml in the home.
        ready: called with a line for the operator once the server listens.

    Raises:
        InvalidInput: a configuration, certificate or ledger that does not do, or a KME that serves this node already.
    """
    configuration = read_configuration(file or home.folder / FILE)
    listening = configuration.listening
    if listening is None:
        raise InvalidInput(f"{home.folder / FILE}: no [server]; {REMEDY}")
    context = server_context(listening)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("diqkd.kme").setLevel(logging.INFO)
    sys.setswitchinterval(SWITCH_S)
    lock = lock_file(private_folder(home.folder / "kme") / "lock", f"{home.folder}: another KME serves this node")
    try:
        asyncio.run(_serve(home, open_ledger(home), configuration, permissions, listening, context, ready))
    finally:
        os.close(lock)


async def _serve(home, keystore, configuration: Configuration, permissions, listening: Listening, context, ready):
    from aiohttp import web

    from kme.api import application
    from kme.key_manager import KeyManager
    from kme.peer_line import NodeLine

    try:
        line = NodeLine(home.folder, home.node)
    except BaseException:
        keystore.close()
        raise
    end, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, end.set)
    ledger = GroupCommit(keystore)
    manager = KeyManager(home, ledger, line, configuration, permissions)
    runner = web.AppRunner(
        application(manager), access_log=None, keepalive_timeout=SLOW_CLIENT_S, shutdown_timeout=END_PATIENCE_S
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, listening.address, listening.port, ssl_context=context)
        try:
            await site.start()
        except OSError as problem:
            raise InvalidInput(
                f"{listening.address} port {listening.port}: cannot be used ({problem.strerror}); give another one in "
                f"{FILE}"
            ) from None
        await manager.start()
        bound = replace(listening, port=runner.addresses[0][1])
        ready(f"{configuration.kme_id}: https://{bound.address}:{bound.port}/api/v1/keys")
        await end.wait()
    finally:
        await runner.cleanup()
        await manager.close()
        await ledger.close()
