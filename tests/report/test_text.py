"""The screen: worst first, what, where, why, what to do; never "clean" without having looked everywhere."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.errors import UsageError
from tokenaudit.model import Severity
from tokenaudit.report import render
from tokenaudit.secret import Secret


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


def test_a_clean_run_says_so_in_one_sentence() -> None:
    assert render(reports.clean(), "text") == (
        "Clean: no Hugging Face credentials and no problems found in 48,211 objects, 912.3 MB.\n"
    )


def test_an_incomplete_run_is_never_called_clean() -> None:
    screen = render(reports.incomplete(), "text")
    assert "clean" not in screen.lower()
    assert "a shallow clone" in screen
    assert "incomplete scan: 1 place skipped" in screen


def test_a_leak_says_what_where_why_and_what_to_do() -> None:
    screen = render(a_leak(), "text")
    for part in (
        "CRITICAL",
        a_leak().credentials[0].display,
        "acme-bot (user), role write",
        "org acme: repo.write, org.write",
        ".github/workflows/publish.yml:14:19",
        "introduced in 4f1c2a9d0b7e by A Committer on 2026-03-26",
        "still present",
        "not in HEAD, still in the history",
        "inside gzip",
        "[token-exposed-active]",
        "Revoke it now.",
        "https://huggingface.co/settings/tokens/new",
        "[ci-token-in-argv]",
        "tokenaudit plan REPORT.json",
    ):
        assert part in screen


def test_one_spot_seen_by_two_sources_is_one_line() -> None:
    assert render(a_leak(), "text").count("publish.yml:14:19") == 1


def test_many_spots_are_folded() -> None:
    report = a_leak()
    spot = report.credentials[0].locations[0]
    many = tuple(replace(spot, line=line) for line in range(1, 18))
    screen = render(replace(report, credentials=(replace(report.credentials[0], locations=many),)), "text")
    assert "and 12 more" in screen


def test_without_an_inspection_the_next_step_is_to_inspect() -> None:
    report = a_leak()
    bare = replace(report.credentials[0], inspection=None, reach=None, verdict=None, recommendation=None)
    screen = render(replace(report, credentials=(bare,)), "text")
    assert "--inspect" in screen.splitlines()[-1]
    assert "Revoke it at https://huggingface.co/settings/tokens" in screen


def test_a_credential_where_its_owner_keeps_it_need_not_be_revoked() -> None:
    report = a_leak()
    spot = replace(report.credentials[0].locations[0], source="machine", target="this machine", path="~/.netrc")
    bare = replace(report.credentials[0], inspection=None, reach=None, verdict=None, locations=(spot,))
    screen = render(replace(report, credentials=(bare,)), "text")
    assert "No action: expected location; --inspect checks its permissions" in screen
    assert "Revoke it" not in screen
    assert "Replace it" not in screen


def test_an_answer_of_an_earlier_run_is_told_with_its_time() -> None:
    report = a_leak()
    (credential,) = report.credentials
    assert credential.inspection is not None
    assert "checked 20" not in render(report, "text")
    asked = replace(credential.inspection, checked_at=report.started_at - timedelta(hours=2))
    screen = render(replace(report, credentials=(replace(credential, inspection=asked),)), "text")
    assert f", checked {asked.checked_at:%Y-%m-%d %H:%M} UTC" in screen


def test_the_worst_comes_first_however_the_report_is_ordered() -> None:
    report = reports.breach(30, 3)
    screens = set()
    for seed in range(4):
        shuffled = list(report.credentials)
        random.Random(seed).shuffle(shuffled)
        screens.add(render(replace(report, credentials=tuple(shuffled)), "text", show_dead=True))
    assert len(screens) == 1
    ranks = [
        Severity(word.lower()).rank for word in re.findall(r"^ ([A-Z]+)  +\S*\*\*\*\*", screens.pop(), re.MULTILINE)
    ]
    assert len(ranks) == 30
    assert ranks == sorted(ranks, reverse=True)


def test_colour_only_when_asked() -> None:
    assert "\x1b" not in render(a_leak(), "text")
    assert "\x1b" not in render(a_leak(), "text", width=60)
    assert "\x1b[" in render(a_leak(), "text", color=True)


@pytest.mark.parametrize("width", [1, 10, 24, 40, 79, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    wide = replace(reports.incomplete(), credentials=a_leak().credentials, problems=a_leak().problems)
    lines = render(wide, "text", width=width).splitlines()
    assert max(cell_len(line) for line in lines) <= max(width, 10)


def test_a_pipe_gets_whole_lines() -> None:
    """Nothing is wrapped where there is no terminal, so that a script can look for a path."""
    report = a_leak()
    long = "/".join(["directory"] * 20)
    moved = tuple(replace(spot, path=long) for spot in report.credentials[0].locations)
    screen = render(replace(report, credentials=(replace(report.credentials[0], locations=moved),)), "text")
    assert f"{long}:14:19" in screen


def test_placeholders_are_counted_and_listed_on_request() -> None:
    report = a_leak()
    placeholder = replace(report.credentials[0], likelihood="placeholder", display="hf_****xxxx", verdict=None)
    report = replace(reports.clean(), credentials=(placeholder,), summary=model.Summary(unlikely=1))
    assert "Placeholders and look-alikes not listed: 1" in render(report, "text")
    assert "hf_****xxxx" not in render(report, "text")
    assert "hf_****xxxx" in render(report, "text", show_unlikely=True)


@given(st.text(st.characters(), max_size=30))
def test_hostile_names_reach_no_terminal(name: str) -> None:
    """Whatever a file, a commit's author or an account is called, the screen's own lines stay the only ones."""
    report = a_leak()
    credential = report.credentials[0]
    assert credential.inspection is not None
    hostile = replace(
        credential,
        locations=tuple(replace(spot, path=name, author=name) for spot in credential.locations),
        inspection=replace(credential.inspection, account=model.Account("user", name), name=name),
    )
    tame = replace(credential, locations=tuple(replace(spot, path="x", author="x") for spot in credential.locations))
    screen = render(replace(report, credentials=(hostile,)), "text")
    screen.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", screen)
    assert screen.count("\n") == render(replace(report, credentials=(tame,)), "text").count("\n")


def test_markup_in_a_name_is_only_text() -> None:
    report = a_leak()
    spots = tuple(replace(spot, path="[bold red]x[/]:smile:") for spot in report.credentials[0].locations)
    marked = replace(report, credentials=(replace(report.credentials[0], locations=spots),))
    assert "[bold red]x[/]:smile:" in render(marked, "text", color=True, width=120)


def test_an_unknown_format_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'yaml'.*text, json"):
        render(reports.clean(), "yaml")


def test_beyond_thirty_each_credential_gets_a_line() -> None:
    screen = render(reports.breach(60, 3), "text", show_dead=True)
    for credential in reports.breach(60, 3).credentials:
        assert credential.fingerprint[:12] in screen
    assert screen.count("  where ") == 30 + 20


@pytest.mark.parametrize("source", ["tree", "discussion", "webhook", "machine", "git-config"])
def test_what_is_no_history_stands_there_now(source: str) -> None:
    report = a_leak()
    spot = model.Location(source, "acme/webshop", "x")
    assert "still present" in render(
        replace(report, credentials=(replace(report.credentials[0], locations=(spot,)),)), "text"
    )
