"""Applet: a calibration scan: points with error bars, the fit, and its result in one line."""

from applets.panels.calibration_scan import CalibrationScanPanel
from applets.panels.serving import serve


def main():
    """Entry of `python -m applets.calibration_scan`."""
    serve(CalibrationScanPanel)


if __name__ == "__main__":
    main()
