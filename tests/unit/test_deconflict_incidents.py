"""Incidents: what was observed at a notified site is followed up by itself; silence is told as silence."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from entente.deconflict import (
    AccountRow,
    AnswerIncident,
    Deliver,
    FollowUpRow,
    IncidentRow,
    ReportIncident,
    SilentIncident,
    WithdrawSite,
    answer_due,
    incident_sites,
    plan_follow_ups,
    rebuild_index,
)
from entente.deconflict.incident import SaidRow
from entente.deconflict.objects import VersionRow
from entente.deconflict.receipts import Delivery
from entente.kernel.errors import InvalidVolume, Malformed
from entente.kernel.time import encode_utc
from entente.space import Separation, Volume, relate
from entente.space.doubt import Relation
from tests.unit.test_deconflict_simulator import START, RecordSimulator, make_circle, refused
from tests.unit.test_deconflict_sites import make_site

DAY_MINUTES: Final = 24 * 60
HERE_E7: Final = (362_000_000, 371_600_000)


@pytest.fixture
def record() -> RecordSimulator:
    """A hospital that stands since before one o'clock, and a clock at half past one."""
    made = RecordSimulator()
    hear(made, made.send("un", "site.declare", make_site()))
    made.tick(minutes=30)
    return made


def hear(record: RecordSimulator, leaf: str, party: str = "ru", *, at: str | None = None) -> str:
    """Another party's desk says that it has a message."""
    record.send(party, "receipt.deliver", Deliver([Delivery(leaf, "readable", "")]), officers=(), at=at)
    return leaf


def make_report(**more: Any) -> ReportIncident:
    body = ReportIncident(
        id="fire",
        category="strike",
        urgent=False,
        place_e7=HERE_E7,
        within_cm=1_000,
        start="2016-09-17T14:05:00Z",
        end="2016-09-17T14:20:00Z",
        observed="the east wing burns; two impacts heard",
        basis="seen",
        source="",
    )
    return msgspec.structs.replace(body, **more)


def report(record: RecordSimulator, author: str = "un", *, to: tuple[str, ...] = (), **more: Any) -> str:
    record.tick(minutes=60)
    said = {name: more.pop(name) for name in ("at", "is_recorded") if name in more}
    return record.send(author, "incident.report", make_report(**more), to=to, **said)


def owed(record: RecordSimulator, view: str | None = None) -> dict[str, str]:
    return {row.party: row.state for row in record.rows(view).select(FollowUpRow)}


def get(record: RecordSimulator, view: str | None = None) -> IncidentRow:
    return next(record.rows(view).select(IncidentRow))


def answer(
    record: RecordSimulator, party: str, word: Any = "account", text: str = "we did not", **more: Any
) -> str:
    return record.send(party, "incident.answer", AnswerIncident("fire", word, text), **more)


def plan(record: RecordSimulator) -> list[tuple[str, SilentIncident]]:
    return plan_follow_ups(record.host, record.now, record.recorded_utc)


# What opens a follow-up, and what does not


def test_an_incident_at_a_notified_site_opens_its_follow_up_by_itself(record: RecordSimulator) -> None:
    report(record)
    assert owed(record) == {"ru": "waiting", "us": "waiting"}
    (met,) = get(record).sites
    assert (met.object, met.name, met.author, met.since) == ("m2", "M2", "un", "standing")


def test_a_report_of_anyone_opens_it_and_its_notifier_owes_as_well(record: RecordSimulator) -> None:
    report(record, "us")
    assert owed(record) == {"ru": "waiting", "un": "waiting"}


@pytest.mark.parametrize(
    ("more", "opens"),
    (
        # 500 m of buffer, 50 m of hospital, 10 m of doubt: 560 m are 0.005047 degrees of latitude.
        ({"place_e7": (362_050_400, 371_600_000)}, True),
        ({"place_e7": (362_050_600, 371_600_000)}, False),
        ({"place_e7": (362_050_600, 371_600_000), "within_cm": 1_300}, True),
        ({"start": "2016-09-17T13:59:59Z", "end": "2016-09-17T14:00:00Z"}, False),
        ({"start": "2016-09-17T13:59:59Z", "end": "2016-09-17T14:00:01Z"}, True),
    ),
)
def test_place_and_time_decide(record: RecordSimulator, more: dict[str, Any], *, opens: bool) -> None:
    report(record, **more)
    assert bool(owed(record)) is opens
    assert bool(get(record).sites) is opens


def test_a_site_withdrawn_or_moved_since_still_counts(record: RecordSimulator) -> None:
    leaf = next(iter(record.recorded))
    record.tick(minutes=60)
    moved = make_site(volume=make_circle(36.4, 37.16, 50.0), replaces=leaf)
    second = hear(record, record.send("un", "site.declare", moved))
    report(record)
    (met,) = get(record).sites
    assert (met.version, met.since) == (leaf, "replaced")
    hear(record, record.send("un", "site.withdraw", WithdrawSite("m2", "closed", "")))
    place = (364_000_000, 371_600_000)
    when: dict[str, Any] = {"start": "2016-09-17T14:35:00Z", "end": "2016-09-17T14:40:00Z"}
    report(record, id="later", place_e7=place, **when)
    late = record.host.find(IncidentRow, "later")
    assert late is not None
    assert [(met.version, met.since) for met in late.sites] == [(second, "withdrawn")]


def test_a_site_that_was_gone_before_it_happened_does_not_count(record: RecordSimulator) -> None:
    hear(record, record.send("un", "site.withdraw", WithdrawSite("m2", "closed", "")))  # 13:30
    report(record)
    assert owed(record) == {}


def test_a_site_notified_only_afterwards_does_not_count(record: RecordSimulator) -> None:
    record.tick(minutes=120)
    late = make_site(volume=make_circle(36.4, 37.16, 50.0), id="late")
    hear(record, record.send("un", "site.declare", late))  # 15:30
    report(record, place_e7=(364_000_000, 371_600_000))
    assert owed(record) == {}
    assert get(record).sites == ()


def test_withdrawing_the_site_first_closes_no_follow_up(record: RecordSimulator) -> None:
    report(record)
    record.send("un", "site.withdraw", WithdrawSite("m2", "other", ""))
    assert owed(record) == {"ru": "waiting", "us": "waiting"}


def test_a_withdrawal_dated_back_suppresses_no_follow_up(record: RecordSimulator) -> None:
    record.tick(minutes=60)
    # It burns from 14:05 on. Afterwards the notification is withdrawn, as if an hour ago.
    back = record.send("un", "site.withdraw", WithdrawSite("m2", "closed", ""), at="2016-09-17T13:31:00Z")
    report(record, "us")
    assert owed(record) == {"ru": "waiting", "un": "waiting"}
    # Nor does it once the others have it, which they say by their own clocks.
    hear(record, back)
    report(record, "us", id="again")
    assert [row.state for row in record.host.select(FollowUpRow, incident="again")] == ["waiting", "waiting"]


def test_a_site_dated_back_or_told_to_nobody_makes_no_question(record: RecordSimulator) -> None:
    record.tick(minutes=120)  # 15:30
    place: Any = {"place_e7": (364_000_000, 371_600_000)}
    body = make_site(volume=make_circle(36.4, 37.16, 50.0), id="late")
    leaf = record.send("un", "site.declare", body, at="2016-09-17T13:00:00Z")
    report(record, **place)
    hear(record, leaf)
    report(record, id="again", **place)
    assert owed(record) == {}


def test_a_report_of_a_century_is_one_of_a_week_and_ends_when_it_is_made(record: RecordSimulator) -> None:
    place: Any = {
        "place_e7": (364_000_000, 371_600_000),
        "start": "1970-01-01T00:00:00Z",
        "is_recorded": True,
    }
    # A camp that is there from 14:00 to 16:00 of the 17th.
    camp = make_site(volume=make_circle(36.4, 37.16, 50.0), id="camp")
    hear(record, record.send("un", "site.declare", camp))
    report(record, id="early", end="8999-01-01T00:00:00Z", at="2016-09-17T13:59:59Z", **place)
    assert owed(record) == {}
    record.tick(minutes=20 * DAY_MINUTES)
    report(record, end="8999-01-01T00:00:00Z", **place)
    assert owed(record) == {}
    report(record, id="near", end="2016-09-18T14:00:00Z", **place)
    assert set(owed(record)) == {"ru", "us"}


def test_several_sites_are_all_named(record: RecordSimulator) -> None:
    hear(record, record.send("us", "site.declare", make_site(id="school", name="School", category="school")))
    report(record)
    assert [met.object for met in get(record).sites] == ["m2", "school"]
    assert owed(record) == {"ru": "waiting", "us": "waiting"}


def test_one_site_that_is_sure_is_enough(record: RecordSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    weighed: list[object] = []

    def count(one: Volume, other: Volume, separation: Separation) -> Relation:
        weighed.append(other)
        return relate(one, other, separation)

    monkeypatch.setattr(incident_sites, "relate", count)
    for place in range(3, 9):
        hear(record, record.send("un", "site.declare", make_site(id=f"m{place}")))
    report(record)
    assert [site.object for site in get(record).sites] == [f"m{place}" for place in range(2, 9)]
    assert len(weighed) == len(record.views)


def test_a_site_that_an_older_version_ended_is_gone_by_its_authors_date(record: RecordSimulator) -> None:
    record.send("un", "site.withdraw", WithdrawSite("m2", "closed", ""))
    for view in record.views.values():
        (version,) = view.rows.select(VersionRow)
        view.rows.put(msgspec.structs.replace(version, ended_by=""))
    report(record)
    assert get(record).sites == ()


def test_a_rebuilt_index_still_knows_the_past(record: RecordSimulator) -> None:
    record.tick(minutes=60)
    record.send("un", "site.withdraw", WithdrawSite("m2", "closed", ""))
    for view in record.views.values():
        view.index = rebuild_index(view.rows)
    report(record)
    assert owed(record) == {"ru": "waiting", "us": "waiting"}


# Who can read what


@pytest.fixture
def sealed() -> RecordSimulator:
    made = RecordSimulator()
    hear(made, made.send("un", "site.declare", make_site("ru"), to=("ru",)))
    made.tick(minutes=30)
    return made


def test_an_open_report_at_a_sealed_site_opens_nothing_for_anyone(sealed: RecordSimulator) -> None:
    report(sealed)
    for view in (None, "ru", "un", "us"):
        assert owed(sealed, view) == {}


def test_an_open_report_at_a_site_sealed_to_all_opens_nothing_that_the_host_cannot_see() -> None:
    record = RecordSimulator()
    hear(record, record.send("un", "site.declare", make_site("ru", "us"), to=("ru", "us")))
    record.tick(minutes=30)
    report(record)
    for view in (None, "ru", "un", "us"):
        assert owed(record, view) == {}


def test_a_report_to_whom_the_site_was_told_opens_it_among_them(sealed: RecordSimulator) -> None:
    report(sealed, to=("ru",))
    assert owed(sealed, "ru") == {"ru": "waiting"}
    assert owed(sealed, "un") == {"ru": "waiting"}
    assert owed(sealed) == owed(sealed, "us") == {}
    answer(sealed, "ru", to=("un",))
    assert owed(sealed, "un") == {"ru": "answered"}


def test_a_report_to_one_more_than_the_site_opens_nothing(sealed: RecordSimulator) -> None:
    report(sealed, to=("ru", "us"))
    for view in ("ru", "un", "us"):
        assert owed(sealed, view) == {}


def test_a_sealed_report_at_an_open_site_concerns_its_audience_alone(record: RecordSimulator) -> None:
    report(record, to=("us",))
    assert owed(record, "us") == {"us": "waiting"}
    assert owed(record, "ru") == {}


# Answers and silence


def test_a_party_that_goes_on_answering_makes_no_row_grow_and_loses_none(record: RecordSimulator) -> None:
    report(record)
    leaves = [answer(record, "us", text=f"account {place}") for place in range(30)]
    row = record.host.find(AccountRow, "fire:us")
    assert row is not None
    assert (row.text, row.times, list(row.earlier)) == ("account 29", 30, leaves[19:29])
    assert [one.stamp.leaf for one in record.host.select(SaidRow, incident="fire", party="us")] == leaves


def test_an_account_and_nothing_yet_are_answers_and_silence_is_none(record: RecordSimulator) -> None:
    report(record)
    answer(record, "ru")
    assert owed(record) == {"ru": "answered", "us": "waiting"}
    answer(record, "us", "nothing-yet", "")
    assert owed(record) == {"ru": "answered", "us": "answered"}
    answer(record, "us", "account", "our own review is under way")
    row = record.host.find(AccountRow, "fire:us")
    assert row is not None
    assert (row.answer, len(row.earlier)) == ("account", 1)


@pytest.mark.parametrize(("urgent", "days"), ((False, 7), (True, 2)))
def test_silence_is_recorded_when_the_days_are_over(
    record: RecordSimulator, days: int, *, urgent: bool
) -> None:
    report(record, urgent=urgent)
    answer(record, "us", "nothing-yet", "")
    record.tick(minutes=days * DAY_MINUTES - 1)
    assert plan(record) == []
    record.tick(minutes=1)
    ((kind, body),) = plan(record)
    assert body.silent == ["ru"]
    record.send("center", kind, body)
    assert owed(record) == {"ru": "silent", "us": "answered"}
    assert plan(record) == []
    answer(record, "ru")
    row = record.host.find(FollowUpRow, "fire:ru")
    assert row is not None
    assert (row.state, row.is_late) == ("answered", True)


def test_a_false_list_of_the_silent_is_refused(record: RecordSimulator) -> None:
    leaf = report(record)
    answer(record, "us")
    recorded = encode_utc(record.recorded[leaf])
    record.tick(minutes=8 * DAY_MINUTES)
    waited_s = 8 * 86_400
    for silent in (["us"], ["ru", "us"], ["un"]):
        with refused("wrong-lists", "expected silent ['ru']"):
            record.send("center", "incident.silent", SilentIncident("fire", silent, recorded, waited_s))
    with refused("nothing-owed", "'other'"):
        record.send("center", "incident.silent", SilentIncident("other", ["ru"], recorded, waited_s))


def test_silence_before_its_time_is_refused(record: RecordSimulator) -> None:
    leaf = report(record)
    recorded = encode_utc(record.recorded[leaf])
    record.tick(minutes=7 * DAY_MINUTES)
    body = SilentIncident("fire", ["ru", "us"], recorded, 7 * 86_400 - 1)
    with refused("too-early", "expected >= 604800 s"):
        record.send("center", "incident.silent", body)
    with refused("wrong-wait"):
        record.send("center", "incident.silent", msgspec.structs.replace(body, waited_s=7 * 86_400 + 1))


def test_only_the_center_records_silence(record: RecordSimulator) -> None:
    report(record)
    body = SilentIncident("fire", ["ru", "us"], encode_utc(START), 10**6)
    with refused("bad-author"):
        record.send("un", "incident.silent", body)


def test_a_center_that_does_not_know_the_time_of_a_report_says_nothing(record: RecordSimulator) -> None:
    report(record)
    record.tick(minutes=9 * DAY_MINUTES)
    assert plan_follow_ups(record.host, record.now, lambda _leaf: None) == []


def test_the_host_is_not_asked_for_what_it_cannot_read(sealed: RecordSimulator) -> None:
    report(sealed, to=("ru",))
    sealed.tick(minutes=9 * DAY_MINUTES)
    assert plan_follow_ups(sealed.rows("un"), sealed.now, sealed.recorded_utc) == []
    row = next(sealed.rows("un").select(FollowUpRow))
    assert answer_due(row, START).day == START.day + 7


@pytest.mark.parametrize(
    ("party", "word", "text", "code"),
    (
        ("un", "account", "x", "own-incident"),
        ("ru", "account", "", "bad-account"),
        ("ru", "nothing-yet", "x", "bad-account"),
    ),
)
def test_an_answer_that_is_none_is_refused(
    record: RecordSimulator, party: str, word: str, text: str, code: str
) -> None:
    report(record)
    with refused(code):
        answer(record, party, word, text)


def test_an_answer_to_what_was_never_reported_is_refused(record: RecordSimulator) -> None:
    with refused("unknown-incident", "'fire'"):
        answer(record, "ru")
    report(record)
    answer(record, "ru")
    with refused("already-answered", "'ru' has said this"):
        answer(record, "ru")


def test_an_answer_is_for_everyone_who_has_the_report(record: RecordSimulator) -> None:
    report(record)
    with refused("unknown-incident"):
        answer(record, "ru", to=("un",))


# Reports


@pytest.mark.parametrize(
    ("more", "code"),
    (
        ({"start": "2016-09-17T14:30:01Z", "end": "2016-09-17T15:00:00Z"}, "not-yet"),
        ({"start": "2016-09-17T14:10:00Z", "end": "2016-09-17T14:10:00Z"}, "window-reversed"),
    ),
)
def test_a_report_of_no_time_or_of_the_future_is_refused(
    record: RecordSimulator, more: dict[str, Any], code: str
) -> None:
    with refused(code):
        report(record, **more)


def test_a_name_is_given_once_in_its_audience(record: RecordSimulator) -> None:
    report(record)
    with refused("name-taken", "'fire'", "reported by 'un'"):
        report(record, "us")
    report(record, "us", to=("ru",))
    assert len(list(record.rows("ru").select(IncidentRow))) == 2


def test_a_place_that_is_none_is_refused(record: RecordSimulator) -> None:
    with pytest.raises((InvalidVolume, Malformed)):
        report(record, place_e7=(900_000_000, 5))


def test_a_report_has_no_field_for_who_did_it() -> None:
    names = {field.name for field in msgspec.structs.fields(ReportIncident)}
    assert names == {
        "id", "category", "urgent", "place_e7", "within_cm", "start", "end", "observed", "basis", "source"
    }  # fmt: skip
