"""Sweeps without end: `python -m tests.soak --budget 600 --state FOLDER` (make soak); see campaign.py.

The two nodes of the other tests are reused; their folders are not packages, hence the path.
"""

import sys
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTS / room) for room in ("session", "acquisition", "kme") if str(_TESTS / room) not in sys.path]
