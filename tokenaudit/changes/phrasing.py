"""Texts that all formats of the examination of changes share: what a change does and what to do."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from tokenaudit import exit_codes
from tokenaudit.text import count, listed, one_line
from tokenaudit.timestamps import day, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenaudit.changes.model import ChangedFile, ChangesReport, ExaminedRepository
    from tokenaudit.content.change import ContentFinding, Risk
    from tokenaudit.model import Severity

SHORT = 12
"""Number of characters of a shown commit id."""

WORST: tuple[Risk, ...] = ("executes", "misleads", "weakens", "unknown", "none")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip

DOES: dict[Risk, str] = {
    "executes": "runs code when loaded",
    "misleads": "misleads those who read it",
    "weakens": "removes a protection",
    "unknown": "could not be examined",
    "none": "no objection",
}
"""What a change does, without the names involved."""


def exit_code(view: ChangesReport, fail_on: Severity | None) -> int:
    """1 for a finding of at least `fail_on` (None: never), else 3 if something could not be examined, else 0."""
    found = [each.severity for repository in view.repositories for each in repository.all_findings]
    return exit_codes.exit_code(found, fail_on, complete=view.complete)


def since(text: str) -> str:
    """`9 July 2026`, `2026-07-09 03:00 UTC`, or the beginning of a commit id."""
    moment = parse_timestamp(text) if not _COMMIT.fullmatch(text) else None
    if moment is None:
        return text[:SHORT]
    if (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
    return f"{day(moment)} {moment.hour:02}:{moment.minute:02} UTC"


def sentence(view: ChangesReport) -> str:
    """The result in one sentence."""
    text = f"{count(view.examined, 'repository')} examined; {_changed(view.repositories, view.since)}"
    if view.complete:
        return f"{text}."
    return f"{text}; incomplete, {count(len(view.skipped), 'place')} skipped."


def headline(repositories: Sequence[ExaminedRepository], writable: int, display: str, since_text: str) -> str:
    """What changed in the `writable` repositories that credentials (`display`) could write, in one sentence."""
    return f"{display} could write {count(writable, 'repository')}; {_changed(repositories, since_text)}"


def _changed(repositories: Sequence[ExaminedRepository], since_text: str) -> str:
    changed = [each for each in repositories if any(file.change != "unchanged" for file in each.files)]
    if not changed:
        return f"none changed since {since(since_text)}"
    parts = [f"{len(changed):,} changed since {since(since_text)}"]
    harmful = [each for each in repositories if risk(each) not in {"none", "unknown"}]
    if harmful:
        first = harmful[0]
        what = (
            f"{first.page} {does(first)}"
            if len(harmful) == 1
            else f"{len(harmful):,} are harmful, {first.page} {does(first)}"
        )
        pulled = f", downloaded {first.downloads_month:,} times a month" if first.downloads_month else ""
        parts.append(f"{what}{pulled}")
        parts.append(
            f"last good revision {first.good_revision[:SHORT]}" if first.good_revision else "last good revision unknown"
        )
    return "; ".join(parts)


def risk(repository: ExaminedRepository) -> Risk:
    """The worst risk of a repository's files."""
    return min((file.risk for file in repository.files), key=WORST.index, default="none")


def worst_file(repository: ExaminedRepository) -> ChangedFile | None:
    """The file with the worst risk and the most severe finding."""
    return min(repository.files, key=_order, default=None)


def ordered(files: Iterable[ChangedFile]) -> list[ChangedFile]:
    """The files, the most harmful first."""
    return sorted(files, key=_order)


def _order(file: ChangedFile) -> tuple[object, ...]:
    rank = max((each.severity.rank for each in file.findings), default=-1)
    return (WORST.index(file.risk), -rank, file.path, file.ref or "")


def does(repository: ExaminedRepository) -> str:
    """What the worst change of a repository does: ``now runs `posix.system` when loaded``."""
    file = worst_file(repository)
    if file is None or file.risk == "none":
        return "changed"
    if file.risk != "executes":
        return {"misleads": f"misleads through {file.path}", "weakens": f"lost a protection in {file.path}"}.get(
            file.risk, f"has a change that {DOES[file.risk]}: {file.path}"
        )
    names = names_of(file.findings)
    place = "" if file.ref is None and file.removed_in is None else f" in {file.ref or 'an earlier commit'}"
    when = "" if repository.type == "space" else " when loaded"
    return f"now runs {names or 'code'}{when}{place}"


def names_of(findings: Iterable[ContentFinding], most: int = 3) -> str:
    """The names in findings as code: `` `posix.system` and 2 more``."""
    found = dict.fromkeys(name for each in findings for name in each.names)
    return listed([f"`{name.replace('`', '')}`" for name in found], most)


def happened(file: ChangedFile) -> str:
    """How a file changed: `modified`, `renamed from a.txt`, `added, removed again in 3f2c…`."""
    text = file.change if file.previous_path is None else f"renamed from {file.previous_path}"
    if file.ref is not None:
        text += f" on {file.ref}"
    if file.removed_in is not None:
        text += f", replaced or removed in {file.removed_in[:SHORT]}"
    return text


def by_whom(repository: ExaminedRepository, file: ChangedFile) -> str:
    """Who made the newest change of a file, and who uploaded it according to the server."""
    commit = next((each for each in repository.commits if each.id in file.commits[:1]), None)
    if commit is None:
        return ""
    text = f"in {commit.id[:SHORT]}"
    if commit.at is not None:
        text += f" of {day(commit.at)}"
    if commit.author:
        text += f" by {commit.author}"
    if commit.pushed_at is not None:
        text += f", uploaded {day(commit.pushed_at)}" + (f" by {commit.pushed_by}" if commit.pushed_by else "")
    return text


def good(repository: ExaminedRepository) -> str:
    """The last good revision, or why it is unknown."""
    if repository.good_revision is None:
        return "unknown: no commit before the window is left"
    return repository.good_revision


def pin(repository: ExaminedRepository) -> str | None:
    """The argument that pins a load to the last good revision."""
    return f'revision="{repository.good_revision}"' if repository.good_revision is not None else None


def pin_command(repository: ExaminedRepository) -> str | None:
    """The command that downloads the last good revision."""
    if repository.good_revision is None or repository.type == "bucket":
        return None
    kind = "" if repository.type == "model" else f" --type {repository.type}"
    return f"hf download {shlex.quote(repository.id)}{kind} --revision {shlex.quote(repository.good_revision)}"


def revert(repository: ExaminedRepository) -> str | None:
    """How to restore the last good revision, with commands in backticks."""
    if repository.good_revision is None:
        return None
    return (
        f"In a clone: `git restore --source {repository.good_revision[:SHORT]} --staged --worktree .`, "
        "then `git commit` and `git push`. Delete harmful branches and close harmful pull requests."
    )


def tell_command(repository: ExaminedRepository) -> str | None:
    """The command that informs users of the repository."""
    if repository.type == "bucket":
        return None
    kind = "" if repository.type == "model" else f" --type {repository.type}"
    good_one = f"Use revision {repository.good_revision}" if repository.good_revision else "Don't load it"
    file = worst_file(repository)
    what = one_line(file.path, 60) if file is not None else "files"
    body = f"{what} was changed by somebody with a leaked token. {good_one} until this is resolved."
    title = "Security notice: unauthorized change"
    texts = f"--title {shlex.quote(title)} --body {shlex.quote(body)}"
    return f"hf discussions create {shlex.quote(repository.id)}{kind} {texts}"
