"""Pickles put together from opcodes, inert: what they call is given the word `true` or a host that does not exist."""

from __future__ import annotations

import struct

ARGUMENT = "true"
STOP = b"."


def proto(number: int) -> bytes:
    return b"\x80" + bytes([number])


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"\x8c" + bytes([len(data)]) + data if len(data) < 256 else b"X" + struct.pack("<I", len(data)) + data


def text2(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def global_line(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def stack_global(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


def call(module: str, name: str, argument: str = ARGUMENT, protocol: int = 2) -> bytes:
    """A whole pickle that calls `module.name` with one text."""
    if protocol == 0:
        return f"c{module}\n{name}\n(V{argument}\ntR.".encode()
    imported = stack_global(module, name) if protocol >= 4 else global_line(module, name)
    return proto(protocol) + imported + text2(argument) + b"\x85R."


def body(module: str = "posix", name: str = "system", argument: str = ARGUMENT) -> bytes:
    """A call whose result is dropped, to be put in front of another pickle's value."""
    return global_line(module, name) + text2(argument) + b"\x85R0"


def only_import(*names: str, protocol: int = 2) -> bytes:
    """A list of imported names, none of which is called."""
    items = b"".join((stack_global if protocol >= 4 else global_line)(*name.rsplit(".", 1)) for name in names)
    return proto(protocol) + b"](" + items + b"e."


def integer(value: int) -> bytes:
    return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value)


def tensor(key: str, count: int = 4, storage: str = "FloatStorage", prefix: bytes = b"") -> bytes:
    """A tensor whose content is in the storage `key`, as torch writes it."""
    return (
        prefix
        + global_line("torch._utils", "_rebuild_tensor_v2")
        + b"(("
        + text2("storage")
        + global_line("torch", storage)
        + text2(key)
        + text2("cpu")
        + integer(count)
        + b"tQ"
        + integer(0)
        + integer(count)
        + b"\x85"
        + integer(1)
        + b"\x85\x89"
        + global_line("collections", "OrderedDict")
        + b")RtR"
    )


def state_dict(tensors: int = 3, extra: bytes = b"", storage: str = "FloatStorage", protocol: int = 2) -> bytes:
    """A state dictionary with `tensors` tensors; `extra` are opcodes in front, which leave nothing on the stack."""
    items = b"".join(text2(f"layer.{n}.weight") + tensor(str(n), 4, storage) for n in range(tensors))
    return proto(protocol) + extra + global_line("collections", "OrderedDict") + b")R(" + items + b"u."


MAGIC = 0x1950A86A20F9469CFC6C


def legacy(value: bytes, keys: tuple[str, ...] = ("0", "1", "2"), count: int = 4) -> bytes:
    """A file of torch before 1.6: five pickles, then the storages."""
    magic = MAGIC.to_bytes(10, "little")
    system = proto(2) + b"}(" + text2("protocol_version") + integer(1001) + text2("little_endian") + b"\x88u."
    names = proto(2) + b"](" + b"".join(text2(key) for key in keys) + b"e."
    storages = b"".join(struct.pack("<q", count) + bytes(4 * count) for _ in keys)
    return proto(2) + b"\x8a\x0a" + magic + STOP + proto(2) + b"M\xe9\x03" + STOP + system + value + names + storages


def numpy_array(protocol: int = 2, core: str = "numpy.core.multiarray") -> bytes:
    """An array as pickle writes it, with its bytes inside."""
    data = bytes(range(16))
    encoded = global_line("_codecs", "encode") + text2(data.decode("latin-1")) + text2("latin1") + b"\x86R"
    return (
        proto(protocol)
        + global_line(core, "_reconstruct")
        + global_line("numpy", "ndarray")
        + integer(0)
        + b"\x85"
        + (b"C\x01b" if protocol > 2 else encoded)
        + b"\x87R("
        + integer(1)
        + integer(2)
        + b"\x85"
        + _dtype("f8")
        + b"\x89"
        + (b"C\x10" + data if protocol > 2 else encoded)
        + b"tb."
    )


def _dtype(code: str) -> bytes:
    return (
        global_line("numpy", "dtype")
        + text2(code)
        + b"\x89\x88\x87R(K\x03"
        + text2("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )


def joblib_array(code: str = "f8", count: int = 8, content: bytes | None = None, after: bytes = b"") -> bytes:
    """An estimator with one array as joblib writes it: the array's bytes are between two opcodes."""
    width = int(code[1:] or 1)
    state = (
        b"}("
        + text2("subclass") + global_line("numpy", "ndarray")
        + text2("shape") + integer(count) + b"\x85"
        + text2("order") + text2("C")
        + text2("dtype") + _dtype(code)
        + text2("allow_mmap") + b"\x88"
        + text2("numpy_array_alignment_bytes") + integer(16)
        + b"u"
    )  # fmt: skip
    raw = content if content is not None else b"\x04" + b"\xff" * 4 + b"R" * (count * width)
    wrapper = global_line("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + state + b"b" + raw
    estimator = global_line("sklearn.linear_model._logistic", "LogisticRegression") + b")\x81}("
    return proto(2) + estimator + text2("coef_") + wrapper + after + text2("C") + integer(1) + b"ub."
