"""The needs of code beside a found credential, through a whole scan."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hub.double import HubDouble
from tests.support.mint import Mint
from tokenaudit.audit import Auditor, scan
from tokenaudit.hub.client import Hub
from tokenaudit.model import Credential, Entity

CODE = 'from huggingface_hub import snapshot_download, upload_folder\nsnapshot_download("acme/base")\n'
WRITES = 'upload_folder(repo_id="acme/m", folder_path=".")\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / ".env").write_text(f"HF_TOKEN={Mint(1).user_token()}\n")
    (root / "app.py").write_text(CODE)
    (root / "node_modules").mkdir()
    (root / "node_modules" / "x.py").write_text(CODE.replace("acme/base", "other/x"))
    return root


def only(path: Path, hub: Hub | None = None) -> Credential:
    (found,) = scan([path], auditor=Auditor(hub=hub)).report.credentials
    return found


def commit(root: Path) -> None:
    for arguments in (["init", "-q"], ["add", "-Af"], ["commit", "-qm", "x"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True)


def test_code_beside_a_credential_is_its_evidence(project: Path) -> None:
    found = only(project).recommendation
    assert found is not None
    (evidence,) = found.evidence
    assert (evidence.need, evidence.entity, evidence.path, evidence.line) == (
        "repo.content.read",
        Entity("model", "acme/base"),
        "app.py",
        2,
    )


def test_a_bare_repository_is_read_at_its_head(project: Path, tmp_path: Path) -> None:
    commit(project)
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(project), str(bare)], check=True)
    found = only(bare).recommendation
    assert found is not None
    assert [e.path for e in found.evidence] == ["app.py"]


def test_public_reads_seen_so_by_the_hub_need_no_token(project: Path, hub: Hub, hub_double: HubDouble) -> None:
    hub_double.world.add_repo("acme/base")
    found = only(project, hub).recommendation
    assert found is not None
    assert found.evidence[0].visibility == "public"
    assert found.replacement == "no-token"
    assert not [r for r in hub_double.requests if "base" in r.path and "authorization" in r.headers]


def test_a_grant_that_code_does_not_use_is_a_reason(project: Path, hub: Hub, hub_double: HubDouble) -> None:
    hub_double.knows((project / ".env").read_text().strip().partition("=")[2])
    (project / "app.py").write_text(CODE + WRITES)
    found = only(project, hub)
    assert found.recommendation is not None
    assert {e.need for e in found.recommendation.evidence} == {"repo.content.read", "repo.write"}
    assert found.recommendation.replacement == "fine-grained"


def test_code_that_can_not_be_parsed_limits_the_advice_and_not_the_audit(project: Path) -> None:
    (project / "old.py").write_text("import transformers\nprint 'python 2'\n")
    audit = scan([project])
    assert audit.report.complete
    (found,) = audit.report.credentials
    assert found.recommendation is not None
    assert any("old.py" in note for note in found.recommendation.notes)


def test_places_without_a_credential_are_not_read_for_needs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CODE)
    assert scan([tmp_path]).report.credentials == ()
