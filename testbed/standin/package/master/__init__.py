"""Parts of the master that a worker needs."""
