"""VHASH with Python integers, line by line from its definition."""

P127, P64 = (1 << 127) - 1, (1 << 64) - 257


def words(data: bytes, order: str) -> list[int]:
    return [int.from_bytes(data[i : i + 8], order) for i in range(0, len(data), 8)]


def vhash(key: bytes, message: bytes) -> int:
    nh, (poly_0, poly_1), l3 = words(key, "big")[:16], words(key, "big")[16:18], words(key, "big")[18:]
    point = (poly_0 & 0x1FFFFFFF1FFFFFFF) * 2**64 + (poly_1 & 0x1FFFFFFF1FFFFFFF)
    value = 1 if message else point
    for start in range(0, len(message), 128):
        block = message[start : start + 128]
        m = words(block + bytes(-len(block) % 16), "little")
        pairs = range(0, len(m), 2)
        total = sum((m[i] + nh[i]) % 2**64 * ((m[i + 1] + nh[i + 1]) % 2**64) for i in pairs) % 2**126
        value = (value * point + total) % P127
    value = (value + (8 * (len(message) % 128) << 64)) % P127
    p1, p2 = value // (2**64 - 2**32), value % (2**64 - 2**32)
    return (p1 + l3[0]) % P64 * ((p2 + l3[1]) % P64) % P64
