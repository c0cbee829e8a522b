"""How numbers look on the terminal."""


def spaced(number: int) -> str:
    """1500000 as 1 500 000."""
    return f"{number:,}".replace(",", " ")


def bits(number: int) -> str:
    """95884 as 95 884 bits."""
    return f"{spaced(number)} bits"


def counted(number: int, what: str) -> str:
    """1 key, 2 keys."""
    return f"{spaced(number)} {what}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """One line that any terminal shows: control characters, line ends and broken Unicode escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def wrapped(text: str, indent: int = 0, *, hanging: int = 0) -> str:
    """Text in lines as wide as the terminal, 100 columns at most, broken between words alone."""
    import textwrap

    return textwrap.fill(
        printable(text), columns(), initial_indent=" " * indent, subsequent_indent=" " * (indent + hanging),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def columns(most: int = 100) -> int:
    """Width of the terminal for wrapped text, at least 40."""
    import shutil

    return max(40, min(most, shutil.get_terminal_size().columns))
