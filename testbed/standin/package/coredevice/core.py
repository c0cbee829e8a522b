"""The one name of ARTIQ's core driver module that workers need."""


class CompileError(Exception):
    """A kernel does not compile; the stand-in does not compile and never raises it."""
