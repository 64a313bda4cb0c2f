"""With a mirror, only what is new in a repository is read, and the result is that of reading everything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hub.server import until
from tests.support.gitrepo import GitRepo
from tests.support.posix import posix_only
from tests.support.randomrepo import random_repository
from tests.sweep.example_org import Acme
from tests.sweep.test_resume import essence
from tokenaudit.secret import fingerprint
from tokenaudit.sweep import SweepResult
from tokenaudit.sweep.progress import SweepProgress

PLUGIN = """
import re
from detect_secrets.plugins.base import RegexBasedDetector

class Marked(RegexBasedDetector):
    secret_type = "Marked"
    denylist = [re.compile(r"marked-[0-9]{8}")]
"""


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small repositories are always read whole; here none counts as small."""
    monkeypatch.setattr("tokenaudit.git.object_store.SMALL_REPOSITORY", 0)


@dataclass
class Watched:
    """A screen that keeps the tally."""

    sweep_progress: SweepProgress | None = None

    def watch(self, sweep_progress: SweepProgress) -> None:
        """Keeps it."""
        self.sweep_progress = sweep_progress

    def note(self, message: str) -> None:
        """Nothing is expected to be said."""
        raise AssertionError(message)


@dataclass
class Place:
    """A repository with a history worth sparing, and the cache that keeps its mirror."""

    org: Acme
    repo: GitRepo

    @property
    def cache(self) -> Path:
        return self.org.folder / "cache"

    @property
    def state(self) -> Path:
        (found,) = self.cache.glob("*.state")
        return found

    def push(self, *refspecs: str) -> None:
        self.org.push(self.repo, "m", "model", *refspecs)

    def sweep(self, *, full: bool = False, **setup: object) -> tuple[SweepResult, int]:
        """The sweep, and how many objects it read."""
        watched = Watched()
        swept = self.org.sweep(cache=self.cache, full=full, screen=watched, inspect=False, **setup)  # type: ignore[arg-type]
        assert watched.sweep_progress is not None
        return swept, watched.sweep_progress.objects

    def agree(self, most: int, **setup: Any) -> SweepResult:
        """A sweep that reads at most `most` objects, and one that reads everything, see the same."""
        swept, read = self.sweep(**setup)
        assert read <= most
        whole, everything = self.sweep(full=True, **setup)
        assert everything > 100
        assert essence(swept.report) == essence(whole.report)
        return swept


@pytest.fixture
def place(org: Acme) -> Place:
    tokens = [org.token("old one"), org.token("old two")]
    bare = random_repository(org.folder / "random", 21, plant=tokens)
    subprocess.run(["git", "clone", "-q", bare.path, org.folder / "work"], check=True)
    repo = GitRepo(org.folder / "work")
    repo.git("checkout", "-q", "-b", "busy")
    for number in range(60):
        repo.commit(f"change {number}", {f"src/{number % 7}.py": f"x = {number}\n" * 5})
    org.double.hosts(repo.path, "acme/m")
    made = Place(org, repo)
    first, read = made.sweep()
    assert read > 100
    assert {c.fingerprint for c in first.report.credentials} == org.marks
    return made


def test_a_new_commit_costs_its_new_objects_only(place: Place) -> None:
    place.repo.commit("later", {"later.py": f"t = '{place.org.token('later')}'\n"})
    place.push("HEAD:refs/heads/later")
    swept = place.agree(25)  # three objects, and the files that lie beside the objects
    assert {c.fingerprint for c in swept.report.credentials} == place.org.marks
    assert [c.fingerprint for c in swept.new.credentials] == [fingerprint(place.org.tokens["later"])]


def test_a_removed_branch_and_a_force_push_take_nothing_out_of_the_report_that_a_full_read_has(place: Place) -> None:
    place.repo.commit("mistake", {"mistake.py": f"t = '{place.org.token('mistake')}'\n"})
    place.push("HEAD:refs/heads/side", "HEAD:refs/heads/main2")
    place.agree(25)
    place.push(":refs/heads/side", "+HEAD~1:refs/heads/main2")
    swept = place.agree(25)
    lost = {c.fingerprint: c for c in swept.report.credentials}[fingerprint(place.org.tokens["mistake"])]
    assert {spot.reachable for spot in lost.locations} == {False}
    place.push("HEAD:refs/heads/back")
    swept = place.agree(25)
    found = {c.fingerprint: c for c in swept.report.credentials}[fingerprint(place.org.tokens["mistake"])]
    assert {spot.reachable for spot in found.locations} == {True}


def test_a_tag_brings_one_object(place: Place) -> None:
    place.repo.tag("v9", f"made with {place.org.token('tag')}")
    place.push("v9")
    assert {c.fingerprint for c in place.agree(25).report.credentials} == place.org.marks


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.write_bytes(state.read_bytes()[:-20]),
        lambda state: state.write_bytes(b"junk"),
        lambda state: state.write_bytes(b""),
        lambda state: state.unlink(),
        lambda state: state.write_bytes(state.read_bytes().replace(b'"read": [', b'"read": [1')),
    ],
)
def test_a_damaged_note_is_thrown_away(place: Place, damage: Callable[[Path], object]) -> None:
    damage(place.state)
    place.repo.commit("later", {"later.py": f"t = '{place.org.token('later')}'\n"})
    place.push("HEAD:refs/heads/later")
    swept, read = place.sweep()
    assert read > 100
    assert {c.fingerprint for c in swept.report.credentials} == place.org.marks
    place.push("HEAD:refs/heads/again")
    place.agree(25)


def test_other_plugins_read_everything_anew(place: Place) -> None:
    plugin = place.org.folder / "marked.py"
    plugin.write_text(PLUGIN)
    place.repo.commit("later", {"later.py": "x = 'marked-12345678'\n"})
    place.push("HEAD:refs/heads/later")
    swept, read = place.sweep(plugins=(plugin,))
    assert read > 100
    assert {c.fingerprint for c in swept.report.credentials} > place.org.marks
    place.push("HEAD:refs/heads/again")
    place.agree(25, plugins=(plugin,))
    place.push("HEAD:refs/heads/third")
    assert place.sweep()[1] > 100, "and back"


def test_a_mirror_made_anew_forgets_what_was_noted_of_the_old_one(place: Place) -> None:
    place.repo.commit("mistake", {"mistake.py": f"t = '{place.org.token('mistake')}'\n"})
    place.push("HEAD:refs/heads/side")
    place.sweep()
    place.push(":refs/heads/side", "HEAD~1:refs/heads/other")
    hosted = place.org.double.world.repos["model", "acme/m"].git
    assert hosted is not None
    subprocess.run(["git", "-C", hosted, "-c", "gc.pruneExpire=now", "gc", "-q", "--prune=now"], check=True)
    (mirror,) = place.cache.glob("*.git")
    shutil.rmtree(mirror / "objects")
    swept, read = place.sweep()
    assert read > 100
    assert fingerprint(place.org.tokens["mistake"]) not in {c.fingerprint for c in swept.report.credentials}
    assert essence(place.sweep(full=True)[0].report) == essence(swept.report)


def test_what_is_noted_is_private_and_holds_no_credential(place: Place) -> None:
    data = place.state.read_bytes()
    assert place.state.stat().st_mode & 0o077 == 0
    assert not any(token.encode() in data for token in [*place.org.tokens.values(), place.org.own])


@posix_only
def test_a_sweep_killed_while_cloning_leaves_nothing_behind_for_long(org: Acme) -> None:
    org.repository("m", secret=False)
    cache = org.folder / "cache"
    slow = org.double.server.routes

    def routes(request: object) -> object:
        if getattr(request, "method", "") == "POST":
            org.double.server.closing.wait(3)
        return slow(request)  # type: ignore[arg-type]

    org.double.server.routes = routes  # type: ignore[assignment]
    code = "import sys; from tests.sweep.test_incremental import mirror; mirror(*sys.argv[1:])"
    url = org.double.url(org.double.world.repos["model", "acme/m"])
    process = subprocess.Popen([sys.executable, "-c", code, url, str(cache)], start_new_session=True)
    assert until(lambda: any(cache.glob("tokenaudit-mirror-*/repository.git/config")), 30)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    org.double.server.routes = slow
    assert any(cache.glob("tokenaudit-mirror-*"))
    org.sweep(cache=cache)
    assert {path.suffix for path in cache.iterdir()} == {".git", ".lock", ".state"}


def mirror(url: str, cache: str) -> None:
    """In a process of its own: makes the mirror that a sweep would make."""
    from tokenaudit.git.clone import mirrored  # noqa: PLC0415 - for the other process
    from tokenaudit.interfaces import NullProgress  # noqa: PLC0415 - as above

    with mirrored(url, Path(cache) / "other.git", NullProgress()):
        pass
