"""Herald patterns: which APDs clicked; bit k, least significant first, is APD k (Nadlinger 2022, S2)."""

PATTERNS = (0b0011, 0b0101, 0b1010, 0b1100)
