"""A place that is full of credentials where nobody looks for them: no output of any command shows one."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
import urllib.parse
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.cli import Ran, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.traces import assert_hidden
from tokenaudit.report import FORMATS

SHORT_KINDS = (
    Mint.user_token,
    Mint.org_token,
    Mint.legacy_token,
    Mint.refresh_token,
    Mint.app_token,
    Mint.client_secret,
)
"""Kinds that fit in a file's name."""

GIT_NAMES = (
    "logs/refs/heads/{}",
    "logs/refs/heads/gone/{}/x",
    "hooks/{}",
    "worktrees/{}/HEAD",
    "worktrees/{}/logs/HEAD",
    "rr-cache/{}/preimage",
    "lfs/objects/ab/{}",
    "lfs/tmp/{}",
    "modules/{}/config",
    "modules/{}/HEAD",
    "modules/{}/hooks/post-commit",
    "modules/a/objects/{}",
    "info/{}",
    "{}.lock",
    "branches/{}",
    "refs/heads/{}",
    "refs/remotes/{}/HEAD",
    "objects/{}",
    "objects/pack/{}.pack",
    "sequencer/{}",
)


@dataclass
class Place:
    """A repository, every value in it, and the mint that made them."""

    repo: GitRepo
    home: Path
    values: list[str] = field(default_factory=list)
    mint: Mint = field(default_factory=lambda: Mint(2026))

    def value(self, kind: Callable[[Mint], str] | None = None) -> str:
        made = (kind or self.mint.random.choice(SHORT_KINDS))(self.mint)
        self.values.append(made)
        return made

    def run(self, *arguments: str | Path) -> Ran:
        ran = tokenaudit(*arguments, home=self.home, cwd=self.repo.path, env={"TMPDIR": str(self.home)})
        where = " ".join(map(str, arguments))
        assert_hidden(ran.out, self.values, f"stdout of {where}")
        assert_hidden(ran.err, self.values, f"stderr of {where}")
        assert "Traceback" not in ran.err
        assert "internal error" not in ran.err
        return ran


def _archives(place: Place) -> None:
    member = f"{'a' * 270}{place.value()}.txt"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, place.value())
    encrypted, damaged = bytearray(out.getvalue()), bytearray(out.getvalue())
    encrypted[encrypted.find(b"PK\x03\x04") + 6] |= 1
    encrypted[encrypted.find(b"PK\x01\x02") + 8] |= 1
    damaged[100] ^= 0xFF
    place.repo.write("encrypted.zip", bytes(encrypted))
    place.repo.write("damaged.zip", bytes(damaged))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in (f"{'b' * 280}{place.value()}", f"{place.value()}/{place.value()}"):
            content = f"{place.value()}\n".encode() * 60
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    place.repo.write("cut.tar", out.getvalue()[:-9000])
    place.repo.write("cut.tgz", gzip.compress(out.getvalue())[:-20])
    place.repo.write(f"{place.value()}.tar", out.getvalue()[:1400])


def _configuration(place: Place) -> None:
    cut = place.value(Mint.user_token)
    place.repo.write(
        ".github/workflows/publish.yml",
        f"""name: {place.value()}
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: pip install huggingface_hub  # {place.value()}
      - name: upload
        env:
          HF_TOKEN: ${{{{ secrets.HF_TOKEN }}}}
          OTHER: "{cut[:19]}\\
            {cut[19:]}"
        run: |
          # {cut[:20]} {cut[20:]}
          huggingface-cli login --token "{cut[:20]}""{cut[20:]}"
          hf upload acme/m .
          # {cut[3:20]} {place.value()}
""",
    )
    place.repo.write(".github/workflows/broken.yml", f"on: push\njobs: [ {place.value()}\n  : {place.value()}\n")
    place.repo.write(
        ".gitlab-ci.yml",
        f"include: {place.value()}\n{place.value()}:\n  variables: {{{place.value()}: x}}\n"
        f"  script: ['hf upload --token {place.value()}']\n",
    )
    place.repo.write(
        "Dockerfile",
        f"FROM {place.value()}\nARG {place.value()}\nENV HF_TOKEN={place.value()}\nRUN hf download {place.value()}\n",
    )
    place.repo.write(
        "train.py",
        f"from huggingface_hub import HfApi\nHfApi(token='{place.value()}').upload_folder(repo_id='{place.value()}')\n",
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("hostile")
    made = Place(GitRepo(folder / "repo"), folder / "home")
    made.home.mkdir()
    repo = made.repo
    repo.commit("first", {"README.md": "hello\n", ".gitignore": ".git2\n"})
    for pattern in GIT_NAMES:
        path = repo.path / ".git" / pattern.format(made.value())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"token = {made.value()}\n")
    repo.git("branch", f"try/{made.value()}")
    repo.git("branch", urllib.parse.quote(made.value(), safe="").replace("_", "%5F"))
    repo.git("branch", base64.b64encode(made.value(Mint.user_token).encode()).decode().rstrip("="))
    repo.tag(made.value(), f"release {made.value()}")
    repo.git("remote", "add", made.value(), f"https://{made.value()}:{made.value()}@huggingface.co/acme/x")
    repo.commit(
        f"use {made.value()}",
        {f"{made.value()}/{made.value()}.txt": made.value()},
        author=f"{made.value()} <{made.value()}@x.org>",
    )
    for number, kind in enumerate((Mint.oauth_token, Mint.oidc_token, Mint.s3_token)):
        repo.commit(
            f"jwt {made.value(kind)}", {f"jwt{number}.txt": made.value(kind)}, author=f"{made.value(kind)} <a@x.org>"
        )
    _archives(made)
    _configuration(made)
    (repo.path / "link").symlink_to(made.value())
    (repo.path / made.value()).symlink_to(f"/nowhere/{made.value()}")
    if hasattr(os, "mkfifo"):
        os.mkfifo(repo.path / made.value())
        os.mkfifo(repo.path / ".git" / "hooks" / made.value())
    return made


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_format_shows_a_value(place: Place, name: str) -> None:
    summary = place.home / f"summary-{name}.md"
    summary.touch()
    options = ["--show-unlikely"] if name in {"text", "json", "markdown", "html"} else []
    ran = tokenaudit(
        "scan", ".", "-f", name, *options,
        home=place.home, cwd=place.repo.path, env={"GITHUB_STEP_SUMMARY": str(summary), "TMPDIR": str(place.home)},
    )  # fmt: skip
    assert ran.code == 1
    assert "****" in ran.out
    assert_hidden(ran.out, place.values, f"stdout of {name}")
    assert_hidden(ran.err, place.values, f"stderr of {name}")
    assert_hidden(summary.read_text(), place.values, "the summary")


def test_no_command_that_reads_a_report_shows_a_value(place: Place) -> None:
    report = place.home / "report.json"
    assert place.run("scan", ".", "-f", "json", "-o", report, "--show-unlikely").code == 1
    assert len(json.loads(report.read_text())["credentials"]) > len(GIT_NAMES)
    for name in FORMATS:
        place.run("report", report, "-f", name)
    assert place.run("plan", report).code == 0
    assert place.run("plan", report, "-f", "json").code == 0
    place.run("plan", report, "--write-patch", place.home / "patches")
    place.run("incident", "platform-2026-07", "--report", report, "--no-token", "--endpoint", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "how", [["--staged"], ["--since", "HEAD~1"], ["--only", "ci", "--ci-ref", "*"], ["--only", "history"]]
)
def test_no_part_of_a_scan_shows_a_value(place: Place, how: list[str]) -> None:
    assert place.run("scan", ".", *how).code in {0, 1, 3}


def test_no_file_that_is_left_behind_holds_a_value(place: Place) -> None:
    baseline = place.home / "baseline.json"
    assert place.run("scan", ".", "--baseline", baseline, "--update-baseline").code in {0, 1, 3}
    assert place.run("scan", ".", "--baseline", baseline, "-f", "json").code in {0, 3}
    for path in place.home.rglob("*"):
        assert_hidden(str(path), place.values, "a file's name")
        if path.is_file():
            assert_hidden(path.read_bytes().decode("latin-1"), place.values, str(path))


def test_the_keyless_patch_shows_no_half_of_a_value(tmp_path: Path) -> None:
    """The value is cut in two strings, in lines that the patch has to show."""
    place = Place(GitRepo(tmp_path / "repo"), tmp_path)
    cut, other = place.value(Mint.user_token), place.value(Mint.user_token)
    place.repo.commit(
        "ci",
        {
            ".github/workflows/publish.yml": f"""on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: upload
        env:
          A: "{cut[:19]}\\
            {cut[19:]}"
          HF_TOKEN: ${{{{ secrets.HF_TOKEN }}}}
          B: {other}
        run: |
          pip install huggingface_hub
          hf upload acme/m .
"""
        },
    )
    ran = place.run("scan", ".", "-f", "json")
    patches = [c["recommendation"]["patch"] for c in ran.report["credentials"] if c["recommendation"]]
    patches += [problem.get("patch") for problem in ran.report["problems"]]
    shown = [patch for patch in patches if patch]
    assert shown, "there is no patch to look into"
    assert any("****" in patch for patch in shown)
    place.repo.write("report.json", ran.out)
    place.run("plan", "report.json", "--write-patch", "patches")
    assert_hidden(
        "".join(path.read_text() for path in (place.repo.path / "patches").iterdir()), place.values, "the patch"
    )
