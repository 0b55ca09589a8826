"""Passkeys and certificates at the page: what opens it, and each part that is not as it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from entente.store.tls import issue_client, make_authority, parse_certificate
from tests.protocol.desk_stage import Stage, make_stage, open_scratch
from tests.protocol.software_authenticator import PRESENT, Authenticator
from tests.protocol.web_stage import ORIGIN, TLS, Visit, make_web

PLACE = "us.localhost"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(PLACE)


def keep(visit: Visit, device: Authenticator) -> httpx.Response:
    options = visit.post("/session/passkey/new").json()["publicKey"]
    credential = device.create(options, origin=ORIGIN)
    return visit.post("/session/passkey/keep", {"credential": credential, "label": "laptop"})


@pytest.fixture
def visit(stage: Stage, device: Authenticator) -> Visit:
    """A browser whose officer has a passkey, and has signed out."""
    found = Visit(stage, make_web(stage))
    found.enter("duty-1", "duty")
    assert keep(found, device).status_code == 200
    found.post("/session/end")
    return found


def start(visit: Visit) -> dict[str, Any]:
    options: dict[str, Any] = visit.post("/session/passkey/start").json()["publicKey"]
    return options


def finish(visit: Visit, credential: dict[str, Any]) -> httpx.Response:
    return visit.post("/session/passkey/finish", {"credential": credential})


def test_a_passkey_opens_the_page(visit: Visit, device: Authenticator) -> None:
    options = start(visit)
    assert (options["rpId"], options["userVerification"]) == (PLACE, "required")
    assert finish(visit, device.get(options, origin=ORIGIN)).status_code == 200
    me = visit.get("/session").json()
    assert (me["officer"], me["method"], me["roles"]) == ("duty-1", "passkey", ["duty", "look"])


def test_an_answer_is_worth_something_once(visit: Visit, device: Authenticator) -> None:
    # Passkeys that are kept on several devices do not count: the challenge alone is in the way.
    device.uses = -1
    options = start(visit)
    ticket = dict(visit.cookies)
    answer = device.get(options, origin=ORIGIN)
    assert finish(visit, answer).status_code == 200
    thief = Visit(visit.stage, visit._app)
    thief.cookies = ticket
    assert finish(thief, answer).json()["code"] == "no-entry"
    start(thief)
    assert finish(thief, answer).json()["code"] == "no-entry", "nor with a challenge of his own"


def test_an_answer_from_another_browser_is_refused(visit: Visit, device: Authenticator) -> None:
    answer = device.get(start(visit), origin=ORIGIN)
    other = Visit(visit.stage, visit._app)
    assert finish(other, answer).json()["code"] == "no-entry"


def _change(**fields: Any) -> Callable[[Authenticator], None]:
    def change(device: Authenticator) -> None:
        for name, value in fields.items():
            setattr(device, name, value)

    return change


@pytest.mark.parametrize(
    "change",
    (
        _change(flags=PRESENT),
        _change(flags=0),
        _change(place="evil.example"),
        _change(place="localhost"),
        _change(challenge="AAAA"),
        _change(name=b"m" * 32),
        _change(key=ec.generate_private_key(ec.SECP256R1())),
    ),
    ids=("unverified", "absent", "other-host", "parent-host", "challenge", "unknown", "other-key"),
)
def test_what_is_not_as_it_must_be_opens_nothing(
    visit: Visit, device: Authenticator, change: Callable[[Authenticator], None]
) -> None:
    options = start(visit)
    change(device)
    answer = finish(visit, device.get(options, origin=ORIGIN))
    assert (answer.status_code, answer.json()["code"]) == (403, "no-entry")
    assert visit.get("/session").status_code == 401


@pytest.mark.parametrize(
    "origin", ("https://evil.example", "http://localhost:8600", "http://us.localhost:8601")
)
def test_an_answer_of_another_origin_opens_nothing(visit: Visit, device: Authenticator, origin: str) -> None:
    assert finish(visit, device.get(start(visit), origin=origin)).json()["code"] == "no-entry"


def test_an_answer_of_another_kind_opens_nothing(visit: Visit, device: Authenticator) -> None:
    answer = device.get(start(visit), origin=ORIGIN, kind="webauthn.create")
    assert finish(visit, answer).json()["code"] == "no-entry"


def test_a_copied_key_is_found_by_its_count(visit: Visit, device: Authenticator) -> None:
    device.uses = 10
    assert finish(visit, device.get(start(visit), origin=ORIGIN)).status_code == 200
    device.uses = 5
    assert finish(visit, device.get(start(visit), origin=ORIGIN)).json()["code"] == "no-entry"


@pytest.mark.parametrize(
    "credential",
    (
        "{}",
        '{"id":7}',
        '{"id":"bm5u"}',
        '{"id":"\\ud800"}',
        '{"id":"!"}',
        '{"id":"%s"}' % ("n" * 9000),
        '{"id":null}',
    ),
)
def test_a_strangers_bytes_are_one_refusal(visit: Visit, credential: str) -> None:
    start(visit)
    answer = visit.ask("POST", "/session/passkey/finish", content=f'{{"credential":{credential}}}'.encode())
    assert answer.status_code in {400, 403}, answer.text
    assert credential not in answer.text or credential == "{}"


def test_a_kept_key_with_a_strangers_answer_is_one_refusal(visit: Visit, device: Authenticator) -> None:
    for part in ("clientDataJSON", "authenticatorData", "signature"):
        for value in ("", "AA", "!!", "A" * 5000):
            credential = device.get(start(visit), origin=ORIGIN)
            credential["response"][part] = value
            assert finish(visit, credential).json()["code"] == "no-entry"
        # Twenty tries at once are the limit of an address.
        visit._app = make_web(visit.stage)


def test_a_removed_officer_has_no_key_left(visit: Visit, device: Authenticator) -> None:
    visit.by_token("/session/remove", {"officer": "duty-1"})
    visit.invite("duty-1", "duty")
    assert finish(visit, device.get(start(visit), origin=ORIGIN)).json()["code"] == "no-entry"


def test_an_old_session_adds_no_key(stage: Stage, device: Authenticator) -> None:
    visit = Visit(stage, make_web(stage))
    visit.enter("duty-1", "duty")
    with stage.desk.book.transaction() as db:
        db.execute("UPDATE page_sessions SET opened = '2020-01-01T00:00:00Z'")
    assert visit.post("/session/passkey/new").json()["code"] == "not-fresh"


def test_a_challenge_for_a_new_key_opens_nothing(stage: Stage, device: Authenticator) -> None:
    visit = Visit(stage, make_web(stage))
    visit.enter("duty-1", "duty")
    keep(visit, device)
    options = visit.post("/session/passkey/new").json()["publicKey"]
    assert finish(visit, device.get(options, origin=ORIGIN)).json()["code"] == "no-entry"


def test_a_key_is_nobodys_second_key(stage: Stage, device: Authenticator) -> None:
    app = make_web(stage)
    one, two = Visit(stage, app), Visit(stage, app)
    one.enter("duty-1", "duty")
    two.enter("duty-2", "duty")
    assert keep(one, device).status_code == 200
    assert keep(two, device).json()["code"] == "no-more-keys"


def test_a_page_of_a_demo_takes_no_key(stage: Stage, device: Authenticator) -> None:
    visit = Visit(stage, make_web(stage, is_demo=True))
    assert visit.post("/session/passkey/new").status_code == 401


def test_by_an_address_there_is_no_passkey(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage), origin="http://127.0.0.1:8600")
    assert visit.get("/session/ways").json()["passkey"] is False
    assert visit.post("/session/passkey/start").json()["code"] == "no-host-name"


# Certificates


def test_a_known_certificate_opens_the_page_and_another_does_not(stage: Stage) -> None:
    authority = make_authority("us", stage.clock, stage.random)
    known, other = (issue_client(authority, "duty-1", stage.clock, stage.random) for _ in range(2))
    app = make_web(stage, TLS)
    ders = [parse_certificate(one.certificate.decode()).public_bytes(Encoding.DER) for one in (known, other)]
    visits = [Visit(stage, app, origin="https://0.0.0.0:8443", peer=der) for der in ders]
    visits[0].invite("duty-1", "duty")
    wanted = {"officer": "duty-1", "certificate": known.certificate.decode(), "label": "card"}
    assert visits[0].by_token("/session/keys/certificate", wanted).status_code == 200
    assert visits[0].post("/session/certificate").status_code == 200
    assert visits[0].get("/session").json()["method"] == "certificate"
    assert visits[1].post("/session/certificate").json()["code"] == "no-entry"


def test_a_header_is_no_certificate(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage, TLS), origin="https://0.0.0.0:8443")
    headers: dict[str, str | None] = {"x-client-cert": "MIIB", "x-ssl-client-verify": "SUCCESS"}
    assert visit.post("/session/certificate", headers=headers).json()["code"] == "no-entry"
