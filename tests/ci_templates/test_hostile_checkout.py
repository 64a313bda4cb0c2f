"""The action and the template in a checkout that was made to take over whoever scans it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    "venv.py", "venv/__main__.py", "ensurepip/__init__.py", "pip/__init__.py", "pip/__main__.py", "sitecustomize.py",
    "usercustomize.py", "tokenaudit/__init__.py", "tokenaudit/__main__.py", "json.py", "re.py", "site.py", "typer.py",
    "git/__init__.py", "setup.py",
)  # fmt: skip
CONFIGURATION = {
    "pip.conf": "[global]\nindex-url = http://127.0.0.1:9/evil\n",
    "setup.cfg": "[install]\nprefix = /evil\n",
    ".pypirc": "[distutils]\nindex-servers = evil\n",
    ".python-version": "evil\n",
    "tokenaudit.toml": "[[[[ this can't be read\n",
    "pyproject.toml": "[tool.tokenaudit]\nno-such-key = 1\n",
}
# Stands for pip: tells how it was called, so that nothing is downloaded.
PIP = """\
import json, os, sys
told = {"arguments": sys.argv[1:], "isolated": sys.flags.isolated, "folder": os.getcwd(), "path": sys.path,
        "environment": sorted(name for name in os.environ if name.startswith(("PYTHON", "PIP_")))}
with open(os.environ["TOLD"], "a") as file:
    file.write(json.dumps(told) + "\\n")
"""
# Stands for python3 on the PATH: the real one, which then links this environment's packages into the new one.
PYTHON = """\
#!{python} -I
import pathlib, subprocess, sys
done = subprocess.run([{python!r}, *sys.argv[1:], "--without-pip"])
for packages in pathlib.Path(sys.argv[-1]).glob("lib/python*/site-packages"):
    (packages / "environment.pth").write_text("import site; site.addsitedir(" + repr({packages!r}) + ")")
    (packages / "pip").mkdir()
    (packages / "pip" / "__init__.py").touch()
    (packages / "pip" / "__main__.py").write_text({pip!r})
sys.exit(done.returncode)
"""


@dataclass(frozen=True)
class Checkout:
    """A hostile working tree, and where it shows that something in it was run."""

    repo: GitRepo
    temp: Path
    ran: Path
    told: Path
    base: str

    def bash(self, script: str, shell: str = "bash", **more: str) -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            "PATH": f"{self.temp / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{self.repo.path}{os.pathsep}.",
            "PYTHONUSERBASE": str(self.repo.path),
            "PYTHONSTARTUP": str(self.repo.path / "sitecustomize.py"),
            "PIP_CONFIG_FILE": str(self.repo.path / "pip.conf"),
            "PIP_INDEX_URL": "http://127.0.0.1:9/evil",
            "TOLD": str(self.told),
            "TMPDIR": str(self.temp),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_WORKSPACE": str(self.repo.path),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"),
            "GITHUB_OUTPUT": str(self.temp / "output.txt"),
            "CI_PROJECT_DIR": str(self.repo.path),
            "CI_DEFAULT_BRANCH": "main",
            **more,
        }
        command = (
            [shell, "-e", "-c", script] if shell == "sh" else ["bash", "--norc", "-e", "-o", "pipefail", "-c", script]
        )
        return subprocess.run(command, cwd=self.repo.path, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    origin = GitRepo(tmp_path / "origin")
    base = origin.commit(files={"a.py": "1\n"})
    ran, temp = tmp_path / "ran", tmp_path / "temp"
    (temp / "bin").mkdir(parents=True)
    python = temp / "bin" / "python3"
    packages = sysconfig.get_path("purelib")
    python.write_text(PYTHON.format(python=os.path.realpath(sys.executable), packages=packages, pip=PIP))
    python.chmod(0o755)
    origin.git("clone", "-q", str(origin.path), str(tmp_path / "work"))
    repo = GitRepo(tmp_path / "work")
    repo.git("checkout", "-q", "-b", "pull-request")
    hostile = {name: f"open({str(ran)!r}, 'a').write({name!r} + '\\n')\n" for name in MODULES}
    repo.commit(files={**hostile, **CONFIGURATION, "train.py": f'login("{Mint(18).user_token()}")\n'})
    return Checkout(repo, temp, ran, tmp_path / "told", base)


def _action(name: str) -> str:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    return str(next(step["run"] for step in action["runs"]["steps"] if step["name"] == name))


def _scan(checkout: Checkout, **more: str) -> subprocess.CompletedProcess[str]:
    usual = {"TARGETS": ".", "FAIL_ON": "low", "SINCE": "", "BASELINE": "", "ARGUMENTS": "", "BASE": checkout.base}
    return checkout.bash(_action("Scan"), **{**usual, "DEFAULT_BRANCH": "main", **more})


def _isolated(checkout: Checkout, source: str) -> None:
    """Whether pip was called apart from the checkout and from what the environment says of Python and pip.

    Once for what the lock file names by hash, and once for tokenaudit alone.
    """
    told = [json.loads(line) for line in checkout.told.read_text().splitlines()]
    assert len(told) == 2
    for call in told:
        assert call["isolated"]
        assert call["environment"] == []
        assert not [entry for entry in call["path"] if entry.startswith(f"{checkout.repo.path}/") or entry in ("", ".")]
        assert not call["folder"].startswith(str(checkout.repo.path))
        assert {"--isolated", "--no-input"} <= set(call["arguments"])
    locked, own = (call["arguments"] for call in told)
    assert {"--require-hashes", "--only-binary", ":all:", "--requirement"} <= set(locked)
    assert locked[-1].endswith("/requirements.lock")
    assert {"--no-deps", "--no-index", "--no-build-isolation"} <= set(own)
    assert own[-1].endswith(source)


def test_the_action_runs_nothing_of_the_checkout(checkout: Checkout) -> None:
    installed = checkout.bash(_action("Install"), SOURCE="/action", CACHE="")
    assert installed.returncode == 0, installed.stderr
    _isolated(checkout, "/action")
    done = _scan(checkout)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "train.py" in done.stdout
    assert not checkout.ran.exists(), checkout.ran.read_text()


def _source(checkout: Checkout) -> dict[str, str]:
    """A repository in place of ours: pip, which is a double, takes nothing from it."""
    folder = checkout.temp / "source-repository"
    if not folder.exists():
        source = GitRepo(folder)
        source.commit(files={"requirements.lock": ""})
        source.git("tag", "v0")
    return {"TOKENAUDIT_SOURCE": f"file://{folder}", "TOKENAUDIT_VERSION": "v0"}


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_template_runs_nothing_of_the_checkout(checkout: Checkout, shell: str) -> None:
    job = yaml.safe_load((ROOT / "templates" / "tokenaudit.gitlab-ci.yml").read_text())["tokenaudit"]
    elsewhere = checkout.temp / "elsewhere"
    (checkout.repo.path / "gl-secret-detection-report.json").symlink_to(elsewhere)
    done = checkout.bash("\n".join(job["script"]), shell, **{**job["variables"], **_source(checkout)})
    assert done.returncode == 1, done.stdout + done.stderr
    _isolated(checkout, "/source")
    assert not checkout.ran.exists(), checkout.ran.read_text()
    assert not elsewhere.exists()
    report = json.loads((checkout.repo.path / job["artifacts"]["reports"]["secret_detection"]).read_text())
    assert {found["location"]["file"] for found in report["vulnerabilities"]} == {"train.py"}


def _with_policy(checkout: Checkout, text: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The template's job where the base branch has that policy."""
    origin = GitRepo(checkout.repo.path.parent / "origin")
    origin.commit(files={"tokenaudit.toml": text})
    job = yaml.safe_load((ROOT / "templates" / "tokenaudit.gitlab-ci.yml").read_text())["tokenaudit"]
    return checkout.bash("\n".join(job["script"]), **{**job["variables"], **variables, **_source(checkout)})


def test_the_template_takes_the_policy_of_the_default_branch_or_of_the_base(checkout: Checkout) -> None:
    assert _with_policy(checkout, "no-such-key = 1\n", {}).returncode == 2
    based = _with_policy(checkout, "no-such-key = 2\n", {"CI_MERGE_REQUEST_DIFF_BASE_SHA": checkout.base})
    assert based.returncode == 1, based.stderr


def test_the_action_takes_policy_and_baseline_of_the_base_branch(checkout: Checkout) -> None:
    assert checkout.bash(_action("Install"), SOURCE="/action", CACHE="").returncode == 0
    assert _scan(checkout, BASELINE="pip.conf").returncode == 2  # the pull request has it, the base has not
    repo = checkout.repo
    repo.git("checkout", "-q", "main")
    broken = repo.commit(files={"tokenaudit.toml": "no-such-key = 1\n"})
    good = repo.commit(files={"tokenaudit.toml": "max-age-days = 30\n"})
    repo.git("checkout", "-q", "pull-request")
    assert _scan(checkout, BASE=broken).returncode == 2
    assert _scan(checkout, BASE=good).returncode == 1
    repo.git("update-ref", "refs/remotes/origin/main", broken)
    assert _scan(checkout, BASE="").returncode == 2


def test_the_template_fetches_the_history_that_a_shallow_clone_lacks(checkout: Checkout) -> None:
    origin = GitRepo(checkout.repo.path.parent / "origin")
    origin.commit(files={"old.py": f'login("{Mint(19).user_token()}")\n'})
    origin.commit(files={"old.py": "login()\n"})
    work = checkout.temp / "shallow"
    origin.git("clone", "-q", "--depth=1", f"file://{origin.path}", str(work))
    shallow = Checkout(GitRepo(work), checkout.temp, checkout.ran, checkout.told, checkout.base)
    job = yaml.safe_load((ROOT / "templates" / "tokenaudit.gitlab-ci.yml").read_text())["tokenaudit"]
    done = shallow.bash("\n".join(job["script"]), **{**job["variables"], **_source(checkout)})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the history that it lacks was fetched" in done.stdout
    assert "old.py" in done.stdout
