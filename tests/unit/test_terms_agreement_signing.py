"""Signing: in force only when every party and every agency has signed the same bytes, by its own officer."""

from __future__ import annotations

from typing import Any

import pytest

from entente.joint.acceptance import AlreadyRecorded
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import Malformed
from entente.kernel.message import MAX_BODY_BYTES
from entente.kernel.roster import OfficerWire
from entente.kernel.time import encode_utc
from entente.terms import agreement as ag
from tests.agreement_scene import (
    EXPIRY,
    NOTICE,
    ROAD,
    SEVEN_DAYS,
    START,
    AgreementScene,
    change,
    make_clock,
    make_text,
    refused,
)


@pytest.fixture
def scene() -> AgreementScene:
    return AgreementScene()


def test_it_is_in_force_when_every_party_and_agency_has_signed_and_not_before(scene: AgreementScene) -> None:
    scene.propose()
    everyone = ag.list_signatories(scene.text)
    assert [str(one) for one in everyone] == ["ru", "ru/mod", "us", "us/pentagon", "us/state"]
    for number, one in enumerate(everyone):
        state = scene.state()
        assert state.phase == "proposed"
        missing = {(due.party, due.agency) for due in state.due if due.kind == "sign"}
        assert missing == {(each.party, each.agency) for each in everyone[number:]}
        assert {measure.state for measure in state.measures} == {"not-in-force"}
        scene.sign(one.party, one.agency)
    assert scene.state().phase == "in-force"
    assert scene.state().since == encode_utc(START)


def test_proposing_signs_for_nobody(scene: AgreementScene) -> None:
    scene.propose("us")
    assert {one.word for one in scene.state().signatories} == {"silent"}


def test_one_agency_without_a_signature_keeps_it_out_of_force(scene: AgreementScene) -> None:
    scene.propose()
    for one in ag.list_signatories(scene.text):
        if one.agency != "pentagon":
            scene.sign(one.party, one.agency)
    scene.tick(days=400)
    assert scene.state().phase == "proposed"
    assert [(due.party, due.agency) for due in scene.state().due] == [("us", "pentagon")]
    with refused("not-signed", "us/pentagon"):
        scene.suspend("ru")


def test_a_refusal_is_a_veto_with_its_reason_and_a_later_signature_lifts_it(scene: AgreementScene) -> None:
    scene.propose()
    leaf = scene.refuse("us", "pentagon", reason="no targets are shared")
    for one in ag.list_signatories(scene.text):
        if one.agency != "pentagon":
            scene.sign(one.party, one.agency)
    state = scene.state()
    assert state.phase == "refused"
    assert "no targets are shared" in state.why
    assert leaf
    with refused("already-answered", "'us/pentagon'"):
        scene.refuse("us", "pentagon")
    scene.sign("us", "pentagon")
    assert scene.state().phase == "in-force"


def test_a_signature_may_be_taken_back_until_all_have_signed_and_never_after(scene: AgreementScene) -> None:
    scene.propose()
    scene.sign("us")
    scene.refuse("us")
    for one in ag.list_signatories(scene.text):
        if str(one) != "us":
            scene.sign(one.party, one.agency)
    assert scene.state().phase == "refused"
    scene.sign("us")
    assert scene.state().phase == "in-force"
    with refused("signed-by-all"):
        scene.refuse("us", reason="we never signed")
    assert scene.state().phase == "in-force"


def test_signing_for_another_partys_agency_is_refused(scene: AgreementScene) -> None:
    scene.propose()
    with refused("not-a-signatory", "'ru/pentagon'"):
        scene.sign("ru", "pentagon", officer="mod-1")
    with refused("unknown-officer"):
        scene.sign("ru", "pentagon", officer="pentagon-1")
    with refused("not-a-signatory", "'us/nobody'"):
        scene.sign("us", "nobody", officer="duty-1")


def test_an_officer_without_the_role_does_not_sign_for_the_agency(scene: AgreementScene) -> None:
    scene.propose()
    with refused("role-missing", "pentagon-1", "['duty-1']"):
        scene.sign("us", "pentagon", officer="duty-1")
    with refused("role-missing", "['state-1']"):
        scene.sign("us", "pentagon", officer="state-1")
    with refused("role-missing"):
        scene.refuse("us", "pentagon", officer="duty-1")


def test_signing_other_bytes_is_refused(scene: AgreementScene) -> None:
    scene.propose()
    other = ag.hash_text(change(scene.text, title="Another title"))
    with refused("other-bytes", ag.hash_text(scene.text), other):
        scene.sign("us", sha256=other)


def test_signing_twice_and_a_replay_change_nothing(scene: AgreementScene) -> None:
    scene.propose()
    scene.sign("us")
    with refused("already-answered", "'us'"):
        scene.sign("us")
    before = scene.state()
    assert len(scene.center.entries) > 5
    for raw in scene.center.entries:
        with pytest.raises(AlreadyRecorded):
            scene.center.submit(parse_envelope(raw))
    assert scene.state() == before


def test_a_name_is_proposed_once_for_ever(scene: AgreementScene) -> None:
    scene.propose("us")
    with refused("name-taken", "'ceasefire'", "entry 3"):
        scene.propose("ru", change(scene.text, title="A better one"))
    scene.refuse("ru")
    with refused("name-taken"):
        scene.propose("us", change(scene.text, title="A corrected one"))


def test_a_stranger_neither_proposes_nor_signs() -> None:
    scene = AgreementScene(("ru", "un", "us"))
    scene.text = make_text(("ru", "us"))
    with refused("not-a-party", "'un'"):
        scene.propose("un")
    scene.propose("us")
    with refused("not-a-party", "'un'"):
        scene.sign("un")
    with refused("unknown-agreement", "'peace'"):
        body = ag.SignAgreement("peace", "0" * 64, "")
        scene.send("us", "agreement.sign", body)


def test_a_third_party_of_the_center_dates_nothing() -> None:
    scene = AgreementScene(("ru", "un", "us"))
    scene.text = make_text(("ru", "us"))
    scene.silent = {"un"}
    scene.in_force()
    assert scene.state().phase == "in-force"


def test_a_role_that_nobody_has_is_noted_while_its_signature_is_missing(scene: AgreementScene) -> None:
    us = scene.parties["us"]
    us.officers = [one for one in us.officers if "pentagon" not in one.roles]
    scene.center.rotate(us, us.roots)
    scene.propose()
    assert [note for note in scene.state().notes if "pentagon" in note] == [
        "us/pentagon: nobody can sign, no officer of the roster has the role 'pentagon'"
    ]
    us.officers = sorted(
        [*us.officers, OfficerWire(id="general", name="General", roles=["pentagon"])], key=lambda one: one.id
    )
    scene.center.rotate(us, us.roots)
    assert scene.state().notes == ()
    scene.sign("us", "pentagon", officer="general")


def test_signed_by_all_and_not_known_to_all_is_not_in_force(scene: AgreementScene) -> None:
    scene.propose()
    scene.silent = {"ru"}
    scene.sign_all()
    state = scene.state()
    assert state.phase == "signed"
    assert "in force when it has reached ru" in state.why
    scene.tick(days=3)
    scene.silent = set()
    scene.deliver()
    state = scene.state()
    assert (state.phase, state.since) == ("in-force", "2016-09-15T19:00:00Z")


def test_a_last_signature_that_is_back_dated_starts_nothing_earlier(scene: AgreementScene) -> None:
    scene.propose()
    for one in ag.list_signatories(scene.text)[:-1]:
        scene.sign(one.party, one.agency)
    scene.tick(days=10)
    scene.sign("us", "state", at="2016-09-01T00:00:00Z")
    assert scene.state().since == "2016-09-22T19:00:00Z"
    assert scene.clock("seven-days").days_passed == 0


@pytest.mark.parametrize(
    ("more", "code", "told"),
    (
        ({"obligations": [ag.AgreedObligation("guard", "", "Guards", "")]}, "no-guarantor", "'guard'"),
        ({"obligations": [ag.AgreedObligation("guard", "", "Guards", "un")]}, "no-guarantor", "'un'"),
        ({"parties": [ag.SigningParty("us", "a"), ag.SigningParty("ru", "b")]}, "party-order", ""),
        ({"agencies": [ag.SigningAgency("fsb", "un", "x")]}, "unknown-party", "'un'"),
        ({"agencies": [ag.SigningAgency("ru", "us", "x")]}, "name-twice", "'ru'"),
        (
            {"agencies": [ag.SigningAgency("b", "us", "x"), ag.SigningAgency("a", "us", "x")]},
            "agency-order",
            "",
        ),
        ({"clocks": [EXPIRY, make_clock("more", "expiry", days=3)]}, "clock-twice", "expiry"),
        ({"clocks": [NOTICE, make_clock("more", "withdrawal", hours=3)]}, "clock-twice", "withdrawal"),
        ({"clocks": [EXPIRY, EXPIRY]}, "name-twice", "'expiry'"),
        ({"clocks": [make_clock("c", "expiry")]}, "bad-clock", "days >= 1"),
        ({"clocks": [make_clock("c", "expiry", days=1, hours=1)]}, "bad-clock", "hours 0"),
        ({"clocks": [make_clock("c", "withdrawal", days=1)]}, "bad-clock", "hours >= 1"),
        ({"clocks": [change(SEVEN_DAYS, incident="")]}, "bad-clock", "incident"),
        ({"clocks": [change(SEVEN_DAYS, measure="other")]}, "unknown-measure", "'other'"),
        ({"clocks": [change(ROAD, steps=[])]}, "bad-clock", "steps"),
        ({"clocks": [change(ROAD, steps=["other"])]}, "unknown-measure", "'other'"),
        ({"clocks": [change(ROAD, steps=["pull-back"] * 2)]}, "name-twice", "step"),
        ({"measures": [ag.AgreedMeasure("m", "m", 1, "", ["un"])], "clocks": []}, "unknown-party", "'un'"),
        (
            {"measures": [ag.AgreedMeasure("m", "m", 1, "", ["us", "ru"])], "clocks": []},
            "party-order",
            "'m'",
        ),
    ),
)
def test_an_unsound_text_is_refused_before_anyone_can_sign(
    scene: AgreementScene, more: dict[str, Any], code: str, told: str
) -> None:
    with refused(code, "'ceasefire'", told):
        scene.propose("us", make_text(**more))


def test_a_text_with_a_party_that_the_charter_does_not_know_is_refused(scene: AgreementScene) -> None:
    parties = [*scene.text.parties, ag.SigningParty("zz", "Zz")]
    with refused("unknown-party", "'zz'"):
        scene.propose("us", change(scene.text, parties=parties))


def test_a_text_that_fits_no_message_is_refused(scene: AgreementScene) -> None:
    long = [ag.AgreedMeasure(f"m{n}", "x" * 900, 1, "", []) for n in range(44)]
    with pytest.raises(Malformed, match=str(MAX_BODY_BYTES)):
        scene.propose("us", change(scene.text, measures=long, clocks=[]))


def test_a_guarantor_may_be_an_agency_that_signs(scene: AgreementScene) -> None:
    scene.propose("us", make_text(obligations=[ag.AgreedObligation("g", "", "Guards", "pentagon")]))
    assert scene.state().phase == "proposed"
