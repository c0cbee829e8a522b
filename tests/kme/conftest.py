"""Both KMEs of a filled pair of ledgers, as processes' worth of server in this one: HTTPS on loopback ports."""

import asyncio
import gc
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from aiohttp import web
from kme_pair import ALLOWED, NODES, KmePair, fill

from kme import key_manager
from kme.api import application
from kme.certificates import Authority, make_demonstration
from kme.configuration import Listening
from kme.tls import server_context

SAES = {"alice": ["a1", "a2"], "bob": ["b1", "b2"]}


@dataclass
class Servers:
    """Both servers in an event loop of their own.

    Attributes:
        certificates: folder of the demonstration's; authority: another one that signs for them too (see `client`).
        ports: node -> port.
    """

    homes: Path
    certificates: Path
    permissions: object = ALLOWED
    rules: dict = field(default_factory=dict)
    ports: dict = field(default_factory=dict)

    def __enter__(self):
        self.session = requests.Session()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.call(self._start())
        return self

    def __exit__(self, *_):
        self.session.close()
        self.call(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        gc.collect()  # Python 3.11 cannot parse source while the collector ends coroutines, and schemathesis does

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(120)

    async def _start(self):
        self.pair = KmePair(self.homes, self.permissions, **self.rules)
        await self.pair.start(*NODES)
        self._runners = {}
        for node in NODES:
            runner = web.AppRunner(application(self.pair.managers[node]), access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(self.listening(node))).start()
            self._runners[node], self.ports[node] = runner, runner.addresses[0][1]
        await self.pair.ready()

    async def _stop(self):
        for runner in self._runners.values():
            await runner.cleanup()
        for node in list(self.pair.managers):
            await self.pair.stop(node)
        left = asyncio.all_tasks() - {asyncio.current_task()}  # of connections that clients keep open
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def stop_kme(self, node):
        self.call(self.pair.stop(node))

    def listening(self, node):
        folder = self.homes / node / "kme"
        return Listening(folder / "server.pem", folder / "server.key", folder / "ca.pem")

    def url(self, node, path):
        return f"https://127.0.0.1:{self.ports[node]}/api/v1/keys/{path}"

    def files(self, sae):
        return str(self.certificates / f"{sae}.pem"), str(self.certificates / f"{sae}.key")

    @property
    def ca(self):
        return str(self.certificates / "ca.pem")


@pytest.fixture(scope="module")
def authority():
    """A second authority, whose clients no server knows."""
    return Authority.made("another authority")


@contextmanager
def serving(folder, bits):
    """Both servers of ledgers with one key of so many bits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_manager, "ABSENCE_S", 0.01)
        homes = fill(folder, {"s1": bits})
        make_demonstration(homes, homes / "certificates", SAES)
        with Servers(homes, homes / "certificates") as running:
            yield running


@pytest.fixture
def serve():
    return serving


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """For tests that leave them as they were."""
    with serving(tmp_path_factory.mktemp("homes"), 40_000) as running:
        yield running
