"""Authentication without assumptions on computing power: VHASH under one-time pads (steps 7, 10 and 11)."""

from postprocess.authentication.message import encode
from postprocess.authentication.vhash import KEY_BYTES, TAG_BYTES, is_tag_of, is_valid_key, tag, vhash

__all__ = ["KEY_BYTES", "TAG_BYTES", "encode", "is_tag_of", "is_valid_key", "tag", "vhash"]
