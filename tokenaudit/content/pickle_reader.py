"""Finds all pickles in a file: consecutive streams, containers, compression, byte strings."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from tokenaudit.content.byte_range import ByteRange, ContentBudget, LimitReachedError, MemoryRange
from tokenaudit.content.change import FileFormat
from tokenaudit.content.decompress import decompress
from tokenaudit.content.detect_format import (
    DATA_STARTS,
    MODEL_NAMES,
    TAR_MARK,
    ZIP_STARTS,
    compression,
    is_native,
    is_safetensors,
    is_text,
    opaque_archive,
)
from tokenaudit.content.path_escape import escapes
from tokenaudit.content.pickle_input import PickleWalk, latin_bytes
from tokenaudit.content.pickle_machine import walk_pickle
from tokenaudit.content.pickle_starts import begins, candidates, has_plausible_names, starts_pickle
from tokenaudit.content.zip_reader import ZipDirectory, ZipMember, find_end, open_member, read_directory

_HEAD = 512
_WINDOW = 1 << 20
_OVERLAP = 1 << 10
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_TORCH_STREAMS = 5
_NESTED_PICKLES = 3
_POINTER = b"version https://git-lfs.github.com/spec/"
_STORAGE_MEMBER = re.compile(r"(?:.*/)?data/\d+")
_BASE64_PICKLE = re.compile(rb"gA[I-X][A-Za-z0-9+/]{5,}={0,2}")
"""Base64 of the first bytes of pickles of protocol 2 to 5."""

_DATA_MEMBERS = re.compile(
    r"\.(?:png|jpe?g|gif|bmp|webp|tiff?|svg|mp3|wav|flac|ogg|m4a|mp4|avi|mkv|webm|mov|txt|csv|tsv|html?|xml|pdf|parquet"
    r"|arrow|safetensors|md|rst|py|js|css|c|h|cpp|cu|ttf|woff2?|srt|vtt|cls|h5|hdf5)$",
    re.IGNORECASE,
)
"""Members of archives that no model loader unpickles."""

_SMALL_MEMBER = 1 << 20
"""Size in bytes up to which a member of a model is examined even if its name is that of data."""

_OWN_NAMES = (".safetensors", ".gguf", ".h5", ".hdf5", ".keras")
_SMALL = 8 << 20
_TEXTS = (".json", ".txt", ".md", ".py", ".yaml", ".yml", ".html")
_TAR_BLOCK = 512
_TAR_FIELDS = struct.Struct("100s 24x 12s 20x c 100s")
"""Name, size, kind and link target in the header of a tar archive's member."""

_LONGEST_JSON = 16 << 20


@dataclass
class PickleReport:
    """What the pickles of one version of a file import, and what can't be examined.

    `names` and `called` are those of all pickles together, `unknown` describes imports and calls without a name.
    `unreadable` are defects that hide something, with whether a call came before the defect. `skipped` is what a limit
    left out. `escapes` are members whose names leave the folder that they are unpacked in. `format` is the container,
    if any. `pickles` is the number of streams.
    """

    names: dict[str, None] = field(default_factory=dict)
    called: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    unreadable: dict[str, None] = field(default_factory=dict)
    skipped: dict[str, None] = field(default_factory=dict)
    escapes: dict[str, None] = field(default_factory=dict)
    format: FileFormat | None = None
    pickles: int = 0
    streams: list[bytes] = field(default_factory=list)
    """The bytes of small pickles, for a second opinion."""

    def add(self, walk: PickleWalk) -> None:
        """Adds the imports of one pickle."""
        self.names.update(walk.names)
        self.called.update(walk.called)
        self.unknown.update(walk.unknown)
        self.pickles += 1


def read_pickles(source: ByteRange, path: str, budget: ContentBudget) -> PickleReport:
    """What the pickles in the file import. Content never makes this raise: limits and defects are in the report.

    Raises:
        OSError: the bytes can't be read.
    """
    reader = _Reader(path, budget)
    try:
        reader.look(source, path, 0, pickles=0)
    except LimitReachedError as error:
        reader.report.skipped.setdefault(str(error))
    return reader.report


class _Reader:
    def __init__(self, path: str, budget: ContentBudget) -> None:
        self.report = PickleReport()
        self.budget = budget
        self.of_model = bool(MODEL_NAMES.search(path))

    def look(self, source: ByteRange, path: str, depth: int, *, pickles: int, inside: bool = False) -> None:
        """Examines `source`, which is inside `depth` containers and `pickles` pickles; `inside`: not a whole file."""
        head = source.read(0, _HEAD)
        if depth > self.budget.limits.depth or pickles > _NESTED_PICKLES:
            if compression(head) or head.startswith(ZIP_STARTS) or starts_pickle(head):
                self.report.unreadable.setdefault("nested too deeply to be examined")
            return
        if head.startswith(_POINTER):
            if self.of_model or inside:
                self.report.unreadable.setdefault("a git-lfs pointer instead of the content")
        elif head.startswith(ZIP_STARTS):
            self._zip(source, depth, pickles)
        elif (archive := opaque_archive(head)) is not None:
            self._opaque(archive, inside=inside)
        elif head.startswith(b"\x93NUMPY"):
            self._numpy(source, head, depth, pickles)
        elif head.startswith(b"ustar", TAR_MARK):
            self._tar(source, depth, pickles)
        elif starts_pickle(head):
            self._streams(source, depth, pickles, inside=inside)
        else:
            self._other(source, head, path, depth, pickles, inside=inside)

    def _opaque(self, archive: str, *, inside: bool) -> None:
        text = f"a {archive} archive, whose members can't be examined"
        if self.of_model or inside:
            self.report.unreadable.setdefault(text)
        else:
            self.report.skipped.setdefault(text)

    def _other(self, source: ByteRange, head: bytes, path: str, depth: int, pickles: int, *, inside: bool) -> None:
        if self._plain(source, head, inside=inside):
            self._streams(source, depth, pickles, inside=inside)
            return
        if is_safetensors(head, source.size) or head.startswith((*DATA_STARTS, b"GGUF", b"\x89HDF\r\n\x1a\n")):
            # The header of one format in a file named like another: in a small file, the data behind it counts too.
            if self.of_model and not path.lower().endswith(_OWN_NAMES) and source.size <= _SMALL:
                self._behind(source, head, depth, pickles)
            return
        kind = compression(head)
        if kind is not None and self._compressed(source, kind, path, depth, pickles, inside=inside):
            return
        text = is_text(head) and not is_native(head)
        if text and path.endswith((".json", "data")) and source.size <= _LONGEST_JSON:
            self._base64(source, depth, pickles)
        if not (inside and pickles) and not (text and path.endswith(_TEXTS)):
            self._behind(source, head, depth, pickles)

    def _behind(self, source: ByteRange, head: bytes, depth: int, pickles: int) -> None:
        """Looks for an archive or a pickle behind data of an unknown format."""
        if find_end(source) is not None:
            self._zip(source, depth, pickles)
        if self.of_model and not is_native(head):
            self._search(source, 0, depth, pickles)

    # Streams

    def _plain(self, source: ByteRange, head: bytes, *, inside: bool) -> bool:
        """Whether a pickle without a header begins here: since text can look like one, it must import and continue."""
        if not head or head[:1] == b"\x80":
            return False
        walk = walk_pickle(source, 0, self.budget)
        plausible = has_plausible_names(walk)
        if walk.cut is not None:
            if plausible:
                self.report.add(walk)
            raise LimitReachedError(walk.cut)
        if walk.imports and plausible and (walk.end is not None or walk.called or walk.unknown):
            return True
        if walk.names and plausible and self.of_model and not inside:
            return walk.opcodes > _FEW
        return False

    def _streams(self, source: ByteRange, depth: int, pickles: int, *, inside: bool = False) -> None:
        at = 0
        legacy = 0
        storages: dict[str, int] = {}
        while at < source.size:
            walk = self._one(source, at, depth, pickles, inside=inside)
            if walk.end is None:
                self._search(source, at + 1, depth, pickles, followed=walk.stopped)
                return
            at = walk.end
            storages.update(walk.storages)
            if walk.value == _TORCH_MAGIC or legacy:
                legacy += 1
                self.report.format = "torch"
            if legacy == _TORCH_STREAMS:
                keys = walk.value if isinstance(walk.value, list) else []
                at += sum(8 + storages.get(key, 0) for key in keys if isinstance(key, str))
                if at == source.size:
                    return
                if at > source.size:
                    self.report.unreadable.setdefault("ends before the end of its tensors")
                    return
                legacy = 0
            following = source.read(at, 2)
            if not starts_pickle(following):
                self._search(source, at, depth, pickles)
                return

    def _one(self, source: ByteRange, at: int, depth: int, pickles: int, *, inside: bool) -> PickleWalk:
        walk = walk_pickle(source, at, self.budget)
        if inside and walk.end is None and not (walk.imports and has_plausible_names(walk)):
            return walk  # bytes in a byte string that only begin like a pickle
        self.report.add(walk)
        if walk.cut is not None:
            raise LimitReachedError(walk.cut)
        if walk.arrays:
            self.report.format = "joblib"
        if walk.broken is not None:
            called = " after a call" if walk.called or walk.unknown else ""
            self.report.unreadable.setdefault(f"a pickle that {walk.broken}{called}")
        self._keep(source, at, walk)
        self._nested(source, walk, depth, pickles)
        return walk

    def _nested(self, source: ByteRange, walk: PickleWalk, depth: int, pickles: int) -> None:
        for start, length in walk.nested:
            self.look(source.part(start, length), "", depth, pickles=pickles + 1, inside=True)
        texts = [latin_bytes(source.read(start, length)) for start, length in walk.nested_text]
        for data in [*walk.nested_bytes, *(text for text in texts if text is not None)]:
            self.look(MemoryRange(data), "", depth, pickles=pickles + 1, inside=True)

    def _keep(self, source: ByteRange, at: int, walk: PickleWalk) -> None:
        if walk.imports and len(self.report.streams) < _MOST_KEPT_STREAMS:
            length = (walk.end or source.size) - at
            if length <= _LONGEST_KEPT_STREAM:
                self.report.streams.append(source.read(at, length))

    def _search(self, source: ByteRange, start: int, depth: int, pickles: int, *, followed: int = 0) -> None:
        """Looks for pickles behind other data, which a loader with the right offset reaches.

        Opcodes were followed up to `followed`: text before it that looks like an import is part of an opcode.
        """
        at = start
        while at < source.size:
            window = source.read(at, _WINDOW)
            last = at + len(window) >= source.size
            memory = MemoryRange(window)
            for candidate, headed in candidates(window):
                if candidate >= len(window) - _OVERLAP and not last:
                    continue
                if not headed and at + candidate < followed:
                    continue
                begin = begins(memory, candidate, self.budget, headed=headed)
                if begin is not None:
                    walk = self._one(source, at + begin, depth, pickles, inside=False)
                    if walk.end is not None and self._starts_again(source, walk.end):
                        self._search_from(source, walk.end, depth, pickles)
            if last or not window:
                return
            at += max(len(window) - _OVERLAP, 1)

    def _search_from(self, source: ByteRange, at: int, depth: int, pickles: int) -> None:
        while at < source.size and self._starts_again(source, at):
            walk = self._one(source, at, depth, pickles, inside=False)
            if walk.end is None:
                return
            at = walk.end

    def _starts_again(self, source: ByteRange, at: int) -> bool:
        return starts_pickle(source.read(at, 2))

    def _compressed(self, source: ByteRange, kind: str, path: str, depth: int, pickles: int, *, inside: bool) -> bool:
        """Examines a compressed stream. False if it is not one: two bytes are a weak signature."""
        done = decompress(source, kind, self.budget)
        weak = kind in {"zlib", "lzma"}
        if not done.data and (done.broken or done.cut) and (weak or (inside and pickles)):
            return False
        if done.cut is not None:
            self.report.skipped.setdefault(done.cut)
        if done.broken is not None and (self.of_model or inside):
            self.report.unreadable.setdefault(done.broken)
        before = self.report.pickles
        inner = re.sub(r"\.(?:gz|z|bz2|xz|lzma|zst|lz4|tgz)$", "", path, flags=re.IGNORECASE)
        self.look(MemoryRange(done.data), inner, depth + 1, pickles=pickles, inside=True)
        if self.report.pickles > before and self.report.format is None:
            self.report.format = "joblib"
        if done.end is not None and done.end < source.size:
            rest = source.part(done.end, source.size - done.end)
            if rest.read(0, _HEAD).strip(b"\x00"):
                self.look(rest, path, depth + 1, pickles=pickles, inside=True)
        return True

    def _zip(self, source: ByteRange, depth: int, pickles: int) -> None:
        found = read_directory(source, self.budget)
        if not found.members and not (self.of_model or depth):
            self.report.skipped.setdefault("a zip archive without readable members")
        names = {member.name for member in found.members}
        self.report.escapes.update(dict.fromkeys(name for name in sorted(names) if escapes(name)))
        torch = any(re.fullmatch(r"(?:.*/)?data(?:\.pkl|/\d+)", name) for name in names)
        numpy = bool(names) and all(name.endswith(".npy") for name in names)
        if torch and any(re.fullmatch(r"(?:.*/)?code/.*\.py", name) for name in names):
            self.report.skipped.setdefault("TorchScript; its program is not examined")
        if self.report.format is None and not depth:
            self.report.format = "torch" if torch else "numpy" if numpy else "archive"
        model = self.of_model or torch
        try:
            for member in found.members:
                if torch and _STORAGE_MEMBER.fullmatch(member.name):
                    continue
                self._member(source, member, found, depth, pickles, model=model)
        finally:
            self._defects(found, model=model)
        if model:
            self._around(source, found, depth, pickles)

    def _member(
        self, source: ByteRange, member: ZipMember, found: ZipDirectory, depth: int, pickles: int, *, model: bool
    ) -> None:
        if member.name.endswith("/") and not member.size:
            return
        data = bool(_DATA_MEMBERS.search(member.name)) and "\x00" not in member.name
        if data and not model:
            return
        data = data and member.size > _SMALL_MEMBER
        self.budget.spend_member()
        defects = len(found.defects)
        if data:
            open_member(source, member, found, self.budget, most=0)
            if len(found.defects) == defects:
                return
        content = open_member(source, member, found, self.budget)
        if content is not None:
            self.look(content, member.name, depth + 1, pickles=pickles, inside=True)

    def _defects(self, found: ZipDirectory, *, model: bool) -> None:
        if found.cut is not None:
            self.report.skipped.setdefault(found.cut)
        for defect in found.defects:
            (self.report.unreadable if model else self.report.skipped).setdefault(f"a zip archive that {defect}")

    def _around(self, source: ByteRange, found: ZipDirectory, depth: int, pickles: int) -> None:
        """Examines the data before and behind the archive."""
        if found.start > 0:
            before = source.part(0, found.start)
            if not before.read(0, 4).startswith(ZIP_STARTS):
                self.look(before, "", depth + 1, pickles=pickles, inside=True)
        if found.end < source.size:
            self.look(source.part(found.end, source.size - found.end), "", depth + 1, pickles=pickles, inside=True)

    def _numpy(self, source: ByteRange, head: bytes, depth: int, pickles: int) -> None:
        if self.report.format is None and not depth:
            self.report.format = "numpy"
        width = 2 if head[6:7] == b"\x01" else 4
        start = 8 + width
        length = int.from_bytes(head[8:start], "little")
        header = source.read(start, min(length, _WINDOW))
        dtypes = re.findall(rb"""['"]descr['"]\s*:\s*(['"][^'"]*['"]|\[.*\])""", header, re.DOTALL)
        if not dtypes or b"\\" in header or length > _WINDOW:
            self.report.unreadable.setdefault("a NumPy array with a damaged header")
        content = source.part(start + length, source.size)
        # In a structured type, the first text of a pair is the field's name.
        objects = any(re.search(rb"""(?:^|,)\s*['"][|<>=]?O\d*['"]""", each) for each in dtypes)
        if objects or starts_pickle(content.read(0, 2)):
            self._streams(content, depth, pickles, inside=not objects)

    def _tar(self, source: ByteRange, depth: int, pickles: int) -> None:
        if self.report.format is None and not depth:
            self.report.format = "archive"
        seen: set[str] = set()
        at = 0
        while at + _TAR_BLOCK <= source.size:
            header = source.read(at, _TAR_BLOCK)
            if not header.strip(b"\x00"):
                at += _TAR_BLOCK
                continue
            name_field, size_field, kind, link_field = _TAR_FIELDS.unpack_from(header)
            size = _tar_size(size_field)
            if not header.startswith(b"ustar", TAR_MARK) or size is None:
                self._damaged_tar(source, at, depth, pickles)
                return
            name = name_field.rstrip(b"\x00").decode("utf-8", "backslashreplace")
            target = link_field.rstrip(b"\x00").decode("utf-8", "backslashreplace")
            linked = [f"{name} -> {target}"] if kind in {b"1", b"2"} and escapes(target) else []
            self.report.escapes.update(dict.fromkeys([*([name] if escapes(name) else []), *linked]))
            if kind in {b"0", b"\x00", b"7"}:
                if name in seen and self.of_model:
                    self.report.unreadable.setdefault(f"a tar archive that has two members with the name {name}")
                seen.add(name)
                if not _DATA_MEMBERS.search(name):
                    self.budget.spend_member()
                    self.look(source.part(at + _TAR_BLOCK, size), name, depth + 1, pickles=pickles, inside=True)
            at += _TAR_BLOCK + (size + _TAR_BLOCK - 1) // _TAR_BLOCK * _TAR_BLOCK

    def _damaged_tar(self, source: ByteRange, at: int, depth: int, pickles: int) -> None:
        if self.of_model or depth:
            self.report.unreadable.setdefault("a tar archive with a damaged header")
            self._search(source, at, depth, pickles)
        else:
            self.report.skipped.setdefault("a tar archive with a damaged header")

    def _base64(self, source: ByteRange, depth: int, pickles: int) -> None:
        for found in _base64_strings(source.read(0, _LONGEST_JSON)):
            self.look(MemoryRange(found), "", depth + 1, pickles=pickles + 1, inside=True)


_FEW = 3
"""Number of opcodes after which a text is not just a word that looks like an import."""

_MOST_KEPT_STREAMS, _LONGEST_KEPT_STREAM = 64, 1 << 20


def _tar_size(field: bytes) -> int | None:
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \x00")
    return int(digits, 8) if re.fullmatch(rb"[0-7]*", digits) and digits else 0 if not digits else None


def _base64_strings(data: bytes) -> Iterator[bytes]:
    for found in islice(_BASE64_PICKLE.finditer(data.replace(b"\\n", b"").replace(b"\n", b"")), 1000):
        text = found[0].rstrip(b"=")
        try:
            yield base64.b64decode(text + b"=" * (-len(text) % 4))
        except binascii.Error:
            continue
