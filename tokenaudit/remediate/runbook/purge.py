"""Taking a dead value out of the places that keep it, and what that can't do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tokenaudit.model import Credential, Location
from tokenaudit.remediate.locate import clone_address, hub_of
from tokenaudit.remediate.runbook.consumers import spot
from tokenaudit.remediate.runbook.model import RunbookStep

_MESSAGES = frozenset({"commit-message", "tag-message"})
_IN_GIT = frozenset({"history", *_MESSAGES})
_MOST = 8
LIMITS = (
    "A rewrite can't reach forks, clones, pull request refs (refs/pull/*, refs/pr/*), cached pages, notes and stashes "
    "elsewhere: once the value is dead these are harmless."
)


def purge_steps(credential: Credential) -> Iterator[RunbookStep]:
    """One step for each target whose git history holds the value, and one for each kind of other copy."""
    by_target: dict[str, list[Location]] = {}
    for location in credential.locations:
        if location.source in _IN_GIT or location.commit:
            by_target.setdefault(location.target, []).append(location)
    for number, (target, locations) in enumerate(by_target.items(), start=1):
        yield _rewrite(f"purge-{number}", target, clone_address(target, hub_of(credential)), locations)
    paths = sorted({spot(loc) for loc in credential.locations if not loc.commit and loc.path})
    if paths:
        yield RunbookStep(
            "purge-files",
            "Take the value out of the files that still hold it",
            f"Edit {_some(paths)}.",
            "A scan of the same places no longer shows this fingerprint.",
        )
    images = sorted({p for p in paths if p.rsplit("/", 1)[-1].lower().startswith(("dockerfile", "containerfile"))})
    if images:
        yield RunbookStep(
            "purge-images",
            "Rebuild what was built with it",
            f"Images built from {_some(images)} keep the value in their layers: delete their tags and build anew.",
            "No old tag is left in the registry; layers already pulled stay where they are.",
        )


def _rewrite(name: str, target: str, address: str, locations: list[Location]) -> RunbookStep:
    commits = sorted({loc.commit[:12] for loc in locations if loc.commit})
    encoded = sorted({loc.path for loc in locations if loc.via and loc.path})
    in_messages = any(loc.source in _MESSAGES for loc in locations)
    orphans = any(loc.reachable is False for loc in locations)
    do = f"The value stands in the history of {target}, first in {_some(commits)}. It is dead, so this is tidying."
    if encoded:
        do += (
            f" It is wrapped (encoded or packed) in {_some(encoded)}, where replacing text finds nothing: remove those."
        )
    if orphans:
        do += (
            " Some of these commits are reached by no ref: `git reflog expire --expire=now --all; git gc --prune=now`."
        )
    verify = "`tokenaudit scan` of a fresh clone, with all refs, shows the fingerprint nowhere."
    return RunbookStep(
        name, f"Rewrite the history of {target}", f"{do} {LIMITS}", verify, _command(address, encoded, in_messages)
    )


def _command(address: str, encoded: list[str], in_messages: bool) -> str:  # noqa: FBT001 - one fact of three
    """Commands that read the value from a hidden prompt: it is never an argument."""
    options = "--sensitive-data-removal --replace-text ../replacements.txt"
    if in_messages:
        options += " --replace-message ../replacements.txt"
    if encoded:
        options += " --invert-paths" + "".join(f" --path {shlex.quote(path)}" for path in encoded)
    lines = [
        f"git clone --mirror {shlex.quote(address)} purge.git",
        "read -rs OLD && (umask 077; printf 'literal:%s==>***REMOVED***\\n' \"$OLD\" > replacements.txt); unset OLD",
        f"(cd purge.git && git filter-repo {options})",
        "rm replacements.txt",
        f"git -C purge.git push --force --mirror {shlex.quote(address)}",
    ]
    return "\n".join(lines)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more if names else "a place without a commit"
