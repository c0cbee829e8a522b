"""One seed, one node, both emulations: ARTIQ's drivers as compiled put out what the emulated drivers do, and the ions
answer the same."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compiled_kit

from contract.nodes import BOB, NODES

pytestmark = compiled_kit.needs_artiq
FIELDS = ("patterns", "outcomes", "settings", "types", "flags", "counts", "attempts")
ROUNDS, OUTPUT_ROUNDS, BLOCK_ROUNDS = 5000, 60, 64
ROUND_NS = 425_000


def blocks(name, rounds, bases=1):
    values = 2 + bases if name == BOB else 2
    choices = np.random.default_rng(3).integers(0, values, rounds).astype(np.uint8)
    return [choices[i : i + BLOCK_ROUNDS] for i in range(0, rounds, BLOCK_ROUNDS)]


def measured(name, rounds, folder, patch, bases=1):
    """(watched node, host) of the Python emulation and of the compiled kernels, after the same rounds."""
    found = []
    for apparatus in ("emulated", "compiled"):
        node = compiled_kit.WatchedNode(name, folder / apparatus, patch, apparatus)
        node.rig.physics.partner.lines = 1 + bases if name != BOB else 2
        node.rig.node.configure(replace(node.rig.node.settings, key_bases=bases))
        code, host = node.measure(*blocks(name, rounds, bases))
        assert code == 0
        found.append((node, host))
        node.rig.worker.close()
    return found


@pytest.fixture(scope="module", params=NODES)
def pair(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield measured(request.param, ROUNDS, tmp_path_factory.mktemp("pair"), patch)


@pytest.fixture(scope="module", params=[(node, bases) for bases in (1, 2) for node in NODES], ids=str)
def outputs(request, tmp_path_factory):
    """The same, of few rounds: what both put out from the first herald on, by kind."""
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for node, host in measured(
            request.param[0], OUTPUT_ROUNDS, tmp_path_factory.mktemp("outputs"), patch, request.param[1]
        ):
            first, last = field(host, "timestamps_mu")[[0, -1]]
            kinds = {"edges": node.edges(), "gates": node.gates(), "tones": node.all_tones(), "loads": set(node.loads)}
            found.append(
                {
                    kind: {(int(e[0] - first), *e[1:]) for e in events if 0 <= e[0] - first <= last - first + ROUND_NS}
                    for kind, events in kinds.items()
                }
            )
        yield found


def field(host, name):
    return np.concatenate([np.asarray(getattr(records, name), np.int64) for _, _, _, records in host.kept])


@pytest.mark.parametrize("name", FIELDS)
def test_equal_strings(pair, name):
    (_, emulated), (_, compiled) = pair
    assert len(field(emulated, name)) == ROUNDS
    assert np.array_equal(field(emulated, name), field(compiled, name))


def test_equal_times(pair):
    """From herald to herald; between blocks an RPC takes time, which the Python emulation does not know."""
    (_, emulated), (_, compiled) = pair
    for mine, theirs in zip(emulated.kept, compiled.kept, strict=True):
        times = [np.asarray(kept[3].timestamps_mu, np.int64) for kept in (mine, theirs)]
        assert np.array_equal(*map(np.diff, times))


@pytest.mark.parametrize("kind", ["edges", "gates", "loads"])
def test_equal_outputs(outputs, kind):
    """From the first herald to the end of the last round; of edges also how early the CPU was."""
    emulated, compiled = outputs
    assert len(emulated[kind]) >= OUTPUT_ROUNDS
    assert sorted(emulated[kind] - compiled[kind]) == sorted(compiled[kind] - emulated[kind]) == []


def test_equal_tones(outputs):
    """Phases up to the driver's phase word, 16 of the accumulator's 32 bits, which the emulated DDS does not round."""
    emulated, compiled = (sorted(found["tones"]) for found in outputs)
    assert len(emulated) >= OUTPUT_ROUNDS
    assert [tone[:-1] for tone in emulated] == [tone[:-1] for tone in compiled]
    apart = [(mine[-1] - theirs[-1]) % 2**32 for mine, theirs in zip(emulated, compiled, strict=True)]
    assert all(min(each, 2**32 - each) <= 2**16 for each in apart)
