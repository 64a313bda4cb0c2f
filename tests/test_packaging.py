"""The wheel and the sdist carry what they must, and what they carry works."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.mint import Mint

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder


def test_the_wheel_ships_the_detectors_and_the_type_marker(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "tokenaudit/_plugins/huggingface.py" in names
    assert "tokenaudit/py.typed" in names
    assert "tokenaudit/report/report.schema.json" in names
    assert "tokenaudit/report/incident.schema.json" in names
    assert "tokenaudit/policy/incidents.json" in names
    assert not [name for name in names if name.startswith(("tests/", "plugins/", "benchmarks/"))]


def test_the_sdist_can_be_tested(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"plugins/huggingface.py", "tests/test_packaging.py", "README.md", "LICENSE", "pyproject.toml"} <= names


@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_an_installation_finds_its_detectors(built: Path, tmp_path: Path, pattern: str) -> None:
    """Installed without a network: the dependencies are those of this environment, tokenaudit is the built one."""
    (package,) = built.glob(pattern)
    venv.create(tmp_path / "env", with_pip=True, system_site_packages=False)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    here = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()
    Path(site, "borrowed.pth").write_text(f"{here}\n")
    done = subprocess.run(
        [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "--force-reinstall",
            package,
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    value = Mint(41).user_token()
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "a.txt").write_text(value)
    for arguments, code, expected in (
        (["plugins"], 0, f"_plugins{'/'}huggingface.py"),
        (["scan", str(tmp_path / "place")], 1, value[-4:]),
    ):
        ran = subprocess.run(
            [python, "-P" if sys.version_info >= (3, 11) else "-I", "-m", "tokenaudit", *arguments],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env=environment(tmp_path),
        )
        assert ran.returncode == code, ran.stderr.decode()
        assert expected in ran.stdout.decode()
