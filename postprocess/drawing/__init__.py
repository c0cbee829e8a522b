"""Results drawn without ARTIQ: every public dataset of a results file, or of a session's herald times, as PNG and CSV.

Each module makes one drawing from the datasets, or None where they hold none of its kind; `results_drawing` names them
and writes their files. matplotlib is imported when the first one is drawn.
"""

from postprocess.drawing.results_drawing import draw_results
from postprocess.drawing.results_file import Results, read_results
from postprocess.drawing.stored_rounds import read_stored_rounds

__all__ = ["Results", "draw_results", "read_results", "read_stored_rounds"]
