"""ARTIQ types as annotations; the host does not check them."""

__all__ = [
    "TArray",
    "TBool",
    "TByteArray",
    "TBytes",
    "TFloat",
    "TInt32",
    "TInt64",
    "TList",
    "TNone",
    "TRange32",
    "TRange64",
    "TStr",
    "TTuple",
    "TVar",
]  # fmt: skip


class _Type:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


class TTuple:
    def __init__(self, elts=None):
        self.elts = elts


class TList:
    def __init__(self, elt=None):
        self.elt = elt


class TArray:
    def __init__(self, elt=None, num_dims=1):
        self.elt = elt
        self.num_dims = num_dims


class TVar:
    pass


TNone, TBool, TInt32, TInt64, TFloat, TStr, TBytes, TByteArray, TRange32, TRange64 = map(
    _Type, ("None", "bool", "int32", "int64", "float", "str", "bytes", "bytearray", "range32", "range64")
)
