"""One node that post-processes stored sessions one after the other, and prints when and how long as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from postprocess.keystore import open_ledger
from postprocess.link import open_link


def post_process(homes: Path, node: str, session_id: str) -> dict[str, Any]:
    """From stored rounds to a key in the ledger; times of private steps too, for these rounds are nobody's secret."""
    start = time.monotonic()
    from postprocess.rounds import RoundStore
    from postprocess.session import AliceSession, BobSession
    from postprocess.storage.node_home import NodeHome

    home = NodeHome(node, homes)
    store = RoundStore.open(home.session_folder(session_id), read_only=True)
    rounds, parameters = store.raw(), store.parameters
    store.close()
    link = open_link(home.folder, home.node, session_id, "session", 300.0)
    try:
        with open_ledger(home) as keystore:
            role = AliceSession if node == "alice" else BobSession
            session = role(parameters, rounds, link, keystore, timeout_s=300.0)
            result = session.run()
    finally:
        link.close()
    if not result.accepted:
        raise SystemExit(f"{node}: session {session_id} ended without a key: {result.abort_reason} {result.detail}")
    seconds = {**session.private_seconds, **session.seconds}
    return {"start": start, "end": time.monotonic(), "seconds": seconds}


if __name__ == "__main__":
    folder, name, *sessions = sys.argv[1:]
    print(json.dumps([post_process(Path(folder), name, session) for session in sessions]))
