"""The rounds of a session on one node's disk: settings burned before use, records durable per block.

`store` is the whole; `settings` draws and packs what is chosen, `records` what is found, `framed_log` survives kill -9.
"""

from postprocess.rounds.round_store import RawRounds, RoundStore

__all__ = ["RawRounds", "RoundStore"]
