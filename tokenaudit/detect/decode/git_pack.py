"""git packs outside a repository: single files, at the end of a bundle, in the `.git` folder of an archive.

Format: git's `gitformat-pack` and `gitformat-bundle`. There is no index, so a pack is read sequentially to find where
each object ends. Deltas are applied afterwards, each delta tree from its root.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.limits import MIB, Budget
from tokenaudit.detect.literals import Hit
from tokenaudit.pack_format import (
    ID_DELTA,
    OFFSET_DELTA,
    TYPES,
    PackHeaderError,
    base_distance,
    delta_sizes,
    entry_header,
)

_HEADER = 12
_LARGEST = 64 * MIB
"""Maximum size in bytes of an object, because objects are held in memory."""

_FED = 64 << 10
_OBJECT = 50_000
"""Nanoseconds to read an object, in addition to its content."""

_BUNDLE = b"# v3 git bundle\n"
_SHA256 = b"@object-format=sha256\n"
_REMEDY = "run git unpack-objects < FILE in an empty repository and scan that"
_BUNDLE_REMEDY = "run git clone --mirror FILE and scan the clone"


class _DamagedError(Exception):
    """The rest of the pack can't be read."""


class _BeyondLimitError(Exception):
    """An object is larger than what the limits allow to decode."""


def unwrap_pack(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Yield the contents of all blobs, commits and tags. Trees contain only names and ids."""
    end = -1
    for hit in hits:
        if hit.start < end:
            continue
        pack = _Pack(data, hit.start, budget)
        yield from pack.objects()
        end = pack.end


@dataclass
class _Entry:
    """A stored object: offset of its header (`at`), offset of its stream (`body`), and inflated size of the stream."""

    kind: str
    at: int
    body: int
    size: int


@dataclass
class _Pack:
    """One pack in `data`; `end` is the end of its last readable object."""

    data: bytes
    start: int
    budget: Budget
    end: int = 0
    _by_offset: dict[int, list[_Entry]] = field(default_factory=lambda: defaultdict(list))
    _by_id: dict[bytes, list[_Entry]] = field(default_factory=lambda: defaultdict(list))
    _roots: list[tuple[_Entry, bytes]] = field(default_factory=list)
    _left: int = 0
    _stopped: bool = False

    def __post_init__(self) -> None:
        is_bundle = self.data.startswith(b"# v") and b" git bundle\n" in self.data[:32]
        self._remedy = _BUNDLE_REMEDY if is_bundle else _REMEDY
        self._hash = hashlib.sha256 if self._is_sha256() else hashlib.sha1
        self.end = self.start + _HEADER

    def _is_sha256(self) -> bool:
        """Return whether ids are SHA-256, from the header of a bundle or the checksum at the end of a pack."""
        if self.data.startswith(_BUNDLE):
            return _SHA256 in self.data[: self.start]
        return hashlib.sha256(self.data[self.start : -32]).digest() == self.data[-32:]

    def objects(self) -> Iterator[Decoded]:
        """Yield all objects: first the undeltified ones, then those built from deltas."""
        count = int.from_bytes(self.data[self.start + 8 : self.start + _HEADER], "big")
        read = 0
        try:
            for read in range(count):  # noqa: B007 - the number of objects read is reported
                yield from self._next()
                if self._stopped:
                    break
        except (PackHeaderError, _DamagedError, zlib.error):
            if read or self.start == 0 or self._remedy == _BUNDLE_REMEDY:
                self.budget.skip(f"git pack is damaged or cut off after {read} of {count} objects; {self._remedy}")
        for root, name in self._roots:
            if self._stopped:
                return
            if root.at in self._by_offset or name in self._by_id:
                yield from self._built_from(root, name)
        if self._left and not self._stopped:
            self.budget.skip(
                f"{self._left} objects of a git pack are built from objects that are not in it or damaged; "
                "run git index-pack --fix-thin --stdin < FILE (for a bundle: git bundle unbundle FILE) in the "
                "repository that it continues and scan that"
            )

    def _next(self) -> Iterator[Decoded]:
        """Read the entry at `end`. A delta is stored for later, any other object is yielded."""
        at = self.end
        code, size, body = entry_header(self.data, at)
        base: int | bytes | None = None
        if code == OFFSET_DELTA:
            base, body = base_distance(self.data, body)
            base = at - base
        elif code == ID_DELTA:
            width = self._hash().digest_size
            base, body = self.data[body : body + width], body + width
        elif code not in TYPES:
            raise _DamagedError
        entry = _Entry(TYPES.get(code, ""), at, body, size)
        try:
            content, self.end = _inflated(self.data, body, size, self.budget.left)
        except _BeyondLimitError:
            content = None
        if not self._pays(size):
            return
        if base is not None:
            self._left += 1
            (self._by_offset[base] if isinstance(base, int) else self._by_id[base]).append(entry)
        elif content is None:
            self._too_large()
        else:
            name = self._id(entry.kind, content)
            self._roots.append((entry, name))
            yield from self._decoded(entry, name, content)

    def _built_from(self, root: _Entry, name: bytes) -> Iterator[Decoded]:
        content, _ = _inflated(self.data, root.body, root.size)
        waiting = [(root, name, content)]
        while waiting:
            entry, name, content = waiting.pop()
            for child in (*self._by_offset.pop(entry.at, ()), *self._by_id.pop(name, ())):
                child.kind = entry.kind
                self._left -= 1
                built = self._build(child, content or b"")
                if self._stopped:
                    return
                if built is None:
                    continue
                child_name = self._id(child.kind, built)
                yield from self._decoded(child, child_name, built)
                if child.at in self._by_offset or child_name in self._by_id:
                    waiting.append((child, child_name, built))

    def _build(self, delta: _Entry, base: bytes) -> bytes | None:
        """Apply `delta` to `base`; return None and report it if it is damaged or too large."""
        from dulwich import errors, pack  # noqa: PLC0415 - few files contain packs, and it is slow to import

        try:
            instructions, _ = _inflated(self.data, delta.body, delta.size)
            size = delta_sizes(instructions)[1] if instructions is not None else 0
            if instructions is None or size > _LARGEST:
                self._too_large()
                return None
            if not self._pays(size):
                return None
            return b"".join(pack.apply_delta(base, instructions))
        except (errors.ApplyDeltaError, _DamagedError, zlib.error, ValueError, IndexError):
            self.budget.skip(f"an object of a git pack is damaged; {self._remedy}")
            return None

    def _decoded(self, entry: _Entry, name: bytes, content: bytes) -> Iterator[Decoded]:
        if entry.kind != "tree":
            yield Decoded(content, ("git-pack",), entry.at, None, name.hex(), (self.start, self.end))

    def _id(self, kind: str, content: bytes) -> bytes:
        return self._hash(f"{kind} {len(content)}\0".encode() + content).digest()

    def _pays(self, size: int) -> bool:
        if not self.budget.work(_OBJECT) or not self.budget.spend(size):
            self._stopped = True
            self.budget.skip(f"a git pack was not read to its end; {self._remedy}")
        return not self._stopped

    def _too_large(self) -> None:
        self.budget.skip(f"an object of a git pack is larger than {_LARGEST // MIB} MiB; {self._remedy}")


def _inflated(data: bytes, at: int, size: int, most: int | None = None) -> tuple[bytes | None, int]:
    """Return `size` inflated bytes of the stream at `at` (None if larger than `_LARGEST`), and its end.

    Raises:
        _DamagedError: the stream is cut off, or has another size.
        _BeyondLimitError: `size` is above `most`, and the beginning of the stream does not contradict it.
    """
    inflater = zlib.decompressobj()
    parts: list[bytes] = []
    came = 0
    chunk = min(_FED, size + 64)
    while not inflater.eof:
        fed = inflater.unconsumed_tail or data[at : at + chunk]
        if not inflater.unconsumed_tail:
            at += len(fed)
        if not fed:
            raise _DamagedError
        part = inflater.decompress(fed, 1 * MIB)
        came += len(part)
        if came > size:
            raise _DamagedError
        if most is not None and size > most and part:
            raise _BeyondLimitError
        if size <= _LARGEST:
            parts.append(part)
    if came != size:
        raise _DamagedError
    return b"".join(parts) if size <= _LARGEST else None, at - len(inflater.unused_data)
