"""A small repository of the usual form, read without starting git.

Starting git takes longer than reading such a repository. Everything here is strict: where a file is not exactly of the
form that git writes by default, the answer is None, and git is asked. git is the reference in the tests.

Formats: gitrepository-layout(5), gitformat-index(5), gitformat-pack(5).
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tokenaudit.file_access import read_regular
from tokenaudit.git.files import Folders
from tokenaudit.pack_format import (
    ID_DELTA,
    LONGEST_LOOSE_HEADER,
    OFFSET_DELTA,
    TYPES,
    base_distance,
    delta_sizes,
    entry_header,
    loose_header,
)

try:
    from dulwich._pack import apply_delta
    from dulwich.errors import ApplyDeltaError
except ImportError:  # no compiled wheel for this platform: git applies deltas
    apply_delta, ApplyDeltaError = None, ValueError  # type: ignore[assignment, misc]

_SHORT = 64 << 10
_LARGEST_REFS = 1 << 20
_MOST_REFS = 2000
"""Maximum unpacked refs."""

_UNUSUAL = frozenset({"commondir", "config.worktree", "gitdir", "reftable", "shallow", "worktrees"})
"""Names at the top of a repository that change where or how git reads."""

_ID = re.compile(rb"(?!0{40})[0-9a-f]{40}\Z")
_WORD = rb"[A-Za-z0-9_+=#%,&!-][A-Za-z0-9_+=#%,&!.-]*"
_NAME = re.compile(rb"refs(?:/%b)+\Z" % _WORD)
_NOT_A_NAME = re.compile(rb"\.\.|\.lock(?:/|\Z)|\.(?:/|\Z)")
_PACKED = re.compile(rb"(?P<id>[0-9a-f]{40}) (?P<name>refs/[!-~]+)\n(?:\^[0-9a-f]{40}\n)?")

_CORE = frozenset(
    f"\t{name} = {value}".encode()
    for name, values in {
        "repositoryformatversion": ("0",),
        "filemode": ("true", "false"),
        "bare": ("true", "false"),
        "logallrefupdates": ("true", "false"),
        "ignorecase": ("true", "false"),
        "precomposeunicode": ("true", "false"),
        "symlinks": ("true", "false"),
    }.items()
    for value in values
)
_SECTION = re.compile(rb'\[(?:core|user|(?P<kind>remote|branch) "(?P<name>[A-Za-z0-9_./-]+)")\]')
_SETTING = re.compile(rb'\t(?P<key>[a-z]+) = (?P<value>[^\s"\\;#](?:[^\n"\\;#\r\0]*[^\s"\\;#\0])?)')
_KEYS = {b"user": {b"name", b"email"}, b"remote": {b"url", b"fetch", b"mirror"}, b"branch": {b"remote", b"merge"}}


class PlainConfig(NamedTuple):
    """What the configuration of a repository says: whether it has no working tree, and the first URL of each remote."""

    bare: bool
    remotes: dict[str, str]


class PlainRefs(NamedTuple):
    """The commit that HEAD names, all refs, and the remotes."""

    head: str
    refs: dict[str, str]
    remotes: dict[str, str]


def plain_config(git_dir: Path) -> PlainConfig | None:
    """Return the configuration; None if it contains a setting that git does not write itself."""
    try:
        text = read_regular(git_dir / "config", _SHORT, follow=False)
    except OSError:
        return None
    if not text.endswith(b"\n"):
        return None
    bare = False
    remotes: dict[str, str] = {}
    kind, name = b"", ""
    for line in text[:-1].split(b"\n"):
        if section := _SECTION.fullmatch(line):
            kind = section["kind"] or line[1:-1]
            name = (section["name"] or b"").decode("ascii")
        elif kind == b"core":
            if line not in _CORE:
                return None
            bare = line == b"\tbare = true" if line.startswith(b"\tbare") else bare
        else:
            setting = _SETTING.fullmatch(line)
            if setting is None or setting["key"] not in _KEYS.get(kind, ()):
                return None
            if setting["key"] == b"url":
                remotes.setdefault(name, setting["value"].decode("utf-8", "surrogateescape"))
    return PlainConfig(bare, remotes)


def plain_refs(folders: Folders) -> PlainRefs | None:
    """Return what git says of HEAD, the refs and the configuration of a repository; None if git must be asked."""
    top = folders.git_dir
    try:
        config = plain_config(top)
        is_usual = (
            not folders.hazards
            and folders.common_dir == top
            and _UNUSUAL.isdisjoint(os.listdir(top))  # noqa: PTH208 - names only
            and (top / "objects").is_dir()
        )
        if config is None or not is_usual:
            return None
        found = _refs(top)
        head = _line(top / "HEAD")
        named = found[head[5:]] if head.startswith(b"ref: ") else _identity(head)
    except (OSError, LookupError, ValueError):
        return None  # also a HEAD without a commit
    refs = {name.decode("ascii"): found[name].decode("ascii") for name in sorted(found)}
    return PlainRefs(named.decode("ascii"), refs, config.remotes)


def _refs(top: Path) -> dict[bytes, bytes]:
    found = _packed_refs(top)
    symbolic: dict[bytes, bytes] = {}
    for name, content in _loose_refs(top):
        if content.startswith(b"ref: "):
            symbolic[name] = content[5:]
            found.pop(name, None)
        else:
            found[name] = _identity(content)
    found |= {name: found[other] for name, other in symbolic.items()}
    parents = {name[:at] for name in found for at in _slashes(name)}
    if not parents.isdisjoint(found) or any(not _NAME.match(name) or _NOT_A_NAME.search(name) for name in found):
        raise ValueError
    return found


def _slashes(name: bytes) -> Iterator[int]:
    at = name.find(b"/")
    while at >= 0:
        yield at
        at = name.find(b"/", at + 1)


def _identity(content: bytes) -> bytes:
    if not _ID.match(content):
        raise ValueError
    return content


def _line(path: Path | str) -> bytes:
    content = read_regular(path, _SHORT, follow=False)
    if not content.endswith(b"\n"):
        raise ValueError
    return content[:-1]


def _packed_refs(top: Path) -> dict[bytes, bytes]:
    try:
        text = read_regular(top / "packed-refs", _LARGEST_REFS, follow=False)
    except FileNotFoundError:
        return {}
    at = text.find(b"\n") + 1 if text.startswith(b"# pack-refs with: ") else 0
    found: dict[bytes, bytes] = {}
    while at < len(text):
        line = _PACKED.match(text, at)
        if line is None or line["name"] in found:
            raise ValueError
        found[line["name"]] = _identity(line["id"])
        at = line.end()
    return found


def _loose_refs(top: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each unpacked ref; raise ValueError if there is anything else."""
    waiting = [("refs", os.path.join(top, "refs"))]  # noqa: PTH118 - this is called often
    left = _MOST_REFS
    while waiting:
        name, folder = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                left -= 1
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{name}/{entry.name}", entry.path))
                elif left < 0:
                    raise ValueError
                else:
                    yield os.fsencode(f"{name}/{entry.name}"), _line(entry.path)


_INDEX = struct.Struct(">4sII")
_ENTRY = struct.Struct(">24xI12x20sH")
"""Mode, id and flags of an entry of the index."""

_NAME_LENGTH, _UNUSUAL_FLAGS = 0x0FFF, 0x7000
_SHA1 = 20


def plain_index(git_dir: Path, most: int) -> bytes | None:
    """Return the index of at most `most` bytes as `git ls-files --stage -t -z` prints it; None if git must be asked."""
    config = plain_config(git_dir)
    if config is None or config.bare:
        return None
    try:
        text = read_regular(git_dir / "index", most, follow=False)
        lines = list(_index_lines(text))
    except (OSError, ValueError, struct.error):
        return None
    return b"".join(lines)


def _index_lines(text: bytes) -> Iterator[bytes]:
    end = len(text) - _SHA1
    signature, version, count = _INDEX.unpack_from(text)
    if (signature, version) != (b"DIRC", 2) or text[end:] != _sha1(text[:end]):
        raise ValueError
    at, before = _INDEX.size, b""
    for _ in range(count):
        mode, name, flags = _ENTRY.unpack_from(text, at)
        start = at + _ENTRY.size
        stop = text.index(b"\0", start, end)
        path = text[start:stop]
        is_usual = flags & _NAME_LENGTH == min(len(path), _NAME_LENGTH) and not flags & _UNUSUAL_FLAGS
        if not is_usual or path <= before or path.endswith(b"/"):
            raise ValueError
        yield b"H %06o %b 0\t%b\0" % (mode, name.hex().encode(), path)
        at, before = at + (stop - at + 8) // 8 * 8, path
    while at < end:
        name, size = struct.unpack_from(">4sI", text, at)
        if name != b"TREE":
            raise ValueError
        at += 8 + size
    if at != end:
        raise ValueError


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


PlainObject = tuple[str, str, bytes]
"""Id, type and content."""

_PART = re.compile(r"[0-9a-f]{2}")
_LOOSE = re.compile(r"[0-9a-f]{38}")
_OF_PACK = frozenset({".pack", ".idx", ".rev"})
_IN_PACK = struct.Struct(">4sII")
_IN_INDEX = 8 + 256 * 4
"""Bytes of an index of a pack before the ids."""


class _TooMuchError(ValueError):
    pass


class _Left:
    """Bytes of content that can still be read."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _TooMuchError


def plain_objects(folders: Folders, most: int) -> list[PlainObject] | None:
    """Return all objects of a repository, each once, if they have at most `most` bytes; None if git must be asked."""
    top = folders.common_dir / "objects"
    is_alone = not folders.hazards and not folders.missing and folders.objects == (top,)
    if not is_alone or plain_config(folders.common_dir) is None:
        return None
    left = _Left(most)
    found: dict[str, PlainObject] = {}
    try:
        for index, pack in _packs(top / "pack"):
            for packed in _Pack(index, pack, left).objects():
                if packed[0] in found:
                    return None
                found[packed[0]] = packed
        for part in os.listdir(top):  # noqa: PTH208 - names only
            if _PART.fullmatch(part):
                folder = os.path.join(top, part)  # noqa: PTH118 - this is called often
                for name in os.listdir(folder):  # noqa: PTH208 - as above
                    if _LOOSE.fullmatch(name) and part + name not in found:
                        kind, data = _unpacked(os.path.join(folder, name), left)  # noqa: PTH118 - as above
                        found[part + name] = (part + name, kind, data)
    except (OSError, ValueError, LookupError, OverflowError, struct.error, zlib.error, ApplyDeltaError):
        return None
    return list(found.values())


def _unpacked(file: str, left: _Left) -> tuple[str, bytes]:
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError
        left.take(0 if status.st_size < _SHORT else status.st_size)
        stored = os.read(descriptor, status.st_size + 1)
    finally:
        os.close(descriptor)
    inflater = zlib.decompressobj()
    head = inflater.decompress(stored, LONGEST_LOOSE_HEADER)
    kind, size, begin = loose_header(head)
    if len(stored) != status.st_size:
        raise ValueError
    left.take(size)
    data = head[begin:] + inflater.decompress(inflater.unconsumed_tail, size + 1)
    if len(data) != size or not inflater.eof or inflater.unused_data:
        raise ValueError
    return kind, data


def _packs(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the index and the content of each pack; raise ValueError if there is anything else."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names only
    except FileNotFoundError:
        return
    stems = {os.path.splitext(name)[0] for name in names}  # noqa: PTH122 - names only
    if any(os.path.splitext(name)[1] not in _OF_PACK for name in names):  # noqa: PTH122 - as above
        raise ValueError
    for stem in sorted(stems):
        if not stem.startswith("pack-") or f"{stem}.pack" not in names or f"{stem}.idx" not in names:
            raise ValueError
        yield read_regular(folder / f"{stem}.idx"), read_regular(folder / f"{stem}.pack")


class _Pack:
    """A pack with its index (version 2, without offsets of 64 bits)."""

    def __init__(self, index: bytes, pack: bytes, left: _Left) -> None:
        counts = struct.unpack_from(">256I", index, 8)
        count = counts[-1]
        offsets_at = _IN_INDEX + count * (_SHA1 + 4)
        is_usual = (
            apply_delta is not None
            and index[:8] == b"\xfftOc\0\0\0\x02"
            and len(index) == offsets_at + 4 * count + 2 * _SHA1
            and list(counts) == sorted(counts)
            and pack[: _IN_PACK.size] == _IN_PACK.pack(b"PACK", 2, count)
            and index[-2 * _SHA1 : -_SHA1] == pack[-_SHA1:]
        )
        if not is_usual:
            raise ValueError
        self._pack, self._left = pack, left
        names = index[_IN_INDEX : _IN_INDEX + count * _SHA1].hex()
        self._names = [names[at : at + 2 * _SHA1] for at in range(0, len(names), 2 * _SHA1)]
        self._offsets = struct.unpack_from(f">{count}I", index, offsets_at)
        self._by_name = dict(zip(self._names, self._offsets, strict=True))
        self._starts = [*sorted(self._offsets), len(pack) - _SHA1]
        if len(self._by_name) != count or len(set(self._starts)) != count + 1 or self._names != sorted(self._names):
            raise ValueError
        self._by_offset = frozenset(self._offsets)
        self._known: dict[int, tuple[str, bytes]] = {}

    def objects(self) -> Iterator[PlainObject]:
        for name, offset in zip(self._names, self._offsets, strict=True):
            yield (name, *self._at(offset))

    def _at(self, offset: int) -> tuple[str, bytes]:
        """Return type and content of the object at `offset`. Each of its bases is read once."""
        waiting: list[tuple[int, bytes]] = []
        at = offset
        while at not in self._known:
            kind, base, data = self._stored(at)
            if base is None:
                self._known[at] = (kind, data)
            elif len(waiting) < len(self._names):
                waiting.append((at, data))
                at = base
            else:  # deltas that refer to each other
                raise ValueError
        while waiting:
            kind, data = self._known[at]
            at, delta = waiting.pop()
            self._known[at] = (kind, self._built(data, delta))
        return self._known[offset]

    def _stored(self, offset: int) -> tuple[str, int | None, bytes]:
        """Return type, offset of the base (None: it is no delta), and inflated content of an entry."""
        end = self._starts[bisect_right(self._starts, offset)]
        number, size, at = entry_header(self._pack, offset)
        base = None
        if number == OFFSET_DELTA:
            back, at = base_distance(self._pack, at)
            base = offset - back
        elif number == ID_DELTA:
            base = self._by_name[self._pack[at : at + _SHA1].hex()]
            at += _SHA1
        if base is not None and base not in self._by_offset:
            raise ValueError
        self._left.take(size)
        inflater = zlib.decompressobj()
        data = inflater.decompress(self._pack[at:end], size + 1)
        if len(data) != size or not inflater.eof or inflater.unused_data:
            raise ValueError
        return ("", base, data) if base is not None else (TYPES[number], None, data)

    def _built(self, base: bytes, delta: bytes) -> bytes:
        source, target, _ = delta_sizes(delta)
        self._left.take(target)
        if source != len(base):
            raise ValueError
        built = apply_delta(base, delta)
        data = built if isinstance(built, bytes) else b"".join(built)
        if len(data) != target:
            raise ValueError
        return data
