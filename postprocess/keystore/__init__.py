"""The ledger of secret bits: what a node shares with its peer, what it spent, what it gained.

    keystore = Keystore.create(home / "keystore.sqlite", "alice")
    keystore.provision(k0, parameters)             # the same K0 on both nodes, from draw_k0
    page = keystore.reserve(session_id, parameters)  # pads, in one transaction, before the first round
    ...                                            # postprocess.session writes on this page
    deliver(keystore, session_id, file)              # the key, once

`database` is the file and `generation` tells an old copy of it, `initial_secret` is the layout of K0 and `k0_file` how
it travels, `session_ledger` the page of one session and `pad_sets` its pads, `key_records` the keys and `delivery` how
one leaves, `ledger` the whole, `digests` and `consistency` what must hold after every crash and on every disk.
"""

from postprocess.keystore.database import LedgerConflict
from postprocess.keystore.initial_secret import Pad, draw_k0, k0_bits
from postprocess.keystore.key_records import KeyRecord
from postprocess.keystore.ledger import Keystore, SessionRecord, open_ledger
from postprocess.keystore.session_ledger import ACCEPTED, SOUND, SessionLedger

__all__ = [
    "ACCEPTED",
    "SOUND",
    "KeyRecord",
    "Keystore",
    "LedgerConflict",
    "Pad",
    "SessionLedger",
    "SessionRecord",
    "draw_k0",
    "k0_bits",
    "open_ledger",
]
