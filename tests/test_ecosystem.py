"""Ways to tokenaudit besides the command: the library, `hf tokenaudit`, the image, the published schemas."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.support.cli import environment
from tests.support.mint import Mint
from tests.support.reports import leaked
from tokenaudit._version import __version__
from tokenaudit.remediate.runbook.plan import plan
from tokenaudit.report import schema
from tokenaudit.report.plan import to_json
from tokenaudit.secret import Secret, fingerprint

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "docs" / "library.md"
EXTENSION = ROOT / "templates" / "hf-tokenaudit" / "pyproject.toml"


def test_the_library_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    value = Mint(61).user_token()
    (tmp_path / "a.py").write_text(f'token = "{value}"\n')
    (tmp_path / "known.txt").write_text(f"{Mint(62).user_token()}\n")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", LIBRARY.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, "docs/library.md", "exec"), {"__name__": "example"})  # noqa: S102 - our own page
    said = capsys.readouterr().out
    assert "a.py" in said
    assert "complete: True" in said
    assert "no-such-folder" in said
    assert value not in said
    assert json.loads((tmp_path / "report.sarif").read_text("utf-8"))["version"] == "2.1.0"
    assert fingerprint(value)[:12] in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("name", list(schema.DOCUMENTS))
def test_every_schema_is_shipped_published_and_has_a_stable_id(name: str) -> None:
    document = schema.DOCUMENTS[name]
    assert schema.shipped(document) == schema.generate(document)
    assert schema.shipped(document)["$id"] == document.id
    jsonschema.Draft202012Validator.check_schema(schema.shipped(document))
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    assert f"`{document.id}`" in page
    assert f"(schemas/{document.file})" in page


def test_a_plan_follows_its_schema() -> None:
    runbook = plan(leaked(Secret(Mint(63).user_token())))
    jsonschema.Draft202012Validator(schema.shipped(schema.PLAN)).validate(json.loads(to_json(runbook)))


def test_hf_starts_the_extension(tmp_path: Path) -> None:
    """As `hf extensions install` leaves it: a manifest that names the console script."""
    hf = shutil.which("hf", path=str(Path(sys.executable).parent)) or shutil.which("hf")
    if hf is None:
        pytest.skip("the command hf is not installed")
    folder = tmp_path / ".local" / "share" / "hf" / "extensions" / "hf-tokenaudit"
    folder.mkdir(parents=True)
    script = folder / "hf-tokenaudit"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tokenaudit "$@"\n')
    script.chmod(0o755)
    manifest = {
        "owner": "tokenaudit", "repo": "hf-tokenaudit", "repo_id": "tokenaudit/hf-tokenaudit",
        "short_name": "tokenaudit", "executable_path": str(script), "type": "python",
        "installed_at": "2026-11-01T00:00:00+00:00", "commit_sha": None,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    env = environment(tmp_path, {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"})
    done = subprocess.run(
        [hf, "tokenaudit", "--version"], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == f"tokenaudit {__version__}", done.stderr


def test_the_extension_repository_brings_the_command_that_hf_looks_for() -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert ours["scripts"]["hf-tokenaudit"] == ours["scripts"]["tokenaudit"]
    extension = tomllib.loads(EXTENSION.read_text("utf-8"))["project"]
    assert extension["name"] == "hf-tokenaudit"
    assert extension["version"] == __version__
    assert extension["dependencies"] == [f"tokenaudit @ git+https://github.com/tokenaudit/tokenaudit@v{__version__}"]
    assert extension["requires-python"] == ours["requires-python"]


def test_the_image_follows_the_rules_for_images() -> None:
    lines = re.sub(r"\\\n\s*", "", (ROOT / "Containerfile").read_text("utf-8")).splitlines()
    instructions = [line.split(" ", 1) for line in lines if line and not line.startswith("#")]
    names = [name for name, _ in instructions]
    images = {rest.split(" ")[0] for name, rest in instructions if name == "FROM"}
    assert len(images) == 1
    assert not images & {"python", "python:latest"}
    assert "ADD" not in names
    assert names.index("ENTRYPOINT") > max(at for at, name in enumerate(names) if name == "USER")
    users = [rest for name, rest in instructions if name == "USER"]
    assert users[-1] not in {"root", "0"}
    ignored = (ROOT / ".containerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*"
    for name, rest in instructions:
        if name == "COPY" and not rest.startswith("--from="):
            for source in rest.split(" ")[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored
        if name == "RUN" and "apt-get install" in rest:
            assert "--no-install-recommends" in rest
            assert "rm -rf /var/lib/apt/lists/*" in rest
        if name == "RUN" and "pip install" in rest:
            assert "--require-hashes" in rest or "--no-deps --no-index" in rest


@pytest.mark.slow
def test_the_image_builds_and_scans(tmp_path: Path) -> None:
    builder = next((found for name in ("podman", "docker") if (found := shutil.which(name))), None)
    if builder is None or subprocess.run([builder, "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("IMAGE NOT BUILT: there is no builder")
    tag = f"tokenaudit-test-{os.getpid()}"
    subprocess.run([builder, "build", "--quiet", "--file", "Containerfile", "--tag", tag, "."], cwd=ROOT, check=True)
    (tmp_path / "a.py").write_text(f'token = "{Mint(64).user_token()}"\n')
    done = subprocess.run(
        [builder, "run", "--rm", "--volume", f"{tmp_path}:/scan:ro", tag, "scan", "/scan"],
        capture_output=True,
        text=True,
        check=False,
    )
    subprocess.run([builder, "rmi", "--force", tag], capture_output=True, check=False)
    assert done.returncode == 1
    assert "a.py" in done.stdout
