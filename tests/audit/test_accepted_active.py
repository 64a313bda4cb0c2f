"""A credential that is left out as accepted but is active according to the Hub is visible in every format."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double
from tests.report.test_order import credential, report
from tests.support.gitrepo import GitRepo
from tests.support.inprocess import Result, run
from tests.support.mint import Mint
from tokenaudit.audit.accepted import accept
from tokenaudit.model import AcceptedActive, Policy, Severity
from tokenaudit.policy.settings import AllowEntry
from tokenaudit.report import FORMATS, render
from tokenaudit.report.presentation import exit_code
from tokenaudit.secret import fingerprint

__all__ = ["hub_double"]

TODAY = date(2026, 10, 12)
LOW = credential(1, "a.py", Severity.LOW)
WORST = credential(2, "z.py", Severity.CRITICAL)
DEAD = credential(3, "dead.py", Severity.CRITICAL, "invalid")
UNTIL = date(2026, 12, 31)
ENTRIES = (
    AllowEntry("all of a", path="a.py"),
    AllowEntry("the migration", fingerprint=WORST.fingerprint, until=UNTIL),
    AllowEntry("revoked", fingerprint=DEAD.fingerprint),
)


def test_only_active_ones_and_the_worst_first() -> None:
    accepted = accept(report(LOW, WORST, DEAD), ENTRIES, TODAY)
    assert not accepted.credentials
    assert [one.fingerprint for one in accepted.accepted_active] == [WORST.fingerprint, LOW.fingerprint]
    assert (accepted.accepted_active[0].reason, accepted.accepted_active[0].until) == ("the migration", UNTIL)
    assert [found.status for entry in accepted.policy.accepted for found in entry.findings] == [
        "active", "active", "invalid",
    ]  # fmt: skip
    assert exit_code(accepted) == 0


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_says_which_accepted_credential_is_active(name: str) -> None:
    shown = render(accept(report(LOW, WORST, DEAD), ENTRIES, TODAY), name)
    assert WORST.fingerprint[:12] in shown
    assert "the migration" in shown
    assert UNTIL.isoformat() in shown
    if name != "json":  # its credentials are under the entries, in the order of the file
        assert shown.index(WORST.fingerprint[:12]) < shown.index(LOW.fingerprint[:12])
        assert "accepted, still active" in shown.lower()
    if name not in {"json", "junit"}:
        assert "Clean" not in shown


def test_the_page_does_not_fold_it() -> None:
    shown = render(accept(report(LOW, WORST, DEAD), ENTRIES, TODAY), "html")
    section = shown[shown.index('<section id="accepted"') :].partition("</section>")[0]
    assert WORST.display in section
    assert "<details" not in section
    assert '<a href="#accepted">' in shown


def test_an_expired_entry_says_so_and_accepts_nothing() -> None:
    late = (AllowEntry("the migration", fingerprint=WORST.fingerprint, until=date(2026, 10, 11)),)
    expired = accept(replace(report(WORST), policy=Policy("tokenaudit.toml", "user")), late, TODAY)
    assert not expired.accepted_active
    assert len(expired.credentials) == 1
    assert "expired on 2026-10-11, counts again" in render(expired, "text")


def test_one_that_is_listed_with_other_places_is_not_told_twice() -> None:
    spots = (*LOW.locations, *WORST.locations)
    both = replace(LOW, locations=spots)
    assert not accept(report(both), (AllowEntry("x", path="z.py"),), TODAY).accepted_active


class Place:
    """A repository with three active tokens, one behind an ignore comment; the commands run offline but for the Hub."""

    def __init__(self, folder: Path, double: HubDouble) -> None:
        mint = Mint(821)
        self.repo = GitRepo(folder / "repo")
        self.values = [double.knows(mint.user_token(), bodies.classic("write")) for _ in range(3)]
        self.repo.commit(
            "First",
            {
                "a.py": f't = "{self.values[0]}"\n',
                "b.py": f't = "{self.values[1]}"\n',
                "c.py": f't = "{self.values[2]}"  # pragma: allowlist secret\n',
            },
        )
        self.config = folder / "tokenaudit.toml"
        self.config.write_text(
            f'[[allow]]\nfingerprint = "{fingerprint(self.values[0])}"\nreason = "moved in May"\n'
            '[[exemptions]]\norganization = "acme"\nuntil = 2026-01-31\nreason = "the old cluster"\n'
        )
        self.baseline = folder / "baseline.json"
        self.endpoint = double.endpoint

    def scan(self, *more: str) -> Result:
        path = str(self.repo.path)
        return run("scan", path, "--inspect", "--endpoint", self.endpoint, "--config", str(self.config), *more)


@pytest.fixture
def place(tmp_path: Path, hub_double: HubDouble, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Place(tmp_path, hub_double)


def test_allowlist_baseline_and_ignore_comment_of_one_run(place: Place) -> None:
    """All three are asked about and named; the exit code stays that of what is left."""
    only_b = ("--exclude", "a.py", "--exclude", "c.py")
    place.scan("--baseline", str(place.baseline), "--update-baseline", *only_b)
    options = ("--honour-ignores", "--baseline", str(place.baseline), "--show-unlikely")
    ran = place.scan(*options, "-f", "json")
    assert ran.code == 0, ran.out + ran.err
    document = json.loads(ran.out)
    assert not document["credentials"]
    assert {one["fingerprint"]: one["by"] for one in document["accepted_active"]} == {
        fingerprint(place.values[0]): "allow",
        fingerprint(place.values[1]): "baseline",
        fingerprint(place.values[2]): "ignore-comment",
    }
    assert document["ignored"] > 0
    text = place.scan(*options).out
    assert text.count("accepted, still active: hf_****") == 3
    assert "3 accepted credentials still active" in text
    assert "have an ignore comment and are not listed" in text
    assert "expired on 2026-01-31, counts again: exemption of acme: the old cluster" in text
    assert "Clean" not in text
    assert "tokenaudit revoke FINGERPRINT" in text
    assert not any(value in text for value in place.values)


def test_a_value_whose_comment_is_removed_is_found_in_the_history(place: Place) -> None:
    """A version with an ignore comment does not hide a later one without it."""
    value = place.values[2]
    place.repo.commit("Without the comment", {"c.py": f't = "{value}"\n'})
    place.repo.commit("Removed", {"c.py": "t = None\n"})
    document = json.loads(place.scan("--honour-ignores", "-f", "json").out)
    (found,) = [each for each in document["credentials"] if each["fingerprint"] == fingerprint(value)]
    assert [at["source"] for at in found["locations"]] == ["history"]
    ranged = json.loads(place.scan("--honour-ignores", "--since", "HEAD~2", "-f", "json").out)
    assert fingerprint(value) in {each["fingerprint"] for each in ranged["credentials"]}


def test_what_is_kept_of_it() -> None:
    one = AcceptedActive("0" * 32, "user_token", "hf_****abcd", Severity.HIGH, "ignore-comment")
    shown = render(replace(report(), accepted_active=(one,), ignored=1), "text")
    assert "ignore comment in the file (--honour-ignores)" in shown
    assert "1 place has an ignore comment and is not listed" in shown
