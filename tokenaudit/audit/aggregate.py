"""Groups detections from all sources by credential."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tokenaudit.audit.reading import context_of, guarded, read_side_by_side, target_of
from tokenaudit.interfaces import Detection, LocatedDetection, PartSource, ScanContext, Source
from tokenaudit.model import Credential, Location, Problem, Skipped, Target
from tokenaudit.secret import Secret

_SOURCE_ORDER = ("tree", "staged", "ci", "machine", "machine-history", "machine-log", "history")
_CERTAIN_FIRST = ("credential", "placeholder", "identifier")
_MODULES = ".git/modules/"


@dataclass
class Findings:
    """Results of the sources: credentials by fingerprint, values (in memory only), problems, skipped parts, totals.

    `ignored` are credentials with the places that an ignore comment leaves out; they can be among `credentials` with
    other places.
    """

    credentials: dict[str, Credential] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    ignored: dict[str, Credential] = field(default_factory=dict)

    def learn(self, detection: Detection) -> str:
        """Adds a detection and returns its fingerprint. For a repeated value, the more likely reading is used."""
        fingerprint = detection.secret.fingerprint
        credentials = self.ignored if detection.ignored else self.credentials
        known = credentials.get(fingerprint)
        if known is None or _CERTAIN_FIRST.index(detection.likelihood) < _CERTAIN_FIRST.index(known.likelihood):
            credentials[fingerprint] = Credential(
                fingerprint=fingerprint,
                kind=detection.kind,
                display=detection.secret.display,
                likelihood=detection.likelihood,
                claims=detection.claims,
            )
            self.secrets[fingerprint] = detection.secret
        return fingerprint


def gather(sources: Iterable[Source], run: ScanContext, small: Collection[str] = ()) -> Findings:
    """Collects the findings of every source, without duplicates and in a deterministic order.

    Sources of `small` targets can be read side by side.
    """
    findings = Findings()
    spots: dict[str, dict[Location, None]] = {}
    ignored: dict[str, dict[Location, None]] = {}
    places_read = list(sources)
    read = read_side_by_side(places_read, small, run)
    for number, source in enumerate(places_read):
        share = context_of(run)
        known = read.get(number)
        for finding in guarded(source, share) if known is None else known.findings:
            if isinstance(finding, LocatedDetection):
                kept = ignored if finding.detection.ignored else spots
                kept.setdefault(findings.learn(finding.detection), {})[finding.location] = None
            elif isinstance(finding, Problem):
                findings.problems.append(finding)
            else:
                findings.skipped.append(finding)
        findings.targets.append(target_of(source, share) if known is None else known.target)
        run.objects += share.objects if known is None else known.objects
        run.bytes += share.bytes if known is None else known.bytes
        run.retry |= share.retry if known is None else known.retry
    findings.skipped += _not_there(places_read)
    for credentials, places_of in ((findings.credentials, spots), (findings.ignored, ignored)):
        for fingerprint, places in places_of.items():
            ordered = tuple(sorted(places, key=_location_order))
            credentials[fingerprint] = replace(credentials[fingerprint], locations=ordered)
    findings.problems = sorted(set(findings.problems), key=lambda problem: problem.order)
    findings.skipped = sorted(set(findings.skipped), key=lambda skipped: (skipped.where, skipped.reason))
    return findings


def _not_there(sources: Iterable[Source]) -> Iterator[Skipped]:
    """Targets without content, and requested parts that a target lacks."""
    parts: dict[str, list[PartSource]] = {}
    for source in sources:
        if isinstance(source, PartSource):
            parts.setdefault(source.target, []).append(source)
    for target, found in parts.items():
        if all(part.absent for part in found):
            yield Skipped(target, "; ".join(dict.fromkeys(part.absent for part in found if part.absent)))
        else:
            yield from (Skipped(target, part.absent) for part in found if part.required and part.absent)


def _location_order(location: Location) -> tuple[object, ...]:
    source = location.source
    rank = _SOURCE_ORDER.index(source) if source in _SOURCE_ORDER else len(_SOURCE_ORDER)
    return (
        rank,
        source,
        location.target,
        location.path or "",
        location.member or "",
        location.line or 0,
        location.column or 0,
        location.date.isoformat() if location.date else "",
        location.commit or "",
        location.object or "",
        location.via,
    )


def count_once(findings: Findings) -> None:
    """Removes duplicates from `findings` that exist because targets overlap."""
    shared = SharedPlaces(findings.targets)
    if shared.are_possible:
        for credentials in (findings.credentials, findings.ignored):
            for fingerprint, credential in credentials.items():
                credentials[fingerprint] = replace(credential, locations=shared.locations(credential.locations))
        findings.problems = shared.problems(findings.problems)


class SharedPlaces:
    """Locations on disk. A location in several targets is attributed to the innermost repository."""

    def __init__(self, targets: Sequence[Target]) -> None:
        here = Path.cwd().as_posix()
        self._roots = {
            each.target: posixpath.normpath(posixpath.join(here, each.repository, each.inside))
            for each in targets
            if each.repository is not None
        }
        self._depth = {each.target: len(posixpath.join(here, each.repository or "")) for each in targets}

    @property
    def are_possible(self) -> bool:
        """Whether one target can contain another."""
        return len(self._roots) > 1

    def locations(self, found: Sequence[Location]) -> tuple[Location, ...]:
        """`found` without duplicates from other targets, in the same order."""
        kept: dict[Location, Location] = {}
        for each in found:
            place = self._place(each.target, each.path)
            # The history of a nested repository is also scanned; its detections in the tree have the same locations.
            key = replace(each, target=place[0], path=place[1])
            if key not in kept or self._is_better(each.target, kept[key].target):
                kept[key] = each
        chosen = set(kept.values())
        return tuple(each for each in found if each in chosen)

    def problems(self, found: Sequence[Problem]) -> list[Problem]:
        """Removes duplicate configuration problems in the same way."""
        kept: dict[Problem, Problem] = {}
        for each in found:
            place = self._place(each.target, each.path)
            key = replace(each, target=place[0], path=place[1], patch=None)
            if key not in kept or self._is_better(each.target, kept[key].target):
                kept[key] = each
        chosen = set(kept.values())
        return [each for each in found if each in chosen]

    def _place(self, target: str, path: str | None) -> tuple[str, str | None]:
        """The absolute path of a local file, otherwise the target and the path in it."""
        root, below = self._root(target)
        if root is None:
            return target, path
        if path is None:
            return posixpath.normpath(posixpath.join(root, below)), None
        return "", posixpath.normpath(posixpath.join(root, below, path))

    def _root(self, target: str) -> tuple[str | None, str]:
        if target in self._roots:
            return self._roots[target], ""
        for name in sorted(self._roots, key=len, reverse=True):
            folder = name.rstrip("/") + "/"
            if target.startswith(folder):
                return self._roots[name], target.removeprefix(folder).removeprefix(_MODULES)
        return None, ""

    def _is_better(self, target: str, other: str) -> bool:
        return self._depth.get(target, 0) > self._depth.get(other, 0)
