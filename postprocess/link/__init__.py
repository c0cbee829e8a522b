"""Node link: ordered, named messages between the two nodes.

`channel` is the interface, `memory` and `tcp` are what carries it, `keys` who may speak, `codec` how it is encoded.
"""

from postprocess.link import codec
from postprocess.link.channel import Link, Silence
from postprocess.link.memory import MemoryLink, memory_pair
from postprocess.link.tcp import ZmqLink, open_link

__all__ = ["Link", "MemoryLink", "Silence", "ZmqLink", "codec", "memory_pair", "open_link"]
