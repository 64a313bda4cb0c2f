"""`tokenaudit sweep` and `tokenaudit inventory` as a user runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.double import HubDouble, hub_double
from tests.support.cli import Ran, tokenaudit
from tests.sweep.example_org import Acme, acme
from tokenaudit.secret import fingerprint

__all__ = ["hub_double"]


@pytest.fixture
def org(hub_double: HubDouble, tmp_path: Path) -> Acme:
    return acme(hub_double, tmp_path)


def run(org: Acme, *arguments: str) -> Ran:
    return tokenaudit(*arguments, home=org.folder, env={"HF_TOKEN": org.own, "HF_ENDPOINT": org.double.endpoint})


def sweep(org: Acme, *arguments: str) -> Ran:
    return run(org, "sweep", "acme", "--include", "*", *arguments)


def test_a_nightly_job_fails_only_for_what_is_new(org: Acme) -> None:
    repo = org.repository("m")
    first = sweep(org, "--fail-on-new", "-f", "json")
    assert first.code == 1, first.err
    assert {credential["fingerprint"] for credential in first.report["credentials"]} == org.marks
    again = sweep(org, "--fail-on-new", "-f", "json")
    assert again.code == 0, again.err
    assert {credential["fingerprint"] for credential in again.report["credentials"]} == org.marks
    assert first.report["summary"]["new"] == len(org.marks)
    assert again.report["summary"]["new"] == 0
    assert not any(credential["new"] for credential in again.report["credentials"])
    nothing = sweep(org, "--fail-on-new", "--show-dead").out
    assert "; 0 new; " in nothing
    assert "of earlier sweeps not listed" in nothing
    assert not any(mark[:12] in nothing for mark in org.marks)
    assert sweep(org, "-f", "json").code == 1
    repo.commit("more", {"b.py": f"'{org.token('new')}'"})
    org.push(repo, "m")
    some = sweep(org, "--fail-on-new", "--show-dead")
    assert some.code == 1
    assert [mark for mark in org.marks if mark[:12] in some.out] == [fingerprint(org.tokens["new"])]
    assert "; 1 new; " in some.out
    listed = run(org, "inventory", "list", "-f", "json").report
    assert {credential["fingerprint"] for credential in listed["credentials"]} == org.marks
    assert fingerprint(org.tokens["new"]) in run(org, "inventory", "diff").out
    assert "m" in run(org, "inventory", "show", fingerprint(org.tokens["new"])[:10]).out
    forgotten = run(org, "inventory", "forget", fingerprint(org.tokens["new"]))
    assert (forgotten.code, forgotten.out) == (0, "forgot 1 credential\n")
    assert fingerprint(org.tokens["new"]) not in run(org, "inventory", "export").out


def test_a_token_that_can_do_more_than_read_is_told_of_with_a_link_to_a_lesser_one(org: Acme) -> None:
    ran = sweep(org)
    (told,) = [line for line in ran.err.splitlines() if "your own token" in line]
    assert "has excess permissions" in told
    assert "/settings/tokens/new?" in told
    assert org.own not in ran.err


def test_what_was_revoked_since_is_not_called_active_though_its_place_is_unchanged(org: Acme) -> None:
    org.repository("m")
    (value,) = [value for name, value in org.tokens.items() if name != "own"]
    org.double.knows(value)
    (before,) = sweep(org, "-f", "json").report["credentials"]
    assert before["inspection"]["status"] == "active"
    (org.folder / "leak.txt").write_text(value)
    assert run(org, "revoke", fingerprint(value), "--from", str(org.folder / "leak.txt"), "--yes").code == 0
    (after,) = sweep(org, "-f", "json").report["credentials"]
    assert after["inspection"]["status"] == "invalid"
    assert after["inspection"]["account"] == before["inspection"]["account"]
    assert "invalid" in run(org, "inventory", "list").out


def test_a_sweep_of_other_places_says_nothing_of_the_token_for_the_hub(org: Acme, tmp_path: Path) -> None:
    org.repository("m", secret=False)
    (tmp_path / "urls").write_text(f"file://{org.folder}/model-m\n")
    ran = run(org, "sweep", "--from-file", str(tmp_path / "urls"))
    assert ran.code == 0
    assert "sweeping 1 repository\n" in ran.err
    assert "your own token" not in ran.err


def test_progress_goes_to_stderr_and_quiet_means_quiet(org: Acme) -> None:
    org.repository("m", secret=False)
    ran = sweep(org, "-f", "json")
    assert ran.code == 0
    assert "sweeping" in ran.err
    assert ran.report["complete"] is True
    assert sweep(org, "-q").err == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sweep"], "no namespace; pass a user"),
        (["sweep", "nobody"], "user or organization nobody not found"),
        (["sweep", "acme", "--type", "bogus"], "invalid value 'bogus' for --type"),
        (["sweep", "acme", "--from-file", "absent.txt"], "can't be read"),
        (["sweep", "acme", "--cluster", "tcp://127.0.0.1:1"], "no Dask scheduler at"),
        (["sweep", "acme", "--inventory", "postgresql://u:hidden@127.0.0.1:1/x"], "connection refused"),
        (["sweep", "acme", "--cache-dir", "/dev/null"], "mirrors can't be stored in /dev/null"),
        (["inventory", "list"], "no inventory at"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(org: Acme, arguments: list[str], told: str) -> None:
    ran = run(org, *arguments)
    assert ran.code == 2
    assert told in ran.err.splitlines()[-1]
    assert len(ran.err.splitlines()) == 1
    assert "hidden" not in ran.err


def test_a_list_of_git_urls_is_swept_like_a_namespace(org: Acme) -> None:
    repo = org.repository("elsewhere")
    listing = org.folder / "list.txt"
    listing.write_text(f"# ours\n{repo.path.as_uri()}\n\n")
    ran = run(org, "sweep", "--from-file", str(listing), "-f", "json")
    assert ran.code == 1, ran.err
    assert {credential["fingerprint"] for credential in ran.report["credentials"]} == org.marks
    listing.write_text("https://user:secret@example.org/x.git\n")
    refused = run(org, "sweep", "--from-file", str(listing))
    assert (refused.code, "secret" in refused.err) == (2, False)
