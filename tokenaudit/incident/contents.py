"""What changed inside the repositories that affected credentials could write, and what is to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tokenaudit.changes import phrasing
from tokenaudit.changes.model import ExaminedRepository, LoadedBy
from tokenaudit.changes.run import ChangesRun, harm, summarized
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.incident.hub_queries import HubQueries
from tokenaudit.incident.model import ActionItem, IncidentContents, MatchReason, ReachedBy
from tokenaudit.model import Severity
from tokenaudit.text import listed

HARMFUL = ("executes", "misleads", "weakens")


def examine_contents(
    run: ChangesRun,
    repositories: Sequence[HubRepository],
    writable: Sequence[ReachedBy],
    queries: HubQueries,
    uses: Mapping[str, tuple[LoadedBy, ...]],
) -> IncidentContents:
    """Examines `repositories`; each has the access and the fingerprints of the credentials that could write it.

    `uses` is the code that is known to load a repository, by its page.
    """
    reached = {(repo.type, repo.id): repo for repo in writable}
    context, found, skipped = run.examined([repo for repo in repositories if repo.type != "bucket"])
    queries.skipped += skipped
    shown = []
    for each in found:
        repo = reached.get((each.type, each.id))
        if repo is not None:
            mine = uses.get(each.page, ())
            shown.append(replace(each, access=repo.access, fingerprints=repo.credentials, loaded_by=mine))
    return IncidentContents(
        run.contents,
        tuple(sorted(shown, key=harm)),
        summarized(shown),
        len(repositories),
        context.budget.spent,
    )


def repository_items(
    contents: IncidentContents | None, displays: Mapping[str, str], certain: Mapping[str, MatchReason]
) -> Iterator[ActionItem]:
    """The open items of harmful changes, most harmful first: pin, revert, tell those who use the repository.

    `displays` and `certain` are the display forms of affected credentials and whether they are certainly affected.
    """
    for repository in contents.repositories if contents is not None else ():
        if phrasing.risk(repository) not in HARMFUL:
            continue
        touched: MatchReason = "yes" if "yes" in map(certain.get, repository.fingerprints) else "perhaps"
        severity = repository.severity or Severity.HIGH
        page = repository.page
        tokens = listed([displays.get(each, each[:12]) for each in repository.fingerprints], 3)
        pulled = f", downloaded {repository.downloads_month:,} times a month" if repository.downloads_month else ""
        why = f"{page} {phrasing.does(repository)}{pulled}; writable with {tokens}"
        yield _pin(repository, severity, touched, why)
        revert = phrasing.revert(repository)
        if revert is not None:
            yield ActionItem("repository", page, f"{page}: revert the change", severity, touched, why, revert)
        tell = phrasing.tell_command(repository)
        if tell is not None:
            do = "Open a discussion that tells the users of the repository, and tell its known consumers."
            yield ActionItem("repository", page, f"{page}: notify its users", severity, touched, why, do, tell)


def _pin(repository: ExaminedRepository, severity: Severity, touched: MatchReason, why: str) -> ActionItem:
    page, pin = repository.page, phrasing.pin(repository)
    if pin is None:
        do = "No good revision is known: do not load the repository until each file was reviewed."
        return ActionItem("repository", page, f"{page}: stop using it", severity, touched, why, do)
    where = "".join(f" {use.where} {use.path or ''}".rstrip() + ";" for use in repository.loaded_by[:5]).rstrip(";")
    known = f" Known uses:{where}." if where else ""
    do = f"Pin every load to the last good revision: {pin}.{known}"
    title = f"{page}: pin to the last good revision"
    return ActionItem("repository", page, title, severity, touched, why, do, phrasing.pin_command(repository))
