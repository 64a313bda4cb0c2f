"""The use of each token: who, when, from where, flags and their limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.audit_log.logs import (
    AFTER,
    BEFORE,
    EXPOSED,
    LAST4,
    LIMA,
    MARK,
    OTHER,
    OTHER_MARK,
    PARIS,
    TOKEN,
    encoded,
    event,
    found,
    only,
    pieces,
    usage,
    written,
)
from tokenaudit.audit_log import aggregate as module
from tokenaudit.audit_log import tally
from tokenaudit.audit_log.aggregate import UsageAggregator
from tokenaudit.audit_log.model import ACTIONS, KnownToken
from tokenaudit.hub.audit_log import EVENT_TYPES
from tokenaudit.model import Severity, Tool

SECOND = timedelta(seconds=1)
KNOWN = KnownToken(OTHER, "service-account", "acme/ci", "deploy")


def test_a_token_is_described_by_all_of_its_events() -> None:
    report = usage(
        [
            event(3, AFTER, "repo.update_settings", ip="2001:DB8::1", location=LIMA),
            event(2, EXPOSED - SECOND),
            event(1, BEFORE),
            event(4, BEFORE, token=None, last4=None),
        ]
    )
    use = only(report)
    assert (report.events, report.without_token, report.complete) == (4, 1, True)
    assert (report.from_, report.to) == (BEFORE, AFTER)
    assert (use.token_id, use.type, use.last4, use.role) == (TOKEN, "access_token", LAST4, "write")
    assert (use.fingerprint, use.owner, use.exposed_at) == (MARK, "alice", EXPOSED)
    assert (use.first_seen, use.last_seen) == (BEFORE, AFTER)
    assert use.events == {"repo.create": 2, "repo.update_settings": 1}
    assert [(one.ip, one.location, one.events, one.new) for one in use.addresses] == [
        ("2001:db8::1", "Lima, Peru", 1, True),
        ("192.0.2.1", "Paris, France", 2, False),
    ]
    assert [(one.at, one.type, one.ip) for one in use.after_exposure] == [
        (AFTER, "repo.update_settings", "2001:db8::1")
    ]
    assert use.flags == ("new-address-after-exposure", "new-country")
    assert use.severity is Severity.HIGH
    assert use.countries == ("FR", "PE")
    assert use.days == {"2026-05-25": 1, "2026-06-01": 1, "2026-06-08": 1}


NEW = ("new-address-after-exposure", "new-country")


@pytest.mark.parametrize(
    ("times", "flags"),
    [
        pytest.param([BEFORE], (), id="before only"),
        pytest.param([EXPOSED], (), id="at the exposure only"),
        pytest.param([AFTER], NEW, id="after only"),
        pytest.param([EXPOSED, AFTER], NEW, id="at the exposure and after"),
        pytest.param([EXPOSED + timedelta(milliseconds=1)], NEW, id="just after"),
        pytest.param([EXPOSED - timedelta(milliseconds=1), AFTER], (), id="just before and after"),
        pytest.param([None, AFTER], NEW, id="after and at an unknown time"),
        pytest.param([None], (), id="at an unknown time"),
    ],
)
def test_new_means_seen_after_the_exposure_and_never_before(times: list[Any], flags: tuple[str, ...]) -> None:
    for order in (times, times[::-1]):
        assert only(usage([event(number, at) for number, at in enumerate(order)])).flags == flags


def test_an_event_at_the_exposure_is_not_after_it() -> None:
    use = only(usage([event(1, EXPOSED), event(2, EXPOSED + SECOND)]))
    assert [one.at for one in use.after_exposure] == [EXPOSED + SECOND]


@pytest.mark.parametrize("credentials", [[], [found(None)]])
def test_without_an_exposure_nothing_is_after_it(credentials: list[Any]) -> None:
    use = only(usage([event(1, BEFORE), event(2, AFTER, location=LIMA)], credentials=credentials))
    assert use.after_exposure == ()
    assert not set(use.flags) & set(NEW)


@pytest.mark.parametrize(
    ("first", "second", "new"),
    [
        (PARIS, LIMA, True),
        (PARIS, {"formatted": "Lyon, France", "country": "fr"}, False),
        (PARIS, {"formatted": "Lyon, France"}, False),
        ({"formatted": "Paris, France"}, {"formatted": "Nice, FRANCE"}, False),
        ({"formatted": "Paris, France"}, {"formatted": "Lima, Peru"}, True),
        (PARIS, {"formatted": "Unknown"}, False),
        (PARIS, {"formatted": "", "country": ""}, False),
        (PARIS, None, False),
    ],
)
def test_a_country_is_a_code_or_the_end_of_a_location(first: Any, second: Any, new: bool) -> None:
    log = [event(1, BEFORE, location=first), event(2, AFTER, location=second), event(3, BEFORE)]
    assert only(usage(log)).flags == (("new-country",) if new else ())


def test_two_forms_of_an_address_are_one() -> None:
    log = [event(1, BEFORE, ip="2001:db8:0::1"), event(2, AFTER, ip="2001:DB8::1"), event(3, AFTER, ip="2001:db8::1")]
    use = only(usage(log))
    assert [(one.ip, one.events) for one in use.addresses] == [("2001:db8::1", 3)]
    assert use.flags == ()


def test_times_in_other_zones_or_without_one_are_compared_in_utc() -> None:
    log = [
        event(1, "2026-06-01T13:59:59+02:00"),
        event(2, "2026-06-01 12:00:01"),
        event(3, "2026-06-01T07:00:00-05:00"),
    ]
    use = only(usage(log))
    assert [written(one.at) for one in use.after_exposure] == ["2026-06-01T12:00:01.000Z"]
    assert use.first_seen == EXPOSED - SECOND


@pytest.mark.parametrize(("kind", "flag"), sorted(ACTIONS.items()))
def test_what_was_done_is_flagged_and_worse_after_the_exposure(kind: str, flag: str) -> None:
    early, late = (only(usage([event(1, BEFORE), event(2, at, kind)])) for at in (BEFORE, AFTER))
    assert (early.flags, early.severity) == ((flag,), Severity.LOW)
    assert (late.flags, late.severity) == ((flag,), Severity.CRITICAL)
    assert kind in EVENT_TYPES


def test_other_types_of_events_are_counted_and_not_flagged() -> None:
    others = [*sorted(set(EVENT_TYPES) - set(ACTIONS)), "repo.invented", "x" * 999]
    use = only(usage([event(number, BEFORE, kind) for number, kind in enumerate(others)]))
    assert (use.flags, use.total, len(use.events)) == ((), len(others), len(others))
    assert max(map(len, use.events)) <= 200


def test_a_token_that_no_longer_exists_is_said() -> None:
    use = only(usage([event(1, BEFORE, deleted=True), event(2, BEFORE)]))
    assert (use.deleted, use.flags, use.severity) == (True, ("deleted-token",), Severity.INFO)


@pytest.mark.parametrize(
    ("token", "last4", "known", "flags"),
    [
        (OTHER, "9999", [], ("unknown-token",)),
        (OTHER, "9999", [KNOWN], ()),
        (OTHER, "9999", [KnownToken(OTHER, "job", "jobs/acme/1")], ()),
        (OTHER, LAST4, [], ()),
        (OTHER, None, [], ("unknown-token",)),
        (None, "9999", [], ()),
        (TOKEN, "9999", [KNOWN], ("unknown-token",)),
        ("not an object ID", "9999", [], ("unknown-token",)),
    ],
)
def test_an_unknown_token_has_an_id_that_nothing_knows(
    token: str | None, last4: str | None, known: list[KnownToken], flags: tuple[str, ...]
) -> None:
    use = only(usage([event(1, BEFORE, token=token, last4=last4)], known=known))
    assert use.flags == flags
    assert use.known_as == tuple(one for one in known if one.token_id == token)


def test_an_ambiguous_ending_names_all_candidates_and_asserts_none() -> None:
    both = [found(), found(mark=OTHER_MARK)]
    use = only(usage([event(1, BEFORE), event(2, AFTER, location=LIMA, ip="192.0.2.9")], credentials=both))
    assert (use.fingerprint, use.candidates) == (None, (OTHER_MARK, MARK))
    assert (use.exposed_at, use.after_exposure, use.flags) == (None, (), ())


def test_the_same_credential_known_twice_is_not_ambiguous() -> None:
    use = only(usage([event(1, BEFORE)], credentials=[found(), found()]))
    assert (use.fingerprint, use.candidates) == (MARK, ())


def test_two_tokens_with_one_ending_are_two_tokens() -> None:
    report = usage([event(1, BEFORE), event(2, AFTER, token=OTHER)])
    assert {(use.token_id, use.fingerprint, use.total) for use in report.tokens} == {(TOKEN, MARK, 1), (OTHER, MARK, 1)}


def test_a_rotated_value_is_not_the_exposed_one() -> None:
    report = usage([event(1, AFTER, last4="new4", ip="192.0.2.9"), event(2, BEFORE)], known=[KNOWN])
    uses = {use.last4: use for use in report.tokens}
    assert (uses["new4"].fingerprint, uses["new4"].after_exposure) == (None, ())
    assert (uses[LAST4].fingerprint, uses[LAST4].flags) == (MARK, ())


@pytest.mark.parametrize("order", [1, -1])
def test_an_event_without_the_last_four_characters_belongs_to_its_id(order: int) -> None:
    log = [event(1, BEFORE), event(2, AFTER, last4=None, location=LIMA, ip="192.0.2.9"), event(3, BEFORE, last4=None)]
    use = only(usage(log[::order]))
    assert (use.total, use.fingerprint, use.flags) == (3, MARK, NEW)
    assert [one.at for one in use.after_exposure] == [AFTER]
    assert use.after_exposure_events == 1


def test_of_several_values_it_belongs_to_none() -> None:
    report = usage([event(1, BEFORE), event(2, BEFORE, last4="new4"), event(3, AFTER, last4=None)])
    assert {(use.last4, use.total) for use in report.tokens} == {(LAST4, 1), ("new4", 1), (None, 1)}


@pytest.mark.parametrize("last4", ["", "abc", "abcde", "hf_abcdefghijklmnop", 1234, None, ["a"]])
def test_what_is_not_four_characters_is_no_ending(last4: Any) -> None:
    one = event(1, BEFORE)
    one["token"]["last4"] = last4
    use = only(usage([one], known=[KnownToken(TOKEN, "job", "jobs/acme/1")]))
    assert (use.token_id, use.last4, use.fingerprint) == (TOKEN, None, None)


def test_an_event_of_several_files_counts_once() -> None:
    early, late = [event(1, BEFORE), event(2, EXPOSED)], [event(2, EXPOSED), event(3, AFTER), event(3, AFTER)]
    report = usage(late, early)
    assert (report.events, only(report).total) == (3, 3)
    assert [(log.events, log.duplicates) for log in report.logs] == [(3, 1), (2, 1)]
    assert (report.from_, report.to) == (BEFORE, AFTER)


def test_events_without_an_id_are_told_apart_by_their_content() -> None:
    log = [{**event(1, BEFORE), "_id": None}, {**event(1, AFTER), "_id": ""}, {**event(1, AFTER), "_id": 7}]
    assert only(usage(log, log)).total == 2


def test_the_worst_comes_first_whatever_the_order_of_events() -> None:
    log = [
        event(1, BEFORE, token="1" * 24, last4="0001"),
        event(2, AFTER, "org.service_account.token.create"),
        event(3, AFTER, token="3" * 24, last4="0003", deleted=True),
    ]
    known = [KnownToken(token * 24, "job", "jobs/acme/1") for token in "3"]
    for order in (1, -1):
        report = usage(log[::order], known=known)
        assert [use.last4 for use in report.tokens] == [LAST4, "0001", "0003"]
        assert report.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ([TOKEN], {LAST4}),
        ([LAST4], {LAST4}),
        (["9999"], {"9999"}),
        ([MARK[:8]], {LAST4}),
        ([MARK[:8].upper(), OTHER], {LAST4, "9999"}),
        (["0000"], set()),
    ],
)
def test_tokens_are_chosen_by_id_ending_or_fingerprint(wanted: list[str], chosen: set[str]) -> None:
    report = usage([event(1), event(2, token=OTHER, last4="9999")], wanted=wanted)
    assert {use.last4 for use in report.tokens} == chosen
    assert report.not_in_log == (() if chosen else ("0000",))
    assert report.events == 2


def test_a_fingerprint_chooses_ambiguous_tokens_too() -> None:
    both = [found(), found(mark=OTHER_MARK)]
    assert only(usage([event(1)], credentials=both, wanted=[OTHER_MARK])).candidates == (OTHER_MARK, MARK)


def test_events_without_a_time_are_reported() -> None:
    report = usage([event(1, None), event(2, "yesterday"), event(3, BEFORE)])
    assert not report.complete
    assert "2 events without a valid time" in report.skipped[0].reason
    assert (only(report).total, only(report).first_seen) == (3, BEFORE)


FULL = [event(number, EXPOSED + SECOND * number) for number in range(4)]


def test_a_log_as_long_as_an_export_can_lack_earlier_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", 4)
    (skipped,) = usage(FULL).skipped
    assert "before 2026-06-01T12:00:00Z are missing" in skipped.reason
    older = [event(9, BEFORE), FULL[0], FULL[1]]
    assert usage(FULL, older).complete
    assert not usage(FULL, [event(9, BEFORE)]).complete  # a gap is possible
    assert usage([*FULL, event(9, BEFORE)]).complete  # not an export: it has more events


@pytest.mark.parametrize(
    ("more", "foreign"),
    [
        ({"message": "created globex/model"}, True),
        ({"message": "x", "data": {"repo": {"name": "globex/model"}}}, True),
        ({"message": "x", "data": {"orgName": "globex"}}, True),
        ({"message": "created globex/model, moved from ACME/model"}, False),
        ({"message": "globex/model", "data": {"org": {"name": "acme"}}}, False),
        ({"message": "x", "data": [["datasets/Acme/d", "globex/m"]]}, False),
        ({"message": "nothing is named"}, False),
    ],
)
def test_the_log_of_another_organization_is_noticed(more: dict[str, Any], foreign: bool) -> None:
    one = {**event(1, BEFORE), **more}
    report = usage([one, {**one, "_id": "2" * 24}])
    assert report.complete is not foreign
    if foreign:
        assert "another organization: it names globex and never acme" in report.skipped[0].reason


def test_limits_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MOST_TOKENS", 2), ("MOST_DIFFERENT", 3), ("MOST_LISTED", 2)):
        monkeypatch.setattr(tally if name == "MOST_DIFFERENT" else module, name, value)
    log = [event(number, AFTER + SECOND * number, f"repo.{number}", ip=f"192.0.2.{number}") for number in range(5)]
    log += [event(10 + number, token=f"{number:024x}", last4=f"000{number}") for number in range(3)]
    report = usage(log)
    use = next(use for use in report.tokens if use.last4 == LAST4)
    assert (len(use.addresses), len(use.events), use.total) == (3, 3, 5)
    assert (len(use.after_exposure), use.after_exposure_events) == (2, 5)
    assert len(report.tokens) == 2
    reasons = " ".join(entry.reason for entry in report.skipped)
    assert "more than 2 tokens; 2 events of the others omitted" in reasons
    assert "more than 3 addresses" in reasons


def test_another_reading_of_the_same_log_adds_nothing() -> None:
    aggregator = UsageAggregator("acme", [found()])
    data = encoded([event(1, BEFORE), event(2, AFTER)])
    aggregator.read("export", pieces(data[:-30]))
    aggregator.read("export", pieces(data))
    report = aggregator.report(Tool("tokenaudit", "1"))
    assert only(report).total == 2
    assert [(log.name, log.events, log.duplicates) for log in report.logs] == [("export", 2, 0)]
