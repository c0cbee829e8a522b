"""C of the testbed as shared libraries, built once per version of their source with this machine's C compiler."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from postprocess.errors import InvalidInput
from postprocess.storage.private_files import private_folder
from postprocess.storage.user_cache import user_cache

RUNTIME = Path(__file__).parent / "compiled" / "runtime"
FLAGS = ("-O2", "-Wall", "-fPIC", "-shared", "-fexceptions", "-fvisibility=hidden", "-shared-libgcc")
LIBRARIES = ("-lgcc_s", "-lm")


def runtime_library() -> Path:
    """The runtime of compiled kernels; see `built_library`."""
    return built_library("runtime", sorted(RUNTIME.glob("*.[ch]")))


def built_library(name: str, sources: list[Path], flags: tuple[str, ...] = ()) -> Path:
    """Path of a library; it is in the user's cache, by the hash of its sources, of the compiler and of all flags.

    Raises:
        InvalidInput: no C compiler, or it refuses the source.
        DiqkdError, OSError, RuntimeError: there is no place for it.
    """
    compiler = os.environ.get("CC", "cc")
    found = shutil.which(compiler)
    if found is None:
        raise InvalidInput(f"{compiler}: no C compiler; kernels that run here need one once (install gcc)")
    digest = hashlib.sha256(" ".join((found, *FLAGS, *flags)).encode())
    for source in sources:
        digest.update(source.name.encode() + source.read_bytes())
    folder = private_folder(user_cache() / "c")  # of this user alone, as whoever writes there runs in our processes
    library = folder / f"libdiqkd_{name}-{digest.hexdigest()[:24]}.so"
    if not library.exists():
        _build(found, [*flags, *(str(source) for source in sources if source.suffix == ".c")], library)
    return library


def _build(compiler: str, given: list[str], library: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        draft = Path(folder) / library.name
        command = [compiler, *FLAGS, f"-Wl,-soname,{library.name}", "-o", str(draft), *given, *LIBRARIES]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            first = (done.stderr.strip() or "no message").splitlines()[0]
            raise InvalidInput(f"{compiler}: {library.name} did not build: {first}")
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(library)
