"""GenerateKey as the dashboard sees it, and what it refuses before anything is measured."""

import json
from fractions import Fraction

import pytest

from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore, draw_k0
from postprocess.plans.presets import Choice, session_parameters
from postprocess.randomness import SystemSource
from postprocess.session.under_way import await_leave_to_tell_outcomes, sessions_under_way
from postprocess.storage.node_home import NodeHome
from procedures.upkeep_arguments import upkeep_arguments

SMALL = {"session": "s1", "preset": "custom", "rounds": 1000, "gamma_256": 128, "block_rounds": 100}


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """worker(node) gives a worker on the emulated apparatus, in a laboratory of its own."""
    import emulated

    from testbed.nodes.worker import Worker
    from testbed.physics import laboratory

    made = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIQKD_HOME", raising=False)
    laboratory.use(laboratory.Laboratory(3))

    def make(node, experiment="generate_key.py", **arguments):
        monkeypatch.setenv("DIQKD_NODE", node)
        monkeypatch.setenv("DIQKD_APPARATUS", "emulated")
        made.append(Worker(tmp_path, emulated.ROOT / "device_db.py"))
        made[-1].build(emulated.ROOT / "repository" / experiment, None, arguments)
        return made[-1]

    yield make
    for each in made:
        each.close()
    laboratory.use(None)


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_it_builds_without_home_or_arguments(worker, node):
    experiment = worker(node).experiment
    assert (experiment.node_name, experiment.apparatus) == (node, "emulated")
    assert (experiment.session, experiment.preset, experiment.rounds, experiment.gamma_256) == (
        "session-1",
        "paper",
        1_500_000,
        13,
    )


def test_every_argument_has_a_default_a_group_and_a_tooltip(worker):
    described = {}
    experiment = worker("bob").experiment

    def note(name, processor, group=None, tooltip=None):
        described[name] = (processor.describe(), group, tooltip)

    experiment.setattr_argument = note
    experiment._session_arguments()
    experiment._custom_arguments()
    experiment.patience_arguments()
    experiment._response_argument()
    upkeep_arguments(experiment)
    assert len(described) == 25
    for name, (description, group, tooltip) in described.items():
        assert "default" in description and group and tooltip, name
        if description["ty"] == "NumberValue":
            assert description["min"] <= description["default"] <= description["max"], name
            without = {"block_rounds", "rounds", "gamma_256", "score", "eps_snd", "allowance", "bases"}
            without |= {"recalibrate_rounds", "check_rounds"}
            assert description["unit"] or name in without, name


def test_without_a_home_it_says_so_before_anything_is_reserved(worker):
    made = worker("bob", **SMALL)
    with pytest.raises(InvalidInput, match="DIQKD_HOME is not set"):
        made.prepare()


@pytest.mark.parametrize(
    ("choice", "bases"),
    [
        ({"preset": "longest", "rounds": 20_000}, 2),
        ({"preset": "custom", "rule": "two-bases", "bases": 2, "qber2": 0.04}, 2),
        ({"preset": "custom"}, 1),
    ],
)
def test_rounds_have_the_key_bases_of_the_session(worker, tmp_path, monkeypatch, choice, bases):
    (tmp_path / "homes" / "bob").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("DIQKD_HOME", str(tmp_path / "homes"))
    made = worker("bob", **SMALL | choice)
    made.prepare()
    experiment = made.experiment
    assert experiment.parameters.bases == bases
    assert experiment.parameters.qber2 == (choice.get("qber2", pytest.approx(0.0486, abs=1e-4)) if bases == 2 else None)
    settings = experiment._settings_of_rounds(experiment.node.settings)
    assert (settings.key_bases, settings.schedule.has_barrier) == (bases, choice["preset"] == "longest")


def test_a_second_error_rate_needs_a_second_basis(worker, tmp_path, monkeypatch):
    (tmp_path / "homes" / "bob").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("DIQKD_HOME", str(tmp_path / "homes"))
    made = worker("bob", **SMALL | {"qber2": 0.04})
    with pytest.raises(InvalidInput, match="only a session with two key bases has it"):
        made.prepare()


def test_without_k0_it_says_so(worker, tmp_path, monkeypatch):
    (tmp_path / "homes" / "bob").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("DIQKD_HOME", str(tmp_path / "homes"))
    made = worker("bob", **SMALL)
    made.prepare()
    with pytest.raises(InvalidInput, match=r"keystore\.sqlite"):
        made.run()


def provisioned(folder, monkeypatch):
    """Bob's home and the public parameters of SMALL."""
    home = folder / "homes" / "bob"
    home.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("DIQKD_HOME", str(folder / "homes"))
    choice = Choice(SMALL["rounds"], Fraction(SMALL["gamma_256"], 256), block_rounds=SMALL["block_rounds"])
    public = session_parameters(NodeHome("bob"), "emulated", "s1", preset="custom", choice=choice)
    with Keystore.create(home / "keystore.sqlite", "bob") as keystore:
        keystore.provision(draw_k0(SystemSource(), public), public)
    return home, public


@pytest.mark.parametrize("opened", [".", "keystore.sqlite", "random.json"])
def test_a_key_is_not_made_in_a_home_that_others_may_read(worker, tmp_path, monkeypatch, opened):
    """Case L4: nothing is reserved, nothing drawn."""
    home, _ = provisioned(tmp_path, monkeypatch)
    (home / "random.json").write_text('{"kind": "system"}')
    (home / "random.json").chmod(0o600)
    made = worker("bob", **SMALL)
    made.prepare()
    (home / opened).chmod(0o755)
    with pytest.raises(InvalidInput, match=f"{home / opened}: others may read it; run `chmod"):
        made.run()
    (home / opened).chmod(0o700)
    with Keystore.open(home / "keystore.sqlite") as keystore:
        assert keystore.sessions() == []
    assert not (home / "sessions").exists()


@pytest.mark.parametrize("experiment", ["characterise_link.py", "tomography.py", "calibrate_herald_phase.py"])
def test_nothing_is_measured_with_the_peer_in_a_home_that_others_may_read(worker, tmp_path, monkeypatch, experiment):
    """Case L4: a characterisation opens no ledger, but settings are drawn and link keys used."""
    home, _ = provisioned(tmp_path, monkeypatch)
    made = worker("bob", experiment)
    made.prepare()
    home.chmod(0o750)
    with pytest.raises(InvalidInput, match=f"{home}: others may read it; run `chmod"):
        made.run()
    assert not (home / "measurements").exists()


def test_a_lost_peer_leaves_pads_reserved_and_a_session_to_resume(worker, tmp_path, monkeypatch):
    """Nobody is at the other end: the run ends with a name, its results are written, no round has been started."""
    import h5py

    from postprocess.errors import PeerLost
    from postprocess.link.keys import make_link_keys, write_peer
    from postprocess.rounds import RoundStore

    home, public = provisioned(tmp_path, monkeypatch)
    peer = make_link_keys(tmp_path / "elsewhere")
    make_link_keys(home)
    write_peer(home, peer, {"rounds": "tcp://127.0.0.1:9", "session": "tcp://127.0.0.1:10"})
    made = worker("bob", **SMALL, peer_timeout=1.0)
    made.prepare()
    with pytest.raises(PeerLost):
        made.run()
    assert "never calibrated" in made.datasets.get("diqkd.rounds.calibrations")
    assert made.experiment.parameters == public
    with Keystore.open(home / "keystore.sqlite") as keystore:
        (session,) = keystore.sessions()
        assert (session.session_id, session.outcome) == ("s1", None)
    store = RoundStore.open(home / "sessions" / "s1")
    assert (store.burned_blocks, store.decided) == (0, 0)
    store.burn(0)
    store.close()
    with h5py.File(made.file) as file:
        assert file["datasets"]["diqkd.rounds.plan_digest"][()].decode() == public.digest().hex()
        assert all(name.startswith("diqkd.") for name in file["datasets"])
    for experiment in ("characterise_link.py", "tomography.py", "calibrate_herald_phase.py"):
        other = worker("bob", experiment)
        other.prepare()
        with pytest.raises(InvalidInput, match="session s1 is in the middle of its rounds, and this experiment tells"):
            other.run()
    assert not (home / "measurements").exists()
    resumed = worker("bob", **SMALL, peer_timeout=1.0)
    resumed.prepare()
    with pytest.raises(PeerLost):
        resumed.run()
    assert "diqkd.rounds.calibrations" not in resumed.datasets.data  # they tell what calibrations meanwhile gave
    assert sessions_under_way(NodeHome("bob")) == ["s1"]
    with Keystore.open(home / "keystore.sqlite") as keystore:
        keystore.abandon("s1")
    await_leave_to_tell_outcomes(NodeHome("bob"), 0.0)
    assert sessions_under_way(NodeHome("bob")) == []


@pytest.mark.parametrize("to_come", [True, False])
def test_old_calibrations_hinder_rounds_and_not_what_comes_after_them(worker, tmp_path, monkeypatch, to_come):
    """A session whose rounds are complete is submitted again for its post-processing, maybe days later."""
    from postprocess.acquisition.measurement_loop import OperatorNeeded
    from postprocess.errors import PeerLost
    from postprocess.link.keys import make_link_keys, write_peer

    home, _ = provisioned(tmp_path, monkeypatch)
    make_link_keys(home)
    write_peer(home, make_link_keys(tmp_path / "elsewhere"), {"rounds": "tcp://127.0.0.1:9", "session": "tcp://a:10"})
    old = {"readout.threshold": {"value": 6, "measured": "2020-01-01T00:00:00+00:00", "by": "test"}}
    (home / "calibration.json").write_text(json.dumps(old))
    (home / "calibration.json").chmod(0o600)
    monkeypatch.setattr("postprocess.rounds.opening.rounds_to_come", lambda *_: to_come)
    made = worker("bob", **SMALL, peer_timeout=1.0)
    made.prepare()
    with pytest.raises(OperatorNeeded if to_come else PeerLost) as end:
        made.run()
    assert ("calibrations older than 24 h: readout.threshold" in str(end.value)) is to_come


def test_a_session_given_up_here_measures_no_round(worker, tmp_path, monkeypatch):
    """Case 2: `diqkd keys abandon`, then submitted again."""
    from postprocess.errors import AbortReason, SessionAborted
    from postprocess.link.keys import make_link_keys, write_peer

    home = tmp_path / "homes" / "bob"
    home.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("DIQKD_HOME", str(tmp_path / "homes"))
    make_link_keys(home)
    write_peer(home, make_link_keys(tmp_path / "elsewhere"), {"rounds": "tcp://127.0.0.1:9", "session": "tcp://a:10"})
    choice = Choice(SMALL["rounds"], Fraction(SMALL["gamma_256"], 256), block_rounds=SMALL["block_rounds"])
    public = session_parameters(NodeHome("bob"), "emulated", "s1", preset="custom", choice=choice)
    with Keystore.create(home / "keystore.sqlite", "bob") as keystore:
        keystore.provision(draw_k0(SystemSource(), public), public)
        keystore.reserve("s1", public)
        keystore.abandon("s1")
    made = worker("bob", **SMALL, peer_timeout=1.0)
    made.prepare()
    with pytest.raises(SessionAborted, match="bob's ledger has closed this session") as end:
        made.run()
    assert end.value.reason is AbortReason.ABANDONED
