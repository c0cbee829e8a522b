"""From stored rounds to a key: steps 4 to 12 of the protocol, one state machine per role (Nadlinger 2022, S3).

    result = AliceSession(parameters, rounds, link, keystore, timeout_s=600).run()

Killed at any point, the same call goes on where it stopped: the ledger knows every message sent and received.
"""

from postprocess.session.alice import AliceSession
from postprocess.session.bob import BobSession, read_private_record
from postprocess.session.role import SessionResult

__all__ = ["AliceSession", "BobSession", "SessionResult", "read_private_record"]
