"""What calls of a Kasli's firmware cost its CPU, in machine units (ns), for both emulations.

Counted in the binary that would go to a Kasli (testbed.counted.costs, held by tests/counted): instructions from one
call to the end of the next, the kernel's own and the firmware's, averaged over the rounds of a block and charged to the
next.
"""

from __future__ import annotations

CLOCK_MHZ = 125.0
CYCLES_PER_INSTRUCTION = 1.6  # the middle one of those that `diqkd slack` shows

INSTRUCTIONS = {
    "ttl": 58,
    "gate": 60,
    "sample": 114,
    "spi_config": 70,
    "spi_word": 91,
    "counter": 54,
    "entangler": 73,
    "read_level": 46,
    "read_edge": 79,
    "read_count": 73,
    "read_spi": 56,
    "read_entangler": 73,
    "read_clock": 47,
    "send": 2110,
}
OUTPUTS = {  # by class in the device table and lower byte of the target; what is not here costs what a TTL does
    ("TTLInOut", 2): "gate",
    ("TTLInOut", 3): "sample",
    ("SPIMaster", 0): "spi_word",
    ("SPIMaster", 1): "spi_config",
    **{("Entangler", address): "entangler" for address in range(256)},
    ("EdgeCounter", 0): "counter",
}
INPUTS = {  # by class in the device table, without and with the time of the event
    "TTLInOut": ("read_level", "read_edge"),
    "EdgeCounter": ("read_count", "read_count"),
    "SPIMaster": ("read_spi", "read_spi"),
    "Entangler": ("read_entangler", "read_entangler"),
}


def cpu_mu(call: str) -> int:
    """CPU time of one call, ns."""
    return round(INSTRUCTIONS[call] * CYCLES_PER_INSTRUCTION * 1000 / CLOCK_MHZ)


TTL_MU, GATE_MU, SAMPLE_MU = cpu_mu("ttl"), cpu_mu("gate"), cpu_mu("sample")
SPI_CONFIG_MU, SPI_WORD_MU = cpu_mu("spi_config"), cpu_mu("spi_word")
COUNTER_MU, ENTANGLER_MU = cpu_mu("counter"), cpu_mu("entangler")
READ_LEVEL_MU, READ_EDGE_MU, READ_COUNT_MU = cpu_mu("read_level"), cpu_mu("read_edge"), cpu_mu("read_count")
READ_SPI_MU, READ_ENTANGLER_MU, READ_CLOCK_MU = cpu_mu("read_spi"), cpu_mu("read_entangler"), cpu_mu("read_clock")
SEND_MU = cpu_mu("send")  # an RPC that nobody waits for
RPC_MU = 1_000_000  # to the host and back; nothing that instructions tell
