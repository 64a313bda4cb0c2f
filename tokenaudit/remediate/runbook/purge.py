"""Taking a dead value out of the places that keep it, and what that can't do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from tokenaudit.git.clone import is_clone_url
from tokenaudit.model import Credential, Location
from tokenaudit.remediate.locate import clone_address, hub_of
from tokenaudit.remediate.runbook import RunbookStep
from tokenaudit.remediate.runbook.consumers import spot
from tokenaudit.text import listed

_MESSAGES = frozenset({"commit-message", "tag-message"})
_IN_GIT = frozenset({"history", *_MESSAGES})
_GONE_WITH_A_REWRITE = (".git/logs/", ".git/COMMIT_EDITMSG")
_MOST = 8
_MOST_IDS = 500
"""More object ids than that would make a command line longer than systems accept."""
_UNCOMMITTED = "{ echo 'commit your changes first: the rewrite would delete them' >&2; exit 1; }"
_ITS_FINGERPRINT = "$(printf '%s\\n' \"$OLD\" | tokenaudit fingerprint)"
_OTHER_VALUE = "{ echo 'this is another value; nothing was changed' >&2; exit 1; }"
TOOL = (
    "It needs git-filter-repo 2.47 or newer, which is not part of git: `pipx install 'git-filter-repo>=2.47'` "
    "(https://github.com/newren/git-filter-repo)."
)
LIMITS = (
    "A rewrite can't reach forks, other clones, pull request refs that the host keeps to itself (refs/pull/*, "
    "refs/pr/*) and cached pages: once the value is dead these are harmless. All commit ids after the first one "
    "change, so everybody else has to clone again."
)


def purge_steps(credential: Credential) -> Iterator[RunbookStep]:
    """One step for each target whose git history holds the value, and one for each kind of other copy."""
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
    refs = sorted({loc.target for loc in credential.locations if loc.source == "ref-name"})
    if refs:
        yield RunbookStep(
            "purge-refs",
            "Delete the branches and tags that are named after it",
            f"In {_some(refs)}: `git branch -D` or `git tag -d`, then `git push --delete` for each remote.",
            "A scan of the same places no longer shows this fingerprint.",
        )


def _rewrite(number: int, target: str, address: str, fingerprint: str, locations: list[Location]) -> RunbookStep:
    commits = sorted({loc.commit[:12] for loc in locations if loc.commit})
    encoded = sorted({loc.path for loc in locations if loc.via and loc.path and loc.source not in _MESSAGES})
    said = [f"The value is in the history of {target}, first in {_some(commits)}. It is dead, so this is tidying."]
    if encoded:
        said.append(
            f"It is encoded or packed in {_some(encoded)}, where replacing text finds nothing: the command deletes "
            "these files, every version of them. Copy what you need of them first, and commit it again without the "
            "value."
        )
    callbacks = _callbacks(locations)
    if callbacks:
        said.append("Messages and author names that hold it in another form are replaced as a whole.")
    if is_clone_url(address):
        said.append("A host can refuse to change pull request refs; all others are pushed all the same.")
    else:
        said.append(
            "The command rewrites this repository where it is; remote-tracking branches become local ones. Its remotes "
            "keep the value: scan each by its URL, and follow the plan of that report."
        )
    if any(loc.reachable is False for loc in locations):
        said.append("Commits that no ref reaches are deleted with it; a host deletes its own when it cleans up.")
    return RunbookStep(
        f"purge-{number}",
        f"Rewrite the history of {target}",
        " ".join([*said, TOOL, LIMITS]),
        "`tokenaudit scan` of the repository (of a host's: of its URL) shows the fingerprint nowhere.",
        _command(number, address, fingerprint, encoded, callbacks),
    )


def _command(number: int, address: str, fingerprint: str, encoded: Sequence[str], callbacks: Sequence[str]) -> str:
    """Commands for a POSIX shell, which stop at the first that fails.

    The value is read without being shown, and is never an argument: it is in a file for its owner alone, which goes
    away whatever happens. Where tokenaudit is installed, a value with another fingerprint is refused.
    """
    options = ["--force", "--sensitive-data-removal", '--replace-text "$LIST"', '--replace-message "$LIST"']
    options += ["--invert-paths", *(f"--path {shlex.quote(path)}" for path in encoded)] if encoded else []
    options += callbacks
    wanted = shlex.quote(fingerprint)
    value = [
        "LIST=$(mktemp)",
        "trap 'rm -f \"$LIST\"; stty echo 2>/dev/null || true' EXIT",
        "printf 'The value (it is not shown): ' >&2; stty -echo 2>/dev/null || true",
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


def _callbacks(locations: Sequence[Location]) -> list[str]:
    """Options that replace whole messages where the value is encoded, and names of authors where it is in a header."""
    found = []
    for source, name, persons in (
        ("commit-message", "commit", ("author", "committer")),
        ("tag-message", "tag", ("tagger",)),
    ):
        mine = [loc for loc in locations if loc.source == source and loc.object]
        message = f'{name}.message = b"removed\\n"'
        header = "; ".join(f'{name}.{person}_name = b"removed"; {name}.{person}_email = b""' for person in persons)
        rules = [
            f"if {name}.original_id in {ids}: {change}"
            for ids, change in (
                (_ids(loc for loc in mine if loc.via and loc.line is not None), message),
                (_ids(loc for loc in mine if loc.line is None), header),
            )
            if ids
        ]
        if rules:
            found.append(f"--{name}-callback {shlex.quote(chr(10).join(rules))}")
    return found


def _ids(locations: Iterator[Location]) -> list[bytes]:
    return sorted({loc.object.encode() for loc in locations if loc.object})[:_MOST_IDS]


def _some(names: Sequence[str]) -> str:
    return listed(names, _MOST) if names else "a place without a commit"
