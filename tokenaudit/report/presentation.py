"""What all formats share: order of findings, merged spots, the verdict in one sentence."""

from __future__ import annotations

import posixpath
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tokenaudit import exit_codes
from tokenaudit.errors import UsageError
from tokenaudit.model import Credential, Severity
from tokenaudit.text import ALL_IN_JSON, and_more, count, listed, size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokenaudit.model import (
        Acceptance,
        AcceptedActive,
        AcceptedFinding,
        Exclusion,
        Location,
        Policy,
        Problem,
        Report,
        Target,
    )

_MODULES = ".git/modules/"
HERE = "."


class RepositoryFile(NamedTuple):
    """A file of a repository. `root` is the repository by its name in the report, `path` is relative to it."""

    root: str
    path: str | None


class RepositoryPaths:
    """The files of a report. With more than one root, a path alone doesn't say which file is meant."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._targets = {target.target: target for target in targets}
        self._by_length = sorted(self._targets, key=len, reverse=True)
        self._local = {target.repository for target in self._targets.values() if target.repository is not None}

    @classmethod
    def of(cls, report: Report) -> RepositoryPaths:
        """Those of all targets of `report`."""
        return cls(report.targets)

    def location(self, location: Location) -> RepositoryFile:
        """The file that `location` is in."""
        return self.place(location.target, location.path)

    def place(self, target: str, path: str | None) -> RepositoryFile:
        """The file `path` of `target`, which can also be a repository inside of a target, such as a submodule."""
        known, below = self._known(target)
        if known is None:
            return RepositoryFile(target, path)
        root = known.repository if known.repository is not None else known.target
        return RepositoryFile(
            root, posixpath.normpath(posixpath.join(known.inside, below, path)) if path is not None else None
        )

    def identity(self, place: RepositoryFile) -> str:
        """The root in the identity of a finding: the same on every machine, where only one local one was audited."""
        return HERE if self._local == {place.root} else place.root

    def _known(self, target: str) -> tuple[Target | None, str]:
        if target in self._targets:
            return self._targets[target], ""
        for name in self._by_length:
            folder = name.rstrip("/") + "/"
            if target.startswith(folder):
                return self._targets[name], target.removeprefix(folder).removeprefix(_MODULES)
        return None, ""


def prefixed(place: RepositoryFile, *, several: bool) -> str | None:
    """The path, with the root in front where there are several of them."""
    if place.path is None or not several or place.root == HERE:
        return place.path
    return f"{place.root.rstrip('/')}/{place.path}"


class Spot(NamedTuple):
    """One place in one file (or message, variable …), merged over the sources that found the credential there.

    `live` is whether it is still present, None if unknown. The commit is the earliest one.
    """

    sources: tuple[str, ...]
    target: str
    path: str | None
    member: str | None
    line: int | None
    column: int | None
    live: bool | None
    reachable: bool | None
    commit: str | None
    author: str | None
    date: datetime | None
    via: tuple[str, ...]
    end_line: int | None = None
    end_column: int | None = None
    repeats: int = 0

    @property
    def place(self) -> str:
        """`path:line:column`, as far as it is known."""
        path = self.path if self.member is None else f"{self.path or ''}!/{self.member}"
        where = path if path is not None else " and ".join(source.replace("-", " ") for source in self.sources)
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        return ":".join([where, *numbers])


def findings(report: Report) -> list[Credential | Problem]:
    """Credentials (without placeholders and look-alikes) and problems in one order: see `model.FindingOrder`."""
    every: list[Credential | Problem] = [*likely(report), *report.problems]
    return sorted(every, key=lambda finding: finding.order)


def likely(report: Report) -> list[Credential]:
    """The credentials without placeholders and look-alikes, in the order of `findings`."""
    return sorted((c for c in report.credentials if c.likelihood == "credential"), key=lambda c: c.order)


def unlikely(report: Report) -> list[Credential]:
    """Placeholders and look-alikes."""
    return sorted((c for c in report.credentials if c.likelihood != "credential"), key=lambda c: c.order)


def problems(report: Report) -> list[Problem]:
    """The problems, in the order of `findings`."""
    return sorted(report.problems, key=lambda problem: problem.order)


def split_dead(report: Report, *, show_dead: bool) -> tuple[list[Credential | Problem], list[Credential]]:
    """The `findings` that are listed one by one, and the dead credentials that are only counted."""
    every = findings(report)
    dead = [] if show_dead else [found for found in every if isinstance(found, Credential) and found.dead]
    folded = {credential.fingerprint for credential in dead}
    return [found for found in every if not (isinstance(found, Credential) and found.fingerprint in folded)], dead


def spots(credential: Credential, paths: RepositoryPaths | None = None) -> list[Spot]:
    """Its locations, merged per line of a file; present ones first.

    With `paths` a file of a repository is one file in however many targets it is.
    """
    groups: dict[tuple[object, ...], list[Location]] = {}
    for location in credential.locations:
        nowhere = location.path is None
        key = (
            *((location.target, location.path) if paths is None or nowhere else (paths.location(location),)),
            location.member,
            location.line,
            *((location.source, location.commit, location.object) if nowhere else ()),
        )
        groups.setdefault(key, []).append(location)
    return sorted((_spot(group) for group in groups.values()), key=_spot_order)


def _spot(group: list[Location]) -> Spot:
    first = min(group, key=lambda at: (at.commit is None, at.date.timestamp() if at.date else 0.0, at.commit or ""))
    leftmost = min((at for at in group if at.column is not None), key=lambda at: at.column or 0, default=first)
    return Spot(
        sources=tuple(sorted({at.source for at in group})),
        target=first.target,
        path=first.path,
        member=first.member,
        line=first.line,
        column=leftmost.column,
        live=_any(at.present for at in group),
        reachable=_any(at.reachable for at in group),
        commit=first.commit,
        author=first.author,
        date=first.date,
        via=min((at.via for at in group), key=lambda via: (len(via), via)),
        end_line=leftmost.end_line,
        end_column=leftmost.end_column,
        repeats=max(at.repeats for at in group),
    )


def _any(answers: Iterable[bool | None]) -> bool | None:
    known = [answer for answer in answers if answer is not None]
    return any(known) if known else None


def _spot_order(spot: Spot) -> tuple[object, ...]:
    return (
        {True: 0, None: 1, False: 2}[spot.live],
        spot.target,
        spot.path or "",
        spot.member or "",
        spot.line or 0,
        spot.column or 0,
        spot.commit or "",
    )


def several(report: Report) -> bool:
    """Whether several targets were audited, so that a file name alone is ambiguous.

    One repository is several targets of the same name: its history, its tree, its configuration.
    """
    return len({target.target for target in report.targets}) > 1


def severities(report: Report) -> Counter[Severity]:
    """The number of credentials and problems by severity."""
    return Counter([*(c.severity for c in likely(report)), *(p.severity for p in report.problems)])


def sentence(report: Report) -> str:
    """The verdict on the whole run in one sentence. Only a complete run without findings is clean.

    Problems of severity info are advice, which leaves a run clean: they are counted as notes.
    """
    credentials = likely(report)
    problems = [p for p in report.problems if p.severity is not Severity.INFO]
    notes = len(report.problems) - len(problems)
    summary = report.summary
    ends = [count(notes, "note")] if notes else []
    accepted = sum(len(one.findings) for one in report.policy.accepted if not one.expired)
    ends += [f"{accepted:,} accepted"] if accepted else []
    active = len(report.accepted_active)
    ends += [f"{count(active, 'accepted credential')} still active"] if active else []
    ends += [f"{listed([one.pattern for one in report.excluded])} excluded"] if report.excluded else []
    ends += [f"{summary.new:,} new"] if summary.new is not None else []
    ends += [f"{count(summary.earlier, 'finding')} of earlier sweeps not listed"] if summary.earlier else []
    if not report.complete:
        ends.append(_gaps(report))
    amount = f"{count(sum(t.objects for t in report.targets), 'object')}, {size(sum(t.bytes for t in report.targets))}"
    if credentials or problems:
        first = _found(report, credentials, problems)
    elif not report.complete:
        first = f"Nothing found in {amount}"
    elif summary.known or summary.earlier:
        first = f"No new findings in {amount}"
        ends += [f"{count(summary.known, 'finding')} in the baseline"] if summary.known else []
    elif not any(target.objects for target in report.targets) and not notes:
        return "Nothing to scan: no objects were read."
    elif report.accepted_active:
        first = f"Nothing found except what is accepted in {amount}"
    elif report.excluded:
        first = f"No Hugging Face credentials and no problems found outside of the excluded places in {amount}"
    else:
        first = f"Clean: no Hugging Face credentials and no problems found in {amount}"
    return f"{'; '.join([first, *ends])}."


def _found(report: Report, credentials: list[Credential], problems: list[Problem]) -> str:
    parts = []
    if credentials:
        active = sum(c.inspection is not None and c.inspection.status == "active" for c in credentials)
        dead = sum(c.dead for c in credentials)
        notes = [f"worst: {credentials[0].severity.value}"]
        notes += [f"{active} active"] if active else []
        notes += [f"{dead} no longer valid"] if dead else []
        over = report.summary.over_privileged
        notes += [f"{over} over-privileged"] if over else []
        parts.append(f"{count(len(credentials), 'credential')} found ({', '.join(notes)})")
    if problems:
        worst = max((p.severity for p in problems), key=lambda severity: severity.rank)
        parts.append(f"{count(len(problems), 'configuration problem')} (worst: {worst.value})")
    return " and ".join(parts)


def _gaps(report: Report) -> str:
    if not report.skipped:
        return "incomplete scan"
    return f"incomplete scan: {count(len(report.skipped), 'place')} skipped"


_ORIGINS = {
    "option": "--config",
    "user": "your configuration folder",
    "directory": "the current directory",
    "built-in": "built-in",
}
MOST_LOWERED = 20
"""Maximum number of listed findings that a policy file removed or lowered; more are counted."""


def policy_lines(policy: Policy) -> list[str]:
    """The policy file and what it removed or lowered; empty for the built-in policy."""
    if policy.file is None:
        if policy.not_read is None:
            return []
        return [f"Policy: built-in. {policy.not_read} was ignored: it is inside a scanned target."]
    inside = ", inside a scanned target" if policy.inside_target else ""
    first = f"Policy: {policy.file} ({_ORIGINS[policy.origin]}{inside})"
    expired = [
        f"expired on {one.until}, counts again: exemption of {one.organization}: {one.reason}"
        for one in policy.expired_exemptions
    ]
    if not policy.lowered and not policy.accepted and not expired:
        return [f"{first}; no finding removed or lowered."]
    changed = f"; {count(len(policy.lowered), 'finding')} removed or lowered" if policy.lowered else ""
    taken = sum(len(one.findings) for one in policy.accepted if not one.expired)
    accepted = f"; {count(taken, 'finding')} accepted" if policy.accepted else ""
    lines = [f"{first}{changed}{accepted}:", *_accepted_lines(policy), *expired]
    for one in policy.lowered[:MOST_LOWERED]:
        now = "removed" if one.now is None else f"lowered to {one.now.value}"
        lines.append(f"{one.severity.value} {one.rule} {now}: {one.subject}: {one.message}")
    if len(policy.lowered) > MOST_LOWERED:
        lines.append(and_more(len(policy.lowered), MOST_LOWERED, ALL_IN_JSON))
    return lines


def _accepted_lines(policy: Policy) -> list[str]:
    lines = []
    for one in sorted(policy.accepted, key=_worst_entry_first):
        named = {"fingerprint": one.fingerprint, "rule": one.rule, "path": one.path}
        entry = ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)
        until = f" until {one.until}" if one.until is not None else ""
        found = count(len(one.findings), "finding")
        if one.expired:
            lines.append(f"expired on {one.until}, counts again: {entry}: {found}: {one.reason}")
            continue
        lines.append(f"accepted{until}: {entry}: {found}: {one.reason}")
        for item in sorted(one.findings, key=_worst_accepted_first)[:MOST_LOWERED]:
            place = ":".join(str(part) for part in (item.path or item.target, item.line) if part is not None)
            where = f" at {place}" if place else ""
            fingerprint = f" {item.fingerprint[:12]}" if item.fingerprint else ""
            active = "still active: " if item.status == "active" else ""
            lines.append(f"{active}{item.severity.value} {item.rule}{fingerprint}{where}: {item.message}")
        if left := and_more(len(one.findings), MOST_LOWERED, ALL_IN_JSON):
            lines.append(left)
    return lines


def _worst_accepted_first(found: AcceptedFinding) -> tuple[bool, int]:
    return (found.status != "active", -found.severity.rank)


def _worst_entry_first(entry: Acceptance) -> tuple[bool, int]:
    return min(map(_worst_accepted_first, entry.findings), default=(True, 1))


def accepted_active_line(accepted: AcceptedActive) -> str:
    """`accepted, still active: critical hf_****WxYz …`, with its owner, its first place and what accepts it."""
    owner = f" of {accepted.account.name}" if accepted.account else ""
    return (
        f"accepted, still active: {accepted.severity.value} {accepted.display} {accepted.fingerprint[:12]}{owner}"
        f"{accepted_place(accepted)}: {accepted_by(accepted)}"
    )


def accepted_place(accepted: AcceptedActive) -> str:
    """` at train.py:3 +2 more`, the first place and the number of the others."""
    places = list(dict.fromkeys((at.target, at.path, at.line) for at in sorted(accepted.locations, key=_at)))
    if not places:
        return ""
    target, path, line = places[0]
    more = f" {left}" if (left := and_more(len(places), 1)) else ""
    return f" at {path or target}{f':{line}' if line else ''}{more}"


def _at(location: Location) -> tuple[int, str, str, int, int]:
    return location.order


def accepted_by(accepted: AcceptedActive) -> str:
    """What accepts a credential, in words."""
    until = f" until {accepted.until}" if accepted.until else ""
    return {
        "allow": f"[[allow]]{until}: {accepted.reason}",
        "baseline": "in the baseline",
        "ignore-comment": "ignore comment in the file (--honour-ignores)",
    }[accepted.by]


MOST_FOLLOWED = 20
"""Folders outside of the targets are listed up to this many, and counted beyond."""


def followed_lines(report: Report) -> list[str]:
    """What `--exclude` and ignore comments left out, and folders outside of a target that were read too."""
    excluded = [_excluded(one) for one in report.excluded]
    if report.ignored:
        be = "has an ignore comment and is" if report.ignored == 1 else "have an ignore comment and are"
        excluded.append(f"{count(report.ignored, 'place')} {be} not listed (--honour-ignores).")
    every = list(dict.fromkeys((target.target, folder) for target in report.targets for folder in target.followed))
    lines = [f"Outside of {target}, but read since it leads there: {folder}" for target, folder in every]
    if len(lines) > MOST_FOLLOWED:
        lines = [*lines[:MOST_FOLLOWED], and_more(len(lines), MOST_FOLLOWED, ALL_IN_JSON)]
    return [*excluded, *lines]


def _excluded(one: Exclusion) -> str:
    parts = [
        f"{count(one.unread, 'place')} not read" if one.unread else "",
        f"{count(one.places, 'place')} with a credential" if one.places else "",
        count(one.problems, "problem") if one.problems else "",
        count(one.skipped, "skipped place") if one.skipped else "",
    ]
    left_out = ", ".join(part for part in parts if part) or "nothing found there"
    return f"Excluded by --exclude {one.pattern}: {left_out}."


NEVER = "never"


def exit_code(report: Report, fail_on: str = "low") -> int:
    """1 if a finding is at or above `fail_on`, else 3 if the run is incomplete, else 0.

    `fail_on` is a severity's name or "never". Placeholders and look-alikes never count.

    Raises:
        UsageError: `fail_on` is neither.
    """
    found = [credential.severity for credential in likely(report)]
    found += [problem.severity for problem in report.problems]
    least = None if fail_on == NEVER else _severity(fail_on)
    return exit_codes.exit_code(found, least, complete=report.complete)


def _severity(name: str) -> Severity:
    try:
        return Severity(name)
    except ValueError:
        names = ", ".join(severity.value for severity in Severity)
        message = f"invalid severity {name!r} for --fail-on; use one of {names}, {NEVER}"
        raise UsageError(message) from None
