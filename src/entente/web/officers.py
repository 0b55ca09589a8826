"""Who may sign in at the page and with which roles, the links that let him in first, and what was done.

Invariants:
  * An officer of the page is an officer of the party's roster in force: one who is revoked there is nobody
    here, at his next request.
  * A link is drawn at random, lasts minutes, opens once, and is in the book as a hash alone; a second link of
    the same officer makes the first worthless.
  * The log of acts holds who did what by which session and when, refusals included; no body and no secret.

It holds no sessions: see `sessions`.

    >>> secret = officers.invite("duty-1", frozenset({"look", "duty"}), by="chief-1")
    >>> officers.redeem(secret)
    'duty-1'
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from entente.desk.assembly import Desk
from entente.desk.book import Book
from entente.kernel.errors import Denied, Malformed, NotFound
from entente.kernel.ports import Clock, Random
from entente.kernel.roster import OfficerWire, PartyRow
from entente.kernel.time import encode_utc
from entente.web.roles import parse_roles
from entente.web.sessions import digest_secret

LINK_MINUTES: Final = 15
LINK_BYTES: Final = 32
MAX_LISTED_ACTS: Final = 500


@dataclass(frozen=True, slots=True)
class PageOfficer:
    """An officer who may sign in."""

    officer: str
    name: str
    roles: frozenset[str]
    by: str
    at: str


class OfficerShelf:
    """The page's officers, links and log. Safe from several threads."""

    def __init__(self, desk: Desk, clock: Clock, random: Random) -> None:
        """Keep them in the book of ``desk``.

        Args:
            clock: The machine's own.
        """
        self._desk = desk
        self._book: Book = desk.book
        self._clock = clock
        self._random = random

    # Who is who

    def list_roster(self) -> list[OfficerWire]:
        """Return the officers of our roster in force."""
        row = self._desk.rows.find(PartyRow, self._desk.party)
        statement = row.statement if row else self._desk.vault.card.statement
        return list(statement.officers)

    def find(self, officer: str) -> PageOfficer | None:
        """Return an officer who may sign in now; None: not of the roster, or not invited."""
        row = self._book.read_one("SELECT * FROM page_officers WHERE officer = ?", (officer,))
        # SECURITY: asked anew at each request: a roster that revokes him ends what he may do here
        # (tests/protocol/test_web_attacks.py, test_a_revoked_officer_is_out_at_his_next_request).
        name = next((one.name for one in self.list_roster() if one.id == officer), None)
        if row is None or name is None:
            return None
        return PageOfficer(officer, name, frozenset(json.loads(row["roles"])), row["by"], row["at"])

    def list_officers(self) -> list[dict[str, Any]]:
        """Return every officer of the roster, and of the page, with his roles and how he can sign in."""
        known = {row["officer"]: row for row in self._book.read("SELECT * FROM page_officers")}
        names = {one.id: one.name for one in self.list_roster()}
        keys: dict[str, int] = {}
        for row in self._book.read("SELECT officer, count(*) AS n FROM page_keys GROUP BY officer"):
            keys[row["officer"]] = row["n"]
        return [
            {
                "officer": officer,
                "name": names.get(officer, ""),
                "is_of_roster": officer in names,
                "is_invited": officer in known,
                "roles": sorted(json.loads(known[officer]["roles"])) if officer in known else [],
                "by": known[officer]["by"] if officer in known else "",
                "at": known[officer]["at"] if officer in known else "",
                "keys": keys.get(officer, 0),
            }
            for officer in sorted(names.keys() | known.keys())
        ]

    # Inviting

    def invite(self, officer: str, roles: frozenset[str], *, by: str) -> str:
        """Let an officer in with these roles; return the secret of his link, which is told this once."""
        self.check_of_roster(officer)
        secret = self._random.draw(LINK_BYTES).hex()
        now = self._clock.now_utc()
        with self._book.transaction(is_told=False) as db:
            self._put_roles(db, officer, roles, by)
            db.execute("DELETE FROM page_links WHERE officer = ? OR until < ?", (officer, encode_utc(now)))
            db.execute(
                "INSERT INTO page_links VALUES (?, ?, ?)",
                (digest_secret(secret), officer, encode_utc(now + timedelta(minutes=LINK_MINUTES))),
            )
        return secret

    def set_roles(self, officer: str, roles: frozenset[str], *, by: str) -> None:
        """Give an invited officer other roles; they hold from his next request."""
        if self._book.read_one("SELECT 1 FROM page_officers WHERE officer = ?", (officer,)) is None:
            raise NotFound("not-invited", f"officer: expected one who was invited, got {officer!r}")
        with self._book.transaction(is_told=False) as db:
            self._put_roles(db, officer, roles, by)

    def remove(self, officer: str) -> None:
        """Let an officer in no more: his roles, links and keys are forgotten."""
        with self._book.transaction(is_told=False) as db:
            gone = db.execute("DELETE FROM page_officers WHERE officer = ?", (officer,)).rowcount
            db.execute("DELETE FROM page_links WHERE officer = ?", (officer,))
            db.execute("DELETE FROM page_keys WHERE officer = ?", (officer,))
        if not gone:
            raise NotFound("not-invited", f"officer: expected one who was invited, got {officer!r}")

    def redeem(self, secret: str) -> str:
        """Return whose link it is and use it up, or raise `Denied`."""
        now = encode_utc(self._clock.now_utc())
        # SECURITY: one statement finds and uses it up: of two who have the same link one comes in
        # (tests/protocol/test_web_attacks.py, test_a_stolen_link_opens_once).
        with self._book.transaction(is_told=False) as db:
            row = db.execute(
                "DELETE FROM page_links WHERE digest = ? AND until > ? RETURNING officer",
                (digest_secret(secret), now),
            ).fetchone()
        officer = None if row is None else str(row["officer"])
        if officer is None or self.find(officer) is None:
            raise Denied(
                "no-link", "link: expected one that is new and unused: it opens once, within minutes"
            )
        return officer

    def check_of_roster(self, officer: str) -> None:
        """Return if an officer is of our roster; raise `Malformed` naming those who are."""
        known = [one.id for one in self.list_roster()]
        if officer not in known:
            raise Malformed(
                "unknown-officer",
                f"officer: expected one of {', '.join(known)}, got {officer[:40]!r}",
                path="$.officer",
            )

    def _put_roles(self, db: Any, officer: str, roles: frozenset[str], by: str) -> None:  # noqa: ANN401
        db.execute(
            "INSERT INTO page_officers VALUES (?, ?, ?, ?) ON CONFLICT (officer) DO UPDATE SET "
            "roles = excluded.roles, by = excluded.by, at = excluded.at",
            (officer, json.dumps(sorted(parse_roles(roles))), by, encode_utc(self._clock.now_utc())),
        )

    # What was done

    def note(self, session: int | None, officer: str, verb: str, code: str) -> None:
        """Write down an act at the page; ``code`` is ``done`` or that of the refusal."""
        with self._book.transaction(is_told=False) as db:
            db.execute(
                "INSERT INTO page_acts (at, session, officer, verb, code) VALUES (?, ?, ?, ?, ?)",
                (encode_utc(self._clock.now_utc()), session, officer, verb[:60], code),
            )

    def list_acts(self, *, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Return what was done after a number, oldest first."""
        rows = self._book.read(
            "SELECT * FROM page_acts WHERE id > ? ORDER BY id LIMIT ?", (after, min(limit, MAX_LISTED_ACTS))
        )
        return [dict(row) for row in rows]
