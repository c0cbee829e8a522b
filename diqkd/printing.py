"""How numbers look on the terminal."""


def spaced(number: int) -> str:
    """1500000 as 1 500 000."""
    return f"{number:,}".replace(",", " ")


def bits(number: int) -> str:
    """95884 as 95 884 bits."""
    return f"{spaced(number)} bits"
