"""Consumers of a credential that a report knows, and the commands that find its value again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from posixpath import basename

from tokenaudit.model import Credential, Location, Problem, Report
from tokenaudit.remediate.grants import PUBLIC_HUB
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
    if any(fingerprint in (location.path or "") for fingerprint, _, _ in _CI):
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
    for fingerprint, kind, how in _CI:
        if fingerprint in problem.path:
            yield RunbookConsumer(kind, problem.target, problem.credential_name, how, certain=False)


_IN_CODE = frozenset({"history", "tree", "ci", "commit-message", "tag-message", "note"})
_REPOSITORIES = ("models/", "datasets/", "spaces/")
_ON_THE_HUB = (
    *_REPOSITORIES,
    "buckets/",
    "jobs/",
    "scheduled-jobs/",
    "webhooks/",
    "endpoints/",
    "collections/",
)
_PLATFORMS = ("github:", "gitlab:")
HERE = frozenset({"machine", "machine-history", "machine-log", "keyring", "environment"})
"""Sources on the machine itself: where the owner stores a credential, or where it was recorded."""


def hub_of(credential: Credential) -> str:
    """The Hub of its inspection, else the public one."""
    return (credential.inspection.endpoint if credential.inspection else None) or PUBLIC_HUB


def found_again(credential: Credential, endpoint: str) -> str | None:
    """The `--from` argument that finds the value again; None if a user has to provide it."""
    return next((found for spot in credential.locations if (found := _scannable(spot, endpoint))), None)


def clone_address(target: str, endpoint: str) -> str:
    """The clone address of a repository that a report names."""
    is_on_the_hub = target.startswith(_REPOSITORIES) and target.count("/") > 1
    return f"{endpoint}/{target.removeprefix('models/')}" if is_on_the_hub else target


def look_again(credential: Credential, endpoint: str, *, ask: bool = False) -> str:
    """The commands that scan all its places again; with `ask` also with --inspect."""
    inspect = " --inspect" if ask else ""
    namespaces = sorted({name for spot in credential.locations if (name := _namespace(spot))})
    targets = _unique(
        _scannable(spot, endpoint) for spot in credential.locations if spot.source not in HERE and not _namespace(spot)
    )
    commands = [f"tokenaudit sweep {' '.join(map(shlex.quote, namespaces))}"] if namespaces else []
    commands += [f"tokenaudit scan{inspect} {' '.join(targets)}"] if targets else []
    commands += [f"tokenaudit doctor{inspect}"] if any(s.source in HERE for s in credential.locations) else []
    return "\n".join(commands) or "tokenaudit inspect"


def _scannable(spot: Location, endpoint: str) -> str | None:
    if spot.source.startswith("machine") and spot.path:
        if spot.path.startswith("~/"):
            return f"~/{shlex.quote(spot.path[2:])}"  # a shell does not expand a quoted tilde
        return shlex.quote(spot.path) if spot.path.startswith("/") else None
    if spot.source not in _IN_CODE:
        return None
    address = clone_address(spot.target, endpoint)
    return None if address.startswith((*_ON_THE_HUB, *_PLATFORMS)) else shlex.quote(address)


def _namespace(spot: Location) -> str | None:
    """The `tokenaudit sweep` argument that reads the place of `spot` again; None if no sweep reads it."""
    if spot.target.startswith(_PLATFORMS):
        return spot.target.partition("/")[0].split(" ")[0]
    if spot.target.startswith(_ON_THE_HUB):
        return spot.target.split("/")[1]
    return None


def _unique(found: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(each for each in found if each))
