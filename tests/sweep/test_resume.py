"""Killed, repeated, changed: a sweep continues, skips what is unchanged, and ends with the same set."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.hub.server import until
from tests.support.cli import environment
from tests.sweep.example_org import Acme, everything
from tokenaudit.model import Report
from tokenaudit.secret import fingerprint
from tokenaudit.sweep import SweepScope

CLONES = "git-upload-pack"


def essence(report: Report) -> object:
    """What two runs must agree on."""
    return (
        {(c.fingerprint, c.locations) for c in report.credentials},
        {(p.rule, p.target, p.credential_name) for p in report.problems},
        report.skipped,
        {(t.target, t.kind, t.objects, t.bytes) for t in report.targets},
    )


def command(org: Acme, *more: str) -> list[str]:
    where = ["--endpoint", org.double.endpoint, "--inventory", str(org.folder / "data" / "inventory.sqlite")]
    return [sys.executable, "-m", "tokenaudit", "sweep", "acme", *where, "-f", "json", "-j", "2", *more]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_killed_sweep_continues_without_reading_anything_twice(org: Acme) -> None:
    for number in range(9):
        org.repository(f"m{number}")
    env = environment(org.folder, {"HF_TOKEN": org.own, "TMPDIR": str(org.folder)})
    process = subprocess.Popen(
        command(org), env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def some_are_done() -> bool:
        with org.book() as book:
            runs = book.sweeps()
            return bool(runs) and len(book.done(runs[0].id)) >= 4

    try:
        assert until(some_are_done, 60)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with org.book() as book:
        assert book.sweeps()[0].finished_at is None
        done = {key.partition("#")[0] for key in book.done(1) if key.endswith("#history")}
    assert done
    before = len(org.double.requests)
    swept = org.sweep()
    cloned = {request.path.split("/git-")[0] for request in org.double.requests[before:] if CLONES in request.path}
    assert cloned.isdisjoint({target.removeprefix("models") for target in done})
    assert (swept.number, swept.finished) == (1, True)
    assert swept.report.skipped == ()
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks
    assert swept.report.complete
    fresh = Acme(org.double, org.folder / "fresh", org.own)
    assert essence(fresh.sweep().report) == essence(swept.report)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupted_sweep_says_so_and_continues(org: Acme) -> None:
    for number in range(9):
        org.repository(f"m{number}")
    env = environment(org.folder, {"HF_TOKEN": org.own, "TMPDIR": str(org.folder)})
    process = subprocess.Popen(command(org), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()  # it is at work now
    process.send_signal(signal.SIGTERM)
    lines = process.stderr.read().decode().splitlines()
    assert process.wait() == 130, lines
    assert lines[-2].startswith("tokenaudit: stopped")
    assert lines[-1].startswith("tokenaudit: interrupted")
    swept = org.sweep()
    assert (swept.number, swept.finished) == (1, True)
    assert swept.report.skipped == ()
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGINT", "SIGTERM"])
@pytest.mark.parametrize("kept", [False, True], ids=["copies", "mirrors"])
def test_a_sweep_that_is_ended_at_a_random_moment_loses_nothing(org: Acme, end: str, kept: bool) -> None:
    everything(org)
    whole = essence(Acme(org.double, org.folder / "whole", org.own).sweep().report)
    env = environment(org.folder, {"HF_TOKEN": org.own, "TMPDIR": str(org.folder)})
    for _ in range(3):
        wait = random.uniform(0.3, 2.5)
        round_ = Acme(org.double, org.folder / f"{end}-{wait}", org.own)
        cache = round_.folder / "cache" if kept else None
        more = ("--cache-dir", str(cache)) if cache else ()
        (round_.folder / "data").mkdir(parents=True)
        process = subprocess.Popen(
            command(round_, *more),
            env=env,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(wait)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, getattr(signal, end))
        process.wait()
        swept = round_.sweep(cache=cache)
        assert (essence(swept.report), swept.finished) == (whole, True), f"{end} after {wait} s"


def test_a_second_sweep_reads_no_repository_that_did_not_change(org: Acme) -> None:
    everything(org)
    first = org.sweep()
    clones = org.double.count(CLONES)
    details = org.double.count("/discussions/1")
    files = org.double.count("/content/")
    second = org.sweep()
    assert org.double.count(CLONES) == clones
    assert org.double.count("/discussions/1") == details
    assert org.double.count("/content/") == files
    assert second.number == first.number + 1
    assert essence(second.report) == essence(first.report)
    assert (second.new.credentials, second.new.problems) == ((), ())


def test_a_full_sweep_reads_everything_again(org: Acme) -> None:
    everything(org)
    first = org.sweep()
    clones = org.double.count(CLONES)
    again = org.sweep(full=True)
    assert org.double.count(CLONES) == 2 * clones
    assert essence(again.report) == essence(first.report)


def test_only_the_changed_repository_is_read_and_what_is_new_is_told(org: Acme) -> None:
    org.repository("quiet")
    busy = org.repository("busy")
    assert len(org.sweep().new.credentials) == 2
    before = len(org.double.requests)
    busy.commit("again", {"deep/x.py": f"y = '{org.token('later')}'\n"})
    org.push(busy, "busy")
    swept = org.sweep()
    cloned = {request.path.split("/git-")[0] for request in org.double.requests[before:] if CLONES in request.path}
    assert cloned == {"/acme/busy"}
    assert [credential.fingerprint for credential in swept.new.credentials] == [fingerprint(org.tokens["later"])]
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks
    with org.book() as book:
        assert [change.change for change in book.difference()] == ["new"]


def test_a_pull_request_counts_as_a_change(org: Acme) -> None:
    repo = org.repository("m", secret=False)
    org.sweep()
    repo.switch("pr", "main")
    repo.commit("pr", {"a.py": f"'{org.token('pr')}'"})
    org.push(repo, "m", "model", "pr:refs/pr/7")
    assert {credential.fingerprint for credential in org.sweep().report.credentials} == org.marks


def test_a_deleted_repository_takes_its_credentials_out_of_the_report(org: Acme) -> None:
    org.repository("kept")
    org.repository("deleted")
    org.sweep()
    del org.double.world.repos["model", "acme/deleted"]
    (credential,) = org.sweep().report.credentials
    assert credential.fingerprint == fingerprint(org.tokens["kept"])
    with org.book() as book:
        assert [change.change for change in book.difference()] == ["gone"]
        assert {known.credential.fingerprint: known.present for known in book.credentials()} == {
            fingerprint(org.tokens["kept"]): True,
            fingerprint(org.tokens["deleted"]): False,
        }


def test_a_narrower_sweep_does_not_call_the_rest_gone(org: Acme) -> None:
    org.repository("one")
    org.repository("two")
    org.sweep()
    org.sweep(SweepScope(("acme",), include=("*/one",)))
    org.sweep(SweepScope(("acme",), types=("space",)))
    with org.book() as book:
        assert all(known.present for known in book.credentials())


@pytest.mark.parametrize("change", [lambda repo: repo.commit("c", {"z.py": "1"}), lambda repo: repo.tag("v1")])
def test_a_cache_keeps_mirrors_that_are_only_fetched(org: Acme, change: Callable[[object], None]) -> None:
    cache = org.folder / "cache"
    repo = org.repository("m")
    first = org.sweep(cache=cache)
    assert len(list(cache.glob("*.git"))) == 1
    change(repo)
    org.push(repo, "m")
    again = org.sweep(cache=cache, full=True)
    assert {c.fingerprint for c in again.report.credentials} == {c.fingerprint for c in first.report.credentials}
    assert {path.suffix for path in cache.iterdir()} == {".git", ".lock"}
    config = b"".join(file.read_bytes() for file in cache.rglob("config"))
    assert org.own.encode() not in config


def test_nothing_is_left_in_the_temporary_folder(org: Acme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    everything(org)
    org.sweep()
    assert list(scratch.iterdir()) == []
