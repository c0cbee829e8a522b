"""Exit statuses of every command and of a node's process, by name."""

EXIT_DONE = 0
EXIT_BAD_INPUT = 2
EXIT_ABORTED = 3
EXIT_PEER_LOST = 4
EXIT_INTERRUPTED = 130
