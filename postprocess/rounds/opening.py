"""Opening the rounds of a plan in a node's home: those of an interrupted run, or new ones."""

from __future__ import annotations

from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.plans.measurement_plan import RoundsPlan, stored_plan
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import RandomSource
from postprocess.randomness.choice import declared_source, random_source
from postprocess.rounds.round_files import PARAMETERS_FILE, require_not_erased
from postprocess.rounds.round_store import RoundStore
from postprocess.storage.node_home import NodeHome
from postprocess.storage.ownership import require_owner
from postprocess.storage.private_files import private_folder


def open_rounds(home: NodeHome, parameters: RoundsPlan, ledger_id: str = "") -> RoundStore:
    """The session's rounds: those of an interrupted run, or new ones whose settings are drawn here and now.

    Args:
        ledger_id: the ledger in which the session's pads are reserved; empty for rounds that make no key.

    Raises:
        InvalidInput: the session was begun with other parameters (they are named), on another node or for another
            ledger, its files are damaged, or settings cannot be drawn: the source is not random, exhausted, or insecure
            where the parameters do not say so.
    """
    folder = home.rounds_folder(parameters.store_folder, parameters.session_id)
    if not RoundStore.exists(folder):
        source = _settings_source(home, parameters)
        private_folder(folder)
        return RoundStore.create(folder, parameters, home.node, source, ledger_id)
    store = open_own(home, folder, ledger_id)
    changed = store.parameters.differences(parameters)
    if changed:
        store.close()
        raise InvalidInput(
            f"session '{parameters.session_id}': begun with other parameters ({', '.join(changed)}); use the same "
            "ones, or a new session id"
        )
    return store


def rounds_to_come(home: NodeHome, parameters: RoundsPlan) -> bool:
    """Whether rounds of a plan are still to be measured; InvalidInput: its files are damaged."""
    folder = home.rounds_folder(parameters.store_folder, parameters.session_id)
    if not RoundStore.exists(folder):
        return True
    store = RoundStore.open(folder, read_only=True)
    store.close()
    return not store.complete


def open_own(home: NodeHome, folder: Path, ledger_id: str, *, read_only: bool = False) -> RoundStore:
    """Stored rounds, if they are this node's own and belong to this ledger; InvalidInput otherwise."""
    require_owner(folder, ledger_id)
    store = RoundStore.open(folder, read_only=read_only)
    if store.node != home.node:
        store.close()
        raise InvalidInput(f"{folder}: the rounds of {store.node} in the home of {home.node}; each node keeps its own")
    return store


def _settings_source(home: NodeHome, parameters: RoundsPlan) -> RandomSource:
    purpose = f"settings of {parameters.link_name}"
    if isinstance(parameters, SessionParameters):
        return declared_source(home, purpose, parameters.insecure_because)
    return random_source(home, purpose)  # of a characterisation, whose settings become public


def stored_parameters(home: NodeHome, session_id: str) -> SessionParameters:
    """Public parameters of a session whose rounds are stored here.

    Raises:
        InvalidInput: no such session, or a characterisation, whose strings are no secret.
    """
    folder = home.session_folder(session_id)
    require_not_erased(folder)
    if not RoundStore.exists(folder):
        raise InvalidInput(
            f"{folder}: no such session, no stored rounds here; give the right --home, --node and --session"
        )
    parameters = stored_plan(folder / PARAMETERS_FILE)
    if not isinstance(parameters, SessionParameters):
        raise InvalidInput(f"{folder}: a characterisation, whose strings are no secret; it makes no key")
    return parameters
