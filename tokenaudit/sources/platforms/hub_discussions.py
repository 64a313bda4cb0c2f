"""Texts in a repository's discussions and pull requests, including edited versions."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.hub.client import Hub
from tokenaudit.hub.discussions import texts
from tokenaudit.hub.pagination import JsonObject, needs
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Location, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, examined


class DiscussionsSource:
    """The discussions of one repository in a listing."""

    kind = "discussions"

    def __init__(
        self, hub: Hub, secret: Secret | None, repository: HubRepository, listing: PagedListing[JsonObject]
    ) -> None:
        self.target = repository.target
        self._hub, self._secret, self._repository, self._listing = hub, secret, repository, listing

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield detections in every text, and what could not be read."""
        if self._listing.incomplete:
            yield Skipped(f"{self.target}: discussions", self._listing.incomplete)
        for entry in self._listing:
            number = entry.get("num")
            if not isinstance(number, int):
                yield Skipped(f"{self.target}: discussions", "an entry without a number")
                continue
            found = texts(self._hub, self._repository, number, self._secret)
            if isinstance(found, Failure):
                reason = needs(found, f"repo.content.read on {self.target}")
                yield Skipped(f"{self.target}: discussions/{number}", reason)
                continue
            for item in found:
                shown = f"{item.where} (edited away)" if item.edited_away else item.where
                place = Location(
                    "discussion", self.target, f"discussions/{number}", author=item.author, date=item.date, member=shown
                )
                yield from examined(run, item.content, place)
                run.read(0, len(item.content))
            run.read(1, 0)
