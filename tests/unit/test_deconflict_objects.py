"""Activities, zones and sites: whose they are, which version is current, what a declaration must say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.deconflict import (
    PROTECTION_NOTICE,
    ActivityRow,
    Close,
    Consent,
    DeclareSite,
    DeclareZone,
    Obligation,
    SiteRow,
    Update,
    VersionRow,
    WithdrawSite,
    WithdrawZone,
    ZoneRow,
    ZoneRule,
    describe_site,
    find_volumes,
    name_object,
)
from entente.kernel.errors import InvalidVolume
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused

GUARD = Obligation("pull-back", "other", "heavy weapons 3,500 m north", "ru")


RULE = ZoneRule("us", "air", "concurrence", 0, ["ru"])
replace = msgspec.structs.replace


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def make_update(name: str, replaces: str, **more: Any) -> Update:
    body = Update(name, replaces, "new title", [make_circle(35.3)], [], "wind", armed=False, concur_by=None)
    return msgspec.structs.replace(body, **more)


def make_zone(name: str = "castello", **more: Any) -> DeclareZone:
    body = DeclareZone(
        id=name,
        name="Castello road",
        zone="demilitarised",
        text="no heavy weapons",
        volumes=[make_circle(36.25, 37.15, 3500.0, floor_m=None, ceiling_m=None)],
        sides=[],
        rules=[ZoneRule("un", "*", "permitted", 0, [])],
        obligations=[GUARD],
        corridors=[],
        source="AP, 9 September 2016",
        replaces=None,
    )
    return msgspec.structs.replace(body, **more)


def make_site(name: str = "m2", **more: Any) -> DeclareSite:
    body = DeclareSite(
        id=name,
        name="M2",
        category="hospital",
        volume=make_circle(36.2, 37.16, 50.0, floor_m=None, ceiling_m=None, end="2017-09-17T00:00:00Z"),
        buffer_cm=50_000,
        source="declared by its operator",
        consent=Consent("M2 hospital board", "2016-09-01T00:00:00Z", [], "letter"),
        expires="2016-12-01T00:00:00Z",
        replaces=None,
    )
    return msgspec.structs.replace(body, **more)


# Activities


def test_a_notified_activity_stands_with_its_version(record: RecordSimulator) -> None:
    leaf = record.notify("us", "sortie-7", concurrence=["ru"])
    row = record.host.find(ActivityRow, "sortie-7")
    assert row is not None
    assert (row.author, row.version, row.version_number, row.state) == ("us", leaf, 1, "standing")
    assert row.concurrence == ("ru",)
    assert find_volumes(record.host, "sortie-7") == (make_circle(),)


@pytest.mark.parametrize("kind", ("activity", "zone", "site"))
def test_a_name_taken_by_any_type_is_refused(record: RecordSimulator, kind: str) -> None:
    record.notify("us", "alpha")
    with refused("name-taken", "'alpha'", "activity of 'us'"):
        if kind == "activity":
            record.notify("ru", "alpha")
        elif kind == "zone":
            record.send("ru", "zone.declare", make_zone("alpha"))
        else:
            record.send("ru", "site.declare", make_site("alpha"))


def test_the_name_of_a_closed_activity_is_not_given_again(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    record.send("us", "activity.close", Close("alpha", "cancelled", "weather"))
    assert find_volumes(record.host, "alpha") is None
    with refused("name-taken", "'alpha'"):
        record.notify("us", "alpha")


def test_a_notification_without_an_officer_is_refused(record: RecordSimulator) -> None:
    with refused("officers-missing", "expected >= 1, got 0"):
        record.notify("us", "alpha", officers=())


def test_a_volume_that_is_none_is_refused_with_its_place(record: RecordSimulator) -> None:
    bad = make_circle(start="2016-09-17T16:00:00Z", end="2016-09-17T14:00:00Z")
    with pytest.raises(InvalidVolume, match="start < end") as caught:
        record.notify("us", "alpha", make_circle(), bad)
    assert (caught.value.code, caught.value.path) == ("window-reversed", "$.body.volumes[1].start")


@pytest.mark.parametrize(
    ("named", "code"),
    (
        (["un", "ru"], "party-order"),
        (["ru", "ru"], "party-order"),
        (["us"], "bad-concurrence"),
        (["fr"], "bad-concurrence"),
    ),
)
def test_concurrence_of_whom_it_cannot_be_asked_is_refused(
    record: RecordSimulator, named: list[str], code: str
) -> None:
    with refused(code):
        record.notify("us", "alpha", concurrence=named)


def test_concurrence_of_a_party_that_cannot_read_it_is_refused(record: RecordSimulator) -> None:
    with refused("bad-concurrence", "['ru']", "'un'"):
        record.notify("us", "alpha", concurrence=["un"], to=["ru"])


def test_an_update_makes_a_new_version(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", concurrence=["ru"])
    second = record.send("us", "activity.update", make_update("alpha", first))
    row = record.host.find(ActivityRow, "alpha")
    version = record.host.find(VersionRow, second)
    assert row is not None
    assert version is not None
    assert (row.version, row.version_number, row.title, row.reason) == (second, 2, "new title", "wind")
    assert (version.previous, version.object) == (first, "alpha")


def test_an_update_of_anothers_activity_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    with refused("not-author", "its author 'us', got 'ru'"):
        record.send("ru", "activity.update", make_update("alpha", leaf))


def test_closing_anothers_activity_is_refused(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    with refused("not-author", "its author 'us', got 'ru'"):
        record.send("ru", "activity.close", Close("alpha", "closed", ""))


def test_a_lost_update_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    second = record.send("us", "activity.update", make_update("alpha", first))
    with refused("lost-update", second[:12], first[:12]):
        record.send("us", "activity.update", make_update("alpha", first, title="written in ignorance"))


def test_an_update_of_what_was_never_notified_is_refused(record: RecordSimulator) -> None:
    with refused("unknown-object", "activity 'alpha'"):
        record.send("us", "activity.update", make_update("alpha", "0" * 64))


def test_an_update_of_a_zone_as_an_activity_is_refused(record: RecordSimulator) -> None:
    leaf = record.send("us", "zone.declare", make_zone("alpha"))
    with refused("unknown-object", "activity 'alpha'"):
        record.send("us", "activity.update", make_update("alpha", leaf))


@pytest.mark.parametrize("again", ("update", "close"))
def test_what_is_closed_stays_closed(record: RecordSimulator, again: str) -> None:
    leaf = record.notify("us", "alpha")
    record.send("us", "activity.close", Close("alpha", "closed", "done"))
    with refused("ended", "activity 'alpha'"):
        if again == "update":
            record.send("us", "activity.update", make_update("alpha", leaf))
        else:
            record.send("us", "activity.close", Close("alpha", "closed", ""))


# Zones


def test_a_zone_stands_and_is_withdrawn(record: RecordSimulator) -> None:
    first = record.send("us", "zone.declare", make_zone())
    second = record.send("us", "zone.declare", make_zone(replaces=first, text="none at all"))
    row = record.host.find(ZoneRow, "castello")
    assert row is not None
    assert (row.version, row.declared.text, row.state) == (second, "none at all", "standing")
    record.send("us", "zone.withdraw", WithdrawZone("castello", "the parties left"))
    row = record.host.find(ZoneRow, "castello")
    assert row is not None
    assert (row.state, row.note) == ("withdrawn", "the parties left")


@pytest.mark.parametrize("zone", ("safe", "demilitarised", "corridor"))
def test_a_zone_that_promises_without_a_guarantor_is_refused(record: RecordSimulator, zone: str) -> None:
    with refused("no-guarantor", f"{zone} zone, got none"):
        record.send("us", "zone.declare", make_zone(zone=zone, obligations=[]))


@pytest.mark.parametrize("zone", ("denied", "restricted", "caution"))
def test_a_zone_that_promises_nothing_needs_no_guarantor(record: RecordSimulator, zone: str) -> None:
    record.send("us", "zone.declare", make_zone(zone=zone, obligations=[]))


def test_a_guarantor_who_is_not_a_party_is_refused(record: RecordSimulator) -> None:
    with refused("bad-guarantor", "['ru', 'un', 'us'], got 'fr'"):
        record.send("us", "zone.declare", make_zone(obligations=[Obligation("guard", "guard", "", "fr")]))


def test_a_guarantor_who_cannot_read_what_he_guarantees_is_refused(record: RecordSimulator) -> None:
    with refused("bad-guarantor", "['un', 'us'], got 'ru'"):
        record.send("us", "zone.declare", make_zone(), to=["un"])


@pytest.mark.parametrize(
    ("more", "code"),
    (
        ({"rules": [RULE, RULE]}, "rule-order"),
        ({"rules": [RULE, replace(RULE, party="*")]}, "rule-order"),
        ({"rules": [replace(RULE, party="fr")]}, "unknown-party"),
        ({"rules": [replace(RULE, concurrence=["us", "ru"])]}, "party-order"),
        ({"rules": [replace(RULE, concurrence=["fr"])]}, "bad-concurrence"),
        ({"rules": [replace(RULE, concurrence=[])]}, "bad-rule"),
        ({"rules": [replace(RULE, verdict="notice")]}, "bad-rule"),
        ({"rules": [replace(RULE, verdict="notice", concurrence=[])]}, "bad-rule"),
        ({"rules": [replace(RULE, verdict="forbidden")]}, "bad-rule"),
        ({"rules": [replace(RULE, verdict="permitted", concurrence=[], notice_h=1)]}, "bad-rule"),
        ({"sides": ["ru"]}, "bad-sides"),
        ({"zone": "line", "sides": []}, "bad-sides"),
        ({"zone": "line", "sides": ["ru"]}, "bad-sides"),
        ({"zone": "line", "sides": ["fr"]}, "unknown-party"),
        ({"corridors": ["0" * 64, "0" * 64]}, "corridor-order"),
        ({"corridors": ["0" * 64]}, "unknown-corridor"),
        ({"obligations": [GUARD, GUARD]}, "obligation-order"),
    ),
)
def test_a_zone_with_a_second_spelling_is_refused(
    record: RecordSimulator, more: dict[str, Any], code: str
) -> None:
    with refused(code):
        record.send("us", "zone.declare", make_zone(**more))


def test_withdrawing_anothers_zone_is_refused(record: RecordSimulator) -> None:
    record.send("us", "zone.declare", make_zone())
    with refused("not-author", "'us', got 'ru'"):
        record.send("ru", "zone.withdraw", WithdrawZone("castello", ""))


def test_replacing_anothers_zone_is_refused(record: RecordSimulator) -> None:
    leaf = record.send("us", "zone.declare", make_zone())
    with refused("not-author", "'us', got 'ru'"):
        record.send("ru", "zone.declare", make_zone(replaces=leaf))


def test_declaring_a_zone_anew_without_naming_its_version_is_refused(record: RecordSimulator) -> None:
    record.send("us", "zone.declare", make_zone())
    with refused("name-taken", "'castello'"):
        record.send("us", "zone.declare", make_zone())


# Sites


def test_every_showing_of_a_site_carries_the_notice(record: RecordSimulator) -> None:
    record.send("un", "site.declare", make_site())
    row = record.host.find(SiteRow, "m2")
    assert row is not None
    assert describe_site(row, record.now).endswith(PROTECTION_NOTICE)
    assert "buffer of 500 m" in describe_site(row, record.now)
    record.send("un", "site.withdraw", WithdrawSite("m2", "consent-withdrawn", "by letter"))
    row = record.host.find(SiteRow, "m2")
    assert row is not None
    assert "withdrawn (its owner took its consent back: do not pass it on: by letter)" in describe_site(
        row, record.now
    )
    assert describe_site(row, record.now).endswith(PROTECTION_NOTICE)


def test_a_site_is_replaced_by_its_author_alone(record: RecordSimulator) -> None:
    first = record.send("un", "site.declare", make_site())
    with refused("not-author", "'un', got 'us'"):
        record.send("us", "site.declare", make_site(replaces=first))
    second = record.send("un", "site.declare", make_site(replaces=first, buffer_cm=100_000))
    with refused("lost-update", second[:12], first[:12]):
        record.send("un", "site.declare", make_site(replaces=first))
    with refused("not-author", "'un', got 'us'"):
        record.send("us", "site.withdraw", WithdrawSite("m2", "closed", ""))


# Sealed names


def test_one_name_sealed_to_two_audiences_is_two_objects(record: RecordSimulator) -> None:
    to_ru = record.notify("us", "alpha", to=["ru"])
    to_un = record.notify("us", "alpha", to=["un"])
    openly = record.notify("ru", "alpha")
    assert len({to_ru, to_un, openly}) == 3
    assert {row.version for row in record.rows("us").select(ActivityRow)} == {to_ru, to_un, openly}
    assert {row.version for row in record.rows("ru").select(ActivityRow)} == {to_ru, openly}
    assert {row.version for row in record.host.select(ActivityRow)} == {openly}


def test_a_sealed_name_taken_in_its_audience_is_refused_there(record: RecordSimulator) -> None:
    record.notify("us", "alpha", to=["ru"])
    with refused("name-taken", "activity of 'us'"):
        record.notify("ru", "alpha", to=["us"])
    lie = record.notify("ru", "alpha", to=["us"], is_lying=True)
    # The host cannot know; the desks of the audience refuse it, and still know that it stands in the record.
    assert record.views[None].refused == []
    assert record.views["us"].refused == [(lie, "name-taken")]
    assert record.receipt(lie, "us", view="us").state == "waiting"


def test_an_update_to_a_smaller_audience_changes_nothing(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", to=["ru", "un"])
    record.send("us", "activity.update", make_update("alpha", first), to=["ru"], is_lying=True)
    for reader in ("ru", "un", "us"):
        assert [row.version for row in record.rows(reader).select(ActivityRow)] == [first], reader


def test_an_open_update_of_a_sealed_activity_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", to=["ru"])
    with refused("unknown-object", "activity 'alpha'"):
        record.send("us", "activity.update", make_update("alpha", first))


def test_a_sealed_update_reaches_its_audience(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", to=["ru"])
    second = record.send("us", "activity.update", make_update("alpha", first), to=["ru"])
    name = name_object(record.build("us", "activity.close", Close("alpha", "closed", ""), to=["ru"]), "alpha")
    row = record.rows("ru").find(ActivityRow, name)
    assert row is not None
    assert row.version == second
    record.send("us", "activity.close", Close("alpha", "closed", "done"), to=["ru"])
    row = record.rows("ru").find(ActivityRow, name)
    assert row is not None
    assert row.state == "closed"


def test_scoped_names_fit_a_row_key(record: RecordSimulator) -> None:
    longest = "a" * 40
    message = record.build("us", "activity.close", Close(longest, "closed", ""), to=["ru", "un"])
    assert len(f"{name_object(message, longest)}|{name_object(message, longest)}") <= 200
