"""Public datasets that say what they are: unit with each, and one text dataset that describes the whole file.

Under a real master as under the stand-in: a master writes values and units, so whatever else a file must say (axes,
arguments with defaults, apparatus, version) is a dataset, too: diqkd.description, see postprocess.results.
"""

from artiq.experiment import HasEnvironment

from procedures.public_status import PublicStatus

# What a calibration may show while a key session is under way: that it runs, and when it is done.
WHILE_UNDER_WAY = ("calibration.apparatus", "calibration.status", "calibration.scan.title")


class DescribedDatasets(HasEnvironment):
    """Base of experiments: records their arguments, enforces their ranges, and describes what they publish.

    Attributes:
        withheld_for: the key session that is under way; until its end only what is in WHILE_UNDER_WAY is published, no
            result reaches clients, results file or log. Empty: everything is.
    """

    node_name = apparatus = withheld_for = ""

    def get_argument(self, key, processor, group=None, tooltip=None):
        """As ARTIQ's, which leaves ranges to the dashboard.

        Raises:
            InvalidInput: a number outside of its range.
        """
        value = super().get_argument(key, processor, group, tooltip)
        told = processor.describe()
        _require_in_range(key, value, told)
        shown = {name: told[name] for name in ("default", "unit", "scale") if name in told}
        self.__dict__.setdefault("_given", {})[key] = {"value": value, **shown, "about": tooltip or ""}
        return value

    def publish(self, name: str, value, unit: str = "", broadcast: bool = True) -> None:
        """A public dataset, for the results file and, if it is broadcast, for every client.

        Args:
            unit: of its numbers, where the catalogue leaves it open.

        Raises:
            DiqkdError: not listed in postprocess.results.dataset_catalogue.
        """
        from postprocess.results.dataset_catalogue import entry_of

        name = "diqkd." + name
        unit = unit or entry_of(name).unit
        if self._is_withheld(name):
            return
        self.set_dataset(name, value, broadcast=broadcast, **({"unit": unit, "scale": 1.0} if unit else {}))
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
        if "_revision" not in known:
            known["_revision"] = source_revision()
        head = {
            "experiment": type(self).__name__,
            "title": (type(self).__doc__ or type(self).__name__).splitlines()[0],
            "node": self.node_name,
            "apparatus": self.apparatus,
            "revision": known["_revision"],
        }
        self.set_dataset(DESCRIPTION, description_text(head, known.get("_given", {}), known.get("_units", {})))


def _require_in_range(key, value, told):
    """ARTIQ enforces `min` and `max` in its dashboard alone."""
    from postprocess.errors import InvalidInput

    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    low, high = told.get("min"), told.get("max")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        limits = " to ".join(f"{end:.15g}" for end in (low, high) if end is not None)
        raise InvalidInput(f"{key} = {value:g}: must be {limits}")
