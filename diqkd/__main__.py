"""`python -m diqkd` is the same as `diqkd`."""

import sys

from diqkd.main import main

if __name__ == "__main__":
    sys.exit(main())
