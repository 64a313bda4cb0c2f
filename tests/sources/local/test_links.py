"""Links inside a folder: which are followed, and what is said of those that are not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.filesystem import TreeSource

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")


def read(path: Path, others: tuple[Path, ...] = ()) -> tuple[set[str | None], dict[str, str]]:
    """Paths with a credential, and what was skipped."""
    found = list(TreeSource(path, "here", others=[str(each) for each in others]).findings(ScanContext(ToyExaminer())))
    paths = {each.location.path for each in found if isinstance(each, LocatedDetection)}
    return paths, {each.where: each.reason for each in found if isinstance(each, Skipped)}


@pytest.fixture
def value() -> str:
    return Mint(72).user_token()


def test_a_link_to_other_data_outside_is_not_followed_but_reported(tmp_path: Path, value: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text(value)
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "file").symlink_to("../outside/secret")
    (tmp_path / "inside" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "chain").symlink_to("file")
    paths, skipped = read(tmp_path / "inside")
    assert paths == set()
    assert set(skipped) == {"here: file", "here: folder", "here: chain"}
    assert str(tmp_path / "outside" / "secret") in skipped["here: file"]


def test_a_link_to_what_is_read_anyway_needs_nothing(tmp_path: Path, value: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("x")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a").write_text(value)
    (inside / "b").symlink_to("a")
    (inside / "round").symlink_to(inside)
    (inside / "to-other").symlink_to("../other/x")
    assert read(inside, (tmp_path / "other",)) == ({"a"}, {})


def test_programs_devices_and_dangling_links_are_passed_over(tmp_path: Path) -> None:
    for name, to in (
        ("python", sys.executable),
        ("null", "/dev/null"),
        ("gone", str(tmp_path / "absent")),
        ("loop", "loop"),
    ):
        (tmp_path / name).symlink_to(to)
    assert read(tmp_path) == (set(), {})


def test_many_links_outside_are_counted(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    inside = tmp_path / "inside"
    inside.mkdir()
    for number in range(50):
        (inside / f"{number:02}").symlink_to("../data")
    skipped = read(inside)[1]
    assert len(skipped) == 21
    assert skipped["here"].startswith("30 more links")


def cached(folder: Path, value: str) -> Path:
    """A repository in the layout of huggingface_hub's cache."""
    repository = folder / "hub" / "models--acme--m"
    for name in ("blobs", "refs", "snapshots/0123abc/sub"):
        (repository / name).mkdir(parents=True)
    (repository / "blobs" / "aaaa").write_text(value)
    (repository / "snapshots" / "0123abc" / "config.json").symlink_to("../../blobs/aaaa")
    (repository / "snapshots" / "0123abc" / "sub" / "x.json").symlink_to("../../../blobs/aaaa")
    return repository


def test_the_snapshots_of_a_hugging_face_cache_are_followed(tmp_path: Path, value: str) -> None:
    repository = cached(tmp_path, value)
    assert read(repository / "snapshots" / "0123abc") == ({"config.json", "sub/x.json"}, {})
    assert read(repository / "snapshots" / "0123abc" / "sub") == ({"x.json"}, {})
    assert read(repository / "snapshots") == ({"0123abc/config.json", "0123abc/sub/x.json"}, {})


def test_a_link_out_of_the_cache_is_not(tmp_path: Path, value: str) -> None:
    repository = cached(tmp_path, value)
    (tmp_path / "secret").write_text(value)
    (repository / "blobs" / "bbbb").symlink_to(tmp_path / "secret")
    snapshot = repository / "snapshots" / "0123abc"
    (snapshot / "direct").symlink_to(tmp_path / "secret")
    (snapshot / "chained").symlink_to("../../blobs/bbbb")
    paths, skipped = read(snapshot)
    assert paths == {"config.json", "sub/x.json"}
    assert set(skipped) == {"here: direct", "here: chained"}
