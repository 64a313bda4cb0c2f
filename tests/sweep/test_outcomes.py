"""What was found in a place that can't be read otherwise is in the report."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.mint import Mint
from tests.sweep.example_org import Acme
from tokenaudit.detect import Detector
from tokenaudit.interfaces import LocatedDetection, NullProgress, ScanContext
from tokenaudit.inventory.model import PlaceRecord
from tokenaudit.model import Location, Skipped
from tokenaudit.secret import fingerprint
from tokenaudit.sources.platforms.json_document import Found
from tokenaudit.sweep.worker_context import InspectionCache, collected, utc_now

TOKEN = Mint(1).user_token()


class Broken:
    """A repository whose objects can't be read, with a token in the name of a ref."""

    target, kind = "models/acme/m", "model"

    def findings(self, run: ScanContext) -> Iterator[Found]:
        yield Skipped(self.target, "git failed")
        for seen in run.scanner.scan(TOKEN.encode()).detections:
            yield LocatedDetection(seen, Location("ref-name", self.target))


def test_a_token_in_a_place_without_readable_objects_is_reported(org: Acme) -> None:
    place = PlaceRecord("acme", Broken.target, "model", "history")
    inspecting = InspectionCache(None, utc_now)
    outcome = collected(place, [Broken()], Detector.load(), inspecting, state="1", progress=NullProgress())
    assert (outcome.failed, outcome.state) == (False, None)
    with org.book() as book:
        number = book.begin("acme", ["acme"], utc_now()).id
        book.commit(number, [outcome], utc_now())
        found = book.swept(number)
    assert [credential.fingerprint for credential in found.credentials] == [fingerprint(TOKEN)]
    assert found.skipped == (Skipped(Broken.target, "git failed"),)
