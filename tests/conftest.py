"""All tests see an `artiq`: the real one where it is installed, else the stand-in."""

from testbed import standin

standin.install()
