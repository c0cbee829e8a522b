"""The device table of a file."""

from artiq.tools import file_import


def device_db_from_file(filename):
    """The dict `device_db` of a Python file; KeyError if it has none."""
    return vars(file_import(filename))["device_db"]


class DeviceDB:
    """A device table from a file; aliases are strings."""

    def __init__(self, backing_file):
        self.backing_file = backing_file
        self._table = device_db_from_file(backing_file)

    def scan(self):
        self._table = device_db_from_file(self.backing_file)

    def get_device_db(self):
        return self._table

    def get(self, key, resolve_alias=False):
        entry = self._table[key]
        while resolve_alias and isinstance(entry, str):
            entry = self._table[entry]
        return entry
