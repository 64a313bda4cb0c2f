"""What sweeps leave behind: first and last seen, present and gone, resumed and repeated."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tests.inventory.builders import DAY, SCOPE, START, credential, outcome, place, problem
from tokenaudit.inventory import Inventory, Outcome, PlaceRecord
from tokenaudit.model import Inspection, Location, SecretName, Severity, Skipped, Verdict


def sweep(book: Inventory, now: datetime, *outcomes: Outcome, gone: tuple[str, ...] = ()) -> int:
    number = book.begin(SCOPE, ["acme"], now).id
    book.commit(number, outcomes, now)
    book.end(number, now, complete=True, removed=gone)
    return number


def test_a_credential_is_first_seen_once_and_last_seen_again(book: Inventory) -> None:
    found = credential(1, "app.py")
    sweep(book, START, outcome(credentials=[found]))
    sweep(book, START + DAY, outcome(credentials=[found], state="v2"))
    (known,) = book.credentials()
    assert (known.first_seen, known.last_seen, known.present) == (START, START + DAY, True)
    assert known.credential.locations == found.locations


def test_an_unchanged_place_keeps_its_credentials_alive(book: Inventory) -> None:
    found = credential(1, "app.py")
    sweep(book, START, outcome(credentials=[found]))
    last = sweep(book, START + DAY, outcome(unchanged=True))
    (known,) = book.credentials()
    assert (known.last_seen, known.present) == (START + DAY, True)
    assert book.swept(last).credentials == (found,)
    assert book.swept(last).targets[0].objects == 5


def test_an_unchanged_place_of_which_nothing_is_known_is_read_the_next_time(book: Inventory) -> None:
    last = sweep(book, START, outcome(unchanged=True))
    assert (book.states(), book.done(last)) == ({}, set())


def test_a_credential_that_a_place_no_longer_holds_is_gone(book: Inventory) -> None:
    found = credential(1, "app.py")
    sweep(book, START, outcome(credentials=[found]))
    sweep(book, START + DAY, outcome(state="v2"))
    (known,) = book.credentials()
    assert (known.last_seen, known.present) == (START, False)
    assert known.credential.locations == found.locations
    (change,) = book.difference()
    assert (change.change, change.locations) == ("gone", found.locations)


def test_a_place_read_in_part_proves_nothing_gone(book: Inventory) -> None:
    sweep(book, START, outcome(credentials=[credential(1, "app.py")]))
    sweep(book, START + DAY, outcome(state=None, skipped=[Skipped("spaces/acme/app", "half of it")]))
    assert book.credentials()[0].present
    assert book.difference() == []


def test_a_failed_place_keeps_what_was_known_and_is_read_again(book: Inventory) -> None:
    found = credential(1, "app.py")
    sweep(book, START, outcome(credentials=[found], problems=[problem()]))
    number = book.begin(SCOPE, ["acme"], START + DAY).id
    book.commit(number, [outcome(failed=True, state=None, skipped=[Skipped("spaces/acme/app", "403")])], START + DAY)
    assert book.done(number) == set()
    swept = book.swept(number)
    assert swept.credentials == (found,)
    assert swept.problems == (problem(),)
    assert swept.skipped == (Skipped("spaces/acme/app", "403"),)
    assert book.states() == {place().key: "v1"}


def test_a_place_that_is_gone_takes_its_credentials_along(book: Inventory) -> None:
    sweep(book, START, outcome(credentials=[credential(1, "app.py")]))
    last = sweep(book, START + DAY, gone=(place().key,))
    assert not book.credentials()[0].present
    assert [change.change for change in book.difference()] == ["gone"]
    assert book.places(["acme"]) == []
    assert book.swept(last).credentials == ()


def test_an_unfinished_sweep_is_continued_with_what_it_has_done(book: Inventory) -> None:
    first = book.begin(SCOPE, ["acme"], START)
    book.commit(first.id, [outcome()], START)
    again = book.begin(SCOPE, ["acme"], START + DAY)
    assert again.id == first.id
    assert again.started_at == START
    assert book.done(again.id) == {place().key}


def test_a_sweep_of_another_scope_is_not_continued(book: Inventory) -> None:
    first = book.begin(SCOPE, ["acme"], START)
    assert book.begin("globex: everything", ["globex"], START).id != first.id


def test_a_finished_sweep_is_not_continued(book: Inventory) -> None:
    first = sweep(book, START, outcome())
    assert book.begin(SCOPE, ["acme"], START + DAY).id != first


def test_committing_a_place_twice_changes_nothing(book: Inventory) -> None:
    found = outcome(credentials=[credential(1, "a.py", "b.py")], secrets=[SecretName("spaces/acme/app", "HF_TOKEN")])
    number = book.begin(SCOPE, ["acme"], START).id
    book.commit(number, [found], START)
    before = (book.credentials(), book.secrets(), book.swept(number))
    book.commit(number, [found], START)
    assert (book.credentials(), book.secrets(), book.swept(number)) == before


def test_a_spot_that_head_lost_stays_one_spot(book: Inventory) -> None:
    spot = Location("history", "spaces/acme/app", "a.py", 1, 1, in_head=True)
    found = replace(credential(1), locations=(spot,))
    sweep(book, START, outcome(credentials=[found]))
    lost = replace(spot, in_head=False)
    sweep(book, START + DAY, outcome(credentials=[replace(found, locations=(lost,))], state="v2"))
    assert book.credentials()[0].credential.locations == (lost,)
    assert book.difference() == []


def test_the_difference_names_new_credentials_and_new_places(book: Inventory) -> None:
    old = credential(1, "a.py")
    sweep(book, START, outcome(credentials=[old]))
    sweep(book, START + DAY, outcome(credentials=[credential(1, "a.py", "b.py"), credential(2, "c.py")], state="v2"))
    changes = {change.known.credential.fingerprint: change for change in book.difference()}
    assert changes[old.fingerprint].change == "new-place"
    assert [spot.path for spot in changes[old.fingerprint].locations] == ["b.py"]
    assert changes[credential(2).fingerprint].change == "new"
    assert {change.change for change in book.difference(since=0)} == {"new"}


def test_new_findings_of_a_sweep_are_told_apart(book: Inventory) -> None:
    sweep(book, START, outcome(credentials=[credential(1, "a.py")], problems=[problem("a")]))
    last = sweep(
        book,
        START + DAY,
        outcome(credentials=[credential(1, "a.py"), credential(2, "b")], problems=[problem("a"), problem("b")]),
    )
    swept = book.swept(last)
    assert swept.new_credentials == (credential(2).fingerprint,)
    assert swept.new_problems == (problem("b"),)


def test_a_certain_sighting_outweighs_a_doubtful_one(book: Inventory) -> None:
    doubtful = replace(credential(1, "a.py"), likelihood="placeholder")
    sweep(book, START, outcome(credentials=[doubtful]))
    sweep(book, START + DAY, outcome(place("other"), credentials=[credential(1, "b.py", target="spaces/acme/other")]))
    assert book.credentials()[0].credential.likelihood == "credential"


def test_an_end_is_noted_unless_the_hub_was_asked_later(book: Inventory) -> None:
    found, other = credential(1, "app.py"), credential(2, "b.py")
    alive = Inspection("active", START, "it accepts it", name="laptop")
    number = sweep(book, START, outcome(credentials=[found]))
    book.commit(number, [replace(outcome(credentials=[found]), inspections={found.fingerprint: alive})], START)
    dead = Inspection("invalid", START - DAY, "it refuses it")
    book.ended({found.fingerprint: dead, other.fingerprint: dead})
    assert book.credentials()[0].credential.inspection == alive
    book.ended({found.fingerprint: replace(dead, checked_at=START + DAY)})
    (known,) = book.credentials()
    assert known.credential.inspection == replace(
        alive, status="invalid", reason="it refuses it", checked_at=START + DAY
    )


def test_inspections_of_a_sweep_are_remembered_for_its_continuation(book: Inventory) -> None:
    found = credential(1, "a.py")
    said = Inspection("active", START, "the Hub accepted it", role="write")
    number = book.begin(SCOPE, ["acme"], START).id
    book.commit(number, [replace(outcome(credentials=[found]), inspections={found.fingerprint: said})], START)
    assert book.inspections(number) == {found.fingerprint: said}
    assert book.inspections(number + 1) == {}


def test_verdicts_are_kept_with_the_credential(book: Inventory) -> None:
    found = credential(1, "a.py")
    sweep(book, START, outcome(credentials=[found]))
    book.assessed([replace(found, verdict=Verdict(Severity.HIGH, "over"))])
    assert book.credentials()[0].credential == replace(found, verdict=Verdict(Severity.HIGH, "over"))


def test_secret_names_are_sorted_replaced_and_known_as_consumers(book: Inventory) -> None:
    found = credential(1, "a.py")
    kept = SecretName("spaces/acme/app", "HF_TOKEN", "space-secret", START, "to push")
    shown = SecretName("spaces/acme/app", "TOKEN", "space-variable", START, None, found.fingerprint)
    where = place(aspect="settings")
    sweep(
        book,
        START,
        outcome(where, secrets=[shown, kept, SecretName("spaces/acme/app", "OLD")]),
        outcome(credentials=[found]),
    )
    sweep(book, START + DAY, outcome(where, secrets=[kept, shown], state="v2"))
    assert book.secrets() == [kept, shown]
    consumers = book.consumers(found.fingerprint, ["HF_TOKEN"])
    assert {(consumer.kind, consumer.where, consumer.name) for consumer in consumers} == {
        ("space-secret", "spaces/acme/app", "HF_TOKEN"),
        ("space-variable", "spaces/acme/app", "TOKEN"),
        ("file", "spaces/acme/app", "a.py"),
    }


def test_a_forgotten_credential_is_gone_and_its_place_is_read_again(book: Inventory) -> None:
    found, other = credential(1, "a.py"), credential(2, "b.py")
    sweep(book, START, outcome(credentials=[found, other]), outcome(place("quiet")))
    assert book.forget([found.fingerprint]) == 1
    assert [known.credential.fingerprint for known in book.credentials()] == [other.fingerprint]
    assert book.states() == {place("quiet").key: "v1"}


def test_a_forgotten_namespace_leaves_the_others_alone(book: Inventory) -> None:
    far = PlaceRecord("globex", "models/globex/m", "model", "history")
    shared, own = credential(1, "a.py"), credential(2, "b.py")
    sweep(book, START, outcome(credentials=[shared, own]), outcome(far, credentials=[shared]))
    assert book.forget(namespace="acme") == 1
    assert [known.credential.fingerprint for known in book.credentials()] == [shared.fingerprint]
    assert book.places(["acme", "globex"]) == [far]


def test_sweeps_say_how_they_ended(book: Inventory) -> None:
    sweep(book, START, outcome(), outcome(place("b")))
    book.begin(SCOPE, ["acme", "globex"], START + DAY)
    first, second = book.sweeps()
    assert (first.complete, first.done, first.finished_at) == (True, 2, START)
    assert (second.complete, second.finished_at, second.namespaces) == (None, None, ("acme", "globex"))
