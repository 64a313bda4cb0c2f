"""Archives: zip and formats based on it, tar, and unsupported formats."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.decode.compression import windows
from tokenaudit.detect.limits import MIB, Budget
from tokenaudit.detect.literals import Hit
from tokenaudit.detect.positions import Ranges

_HEADER = struct.Struct("<4s5H3I2H")
_MAGIC = b"PK\x03\x04"
_LISTED = b"PK\x01\x02"
_STEP = 1 * MIB
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    struct.error,
)


def unwrap_zip(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Yield members from the central directory, and members missing from it from their local headers."""
    covered: list[tuple[int, int]] = []
    for inner in _listed(data, budget):
        if inner.covers:
            covered.append(inner.covers)
        yield inner
    listed = Ranges(covered)
    end = 0
    for hit in hits:
        if hit.start in listed or hit.start < end:
            continue
        if not budget.entry():
            return
        header = _local(data, hit.start)
        if header is None:
            continue
        for inner in _by_header(data, header, budget):
            end = inner.covers[1] if inner.covers else end
            yield inner


def _listed(data: bytes, budget: Budget) -> Iterator[Decoded]:
    if data.count(_LISTED) > budget.limits.entries:
        budget.skip(f"zip archive has more than {budget.limits.entries} members")
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGE:
        if data.startswith(_MAGIC) and len(data) > _HEADER.size:  # shorter data can't contain a member
            budget.skip("zip archive is damaged or truncated; its members were read one by one")
        return
    with archive:
        for info in archive.infolist():
            if info.filename.endswith("/"):  # `is_dir` of older Python versions fails for a member without a name
                continue
            if not budget.entry():
                return
            yield from _member(archive, info, data, budget)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, data: bytes, budget: Budget) -> Iterator[Decoded]:
    covers = _extent(data, info)
    if info.flag_bits & _ENCRYPTED:
        budget.skip(f"{info.filename}: encrypted")
        yield Decoded(b"", ("zip",), info.header_offset, member=info.filename, covers=covers)
        return
    try:
        with archive.open(info) as stream:
            parts = _parts(stream, info.filename, info.compress_size, budget)
            for window, line in windows(parts):
                yield Decoded(window, ("zip",), info.header_offset, None, info.filename, covers, line)
    except _DAMAGE as error:
        budget.skip(f"{info.filename}: {_why(error)}")


def _parts(stream: IO[bytes], name: str, size: int, budget: Budget) -> Iterator[bytes]:
    came = 0
    while True:
        try:
            part = stream.read(_STEP)
        except _DAMAGE as error:
            budget.skip(f"{name}: {_why(error)}")
            return
        came += len(part)
        if not part or not budget.spend(len(part)) or budget.grows_too_much(name, came, size):
            return
        yield part


def _extent(data: bytes, info: zipfile.ZipInfo) -> tuple[int, int] | None:
    """Return the range of a member, using its local header, which can be longer than the directory's entry."""
    header = _local(data, info.header_offset)
    return (info.header_offset, header.start + info.compress_size) if header else None


class _Local(NamedTuple):
    """A local header: start of the content, and its size if the header contains it."""

    at: int
    start: int
    size: int
    method: int
    name: str
    encrypted: bool


def _local(data: bytes, at: int) -> _Local | None:
    if data[at : at + 4] != _MAGIC or len(data) < at + _HEADER.size:
        return None
    _, _, flags, method, _, _, _, size, _, name_size, extra_size = _HEADER.unpack_from(data, at)
    start = at + _HEADER.size + name_size + extra_size
    name = data[at + _HEADER.size : at + _HEADER.size + name_size].decode("utf-8", "backslashreplace")
    return _Local(at, start, size, method, name, bool(flags & _ENCRYPTED)) if start <= len(data) else None


def _is_member(data: bytes, header: _Local) -> bool:
    """Return False for a signature in code that handles zip files: no name follows it."""
    return data.startswith(_MAGIC) or (header.name != "" and header.name.isprintable())


def _by_header(data: bytes, header: _Local, budget: Budget) -> Iterator[Decoded]:
    if header.encrypted:
        if _is_member(data, header):
            budget.skip(f"{header.name}: encrypted")
        return
    if header.method == _STORED:
        content = data[header.start : header.start + header.size]
        if budget.spend(len(content)):
            covers = (header.at, header.start + len(content))
            yield Decoded(content, ("zip",), header.at, None, header.name, covers)
    elif header.method == _DEFLATED:
        inflater = zlib.decompressobj(-15)
        for window, line in windows(_inflated(data, header, inflater, budget)):
            covers = (header.at, len(data) - len(inflater.unused_data) if inflater.eof else header.start + 1)
            yield Decoded(window, ("zip",), header.at, None, header.name, covers, line)
    elif data.startswith(_MAGIC):
        budget.skip(f"{header.name}: unsupported compression method {header.method}")


def _inflated(data: bytes, header: _Local, inflater: zlib._Decompress, budget: Budget) -> Iterator[bytes]:
    came = 0
    fed: bytes = data[header.start :]
    while fed and not inflater.eof:
        try:
            part = inflater.decompress(fed, _STEP)
        except zlib.error:
            if came or _is_member(data, header):
                budget.skip(f"{header.name}: damaged after {came} bytes")
            return
        fed = inflater.unconsumed_tail
        came += len(part)
        if (
            not part
            or not budget.spend(len(part))
            or budget.grows_too_much(header.name, came, len(data) - header.start)
        ):
            return
        yield part


def _why(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "unsupported compression method"
    return "damaged or truncated"


_MAGIC_AT = 257


def is_tar(data: bytes) -> bool:
    """Return whether `data` starts with a tar header (POSIX or GNU)."""
    return data[_MAGIC_AT : _MAGIC_AT + 5] == b"ustar"


def unwrap_tar(data: bytes, budget: Budget) -> Iterator[Decoded]:
    """Yield the regular files of the archive. If it is damaged, the rest is scanned as plain bytes."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                if not member.isreg() or member.issparse() or not member.size:
                    continue
                if not budget.entry():
                    return
                start, end = member.offset_data, member.offset_data + member.size
                name = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                if end > len(data):
                    budget.skip(f"{name}: truncated")
                yield Decoded(data[start:end], ("tar",), start, None, name, (start, end))
    except (tarfile.TarError, ValueError, OSError, EOFError):
        budget.skip("tar archive is damaged or truncated; the rest was read as plain bytes")


_UNSUPPORTED = {
    b"7z": "7-Zip archives are not supported",
    b"Ra": "RAR archives are not supported",
    b"\x04\x22": "LZ4 archives are not supported",
    b"LZ": "lzip files are not supported; run lzip -d and scan the result",
    b"\xff\x06": "Snappy files are not supported",
    b"\x1f\x9d": "files of compress (.Z) are not supported; run gzip -d and scan the result",
}
"""Reason to report for a format, by the first two bytes of its magic number."""


def report_closed(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Report `data` as an unsupported format if it starts with the magic number; yield nothing."""
    if hits[0].start == 0:
        budget.skip(_UNSUPPORTED[data[:2]])
    yield from ()
