"""Every form of the view: the schema holds, strangers' words stay words, and no value gets out."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from dataclasses import replace
from datetime import datetime, timezone

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.incident.breach import Breach
from tests.report.test_secrecy import KINDS, WAYS, traces
from tests.support.mint import Mint
from tokenaudit.incident.model import (
    ActionItem,
    AffectedCredential,
    IncidentChange,
    IncidentReport,
    IncidentSummary,
    Reached,
    ReachedBy,
    StoredSecret,
)
from tokenaudit.incident.reach import CombinedReach, summed
from tokenaudit.map_text import map_text
from tokenaudit.model import Account, Severity, Skipped, Tool
from tokenaudit.policy.settings import built_in
from tokenaudit.redaction import redacted
from tokenaudit.remediate.runbook import RunbookConsumer
from tokenaudit.report import schema
from tokenaudit.report.incident import FORMATS, phrasing, render
from tokenaudit.report.incident.phrasing import answer, exit_code
from tokenaudit.report.markdown import on_terminal
from tokenaudit.secret import Secret

NOW = datetime(2026, 9, 1, 12, 30, tzinfo=timezone.utc)
SECRET = Secret(Mint(3).user_token())
OURS = {
    "yes", "open", "done", "active", "credential", "secret", "commit", "write", "space-secret", "tokenaudit/incident/1",
}  # fmt: skip
"""Words of ours, which no stranger can change."""


def view(secret: Secret = SECRET) -> IncidentReport:
    """A view with one of everything."""
    touched = AffectedCredential(
        secret.fingerprint, "user_token", secret.display, "yes", "created 2026-01-05", Severity.CRITICAL, "open",
        "active", "the Hub says so", NOW, account=Account("user", "alice"), name="laptop", role="write", created_at=NOW,
        readable=3, writable=2, places=("app.py",),
        consumers=(RunbookConsumer("file", "app.py", "app.py", "read it from the environment"),),
    )  # fmt: skip
    reached = ReachedBy("acme/m", "model", "write", private=True, downloads=700, credentials=("f",))
    kept = StoredSecret("space-secret", "spaces/acme/app", "HF_TOKEN", "yes", "last set 2026-01-05", "open", NOW)
    return IncidentReport(
        Tool("tokenaudit", "1"), NOW, NOW, "https://huggingface.co", built_in()[1], built_in()[1].since, "because",
        complete=False,
        sources=("the inventory",),
        skipped=(Skipped("acme: audit log", "the Hub denied access"),),
        summary=IncidentSummary(1, 0, 1, 1, 1, 3, 1, 1, 4),
        credentials=(touched,),
        secrets=(kept,),
        reach=Reached(3, 2, 1, 0, 700, (reached,), ("acme",), ("x",)),
        changes=(
            IncidentChange("commit", "models/acme/m", "quiet", NOW, "mallory", "a" * 40, "odd", secret.fingerprint),
        ),
        open=(
            ActionItem("credential", secret.fingerprint, "the token", Severity.CRITICAL, "yes", "active", "do", "do x"),
            ActionItem(
                "secret", "spaces/acme/app HF_TOKEN", "a secret", Severity.HIGH, "perhaps", "old", "set it anew"
            ),
        ),
        done=(ActionItem("secret", "spaces/acme/app K", "a renewed one", Severity.INFO, "yes", "set since"),),
    )  # fmt: skip


def test_the_shipped_schema_is_the_one_that_the_classes_give() -> None:
    """After a change: python -m tokenaudit.report.schema incident > tokenaudit/report/incident.schema.json."""
    assert schema.shipped(schema.INCIDENT) == schema.generate(schema.INCIDENT)


def test_what_the_command_writes_is_what_the_schema_promises(after: Breach) -> None:
    validator = jsonschema.Draft202012Validator(
        schema.shipped(schema.INCIDENT), format_checker=jsonschema.FormatChecker()
    )
    document = after.view(stdin=f"{after.old}\n")
    validator.validate(document)
    validator.validate(json.loads(render(view(), "json")))
    assert next(iter(document)) == "schema"
    for key in document:
        assert not validator.is_valid({name: value for name, value in document.items() if name != key}), key


def test_the_answer_is_a_sentence() -> None:
    full = view()
    assert answer(full) == (
        "1 credential affected, 1 open; 1 stored secret, 1 not rotated; 1 place with an invalid credential; "
        "incomplete, 1 place skipped."
    )
    assert answer(replace(full, complete=True, summary=IncidentSummary(3, 2, 0))) == (
        "3 credentials affected (2 possibly), 0 open."
    )


@pytest.mark.parametrize(
    ("still_open", "complete", "code"), [(True, True, 1), (True, False, 1), (False, False, 3), (False, True, 0)]
)
def test_exit_codes(still_open: bool, complete: bool, code: int) -> None:
    full = view()
    assert exit_code(replace(full, complete=complete, open=full.open if still_open else ())) == code


HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\r\nDONE 9: nothing is open",
    "```\n# Heading\n- [x] all done\n| a | b |",
    "<img src=x onerror=alert(1)> @everyone #1 [x](https://evil.example) ![](https://evil.example/p.png) `; rm -rf`",
    '=HYPERLINK("https://evil.example")',
    "\u202egnp.exe \ud800 \u200b",
)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("words", HOSTILE)
def test_strangers_words_stay_words_in_every_format(format_name: str, words: str) -> None:
    harmless = view()
    # A subject that is a fingerprint, and a command, are ours; a place in a command is quoted before it gets here.
    written = render(map_text(harmless, lambda text: text if text in OURS else f"{words}{text}"), format_name)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\u200b\ud800]", written.replace("\r\n", "\n"))
    if format_name == "csv":
        for row in csv.reader(io.StringIO(written)):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]
    if format_name == "markdown":
        plain = re.sub(r"(?ms)^ +(`{3,})sh$.*?^ +\1$", "", written)
        plain = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", plain)
        assert not re.search(r"<img|(?<!\\)\]\(|@everyone|(?m:^# Heading)|(?m:^- \[x\] all done)", plain)
    if format_name == "text":
        assert not re.search(r"(?m)^DONE 9|^# Heading", written)


@pytest.mark.parametrize("format_name", FORMATS)
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(KINDS), st.sampled_from(sorted(WAYS)))
def test_no_format_holds_a_value_wherever_it_stood(format_name: str, seed: int, kind: object, way: str) -> None:
    value = kind(Mint(seed))  # type: ignore[operator]  # one of KINDS
    secret = Secret(value)
    planted = map_text(view(secret), lambda text: text if text in OURS else f"{text} {WAYS[way](value)}")
    written = render(redacted(planted, [secret]), format_name)
    assert secret.display in on_terminal(written)
    for trace in traces(value):
        assert trace.lower() not in written.lower()


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_strangers_value_in_a_title_does_not_get_out_either(after: Breach, format_name: str) -> None:
    """The title of a commit and that of a discussion hold tokens that nobody handed over; a webhook's URL holds one."""
    stray = [after.mint.user_token() for _ in range(3)]
    space = after.double.world.repos["space", "acme/app"]
    space.discussions[1]["title"] = f"use {stray[0]}"
    space.commits["main"] = [
        {
            "id": "b" * 40,
            "title": f"token is {stray[1]}",
            "message": "",
            "authors": [{"user": f"me {stray[2]}"}],
            "date": "2026-08-01T00:00:00.000Z",
        }
    ]
    after.double.world.repos["model", "acme/model"].commits["main"] = space.commits["main"]
    home_before = {path for path in after.folder.rglob("*") if path.is_file()}
    ran = after.incident("--format", format_name, stdin=f"{after.old}\n")
    assert ran.code == 1, ran.err
    shown = on_terminal(ran.out)
    for value in stray[:2]:
        assert Secret(value).display in shown
    new = [path.read_bytes() for path in after.folder.rglob("*") if path.is_file() and path not in home_before]
    for value in [*stray, after.old, after.own, after.young]:
        for trace in traces(value):
            assert trace not in ran.out + ran.err
            assert not [data for data in new if trace.encode() in data]


@pytest.mark.parametrize("width", [60, 90, 200])
def test_a_command_that_is_folded_is_still_one_command(width: int) -> None:
    command = f"tokenaudit rotate {SECRET.fingerprint} --mode breach --consumer 'space-secret:acme/a b#HF_TOKEN'"
    full = view()
    item = replace(full.open[0], command=command)
    written = render(replace(full, open=(item,)), "text", width=width)
    lines = written.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  next"))
    folded = [lines[start].removeprefix("  next")]
    while folded[-1].endswith("\\"):
        folded.append(lines[start + len(folded)])
    shown = "\n".join(folded)
    assert shlex.split(shown.replace("\\\n", " ")) == shlex.split(command)
    assert max(map(len, folded)) <= width


@pytest.mark.parametrize(
    ("reached", "words"),
    [
        (Reached(None, None, None, None, not_known=("x",)), "have unknown reach"),
        (Reached(), "can write 0 repositories and read 0"),
        (
            Reached(2, 0, None, 1, not_known=("x",)),
            "an unknown number of repositories and read at least 2 (",
        ),
        (Reached(2, 1, 1, 0, not_known=("x",)), "can write at least 1 repository and read at least 2"),
    ],
)
def test_what_is_not_known_is_not_counted_as_nothing(reached: Reached, words: str) -> None:
    assert words in phrasing.reach(reached)


def test_reach_without_any_answer_is_unknown() -> None:
    silent = CombinedReach(not_known={"reach of hf_****: permissions unknown": None})
    assert summed(silent, 10).readable is None
    assert summed(CombinedReach(), 10).readable == 0
    one = ReachedBy("acme/m", "model", "read")
    assert summed(CombinedReach(repositories={("model", "acme/m"): one}), 10).private is None
