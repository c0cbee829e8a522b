"""Asking the peer's ARTIQ master to run the same session, so that one operator can start both nodes.

ARTIQ's control port gives whoever reaches it the whole node. So the peer's is never addressed over a network:
forward it through ssh and give the local end, `ssh -N -L 13251:localhost:3251 alice` and 127.0.0.1:13251.
"""

import importlib.util
import ipaddress

from node.node_errors import NodeProblem

REMEDY = "leave the argument empty and submit the session on the peer's master, too"
GONE = ("deleting",)


class PeerNotAsked(NodeProblem):
    """The peer's master cannot be asked for its run; nothing has been measured or spent."""


def ask_peer(scheduler, address):
    """Submit this run's experiment and arguments to the peer's master, unless the session is in its schedule already.

    Args:
        scheduler: ARTIQ's scheduler device of this run; the peer's run gets its pipeline and priority.
        address: HOST:PORT of the peer's master control port, HOST a loopback address.

    Returns:
        RID on the peer's master, None if it has the session already.

    Raises:
        PeerNotAsked: not a loopback address, nobody answers, or this run is not from the repository.
    """
    host, port = _loopback(address)
    expid = scheduler.expid
    if "repo_rev" not in expid:
        raise PeerNotAsked(
            f"ask_peer {address}: this run is not from the repository, the peer has no such file; {REMEDY}"
        )
    if importlib.util.find_spec("sipyco") is None:
        raise PeerNotAsked(f"ask_peer {address}: there are no masters without ARTIQ; {REMEDY}")
    from sipyco.pc_rpc import Client

    try:
        schedule = Client(host, port, "schedule", timeout=10)
    except OSError as problem:
        raise PeerNotAsked(f"ask_peer {address}: nobody answers ({problem.strerror or problem}); {REMEDY}") from None
    try:
        if _has_session(schedule.get_status(), expid["arguments"].get("session")):
            return None
        return schedule.submit(scheduler.pipeline_name, _for_the_peer(expid), scheduler.priority, None, False)
    finally:
        schedule.close_rpc()


def _for_the_peer(expid):
    """The same experiment from the peer's own checkout, which does not ask back."""
    arguments = {name: value for name, value in expid["arguments"].items() if name != "ask_peer"}
    return {**expid, "repo_rev": None, "arguments": arguments}


def _has_session(schedule, session):
    """Whether a session waits, runs or is analysed there."""
    return any(
        run["expid"].get("arguments", {}).get("session") == session and run["status"] not in GONE
        for run in schedule.values()
    )


def _loopback(address):
    host, _, port = address.rpartition(":")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
        number = int(port)
    except ValueError:
        raise PeerNotAsked(f"ask_peer {address}: write HOST:PORT, for instance 127.0.0.1:13251; {REMEDY}") from None
    if not loopback:
        raise PeerNotAsked(
            f"ask_peer {address}: a master's control port must not be open to a network; forward it through ssh and "
            "give 127.0.0.1:PORT"
        )
    return host.strip("[]"), number
