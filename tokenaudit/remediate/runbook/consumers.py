"""Consumers of a credential, as far as a report knows them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from posixpath import basename

from tokenaudit.model import Credential, Location, Problem, Report
from tokenaudit.remediate.runbook import RunbookConsumer
from tokenaudit.text import count

_NOT_IN_USE = frozenset(
    {
        "history",
        "commit-message",
        "tag-message",
        "note",
        "reflog",
        "ref-name",
        "git-file",
        "discussion",
        "standard-input",
        "pipe",
        "machine-history",
        "machine-log",
    }
)
"""Places that contain a value, but that nothing reads it from."""

_WITH_FILES = frozenset({"tree", "ci", "machine"})

_HOW = {
    "space-variable": (
        "space-variable",
        "set it as a secret of the Space (`tokenaudit rotate` does), then delete the variable: variables are public",
    ),
    "job": ("job", "start the job again with `--secrets` and a separate token"),
    "scheduled-job": ("job", "delete the schedule and create it again with `--secrets` and a separate token"),
    "webhook": ("webhook", "edit the webhook in settings/webhooks"),
    "endpoint": ("endpoint", "edit the endpoint's environment and set it as a secret"),
    "machine": ("machine", "`hf auth login` with the new token, or `tokenaudit rotate`"),
    "keyring": ("keyring", "`tokenaudit rotate` updates the entry and verifies it"),
    "environment": ("environment", "change it where the environment is set, then restart the programs that read it"),
}
_CI = (
    (
        ".github/workflows/",
        "github-secret",
        "Settings, Secrets and variables, Actions: update it (preserve its visibility)",
    ),
    (
        ".gitlab-ci",
        "gitlab-variable",
        "Settings, CI/CD, Variables: update it (preserve its flags and environment scope)",
    ),
    (".circleci/", "circleci-variable", "Project Settings, Environment Variables: replace it, also in contexts"),
    ("bitbucket-pipelines", "bitbucket-variable", "Repository settings, Pipelines, Repository variables: replace it"),
    ("azure-pipelines", "azure-variable", "Pipelines, Library or the variables of the pipeline: replace it"),
    ("Jenkinsfile", "jenkins-credential", "Manage Jenkins, Credentials: replace it"),
)


def consumers_of(credential: Credential, report: Report) -> tuple[RunbookConsumer, ...]:
    """The known consumers, each once: places with the value, then CI settings that are referenced by name."""
    found = [c for location in credential.locations for c in _at(location)]
    targets = {location.target for location in credential.locations}
    found += [c for problem in report.problems if problem.target in targets for c in _in_ci(problem)]
    return tuple(dict.fromkeys(found))


def unknown_consumers(credential: Credential, report: Report) -> tuple[str, ...]:
    """Where consumers are possible that a report can't find."""
    unknown = ["other repositories, notebooks and machines with the same value"]
    if not any(c.kind.endswith(("secret", "variable")) for c in consumers_of(credential, report)):
        unknown.append("CI and Space secrets, whose values can't be read: compare names and dates by hand")
    if credential.inspection is None:
        unknown.append("everything the account runs: the owner is unknown without `--inspect`")
    if not report.complete:
        unknown.append(f"{count(len(report.skipped), 'place')} that the report could not read")
    return tuple(unknown)


def _at(location: Location) -> Iterator[RunbookConsumer]:
    if location.source in _NOT_IN_USE or location.in_head is False:
        return
    if location.source == "space-variable" and location.member == "description":
        return
    owner, name, where = location.author, basename(location.path or ""), spot(location)
    if is_dotenv(name) and location.source in _WITH_FILES:
        yield RunbookConsumer("dotenv", where, location.variable or name, _how_dotenv(location), None, owner)
        return
    kind, how = _HOW.get(location.source, ("", ""))
    if kind:
        yield RunbookConsumer(kind, location.target, location.member or location.path, how, location.date, owner)
        return
    if any(mark in (location.path or "") for mark, _, _ in _CI):
        secret = f" as {location.variable}" if location.variable else ""
        how = f"store the new token as a CI secret{secret}, and read it from there instead of from this file"
        yield RunbookConsumer("file", where, location.variable or name, how, None, owner)
    else:
        how = "read the token from the environment (HF_TOKEN) instead of from this file"
        yield RunbookConsumer("file", where, name or None, how, None, owner)


def is_dotenv(name: str) -> bool:
    """Whether a file of this name contains environment variables."""
    return name.startswith(".env") or name.endswith(".env")


def _how_dotenv(location: Location) -> str:
    out_of_git = "" if location.source == "machine" else ", and remove the file from git"
    if location.variable is None or location.via or location.path is None:
        return f"replace the value in the file{out_of_git}"
    is_whole = location.source == "machine" or location.target in {".", location.path}
    path = location.path if is_whole else f"{location.target.rstrip('/')}/{location.path}"
    consumer = shlex.quote(f"dotenv:{path}#{location.variable}")
    return f"`tokenaudit rotate` with `--consumer {consumer}` replaces the value{out_of_git}"


def spot(location: Location) -> str:
    """The place of a location, as short as possible."""
    if location.path is None or location.target == location.path:
        return location.target
    return location.path if location.target == "." else f"{location.target}: {location.path}"


def _in_ci(problem: Problem) -> Iterator[RunbookConsumer]:
    if not problem.credential_name or not problem.path:
        return
    for mark, kind, how in _CI:
        if mark in problem.path:
            yield RunbookConsumer(kind, problem.target, problem.credential_name, how, certain=False)
