"""Security planning: how long a key may be, for which threshold, at which error."""

from postprocess.security.entropy_accumulation import FreeParameters, finite_key_bound
from postprocess.security.key_length import KeyLength, acceptance_threshold, key_length
from postprocess.security.models import asymptotic_key_rate, depolarising

__all__ = [
    "FreeParameters",
    "KeyLength",
    "acceptance_threshold",
    "asymptotic_key_rate",
    "depolarising",
    "finite_key_bound",
    "key_length",
]
