"""Alice's node: she follows Bob's round type, her outcome is inverted."""
