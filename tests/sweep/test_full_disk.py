"""A disk without room for copies stops a sweep in one line; one repository that is too large stops no other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cli import tokenaudit
from tests.sweep.example_org import Acme


@contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of `size` of its own at `folder`."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("NOT TESTED ON A FULL DISK: only root may mount a small one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def sweep(org: Acme, *more: str, **variables: str) -> tuple[int, list[str], dict[str, str], set[str]]:
    env = {"HF_TOKEN": org.own, "HF_ENDPOINT": org.double.endpoint, **variables}
    arguments = ("sweep", "acme", "--include", "*", "--no-inspect", "-f", "json", "-j", "2", *more)
    ran = tokenaudit(*arguments, home=org.folder, env=env)
    gaps = {gap["where"]: gap["reason"] for gap in ran.report["skipped"]}
    return ran.code, ran.err.splitlines(), gaps, {entry["fingerprint"] for entry in ran.report["credentials"]}


@pytest.mark.parametrize("kept", [False, True])
def test_a_full_disk_is_said_once_and_the_sweep_continues_when_there_is_room(org: Acme, kept: bool) -> None:
    for number in range(12):
        org.repository(f"m{number}")
    with disk(org.folder / "small", "16k") as small:
        place = ("--cache-dir", str(small)) if kept else ()
        code, lines, gaps, _ = sweep(org, *place, TMPDIR=str(small if not kept else org.folder))
        assert code in (1, 3)
        told = [line for line in lines if "the disk is full" in line]
        remedy = f"free some space in {small}, or use another folder with TMPDIR or --cache-dir"
        assert told == [f"tokenaudit: the disk is full: {remedy}"]
        assert "run the same command again" in gaps["the rest of the sweep"]
        assert {reason for where, reason in gaps.items() if "acme/" in where} == {
            f"history: the disk is full: {small} has no room for a copy of it"
        }
        assert org.double.count("git-upload-pack") < 40, "the others were not even tried"
        left = {path.suffix for path in small.iterdir()}
        assert left <= ({".git", ".lock"} if kept else set())
    code, _, gaps, found = sweep(org, TMPDIR=str(org.folder))
    assert (code, gaps) == (1, {})
    assert found == org.marks


def test_a_repository_too_large_for_the_disk_stops_no_other(org: Acme) -> None:
    for number in range(4):
        org.repository(f"m{number}")
    large = org.repository("large", secret=False)
    large.commit("large", {"noise.bin": os.urandom(18 << 20)})
    org.push(large, "large")
    with disk(org.folder / "small", "16m") as small:
        code, lines, gaps, found = sweep(org, TMPDIR=str(small))
    assert code == 1
    assert not [line for line in lines if "the disk is full" in line]
    assert gaps == {"models/acme/large": f"history: the disk is full: {small} has no room for a copy of it"}
    assert found == org.marks
