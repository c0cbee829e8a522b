"""The linter's samples before ARTIQ's compiler: what breaks a rule is rejected, what keeps it is compiled."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "linting")]
import compiler  # noqa: E402 - found by the line above
from kernel_samples import SAMPLES  # noqa: E402

pytestmark = pytest.mark.skipif(not compiler.is_real_artiq(), reason=compiler.REASON)

DEVICE_DB = """
def device(module, name, **arguments):
    return {"type": "local", "module": f"artiq.coredevice.{module}", "class": name, "arguments": arguments}

device_db = {"core": device("core", "Core", host=None, ref_period=1e-9)}
device_db.update({f"ttl{n}": device("ttl", "TTLOut", channel=n) for n in (4, 5)})
"""


def compiles(folder, source):
    (folder / "device_db.py").write_text(DEVICE_DB)
    path = folder / "sample.py"
    path.write_text(source)
    try:
        with compiler.experiment(path, "Sample", folder / "device_db.py", folder) as instance:
            compiler.compile_kernel(instance, type(instance).run, [])
    except Exception:
        return False
    return True


@pytest.mark.parametrize("sample", SAMPLES, ids=[f"{number}-{sample.rule}" for number, sample in enumerate(SAMPLES)])
def test_the_compiler_judges_like_the_linter(tmp_path, sample):
    assert compiles(tmp_path, sample.source(good=True))
    assert compiles(tmp_path, sample.source(good=False)) == sample.silent
