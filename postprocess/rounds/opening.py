"""Opening the rounds of a plan in a node's home: those of an interrupted run, or new ones."""

from __future__ import annotations

from postprocess.errors import InvalidInput
from postprocess.plans.measurement_plan import RoundsPlan, stored_plan
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness.choice import random_source
from postprocess.rounds.round_store import RoundStore
from postprocess.storage.node_home import NodeHome
from postprocess.storage.private_files import private_folder


def open_rounds(home: NodeHome, parameters: RoundsPlan) -> RoundStore:
    """The session's rounds: those of an interrupted run, or new ones whose settings are drawn here and now.

    Raises:
        InvalidInput: the session was begun with other parameters (they are named), or its files are damaged.
    """
    folder = home.rounds_folder(parameters.store_folder, parameters.session_id)
    if not RoundStore.exists(folder):
        private_folder(folder)
        source = random_source(home, f"settings of {parameters.link_name}")
        return RoundStore.create(folder, parameters, home.node, source)
    store = RoundStore.open(folder)
    changed = store.parameters.differences(parameters)
    if changed:
        store.close()
        raise InvalidInput(
            f"session '{parameters.session_id}': begun with other parameters ({', '.join(changed)}); use the same "
            "ones, or a new session id"
        )
    return store


def stored_parameters(home: NodeHome, session_id: str) -> SessionParameters:
    """Public parameters of a session whose rounds are stored here.

    Raises:
        InvalidInput: no such session, or a characterisation, whose strings are no secret.
    """
    folder = home.session_folder(session_id)
    if not RoundStore.exists(folder):
        raise InvalidInput(
            f"{folder}: no such session, no stored rounds here; give the right --home, --node and --session"
        )
    parameters = stored_plan(folder / "parameters.json")
    if not isinstance(parameters, SessionParameters):
        raise InvalidInput(f"{folder}: a characterisation, whose strings are no secret; it makes no key")
    return parameters
