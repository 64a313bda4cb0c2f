"""Evidence of needs comes from the code that uses a credential."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double
from tests.support.cli import tokenaudit
from tests.support.mint import Mint
from tokenaudit.audit.auditor import scan
from tokenaudit.code_usage import collect
from tokenaudit.sources.local.filesystem import TreeSource

__all__ = ["hub_double"]

READS = "from transformers import AutoModel\nAutoModel.from_pretrained('acme/private-model', token='{}')\n"
LOGS_IN = "from huggingface_hub import login\nlogin('{}')\n"
UPLOADS = (
    "from huggingface_hub import HfApi\nHfApi().upload_file(path_or_fileobj='a', path_in_repo='a', repo_id='acme/m')\n"
)


def recommended(folder: Path, *more: str) -> Any:
    (credential,) = tokenaudit("scan", folder, "-f", "json", *more, home=folder.parent).report["credentials"]
    return credential


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_the_file_that_holds_a_credential_shows_what_it_is_for(folder: Path) -> None:
    (folder / "read.py").write_text(READS.format(Mint(71).user_token()))
    (folder / "other.py").write_text(UPLOADS)
    evidence = recommended(folder)["recommendation"]["evidence"]
    assert {(each["need"], each["path"]) for each in evidence} == {("repo.content.read", "read.py")}


@pytest.mark.parametrize(("name", "content"), [("login.py", LOGS_IN), (".env", "HF_TOKEN={}\n")])
def test_a_login_or_a_dotenv_file_is_used_by_the_code_around_it(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content.format(Mint(72).user_token()))
    (folder / "upload.py").write_text(UPLOADS)
    evidence = recommended(folder)["recommendation"]["evidence"]
    assert ("repo.write", "upload.py") in {(each["need"], each["path"]) for each in evidence}


def test_a_login_alone_is_no_proof_that_nothing_is_needed(folder: Path) -> None:
    (folder / "login.py").write_text(LOGS_IN.format(Mint(73).user_token()))
    recommendation = recommended(folder)["recommendation"]
    assert recommendation["evidence"] == []
    assert recommendation["replacement"] == "fine-grained"


def test_a_grant_that_code_never_uses_is_named(folder: Path, hub_double: HubDouble) -> None:
    value = Mint(74).user_token()
    scope = bodies.scope("model", ["repo.content.read", "repo.write"], name="acme/private-model")
    hub_double.knows(value, bodies.user(bodies.fine_grained(scope)))
    (folder / "read.py").write_text(READS.format(value))
    credential = recommended(folder, "--inspect", "--endpoint", hub_double.endpoint)
    unused = [r["message"] for r in credential["verdict"]["reasons"] if r["rule"] == "token-unused-grant"]
    assert len(unused) == 1
    assert "repo.write" in unused[0]


def test_a_file_with_several_credentials_is_analyzed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mint = Mint(78)
    (folder / "read.py").write_text("".join(READS.format(mint.user_token()) for _ in range(3)))
    credentials = scan([folder]).report.credentials
    read: list[Path] = []

    def reading(file: Path, *_: object, follow: bool) -> bytes:
        assert not follow
        read.append(file)
        return file.read_bytes()

    monkeypatch.setattr(collect, "read_regular", reading)
    uses = collect.CodeUses([TreeSource(folder, str(folder))])
    found = [uses.of(credential) for credential in credentials]
    assert len(found) == 3
    assert all(evidence for evidence, _ in found)
    assert len(read) == len(set(read)) == 1
