"""SI units with prefixes: 1*us, 200*MHz, 3*dB."""

__all__ = []

_EXPONENTS = {"p": -12, "n": -9, "u": -6, "m": -3, "_": 0, "k": 3, "M": 6, "G": 9}

for _unit, _prefixes in {"s": "pnum_", "Hz": "m_kMG", "dB": "_", "V": "um_k", "A": "um_", "W": "num_"}.items():
    for _prefix in _prefixes:
        _name = (_prefix + _unit).lstrip("_")
        globals()[_name] = 10.0 ** _EXPONENTS[_prefix]
        __all__.append(_name)
