"""Key delivery: keys per second from two KMEs with durable bookkeeping, beside a handler that makes up its answers.

Sixteen clients over TLS on loopback, one key a request. The bare handler is aiohttp's with the same TLS, client
certificates and answer, random bytes in it, no ledger and no peer.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.measure import Row, Scale
from benchmarks.session import free_endpoints
from contract.nodes import ALICE, BOB, NODES, other_node
from kme.certificates import make_demonstration
from postprocess.keystore import SOUND, Keystore, draw_k0
from postprocess.link.channel import CHANNELS
from postprocess.link.keys import make_link_keys, write_peer
from postprocess.plans.presets import paper
from postprocess.randomness import SeededSource
from postprocess.storage.private_files import write_private

CLIENTS = 16
KEY_BITS = 256
FULL_KEYS, QUICK_KEYS = 10_000, 320
SAES = {ALICE: ("sae-alice",), BOB: ("sae-bob",)}
BARE = "bare aiohttp handler"


def rows(scale: Scale) -> Iterator[Row]:
    """Rates and latencies of both requests."""
    keys = FULL_KEYS if scale.rounds > 100_000 else QUICK_KEYS
    with tempfile.TemporaryDirectory() as folder:
        homes = fill(Path(folder), keys)
        with bare_server(homes) as port:
            bare = asyncio.run(load(homes, "sae-alice", port, "sae-bob/enc_keys", [{}] * keys))
        with servers(homes) as ports:
            enc = asyncio.run(load(homes, "sae-alice", ports[ALICE], "sae-bob/enc_keys", [{}] * keys))
            ids = [{"key_ID": key_id} for key_id in enc.keys]
            dec = asyncio.run(load(homes, "sae-bob", ports[BOB], "sae-alice/dec_keys", ids))
    if len(enc.keys) != keys or enc.keys != dec.keys or len(set(enc.keys.values())) != keys:
        raise RuntimeError("a key was lost, given twice or changed; its time means nothing")
    note = f"{keys} keys of {KEY_BITS} bits, {CLIENTS} clients; per key"
    for name, found in (("enc_keys", enc), ("dec_keys", dec)):
        yield Row(f"{name}, mean", found.seconds / keys, BARE, bare.seconds / keys, note=note)
        yield Row(f"{name}, median latency", median(found.latencies), BARE, median(bare.latencies), note=note)
        late = [quantiles(each.latencies, n=100)[98] for each in (found, bare)]
        yield Row(f"{name}, 99th percentile", late[0], BARE, late[1], note=note)


class Load:
    """What clients were given and how long it took: seconds in all, and of each request."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.latencies: list[float] = []
        self.seconds = 0.0


async def load(homes: Path, sae: str, port: int, path: str, queries: list[dict[str, Any]]) -> Load:
    """All queries by CLIENTS clients, each with a connection of its own; those for several key_IDs are posted."""
    import aiohttp

    context = ssl.create_default_context(cafile=str(homes / "certificates" / "ca.pem"))
    context.load_cert_chain(homes / "certificates" / f"{sae}.pem", homes / "certificates" / f"{sae}.key")
    found, left = Load(), list(reversed(queries))
    url = f"https://127.0.0.1:{port}/api/v1/keys/{path}"

    async def client() -> None:
        connector = aiohttp.TCPConnector(limit=1, ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            while left:
                query, begin = left.pop(), time.perf_counter()
                posted = "key_IDs" in query
                async with session.post(url, json=query) if posted else session.get(url, params=query) as answer:
                    content = await answer.json()
                if answer.status != 200:
                    raise RuntimeError(f"{path}: {answer.status}, {content['message']}")
                found.latencies.append(time.perf_counter() - begin)
                found.keys |= {key["key_ID"]: key["key"] for key in content["keys"]}

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    found.seconds = time.perf_counter() - begin
    return found


def fill(homes: Path, keys: int) -> Path:
    """Both homes with a key long enough for so many of Alice's requests, link keys, certificates, kme.toml."""
    ell = 2 * KEY_BITS * keys + 4096
    because = ("random bits from a fixed seed",)
    first = paper("provisioning", "emulated", insecure_because=because)
    parameters = replace(first, session_id="s1", rounds=4 * ell, ell=ell, syndrome_bits=ell, extractor="toeplitz")
    k0 = draw_k0(SeededSource(1, "K0"), parameters, 2)
    for node in NODES:
        with Keystore.create(homes / node / "keystore.sqlite", node) as keystore:
            keystore.provision(k0, parameters)
            page = keystore.reserve("s1", parameters)
            page.conclude(SOUND, SeededSource(1, "key").bits(ell))
            page.accept()
    public = {node: make_link_keys(homes / node) for node in NODES}
    endpoints = dict(zip(CHANNELS, free_endpoints(len(CHANNELS)), strict=True))
    for node in NODES:
        write_peer(homes / node, public[other_node(node)], endpoints)
    make_demonstration(homes, homes / "certificates", SAES)
    for node in NODES:
        file = homes / node / "kme.toml"
        write_private(file, re.sub(r"port = \d+", "port = 0", file.read_text()).encode())
    return homes


@contextmanager
def servers(homes: Path) -> Iterator[Mapping[str, int]]:
    """Both KMEs as processes; node -> port, once they serve each other."""
    with ExitStack() as stack:
        ports = {node: stack.enter_context(server(homes, node)) for node in NODES}
        asyncio.run(_await_keys(homes, ports))
        yield ports


@contextmanager
def server(homes: Path, node: str) -> Iterator[int]:
    """One KME as a process; its port."""
    command = [sys.executable, "-m", "diqkd", "kme", "serve", "--home", str(homes), "--node", node, "--json"]
    command += ["--allow-emulated", "--allow-insecure"]
    with (homes / f"{node}.log").open("a") as log, _process(command, log) as line:
        yield int(json.loads(line)["ready"].rsplit(":", 1)[1].split("/")[0])


@contextmanager
def bare_server(homes: Path) -> Iterator[int]:
    """The bare handler as a process; its port."""
    folder = homes / ALICE / "kme"
    with _process([sys.executable, "-m", "benchmarks.bare_handler", str(folder)], None) as line:
        yield int(line)


@contextmanager
def _process(command: list[str], log) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(command[1:5])} ended at once")
        yield line
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def _await_keys(homes: Path, ports: Mapping[str, int]) -> None:
    """Warm up, and find out that both have met."""
    for _ in range(600):
        try:
            for node, sae in ((ALICE, "sae-alice"), (BOB, "sae-bob")):
                peer = "sae-bob" if node == ALICE else "sae-alice"
                await load(homes, sae, ports[node], f"{peer}/enc_keys", [{}])
            return
        except RuntimeError:
            await asyncio.sleep(0.1)
    raise RuntimeError("the two KMEs do not find each other")
