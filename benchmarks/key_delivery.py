"""Key delivery: keys per second from two KMEs with durable bookkeeping, beside a handler that makes up its answers.

Sixteen clients over TLS on loopback, one key a request. The bare handler is aiohttp's with the same TLS, client
certificates and answer, random bytes in it, no ledger and no peer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
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
    """Rates, latencies and processor time of both requests; the three servers are asked in turns."""
    keys, turns = (FULL_KEYS, 5) if scale.rounds > 100_000 else (QUICK_KEYS, 2)
    each = keys // turns
    bare, enc, dec = Load(), Load(), Load()
    with tempfile.TemporaryDirectory() as folder:
        homes = fill(Path(folder), keys)
        before = _ledger_megabytes(homes)
        with bare_server(homes) as plain, servers(homes) as kmes:
            ports = {node: kme.port for node, kme in kmes.items()}
            for _ in range(turns):
                with bare.counting([plain]):
                    asyncio.run(load(homes, "sae-alice", plain.port, "sae-bob/enc_keys", [{}] * each, bare))
                known = set(enc.keys)
                with enc.counting(kmes.values()):
                    asyncio.run(load(homes, "sae-alice", ports[ALICE], "sae-bob/enc_keys", [{}] * each, enc))
                ids = [{"key_ID": key_id} for key_id in enc.keys.keys() - known]
                with dec.counting(kmes.values()):
                    asyncio.run(load(homes, "sae-bob", ports[BOB], "sae-alice/dec_keys", ids, dec))
        after = _ledger_megabytes(homes)
    if len(enc.keys) != keys or enc.keys != dec.keys or len(set(enc.keys.values())) != keys:
        raise RuntimeError("a key was lost, given twice or changed; its time means nothing")
    note = f"{keys} keys of {KEY_BITS} bits, {CLIENTS} clients, {turns} turns each; per key"
    for name, found in (("enc_keys", enc), ("dec_keys", dec)):
        yield Row(f"{name}, mean", found.seconds / keys, BARE, bare.seconds / keys, note=note)
        yield Row(f"{name}, median latency", median(found.latencies), BARE, median(bare.latencies), note=note)
        late = [quantiles(one.latencies, n=100)[98] for one in (found, bare)]
        yield Row(f"{name}, 99th percentile", late[0], BARE, late[1], note=note)
        both = f"{note}, both KMEs together"
        yield Row(f"{name}, processor time", found.processor_s / keys, BARE, bare.processor_s / keys, note=both)
    yield Row("ledger", after, "before the first key", before, unit="MB", note=f"the master's, after {keys} keys")


def _ledger_megabytes(homes: Path) -> float:
    return (homes / ALICE / "keystore.sqlite").stat().st_size / 1e6


@dataclass(frozen=True)
class Server:
    """A process that listens on a port."""

    process_id: int
    port: int

    def processor_s(self) -> float:
        """Processor time it has used so far."""
        fields = Path(f"/proc/{self.process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Load:
    """What clients were given and how long it took: seconds in all, of each request, of the servers' processors."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.latencies: list[float] = []
        self.seconds = self.processor_s = 0.0

    @contextmanager
    def counting(self, asked: Iterable[Server]) -> Iterator[None]:
        """Of these servers."""
        before = sum(server.processor_s() for server in asked)
        yield
        self.processor_s += sum(server.processor_s() for server in asked) - before


async def load(
    homes: Path, sae: str, port: int, path: str, queries: list[dict[str, Any]], found: Load | None = None
) -> Load:
    """All queries by CLIENTS clients, each with a connection of its own; those for several key_IDs are posted."""
    import aiohttp

    context = ssl.create_default_context(cafile=str(homes / "certificates" / "ca.pem"))
    context.load_cert_chain(homes / "certificates" / f"{sae}.pem", homes / "certificates" / f"{sae}.key")
    found, left = found or Load(), list(reversed(queries))
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
    found.seconds += time.perf_counter() - begin
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
def servers(homes: Path) -> Iterator[Mapping[str, Server]]:
    """Both KMEs as processes, by node, once they serve each other."""
    with ExitStack() as stack:
        kmes = {node: stack.enter_context(server(homes, node)) for node in NODES}
        asyncio.run(_await_keys(homes, {node: kme.port for node, kme in kmes.items()}))
        yield kmes


@contextmanager
def server(homes: Path, node: str) -> Iterator[Server]:
    """One KME as a process."""
    command = [sys.executable, "-m", "diqkd", "kme", "serve", "--home", str(homes), "--node", node, "--json"]
    command += ["--allow-emulated", "--allow-insecure"]
    with (homes / f"{node}.log").open("a") as log, _process(command, log) as (number, line):
        yield Server(number, int(json.loads(line)["ready"].rsplit(":", 1)[1].split("/")[0]))


@contextmanager
def bare_server(homes: Path) -> Iterator[Server]:
    """The bare handler as a process."""
    folder = homes / ALICE / "kme"
    with _process([sys.executable, "-m", "benchmarks.bare_handler", str(folder)], None) as (number, line):
        yield Server(number, int(line))


@contextmanager
def _process(command: list[str], log) -> Iterator[tuple[int, str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(command[1:5])} ended at once")
        yield process.pid, line
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
