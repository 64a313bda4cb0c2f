"""`tokenaudit incident` as a responder runs it."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.hub import bodies
from tests.hub.faults import Fault
from tests.incident.breach import BEFORE, DURING, ID, SINCE, Breach, token_body
from tokenaudit.incident.changes.audit_log import TYPES
from tokenaudit.model import Account, Credential, Inspection, Location, Organization, Reach, ReachedRepo, Report, Tool
from tokenaudit.report import render
from tokenaudit.secret import fingerprint


def subjects(view: Any, state: str = "open") -> list[str]:
    return [item["subject"] for item in view[state]]


def changes(view: Any, kind: str) -> list[str]:
    return [change["what"] for change in view["changes"] if change["kind"] == kind]


def skipped(view: Any) -> str:
    return "\n".join(f"{entry['where']}: {entry['reason']}" for entry in view["skipped"])


def test_what_is_touched_reached_changed_and_open(after: Breach) -> None:
    view = after.view()
    (touched,) = view["credentials"]
    assert (touched["fingerprint"], touched["touched"], touched["status"]) == (after.mark, "yes", "active")
    assert (touched["created_at"], touched["asked_now"], touched["writable"]) == ("2026-01-05T10:00:00Z", False, 2)
    assert view["summary"]["untouched"] == 1
    assert {repo["id"]: repo["access"] for repo in view["reach"]["repositories"]} == {
        "acme/model": "write",
        "acme/app": "write",
    }
    assert subjects(view)[0] == after.mark
    assert set(subjects(view)[1:]) == {"spaces/acme/app HF_TOKEN", "spaces/acme/app WANDB_API_KEY"}
    assert all(item["do"] for item in view["open"])
    assert view["open"][0]["command"] == f"tokenaudit revoke {after.mark}"
    assert "spaces/acme/app NEW_KEY" in subjects(view, "done")


def test_every_kind_of_change_since_it_began(after: Breach) -> None:
    view = after.view()
    assert view["since"] == "2026-07-09T02:28:00Z"
    assert changes(view, "commit") == ["after the summer", "quietly change the weights", "looks old"]
    assert changes(view, "pull-request") == ["Speed up"]
    assert changes(view, "discussion") == []
    assert changes(view, "secret") == ["NEW_KEY"]
    assert changes(view, "variable") == ["MODEL_ID"]
    assert (len(changes(view, "job")), len(changes(view, "scheduled-job"))) == (1, 1)
    assert changes(view, "member") == ["org.add_user: added mallory"]
    assert changes(view, "webhook") == ["calls hooks.example.com for alice"]
    events = {
        change["what"].partition(":")[0]: change["credential"]
        for change in view["changes"]
        if change["kind"] == "audit"
    }
    assert events == {"repo.update_secret": None, "collection.delete": after.mark}
    assert "older than that of its parent" in next(c["note"] for c in view["changes"] if c["what"] == "looks old")


def test_only_the_auditors_own_token_asks(after: Breach) -> None:
    before = len(after.double.requests)
    after.incident(stdin=f"{after.old}\n")
    asked = after.double.requests[before:]
    assert {request.path for request in asked if request.token == after.old} == {"/api/whoami-v2"}
    assert {request.token for request in asked if request.path != "/api/whoami-v2"} == {after.own}
    assert {request.method for request in asked} == {"GET"}


def test_progress_shows_until_nothing_is_open(after: Breach) -> None:
    """A responder works it off; the last call exits 0."""
    world = after.double.world
    without = ("--contents", "none")  # the commits of these repositories can't be read here
    world.tokens[after.own] = token_body(SINCE, name="alice", orgs=[bodies.org("acme", "admin")])
    # The repository of the Space can't be cloned here, which the sweep says; what else there is can be asked.
    sweep_gap = [entry for entry in after.view(*without)["skipped"] if entry["where"] == "spaces/acme/app"]
    assert len(sweep_gap) == len(after.view(*without)["skipped"]) == 1
    world.tokens.pop(after.old)
    view = after.view(*without, stdin=f"{after.old}\n")
    assert after.mark in subjects(view, "done")
    assert view["summary"]["credentials_open"] == 0
    space = world.repos["space", "acme/app"]
    del space.variables["HF_TOKEN"]
    for entry in space.secrets.values():
        entry["updatedAt"] = SINCE
    view = after.view(*without, stdin=f"{after.old}\n", code=3)
    assert subjects(view) == []
    assert {item["why"].partition(",")[0] for item in view["done"] if item["about"] == "secret"} == {
        "last set 2026-08-20",
        "the schedule was created 2026-08-20",
        "no longer exists",
    }
    report = after.folder / "after.json"
    after.run("inspect", "--format", "json", "--output", report, stdin=f"{after.young}\n")
    assert after.view(*without, "--report", report, code=0)["complete"] is True


def test_what_was_revoked_here_is_done_without_handing_its_value_over_again(after: Breach) -> None:
    assert after.mark in subjects(after.view())
    assert after.run("revoke", after.mark, "--yes", stdin=f"{after.old}\n").code == 0
    view = after.view()
    assert after.mark in subjects(view, "done")
    assert after.mark not in subjects(view)
    (touched,) = view["credentials"]
    assert touched["status"] == "invalid"
    elsewhere = after.view(HF_ENDPOINT=after.double.endpoint.replace("127.0.0.1", "localhost"))
    assert after.mark in subjects(elsewhere), "what one Hub refuses may live at another"


def test_a_report_takes_the_place_of_the_inventory(after: Breach) -> None:
    project = after.folder / "project"
    project.mkdir()
    (project / "app.py").write_text(f"login('{after.old}')\n")
    report = after.folder / "found.json"
    assert after.run("scan", project, "--inspect", "--format", "json", "--output", report).code == 1
    view = after.view("--report", report)
    assert view["sources"] == [f"the report {report}"]
    assert view["secrets"] == [] or {kept["asked_now"] for kept in view["secrets"]} == {True}
    (item,) = [item for item in view["open"] if item["about"] == "credential"]
    assert item["command"] == f"tokenaudit revoke {after.mark} --from {project}"
    assert f"tokenaudit plan {report} --mode breach --only {after.mark[:12]}" in item["do"]
    piped = after.view("--report", "-", stdin=report.read_text())
    assert [c["fingerprint"] for c in piped["credentials"]] == [after.mark]
    both = after.view("--report", report, "--inventory", after.folder / "inventory.sqlite")
    assert both["summary"]["secrets"] >= 3


def test_values_alone_will_do_without_an_inventory(after: Breach) -> None:
    after.environment["TOKENAUDIT_INVENTORY"] = str(after.folder / "nowhere")
    view = after.view(stdin=f"{after.old}\n\nnot a token\n")
    assert [c["fingerprint"] for c in view["credentials"]] == [after.mark]
    assert view["credentials"][0]["asked_now"] is True
    assert "line 3 of stdin: no Hugging Face credential" in skipped(view)
    (after.folder / "leak.txt").write_text(after.old)
    again = after.view("--from", "leak.txt", stdin="never read")
    assert again["credentials"][0]["asked_now"] is True
    assert again["open"][0]["command"] == f"tokenaudit revoke {after.mark} --from leak.txt"
    refused = after.incident()
    assert (refused.code, refused.out) == (2, "")
    assert "no inventory at" in refused.err
    assert "--report" in refused.err


def test_a_credential_never_asked_about_is_open_and_perhaps(after: Breach) -> None:
    stranger = after.mint.user_token()
    report = after.folder / "found.json"
    (after.folder / "x.py").write_text(f"'{stranger}'")
    after.run("scan", "x.py", "--format", "json", "--output", report)
    view = after.view("--report", report)
    (touched,) = view["credentials"]
    assert (touched["touched"], touched["status"], touched["state"]) == ("perhaps", "unknown", "open")
    assert view["open"][0]["command"] == f"tokenaudit incident {ID} --from x.py"
    assert "permissions unknown" in "".join(view["reach"]["not_known"])


def test_what_can_not_be_asked_is_said_with_what_it_would_take(after: Breach) -> None:
    after.double.world.tokens[after.own] = token_body(SINCE, "read", name="carol", orgs=[bodies.org("acme", "read")])
    told = skipped(after.view())
    assert "acme: audit log (tokens, secrets, members): the Hub denied access (403)" in told
    assert "needs the role admin in acme, on a Team or Enterprise plan" in told
    assert "spaces/acme/app: secret names: the Hub denied access (403): Forbidden; needs repo.write" in told
    assert "webhooks of alice" in told
    assert "private repositories of alice" in told


def test_without_a_token_public_things_are_still_asked_about(after: Breach) -> None:
    view = after.view("--no-token")
    assert changes(view, "commit") == ["after the summer", "quietly change the weights", "looks old"]
    (told,) = [entry for entry in view["skipped"] if "needs a token: set HF_TOKEN" in entry["reason"]]
    assert "more" in told["where"]


def test_a_touched_token_of_the_auditor_is_not_used(after: Breach) -> None:
    before = len(after.double.requests)
    view = after.view(HF_TOKEN=after.old)
    assert "is affected by the incident" in skipped(view)
    assert after.old not in {request.token for request in after.double.requests[before:]}


def test_a_dead_token_of_the_auditor_is_said_once(after: Breach) -> None:
    dead = after.mint.user_token()
    view = after.view(HF_TOKEN=dead)
    assert skipped(view).count("is invalid; set HF_TOKEN to a new one") == 1


@pytest.mark.parametrize("fault", [Fault(503), Fault(behaviour="reset")])
def test_a_hub_that_does_not_answer_is_not_asked_for_ever(after: Breach, fault: Fault) -> None:
    after.double.fails("/api/(?!whoami)", fault, always=True)
    before = len(after.double.requests)
    view = after.view()
    assert "not sent: the Hub did not answer" in skipped(view)
    assert len(after.double.requests) - before < 20


def test_a_hub_that_answers_something_else_is_asked_everything_once(after: Breach) -> None:
    """A failure of one resource says nothing of the others, but nobody waits for each in vain."""
    after.double.fails("/api/(?!whoami)", Fault(200, body=b"["), always=True)
    before = len(after.double.requests)
    told = skipped(after.view())
    assert "not sent: the Hub did not answer" not in told
    assert told.count("unexpected response") > 5
    assert len(after.double.requests) - before < 60


def test_limits_are_said_where_they_cut(after: Breach) -> None:
    after.double.world.add_repo("acme/second")
    view = after.view("--limit", "1")
    told = skipped(view)
    assert "commits on main: only the newest 1 were read" in told
    assert "more writable repositories: only the first 1 were checked" in told
    assert "audit log (tokens, secrets, members): only the newest 1 of 2 are listed" in told
    assert [c["credential"] for c in view["changes"] if c["kind"] in {"audit", "member"}].count(after.mark) == 1
    assert len(view["reach"]["repositories"]) == 1


def test_names_from_a_report_made_by_hand_lead_nowhere_else(after: Breach) -> None:
    """Names become parts of paths at the Hub, and words on a screen."""
    when = datetime(2026, 1, 5, tzinfo=timezone.utc)
    odd = "..\x1b[2J/../settings"
    inspection = Inspection(
        "active", when, "", Account("user", "../carol"), "n", "write", when, orgs=(Organization(odd, "admin"),),
    )  # fmt: skip
    repos = (
        ReachedRepo(odd, "model", "write"),
        ReachedRepo("no-owner", "dataset", "write"),
        ReachedRepo("a/k", "kernel", "write"),
    )
    spot = Location("tree", "spaces/../../x", "a.py")
    credential = Credential(
        "\x1b]0;x", "user_token", "hf_****", "credential", (spot,), None, inspection, Reach(repos=repos)
    )
    report = Report(Tool("t", "1"), when, when, complete=True, credentials=(credential,))
    (after.folder / "odd.json").write_text(render(report, "json"))
    before = len(after.double.requests)
    view = after.view("--report", "odd.json")
    assert not [request.path for request in after.double.requests[before:] if ".." in request.path]
    told = skipped(view)
    assert told.count("invalid repository name") == 2
    assert "invalid Space name" in told
    assert "invalid user or organization name" in told
    assert "the Hub has no change history for a kernel" in told
    assert "\x1b" not in after.incident("--report", "odd.json").out


def test_what_the_hub_tells_nothing_of_is_not_asked_for_again(after: Breach) -> None:
    """Handing such a value over would give the same view once more."""
    secret, refresh = after.mint.client_secret(), after.mint.refresh_token()
    after.environment["TOKENAUDIT_INVENTORY"] = str(after.folder / "nowhere")
    view = after.view(stdin=f"{secret}\n{refresh}\n")
    told = {item["subject"]: (item["do"], item["command"]) for item in view["open"]}
    assert told[fingerprint(secret)][0].endswith(
        "create a new one in the application's settings, which revokes this one."
    )
    assert "remove the application's access" in told[fingerprint(refresh)][0]
    assert {command for _, command in told.values()} == {None}


def test_an_application_has_no_webhooks_of_its_own(after: Breach) -> None:
    token = after.double.knows(after.mint.app_token(), bodies.app())
    assert "webhooks of nightly-sync" not in skipped(after.view(stdin=f"{token}\n"))


def test_since_can_be_chosen(after: Breach) -> None:
    view = after.view("--since", "2026-08-01")
    assert (view["since"], view["since_reason"]) == ("2026-08-01T00:00:00Z", "--since")
    assert changes(view, "commit") == ["after the summer"]
    assert DURING not in json.dumps(view["changes"])


def test_a_secret_set_again_after_the_sweep_is_done(after: Breach) -> None:
    after.double.world.repos["space", "acme/app"].secrets["HF_TOKEN"]["updatedAt"] = SINCE
    (kept,) = [k for k in after.view()["secrets"] if (k["kind"], k["name"]) == ("space-secret", "HF_TOKEN")]
    assert (kept["state"], kept["touched"], kept["updated_at"]) == ("done", "yes", "2026-08-20T12:00:00Z")


def test_a_dead_credential_that_is_still_read_somewhere_stays_on_the_list(after: Breach) -> None:
    (after.folder / ".env").write_text(f"HF_TOKEN={after.old}\n")
    after.double.world.tokens.pop(after.old)
    view = after.view("--from", ".env")
    (left,) = [item for item in view["open"] if item["about"] == "consumer"]
    assert (left["severity"], left["subject"]) == ("low", ".env")
    assert "which is no longer valid" in left["why"]


def test_an_incident_of_ones_own(after: Breach) -> None:
    (after.folder / "tokenaudit.toml").write_text(
        "[[incidents]]\nid = 'laptop'\ntitle = 'a laptop was stolen'\n"
        "cutoff = 2026-10-01\nbegan = 2026-09-30T08:00:00Z\n"
    )
    ran = after.run("incident", "laptop", "--format", "json")
    assert ran.code == 1, ran.err
    assert {c["fingerprint"] for c in ran.report["credentials"]} == {after.mark, fingerprint(after.young)}
    assert ran.report["incident"]["began"] == "2026-09-30T08:00:00Z"
    assert "laptop: a laptop was stolen" in after.run("incident").out


def test_the_known_incidents_are_listed(story: Breach) -> None:
    ran = story.run("incident")
    assert ran.code == 0
    for word in ("spaces-2024-05", "disclosed 2024-05-31", "platform-2026-07", "2026-07-09 02:28 UTC to 2026-07-13"):
        assert word in ran.out
    rows = story.run("incident", "--format", "json").report
    assert rows["schema"] == "tokenaudit/incidents/1"
    assert [row["id"] for row in rows["incidents"]] == ["spaces-2024-05", "platform-2026-07"]
    assert rows["incidents"][0]["began"] is None
    assert story.double.requests == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["incident", "heartbleed"], "no incident with the id 'heartbleed'; known incidents: spaces-2024-05"),
        (["incident", ID, "--report", "absent.json"], "absent.json can't be read"),
        (["incident", ID, "--report", "tokenaudit.txt"], "tokenaudit.txt is not valid JSON"),
        (["incident", ID, "--inventory", "absent.sqlite"], "no inventory at absent.sqlite"),
        (["incident", ID, "--format", "sarif"], "'sarif' is not one of"),
        (["incident", "--format", "csv"], "the list of incidents supports text and json"),
        (["incident", ID, "--since", "yesterday"], "yesterday"),
        (["incident", ID, "--limit", "0"], "--limit"),
        (["incident", ID, "--keyring", "hf"], "keyring"),
        (["incident", ID, "--endpoint", "http://example.com"], "is not encrypted"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(story: Breach, arguments: list[str], told: str) -> None:
    (story.folder / "tokenaudit.txt").write_text("{")
    ran = story.run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_token_given_for_an_id_is_not_repeated(story: Breach) -> None:
    ran = story.run("incident", story.old)
    assert ran.code == 2
    assert story.old not in ran.err


def test_text_answers_first_and_files_are_whole(after: Breach) -> None:
    ran = after.incident()
    assert ran.out.startswith("1 credential affected, 1 open; 6 stored secrets, 3 not rotated; ")
    assert ran.err == ""
    written = after.incident("--output", "view.md", "--format", "markdown")
    assert (written.code, written.out) == (1, "")
    page = (after.folder / "view.md").read_text()
    assert page.startswith(f"# Incident `{ID}`\n")
    assert "- [ ] **critical**" in page
    assert "- [x] space-secret NEW" in page
    assert f"    tokenaudit revoke {after.mark}\n" in page
    rows = list(csv.DictReader(io.StringIO(after.incident("--format", "csv").out)))
    assert [row["state"] for row in rows] == sorted(
        (row["state"] for row in rows), key=["open", "done", "changed", "not-asked"].index
    )


def test_the_older_incident_concerns_older_things_only(after: Breach) -> None:
    view = after.run("incident", "spaces-2024-05", "--format", "json").report
    assert view["credentials"] == []
    assert view["open"] == []
    assert view["since"] == "2024-05-31T00:00:00Z"
    assert "its start is unknown" in view["since_reason"]
    assert BEFORE[:10] in " ".join(item["why"] for item in view["done"])


def test_no_type_of_event_is_named_twice() -> None:
    assert len(set(TYPES)) == len(TYPES)
