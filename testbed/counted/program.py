"""A kernel's ELF file in the processor's memory: what is linked to the firmware, and how its frames unwind."""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import Any

from elftools.elf.elffile import ELFFile

from testbed.counted.processor import BASE, DOORS, Processor

RELATIVE = 3  # R_RISCV_RELATIVE
DOOR_STEP = 16
UNDEFINED = "SHN_UNDEF"
ABSENT = 0xFF  # of an encoding in a call-site table


class Program:
    """One loaded kernel.

    Args:
        own: addresses of symbols that are data of the firmware.

    Attributes:
        symbols: addresses of what the kernel defines. doors: name of the firmware's function by its address.
    """

    def __init__(self, content: bytes, processor: Processor, own: dict[str, int]) -> None:
        self.processor = processor
        elf = ELFFile(io.BytesIO(content))
        segments = list(elf.iter_segments())
        for segment in segments:
            if segment["p_type"] == "PT_LOAD":
                processor.write(BASE + segment["p_vaddr"], segment.data())
        dynamic: Any = next(segment for segment in segments if segment["p_type"] == "PT_DYNAMIC")
        symbols = list(dynamic.iter_symbols())
        self.symbols = {s.name: BASE + s["st_value"] for s in symbols if s["st_shndx"] != UNDEFINED}
        self.doors: dict[int, str] = {}
        self._places = dict(own)
        for table in dynamic.get_relocation_tables().values():
            for relocation in table.iter_relocations():
                self._relocate(relocation, symbols)
        entries: Any = elf.get_dwarf_info(relocate_dwarf_sections=False).EH_CFI_entries()
        self._frames = [
            (entry.header["initial_location"], entry.header["address_range"], entry)
            for entry in entries
            if "initial_location" in getattr(entry, "header", {})
        ]
        self._rules = lru_cache(None)(_decoded)

    def _relocate(self, relocation: Any, symbols: list[Any]) -> None:
        value = BASE
        if relocation["r_info_type"] != RELATIVE:
            symbol = symbols[relocation["r_info_sym"]]
            value = self.symbols.get(symbol.name) or self._firmware(symbol.name)
        word = struct.pack("<I", (value + relocation["r_addend"]) & 0xFFFFFFFF)
        self.processor.write(BASE + relocation["r_offset"], word)

    def _firmware(self, name: str) -> int:
        if name not in self._places:
            address = DOORS + DOOR_STEP * (1 + len(self.doors))
            self._places[name], self.doors[address] = address, name
        return self._places[name]

    def frame_at(self, place: int) -> Any:
        """Description of the function around a place in the file; None outside of the kernel."""
        return next((entry for start, size, entry in self._frames if start <= place < start + size), None)

    def rules_at(self, frame: Any, place: int) -> dict[Any, Any]:
        """Where a frame keeps its caller's registers, at a place in its function."""
        return [row for row in self._rules(frame) if row["pc"] <= place][-1]

    def landing_pad(self, frame: Any, place: int) -> int:
        """Address of the landing pad for a call at a place of a function; 0 if there is none."""
        if not frame.lsda_pointer:
            return 0
        start = frame.header["initial_location"]
        for begin, size, pad in call_sites(self.processor.read(BASE + frame.lsda_pointer, 4096)):
            if begin <= place - start < begin + size:
                return BASE + start + pad if pad else 0
        return 0


def _decoded(frame: Any) -> list[dict[Any, Any]]:
    return frame.get_decoded().table


def call_sites(data: bytes) -> list[tuple[int, int, int]]:
    """(begin, size, landing pad) of all call sites, from the function's start; data as LLVM writes it.

    Raises:
        ValueError: landing pads that do not count from the function's start.
    """
    at = 2

    def uleb() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def entry(encoding: int) -> int:
        nonlocal at
        if encoding & 0x0F == 1:
            return uleb()
        at += 4
        return struct.unpack_from("<I", data, at - 4)[0]

    if data[0] != ABSENT:
        raise ValueError("call-site table with a base for landing pads")
    if data[1] != ABSENT:
        uleb()
    encoding = data[at]
    at += 1
    length = uleb()
    end, found = at + length, []
    while at < end:
        found.append((entry(encoding), entry(encoding), entry(encoding)))
        uleb()
    return found
