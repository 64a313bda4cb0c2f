"""Repositories with a long, random history, made in one go by `git fast-import`."""

from __future__ import annotations

import random
from pathlib import Path

from tests.support.gitrepo import GitRepo

_WORDS = [f"word{number}" for number in range(200)]


def random_repository(
    path: Path, seed: int, *, commits: int = 30, files: int = 5, plant: list[str] | None = None
) -> GitRepo:
    """Edits, removals, renames, copies, merges, tags and binary files on two branches; `plant` holds tokens."""
    dice = random.Random(seed)
    repo = GitRepo(path, bare=True)
    begin = {f"dir{number % 3}/file{number}": _lines(dice, dice.randrange(1, 120)) for number in range(files)}
    branches: dict[str, dict[str, list[bytes]]] = {}
    stream: list[bytes] = []
    for number in range(1, commits + 1):
        branch = "main" if number == 1 or dice.random() < 0.7 else "side"
        stream += [b"commit refs/heads/%s\nmark :%d\n" % (branch.encode(), number)]
        stream += [b"committer A Committer <committer@example.org> %d +0000\n" % (1_600_000_000 + number * 60)]
        stream += [_data(f"change {number}".encode())]
        if branch not in branches:
            branches[branch] = {name: list(lines) for name, lines in begin.items()}
            stream += [part for name, lines in begin.items() for part in _file(name, lines)]
            continue
        if number > 5 and dice.random() < 0.2:
            stream += [b"merge :%d\n" % dice.randrange(1, number)]
        content = branches[branch]
        for name in dice.sample(sorted(content), min(len(content), 1 + dice.randrange(3))):
            stream += _edit(dice, content, name, plant or [])
    stream += [b"tag v1\nfrom :1\ntagger A Committer <committer@example.org> 1600000000 +0000\n", _data(b"release")]
    repo.git_bytes("fast-import", "--quiet", f"--depth={dice.choice([0, 3, 50])}", stdin=b"".join(stream))
    return repo


def _edit(dice: random.Random, content: dict[str, list[bytes]], name: str, plant: list[str]) -> list[bytes]:
    lines = content[name]
    kind = dice.random()
    if kind < 0.08 and len(content) > 2:
        del content[name]
        return [b"D %s\n" % name.encode()]
    if kind < 0.16:
        renamed = f"{name}.moved"
        content[renamed] = content.pop(name)
        return [b"R %s %s\n" % (name.encode(), renamed.encode())]
    if kind < 0.24:
        content[f"{name}.copy"] = list(lines)
        return [b"C %s %s\n" % (name.encode(), f"{name}.copy".encode())]
    if kind < 0.3:
        lines[:] = [dice.randbytes(dice.randrange(1, 3000))]
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(lines) + 1)
        if dice.random() < 0.3:
            del lines[at : at + dice.randrange(1, 20)]
        else:
            lines[at:at] = _lines(dice, dice.randrange(1, 8))
    if plant and dice.random() < 0.25:
        lines.insert(dice.randrange(len(lines) + 1), b"token = " + dice.choice(plant).encode() + b"\n")
    return _file(name, lines)


def _file(name: str, lines: list[bytes]) -> list[bytes]:
    return [b"M 644 inline %s\n" % name.encode(), _data(b"".join(lines))]


def _lines(dice: random.Random, count: int) -> list[bytes]:
    return [" ".join(dice.choices(_WORDS, k=dice.randrange(1, 12))).encode() + b"\n" for _ in range(count)]


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
