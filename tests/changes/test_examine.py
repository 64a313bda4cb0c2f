"""What changed in a repository: the revisions that are compared, and what was there in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.changes.hosted import HostedRepository, by_path, examined, only
from tests.hub import bodies, faults
from tests.hub.double import HubDouble
from tests.hub.routes_files import security, upload
from tests.support.mint import Mint
from tokenaudit.changes import examine
from tokenaudit.changes.judgements import Judgements
from tokenaudit.errors import UsageError

CONFIG = '{"model_type": "bert"}\n'
SPAWN = "import subprocess\n\nsubprocess.run(['true'])\n"


def test_added_changed_moved_and_deleted_files(model: HostedRepository, hub_double: HubDouble) -> None:
    good = model.commit("more", "2026-07-08", {"a.txt": "aaaa\n", "gone.txt": "x\n"})
    new = model.commit(
        "change", "2026-07-10", {"README.md": "# Other\n", "moved/b.txt": "aaaa\n", "new.txt": "new\n"},
        deleted=("a.txt", "gone.txt"),
    )  # fmt: skip
    report = examined(hub_double, "acme/m")
    found = only(report)
    assert (found.head, found.good_revision, found.downloads_month) == (new, good, 41_000)
    changes = {path: (file.change, file.previous_path) for path, file in by_path(found).items()}
    assert changes == {
        "README.md": ("modified", None), "moved/b.txt": ("renamed", "a.txt"), "new.txt": ("added", None),
        "gone.txt": ("deleted", None),
    }  # fmt: skip
    assert {file.commits for file in found.files} == {(new,)}
    assert [(commit.id, commit.author, commit.title) for commit in found.commits] == [(new, "mallory", "change")]
    assert (report.complete, report.skipped) == (True, ())
    assert (report.summary.repositories, report.summary.changed_files) == (1, 4)


def test_what_was_there_for_an_hour_is_seen(
    model: HostedRepository, hub_double: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = '{"trust_remote_code": true}'
    evil = model.commit("tune", "2026-07-10T01:00:00Z", {"hour.py": SPAWN, "config.json": trusting})
    undone = model.commit("clean", "2026-07-10T02:00:00Z", {"config.json": CONFIG}, deleted=("hour.py",))
    seen = by_path(only(examined(hub_double, "acme/m")))
    hour, config = seen["hour.py"], seen["config.json"]
    assert (hour.change, hour.commits, hour.removed_in, hour.risk) == ("added", (evil,), undone, "executes")
    assert (config.change, config.removed_in) == ("modified", undone)
    assert config.findings
    # Of more files than are listed commit by commit, the diffs are read: the same comes out.
    monkeypatch.setattr(examine, "_MOST_LISTED", 0)
    assert by_path(only(examined(hub_double, "acme/m"))) == seen
    assert hub_double.count("/compare/") == 1
    monkeypatch.setattr(examine, "MOST_SINGLE_COMMITS", 1)
    report = examined(hub_double, "acme/m")
    assert only(report).files == ()
    (gap,) = report.skipped
    assert "2 commits, more than the 1" in gap.reason


def test_branches_and_pull_requests_count_too(model: HostedRepository, hub_double: HubDouble) -> None:
    good = model.repo.head()
    on_branch = model.commit("try", "2026-07-11", {"branch.py": SPAWN}, branch="try")
    model.repo.git("checkout", "-q", good)
    model.repo.git("checkout", "-q", "-b", "1")
    proposed = model.commit("pull", "2026-07-12", {"pull.py": SPAWN}, branch="refs/pr/1")
    found = only(examined(hub_double, "acme/m"))
    assert (found.head, found.good_revision) == (good, good)
    files = {file.ref: (file.path, file.commits, file.risk) for file in found.files}
    assert files == {
        "refs/heads/try": ("branch.py", (on_branch,), "executes"),
        "refs/pr/1": ("pull.py", (proposed,), "executes"),
    }
    assert {commit.ref for commit in found.commits} == {"refs/heads/try", "refs/pr/1"}
    assert examined(hub_double, "acme/m", since="2026-07-15").repositories == ()


def test_a_commit_is_the_last_good_revision(model: HostedRepository, hub_double: HubDouble) -> None:
    good = model.repo.head()
    # Dated before the start, but made after it: only the order of the history says so.
    new = model.commit("old?", "2026-05-01", {"new.txt": "x\n"})
    for since in (good, good[:8]):
        report = examined(hub_double, "acme/m", since=since)
        found = only(report)
        assert (found.good_revision, [commit.id for commit in found.commits]) == (good, [new])
        assert (report.since, report.complete) == (since, True)
    report = examined(hub_double, "acme/m", since="1" * 40)
    assert "is not in the history" in report.skipped[0].reason
    assert only(report).good_revision is None
    with pytest.raises(UsageError, match="belongs to one repository"):
        examined(hub_double, "acme/m", "acme/n", since=good)


def test_a_squashed_history_is_said(model: HostedRepository, hub_double: HubDouble) -> None:
    model.repo.git("checkout", "-q", "--orphan", "fresh")
    model.repo.git("branch", "-D", "main")
    model.repo.git("branch", "-m", "main")
    model.commit("squash", "2026-07-12", {"model.py": SPAWN})
    report = examined(hub_double, "acme/m")
    found = only(report)
    assert found.good_revision is None
    assert {file.change for file in found.files} == {"added"}
    assert {file.path: file.risk for file in found.files}["model.py"] == "executes"
    (gap,) = report.skipped
    assert "squashed or rewritten" in gap.reason
    # A repository that was made inside the window has nothing before it: that is no gap.
    model.hosted.info["createdAt"] = "2026-07-11T00:00:00.000Z"
    assert examined(hub_double, "acme/m").complete


def test_a_back_dated_commit_is_found_by_the_server_s_time(
    model: HostedRepository, hub_double: HubDouble, storage: HubDouble
) -> None:
    del storage
    good = model.repo.head()
    own = hub_double.knows(Mint(1).user_token(), bodies.classic("write", orgs=[bodies.org("acme", "write")]))
    pointer = model.large(b"\x80\x02]q\x00.")
    forged = model.commit("looks old", "2026-06-02", {"model.bin": pointer})
    later = model.commit("looks old too", "2026-06-03", {"notes.txt": "x\n"})
    assert examined(hub_double, "acme/m", secret=own).repositories == ()
    content = pointer.split("sha256:")[1][:64]
    model.hosted.uploads = [upload(content, "2026-07-10T03:00:00.000Z", "eve", "model.bin")]
    report = examined(hub_double, "acme/m", secret=own)
    found = only(report)
    assert found.good_revision == good
    assert [commit.id for commit in found.commits] == [later, forged]
    assert (found.commits[1].pushed_by, str(found.commits[1].pushed_at)) == ("eve", "2026-07-10 03:00:00+00:00")
    assert "content-forged-time" in {finding.rule for finding in by_path(found)["model.bin"].findings}
    assert report.complete


def test_the_hub_s_own_verdict_is_named(model: HostedRepository, hub_double: HubDouble) -> None:
    model.commit("add", "2026-07-10", {"a.txt": "a\n", "b.txt": "b\n"})
    model.hosted.security["a.txt"] = security("unsafe", imports={"posix.system": "dangerous"})
    model.hosted.security["README.md"] = security("suspicious", virusTotalScan="suspicious")
    found = by_path(only(examined(hub_double, "acme/m")))
    assert (found["a.txt"].hub_scan, found["a.txt"].risk, found["b.txt"].hub_scan) == ("unsafe", "executes", "safe")
    (finding,) = found["a.txt"].findings
    assert (finding.rule, finding.names) == ("content-hub-unsafe", ("posix.system",))
    assert set(found) == {"a.txt", "b.txt"}
    found = by_path(only(examined(hub_double, "acme/m", contents="all")))
    assert (found["README.md"].change, found["README.md"].hub_scan) == ("unchanged", "suspicious")


def test_what_is_not_read_is_never_clean(model: HostedRepository, hub_double: HubDouble) -> None:
    model.commit("add", "2026-07-10", {"a.py": "x = 1\n"})
    report = examined(hub_double, "acme/m", contents="none")
    assert (only(report).files[0].risk, report.complete, report.downloaded) == ("unknown", False, 0)
    assert hub_double.count("/resolve/") == 0
    report = examined(hub_double, "acme/m", max_download=3)
    assert (only(report).files[0].risk, report.summary.unknown) == ("unknown", 1)
    assert "raise --max-download" in report.skipped[0].reason


@pytest.mark.parametrize(
    "fault",
    [faults.error(403, "Forbidden"), faults.rate_limited(5), faults.error(500, "no"), faults.html(200),
     faults.Fault(200, {}, b'[{"type"', "truncate"), faults.Fault(behaviour="reset"), faults.error(404, "gone")],
    ids=["403", "429", "500", "html", "truncated", "reset", "404"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["", "/refs", "/commits/", "/tree/", "/paths-info/"])
def test_a_repository_that_fails_costs_itself_alone(
    model: HostedRepository, hub_double: HubDouble, tmp_path: Path, fault: faults.Fault, path: str
) -> None:
    model.commit("add", "2026-07-10", {"a.txt": "a\n"})
    broken = HostedRepository(hub_double, tmp_path, "acme/broken")
    broken.commit("add", "2026-07-10", {"b.txt": "b\n"})
    hub_double.world.organizations.add("acme")
    hub_double.fails(f"^/api/models/acme/broken{path}" + ("$" if not path else ""), fault, always=True)
    report = examined(hub_double, "acme/m", "acme/broken")
    assert "a.txt" in by_path(next(each for each in report.repositories if each.id == "acme/m"))
    assert not report.complete
    assert {gap.where.partition(":")[0] for gap in report.skipped} == {"acme/broken"}
    assert all(each.files == () or path == "/paths-info/" for each in report.repositories if each.id == "acme/broken")


def test_the_same_content_is_judged_once(hub_double: HubDouble, tmp_path: Path, storage: HubDouble) -> None:
    del storage
    cache = tmp_path / "cache" / "judgements.sqlite"
    hub_double.world.organizations.add("acme")
    data = b"\x80\x02}q\x00."
    for name in ("one", "two"):
        hosted = HostedRepository(hub_double, tmp_path, f"acme/{name}")
        files = {"model.bin": hosted.large(data), "other/w.safetensors": name}
        hosted.commit("start", "2026-06-01", {"other/w.safetensors": name, "notes.txt": name})
        hosted.commit("add", "2026-07-10", files)
    first, second = Judgements(cache), Judgements(cache)
    report = examined(hub_double, "acme/one", judgements=first)
    again = examined(hub_double, "acme/one", "acme/two", judgements=second)
    assert (first.judged, second.judged) == (1, 0)
    assert only(report).files[0].findings == again.repositories[0].files[0].findings
    assert (cache.stat().st_mode & 0o777, again.downloaded) == (0o600, 0)
    cache.write_bytes(b"no database" * 100)
    damaged = Judgements(cache)
    gaps = examined(hub_double, "acme/one", judgements=damaged).skipped
    assert [gap.where for gap in gaps] == ["acme/one: uploads"], "only the owner is told of uploads"
    assert (damaged.judged, damaged.unusable) == (1, "")
    folder = Judgements(tmp_path)
    assert examined(hub_double, "acme/one", judgements=folder).skipped == gaps
    assert "can't be used" in folder.unusable


def test_a_namespace_is_listed_and_what_it_hides_is_said(
    model: HostedRepository, hub_double: HubDouble, tmp_path: Path
) -> None:
    model.commit("add", "2026-07-10", {"a.txt": "a\n"})
    data = HostedRepository(hub_double, tmp_path, "acme/d", "dataset")
    data.commit("add", "2026-07-10", {"d.csv": "a,b\n"})
    hub_double.world.add_repo("acme/secret", visibility="private")
    hub_double.world.organizations.add("acme")
    hub_double.world.buckets["acme/b"] = {"x.bin": b"x"}
    report = examined(hub_double, "acme")
    assert {each.page for each in report.repositories} == {"acme/m", "datasets/acme/d"}
    reasons = {gap.where: gap.reason for gap in report.skipped}
    assert reasons == {
        "private repositories of acme": "needs a token of a member of acme",
        "buckets/acme/b": "a bucket has no history to compare with",
    }
    report = examined(hub_double, "acme", limit=1)
    reason = {gap.where: gap.reason for gap in report.skipped}["2 more repositories"]
    assert reason.endswith("raise --limit for the rest")
    left_out = {"acme/m", "datasets/acme/d", "buckets/acme/b"} - {each.page for each in report.repositories}
    assert [page for page in left_out if page not in reason] == []
    with pytest.raises(UsageError, match="neither a user nor an organization"):
        examined(hub_double, "nobody")
    report = examined(hub_double, "acme/absent")
    assert (report.repositories, report.examined, report.complete) == ((), 0, False)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_uploads_that_the_hub_does_not_list_make_the_report_incomplete(
    model: HostedRepository, hub_double: HubDouble, status: int
) -> None:
    """Without them a file that was uploaded in the window with an older date is not found."""
    model.commit("add", "2026-07-10", {"a.txt": "a\n", "weights.safetensors": model.large(b"w" * 200)})
    hub_double.fails("/lfs-files", faults.error(status, "no"), always=True)
    report = examined(hub_double, "acme/m")
    reasons = {gap.where: gap.reason for gap in report.skipped}
    assert "repo.write on acme/m" in reasons["acme/m: uploads"]
    assert not report.complete
