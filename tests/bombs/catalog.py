"""Every bomb: how it is made, in full size or reduced, and what the report has to say of it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.support import hostile
from tests.support.gitrepo import GitRepo
from tests.support.hostile import BLOB, MIB, OFS_DELTA, REF_DELTA
from tests.support.hostile_config import CODE, CONFIGURATION
from tokenaudit.audit.targets import Part

PADDING = 5 * MIB
"""With this much noise a pack is large enough to be read directly instead of through `git cat-file`."""


@dataclass(frozen=True)
class Bomb:
    """`make` puts it into a repository with a leak in its history; `unit` is a mebibyte, or less in a reduced one.

    `part` is the part of the repository that is scanned. `skipped` has to be part of a reason in the report, None where
    nothing has to; it is for the full size only unless it is `reduced` too. By `url` the repository is cloned first.
    `beside` is whether there is a finding in the same part of the repository.
    """

    make: Callable[[GitRepo, int], None]
    skipped: str | None
    part: Part = "history"
    url: bool = False
    reduced: bool = True
    beside: bool = True


def _objects(repo: GitRepo) -> Path:
    return repo.git_dir / "objects"


def _sha1(kind: str, content: bytes) -> bytes:
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)) + content).digest()  # noqa: S324 - git's


def _named(number: int) -> bytes:
    return hashlib.sha1(b"%d" % number).digest()  # noqa: S324 - git's


def _noise() -> list[tuple[bytes, bytes]]:
    noise = random.Random(1).randbytes(PADDING)
    return [(_sha1("blob", noise), hostile.entry(BLOB, PADDING, zlib.compress(noise, 0)))]


def _pack(repo: GitRepo, entries: list[tuple[bytes, bytes]], *, padded: bool) -> None:
    hostile.write_pack(_objects(repo) / "pack", entries + (_noise() if padded else []))


def zeros(size: int, *, packed: bool = False) -> Callable[[GitRepo, int], None]:
    """A blob of `size` units of zeros with a tag."""

    def make(repo: GitRepo, unit: int) -> None:
        name = hostile.loose_zeros(_objects(repo), size * unit)
        repo.git("update-ref", "refs/tags/large", name)
        if packed:
            repo.git("-c", "core.bigFileThreshold=1m", "repack", "-adq")

    return make


def chain(*, padded: bool) -> Callable[[GitRepo, int], None]:
    """Deltas of deltas, up to 2,048 units."""

    def make(repo: GitRepo, unit: int) -> None:
        sizes = [unit, 16 * unit, 64 * unit, 512 * unit, 2048 * unit]
        content, _ = hostile.zeros(sizes[0])
        name = _sha1("blob", bytes(sizes[0]))
        entries = [(name, hostile.entry(BLOB, sizes[0], content))]
        for before, size in pairwise(sizes):
            delta = hostile.copies(before, size)
            base, name = name, _named(size)
            entries.append((name, hostile.entry(REF_DELTA, len(delta), zlib.compress(delta), base)))
        _pack(repo, entries, padded=padded)

    return make


CLAIMS = (2**31, 7 * 10**10, 2**62)


def claims(*, padded: bool) -> Callable[[GitRepo, int], None]:
    """Entries that claim to be larger than what they hold."""

    def make(repo: GitRepo, _unit: int) -> None:
        entries = [(_named(size), hostile.entry(BLOB, size, zlib.compress(b"claims"))) for size in CLAIMS]
        _pack(repo, entries, padded=padded)

    return make


def claiming_deltas(*, padded: bool) -> Callable[[GitRepo, int], None]:
    """Deltas that claim to make more than they do."""

    def make(repo: GitRepo, _unit: int) -> None:
        content = b"base" * 100
        base = _sha1("blob", content)
        entries = [(base, hostile.entry(BLOB, len(content), zlib.compress(content)))]
        for size in CLAIMS:
            delta = hostile.number(len(content)) + hostile.number(size) + bytes([0x90, 4])
            entries.append((_named(size), hostile.entry(REF_DELTA, len(delta), zlib.compress(delta), base)))
        _pack(repo, entries, padded=padded)

    return make


def cycles(*, padded: bool) -> Callable[[GitRepo, int], None]:
    """Deltas that need each other, one, two and three hundred in a circle."""

    def make(repo: GitRepo, unit: int) -> None:
        delta = hostile.copies(10, 10)
        entries = []
        for length in (1, 2, 300 if unit == MIB else 5):
            names = [_named(1000 * length + each) for each in range(length)]
            entries += [
                (name, hostile.entry(REF_DELTA, len(delta), zlib.compress(delta), names[(place + 1) % length]))
                for place, name in enumerate(names)
            ]
        _pack(repo, entries, padded=padded)

    return make


def many_deltas(repo: GitRepo, unit: int) -> None:
    """Every one is below the limit for an object; together they would take minutes."""
    content, _ = hostile.zeros(unit)
    entries = [(_sha1("blob", bytes(unit)), hostile.entry(BLOB, unit, content))]
    body = len(entries[0][1])
    count, size = (3000, 32 * unit) if unit == MIB else (300, 60 * unit)
    for each in range(count):
        delta = hostile.copies(unit, size, each.to_bytes(4, "big"))
        made = hostile.entry(OFS_DELTA, len(delta), zlib.compress(delta), hostile.distance(body))
        entries.append((_named(each), made))
        body += len(made)
    _pack(repo, entries, padded=False)


def endless_tree(repo: GitRepo, _unit: int) -> None:
    """Ten folders in each of ten folders, and so on: 10^12 files in a few objects."""
    line = repo.git("mktree", stdin=f"100644 blob {repo.head('HEAD:leak.txt')}\tfile.yml\n".encode())
    for _ in range(12):
        line = repo.git("mktree", stdin="".join(f"040000 tree {line}\t{name}\n" for name in "abcdefghij").encode())
    repo.git("update-ref", "refs/heads/main", repo.git("commit-tree", "-m", "bomb", "-p", "HEAD", line))


def octopus(repo: GitRepo, unit: int) -> None:
    """A commit with 10^6 parents (20,000 in a reduced one)."""
    parents = f"parent {repo.head()}\n" * (10**6 if unit == MIB else 20_000)
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"merged")
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tmerged.txt\n".encode())
    person = "A <a@example.org> 1 +0000"
    commit = f"tree {tree}\n{parents}author {person}\ncommitter {person}\n\nmerge".encode()
    name = hostile.loose(_objects(repo), b"commit %d\0" % len(commit) + commit)
    (repo.git_dir / "refs" / "heads" / "octopus").write_text(f"{name}\n")


def file(name: str, content: Callable[[int], bytes]) -> Callable[[GitRepo, int], None]:
    """A file in the working tree."""

    def make(repo: GitRepo, unit: int) -> None:
        path = repo.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(unit))

    return make


def _sparse(repo: GitRepo, _unit: int) -> None:
    with (repo.path / "sparse.bin").open("wb") as sparse:
        sparse.truncate(1 << 40)


def _gzip_of_gzip(unit: int) -> bytes:
    inner = gzip.compress(bytes(16 * MIB), 9)
    return gzip.compress(inner * (256 * unit // MIB or 4), 9)


def _nested_gzip(_unit: int) -> bytes:
    content = b"x"
    for _ in range(100):
        content = gzip.compress(content, 1)
    return content


def _many_members(unit: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(60_000 if unit == MIB else 2_000):
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
    return made.getvalue()


def _tar_of_zeros(unit: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=9) as archive:
        member = tarfile.TarInfo("zeros.gz")
        content = _gzip_of_gzip(unit)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def _deep_json(_unit: int) -> bytes:
    return b'{"a":' * 500_000 + b"[" * 500_000


def _configuration(name: str) -> Bomb:
    path, build = CONFIGURATION[name]
    return Bomb(file(path, lambda unit: build(950_000 if unit == MIB else 20_000).encode()), None, "ci")


def _code(name: str) -> Bomb:
    path, build = CODE[name]
    return Bomb(file(path, lambda unit: build(950_000 if unit == MIB else 20_000).encode()), None, "tree")


def _notebook(_unit: int) -> bytes:
    return json.dumps({"cells": [{"cell_type": "code", "source": ["x"] * 100_000}]}).encode()


BOMBS: dict[str, Bomb] = {
    "loose blob of 4 GB of zeros": Bomb(zeros(4096), None),
    "packed blob of 1.5 GB of zeros": Bomb(zeros(1536, packed=True), None),
    "clone of a packed blob of 1.5 GB of zeros": Bomb(zeros(1536, packed=True), None, url=True),
    "chain of deltas to 2 GB": Bomb(chain(padded=False), "out of memory", reduced=False),
    "chain of deltas to 2 GB in a large pack": Bomb(chain(padded=True), "", reduced=False),
    "pack entries that claim up to 2^62 bytes": Bomb(claims(padded=False), ""),
    "pack entries that claim up to 2^62 bytes in a large pack": Bomb(claims(padded=True), ""),
    "deltas that claim up to 2^62 bytes": Bomb(claiming_deltas(padded=False), ""),
    "deltas that claim up to 2^62 bytes in a large pack": Bomb(claiming_deltas(padded=True), ""),
    "cycles of deltas": Bomb(cycles(padded=False), ""),
    "cycles of deltas in a large pack": Bomb(cycles(padded=True), ""),
    "3,000 deltas that make 32 MB each": Bomb(many_deltas, "deltas expand to more than"),
    "tree of 10^12 files, history": Bomb(endless_tree, None),
    "tree of 10^12 files, CI configuration": Bomb(endless_tree, "git was stopped", "ci", url=True, beside=False),
    "commit with 10^6 parents": Bomb(octopus, "parents and was not compared"),
    "sparse file of 1 TB": Bomb(_sparse, None, "tree"),
    "gzip of gzip of 4 GB of zeros": Bomb(file("a.gz", _gzip_of_gzip), "decoding stopped", "tree"),
    "gzip 100 levels deep": Bomb(file("a.gz", _nested_gzip), "nested more than", "tree"),
    "gzip of gzip in a tar": Bomb(file("a.tgz", _tar_of_zeros), "decoding stopped", "tree"),
    "zip of 60,000 members": Bomb(file("a.zip", _many_members), "archive members", "tree"),
    "JSON 10^6 levels deep": Bomb(file("a.json", _deep_json), None, "tree"),
    "notebook of 10^5 lines in a cell": Bomb(file("a.ipynb", _notebook), None, "tree"),
    "GitLab jobs that extend two each": _configuration("gitlab extends doubling"),
    "GitLab variables and jobs": _configuration("gitlab variables and jobs"),
    "GitHub job with many variables and steps": _configuration("environments and steps"),
    "Dockerfile variables that double": _configuration("dockerfile env doubling"),
    "shell pipeline of many commands": _configuration("shell 'a|'"),
    "batch file of many commands": _configuration("cmd 'a&'"),
    "PowerShell script of nested blocks": _configuration("powershell '{'"),
    "shell variables that double": _code("shell variables doubling"),
    "Python names assigned and used": _code("names assigned and used"),
    "curl with many URLs": _code("URLs for curl"),
    "JavaScript of nested calls": _code("javascript nested calls"),
}
"""By the name that the table gives them."""
