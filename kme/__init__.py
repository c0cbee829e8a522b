"""Key delivery by ETSI GS QKD 014 V1.1.1: a key management entity (KME) on each node's ledger.

`manager` is the whole without HTTP: `group_commit` writes to the ledger, `pool` says which bytes come next,
`peer_dialogue` speaks to the other KME over `peer_line`, in the words of `peer_messages`. `api` and `openapi` are the
standard's interface, `identity` tells who asks, `tls` and `server` listen, `configuration` reads kme.toml, and
`certificates` makes some to try it with.
"""
