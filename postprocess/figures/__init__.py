"""The paper's figures on key rate and reconciliation, drawn from this software's own computations and trials.

Each module here is one figure: `tables` computes or measures its data, `draw` shows them. `catalogue` names the
figures and writes their files. matplotlib is imported when the first one is drawn.
"""

from postprocess.figures.catalogue import FIGURES, Entry, find, make
from postprocess.figures.table import Settings, Table

__all__ = ["FIGURES", "Entry", "Settings", "Table", "find", "make"]
