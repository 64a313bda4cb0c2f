"""No output of any format, no message and no file written ever contains a credential."""

from __future__ import annotations

import base64
import logging
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit import Audit, scan
from tokenaudit.report import FORMATS, render

KINDS: tuple[Callable[[Mint], str], ...] = (
    Mint.user_token,
    Mint.org_token,
    Mint.refresh_token,
    Mint.app_token,
    Mint.client_secret,
    Mint.oauth_token,
    Mint.oidc_token,
)

# Where a credential can hide so that a report has to talk about its surroundings.
PLACES: dict[str, Callable[[GitRepo, str], object]] = {
    "file": lambda repo, value: repo.commit("add", {"a.py": f"login('{value}')\n"}),
    "path": lambda repo, value: repo.commit("add", {f"{value}/{value}.txt": f"{value}\n"}),
    "message": lambda repo, value: repo.commit(f"use {value}", {"b.txt": "b\n"}),
    "author": lambda repo, value: repo.commit("who", {"c.txt": f"{value}\n"}, author=f"{value} <a@example.org>"),
    "branch": lambda repo, value: repo.git("branch", f"try/{value}"),
    "tag": lambda repo, value: repo.tag("v1", f"release with {value}"),
    "remote": lambda repo, value: repo.git("remote", "add", "hub", f"https://user:{value}@huggingface.co/acme/x"),
    "workflow": lambda repo, value: repo.commit(
        "ci",
        {".github/workflows/ci.yml": f"on: push\njobs:\n  a:\n    env:\n      HF_TOKEN: {value}\n    steps: []\n"},
    ),
    "base64": lambda repo, value: repo.commit("b64", {"k.yml": base64.b64encode(f"u:{value}".encode()).decode()}),
}

LONGEST_NAME = 120
"""A file or ref name has at most 255 bytes, and some places add to it; JWT-bodied credentials don't fit."""


def forms(value: str) -> Iterator[str]:
    """The value and the ways in which it could come out in disguise. A piece of 12 characters is enough to tell."""
    body = value[len(value) // 2 - 6 : len(value) // 2 + 6]
    yield body
    yield value
    yield urllib.parse.quote(value, safe="")
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + value.encode())
        yield encoded[8:-8].decode()
    yield value.encode().hex()


def assert_hidden(text: str, values: list[str], where: str) -> None:
    for value in values:
        for form in forms(value):
            assert form not in text, f"{where} holds a form of {value[:6]}"


@pytest.fixture(autouse=True)
def logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def planted(
    folder: Path, seed: int, kinds: list[Callable[[Mint], str]], places: list[str]
) -> tuple[GitRepo, list[str]]:
    mint = Mint(seed)
    repo = GitRepo(folder / "repo")
    repo.commit("first", {"README.md": "hello\n"})
    values = []
    for kind, place in zip(kinds, places, strict=False):
        value = kind(mint)
        if place in {"path", "branch"} and len(value) > LONGEST_NAME:
            continue
        PLACES[place](repo, value)
        values.append(value)
    return repo, values


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # shrinking whole repositories takes minutes and tells nothing more
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.lists(st.sampled_from(KINDS), min_size=3, max_size=9),
    places=st.lists(st.sampled_from(sorted(PLACES)), min_size=3, max_size=9, unique=True),
)
def test_no_format_and_no_log_holds_a_value(
    logs: pytest.LogCaptureFixture, seed: int, kinds: list[Callable[[Mint], str]], places: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        repo, values = planted(Path(name), seed, kinds, places)
        audit: Audit = scan([repo.path])
        assert audit.report.summary.credentials > 0
        assert_hidden(repr(audit), values, "repr")
        for report_format in FORMATS:
            for show_unlikely in (False, True):
                text = render(audit.report, report_format, show_unlikely=show_unlikely)
                assert_hidden(text, values, report_format)
        assert_hidden(logs.text, values, "the log")


@pytest.mark.parametrize("report_format", sorted(FORMATS))
def test_the_command_writes_no_value_anywhere(tmp_path: Path, report_format: str) -> None:
    repo, values = planted(tmp_path, 7, [*KINDS, *KINDS], list(PLACES))
    home = tmp_path / "home"
    home.mkdir()
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    ran = tokenaudit("scan", repo.path, "-f", report_format, home=home, env={"TMPDIR": str(home)})
    assert ran.code == 1
    assert_hidden(ran.out, values, "stdout")
    assert_hidden(ran.err, values, "stderr")
    written = tokenaudit("scan", repo.path, "-f", report_format, "-o", home / "report", home=home)
    assert written.code == 1
    for path in {path for path in tmp_path.rglob("*") if path.is_file()} - before:
        assert_hidden(path.read_bytes().decode("latin-1"), values, str(path))
