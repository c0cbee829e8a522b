"""Small ledgers for tests: parameters whose extractor takes no time, K0 from a fixed seed, sessions made by hand."""

from fractions import Fraction

from postprocess.keystore import SOUND
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import SeededSource


def small(session_id="s1", **changes):
    values = {
        "apparatus": "emulated",
        "rounds": 2000,
        "gamma": Fraction(1, 2),
        "score": 2.64,
        "qber": 0.018,
        "eps_snd": 1e-10,
        "omega_thr": 0.8,
        "syndrome_bits": 1500,
        "ell": 500,
        "eps_pa": 1e-3,
        "code_seed": 1,
        "priors": PAPER_PRIORS,
        "insecure_because": ("a test",),
    }
    return SessionParameters(session_id=session_id, **{**values, **changes})


def source(label="K0"):
    return SeededSource(1, label)


def key_of(parameters, seed=3):
    return SeededSource(seed, "key").bits(parameters.ell)


def accept(keystore, parameters, seed=3):
    page = keystore.reserve(parameters.session_id, parameters)
    page.conclude(SOUND, key_of(parameters, seed))
    page.accept()
    return page
