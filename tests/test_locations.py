"""One credential in every place of a repository, one scan, all found. `UPDATE_DOCS=1` writes docs/places.md."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import pickle
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.secret import fingerprint

PAGE = Path(__file__).parent.parent / "docs" / "places.md"
HEAD = """\
# Every location in a repository

The test `tests/test_locations.py` puts one credential into each of these locations of a repository and scans the
repository once. With `UPDATE_DOCS=1` it writes this table; it fails if a location has no finding or another source.

| location | `source` in the report |
| --- | --- |
"""

Plant = Callable[[GitRepo, str], object]


def _commit_tree(repo: GitRepo, value: str, name: str) -> str:
    """A commit with one file that no branch leads to."""
    tree = repo.git("mktree", stdin=f"100644 blob {repo.blob(value.encode())}\t{name}\n".encode())
    return repo.git("commit-tree", "-m", "aside", tree, env=repo._environment("A Committer <c@example.org>"))


def _stash(repo: GitRepo, value: str) -> None:
    repo.write("kept.txt", value)
    repo.git("stash", "-q", env=repo._environment("A Committer <c@example.org>"))


def _dropped(repo: GitRepo, value: str) -> None:
    repo.commit("a mistake", {"dropped.txt": value})
    repo.git("reset", "-q", "--hard", "HEAD~1")


def _worktree(repo: GitRepo, value: str) -> None:
    repo.git("worktree", "add", "-q", "--detach", str(repo.path.parent / "elsewhere"))
    other = GitRepo(repo.path.parent / "elsewhere")
    other.commit("in another worktree", {"other.txt": value})


def _alternate(repo: GitRepo, value: str) -> None:
    lender = GitRepo(repo.path.parent / "lender")
    lender.commit("lent", {"lent.txt": value})
    (repo.git_dir / "objects" / "info").mkdir(exist_ok=True)
    (repo.git_dir / "objects" / "info" / "alternates").write_text(f"{lender.git_dir}/objects\n")


def _sqlite(repo: GitRepo, value: str) -> None:
    with sqlite3.connect(repo.path / "data.sqlite") as database:
        database.execute("create table settings (name text, value text)")
        database.execute("insert into settings values ('token', ?)", (value,))
    database.close()


def _zip(content: bytes, name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def _notebook(value: str) -> str:
    cell = {"cell_type": "code", "source": [], "metadata": {}, "outputs": [{"text": [f'token: "{value}"\n']}]}
    return json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


# In the order they are planted: what moves HEAD or cleans the tree comes first, files that stay come last.
PLACES: dict[str, Plant] = {
    "a commit that was reset away": _dropped,
    "a stash": _stash,
    "a file deleted in an earlier commit": lambda r, v: (
        r.commit("add", {"gone.txt": v}),
        r.commit("remove", {"gone.txt": "-"}),
    ),
    "another branch": lambda r, v: r.git("branch", "side", _commit_tree(r, v, "side.txt")),
    "a tag on no branch": lambda r, v: r.git("tag", "v0", _commit_tree(r, v, "tagged.txt")),
    "a pull request ref": lambda r, v: r.git("update-ref", "refs/pr/1/head", _commit_tree(r, v, "pr.txt")),
    "an unreachable commit": lambda r, v: _commit_tree(r, v, "unreachable.txt"),
    "a dangling blob": lambda r, v: r.blob(f"{v}\n".encode()),
    "another worktree": _worktree,
    "an alternate's objects": _alternate,
    "a note": lambda r, v: r.note(f"see {v}"),
    "a commit message": lambda r, v: r.commit(f"use {v} for now"),
    "an author's name": lambda r, v: r.commit("who", author=f"{v} <a@example.org>"),
    "the message of an annotated tag": lambda r, v: r.tag("v1", f"release, published with {v}"),
    "a branch's name": lambda r, v: r.git("branch", f"try-{v}"),
    "a remote's URL": lambda r, v: r.git("remote", "add", "hub", f"https://user:{v}@huggingface.co/acme/x"),
    "a submodule's URL": lambda r, v: r.write(".gitmodules", f'[submodule "x"]\n\turl = https://u:{v}@hf.co/x\n'),
    "a hook": lambda r, v: (r.git_dir / "hooks" / "pre-push").write_text(f"#!/bin/sh\nHF_TOKEN={v} hf upload\n"),
    "a reflog's message": lambda r, v: r.git(
        "update-ref", "-m", f"by {v}", "--create-reflog", "refs/heads/log", "HEAD"
    ),
    "an unsent commit message": lambda r, v: (r.git_dir / "COMMIT_EDITMSG").write_text(f"wip {v}\n"),
    "a staged change": lambda r, v: (r.write("staged.txt", v), r.git("add", "staged.txt"), r.write("staged.txt", "-")),
    "an untracked file": lambda r, v: r.write("untracked.txt", v),
    "an ignored file": lambda r, v: (r.write(".gitignore", "*.log\n"), r.write("run.log", v)),
    "a dotenv file": lambda r, v: r.write(".env", f"HF_TOKEN={v}\n"),
    "a vendored folder": lambda r, v: r.write("node_modules/x/index.js", f"const t = '{v}'"),
    "a lock file": lambda r, v: r.write("package-lock.json", f'{{"resolved": "https://x:{v}@example.org"}}'),
    "a stylesheet": lambda r, v: r.write("a.css", f"/* {v} */"),
    "a line with an allow comment": lambda r, v: r.write("allowed.py", f"t = '{v}'  # gitleaks:allow"),
    "a workflow": lambda r, v: r.write(".github/workflows/x.yml", f"on: push\nenv:\n  HF_TOKEN: {v}\njobs: {{}}\n"),
    "a file's name": lambda r, v: r.write(f"{v}.txt", "nothing"),
    "a symbolic link's target": lambda r, v: (r.path / "link").symlink_to(f"/nowhere/{v}"),
    "a file in UTF-16": lambda r, v: r.write("sixteen.txt", f"key: {v}".encode("utf-16-le")),
    "a binary file": lambda r, v: r.write("binary.dat", b"\xff\x00" + v.encode() + b"\x00\xfe"),
    "base64 in a Kubernetes secret": lambda r, v: r.write("s.yml", f"t: {base64.b64encode(v.encode()).decode()}\n"),
    "a notebook's output": lambda r, v: r.write("a.ipynb", _notebook(v)),
    "a gzip file": lambda r, v: r.write("a.gz", gzip.compress(f"x\n{v}".encode())),
    "a zip in a zip": lambda r, v: r.write("a.zip", _zip(_zip(v.encode(), "key.txt"), "inner.zip")),
    "a pickle": lambda r, v: r.write("a.pkl", pickle.dumps({"token": v})),
    "a database": _sqlite,
    "a split string literal": lambda r, v: r.write("halves.py", f't = "{v[:20]}" + "{v[20:]}"\n'),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The sources under which the credential of each place was reported."""
    mint, folder = Mint(4711), tmp_path_factory.mktemp("places")
    repo = GitRepo(folder / "repo")
    repo.commit("first", {"kept.txt": "kept\n"})
    values = {}
    for place, plant in PLACES.items():
        values[place] = mint.user_token()
        plant(repo, values[place])
    ran = tokenaudit("scan", repo.path, "-f", "json", home=folder)
    entries: dict[str, Any] = {entry["fingerprint"]: entry for entry in ran.report["credentials"]}
    return {
        place: sorted({spot["source"] for spot in entries.get(fingerprint(value), {}).get("locations", ())})
        for place, value in values.items()
    }


@pytest.mark.parametrize("place", PLACES)
def test_a_credential_is_found_in(place: str, found: dict[str, list[str]]) -> None:
    assert found[place]


def test_the_page_shows_what_was_found(found: dict[str, list[str]]) -> None:
    rows = (f"| {place} | {', '.join(f'`{source}`' for source in sources)} |\n" for place, sources in found.items())
    page = HEAD + "".join(rows)
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page, "utf-8")
    assert PAGE.read_text("utf-8") == page
