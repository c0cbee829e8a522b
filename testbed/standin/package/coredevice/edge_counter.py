"""The exception of the edge counter driver."""


class CounterOverflow(Exception):
    """A count was read that may have wrapped."""
