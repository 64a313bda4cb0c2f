"""Removes a revoked value from files and histories, with the limits of that."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from tokenaudit.git.clone import is_clone_url
from tokenaudit.model import Credential, Location
from tokenaudit.remediate.runbook import RunbookStep
from tokenaudit.remediate.runbook.consumers import clone_address, hub_of, spot
from tokenaudit.text import listed

_MESSAGES = frozenset({"commit-message", "tag-message"})
_IN_GIT = frozenset({"history", *_MESSAGES})
_GONE_WITH_A_REWRITE = (".git/logs/", ".git/COMMIT_EDITMSG")
_MOST = 8
_ID = re.compile(r"[0-9a-f]{40,64}")
_LOAD_IDS = (
    "import os\n"
    "if 'REPLACED' not in globals():\n"
    "  globals()['REPLACED'] = frozenset(tuple(row.split()) for row in open(os.environ['IDS'], 'rb'))\n"
)
"""The ids of objects are in a file: thousands of them would exceed the system's limit for a command line."""
_UNCOMMITTED = "{ echo 'commit your changes first: the rewrite would delete them' >&2; exit 1; }"
_ITS_FINGERPRINT = "$(printf '%s\\n' \"$OLD\" | tokenaudit fingerprint)"
_OTHER_VALUE = "{ echo 'wrong value: the fingerprint differs; nothing was changed' >&2; exit 1; }"
TOOL = (
    "Needs git-filter-repo 2.47 or newer, which is not part of git: `pipx install 'git-filter-repo>=2.47'` "
    "(https://github.com/newren/git-filter-repo)."
)
LIMITS = (
    "A rewrite can't change forks, other clones, read-only pull request refs of the host (refs/pull/*, refs/pr/*) and "
    "cached pages; they are harmless once the value is revoked. All commit ids after the first one change, so everyone "
    "else has to clone again."
)


_Rewritten: TypeAlias = "Mapping[str, Mapping[str, Sequence[str]]]"
"""Ids of objects, by their kind and the part of them that is replaced."""


def purge_steps(credential: Credential) -> Iterator[RunbookStep]:
    """One step for each target with the value in its git history, and one for each kind of other copy."""
    by_target: dict[str, list[Location]] = {}
    for location in credential.locations:
        if location.source in _IN_GIT or location.commit:
            by_target.setdefault(location.target, []).append(location)
    for number, (target, locations) in enumerate(by_target.items(), start=1):
        address = clone_address(target, hub_of(credential))
        yield _rewrite(number, target, address, credential.fingerprint, locations)
    paths = sorted(
        {
            spot(loc)
            for loc in credential.locations
            if not loc.commit
            and loc.path
            and loc.source != "ref-name"
            and not (loc.target in by_target and loc.path.startswith(_GONE_WITH_A_REWRITE))
        }
    )
    if paths:
        yield RunbookStep(
            "purge-files",
            "Remove the value from files",
            f"Edit {_some(paths)}.",
            "A scan of the same places no longer finds this fingerprint.",
        )
    images = sorted({p for p in paths if p.rsplit("/", 1)[-1].lower().startswith(("dockerfile", "containerfile"))})
    if images:
        yield RunbookStep(
            "purge-images",
            "Rebuild images",
            f"Images built from {_some(images)} contain the value in their layers: delete their tags and rebuild them.",
            "The registry has no old tag. Layers that were already pulled are not deleted.",
        )
    refs = sorted({loc.target for loc in credential.locations if loc.source == "ref-name"})
    if refs:
        yield RunbookStep(
            "purge-refs",
            "Delete branches and tags that contain the value in their name",
            f"In {_some(refs)}: `git branch -D` or `git tag -d`, then `git push --delete` for each remote.",
            "A scan of the same places no longer finds this fingerprint.",
        )


def _rewrite(number: int, target: str, address: str, fingerprint: str, locations: list[Location]) -> RunbookStep:
    commits = sorted({loc.commit[:12] for loc in locations if loc.commit})
    encoded = sorted({loc.path for loc in locations if loc.via and loc.path and loc.source not in _MESSAGES})
    notes = [
        f"The history of {target} contains the value, first in {_some(commits)}. Optional once the value is revoked."
    ]
    if encoded:
        notes.append(
            f"{_some(encoded)}: encoded or compressed, so that text replacement does not find the value. The command "
            "deletes every version of these files. Copy what you need first, and commit it again without the value."
        )
    rewritten = _rewritten(locations)
    if rewritten:
        notes.append("Messages and author names with an encoded value are replaced completely.")
    if is_clone_url(address):
        notes.append("A host can reject changes to pull request refs; all other refs are still pushed.")
    else:
        notes.append(
            "The command rewrites this repository in place; remote-tracking branches become local branches. Its "
            "remotes still have the value: scan each one by URL, and follow the plan of that report."
        )
    if any(loc.reachable is False for loc in locations):
        notes.append("Unreachable commits are deleted too; a host deletes its own during garbage collection.")
    return RunbookStep(
        f"purge-{number}",
        f"Rewrite the history of {target}",
        " ".join([*notes, TOOL, LIMITS]),
        "`tokenaudit scan` of the repository (or its URL) no longer finds the fingerprint.",
        _command(number, address, fingerprint, encoded, rewritten),
    )


def _command(number: int, address: str, fingerprint: str, encoded: Sequence[str], rewritten: _Rewritten) -> str:
    """Commands for a POSIX shell that stop at the first failure.

    The value is read with a hidden prompt and is never an argument: it is in a temporary file with mode 0600 that is
    always deleted. If tokenaudit is installed, a value with another fingerprint is rejected.
    """
    options = ["--force", "--sensitive-data-removal", '--replace-text "$LIST"', '--replace-message "$LIST"']
    options += ["--invert-paths", *(f"--path {shlex.quote(path)}" for path in encoded)] if encoded else []
    options += [_callback(kind, list(parts)) for kind, parts in rewritten.items()]
    wanted = shlex.quote(fingerprint)
    value = [
        "LIST=$(mktemp) IDS=$(mktemp)",
        'trap \'rm -f "$LIST" "$IDS"; stty echo 2>/dev/null || true\' EXIT',
        *_id_file(rewritten),
        "printf 'Value (input is hidden): ' >&2; stty -echo 2>/dev/null || true",
        'read -r OLD || true; stty echo 2>/dev/null || true; test -n "$OLD"',
        f'! command -v tokenaudit >/dev/null || test "{_ITS_FINGERPRINT}" = {wanted} || {_OTHER_VALUE}',
        'printf \'literal:%s==>***REMOVED***\\n\' "$OLD" > "$LIST"',
    ]
    if is_clone_url(address):
        place, clone = shlex.quote(address), f"purge-{number}.git"
        lines = [
            "git filter-repo --version",
            *value,
            f"git clone --mirror {place} {clone}",
            f"git -C {clone} filter-repo {' '.join(options)}",
            f"git -C {clone} push --force --mirror {place}",
            f"rm -rf {clone}",
        ]
    else:
        lines = [
            f"cd -- {shlex.quote(address)}",
            "git filter-repo --version",
            f'test -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" || {_UNCOMMITTED}',
            *value,
            f"git filter-repo --no-fetch {' '.join(options)}",
            'rm -f "$(git rev-parse --git-path COMMIT_EDITMSG)"',
        ]
    return "\n".join(["(", "set -e", *lines, ")"])


def _rewritten(locations: Sequence[Location]) -> _Rewritten:
    """The commits and tags with an encoded value in their message, or with the value in their header."""
    found: dict[str, dict[str, list[str]]] = {}
    for source, kind in (("commit-message", "commit"), ("tag-message", "tag")):
        mine = [loc for loc in locations if loc.source == source]
        parts = {
            "message": _ids([loc for loc in mine if loc.via and loc.line is not None]),
            "header": _ids([loc for loc in mine if loc.line is None]),
        }
        if any(parts.values()):
            found[kind] = {part: ids for part, ids in parts.items() if ids}
    return found


def _callback(kind: str, parts: Sequence[str]) -> str:
    """The option of git-filter-repo that replaces these parts of the objects of one kind."""
    persons = ("author", "committer") if kind == "commit" else ("tagger",)
    changes = {
        "message": f'{kind}.message = b"removed\\n"',
        "header": "; ".join(f'{kind}.{person}_name = b"removed"; {kind}.{person}_email = b""' for person in persons),
    }
    rules = [f"if (b'{kind}', b'{part}', {kind}.original_id) in REPLACED: {changes[part]}" for part in parts]
    code = _LOAD_IDS + "\n".join(rules)
    return f"--{kind}-callback {shlex.quote(code)}"


def _id_file(rewritten: _Rewritten) -> list[str]:
    rows = [f"{kind} {part} {name}" for kind, parts in rewritten.items() for part, ids in parts.items() for name in ids]
    return ["export IDS", "cat > \"$IDS\" <<'END'", *rows, "END"] if rows else []


def _ids(locations: Sequence[Location]) -> list[str]:
    return sorted({loc.object for loc in locations if loc.object and _ID.fullmatch(loc.object)})


def _some(names: Sequence[str]) -> str:
    return listed(names, _MOST) if names else "a place without a commit"
