"""The tasks of development: `nox -l` lists them, `nox -s lint` runs one.

Every session runs with the versions of `constraints.txt`; `.ci/run` is the gate and needs none of this.
"""

from __future__ import annotations

from pathlib import Path

import nox

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
CONSTRAINTS = "constraints.txt"
LOCK = "requirements.lock"
LOCK_HEADER = """\
# What the GitHub action and the GitLab template install, with hashes: the dependencies of tokenaudit and of its build.
# Made by `nox -s constraints`.
"""
HEADER = """\
# The versions that development and CI run with; `pip install -c constraints.txt -e '.[dev]'`.
# Made by `nox -s constraints` for every supported Python and system. The package itself has floors, not pins.
"""

nox.options.sessions = ["lint", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False


def install(session: nox.Session) -> None:
    """Installs tokenaudit and its development tools into the session's environment."""
    session.install("--constraint", CONSTRAINTS, "--editable", ".[dev]")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests: `nox -s tests-3.13 -- tests/policy`."""
    install(session)
    session.run("python", "-m", "pytest", "-q", "-n", "auto", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the tests that take seconds or gigabytes each, which the other sessions leave out."""
    install(session)
    session.run("python", "-m", "pytest", "-q", "-m", "slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and workflows."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    for platform in ("win32", "darwin"):  # what a system lacks is found by types: nobody needs one to run it
        session.run("mypy", "--platform", platform, "--no-warn-unreachable", "tokenaudit")
    session.run("zizmor", "--offline", "--quiet", ".github", "action.yml")


@nox.session
def docs(session: nox.Session) -> None:
    """Check that the generated pages are current, and build the site."""
    install(session)
    session.run("python", "docs/generate.py", "--check")
    session.run("mkdocs", "build", "--quiet", "--site-dir", session.create_tmp())


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests with coverage, which must not fall below the floor in pyproject.toml."""
    install(session)
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-q", *(session.posargs or ("-n", "auto")))
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def constraints(session: nox.Session) -> None:
    """Resolve constraints.txt and requirements.lock anew for every supported Python and system."""
    session.install("uv")
    # Without the options that name an index: the file must not say where somebody's packages come from.
    resolved = session.run(
        "uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--python-version", PYTHONS[0], "--all-extras",
        "--no-emit-index-url", "--no-emit-package", "tokenaudit-fast", "--no-header", "--no-annotate", "pyproject.toml",
        silent=True,
    )  # fmt: skip
    lines = [line for line in str(resolved).splitlines() if line and not line.startswith("tokenaudit")]
    Path(CONSTRAINTS).write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    build = Path(session.create_tmp()) / "build.in"
    build.write_text("hatchling>=1.26\n", encoding="utf-8")
    locked = session.run(
        "uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--python-version", PYTHONS[0],
        "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", "pyproject.toml", str(build),
        silent=True,
    )  # fmt: skip
    Path(LOCK).write_text(LOCK_HEADER + str(locked), encoding="utf-8")
