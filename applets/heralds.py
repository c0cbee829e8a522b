"""Applet: herald rate per block and balance of the four herald patterns."""

from applets.panels.heralds import HeraldsPanel
from applets.panels.serving import serve


def main():
    """Entry of `python -m applets.heralds`."""
    serve(HeraldsPanel)


if __name__ == "__main__":
    main()
