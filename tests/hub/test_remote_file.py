"""Reading parts of files: few bytes, no token for anybody else, and nothing taken for the file that is not it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from tests.changes.hosted import HostedRepository, SparseContent, client
from tests.hub import faults
from tests.hub.double import HubDouble, hub_double, storage
from tests.hub.routes_files import security, upload
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.hub.file_request import FileRequest, is_public
from tokenaudit.hub.remote_file import BLOCK, DownloadBudget, RemoteFile, RemoteReadError
from tokenaudit.hub.repo_content import compare, files_with_issues, large_uploads, paths_info, tree
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, Reply
from tokenaudit.secret import Secret

__all__ = ["hub_double", "storage"]

MODEL = HubRepository("model", "acme/m")
DATA = bytes(range(256)) * 2000


@pytest.fixture
def hosted(hub_double: HubDouble, tmp_path: Path) -> HostedRepository:
    return HostedRepository(hub_double, tmp_path, "acme/m")


def remote(
    double: HubDouble, hosted: HostedRepository, path: str, size: int, *, secret: str | None = None, budget: int = 10**9
) -> RemoteFile:
    own = Secret(secret) if secret else None
    return RemoteFile(client(double), MODEL, hosted.repo.head(), path, size, own, DownloadBudget(budget))


def test_a_large_file_is_read_at_another_origin_without_the_token(
    hub_double: HubDouble, storage: HubDouble, hosted: HostedRepository
) -> None:
    own = hub_double.knows(Mint(1).user_token())
    hosted.commit("add", "2026-06-01", {"w.bin": hosted.large(DATA)})
    file = remote(hub_double, hosted, "w.bin", len(DATA), secret=own)
    with file.open() as opened:
        assert opened.read(10) == DATA[:10]
        opened.seek(-10, io.SEEK_END)
        assert opened.read() == DATA[-10:]
        opened.seek(100_000)
        assert opened.read(1000) == DATA[100_000:101_000]
        assert opened.seek(0) == 0
        assert opened.read() == DATA
    assert storage.count("/storage/") > 1
    assert hub_double.count("/resolve/") == 1, "the address of the first answer is used again"
    asked = [seen for seen in hub_double.requests if "/resolve/" in seen.path]
    assert {seen.token for seen in asked} == {own}
    assert {seen.headers["accept-encoding"] for seen in storage.requests} == {"identity"}
    assert all(seen.headers["range"].startswith("bytes=") for seen in storage.requests)


def test_an_address_that_expired_is_asked_for_again(
    hub_double: HubDouble, storage: HubDouble, hosted: HostedRepository
) -> None:
    hosted.commit("add", "2026-06-01", {"w.bin": hosted.large(DATA)})
    with remote(hub_double, hosted, "w.bin", len(DATA)).open() as opened:
        opened.read(1)
        storage.fails("/storage/", faults.error(403, "Request has expired"))
        opened.seek(300_000)
        assert opened.read(1) == DATA[300_000:300_001]
    assert hub_double.count("/resolve/") == 2


def test_twenty_gigabytes_cost_a_few_kilobytes(
    hub_double: HubDouble, storage: HubDouble, hosted: HostedRepository
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("m/data.pkl", b"\x80\x02]." + bytes(50_000))
        for number in range(300):
            written.writestr(f"m/data/{number}", b"")
    raw = archive.getvalue()
    size = 20_000_000_000
    content = SparseContent(size, {0: raw[:60_000], size - len(raw): raw})
    hosted.commit("add", "2026-06-01", {"w.bin": hosted.large(content)})
    file = remote(hub_double, hosted, "w.bin", size)
    with file.open() as opened, zipfile.ZipFile(opened) as read:
        assert read.read("m/data.pkl")[:4] == b"\x80\x02]."
    assert content.served == file.budget.spent < 300_000
    assert storage.count("/storage/") < 10


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7])
def test_every_size_is_read_as_it_is(hub_double: HubDouble, hosted: HostedRepository, size: int) -> None:
    data = DATA[:size]
    hosted.commit("add", "2026-06-01", {"a file/ü#?.bin": data})
    file = remote(hub_double, hosted, "a file/ü#?.bin", size)
    with file.open() as opened:
        assert opened.read() == data
        opened.seek(size // 2)
        assert opened.read(3) == data[size // 2 : size // 2 + 3]
        opened.seek(size + 10)
        assert opened.read() == b""
    assert file.budget.spent == size


def test_a_server_without_ranges_is_read_no_further_than_asked(hub_double: HubDouble, hosted: HostedRepository) -> None:
    hub_double.world.ignores_range = True
    content = SparseContent(9 << 20, {0: DATA})
    hosted.commit("add", "2026-06-01", {"w.bin": hosted.large(content), "small.txt": DATA})
    with remote(hub_double, hosted, "small.txt", len(DATA)).open() as opened:
        opened.seek(200_000)
        assert opened.read(5) == DATA[200_000:200_005]
    file = remote(hub_double, hosted, "w.bin", len(content))
    with file.open() as opened:
        assert opened.read(5) == DATA[:5]
        assert file.budget.spent <= 4 * BLOCK
        opened.seek(-1, io.SEEK_END)
        with pytest.raises(RemoteReadError, match="does not support ranges"):
            opened.read(1)


def test_a_budget_is_kept_and_named(hub_double: HubDouble, hosted: HostedRepository) -> None:
    hosted.commit("add", "2026-06-01", {"w.bin": DATA})
    file = remote(hub_double, hosted, "w.bin", len(DATA), budget=100_000)
    with file.open() as opened, pytest.raises(RemoteReadError, match=r"100.0 kB is used up; raise --max-download"):
        opened.read()
    assert file.budget.spent <= 100_000


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (faults.redirect("http://storage.example/x"), "unencrypted"),
        (faults.redirect("ftp://127.0.0.1/x"), "unencrypted"),
        (faults.redirect("http://[x/"), "redirected to an invalid address"),
        (faults.error(416, "no"), "smaller than listed"),
        (faults.error(403, "no"), "403"),
        (faults.error(500, "no"), "500"),
        (faults.Fault(200, {"Content-Encoding": "gzip"}, b"x"), "compressed"),
        (faults.Fault(206, {"Content-Range": "bytes 5-9/10"}, b"xxxxx"), "another range"),
        (faults.Fault(200, {}, b"<html>"), "6 bytes instead of 512,000"),
        (faults.Fault(204, {}, b""), "unexpected status"),
        (faults.Fault(206, {"Content-Range": f"bytes 0-65535/{len(DATA)}"}, b"x", "truncate"), "ended early"),
        (faults.Fault(behaviour="reset"), "could not be fetched"),
        (faults.Fault(206, {"Content-Range": f"bytes 0-65535/{len(DATA)}", "X-Repo-Commit": "1" * 40}, DATA[:65536]),
         "another revision"),
    ],
)  # fmt: skip
def test_what_is_not_the_file_is_an_error(
    hub_double: HubDouble, hosted: HostedRepository, fault: faults.Fault, message: str
) -> None:
    hosted.commit("add", "2026-06-01", {"w.bin": DATA})
    hub_double.fails("/resolve/", fault, always=True)
    with remote(hub_double, hosted, "w.bin", len(DATA)).open() as opened, pytest.raises(OSError, match=message):
        opened.read(1)


def test_redirects_within_the_hub_keep_the_token_and_end(hub_double: HubDouble, hosted: HostedRepository) -> None:
    own = hub_double.knows(Mint(2).user_token())
    head = hosted.commit("add", "2026-06-01", {"w.bin": DATA})
    here = faults.redirect(f"/acme/m/resolve/{head}/w.bin", 307)
    hub_double.fails("/resolve/", here, here)
    with remote(hub_double, hosted, "w.bin", len(DATA), secret=own).open() as opened:
        assert opened.read(1) == DATA[:1]
    assert {seen.token for seen in hub_double.requests} == {own}
    hub_double.fails("/resolve/", here, always=True)
    with (
        remote(hub_double, hosted, "w.bin", len(DATA)).open() as opened,
        pytest.raises(OSError, match="too many redirects"),
    ):
        opened.read(1)


def test_a_public_hub_never_leads_into_a_private_network(hub_double: HubDouble) -> None:
    """The endpoint is public; what it is said to redirect to is this machine."""
    request = FileRequest("https://192.0.2.1", f"{hub_double.endpoint}/x", None, 1)
    answer, _ = request.send(lambda response: Reply(response.status, b""))
    assert isinstance(answer, Failure)
    assert answer.message == "the Hub redirected to an unencrypted address"
    secure = hub_double.endpoint.replace("http:", "https:")
    answer, _ = FileRequest("https://8.8.8.8", f"{secure}/x", None, 1).send(lambda seen: Reply(seen.status, b""))
    assert isinstance(answer, Failure)
    assert "private network" in answer.message
    assert hub_double.requests == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("::1", False), ("fe80::1%eth0", False), ("::ffff:10.0.0.1", False),
        ("100.64.0.1", False), ("fd00::1", False), ("224.0.0.1", False), ("x", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_listings_verdicts_and_uploads(hub_double: HubDouble, hosted: HostedRepository) -> None:

    own = hub_double.knows(Mint(3).user_token())
    hub_double.world.organizations.add("acme")
    first = hosted.commit("a", "2026-06-01", {f"f{number:03}.txt": str(number) for number in range(130)})
    head = hosted.commit("b", "2026-06-02", {"w.bin": hosted.large(b"\x80\x02]."), "f000.txt": "new"})
    hosted.hosted.security["w.bin"] = security("unsafe", imports={"posix.system": "dangerous"}, jFrogScan="unsafe")
    hub_double.world.page_size = 1000
    access: Hub = client(hub_double)
    listed = tree(access, MODEL, head, None)
    expanded = tree(access, MODEL, head, None, expand=True)
    assert not isinstance(listed, Failure)
    assert not isinstance(expanded, Failure)
    assert [file.path for file in listed] == [file.path for file in expanded]
    assert len(listed) == 131
    assert hub_double.count("/tree/") == 3, "1,000 entries a page, 100 with their commits and verdicts"
    (large,) = [file for file in expanded if file.is_large]
    assert (large.size, large.commit, len(large.content_id)) == (4, head, 64)
    assert large.security is not None
    assert large.security.scanners == {"avScan": "safe", "pickleImportScan": "unsafe", "jFrogScan": "unsafe"}
    assert large.security.pickle_imports == ("posix.system",)
    info = paths_info(access, MODEL, head, ["f001.txt", "w.bin", "absent"], None)
    assert not isinstance(info, Failure)
    assert {file.path: file.commit for file in info} == {"f001.txt": first, "w.bin": head}
    assert files_with_issues(access, MODEL, None) == {"w.bin": "unsafe"}
    diff = compare(access, MODEL, first, head, None)
    assert isinstance(diff, str)
    assert diff.count("diff --git") == 2
    hosted.hosted.uploads = [upload("1" * 64, "2026-06-02T00:00:00.000Z", "eve")]
    refused = large_uploads(access, MODEL, None)
    assert isinstance(refused, Failure)
    hub_double.world.tokens[own]["orgs"] = [{"name": "acme", "roleInOrg": "write"}]
    found = large_uploads(access, MODEL, Secret(own))
    assert not isinstance(found, Failure)
    assert [(each.content_id, each.pushed_by) for each in found] == [("1" * 64, "eve")]
