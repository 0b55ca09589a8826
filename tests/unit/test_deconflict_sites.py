"""Sites: who is told, with whose consent, until when, who has looked; and that the law asks none of it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from entente.deconflict import (
    PROTECTION_NOTICE,
    ConflictRow,
    Consent,
    DeclareSite,
    ReconfirmSite,
    SiteRow,
    Verification,
    VerifySite,
    WithdrawSite,
    describe_site,
    site_standing,
    verification_state,
)
from entente.kernel.errors import Malformed
from entente.kernel.time import parse_utc
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused

EXPIRES: Final = "2016-10-01T00:00:00Z"


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def make_site(*recipients: str, **more: Any) -> DeclareSite:
    body = DeclareSite(
        id="m2",
        name="M2",
        category="hospital",
        volume=make_circle(36.2, 37.16, 50.0, floor_m=None, ceiling_m=None, end="2026-01-01T00:00:00Z"),
        buffer_cm=50_000,
        source="its board",
        consent=Consent("M2 hospital board", "2016-09-01T00:00:00Z", list(recipients), "letter"),
        expires=EXPIRES,
        replaces=None,
    )
    return msgspec.structs.replace(body, **more)


def declare(record: RecordSimulator, *recipients: str, to: tuple[str, ...] = (), **more: Any) -> str:
    return record.send("un", "site.declare", make_site(*recipients, **more), to=to)


def get(record: RecordSimulator, view: str | None = None) -> SiteRow:
    return next(record.rows(view).select(SiteRow))


def verify(record: RecordSimulator, party: str, leaf: str, found: Any = "verified", **more: Any) -> str:
    body = VerifySite("m2", leaf, found, more.pop("by", "verification unit"), more.pop("method", "visit"))
    return record.send(party, "site.verify", body, **more)


def verification(record: RecordSimulator) -> Verification:
    return verification_state(get(record), record.host)


# Consent and recipients


def test_a_site_goes_to_nobody_its_owner_did_not_agree_to(record: RecordSimulator) -> None:
    with refused("beyond-consent", "['ru'] only", "an open one"):
        declare(record, "ru")
    with refused("beyond-consent", "['ru']", "'us'"):
        declare(record, "ru", to=("ru", "us"))
    declare(record, "ru", "us", to=("ru",))
    assert get(record, "ru").to == ("ru",)
    assert list(record.rows("us").select(SiteRow)) == []


def test_a_list_that_moves_one_party_only_is_seen_to(record: RecordSimulator) -> None:
    declare(record, "ru", to=("ru",))
    assert "told to ru only" in describe_site(get(record, "ru"), record.now)
    declare(record, id="m3")
    assert "told to every party" in describe_site(get(record), record.now)


@pytest.mark.parametrize(
    ("consent", "code"),
    (
        ({"recipients": ["us", "ru"]}, "party-order"),
        ({"recipients": ["fr"]}, "unknown-party"),
        ({"given": "2016-09-17T13:00:01Z"}, "not-yet"),
    ),
)
def test_a_consent_that_cannot_be_is_refused(record: RecordSimulator, consent: Any, code: str) -> None:
    with refused(code):
        declare(record, consent=msgspec.structs.replace(make_site().consent, **consent), to=("ru", "us"))


def test_a_consent_of_the_thirtieth_of_february_is_refused(record: RecordSimulator) -> None:
    with pytest.raises(Malformed):
        declare(record, consent=msgspec.structs.replace(make_site().consent, given="2016-02-30T00:00:00Z"))


def test_a_consent_taken_back_is_told_as_that_and_takes_no_protection(record: RecordSimulator) -> None:
    declare(record)
    record.send("un", "site.withdraw", WithdrawSite("m2", "consent-withdrawn", ""))
    row = get(record)
    assert (row.state, row.withdrawn) == ("withdrawn", "consent-withdrawn")
    text = describe_site(row, record.now)
    assert "its owner took its consent back: do not pass it on" in text
    assert text.endswith(PROTECTION_NOTICE)


# Expiry


@pytest.mark.parametrize(
    ("expires", "is_refused"),
    (
        ("2016-09-17T13:00:00Z", True),
        ("2016-09-17T13:00:01Z", False),
        ("2017-09-18T13:00:00Z", False),
        ("2017-09-18T13:00:01Z", True),
    ),
)
def test_a_notification_holds_for_a_year_at_most(
    record: RecordSimulator, expires: str, *, is_refused: bool
) -> None:
    if is_refused:
        with refused("bad-expiry", repr(expires)):
            declare(record, expires=expires)
    else:
        declare(record, expires=expires)


@pytest.mark.parametrize(
    ("now", "standing", "says"),
    (
        ("2016-09-23T23:59:59Z", "standing", "confirmed until 2016-10-01T00:00:00Z."),
        ("2016-09-24T00:00:00Z", "expires-soon", "to be confirmed again by un."),
        ("2016-09-30T23:59:59Z", "expires-soon", "to be confirmed again by un."),
        ("2016-10-01T00:00:00Z", "expired", "EXPIRED since 2016-10-01T00:00:00Z: not confirmed again; still"),
        ("2026-10-01T00:00:00Z", "expired", "still protected by law"),
    ),
)
def test_an_expired_site_is_shown_as_expired_and_as_protected(
    record: RecordSimulator, now: str, standing: str, says: str
) -> None:
    declare(record)
    row = get(record)
    assert site_standing(row, parse_utc(now)) == standing
    text = describe_site(row, parse_utc(now))
    assert says in text
    assert text.endswith(PROTECTION_NOTICE)


def test_an_expired_site_keeps_its_buffer(record: RecordSimulator) -> None:
    declare(record)
    record.tick(minutes=60 * 24 * 365)
    later = make_circle(36.2, 37.16, start="2017-09-17T15:00:00Z", end="2017-09-17T16:00:00Z")
    record.notify("us", "alpha", later)
    (row,) = record.host.select(ConflictRow, state="open")
    assert (row.rule, row.second) == ("buffer", "m2")


def test_confirming_again_moves_the_expiry_and_reopens_nothing(record: RecordSimulator) -> None:
    leaf = declare(record)
    verify(record, "ru", leaf)
    with refused("bad-expiry", "after '2016-10-01T00:00:00Z'"):
        record.send("un", "site.reconfirm", ReconfirmSite("m2", leaf, EXPIRES, ""))
    with refused("not-author", "'un', got 'ru'"):
        record.send("ru", "site.reconfirm", ReconfirmSite("m2", leaf, "2016-11-01T00:00:00Z", ""))
    record.send("un", "site.reconfirm", ReconfirmSite("m2", leaf, "2016-11-01T00:00:00Z", "by phone"))
    row = get(record)
    assert (row.expires, row.version) == ("2016-11-01T00:00:00Z", leaf)
    assert site_standing(row, parse_utc("2016-10-15T00:00:00Z")) == "standing"
    assert verification(record).state == "verified"
    with refused("bad-expiry"):
        record.send("un", "site.reconfirm", ReconfirmSite("m2", leaf, "2019-01-01T00:00:00Z", ""))


def test_what_is_past_is_not_confirmed_again(record: RecordSimulator) -> None:
    first = declare(record)
    other = declare(record, id="m3")
    with refused("other-site", other[:12], "'m2'"):
        record.send("un", "site.reconfirm", ReconfirmSite("m2", other, "2016-11-01T00:00:00Z", ""))
    second = declare(record, replaces=first, buffer_cm=60_000)
    with refused("superseded", second[:12]):
        record.send("un", "site.reconfirm", ReconfirmSite("m2", first, "2016-11-01T00:00:00Z", ""))
    record.send("un", "site.withdraw", WithdrawSite("m2", "closed", ""))
    with refused("ended", "'m2'"):
        record.send("un", "site.reconfirm", ReconfirmSite("m2", second, "2016-11-01T00:00:00Z", ""))


# Verification


def test_nobody_verifies_his_own_site(record: RecordSimulator) -> None:
    leaf = declare(record)
    for by in ("un", "OCHA verification unit", "ru"):
        with refused("own-site", "another party than its author 'un'"):
            verify(record, "un", leaf, by=by)
    assert verification(record) == Verification("unverified", (), (), "unverified")


def test_the_strongest_word_of_others_is_shown_with_whose_it_is(record: RecordSimulator) -> None:
    leaf = declare(record)
    verify(record, "ru", leaf, "plausible", method="picture of 3 May")
    assert verification(record).words == "plausible: ru (verification unit: picture of 3 May)"
    verify(record, "us", leaf, "verified", method="")
    assert verification(record).words == "verified: us (verification unit)"
    verify(record, "us", leaf, "not-stated")
    assert (verification(record).state, verification(record).by) == ("plausible", ("ru",))
    with refused("already-answered", "'us'"):
        verify(record, "us", leaf, "not-stated")


def test_a_doubt_is_shown_and_takes_nothing_away(record: RecordSimulator) -> None:
    leaf = declare(record)
    record.notify("us", "alpha", make_circle(36.2, 37.16))
    verify(record, "us", leaf)
    verify(record, "ru", leaf, "doubted", method="seen empty")
    found = verification(record)
    assert (found.state, found.by, found.doubted_by) == ("verified", ("us",), ("ru",))
    assert found.words.endswith(
        "DOUBTED by ru (verification unit: seen empty): the doubt changes no protection"
    )
    assert [row.rule for row in record.host.select(ConflictRow, state="open")] == ["buffer"]


def test_a_new_version_is_unverified_however_little_moved(record: RecordSimulator) -> None:
    first = declare(record)
    verify(record, "ru", first)
    second = declare(record, replaces=first)
    assert verification(record).state == "unverified"
    with refused("superseded", second[:12], first[:12]):
        verify(record, "us", first)


def test_taking_back_what_was_never_said_is_refused(record: RecordSimulator) -> None:
    leaf = declare(record)
    with refused("already-answered", "'ru'"):
        verify(record, "ru", leaf, "not-stated")
    zone_like = declare(record, id="m3")
    with refused("other-site", zone_like[:12], "'m2'"):
        verify(record, "ru", zone_like)


def test_a_sealed_site_is_verified_among_its_readers(record: RecordSimulator) -> None:
    leaf = declare(record, "ru", to=("ru",))
    verify(record, "ru", leaf, to=["un"])
    for reader in ("ru", "un"):
        row = get(record, reader)
        assert verification_state(row, record.rows(reader)).state == "verified"
    with refused("unknown-version"):
        verify(record, "ru", leaf, "doubted")
