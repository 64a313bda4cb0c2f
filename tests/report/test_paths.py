"""Where a finding is, for the formats that a repository's host reads: its path, its whole region, one place a file."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.model import Location, Target
from tokenaudit.report.presentation import RepositoryFile, RepositoryPaths


@pytest.fixture
def value() -> str:
    return Mint(74).user_token()


@pytest.fixture
def repo(tmp_path: Path, value: str) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("add", {"src/deep/a.py": f"t = '{value}'\n", "b.py": "b"})
    return made


def sarif(home: Path, cwd: Path, *targets: str) -> Any:
    ran = tokenaudit("scan", "-f", "sarif", *targets, home=home, cwd=cwd)
    assert ran.code == 1, ran.err
    return json.loads(ran.out)["runs"][0]


def artifacts(run: Any) -> list[tuple[str, str]]:
    found = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"]]
    assert all(len(result["locations"]) == 1 for result in run["results"])
    return sorted((artifact["uriBaseId"], artifact["uri"]) for artifact in found)


def files(home: Path, cwd: Path, *targets: str) -> dict[str, set[str]]:
    """The files that each other format names."""
    written = {
        name: tokenaudit("scan", "-f", name, *targets, home=home, cwd=cwd).out
        for name in ("gitlab", "github", "junit", "csv")
    }
    annotations = [line.split("::")[1] for line in written["github"].splitlines() if "file=" in line]
    return {
        "gitlab": {each["location"]["file"] for each in json.loads(written["gitlab"])["vulnerabilities"]},
        "github": {
            part[5:] for line in annotations for part in line.split(" ", 1)[1].split(",") if part[:5] == "file="
        },
        "junit": {case.attrib["file"] for case in ET.fromstring(written["junit"]).iter("testcase")},  # noqa: S314 - our own
        "csv": {row["path"] for row in csv.DictReader(io.StringIO(written["csv"]))},
    }


NAMED = {
    "the root": (".", "."),
    "the root from its parent": ("..", "repo"),
    "the root by its whole path": ("/", "{repo}"),
    "the root from a folder of it": ("src", ".."),
    "the default in a folder of it": ("src", "."),
    "a folder": (".", "src"),
    "a folder from within": ("src/deep", "../../src"),
    "a folder of a folder": ("src", "deep/"),
    "a file": (".", "src/deep/a.py"),
    "a file from within": ("src/deep", "a.py"),
    "a file by its whole path": ("/", "{repo}/src/deep/a.py"),
}


@pytest.mark.parametrize("name", NAMED)
def test_paths_are_relative_to_the_repository_whatever_was_named(repo: GitRepo, name: str) -> None:
    cwd, target = NAMED[name]
    folder = (repo.path / cwd) if cwd != "/" else Path("/")
    target = target.format(repo=repo.path)
    assert artifacts(sarif(repo.path.parent, folder, target)) == [("SRCROOT", "src/deep/a.py")]
    assert set(map(frozenset, files(repo.path.parent, folder, target).values())) == {frozenset({"src/deep/a.py"})}


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_a_link_to_a_folder_of_a_repository(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repo.path / "src")
    assert artifacts(sarif(tmp_path, tmp_path, "link")) == [("SRCROOT", "src/deep/a.py")]


def test_worktrees_and_submodules_are_repositories_of_their_own(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    assert artifacts(sarif(tmp_path, tmp_path, "linked/src")) == [("SRCROOT", "src/deep/a.py")]
    outer = GitRepo(tmp_path / "outer")
    outer.commit("first", {"x": "x"})
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.path), "lib/inner")
    assert artifacts(sarif(tmp_path, tmp_path, "outer/lib/inner")) == [("SRCROOT", "src/deep/a.py")]
    assert artifacts(sarif(tmp_path, tmp_path, "outer/lib/inner/src")) == [("SRCROOT", "src/deep/a.py")]
    # As a part of the outer one, whose history it is not.
    assert artifacts(sarif(tmp_path, tmp_path, "outer")) == [("SRCROOT", "lib/inner/src/deep/a.py")]


def test_two_targets_with_a_file_of_the_same_name(repo: GitRepo, value: str) -> None:
    other = Mint(75).user_token()
    repo.write("src/a.py", value)
    repo.write("tests/a.py", other)
    run = sarif(repo.path.parent, repo.path, "src", "tests")
    assert artifacts(run) == [("SRCROOT", path) for path in ("src/a.py", "src/deep/a.py", "tests/a.py")]
    hashes = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(hashes)) == 3
    assert files(repo.path.parent, repo.path, "src", "tests")["junit"] == {"src/a.py", "src/deep/a.py", "tests/a.py"}


def test_a_file_in_two_targets_is_one_place(repo: GitRepo) -> None:
    (alone,) = sarif(repo.path.parent, repo.path, ".")["results"]
    (both,) = sarif(repo.path.parent, repo.path, "src", "src/deep", ".")["results"]
    assert [both[key] for key in ("locations", "partialFingerprints")] == [
        alone[key] for key in ("locations", "partialFingerprints")
    ]


def test_the_identity_of_a_finding_is_the_same_from_everywhere(repo: GitRepo) -> None:
    def identities(cwd: Path, target: str) -> set[str]:
        results = sarif(repo.path.parent, cwd, target)["results"]
        return {result["partialFingerprints"]["primaryLocationLineHash"] for result in results}

    expected = identities(repo.path, ".")
    assert identities(repo.path / "src", "..") == identities(repo.path.parent, "repo") == expected
    assert identities(Path("/"), str(repo.path)) == identities(repo.path, "src/deep/a.py") == expected


def test_two_repositories_have_two_roots(repo: GitRepo, tmp_path: Path, value: str) -> None:
    other = GitRepo(tmp_path / "other")
    other.commit("add", {"src/deep/a.py": f"t = '{value}'\n"})
    run = sarif(tmp_path, tmp_path, "repo", "other")
    assert artifacts(run) == [("SRCROOT1", "src/deep/a.py"), ("SRCROOT2", "src/deep/a.py")]
    bases = run["originalUriBaseIds"]
    assert (bases["SRCROOT1"]["uri"], bases["SRCROOT1"]["uriBaseId"]) == ("other/", "WORKDIR")
    assert (bases["SRCROOT2"]["uri"], bases["SRCROOT2"]["uriBaseId"]) == ("repo/", "WORKDIR")
    assert "WORKDIR" in bases
    named = files(tmp_path, tmp_path, "repo", "other")
    assert named.pop("csv") == {"src/deep/a.py"}  # the target has a column of its own
    assert all(found == {"repo/src/deep/a.py", "other/src/deep/a.py"} for found in named.values())
    away = sarif(tmp_path, repo.path, ".", "../other")
    assert {base["uri"] for base in away["originalUriBaseIds"].values() if "uri" in base} == {
        "./",
        f"file://{tmp_path}/other/",
    }


def test_plain_folders_are_their_own_roots(tmp_path: Path, value: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text(value)
    assert artifacts(sarif(tmp_path, tmp_path, "one")) == [("SRCROOT", "a.py")]
    assert len(set(artifacts(sarif(tmp_path, tmp_path, "one", "two/a.py")))) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes there")
@pytest.mark.parametrize("name", [b"bad\xff.py", b"d\xe9j\xe0/v\xfc.py"])
def test_a_name_that_is_no_utf8_is_one_uri(repo: GitRepo, value: str, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(repo.path) + b"/" + name))
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"t='{value}'\n")
    repo.commit("add", {})
    expected = "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in name)
    assert ("SRCROOT", expected) in artifacts(sarif(repo.path.parent, repo.path, "."))
    assert len(artifacts(sarif(repo.path.parent, repo.path, "."))) == 2


def region(folder: Path, content: bytes) -> tuple[int, int, int, int]:
    (folder / "a").write_bytes(content)
    (result,) = sarif(folder, folder, "a")["results"]
    found = result["locations"][0]["physicalLocation"]["region"]
    return found["startLine"], found["startColumn"], found["endLine"], found["endColumn"]


class TestRegions:
    """A region covers what has to be removed: the value, or what it is encoded as."""

    def test_in_a_line(self, tmp_path: Path, value: str) -> None:
        assert region(tmp_path, f"x\n  t = '{value}'\n".encode()) == (2, 8, 2, 8 + 37)
        assert region(tmp_path, value.encode()) == (1, 1, 1, 38)
        assert region(tmp_path, f"é€ {value} é\n".encode()) == (1, 4, 1, 41)

    def test_over_several_lines(self, tmp_path: Path, value: str) -> None:
        assert region(tmp_path, f'a = ("{value[:12]}"\n  "{value[12:]}")\n'.encode()) == (1, 7, 2, 4 + 25)
        folded = base64.encodebytes(f"{'ab ' * 13}{value}{' cd' * 20}".encode())
        start_line, _, end_line, _ = region(tmp_path, folded)
        assert (start_line, end_line) == (1, 2)

    def test_encoded(self, tmp_path: Path, value: str) -> None:
        assert region(tmp_path, b"k: " + base64.b64encode(value.encode()) + b"\n") == (1, 4, 1, 4 + 50)
        assert region(tmp_path, b"k: " + value.encode().hex().encode()) == (1, 4, 1, 4 + 74)
        escaped = "".join(f"%{ord(character):02X}" for character in value)
        assert region(tmp_path, f"?t={escaped}&x".encode()) == (1, 4, 1, 4 + 111)

    def test_in_utf_16(self, tmp_path: Path, value: str) -> None:
        assert region(tmp_path, f"a\nb {value}\n".encode("utf-16")) == (2, 3, 2, 40)

    def test_in_annotations_and_the_json_report(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "a").write_text(f'a = ("{value[:12]}"\n  "{value[12:]}")\n')
        ran = tokenaudit("scan", "-f", "github", "a", home=tmp_path, cwd=tmp_path)
        assert "line=1,col=7,endLine=2,endColumn=29," in ran.out
        (credential,) = tokenaudit("scan", "-f", "json", "a", home=tmp_path, cwd=tmp_path).report["credentials"]
        (place,) = credential["locations"]
        assert (place["line"], place["column"], place["end_line"], place["end_column"]) == (1, 7, 2, 29)
        gitlab = json.loads(tokenaudit("scan", "-f", "gitlab", "a", home=tmp_path, cwd=tmp_path).out)
        assert gitlab["vulnerabilities"][0]["location"]["end_line"] == 2


def test_places_of_targets_and_of_what_is_inside_of_them() -> None:
    targets = (Target("src", "tree", repository=".", inside="src"), Target("models/acme/m", "git"))
    paths = RepositoryPaths(targets)
    assert paths.location(Location("tree", "src", "a.py")) == RepositoryFile(".", "src/a.py")
    assert paths.place("src/vendored", "a.py") == RepositoryFile(".", "src/vendored/a.py")
    assert paths.place("src/.git/modules/lib", "a.py") == RepositoryFile(".", "src/lib/a.py")
    assert paths.place("models/acme/m", "a.py") == RepositoryFile("models/acme/m", "a.py")
    assert paths.place("elsewhere", "a.py") == RepositoryFile("elsewhere", "a.py")
    assert paths.place("src", None) == RepositoryFile(".", None)
