"""Calibrated values of a node: to its calibration file, and mirrored as persistent datasets with their units."""

from typing import Any

import numpy as np

from procedures.calibration_file import read, write
from procedures.node_experiment import NodeExperiment


class CalibratedDatasets(NodeExperiment):
    """Base of experiments that write the calibration file.

    The datasets diqkd.calibrated.* say what the file says, for the dashboard and for other experiments of the
    laboratory; nothing of ours reads them. Each calibration mirrors the whole file, so that whatever could not be shown
    when it was measured, as during a key session, is caught up on.
    """

    def keep_calibrated(
        self,
        values: dict[str, Any],
        errors: dict[str, Any] | None = None,
        goodness: dict[str, float] | None = None,
    ) -> None:
        """Write values with all that is known of them; see procedures.calibration_file.write."""
        write(
            self.node.defaults,
            self.home.calibration,
            values,
            type(self).__name__,
            errors,
            goodness,
            self.scheduler.rid,
            self.revision,
        )
        self.mirror_calibrated()

    def mirror_calibrated(self) -> None:
        """Every value of the file that has a dataset, with its error; none while a key session is under way."""
        from postprocess.results.dataset_catalogue import ENTRIES
        from postprocess.session.under_way import sessions_under_way

        if sessions_under_way(self.home):
            return
        for name, entry in read(self.home.calibration).items():
            for dataset, key in ((f"calibrated.{name}", "value"), (f"calibrated.{name}_error", "error")):
                if f"diqkd.{dataset}" in ENTRIES and entry.get(key) is not None:
                    value = entry[key]
                    self.publish(dataset, np.array(value) if isinstance(value, list) else value, persist=True)
