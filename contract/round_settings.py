"""Settings and types of a round (Nadlinger 2022, protocol steps 1 to 3)."""

# Bob's Y: 0 or 1 in a Bell test; KEY_SETTING + r in a key round, where the announced r chooses the key basis (0 with
# one basis). Alice's X: 0 or 1 in a Bell test, r in a key round. Each of Bob's key settings agrees with A_r: no outcome
# is flipped there, whereas X = Y = 1 anticorrelates.
KEY_SETTING = 2

# The round type T.
TEST_ROUND = 1
KEY_ROUND = 0

# What Bob announces in every round: a test, or a key round and its basis r. With one basis the last does not exist, and
# the others are T.
ANNOUNCED_KEY_0 = 0
ANNOUNCED_TEST = 1
ANNOUNCED_KEY_1 = 2

# Lines between the crates, by the value that a pulse on them stands for: of the round type one more than key bases.
ROUND_TYPE_LINES = ("ttl_round_type_key_0", "ttl_round_type_test", "ttl_round_type_key_1")
BARRIER_LINES = ("ttl_barrier_0", "ttl_barrier_1")
