"""Every experiment of repository/ without its work: says as dataset echo.RID what arguments it was built with."""

import inspect
import json
from pathlib import Path

from artiq.experiment import ScanObject
from artiq.language.environment import is_public_experiment
from artiq.tools import file_import

REPOSITORY = Path(__file__).resolve().parents[2] / "repository"


def _echo(experiment):
    class Echo(experiment):
        """Echo"""

        def build(self):
            super().build()
            self.setattr_device("scheduler")

        def prepare(self):
            pass

        def run(self):
            given = {name: told["value"] for name, told in self.__dict__.get("_given", {}).items()}
            for name, value in given.items():
                own = getattr(self, name)
                assert value == (own.describe() if isinstance(own, ScanObject) else own)
            self.set_dataset(f"echo.{self.scheduler.rid}", json.dumps(given), broadcast=True)

        def analyze(self):
            pass

    return Echo


for _file in sorted(REPOSITORY.glob("*.py")):
    _module = file_import(str(_file), prefix="echoed_")
    for _name, _class in inspect.getmembers(_module, is_public_experiment):
        if _class.__module__ == _module.__name__:
            globals()[_name] = _echo(_class)
