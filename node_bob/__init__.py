"""Bob's node: he leads, his settings decide the round type."""
