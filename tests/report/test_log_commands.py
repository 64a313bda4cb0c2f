"""Outputs land in the logs of CI systems: no scanned name can give one of those a command."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit.map_text import map_text
from tokenaudit.report import FORMATS, render
from tokenaudit.secret import Secret
from tokenaudit.text import inert, visible

COMMANDS = (
    "##vso[task.setvariable variable=x]y",  # Azure Pipelines
    "##[error]x",
    "##[add-mask]x",
    "::error file=a,line=1::x",  # GitHub, Gitea, Forgejo
    "::add-mask::x",
    "::set-output name=a::b",
    "::stop-commands::x",
    "::x::",
    "##teamcity[buildStop comment='x']",
    "section_start:1560896352:x\r\x1b[0Kx",  # GitLab
    "section_end:1560896352:x\r\x1b[0K",
    "travis_fold:start:x\r\x1b[0K",
    "travis_time:start:x\r\x1b[0K",
    "--- x",  # Buildkite
    "+++ x",
    "~~~ x",
    "^^^ +++",
    "\x1b]1338;url='artifact://x'\x07",
    "\x1b]8;;https://evil.example\x1b\\x",
    "\x9b2J",
)
# Where the systems look: anywhere in a line, or where it begins, blanks aside.
ANYWHERE = re.compile(
    r"##\[|##[A-Za-z]+\[|section_(?:start|end):\d|travis_(?:fold|time):\w|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
AT_BEGIN = re.compile(r"(?m)^[ \t]*::")
KNOWN = re.compile(r"::(?:error|add-mask|set-output|stop-commands)\b")
GROUPS = re.compile(r"(?m)^(?:---|\+\+\+|~~~|\^\^\^)[ \t]")
OURS = {
    "credential", "active", "write", "over", "trusted-publisher", "needed", "high", "tokenaudit/report/1",
}  # fmt: skip


def hostile(command: str, *, front: bool) -> str:
    report = reports.leaked(Secret(Mint(3).user_token()))
    return map_text(
        report, lambda text: text if text in OURS else f"{command}{text}" if front else f"{text}\n{command}"
    )  # type: ignore[return-value]


@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_format_carries_a_command(name: str, command: str, front: bool) -> None:
    report = hostile(command, front=front)
    written = render(report, name, show_unlikely=True).replace("\r\n", "\n")  # type: ignore[arg-type]
    assert not ANYWHERE.search(written)
    assert not GROUPS.search(written)
    if name == "github":
        lines = written.splitlines()
        assert all(re.match(r"::(?:error|warning|notice) [a-z]+=[^:]*::[^:]", line) for line in lines), lines
        assert not [line for line in lines if KNOWN.search(line.split("::", 2)[2])]
    else:
        assert not AT_BEGIN.search(written)


@pytest.mark.parametrize("name", ["json", "sarif", "gitlab"])
def test_what_a_program_reads_is_what_was_there(name: str) -> None:
    """In JSON the sign is written in another way and means the same."""
    report = reports.leaked(Secret(Mint(3).user_token()))
    named = map_text(report, lambda text: text if text in OURS else f"{text}##[x]")
    written = render(named, name)
    assert "##" not in written
    assert "##[x]" in json.dumps(json.loads(written), ensure_ascii=False) or name != "json"


@settings(max_examples=300)
@given(st.text(), st.sampled_from(COMMANDS), st.text())
def test_escaped_text_is_no_command_and_stays_escaped(before: str, command: str, after: str) -> None:
    shown = visible(f"{before}{command}{after}")
    assert not ANYWHERE.search(shown)
    assert visible(shown) == shown
    assert inert(shown) == shown


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_that_is_a_command_is_none(command: str) -> None:
    shown = visible(command)
    assert not ANYWHERE.search(shown)
    assert not AT_BEGIN.search(shown)
    assert not GROUPS.search(shown)


@pytest.mark.parametrize(
    "text",
    ["std::string::npos", "a::b", "fe80::1", "# heading", "## heading", "a--- b", "C++ x", "x ~~~", "section_start"],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_remedy_of_ours_can_name_a_command() -> None:
    """A runner takes one for a command only where its line begins."""
    remedy = 'Mask it: `t=$(hf auth token); echo "::add-mask::$t"`.'
    report = reports.leaked(Secret(Mint(3).user_token()))
    report = replace(report, problems=tuple(replace(problem, remedy=remedy) for problem in report.problems))
    assert remedy in render(report, "text")
    assert remedy in render(report, "github")
