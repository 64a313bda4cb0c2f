"""What failed for a reason of the moment is read again by the next sweep, though nothing has changed on the Hub."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from tests.hub.faults import Fault, error
from tests.hub.server import Request, Server
from tests.sweep.example_org import Acme, everything
from tests.sweep.test_large_files import hosted
from tests.sweep.test_resume import essence
from tokenaudit.errors import AuditError
from tokenaudit.git.object_store import ScanPlan, plan
from tokenaudit.git.objects import Unread


def complete(org: Acme) -> None:
    swept = org.sweep()
    assert swept.report.skipped == ()
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks


@pytest.mark.parametrize("fault", [error(403, "Forbidden"), Fault(500), Fault(behaviour="reset")])
def test_a_file_of_a_bucket(org: Acme, fault: Fault) -> None:
    org.double.world.buckets["acme/files"] = {"notes.txt": f"the token is {org.token('bucket')}\n".encode()}
    org.double.fails("/content/acme/files/notes.txt", fault, always=True)
    assert [gap.where for gap in org.sweep().report.skipped] == ["buckets/acme/files: notes.txt"]
    org.double.server.faults.clear()
    complete(org)
    before = org.double.count("/content/")
    complete(org)
    assert org.double.count("/content/") == before, "the third sweep finds it unchanged"


def test_an_object_whose_reader_was_killed(org: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    org.repository("m")

    def broken(*arguments: object, **more: object) -> ScanPlan:
        made = plan(*arguments, **more)  # type: ignore[arg-type]
        return replace(made, partitions=[], unread=[Unread("part of the objects", "worker exited unexpectedly")])

    with monkeypatch.context() as patch:
        patch.setattr("tokenaudit.sources.local.git_history.plan", broken)
        swept = org.sweep()
    assert [(gap.where, gap.reason) for gap in swept.report.skipped] == [
        ("models/acme/m: part of the objects", "worker exited unexpectedly")
    ]
    complete(org)


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, fault: Callable[[Server, Request], Fault | None]) -> Iterator[None]:
    """Plays what `fault` returns for a request."""
    real = Server.next_fault

    def next_fault(server: Server, request: Request) -> Fault | None:
        return real(server, request) or fault(server, request)

    with monkeypatch.context() as patch:
        patch.setattr(Server, "next_fault", next_fault)
        yield


def test_a_credential_that_the_hub_did_not_answer_about(org: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    org.repository("m")
    org.double.knows(org.tokens["m"])
    with failing(monkeypatch, lambda _, request: Fault(500) if request.token == org.tokens["m"] else None):
        first = org.sweep()
    assert [c.inspection.status for c in first.report.credentials if c.inspection] == ["unknown"]
    second = org.sweep()
    assert [c.inspection.status for c in second.report.credentials if c.inspection] == ["active"]
    assert second.report.complete
    before = org.double.count("git-upload-pack")
    assert org.sweep().report.complete
    assert org.double.count("git-upload-pack") == before


def test_a_large_file(org: Acme) -> None:
    hosted(org, "model", {"a.txt": org.token("a").encode()})
    org.double.fails("/resolve/", error(403, "no"), always=True)
    assert not org.sweep().report.complete
    org.double.server.faults.clear()
    complete(org)
    org.double.fails("/resolve/", error(403, "no"), always=True)
    complete(org)


def test_a_kind_that_whoami_does_not_support_is_not_a_reason_to_read_again(org: Acme) -> None:
    repo = org.repository("m", secret=False)
    repo.commit("leak", {"a.py": f"secret = '{org.mint.client_secret()}'\n"})
    org.push(repo, "m")
    assert [c.kind for c in org.sweep().report.credentials] == ["oauth_client_secret"]
    before = org.double.count("git-upload-pack")
    org.sweep()
    assert org.double.count("git-upload-pack") == before


def _cut(server: Server, request: Request, how: str) -> Fault:
    if how == "reset":
        return Fault(behaviour="reset")
    answer = server.routes(request)
    half = answer.body[: len(answer.body) // 2]
    headers = dict(answer.headers or {})
    return Fault(answer.status, headers, half, "truncate") if how == "cut" else Fault(answer.status, headers, half)


class Once:
    """Fails the request with one number; `again` fails the retries of the same request, too."""

    def __init__(self, number: int, how: str, *, again: bool) -> None:
        self.number, self.how, self.again = number, how, again
        self.count = itertools.count()
        self.hit: tuple[str, str, str] | None = None

    def __call__(self, server: Server, request: Request) -> Fault | None:
        key = (request.method, request.path, request.raw_query)
        due = next(self.count) == self.number
        if due:
            self.hit = key
        return _cut(server, request, self.how) if due or (self.again and self.hit == key) else None


def check(org: Acme, monkeypatch: pytest.MonkeyPatch, whole: object, once: Once) -> None:
    """One request fails: the sweep has every finding or says what it skipped, and the next sweep has every finding."""
    other = Acme(org.double, org.folder / f"{once.number}-{once.how}-{once.again}", org.own)
    with failing(monkeypatch, once), suppress(AuditError):
        swept = other.sweep()
        assert essence(swept.report) == whole or not swept.report.complete, once.hit
    again = other.sweep()
    assert essence(again.report) == whole, once.hit
    assert again.report.complete


@pytest.mark.parametrize("how", ["reset", "cut", "cut and said to be whole"])
def test_a_request_that_fails_hides_nothing(org: Acme, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    org.repository("m")
    org.double.world.buckets["acme/files"] = {"notes.txt": f"the token is {org.token('bucket')}\n".encode()}
    whole = essence(org.sweep().report)
    requests = [request.path for request in org.double.requests]
    for path in ("/git-upload-pack", "/content/", "/m/refs"):
        number = next(at for at, each in enumerate(requests) if path in each)
        check(org, monkeypatch, whole, Once(number, how, again=True))


@pytest.mark.slow
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("how", ["reset", "cut", "cut and said to be whole"])
def test_requests_all_over_a_sweep_fail(org: Acme, monkeypatch: pytest.MonkeyPatch, how: str, again: bool) -> None:
    everything(org)
    whole = essence(org.sweep().report)
    number = len(org.double.requests)
    for at in range(random.Random(how).randrange(6), number, 6):
        check(org, monkeypatch, whole, Once(at, how, again=again))
