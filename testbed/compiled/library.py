"""The runtime as a shared library, built once per version of its source with this machine's C compiler."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from postprocess.errors import InvalidInput

SOURCES = Path(__file__).parent / "runtime"
FLAGS = ("-O2", "-Wall", "-fPIC", "-shared", "-fexceptions", "-fvisibility=hidden", "-shared-libgcc")
LIBRARIES = ("-lgcc_s", "-lm")


def runtime_library() -> Path:
    """Path of the library; it is in the user's cache, by the hash of source and compiler.

    Raises:
        InvalidInput: no C compiler, or it refuses the source.
    """
    compiler = os.environ.get("CC", "cc")
    found = shutil.which(compiler)
    if found is None:
        raise InvalidInput(f"{compiler}: no C compiler; the compiled laboratory builds its runtime once (install gcc)")
    sources = sorted(SOURCES.glob("*.[ch]"))
    digest = hashlib.sha256(" ".join((found, *FLAGS)).encode())
    for source in sources:
        digest.update(source.name.encode() + source.read_bytes())
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diqkd"
    library = folder / f"libdiqkd_runtime-{digest.hexdigest()[:24]}.so"
    if not library.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _build(found, [str(source) for source in sources if source.suffix == ".c"], library)
    return library


def _build(compiler: str, sources: list[str], library: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        draft = Path(folder) / library.name
        command = [compiler, *FLAGS, f"-Wl,-soname,{library.name}", "-o", str(draft), *sources, *LIBRARIES]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            first = (done.stderr.strip() or "no message").splitlines()[0]
            raise InvalidInput(f"{compiler}: the runtime of the compiled laboratory did not build: {first}")
        draft.replace(library)
