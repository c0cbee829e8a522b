"""Controller of a node's random source; serves controllers.qrng.QrngFacts."""

import sys
from collections.abc import Sequence

from controllers.qrng import QrngFacts
from controllers.serving import serve


def main(argv: Sequence[str] | None = None) -> int:
    """Run the controller."""
    return serve("diqkd_qrng", QrngFacts, "diqkd: health of this node's source of random bits", 3285, argv)


if __name__ == "__main__":
    sys.exit(main())
