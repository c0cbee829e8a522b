"""ARTIQ's compiler for this machine, with kernels linked to the runtime."""

from __future__ import annotations

import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import artiq
from artiq.compiler.targets import NativeTarget

from postprocess.errors import InvalidInput
from postprocess.storage.whole_files import write_whole
from testbed.c_library import runtime_library

# Functions that take strings: release-8 passes them on the stack, see runtime/services.c.
WITH_STRINGS = ("cache_get", "cache_put", "dma_record_start", "dma_erase", "dma_retrieve")
STRINGS_ON_STACK = artiq.__version__.startswith("8")
TOOLS = ("ld.lld", "llvm-symbolizer", "llvm-cxxfilt")


class HostTarget(NativeTarget):
    """This machine, linked against the runtime instead of being loaded by a firmware."""

    print_function = "core_log"

    def compile(self, module):
        """LLVM module of an ARTIQ module, names of functions as in the runtime."""
        compiled = super().compile(module)
        if STRINGS_ON_STACK:
            for function in compiled.functions:
                if function.name in WITH_STRINGS:
                    function.name += "_stacked"
        return compiled

    def link(self, objects):
        """The shared object of a kernel, bytes."""
        with tempfile.TemporaryDirectory() as folder:
            names = []
            for i, content in enumerate(objects):
                names.append(f"{folder}/{i}.o")
                write_whole(Path(names[-1]), content)
            out = Path(folder) / "kernel.so"
            command = [self.tool_ld, "-shared", "--eh-frame-hdr", "-Bsymbolic", *names, str(runtime_library())]
            subprocess.run([*command, "-o", str(out)], check=True)
            return out.read_bytes()

    def strip(self, library):
        """As it is: it is sent nowhere, and keeps its line numbers."""
        return library


def require_host_target() -> None:
    """InvalidInput, in one line, unless kernels can be compiled for and linked on this machine."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise InvalidInput(f"the compiled laboratory runs on x86-64, this is {platform.machine()}")
    for tool in TOOLS:
        if shutil.which(tool) is None:
            raise InvalidInput(f"{tool}: not installed; compiled kernels need lld and llvm, as ARTIQ itself does")
