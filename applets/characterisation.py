"""Applet: moving averages of S and Q with 95 % bands: characterisation runs only."""

from applets.panels.characterisation import CharacterisationPanel
from applets.panels.serving import serve


def main():
    """Entry of `python -m applets.characterisation`."""
    serve(CharacterisationPanel)


if __name__ == "__main__":
    main()
