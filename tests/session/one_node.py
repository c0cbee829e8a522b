"""One node's post-processing in a process of its own, for tests that kill it."""

import json
import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from session_nodes import ROLES, draw_rounds, rehearsal

from postprocess.keystore import Keystore
from postprocess.keystore.database import Database
from postprocess.link import open_link


def die_after(what):
    """Kill this process, with the signal nobody can catch, as soon as the named write is on disk."""
    commit = Database.transaction

    @contextmanager
    def transaction(self, name):
        with commit(self, name) as execute:
            yield execute
        if name == what:
            os.kill(os.getpid(), signal.SIGKILL)

    Database.transaction = transaction


def main(home, node, session_id, what):
    die_after(what)
    parameters = rehearsal(session_id, rounds=5000, ell=400)
    home = Path(home)
    link = open_link(home, node, session_id, "session", timeout_s=40)
    try:
        with Keystore.open(home / "keystore.sqlite") as keystore:
            rounds = draw_rounds(parameters)[node]
            result = ROLES[node](parameters, rounds, link, keystore, timeout_s=40, probe_s=0.2).run()
    finally:
        link.close()
    print(json.dumps({**asdict(result), "seconds": None}))


if __name__ == "__main__":
    main(*sys.argv[1:])
