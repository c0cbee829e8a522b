"""Device and dataset managers of a worker."""

import importlib
import logging
from operator import setitem

logger = logging.getLogger(__name__)


class DummyDevice:
    """Stands for a device where there is none."""


class DeviceError(Exception):
    """A device cannot be described or created."""


def _create_device(entry, device_mgr, overrides):
    kind = entry["type"]
    if kind == "local":
        driver = getattr(importlib.import_module(entry["module"]), entry["class"])
        return driver(device_mgr, **(entry.get("arguments", {}) | overrides))
    if kind == "dummy":
        return DummyDevice()
    if kind == "controller" and "in_process" in entry:
        served = entry["in_process"]
        return getattr(importlib.import_module(served["module"]), served["class"])(**served["arguments"])
    if kind in ("controller", "controller_aux_target"):
        raise NotImplementedError("controllers need ARTIQ and sipyco")
    raise ValueError("Unsupported type in device DB: " + kind)


class DeviceManager:
    """Makes drivers, one per description, and closes them."""

    def __init__(self, ddb, virtual_devices=dict()):  # noqa: B006, C408 - ARTIQ's signature
        self.ddb = ddb
        self.virtual_devices = virtual_devices
        self.active_devices = []
        self.devarg_override = {}

    def get_device_db(self):
        return self.ddb.get_device_db()

    def get_desc(self, name):
        return self.ddb.get(name, resolve_alias=True)

    def get(self, name):
        if name in self.virtual_devices:
            return self.virtual_devices[name]
        try:
            entry = self.get_desc(name)
        except Exception as problem:
            raise DeviceError(f"Failed to get description of device '{name}'") from problem
        for known, device in self.active_devices:
            if known == entry:
                return device
        try:
            device = _create_device(entry, self, self.devarg_override.get(name, {}))
        except Exception as problem:
            raise DeviceError(f"Failed to create device '{name}'") from problem
        self.active_devices.append((entry, device))
        return device

    def notify_run_end(self):
        for _, device in self.active_devices:
            if hasattr(device, "notify_run_end"):
                device.notify_run_end()

    def close_devices(self):
        for _, device in reversed(self.active_devices):
            try:
                if hasattr(device, "close"):
                    device.close()
            except Exception:
                logger.warning("Exception raised when closing device %r:", device, exc_info=True)
        self.active_devices.clear()


class _Published:
    """A list, dict or array whose changes are passed on as modifications {action, path, ...} relative to the root."""

    def __init__(self, value, path, publish):
        self._value, self._path, self._publish = value, path, publish

    def _tell(self, action, **fields):
        self._publish({"action": action, "path": self._path, **fields})

    def __getitem__(self, key):
        return _Published(self._value[key], [*self._path, key], self._publish)

    def __setitem__(self, key, value):
        self._value[key] = value
        self._tell("setitem", key=key, value=value)

    def __delitem__(self, key):
        del self._value[key]
        self._tell("delitem", key=key)

    def __contains__(self, key):
        return key in self._value

    def append(self, x):
        self._value.append(x)
        self._tell("append", x=x)


class DatasetManager:
    """Datasets of a run: local ones are archived, broadcast ones go to the database as they change."""

    def __init__(self, ddb):
        self.local = {}
        self.archive = {}
        self.metadata = {}
        self.ddb = ddb
        self._broadcast = _Published({}, [], ddb.update)

    def set(self, key, value, metadata, broadcast, persist, archive):
        if persist:
            broadcast = True
        if not (broadcast or archive):
            logger.warning(f"Dataset '{key}' will not be stored. Both 'broadcast' and 'archive' are set to False.")
        if broadcast:
            self._broadcast[key] = persist, value, metadata
        elif key in self._broadcast:
            del self._broadcast[key]
        if archive:
            self.local[key] = value
        else:
            self.local.pop(key, None)
        self.metadata[key] = metadata

    def _target(self, key):
        if key in self._broadcast:
            return self._broadcast[key][1]
        if key not in self.local:
            raise KeyError(f"Cannot mutate nonexistent dataset '{key}'")
        return self.local[key]

    def mutate(self, key, index, value):
        if isinstance(index, tuple):
            index = tuple(slice(*part) for part in index) if isinstance(index[0], tuple) else slice(*index)
        setitem(self._target(key), index, value)

    def append_to(self, key, value):
        self._target(key).append(value)

    def get(self, key, archive=False):
        if key in self.local:
            return self.local[key]
        data = self.ddb.get(key)
        if archive:
            if key in self.archive:
                logger.warning("Dataset '%s' is already in archive, overwriting", key, stack_info=True)
            self.archive[key] = data
        return data

    def get_metadata(self, key):
        return self.metadata[key] if key in self.metadata else self.ddb.get_metadata(key)

    def write_hdf5(self, f):
        for name, values in (("datasets", self.local), ("archive", self.archive)):
            group = f.create_group(name)
            for key, value in values.items():
                try:
                    group[key] = value
                    for attribute, entry in self.metadata.get(key, {}).items():
                        group[key].attrs[attribute] = entry
                except TypeError as problem:
                    raise TypeError(f"Error writing dataset '{key}' of type '{type(value)}': {problem}") from problem
