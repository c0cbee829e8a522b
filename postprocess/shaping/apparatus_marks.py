"""What must stand beside anything an apparatus made: which one it was, and why it must not be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from postprocess.shaping.dataset_values import Values, text

REAL = ("kasli",)
REAL_IONS = (*REAL, "bringup")


def marks(apparatus: str | None, insecure_because: str | None) -> list[str]:
    """Warnings to show, none for a real apparatus with sound parameters.

    Args:
        apparatus: of the device table; None if nobody told.
        insecure_because: reasons, separated by '; '; empty if there are none, None if nobody told.
    """
    warnings = []
    if apparatus is None:
        warnings.append("Apparatus unknown: do not use as a secret key")
    elif apparatus not in REAL:
        warnings.append(f"{apparatus.capitalize()} apparatus: this is not a secret key")
    if insecure_because is None:
        warnings.append("Not known whether secure: do not use as a secret key")
    elif insecure_because:
        warnings.append(f"INSECURE: {insecure_because}")
    return warnings


def apparatus_names(run: str) -> tuple[str, str]:
    """Datasets that tell the apparatus of a run ('diqkd.calibration', ...): its own, else that of the latest rounds."""
    return f"{run}.apparatus", "diqkd.rounds.apparatus"


def data_marks(values: Values, run: str) -> list[str]:
    """The warning beside measured data of a run: where they do not come from."""
    told = (text(values, name) for name in apparatus_names(run))
    apparatus = next((name for name in told if name is not None), None)
    return [] if apparatus is None or apparatus in REAL_IONS else [f"{apparatus.capitalize()} apparatus: no real ions"]


def joined(warnings: Sequence[str]) -> str:
    """One text of several lines, each warning once."""
    return "\n".join(dict.fromkeys(warnings))
