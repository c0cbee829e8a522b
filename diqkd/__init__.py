"""Device-independent quantum key distribution on trapped ions (Nadlinger et al., Nature 607, 682 (2022)).

What other programs import; docs/python_api.md describes it, examples/ use it:

    import diqkd

    parameters = diqkd.plan(rounds=1_500_000, gamma="13/256", score=2.64, qber=0.018)
    parameters.ell, parameters.syndrome_bits        # 95885, 296517

All other modules of this package are the command line, one per subcommand. Names are loaded on first use: importing
this package costs nothing, numpy and numba come with the first function that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from diqkd.library.authenticated_tags import is_tag_of, tag, tag_key
    from diqkd.library.corrected_strings import decode, syndrome
    from diqkd.library.counted_rounds import count_rounds, score_and_qber
    from diqkd.library.extracted_keys import extract, extractor_seed_bits
    from diqkd.library.planned_sessions import (
        acceptance_threshold,
        key_length,
        key_length_rules,
        passing_probability,
        plan,
        syndrome_length,
    )
    from diqkd.library.two_nodes import PairResult, post_process
    from postprocess.characterisation.measured_link import MeasuredLink, read_measured_link
    from postprocess.drawing.results_file import Results, read_results
    from postprocess.errors import DiqkdError, InvalidInput, PeerLost, SessionAborted
    from postprocess.estimation.priors import Priors, priors_from_score
    from postprocess.estimation.score_and_qber import Estimate
    from postprocess.plans.session_parameters import SessionParameters
    from postprocess.reconciliation.decoding_schedule import DecodeResult
    from postprocess.rounds.raw_rounds import RawRounds
    from postprocess.session.role import SessionResult

_HOME = {
    "diqkd.library.planned_sessions": (
        "plan", "key_length", "key_length_rules", "acceptance_threshold", "syndrome_length", "passing_probability",
    ),
    "diqkd.library.counted_rounds": ("count_rounds", "score_and_qber"),
    "diqkd.library.corrected_strings": ("syndrome", "decode"),
    "diqkd.library.extracted_keys": ("extract", "extractor_seed_bits"),
    "diqkd.library.authenticated_tags": ("tag", "is_tag_of", "tag_key"),
    "diqkd.library.two_nodes": ("post_process", "PairResult"),
    "postprocess.drawing.results_file": ("read_results", "Results"),
    "postprocess.characterisation.measured_link": ("read_measured_link", "MeasuredLink"),
    "postprocess.plans.session_parameters": ("SessionParameters",),
    "postprocess.estimation.priors": ("Priors", "priors_from_score"),
    "postprocess.estimation.score_and_qber": ("Estimate",),
    "postprocess.reconciliation.decoding_schedule": ("DecodeResult",),
    "postprocess.rounds.raw_rounds": ("RawRounds",),
    "postprocess.session.role": ("SessionResult",),
    "postprocess.errors": ("DiqkdError", "InvalidInput", "SessionAborted", "PeerLost"),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "DecodeResult",
    "DiqkdError",
    "Estimate",
    "InvalidInput",
    "MeasuredLink",
    "PairResult",
    "PeerLost",
    "Priors",
    "RawRounds",
    "Results",
    "SessionAborted",
    "SessionParameters",
    "SessionResult",
    "__version__",
    "acceptance_threshold",
    "count_rounds",
    "decode",
    "extract",
    "extractor_seed_bits",
    "is_tag_of",
    "key_length",
    "key_length_rules",
    "passing_probability",
    "plan",
    "post_process",
    "priors_from_score",
    "read_measured_link",
    "read_results",
    "score_and_qber",
    "syndrome",
    "syndrome_length",
    "tag",
    "tag_key",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
