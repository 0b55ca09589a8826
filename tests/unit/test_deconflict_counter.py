"""Counter-proposals: another time, height or route, said and answered; and what they must not be able to
do."""

from __future__ import annotations

import pytest

from entente.deconflict import (
    ActivityRow,
    Close,
    Concur,
    Counter,
    Decline,
    ObjectRow,
    ReceiptRow,
    Update,
    activity_state,
    list_proposals,
)
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def counter(record: RecordSimulator, party: str, leaf: str, lat: float = 35.4, **more: object) -> str:
    body = Counter("alpha", leaf, [make_circle(lat)], "farther north")
    return record.send(party, "activity.counter", body, **more)  # type: ignore[arg-type]


def decline(record: RecordSimulator, proposal: str, party: str = "us") -> str:
    return record.send(party, "activity.decline", Decline("alpha", proposal, "too far"))


def told(record: RecordSimulator) -> str:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    record.acknowledge("ru", leaf)
    record.acknowledge("un", leaf)
    return leaf


def words(record: RecordSimulator) -> list[tuple[str, str]]:
    return [(one.row.author, one.state) for one in list_proposals(record.host, "alpha")]


def update(record: RecordSimulator, leaf: str, lat: float) -> str:
    body = Update("alpha", leaf, "t", [make_circle(lat)], ["ru"], "", armed=False, concur_by=None)
    return record.send("us", "activity.update", body)


def test_a_proposal_changes_nothing_but_itself(record: RecordSimulator) -> None:
    leaf = told(record)
    record.send("ru", "activity.concur", Concur("alpha", leaf))
    before = [list(record.host.select(kind)) for kind in (ActivityRow, ObjectRow)]
    state = activity_state(record.host, "alpha")
    proposal = counter(record, "ru", leaf)
    assert [list(record.host.select(kind)) for kind in (ActivityRow, ObjectRow)] == before
    assert activity_state(record.host, "alpha") == state
    assert words(record) == [("ru", "standing")]
    # Officers of the others owe an acknowledgement for it: it is there to be read.
    assert {row.party for row in record.host.select(ReceiptRow) if row.message == proposal} == {"us", "un"}


def test_an_update_takes_it_up_or_goes_past_it(record: RecordSimulator) -> None:
    leaf = told(record)
    counter(record, "ru", leaf, 35.4)
    counter(record, "un", leaf, 35.5)
    update(record, leaf, 35.4)
    assert words(record) == [("ru", "taken-up"), ("un", "superseded")]


def test_the_author_declines_once(record: RecordSimulator) -> None:
    proposal = counter(record, "ru", told(record))
    with refused("not-author", "'us'", "'ru'"):
        decline(record, proposal, "ru")
    decline(record, proposal)
    (one,) = list_proposals(record.host, "alpha")
    assert (one.state, one.words) == ("declined", "declined: too far")
    with refused("not-standing", "declined"):
        decline(record, proposal)


def test_a_later_proposal_of_a_party_replaces_its_earlier_one(record: RecordSimulator) -> None:
    leaf = told(record)
    first = counter(record, "ru", leaf, 35.4)
    counter(record, "un", leaf, 35.45)
    counter(record, "ru", leaf, 35.5)
    assert words(record) == [("ru", "replaced"), ("un", "standing"), ("ru", "standing")]
    with refused("not-standing", "replaced"):
        decline(record, first)


def test_a_flood_of_proposals_is_refused(record: RecordSimulator) -> None:
    leaf = told(record)
    for place in range(5):
        counter(record, "ru", leaf, 35.4 + place / 100)
    with refused("too-many", "<= 5", "'ru'", "got 6"):
        counter(record, "ru", leaf, 35.9)
    counter(record, "un", leaf)  # another party's voice is its own
    second = update(record, leaf, 35.31)
    record.acknowledge("ru", second)
    counter(record, "ru", second)


def test_who_may_propose(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    with refused("not-acknowledged", "'ru'"):
        counter(record, "ru", leaf)
    record.acknowledge("ru", leaf)
    with refused("own-activity", "'us'"):
        counter(record, "us", leaf)
    with refused("same-volumes"):
        counter(record, "ru", leaf, 35.28)
    with refused("other-activity", "'bravo'"):
        body = Counter("bravo", leaf, [make_circle(35.4)], "")
        record.send("ru", "activity.counter", body)
    with refused("window-reversed"):
        volume = make_circle(35.4, start="2016-09-17T14:00:00Z", end="2016-09-17T14:00:00Z")
        record.send("ru", "activity.counter", Counter("alpha", leaf, [volume], ""))
    second = update(record, leaf, 35.3)
    with refused("superseded", second[:12]):
        counter(record, "ru", leaf)
    record.send("us", "activity.close", Close("alpha", "closed", ""))
    with refused("ended"):
        counter(record, "ru", second)


def test_a_proposal_about_what_is_past_cannot_be_declined(record: RecordSimulator) -> None:
    leaf = told(record)
    proposal = counter(record, "ru", leaf)
    with refused("unknown-proposal", "000000000000"):
        decline(record, "0" * 64)
    update(record, leaf, 35.3)
    with refused("superseded"):
        decline(record, proposal)


def test_sealed_proposals_stay_with_their_audience(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"], to=["ru"])
    record.acknowledge("ru", leaf)
    with refused("unknown-version"):
        counter(record, "ru", leaf)
    proposal = counter(record, "ru", leaf, to=["us"])
    name = next(record.rows("us").select(ActivityRow)).object
    assert [one.state for one in list_proposals(record.rows("us"), name)] == ["standing"]
    assert list_proposals(record.host, name) == []
    with refused("unknown-proposal"):
        record.send("us", "activity.decline", Decline("alpha", proposal, ""))
    record.send("us", "activity.decline", Decline("alpha", proposal, ""), to=["ru"])
    assert [one.state for one in list_proposals(record.rows("ru"), name)] == ["declined"]
