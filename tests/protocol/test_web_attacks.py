"""Attacks on the page: other sites, foreign names, stolen links, others' names, lost roles, too much."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from entente.desk.http import DeskHTTP
from entente.desk.listening import Listener
from entente.kernel.errors import Denied
from entente.kernel.roster import OfficerWire
from entente.web import app as web_app
from entente.web.app import make_page
from entente.web.limits import Buckets
from tests.protocol.desk_stage import OFFICERS, Stage, make_stage, open_scratch
from tests.protocol.web_stage import ORIGIN, TLS, Visit, make_web

SAY = {"thread": "hot", "text": "hello"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


@pytest.fixture
def visit(stage: Stage) -> Visit:
    found = Visit(stage, make_web(stage))
    found.enter("duty-1", "duty")
    return found


def size(stage: Stage) -> int:
    return stage.desk.view.size


def test_nothing_is_told_without_a_session(stage: Stage) -> None:
    stranger = Visit(stage, make_web(stage))
    for path in ("/session", "/api/status", "/api/events", "/api/fly", "/session/officers", "/session/acts"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "no-session"), path
    assert stranger.post("/api/say", SAY).status_code == 401
    assert stranger.get("/map").status_code == 200


def test_an_officer_acts_in_his_own_name_and_it_is_written_down(visit: Visit, stage: Stage) -> None:
    answer = visit.post("/api/say", SAY)
    assert (answer.status_code, answer.json()["state"]) == (200, "recorded")
    shown = visit.get(f"/api/message?message={answer.json()['index']}").json()
    assert shown["officers"] == ["duty-1"]
    last = stage.desk.book.read("SELECT * FROM page_acts ORDER BY id DESC LIMIT 1")[0]
    assert (last["officer"], last["verb"], last["code"], last["session"]) == ("duty-1", "say", "done", 1)


def test_nobody_acts_in_anothers_name(visit: Visit, stage: Stage) -> None:
    before = size(stage)
    answer = visit.post("/api/say", SAY | {"officer": "duty-2"})
    assert (answer.status_code, answer.json()["code"]) == (403, "other-officer")
    assert size(stage) == before
    assert visit.post("/api/say", SAY | {"officer": "duty-1"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    (
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "http://ru.localhost:8600"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-origin", "origin": "null"},
        {"sec-fetch-site": "same-origin", "origin": None},
        {"sec-fetch-site": None},
        {"sec-fetch-site": "none"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
    ),
)
def test_another_site_cannot_act(visit: Visit, stage: Stage, headers: dict[str, str | None]) -> None:
    before = size(stage)
    for path, body in (("/api/say", SAY), ("/session/end", {})):
        answer = visit.post(path, body, headers=headers)
        assert answer.status_code == 403, answer.text
    assert size(stage) == before
    assert visit.get("/session").status_code == 200, "another site signs nobody out"


@pytest.mark.parametrize("site", ("cross-site", "same-site", ""))
def test_another_site_cannot_look(visit: Visit, site: str) -> None:
    for path in ("/api/status", "/api/events", "/session", "/session/list"):
        assert visit.get(path, headers={"sec-fetch-site": site}).json()["code"] == "other-site"
    # A person who types the address is no site.
    assert visit.get("/api/status", headers={"sec-fetch-site": "none"}).status_code == 200


@pytest.mark.parametrize("host", ("evil.example", "evil.example:8600", "127.0.0.1:8601", "localhost", ""))
def test_a_foreign_name_for_our_address_is_refused(visit: Visit, host: str) -> None:
    for path in ("/", "/signin", "/session", "/api/status", "/api/events"):
        answer = visit.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "other-host"), path
    assert visit.post("/api/say", SAY, headers={"host": host, "origin": f"http://{host}"}).status_code == 403


def test_a_stolen_link_opens_once(stage: Stage) -> None:
    app = make_web(stage)
    first, second = Visit(stage, app), Visit(stage, app)
    secret = first.invite("duty-1", "duty")
    assert first.post("/session/link", {"secret": secret}).status_code == 200
    assert second.post("/session/link", {"secret": secret}).json()["code"] == "no-link"
    assert second.get("/session").status_code == 401


def test_a_newer_link_makes_the_older_worthless(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    old, new = visit.invite("duty-1"), visit.invite("duty-1")
    assert visit.post("/session/link", {"secret": old}).json()["code"] == "no-link"
    assert visit.post("/session/link", {"secret": new}).status_code == 200


def test_a_link_is_worth_nothing_after_its_minutes(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    secret = visit.invite("duty-1")
    with stage.desk.book.transaction() as db:
        db.execute("UPDATE page_links SET until = '2020-01-01T00:00:00Z'")
    assert visit.post("/session/link", {"secret": secret}).json()["code"] == "no-link"


def test_a_planted_cookie_is_no_session(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    visit.cookies["entente-us-8600"] = planted = "ab" * 32
    visit.enter("duty-1", "duty")
    assert visit.cookies["entente-us-8600"] != planted
    thief = Visit(stage, visit._app)
    thief.cookies["entente-us-8600"] = planted
    assert thief.get("/session").status_code == 401


def test_signing_in_anew_ends_the_old_session(visit: Visit) -> None:
    old = dict(visit.cookies)
    visit.enter("duty-1", "duty")
    stale = Visit(visit.stage, visit._app)
    stale.cookies = old
    assert stale.get("/session").status_code == 401


def test_two_cookies_of_one_name_are_none(visit: Visit) -> None:
    twice = f"entente-us-8600={visit.cookies['entente-us-8600']}; entente-us-8600=x"
    assert visit.get("/session", headers={"cookie": twice}).status_code == 401


def test_the_cookie_is_out_of_reach(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    told = visit.enter("duty-1").headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(told.split("; "))
    assert "Domain" not in told
    safe = Visit(stage, make_web(stage, TLS), origin="https://0.0.0.0:8443")
    told = safe.post("/session/link", {"secret": safe.invite("duty-1")}).headers["set-cookie"]
    assert told.startswith("__Host-")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(told.split("; "))


def test_an_ended_session_is_out(visit: Visit) -> None:
    kept = dict(visit.cookies)
    assert visit.post("/session/end").json() == {"ended": True}
    visit.cookies = kept
    assert visit.get("/session").status_code == 401
    assert visit.post("/api/say", SAY).status_code == 401


def test_an_expired_session_is_out(visit: Visit, stage: Stage) -> None:
    with stage.desk.book.transaction() as db:
        db.execute("UPDATE page_sessions SET until = '2020-01-01T00:00:00Z'")
    assert visit.post("/api/say", SAY).status_code == 401


def test_a_revoked_officer_is_out_at_his_next_request(
    visit: Visit, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert visit.get("/session").status_code == 200
    left: list[OfficerWire] = [one for one in OFFICERS if one.id != "duty-1"]
    monkeypatch.setattr("entente.web.officers.OfficerShelf.list_roster", lambda _self: left)
    assert visit.get("/session").status_code == 401
    assert visit.post("/api/say", SAY).status_code == 401
    monkeypatch.undo()
    assert visit.get("/session").status_code == 401, "back in the roster he signs in anew"


def test_who_only_looks_cannot_act(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    visit.enter("duty-1")
    before = size(stage)
    for verb in ("say", "release-send", "sign-agreement"):
        assert visit.post(f"/api/{verb}", SAY).json()["code"] == "no-role"
    for verb in ("release-belief", "release-plans"):
        assert visit.get(f"/api/{verb}").json()["code"] == "no-role"
    assert size(stage) == before
    assert visit.get("/api/status").status_code == 200


def test_nobody_gives_himself_roles(visit: Visit) -> None:
    wanted = {"officer": "duty-1", "roles": ["chief"]}
    for path in ("/session/roles", "/session/invite"):
        assert visit.post(path, wanted).json()["code"] == "no-role"
    assert visit.post("/session/remove", {"officer": "duty-2"}).json()["code"] == "no-role"
    for path in ("/session/officers", "/session/acts"):
        assert visit.get(path).json()["code"] == "no-role"
    assert visit.get("/session").json()["roles"] == ["duty", "look"]


def test_roles_that_were_taken_are_gone_at_the_next_request(visit: Visit) -> None:
    assert visit.by_token("/session/roles", {"officer": "duty-1", "roles": []}).status_code == 200
    assert visit.post("/api/say", SAY).json()["code"] == "no-role"


def test_nobody_ends_anothers_session_but_a_chief(visit: Visit, stage: Stage) -> None:
    other = Visit(stage, visit._app)
    other.enter("duty-2", "chief")
    number = other.get("/session").json()["session"]
    assert [one["officer"] for one in visit.get("/session/list").json()] == ["duty-1"]
    assert visit.post("/session/revoke", {"session": number}).json()["code"] == "no-role"
    mine = visit.get("/session").json()["session"]
    assert other.post("/session/revoke", {"session": mine}).status_code == 200
    assert visit.get("/session").status_code == 401


def test_a_removed_officer_is_out_with_all_he_had(visit: Visit) -> None:
    secret = visit.invite("duty-1", "duty")
    assert visit.by_token("/session/remove", {"officer": "duty-1"}).status_code == 200
    assert visit.get("/session").status_code == 401
    assert visit.post("/session/link", {"secret": secret}).json()["code"] == "no-link"


def test_only_officers_of_the_roster_are_invited(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    answer = visit.by_token("/session/invite", {"officer": "mallory", "roles": ["chief"]})
    assert answer.status_code == 400


def test_a_wrong_token_invites_nobody(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    headers = {"authorization": "Bearer " + "0" * 64}
    answer = visit.post("/session/invite", {"officer": "duty-1", "roles": []}, headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "name",
    (
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/app.py",
        "....//app.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "style/../../app.py",
        "app.js%00.css",
        "..\\app.py",
        ".hidden",
        "",
    ),
)
def test_no_path_leads_out_of_the_page(visit: Visit, name: str) -> None:
    html = visit.get("/signin").text
    version = html.partition("/page/")[2].partition("/")[0]
    assert visit.get(f"/page/{version}/app.js").status_code == 200
    answer = visit.get(f"/page/{version}/{name}")
    assert answer.status_code == 404
    assert "entente.web" not in answer.text


def test_a_hundred_thousand_tries_are_cheap_and_refused(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    visit.invite("duty-1", "duty")
    codes = [visit.post("/session/link", {"secret": "0" * 64}).json()["code"] for _ in range(60)]
    assert 20 <= codes.count("no-link") < 40
    answer = visit.post("/session/link", {"secret": "0" * 64})
    assert (answer.status_code, answer.json()["code"]) == (429, "too-often")
    assert int(answer.headers["retry-after"]) >= 1
    # The other 10^5 are asked of the counter itself: what each costs, and that memory stays.
    tries = Buckets(burst=20, each_s=3.0, get_s=time.monotonic)
    began = time.process_time()
    for number in range(100_000):
        try:
            tries.take(str(number % 50_000))
        except Denied:
            raise AssertionError from None
    assert len(tries) <= 10_000
    assert time.process_time() - began < 10


def test_another_site_uses_up_nobodys_tries(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    secret = visit.invite("duty-1")
    for _ in range(40):
        visit.post("/session/link", {"secret": "0" * 64}, headers={"sec-fetch-site": "cross-site"})
    assert visit.post("/session/link", {"secret": secret}).status_code == 200


def test_streams_are_bounded(visit: Visit, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app, "MAX_STREAMS_EACH", 2)

    async def open_streams() -> list[int]:
        headers = [
            (b"host", b"us.localhost:8600"),
            (b"sec-fetch-site", b"same-origin"),
            (b"cookie", "; ".join(f"{k}={v}" for k, v in visit.cookies.items()).encode()),
        ]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "path": "/api/events", "raw_path": b"/api/events", "root_path": "", "query_string": b"",
            "scheme": "http", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8600),
        }  # fmt: skip
        statuses: list[int] = []
        begun = asyncio.Event()
        gone = asyncio.Event()

        async def receive() -> dict[str, object]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(int(str(message["status"])))
                begun.set()

        tasks: list[asyncio.Task[None]] = []
        for _ in range(3):
            begun.clear()
            tasks.append(asyncio.create_task(visit._app(dict(scope), receive, send)))  # type: ignore[arg-type]
            await asyncio.wait_for(begun.wait(), 10)
        gone.set()
        await asyncio.gather(*tasks)
        begun.clear()
        tasks = [asyncio.create_task(visit._app(dict(scope), receive, send))]  # type: ignore[arg-type]
        await asyncio.wait_for(begun.wait(), 10)
        await asyncio.gather(*tasks)
        return statuses

    assert asyncio.run(open_streams()) == [200, 200, 429, 200]


def test_a_stream_ends_with_its_session(visit: Visit, stage: Stage) -> None:
    async def follow() -> list[bytes]:
        live = DeskHTTP(stage.desk).live
        live.attach()
        is_good = [True]
        pieces = []
        async for piece in live.follow("", is_good=lambda: is_good[0]):
            pieces.append(piece)
            if b"hello" in piece:
                is_good[0] = False
                live.ring()
        return pieces

    assert len(asyncio.run(asyncio.wait_for(follow(), 10))) == 2


def test_a_demo_is_on_the_loopback_alone(stage: Stage) -> None:
    for listener in (TLS, Listener("192.0.2.1", 8600, is_tls=False), Listener("0.0.0.0", 80, is_tls=False)):  # noqa: S104
        with pytest.raises(Denied, match="demo-not-local"):
            make_page(stage.desk, DeskHTTP(stage.desk), (listener,), is_demo=True)


def test_no_page_in_the_open_without_tls(stage: Stage) -> None:
    visit = Visit(
        stage, make_web(stage, Listener("192.0.2.1", 8600, is_tls=False)), origin="http://192.0.2.1:8600"
    )
    assert visit.get("/").json()["code"] == "other-host"
    assert visit.by_token("/api/status", {}).status_code == 200, "the command line is served as before"


def test_a_demo_says_so_and_keeps_other_sites_out(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage, is_demo=True))
    assert visit.get("/session").json()["demo"] is True
    assert visit.post("/api/say", SAY).status_code == 200
    assert visit.post("/api/say", SAY, headers={"origin": "https://evil.example"}).status_code == 403
    assert visit.post("/session/demo", {"officer": "duty-2"}).status_code == 200
    assert visit.get("/session").json()["officer"] == "duty-2"
    assert visit.post("/session/demo", {"officer": "mallory"}).status_code == 403


def test_a_session_of_a_demo_ends_with_it(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage, is_demo=True))
    visit.post("/session/demo", {"officer": "duty-2"})
    after = Visit(stage, make_web(stage))
    after.cookies = dict(visit.cookies)
    assert after.get("/session").status_code == 401
    assert after.post("/session/demo", {"officer": "duty-2"}).status_code == 403


def test_every_answer_has_its_headers(visit: Visit) -> None:
    for path in ("/", "/signin", "/session", "/api/status", "/nothing", "/api/health"):
        headers = visit.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["cross-origin-resource-policy"] == "same-origin", path
        assert headers["cache-control"] == "no-store", path
    assert "unsafe" not in visit.get("/").headers["content-security-policy"]


def test_files_are_kept_for_ever_under_the_hash_of_all(visit: Visit) -> None:
    version = visit.get("/").text.partition("/page/")[2].partition("/")[0]
    path = f"/page/{version}/app.js"
    answer = visit.get(path, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    plain = visit.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    again = visit.get(path, headers={"if-none-match": plain.headers["etag"], "accept-encoding": "identity"})
    assert again.status_code == 304
    assert visit.get("/page/0123/app.js").json()["code"] == "other-version"


def test_the_command_line_is_served_as_before(stage: Stage) -> None:
    visit = Visit(stage, make_web(stage))
    answer = visit.by_token("/api/say", SAY | {"officer": "duty-2"})
    assert answer.json()["state"] == "recorded"
    assert ORIGIN.startswith("http://us.localhost")
