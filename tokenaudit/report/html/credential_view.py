"""The view model of one credential: what the page shows when its row is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tokenaudit.model import Severity
from tokenaudit.permissions import danger, effect_of
from tokenaudit.report import presentation
from tokenaudit.report.remedies import replacement
from tokenaudit.web_pages import commit_page, file_page, hub_page, repository_page

if TYPE_CHECKING:
    from tokenaudit.model import Credential, Entity, Grant, ReachedRepo, Report
    from tokenaudit.report import Options

MOST_SPOTS = 200
FEWEST_SPOTS = 3
MOST_SPOTS_OF_ALL = 1500
"""Places of one credential, and about that many of all of them, are on the page; the JSON report has the rest."""

MOST_REPOS = 12
MANY = 150
"""Credentials beyond which the repositories in reach are a sentence, to keep the page small."""

_LOCAL_KINDS = frozenset({"tree", "ci", "machine", "stdin"})
_BAR = 120
_HUB_PARTS = {"space-variable": "/settings", "space-secret": "/settings", "space-log": "?logs=build"}


@dataclass(frozen=True)
class Permission:
    """A permission with its effect, and whether it is dangerous."""

    name: str
    words: str
    dangerous: bool


@dataclass(frozen=True)
class GrantView:
    """A grant: an entity with its permissions."""

    title: str
    patterns: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True)
class PlaceView:
    """A place: `text` with the address of its file or commit at the host, where the host is known."""

    text: str
    link: str | None = None
    notes: tuple[str, ...] = ()
    commit: str = ""


@dataclass(frozen=True)
class RepoBar:
    """A repository in reach, with the length of its bar."""

    name: str
    access: str
    private: bool
    downloads: str
    length: float


@dataclass(frozen=True)
class CredentialView:
    """One credential.

    `named` is whether its fingerprint is one: a report made by hand could hold a command there, to be copied.
    """

    credential: Credential
    named: bool
    places: tuple[tuple[str, tuple[PlaceView, ...]], ...]
    more_places: int
    grants: tuple[GrantView, ...]
    repos: tuple[RepoBar, ...]
    repos_in_words: str
    more_repos: int
    replacement: str
    scopes: tuple[GrantView, ...]
    link: str | None
    patch: tuple[tuple[str, str], ...]
    rotation: str | None


class Pages:
    """Web pages of the places of a report."""

    def __init__(self, report: Report) -> None:
        self._endpoint = report.endpoint
        self._several = presentation.several(report)
        self._targets = {target.target: target for target in report.targets}
        for target in report.targets:
            # The history of a target knows its commit and its page; the other parts of it do not.
            if target.head or target.web_page:
                self._targets[target.target] = target

    def repository(self, target: str) -> str | None:
        """The page of the repository `target`, None where its host is unknown."""
        known = self._targets.get(target)
        if known is None:
            return None
        return repository_page(known.web_page) or self.on_hub(target)

    def on_hub(self, target: str) -> str | None:
        """The page of `target` if it names a repository of the Hub that was asked; a local folder can look like one."""
        known = self._targets.get(target)
        is_local = known is None or known.web_page or known.repository is not None or known.kind in _LOCAL_KINDS
        return None if is_local else hub_page(self._endpoint, target)

    def commit(self, target: str, commit: str) -> str | None:
        """The page of a commit of `target`."""
        return commit_page(self.repository(target), commit)

    def file(self, target: str, path: str | None, line: int | None) -> str | None:
        """The page of a file in the HEAD of `target`."""
        known = self._targets.get(target)
        if known is None or path is None:
            return None
        inside = f"{known.inside}/{path}" if known.inside else path
        return file_page(self.repository(target), known.head, inside, line)

    def place(self, spot: presentation.Spot) -> PlaceView:
        """A place of a credential with its links."""
        page = self.repository(spot.target)
        link = None
        if page is not None and page.startswith("https://huggingface.co/") and spot.commit is None:
            link = self._on_hub(page, spot)
        if spot.commit and spot.reachable is not False:
            line = spot.line if spot.member is None else None
            link = file_page(page, spot.commit, spot.path, line) or commit_page(page, spot.commit)
        return PlaceView(
            text=f"{spot.target}: {spot.place}" if self._several and spot.place != spot.target else spot.place,
            link=link,
            notes=_notes(spot),
            commit=(spot.commit or "")[:12],
        )

    def _on_hub(self, page: str, spot: presentation.Spot) -> str | None:
        if spot.sources == ("discussion",):
            number = (spot.path or "").removeprefix("discussions/")
            return f"{page}/discussions/{number}" if number.isascii() and number.isdecimal() else None
        part = next((_HUB_PARTS[source] for source in spot.sources if source in _HUB_PARTS), None)
        return f"{page}{part}" if part else None


def credential_view(credential: Credential, options: Options, pages: Pages, among: int) -> CredentialView:
    """The view of `credential`, one of `among` on the page: the more there are, the less of each is shown."""
    most_spots = max(FEWEST_SPOTS, min(MOST_SPOTS, MOST_SPOTS_OF_ALL // max(among, 1)))
    spots = tuple(presentation.spots(credential))
    inspection, reach = credential.inspection, credential.reach
    recommendation = None if credential.dead else credential.recommendation
    repos = sorted(reach.repos, key=_most_used) if reach else []
    most = max((repo.downloads or 0 for repo in repos), default=0)
    bars = tuple(_bar(repo, most) for repo in repos[:MOST_REPOS])
    is_short = among > MANY or credential.dead
    return CredentialView(
        credential=credential,
        named=credential.fingerprint.isascii() and credential.fingerprint.isalnum(),
        places=_places(spots[:most_spots], pages),
        more_places=max(0, len(spots) - most_spots) + sum(spot.repeats for spot in spots),
        grants=(*_everywhere(credential), *(_grant(grant) for grant in (inspection.grants if inspection else ()))),
        repos=() if is_short else bars,
        repos_in_words=", ".join(f"{bar.name} ({bar.access}, {bar.downloads})" for bar in bars) if is_short else "",
        more_repos=max(0, max(reach.readable, reach.writable) - len(bars)) if reach else 0,
        replacement=_capital(replacement(recommendation.replacement)) if recommendation else "",
        scopes=tuple(_grant(grant) for grant in (recommendation.grants if recommendation else ())),
        link=_link(recommendation.create_url) if recommendation else None,
        patch=diff(recommendation.patch) if recommendation else (),
        rotation=options.rotation.get(credential.fingerprint),
    )


def _places(spots: tuple[presentation.Spot, ...], pages: Pages) -> tuple[tuple[str, tuple[PlaceView, ...]], ...]:
    groups: dict[str, list[PlaceView]] = {}
    for spot in spots:
        groups.setdefault(_state(spot), []).append(pages.place(spot))
    return tuple((state, tuple(found)) for state, found in groups.items())


def _state(spot: presentation.Spot) -> str:
    if spot.live is None:
        return "Found at"
    if spot.live:
        return "Still present"
    return "In unreachable commits" if spot.reachable is False else "Removed, still in the history"


def _notes(spot: presentation.Spot) -> tuple[str, ...]:
    notes = []
    if spot.date:
        notes.append(f"{spot.date:%Y-%m-%d}")
    if spot.author:
        notes.append(f"by {spot.author}")
    if spot.via:
        notes.append(f"inside {' in '.join(reversed(spot.via))}")
    if spot.repeats:
        notes.append(f"and {spot.repeats:,} more in this file")
    return tuple(notes)


def _everywhere(credential: Credential) -> tuple[GrantView, ...]:
    names = credential.inspection.global_permissions if credential.inspection else ()
    return (GrantView("everywhere", "", tuple(_permission(name, None) for name in names)),) if names else ()


def _grant(grant: Grant) -> GrantView:
    entity = grant.entity
    title = f"{entity.type} {entity.name or entity.id or ''}".strip()
    return GrantView(title, ", ".join(grant.patterns), tuple(_permission(name, entity) for name in grant.permissions))


def _permission(name: str, entity: Entity | None) -> Permission:
    return Permission(name, effect_of(name), danger(name, entity).rank >= Severity.HIGH.rank)


def _most_used(repo: ReachedRepo) -> tuple[bool, int, str]:
    return (repo.access != "write", -(repo.downloads or 0), repo.id)


def _bar(repo: ReachedRepo, most: int) -> RepoBar:
    length = round(_BAR * (repo.downloads or 0) / most, 1) if most else 0.0
    downloads = "unknown" if repo.downloads is None else f"{repo.downloads:,}"
    return RepoBar(repo.id, repo.access, bool(repo.private), downloads, length)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def diff(patch: str | None) -> tuple[tuple[str, str], ...]:
    """The lines of a unified diff, each with its sort: add, del, hunk or same."""
    lines = (patch or "").splitlines()
    return tuple((_sort(line), line) for line in lines)


def _sort(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ", "@@")):
        return "hunk"
    return {"+": "add", "-": "del"}.get(line[:1], "same")


def _link(url: str | None) -> str | None:
    """A link only to https or to this machine; anything else a report may hold is shown as text nowhere."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        loopback = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    except ValueError:
        return None
    return url if parts.scheme == "https" or loopback else None
