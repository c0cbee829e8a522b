"""`python -m diqkd` is the same as `diqkd`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # As for the command itself, a file random.py in the current folder is not Python's random.
    if not sys.flags.safe_path and Path(sys.path[0]) != Path(__file__).resolve().parents[1]:
        del sys.path[0]
    from diqkd.main import main

    sys.exit(main())
