"""Which revisions of remote code are pinned, and which scripts run with a credential."""

from __future__ import annotations

import pytest

from tokenaudit.ci import audit_files
from tokenaudit.model import Problem

SHA = "0123456789abcdef0123456789abcdef01234567"
_WORKFLOW = """\
on: push
jobs:
  run:
    runs-on: ubuntu-latest
    steps:
      - shell: python
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
        run: |
          CALL
"""


def rules(text: str) -> set[str]:
    found = audit_files([(".github/workflows/run.yml", text.encode())], "t")
    return {one.rule for one in found if isinstance(one, Problem)}


@pytest.mark.parametrize(
    ("options", "pinned"),
    [
        ("", False),
        ("revision='main', ", False),
        ("revision = 'v1.0', ", False),
        ("revision='0123456', ", False),
        ("revision=None, ", False),
        ("revision='', ", False),
        (f"code_revision='{SHA}', ", False),
        (f"revision='{SHA}', ", True),
        (f'revision="{SHA}", code_revision="{SHA}", ', True),
        ("revision=REVISION, ", True),
        ("revision=f'{sha}', ", True),
        ("revision=os.environ['REVISION'], ", True),
    ],
)
def test_only_a_full_commit_id_is_a_pin(options: str, *, pinned: bool) -> None:
    call = f"AutoModel.from_pretrained('acme/m', {options}trust_remote_code=True)"
    assert ("ci-unpinned-remote-code" not in rules(_WORKFLOW.replace("CALL", call))) is pinned


def test_scripts_that_run_with_a_credential_are_named() -> None:
    workflow = """\
on: push
jobs:
  held:
    runs-on: ubuntu-latest
    env:
      HF_TOKEN: ${{ secrets.HF_TOKEN }}
    steps:
      - run: python ./tools/eval.py --fast
  plain:
    runs-on: ubuntu-latest
    steps:
      - run: python tools/other.py
"""
    scripts: dict[str, str] = {}
    list(audit_files([(".github/workflows/run.yml", workflow.encode())], "t", scripts=scripts))
    assert scripts == {"tools/eval.py": "HF_TOKEN"}
