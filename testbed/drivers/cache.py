"""Values kept on the core device between kernels: artiq.coredevice.cache, emulated."""


class CoreCache:
    """Rows of int32 by name, as long as this process lives."""

    def __init__(self, dmgr, core_device="core"):
        self.core = dmgr.get(core_device)
        self._rows: dict[str, list[int]] = {}

    def get(self, key):
        return self._rows.get(key, [])

    def put(self, key, value):
        self._rows[key] = list(value)
