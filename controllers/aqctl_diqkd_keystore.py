"""Controller of a node's ledger; serves controllers.keystore.KeystoreFacts."""

import sys
from collections.abc import Sequence

from controllers.keystore import KeystoreFacts
from controllers.serving import serve


def main(argv: Sequence[str] | None = None) -> int:
    """Run the controller."""
    return serve("diqkd_keystore", KeystoreFacts, "diqkd: public facts of this node's key ledger", 3284, argv)


if __name__ == "__main__":
    sys.exit(main())
