"""Published links and what was published of their keys, for comparison with what the rules here would give.

Figures marked unchecked come from secondary sources and could not be compared with the publication.
"""

from __future__ import annotations

from dataclasses import dataclass

from postprocess.errors import InvalidInput


@dataclass(frozen=True)
class PublishedLink:
    """One experiment.

    Attributes:
        name: for `diqkd plan --link`. source: where the numbers stand.
        rounds, score, qber: n, S, Q; None where they are not known here.
        rate_hz: heralded rounds per second, None where not known.
        published: what was published of a key, in words.
        checked: whether the numbers were compared with the publication itself.
    """

    name: str
    source: str
    rounds: int | None
    score: float | None
    qber: float | None
    rate_hz: float | None
    published: str
    checked: bool


LINKS = (
    PublishedLink(
        "nadlinger-2022",
        "Nadlinger et al., Nature 607, 682 (2022)",
        1_500_000,
        2.64,
        0.018,
        55.0,
        "95 884 bits, Proposition 2, eps_snd = 1e-10",
        True,
    ),
    PublishedLink(
        "zhang-2022",
        "Zhang et al., Nature 607, 687 (2022)",
        None,
        2.578,
        0.078,
        None,
        "asymptotic rate 0.07 with a random key basis; no finite key",
        False,
    ),
    PublishedLink(
        "liu-2026",
        "Liu et al., Nature (2026), trapped ions over 10 km",
        405_145,
        2.5758,
        0.0360,
        0.291,
        "1 917 bits by complementarity; entropy accumulation would need 1.5e6 rounds",
        False,
    ),
    PublishedLink(
        "lu-2026",
        "Lu et al., Science (2026), arXiv:2602.09596",
        1_200_000,
        None,
        None,
        None,
        "0.112 bits per round with Renyi entropy accumulation, 0.034 with the original",
        False,
    ),
)


def link_named(name: str) -> PublishedLink:
    """The link of that name; raises InvalidInput for a name that none has."""
    for link in LINKS:
        if link.name == name:
            return link
    raise InvalidInput(f"link '{name}': there are {', '.join(link.name for link in LINKS)}")
