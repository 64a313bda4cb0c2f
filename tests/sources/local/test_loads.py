"""Loads in the code of a folder, found by a scan."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import tokenaudit

_WORKFLOW = """\
on: push
jobs:
  run:
    runs-on: ubuntu-latest
    steps:
      - run: python tools/eval.py
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
"""
_CALL = 'AutoModel.from_pretrained("acme/m", trust_remote_code=True)\n'


def test_a_scan_reports_loads_with_the_credential_of_the_step(tmp_path: Path) -> None:
    place = tmp_path / "place"
    for path, text in {
        ".github/workflows/run.yml": _WORKFLOW,
        "tools/eval.py": _CALL,
        "other.py": f"\n{_CALL}",
        "plain.py": 'AutoModel.from_pretrained("acme/n")\n',
        "Dockerfile": "FROM x\nCMD vllm serve acme/m --trust-remote-code\n",
        "venv/lib/site-packages/y.py": _CALL,
        "node_modules/x.py": _CALL,
        "README.md": _CALL,
    }.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, "utf-8")
    problems = tokenaudit("scan", place, "-f", "json", home=tmp_path).report["problems"]
    loads = [one for one in problems if one["rule"].startswith("load-")]
    assert [(one["rule"], one["severity"], one["path"], one["line"], one["credential_name"]) for one in loads] == [
        ("load-unpinned-code", "high", "tools/eval.py", 1, "HF_TOKEN"),
        ("load-unpinned-code", "medium", "Dockerfile", 2, None),
        ("load-unpinned-code", "medium", "other.py", 2, None),
        ("load-unpinned-pickle", "info", "plain.py", 1, None),
    ]


def test_plain_loads_alone_leave_a_scan_clean(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "plain.py").write_text('AutoModel.from_pretrained("acme/n")\n', "utf-8")
    assert tokenaudit("scan", place, "-f", "json", home=tmp_path).code == 0
    assert tokenaudit("scan", place, "--skip", "ci", "-f", "json", home=tmp_path).report["problems"] == []
