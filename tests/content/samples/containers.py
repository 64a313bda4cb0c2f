"""Containers around bytes, whole and with each of the defects that scanners and loaders read differently."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence

from tests.support import zstd


def zipped(members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive, by Python's own writer."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = method
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of two members with one name, which is what some samples are
                archive.writestr(info, data)
    return buffer.getvalue()


def torch_zip(pickle: bytes, extra: Sequence[tuple[str, bytes]] = (), method: int = zipfile.ZIP_STORED) -> bytes:
    """A file of torch.save: the pickle, the storages, the version."""
    members = [("archive/data.pkl", pickle), ("archive/byteorder", b"little")]
    members += [(f"archive/data/{n}", bytes(16)) for n in range(3)]
    return zipped([*members, ("archive/version", b"3\n"), *extra], method)


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def local(data: bytes, name: str) -> int:
    """The position of a member's local header."""
    return data.index(name.encode()) - 30


def central(data: bytes, name: str) -> int:
    """The position of a member's entry in the directory."""
    return data.rindex(name.encode()) - 46


def zip_defects(data: bytes, name: str = "archive/data.pkl") -> dict[str, bytes]:
    """The archive with one defect each that loaders accept."""
    here, there = local(data, name), central(data, name)
    other = b"archive/data.txt"
    twice = zipped([("archive/data.pkl", b"\x80\x02}.")])
    flag_here, flag_there = patched(data, here + 6, b"\x01\x00"), patched(data, there + 8, b"\x01\x00")
    return {
        "crc-directory": patched(data, there + 16, b"\x01\x02\x03\x04"),
        "crc-both": patched(patched(data, there + 16, b"\x01\x02\x03\x04"), here + 14, b"\x01\x02\x03\x04"),
        "encrypted-local": flag_here,
        "encrypted-central": flag_there,
        "encrypted-both": patched(flag_here, there + 8, b"\x01\x00"),
        "name-local": patched(data, here + 30, other),
        "name-central": patched(data, there + 46, other),
        "no-end": data[: data.rindex(b"PK\x05\x06")],
        "no-directory": data[: data.index(b"PK\x01\x02")],
        "prefix": b"prefix\n" * 4 + data,
        "suffix": data + b"suffix" * 4,
        "count": patched(data, data.rindex(b"PK\x05\x06") + 10, b"\x01\x00"),
        "two-archives": twice + data,
    }


def compressed(data: bytes) -> dict[str, bytes]:
    """The bytes in every compression that joblib knows, and one more."""
    return {
        "gz": gzip.compress(data, mtime=0),
        "z": zlib.compress(data),
        "bz2": bz2.compress(data),
        "xz": lzma.compress(data),
        "lzma": lzma.compress(data, lzma.FORMAT_ALONE),
        "zst": zstd.compress(data),
        "lz4": lz4(data),
    }


def lz4(data: bytes) -> bytes:
    """A frame of LZ4 with one block that is stored."""
    return b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(data) | 1 << 31) + data + bytes(4)


def lz4_packed(data: bytes) -> bytes:
    """A frame of LZ4 with one block that holds `data` as literals, then sixteen bytes by a reference."""
    length = len(data)
    token = bytes([0xF0 | 12]) + b"\xff" * ((length - 15) // 255) + bytes([(length - 15) % 255])
    block = token + data + struct.pack("<H", 16) + b"\x00"
    return b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(block)) + block + bytes(4)


def tarred(members: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def npy(content: bytes, descr: str = "'|O'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


def safetensors(metadata: Mapping[str, str] | None = None, count: int = 4, padding: int = 0) -> bytes:
    header: dict[str, object] = {"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}
    if metadata is not None:
        header["__metadata__"] = dict(metadata)
    text = json.dumps(header).encode() + b" " * padding
    return len(text).to_bytes(8, "little") + text + bytes(4 * count)


def gguf(keys: Mapping[str, str | int | list[str]], tensors: int = 0) -> bytes:
    """The header of a GGUF file of version 3."""

    def string(value: str) -> bytes:
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    out = b"GGUF" + struct.pack("<IQQ", 3, tensors, len(keys))
    for key, value in keys.items():
        out += string(key)
        if isinstance(value, str):
            out += struct.pack("<I", 8) + string(value)
        elif isinstance(value, int):
            out += struct.pack("<II", 4, value)
        else:
            out += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(string, value))
    return out
