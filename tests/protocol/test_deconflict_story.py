"""17 September 2016 from bytes, through every check of acceptance: nine kilometres off, and no answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from entente.deconflict import (
    Acknowledge,
    ActivityRow,
    Concur,
    Notify,
    ReadBack,
    Reading,
    ReceiptRow,
    activity_state,
    compare_with_plan,
    describe_ladder,
    plan_ladder,
    version_state,
)
from entente.deconflict import Dispute as DisputeBody
from entente.joint import KINDS, verify_message
from entente.joint.state import JointState
from entente.kernel.envelope import SignedMessage, parse_envelope
from entente.kernel.errors import Denied, VerificationFailed
from entente.kernel.message import Entry
from entente.kernel.rows import MemoryRows
from entente.kernel.time import encode_utc, parse_utc
from entente.record.tree import Tree, leaf_hash
from tests.parties import AT, CenterSimulator, PartySimulator
from tests.unit.test_deconflict_simulator import make_circle

RECORDED = parse_utc(AT)
TOLD, MEANT = make_circle(35.28), make_circle(35.28 + 0.081)


class Desk:
    """A party's own view of the record: it opens what is addressed to it and follows the rest."""

    def __init__(self, party: PartySimulator) -> None:
        self.party = party
        self.state = JointState(MemoryRows(), KINDS)
        self.tree = Tree()

    def follow(self, signed: SignedMessage, sealed: dict[str, bytes]) -> None:
        ciphertext = sealed.get(self.party.name)
        opened = self.party.open(signed, ciphertext, KINDS) if ciphertext else None
        message = verify_message(signed, self.state.ring, KINDS, opened=opened)
        self.state.apply(self.state.admit(message, self.tree))
        self.tree.append(leaf_hash(signed.raw))


class Scene:
    """A center of two parties, and the desk of the one that is told."""

    def __init__(self) -> None:
        self.us, self.ru = PartySimulator("us"), PartySimulator("ru")
        self.center = CenterSimulator(self.us, self.ru, kinds=KINDS)
        self.center.found()
        self.desk = Desk(self.ru)
        for raw in self.center.entries:
            self.desk.follow(parse_envelope(raw), {})

    def send(self, signed: SignedMessage, sealed: dict[str, bytes] | None = None) -> Entry[Any]:
        entry = self.center.submit(signed)
        self.desk.follow(signed, sealed or {})
        return entry

    def write(self, party: PartySimulator, kind: str, body: Any, *, officer: str = "duty-1") -> Entry[Any]:
        return self.send(party.write(kind, body, self.center.seen(), officers=[officer]))

    def run_ladder(self, now: datetime) -> list[str]:
        due = plan_ladder(self.center.rows, now, lambda _: RECORDED)
        for kind, body in due:
            self.send(self.center.write(kind, body, at=encode_utc(now)))
        return [kind for kind, _ in due]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_nine_kilometres_are_caught_before_anyone_acts_on_them(scene: Scene) -> None:
    body = Notify("sortie-7", "air", "Deir ez-Zor", [TOLD], ["ru"], armed=False, concur_by=None)
    leaf = scene.write(scene.us, "activity.notify", body).message.leaf
    reading = Reading(0, (352_800_000, 401_800_000), "south of the airport", None)
    scene.write(scene.ru, "position.read-back", ReadBack(leaf, [reading]))
    # It was read back as it was told, and so it counts, until its author holds it against his own plan.
    assert version_state(scene.center.rows, leaf).state == "counts"
    (difference,) = compare_with_plan([MEANT], [TOLD], 1000.0)
    assert difference.difference_cm is not None
    assert 898_000 < difference.difference_cm < 899_000
    scene.write(scene.us, "position.dispute", DisputeBody(leaf, difference.difference_cm, difference.text))
    for rows in (scene.center.rows, scene.desk.state.rows):
        assert version_state(rows, leaf).state == "blocked"


def test_twenty_seven_minutes_of_silence_are_escalated_and_answered(scene: Scene) -> None:
    leaf = scene.write(
        scene.us,
        "activity.notify",
        Notify("sortie-7", "air", "t", [TOLD], ["ru"], armed=False, concur_by=None),
    ).message.leaf
    said = {minutes: scene.run_ladder(RECORDED + timedelta(minutes=minutes)) for minutes in (4, 5, 6, 27)}
    assert said == {4: [], 5: ["receipt.escalate"], 6: [], 27: []}
    with pytest.raises(Denied, match="acknowledged version"):
        scene.write(scene.ru, "activity.concur", Concur("sortie-7", leaf))
    scene.write(scene.ru, "receipt.acknowledge", Acknowledge([leaf]), officer="duty-2")
    scene.write(scene.ru, "activity.concur", Concur("sortie-7", leaf), officer="duty-2")
    assert activity_state(scene.center.rows, "sortie-7").state == "concurred"
    (party,) = describe_ladder(scene.center.rows, leaf, lambda _: "recorded").parties
    assert [rung.name for rung in party.rungs if rung.state == "reached"] == [
        "escalated",
        "acknowledged",
        "answered",
    ]
    assert list(scene.center.rows.select(ReceiptRow)) == list(scene.desk.state.rows.select(ReceiptRow))


def test_what_is_sealed_is_read_by_the_desk_and_not_by_the_host(scene: Scene) -> None:
    body = Notify("sortie-7", "air", "Deir ez-Zor", [TOLD], ["ru"], armed=False, concur_by=None)
    signed, sealed = scene.us.write_sealed(
        "activity.notify", body, [scene.ru], scene.center.seen(), officers=["duty-1"]
    )
    scene.send(signed, sealed)
    assert list(scene.center.rows.select(ActivityRow)) == []
    (row,) = scene.desk.state.rows.select(ActivityRow)
    assert (row.id, row.title) == ("sortie-7", "Deir ez-Zor")
    assert b"sortie-7" not in b"".join(scene.center.entries)
    scene.write(scene.ru, "receipt.acknowledge", Acknowledge([signed.leaf]))
    assert [one.state for one in scene.center.rows.select(ReceiptRow)] == ["acknowledged"]


def test_a_party_that_escalates_as_the_center_is_refused(scene: Scene) -> None:
    scene.write(
        scene.us, "activity.notify", Notify("sortie-7", "air", "t", [TOLD], [], armed=False, concur_by=None)
    )
    ((kind, body),) = plan_ladder(scene.center.rows, RECORDED + timedelta(minutes=5), lambda _: RECORDED)
    with pytest.raises(VerificationFailed):
        scene.center.submit(scene.us.write(kind, body, scene.center.seen()))
    with pytest.raises(VerificationFailed):
        scene.center.submit(scene.us.write(kind, body, scene.center.seen(), author="center"))
