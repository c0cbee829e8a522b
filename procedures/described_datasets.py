"""Public datasets that say what they are: unit with each, and one text dataset that describes the whole file.

Under a real master as under the stand-in: a master writes values and units, so whatever else a file must say (axes,
arguments with defaults, apparatus, version) is a dataset, too: diqkd.description, see postprocess.results.
"""

import math

from artiq.experiment import HasEnvironment, ScanObject

from procedures.public_status import PublicStatus
from procedures.scans.scan_argument import MOST_POINTS

# What a calibration may show while a key session is under way: that it runs, and when it is done.
WHILE_UNDER_WAY = ("calibration.apparatus", "calibration.status", "calibration.scan.title")


class DescribedDatasets(HasEnvironment):
    """Base of experiments: records their arguments, enforces their ranges, and describes what they publish.

    Attributes:
        withheld_for: the key session that is under way; until its end only what is in WHILE_UNDER_WAY is published, no
            result reaches clients, results file or log. Empty: everything is.
    """

    node_name = apparatus = revision = withheld_for = ""

    def get_argument(self, key, processor, group=None, tooltip=None):
        """As ARTIQ's, which leaves ranges to the dashboard.

        Raises:
            InvalidInput: a number outside of its range, or a scan with such points, with none, or with far too many.
        """
        value = super().get_argument(key, processor, group, tooltip)
        told = processor.describe()
        _require_in_range(key, value, told)
        shown = {name: told[name] for name in ("default", "unit", "scale") if name in told}
        kept = value.describe() if isinstance(value, ScanObject) else value
        self.__dict__.setdefault("_given", {})[key] = {"value": kept, **shown, "about": tooltip or ""}
        return value

    def publish(self, name: str, value, unit: str = "", broadcast: bool = True, persist: bool = False) -> None:
        """A public dataset, for the results file and, if it is broadcast, for every client.

        Args:
            unit: of its numbers, where the catalogue leaves it open.
            persist: the master keeps it when it ends.

        Raises:
            DiqkdError: not listed in postprocess.results.dataset_catalogue.
        """
        from postprocess.results.dataset_catalogue import entry_of

        name = "diqkd." + name
        if self._is_withheld(name):
            return
        entry = entry_of(name)
        unit = unit or entry.unit
        told = {"unit": unit, "scale": 1.0} if unit else {}
        if entry.shown:
            told = dict(zip(("unit", "scale", "precision"), entry.shown, strict=True))
        self.set_dataset(name, value, broadcast=broadcast, persist=persist, **told)
        if broadcast and hasattr(self, "home"):
            if not hasattr(self, "_public_status"):
                self._public_status = PublicStatus(self.home.folder, type(self).__name__)
            self._public_status.note(name, value)
        known = self.__dict__.setdefault("_units", {})
        if known.get(name) != unit:
            known[name] = unit
            self.describe_file()

    def append_to_dataset(self, key, value):
        """As ARTIQ's, unless results are withheld."""
        if not self._is_withheld(key):
            super().append_to_dataset(key, value)

    def _is_withheld(self, name: str) -> bool:
        return bool(self.withheld_for) and name.removeprefix("diqkd.") not in WHILE_UNDER_WAY

    def describe_file(self) -> None:
        """Write the description of what has been written so far."""
        from postprocess.results.dataset_catalogue import DESCRIPTION
        from postprocess.results.self_description import description_text
        from postprocess.support.revision import source_revision

        known = self.__dict__
        self.revision = self.revision or source_revision()
        head = {
            "experiment": type(self).__name__,
            "title": (type(self).__doc__ or type(self).__name__).splitlines()[0],
            "node": self.node_name,
            "apparatus": self.apparatus,
            "revision": self.revision,
        }
        self.set_dataset(DESCRIPTION, description_text(head, known.get("_given", {}), known.get("_units", {})))


def _require_in_range(key, value, told):
    """ARTIQ enforces `min` and `max` in its dashboard alone."""
    from postprocess.errors import InvalidInput

    if isinstance(value, ScanObject):
        if not 1 <= len(value) <= MOST_POINTS:
            raise InvalidInput(f"{key}: a scan of {len(value)} points; take 1 to {MOST_POINTS}")
        values, ends = list(value), [told.get("global_min"), told.get("global_max")]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        values, ends = [value], [told.get("min"), told.get("max")]
    else:
        return
    low, high = (sign * math.inf if end is None else end for sign, end in zip((-1, 1), ends, strict=True))
    slack = 1e-9 * max(map(abs, values)) if isinstance(value, ScanObject) else 0.0  # of start + i * step
    for each in values:
        if not low - slack <= each <= high + slack:
            limits = " to ".join(f"{end:.15g}" for end in ends if end is not None)
            raise InvalidInput(f"{key} = {each:g}: must be {limits}")
