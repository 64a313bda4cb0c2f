"""`tokenaudit usage` as an administrator runs it: from the Hub's export, or from exported files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.audit_log.logs import AFTER, BEFORE, EXPOSED, LIMA, OTHER, TOKEN, encoded, event
from tests.hub import bodies, resources
from tests.hub.double import HubDouble, hub_double
from tests.hub.faults import Fault, error
from tests.hub.routes_service_accounts import service_account, service_token
from tests.support.inprocess import Result, run
from tests.support.mint import Mint
from tokenaudit import file_access
from tokenaudit.model import Credential, Location, Report, Tool
from tokenaudit.report import render
from tokenaudit.report.schema import USAGE, generate, shipped
from tokenaudit.report.usage import FORMATS
from tokenaudit.secret import Secret

__all__ = ["hub_double"]

LEAKED = Secret(Mint("leaked").user_token())
LAST4 = LEAKED.display[-4:]
STORY = [
    event(4, AFTER, "repo.update_secret", last4=LAST4, ip="2001:db8::9", location=LIMA),
    event(3, EXPOSED, last4=LAST4),
    event(2, BEFORE, last4=LAST4),
    event(1, BEFORE, "org.add_user", token=None, last4=None),
]


def report_file(folder: Path, *credentials: Secret) -> Path:
    """A report that found the credentials in a commit."""
    spot = Location("history", "repo", "a.py", 1, commit="1" * 40, date=EXPOSED)
    found = [Credential(one.fingerprint, "user_token", one.display, "credential", (spot,)) for one in credentials]
    made = Report(Tool("tokenaudit", "1"), AFTER, AFTER, complete=True, credentials=tuple(found))
    path = folder / "report.json"
    path.write_text(render(made, "json"))
    return path


@dataclass
class Admin:
    """An administrator of acme in an empty home; `report` is of a scan that found the leaked token."""

    double: HubDouble
    home: Path
    report: Path

    def run(self, *arguments: str | Path, given: str = "") -> Result:
        return run("usage", "acme", *map(str, arguments), given=given)

    def json(self, *arguments: str | Path, code: int = 1) -> Any:
        ran = self.run("--format", "json", *arguments)
        assert ran.code == code, ran.err
        found = json.loads(ran.out)
        Draft202012Validator(shipped(USAGE)).validate(found)
        return found

    def log(self, name: str, data: bytes) -> Path:
        path = self.home / name
        path.write_bytes(data)
        return path


@pytest.fixture
def admin(hub_double: HubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Admin:
    own = hub_double.knows(Mint("own").user_token(), bodies.classic("write", orgs=[bodies.org(role="admin")]))
    for name, value in {
        "HOME": tmp_path, "XDG_DATA_HOME": tmp_path, "HF_TOKEN": own, "HF_ENDPOINT": hub_double.endpoint,
        "NO_PROXY": "*", "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("TOKENAUDIT_INVENTORY", raising=False)
    hub_double.world.audit_log["acme"] = STORY
    return Admin(hub_double, tmp_path, report_file(tmp_path, LEAKED))


def flags(found: Any) -> dict[str, list[str]]:
    return {use["token_id"]: use["flags"] for use in found["tokens"]}


def test_the_export_is_joined_with_a_report(admin: Admin) -> None:
    found = admin.json("--report", admin.report)
    (use,) = found["tokens"]
    assert (found["organization"], found["events"], found["without_token"], found["complete"]) == ("acme", 4, 1, True)
    assert (found["from"], found["to"]) == ("2026-05-25T12:00:00Z", "2026-06-08T12:00:00Z")
    assert (use["fingerprint"], use["exposed_at"]) == (LEAKED.fingerprint, "2026-06-01T12:00:00Z")
    assert use["flags"] == ["new-address-after-exposure", "new-country", "changed-secret"]
    assert [(one["at"], one["type"], one["ip"]) for one in use["after_exposure"]] == [
        ("2026-06-08T12:00:00Z", "repo.update_secret", "2001:db8::9")
    ]
    assert use["severity"] == "critical"


def test_a_file_gives_the_same_without_any_request(admin: Admin) -> None:
    online = admin.json("--report", admin.report)
    before = len(admin.double.requests)
    data = encoded(STORY)
    lines = b"\n".join(json.dumps(one).encode() for one in STORY[:2])
    variants: list[list[str | Path]] = [
        ["--log", admin.log("log.json", data)],
        ["--log", admin.log("log.json.gz", gzip.compress(data))],
        ["--log", admin.log("a", lines), "--log", admin.log("b", encoded(STORY[1:]))],
    ]
    for arguments in variants:
        offline = admin.json("--report", admin.report, *arguments)
        assert offline["tokens"] == online["tokens"]
    ran = admin.run("--report", admin.report, "--log", "-", "-f", "json", given=data.decode())
    assert json.loads(ran.out)["tokens"] == online["tokens"]
    assert len(admin.double.requests) == before


def test_ids_of_jobs_and_service_accounts_are_known(admin: Admin) -> None:
    tokens = [TOKEN, OTHER, "c3" * 12, "d4" * 12]
    admin.double.world.audit_log["acme"] = [event(n, token=one, last4=f"000{n}") for n, one in enumerate(tokens)]
    carried = {"ownerName": "alice", "tokenRole": "write"}
    admin.double.world.jobs["acme"] = [resources.job(hfToken={**carried, "tokenId": TOKEN})]
    scheduled = resources.scheduled_job()
    scheduled["jobSpec"]["hfToken"]["tokenId"] = OTHER
    admin.double.world.scheduled_jobs["acme"] = [scheduled]
    account = service_account("ci")
    account["accessTokens"].append(service_token("deploy", _id="c3" * 12))
    admin.double.world.service_accounts["acme"] = [account]
    found = admin.json()
    assert flags(found) == {**{one: [] for one in tokens[:3]}, tokens[3]: ["unknown-token"]}
    names = {
        use["token_id"]: [(one["kind"], one["where"], one["name"]) for one in use["known_as"]]
        for use in found["tokens"]
    }
    assert names[TOKEN] == [("job", f"jobs/acme/{'b' * 24}", "")]
    assert names["c3" * 12] == [("service-account", "acme/ci", "deploy")]
    assert found["complete"]
    assert admin.json("--fail-on", "high", code=0)["events"] == 4


def test_every_format_names_the_token_and_escapes_what_strangers_wrote(admin: Admin) -> None:
    value = Mint("in a message").user_token()
    hostile = f"<script>alert(1)</script> \x1b[31m {value} =cmd|x | ##vso[task]x"
    story = [{**STORY[0], "message": hostile, "userAgent": hostile}, *STORY[1:]]
    log = admin.log("log.json", encoded(story))
    for name in FORMATS:
        ran = admin.run("--log", log, "--report", admin.report, "--format", name)
        assert ran.code == 1, ran.err
        assert LAST4 in ran.out
        assert not {value, "\x1b", "##vso["} & {part for part in (value, "\x1b", "##vso[") if part in ran.out}
        assert name != "html" or "<script>" not in ran.out
    rows = list(csv.DictReader(io.StringIO(admin.run("--log", log, "--report", admin.report, "-f", "csv").out)))
    assert [row["row"] for row in rows] == ["token", "address", "address", "after-exposure"]
    text = admin.run("--log", log, "--report", admin.report).out
    for part in ("CRITICAL", "new 2001:db8::9 (Lima, Peru)", "|", "exposed 2026-06-01 12:00 UTC", "changed-secret"):
        assert part in text


def test_two_credentials_with_one_ending_are_both_named(admin: Admin) -> None:
    mint = Mint("collision")
    twin = Secret(mint.user_token()[:-4] + LAST4)
    found = admin.json("--report", report_file(admin.home, LEAKED, twin), "--log", admin.log("l", encoded(STORY)))
    (use,) = found["tokens"]
    assert use["fingerprint"] is None
    assert set(use["candidates"]) == {LEAKED.fingerprint, twin.fingerprint}
    chosen = admin.json("--report", admin.report, "--token", twin.fingerprint, "--log", admin.home / "l")
    assert len(chosen["tokens"]) == 1


@pytest.mark.parametrize("wanted", [LAST4, TOKEN, LEAKED.fingerprint, LEAKED.fingerprint[:8].upper()])
def test_a_token_is_chosen(admin: Admin, wanted: str) -> None:
    log = admin.log("log.json", encoded([*STORY, event(9, token=OTHER, last4="zzzz")]))
    found = admin.json("--report", admin.report, "--log", log, "--token", wanted)
    assert [use["token_id"] for use in found["tokens"]] == [TOKEN]
    assert admin.json("--log", log, "--token", "none", code=0)["not_in_log"] == ["none"]


def test_without_the_right_the_permission_is_named(admin: Admin) -> None:
    admin.double.world.tokens[os.environ["HF_TOKEN"]]["orgs"][0]["roleInOrg"] = "write"
    found = admin.json(code=3)
    assert (found["events"], found["complete"]) == (0, False)
    assert "the role admin in acme" in found["skipped"][0]["reason"]
    assert "org.auditLog.write" in admin.run().out


def test_an_export_that_breaks_off_once_is_read_again(admin: Admin) -> None:
    admin.double.fails("/audit-log/", Fault(200, body=encoded(STORY)[:-60]))
    found = admin.json("--report", admin.report)
    assert (found["events"], found["complete"]) == (4, True)


def test_an_export_that_always_breaks_off_is_read_by_type(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenaudit.incident.token_usage.EVENT_TYPES", ("org.add_user", "repo.create", "repo.delete"))
    admin.double.fails("/audit-log/", *(Fault(200, body=encoded(STORY)[:-400]) for _ in range(3)))
    found = admin.json("--report", admin.report)
    assert found["events"] == 4
    assert [request.query.get("q") for request in admin.double.requests if "audit-log" in request.path][-4:] == [
        "type:org.add_user", "type:repo.create", "type:repo.delete", "type:repo.update_secret",
    ]  # fmt: skip
    assert not found["complete"]
    assert "types that this version does not know" in found["skipped"][0]["reason"]


def test_what_stays_broken_is_incomplete_and_what_was_read_is_kept(admin: Admin) -> None:
    admin.double.fails("/audit-log/", Fault(200, body=encoded(STORY)[:-60]), always=True)
    found = admin.json("--report", admin.report)
    assert found["tokens"]
    assert not found["complete"]
    assert "only the first" in found["skipped"][0]["reason"]


@pytest.mark.parametrize("fault", [error(404, "Not found"), error(401, "Invalid username or password.")])
def test_an_export_that_is_refused_is_never_an_empty_log(admin: Admin, fault: Fault) -> None:
    admin.double.fails("/audit-log/", fault, always=True)
    found = admin.json(code=3)
    assert (found["events"], found["complete"], len(found["skipped"])) == (0, False, 1)


def _fifo(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    os.mkfifo(path)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "No such file"),
    "folder": (Path.mkdir, "a folder, not a regular file"),
    "fifo": (_fifo, "not opened for writing"),
    "empty": (lambda path: path.write_bytes(b""), "is not an audit log (the log is empty)"),
    "html": (lambda path: path.write_bytes(b"<html>"), "is not an audit log"),
    "number": (lambda path: path.write_bytes(b"[7]"), "is not an audit log"),
    "report": (lambda path: path.write_bytes(b'{"schema": "tokenaudit/report/1"}'), "is not an audit log"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_log_is_one_line_and_exit_2(admin: Admin, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_access, "NO_WRITER_SECONDS", 0)
    prepare, message = BAD[name]
    path = admin.home / name
    prepare(path)
    ran = admin.run("--log", path)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert name in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--token", "x"], "--token takes a fingerprint"),
        (["--token", "1234567890"], "no sweep or report knows"),
        (["--token", LEAKED.reveal()], "--token takes a fingerprint"),
        (["--log", "-", "--report", "-"], "both read stdin"),
        (["--log", "x", "--no-token"], "can't be combined"),
        (["--no-token"], "needs a token"),
        (["--inventory", "nowhere.sqlite"], "nowhere.sqlite"),
    ],
)
def test_wrong_usage_is_one_line(admin: Admin, arguments: list[str], message: str) -> None:
    ran = admin.run(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert LEAKED.reveal() not in ran.err


def test_an_organization_has_a_valid_name(admin: Admin) -> None:
    for name in ("../x", "a b", "", "acme/m"):
        ran = run("usage", name)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert not admin.double.requests


def test_a_truncated_file_and_that_of_another_organization_are_incomplete(admin: Admin) -> None:
    found = admin.json("--log", admin.log("cut", encoded(STORY)[:-60]), "--report", admin.report)
    assert (found["complete"], "the log is truncated" in found["skipped"][0]["reason"]) == (False, True)
    foreign = admin.log("foreign", encoded(STORY).replace(b"acme/", b"globex/"))
    found = admin.json("--log", foreign, "--report", admin.report)
    assert "another organization" in found["skipped"][0]["reason"]


def test_the_shipped_schema_is_that_of_the_model() -> None:
    assert shipped(USAGE) == generate(USAGE)
