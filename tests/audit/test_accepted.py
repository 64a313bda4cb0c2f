"""What the auditor leaves out, by `--exclude` or by an allowlist: said in every format, never taken for clean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.report.test_order import credential, problem, report
from tests.support.inprocess import run
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.audit.accepted import accept, exclude
from tokenaudit.audit.aggregate import Findings
from tokenaudit.exclusions import Exclusions, matches
from tokenaudit.model import Severity, Skipped
from tokenaudit.policy.settings import AllowEntry
from tokenaudit.report import FORMATS, render
from tokenaudit.report.presentation import exit_code
from tokenaudit.secret import fingerprint

TODAY = date(2026, 10, 12)
ONE, OTHER = credential(1, "src/a.py"), credential(2, "vendor/x/b.py")
PROBLEM = problem(".github/workflows/a.yml")
MIXED = report(ONE, OTHER, PROBLEM)
ALL = {ONE.fingerprint, OTHER.fingerprint, PROBLEM.rule}


@pytest.mark.parametrize(
    ("pattern", "target", "path", "expected"),
    [
        ("vendor", ".", "vendor/x/b.py", True),
        ("vendor/", ".", "vendor/x/b.py", True),
        ("./vendor/**", ".", "vendor/x/b.py", True),
        ("vendor", ".", "src/vendor/b.py", False),
        ("*/vendor", ".", "src/vendor/b.py", True),
        ("*.py", ".", "src/a.py", True),
        ("a.py", ".", "src/a.py", False),
        ("projects/app/src", "projects/app", "src/a.py", True),
        ("spaces/acme/*", "spaces/acme/app", None, True),
        ("vendor", ".", "vendored/a.py", False),
    ],
)
def test_a_pattern_names_a_path_or_a_folder(pattern: str, target: str, path: str | None, *, expected: bool) -> None:
    assert matches(pattern, target, path) is expected


@pytest.mark.parametrize(
    ("entry", "left", "taken"),
    [
        (AllowEntry("x", fingerprint=ONE.fingerprint[:8]), {OTHER.fingerprint, PROBLEM.rule}, 1),
        (AllowEntry("x", path="vendor"), {ONE.fingerprint, PROBLEM.rule}, 1),
        (AllowEntry("x", rule="ci-token-in-argv"), {ONE.fingerprint, OTHER.fingerprint}, 1),
        (AllowEntry("x", rule="ci-token-in-argv", path="other"), ALL, 0),
        (AllowEntry("x", rule="token-exposed", path="src/*"), {OTHER.fingerprint, PROBLEM.rule}, 1),
        (AllowEntry("x", fingerprint=ONE.fingerprint, path="vendor"), ALL, 0),
        (AllowEntry("x", fingerprint=ONE.fingerprint, until=date(2026, 10, 12)), {OTHER.fingerprint, PROBLEM.rule}, 1),
        (AllowEntry("x", fingerprint=ONE.fingerprint, until=date(2026, 10, 11)), ALL, 1),
    ],
)  # fmt: skip
def test_an_entry_accepts_what_fits_all_of_it(entry: AllowEntry, left: set[str], taken: int) -> None:
    accepted = accept(MIXED, (entry,), TODAY)
    assert {c.fingerprint for c in accepted.credentials} | {p.rule for p in accepted.problems} == left
    (listed,) = accepted.policy.accepted
    assert len(listed.findings) == taken
    assert accepted.summary.credentials == len(accepted.credentials)


def test_one_of_several_reasons_lowers_the_verdict() -> None:
    reasons = (model.Reason("token-old", Severity.HIGH, "old"), model.Reason("token-shared", Severity.LOW, "shared"))
    both = replace(ONE, verdict=model.Verdict(Severity.HIGH, "over", reasons))
    accepted = accept(report(both), (AllowEntry("x", rule="token-old"),), TODAY)
    assert [c.severity for c in accepted.credentials] == [Severity.LOW]
    assert accepted.policy.accepted[0].findings[0].rule == "token-old"


def test_one_of_several_places_leaves_the_others() -> None:
    spots = (*ONE.locations, *OTHER.locations)
    accepted = accept(report(replace(ONE, locations=spots)), (AllowEntry("x", path="vendor"),), TODAY)
    assert [at.path for at in accepted.credentials[0].locations] == ["src/a.py"]


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_says_what_was_accepted_and_excluded(name: str) -> None:
    entries = (
        AllowEntry("a fixture of our tests", fingerprint=ONE.fingerprint),
        AllowEntry("until the move is done", rule="ci-token-in-argv", until=date(2026, 1, 31)),
    )
    policy = model.Policy("tokenaudit.toml", "user")
    whole = replace(MIXED, policy=policy, excluded=(model.Exclusion("generated", 2, 1, 0),))
    shown = render(accept(whole, entries, TODAY), name)
    for words in ("a fixture of our tests", "until the move is done", "2026", "generated"):
        assert words in shown
    if name != "json":
        assert "expired on 2026" in shown


def test_an_excluded_place_is_not_called_clean() -> None:
    findings = Findings(credentials={ONE.fingerprint: ONE}, problems=[PROBLEM])
    findings.skipped = [Skipped(".: src/big.bin", "too large"), Skipped(".: other.bin", "too large")]
    excluded = exclude(findings, Exclusions(("src", ".github/workflows/*", "nothing")))
    assert [(one.places, one.problems, one.skipped) for one in excluded] == [(1, 0, 1), (0, 1, 0), (0, 0, 0)]
    assert not findings.credentials
    assert not findings.problems
    assert [entry.where for entry in findings.skipped] == [".: other.bin"]
    shown = replace(report(), excluded=excluded)
    assert exit_code(shown) == 0
    text = render(shown, "text")
    assert "Clean" not in text
    assert "outside of the excluded places" in text
    assert "Excluded by --exclude src: 1 place with a credential, 1 skipped place." in text
    assert "Excluded by --exclude nothing: nothing found there." in text


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two tokens; the configuration of the user is in `home`."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "tokenaudit").mkdir(parents=True)
    folder = tmp_path / "place"
    (folder / "vendor").mkdir(parents=True)
    mint = Mint(81)
    (folder / "a.py").write_text(f'token = "{mint.user_token()}"\n')
    (folder / "vendor" / "b.py").write_text(f'token = "{mint.user_token()}"\n')
    monkeypatch.chdir(folder)
    return folder


def test_the_commands_take_both(place: Path, tmp_path: Path) -> None:
    value = (place / "a.py").read_text().split('"')[1]
    config = tmp_path / "home" / "tokenaudit" / "tokenaudit.toml"
    assert run("scan", str(place)).code == 1
    ran = run("scan", str(place), "--exclude", "vendor", "-f", "json")
    assert [each["fingerprint"] for each in json.loads(ran.out)["credentials"]] == [fingerprint(value)]
    assert json.loads(ran.out)["excluded"] == [
        {"pattern": "vendor", "places": 0, "problems": 0, "skipped": 0, "unread": 1}
    ]
    config.write_text(f'[[allow]]\nfingerprint = "{fingerprint(value)}"\nreason = "revoked, kept as a test"\n')
    ran = run("scan", str(place), "--exclude", "vendor")
    assert ran.code == 0, ran.out
    assert "1 accepted" in ran.out
    assert "revoked, kept as a test" in ran.out
    # The same file inside the audited folder accepts nothing.
    config.rename(place / "tokenaudit.toml")
    assert run("scan", str(place), "--exclude", "vendor").code == 1
    assert run("scan", str(place), "--exclude", "vendor", "--no-config").code == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fingerprint = "0123456789"', "`reason`"),
        ('reason = "x"', "names nothing; add a fingerprint, a rule or a path"),
        ('reason = " "\nrule = "token-old"', "empty reason"),
        ('reason = "x"\nrule = "token-odl"', "unknown rule; did you mean 'token-old'?"),
        ('reason = "x"\npath = "**"', "would accept everything"),
        ('reason = "x"\nfingerprint = "zz"', "hex digits"),
        ('reason = "x"\nrule = "token-old"\nuntil = "soon"', "until"),
        ('reason = "x"\nrule = "token-old"\nexpires = 2027-01-01', "unknown setting 'expires' in [[allow]]"),
    ],
)
def test_a_bad_entry_is_named_in_one_line(place: Path, tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "bad.toml"
    config.write_text(f"[[allow]]\n{text}\n")
    ran = run("scan", str(place), "--config", str(config))
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_history_and_tree_at_one_place_are_one_accepted_finding() -> None:
    (at,) = ONE.locations
    twice = replace(ONE, locations=(replace(at, source="history"), replace(at, source="tree")))
    accepted = accept(report(twice), [AllowEntry("x", fingerprint=ONE.fingerprint)], TODAY).policy.accepted
    assert [len(entry.findings) for entry in accepted] == [1]
