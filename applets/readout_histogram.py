"""Applet: last readout histogram of ions prepared dark and bright: calibration only."""

from applets.panels.readout_histogram import ReadoutHistogramPanel
from applets.panels.serving import serve


def main():
    """Entry of `python -m applets.readout_histogram`."""
    serve(ReadoutHistogramPanel)


if __name__ == "__main__":
    main()
