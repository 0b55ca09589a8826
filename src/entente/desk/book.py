"""The desk's own book: what this party alone knows, in one SQLite file.

Holds the outbox, the exposure ledger, opened bodies, private plans, alarms and what was reported about each
message. Nothing in it is shared state: that is the record's, and can be computed again. This cannot.

Invariants:
  * Every change is one transaction, flushed before the call returns (WAL, synchronous=FULL).
  * Tables are STRICT, the schema has a number, and a book of a later number is refused, not guessed at.
  * Any failure of the file is a `StoreError`: the desk stops rather than sign on unsure ground.

It knows no meaning: `outbox`, `gate`, `plans`, `evidence` and `sync` write their own statements. Why the
standard library and not the store room: docs/adr/0007-desk.md.

    >>> with book.transaction() as db:
    ...     db.execute("INSERT INTO meta VALUES (?, ?)", ("x", "1"))
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from entente.kernel.errors import StoreError

_SCHEMA: Final = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        token TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        officers TEXT NOT NULL,
        addressees TEXT NOT NULL,
        at TEXT NOT NULL,
        purpose TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'signed', 'recorded', 'refused', 'withdrawn')),
        envelope BLOB,
        salt BLOB,
        seq INTEGER,
        leaf TEXT,
        idx INTEGER,
        recorded TEXT,
        answer BLOB,
        refusal BLOB,
        code TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        trouble TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX outbox_state ON outbox (state, id);
    CREATE INDEX outbox_leaf ON outbox (leaf);
    CREATE TABLE ciphertexts (
        outbox INTEGER NOT NULL REFERENCES outbox (id), party TEXT NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (outbox, party)
    ) STRICT;
    CREATE TABLE exposures (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        leaf TEXT NOT NULL,
        kind TEXT NOT NULL,
        recipient TEXT NOT NULL,
        what TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        at TEXT NOT NULL,
        officers TEXT NOT NULL,
        UNIQUE (leaf, recipient)
    ) STRICT;
    CREATE TABLE bodies (
        leaf TEXT PRIMARY KEY, author TEXT NOT NULL, salt BLOB NOT NULL, body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE outcomes (
        leaf TEXT PRIMARY KEY,
        idx INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        note TEXT NOT NULL,
        at TEXT NOT NULL,
        batch TEXT NOT NULL DEFAULT '',
        said INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE plans (
        activity TEXT PRIMARY KEY, officer TEXT NOT NULL, volumes BLOB NOT NULL, at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE alarms (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        code TEXT NOT NULL,
        subject TEXT NOT NULL,
        words TEXT NOT NULL,
        evidence TEXT NOT NULL,
        at TEXT NOT NULL,
        dismissed_by TEXT NOT NULL DEFAULT '',
        dismissed_at TEXT NOT NULL DEFAULT '',
        dismissed_why TEXT NOT NULL DEFAULT ''
    ) STRICT;
    """,
    """
    CREATE TABLE milestones (
        size INTEGER PRIMARY KEY, recorded TEXT NOT NULL DEFAULT '', firm TEXT NOT NULL DEFAULT ''
    ) STRICT;
    """,
    # Blind checks. What an audit needs is kept: cells, seeds, requests, what nonces follow from.
    """
    CREATE TABLE blind_plan (
        name TEXT PRIMARY KEY, volumes BLOB NOT NULL, officer TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE blind_salts (
        rules TEXT NOT NULL, epoch INTEGER NOT NULL, salt BLOB NOT NULL, PRIMARY KEY (rules, epoch)
    ) STRICT;
    CREATE TABLE blind_posts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        officers TEXT NOT NULL,
        purpose TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('depositing', 'sending', 'recorded', 'refused')),
        tries INTEGER NOT NULL DEFAULT 0,
        leaf TEXT NOT NULL DEFAULT '',
        code TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX blind_posts_state ON blind_posts (state, id);
    CREATE TABLE blind_parcels (
        sha256 TEXT PRIMARY KEY,
        post INTEGER NOT NULL REFERENCES blind_posts (id),
        addressee TEXT NOT NULL,
        data BLOB NOT NULL,
        is_deposited INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX blind_parcels_post ON blind_parcels (post);
    CREATE TABLE blind_versions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        rules TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        officer TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('wanted', 'made', 'recorded', 'unchanged', 'refused')),
        number INTEGER NOT NULL DEFAULT 0,
        post INTEGER,
        leaf TEXT NOT NULL DEFAULT '',
        items BLOB,
        cells BLOB,
        pad_seed BLOB,
        tokens INTEGER NOT NULL DEFAULT 0,
        words TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX blind_versions_state ON blind_versions (state, id);
    CREATE INDEX blind_versions_leaf ON blind_versions (leaf);
    CREATE TABLE blind_tags (
        leaf TEXT PRIMARY KEY,
        holding TEXT NOT NULL,
        number INTEGER NOT NULL,
        added BLOB NOT NULL,
        withdrawn BLOB NOT NULL,
        code TEXT NOT NULL DEFAULT '',
        words TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX blind_tags_holding ON blind_tags (holding, number);
    CREATE TABLE blind_charges (
        leaf TEXT PRIMARY KEY,
        rules TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        partner TEXT NOT NULL,
        run TEXT NOT NULL,
        bucket INTEGER NOT NULL,
        at TEXT NOT NULL,
        code TEXT NOT NULL DEFAULT '',
        words TEXT NOT NULL DEFAULT '',
        drawn BLOB NOT NULL,
        request BLOB,
        refusal BLOB,
        post INTEGER
    ) STRICT;
    CREATE INDEX blind_charges_epoch ON blind_charges (rules, epoch);
    CREATE INDEX blind_charges_at ON blind_charges (at);
    CREATE TABLE blind_runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        token TEXT NOT NULL UNIQUE,
        rules TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        kind TEXT NOT NULL,
        is_ours INTEGER NOT NULL,
        officer TEXT NOT NULL,
        at TEXT NOT NULL,
        swaps TEXT NOT NULL DEFAULT '',
        items BLOB,
        adopt INTEGER NOT NULL DEFAULT 0,
        state TEXT NOT NULL CHECK (state IN ('wanted', 'sending', 'waiting', 'done')),
        tries INTEGER NOT NULL DEFAULT 0,
        post INTEGER,
        leaf TEXT NOT NULL DEFAULT '',
        cells BLOB,
        bucket INTEGER NOT NULL DEFAULT 0,
        seed BLOB,
        secret BLOB,
        mask BLOB,
        others_number INTEGER NOT NULL DEFAULT 0,
        seen_number INTEGER NOT NULL DEFAULT 0,
        verdict TEXT NOT NULL DEFAULT '',
        code TEXT NOT NULL DEFAULT '',
        words TEXT NOT NULL DEFAULT '',
        at_least INTEGER NOT NULL DEFAULT 0,
        outputs BLOB,
        conflicts BLOB,
        is_told INTEGER NOT NULL DEFAULT 0,
        noted TEXT NOT NULL DEFAULT '',
        done_at TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX blind_runs_state ON blind_runs (state, id);
    CREATE INDEX blind_runs_leaf ON blind_runs (leaf);
    """,
    # Release: the private shelves, what was planned and approved, and what each release has taught whom.
    """
    CREATE TABLE release_shelf (
        shelf TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        data BLOB,
        officer TEXT NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (shelf, name, version)
    ) STRICT;
    CREATE TABLE release_items (
        item TEXT PRIMARY KEY, report TEXT NOT NULL UNIQUE, at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE release_plans (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        token TEXT NOT NULL UNIQUE,
        item TEXT NOT NULL,
        version INTEGER NOT NULL,
        recipient TEXT NOT NULL,
        purpose TEXT NOT NULL,
        officer TEXT NOT NULL,
        at TEXT NOT NULL,
        state TEXT NOT NULL CHECK (
            state IN ('denied', 'planned', 'held', 'stale', 'sending', 'recorded', 'refused', 'withdrawn')
        ),
        needs INTEGER NOT NULL,
        due_us INTEGER NOT NULL,
        data BLOB NOT NULL,
        body BLOB,
        digest TEXT NOT NULL,
        is_charged INTEGER NOT NULL DEFAULT 0,
        code TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '',
        tries INTEGER NOT NULL DEFAULT 0,
        sent_as TEXT NOT NULL DEFAULT '',
        leaf TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX release_plans_state ON release_plans (state, id);
    CREATE INDEX release_plans_item ON release_plans (item, recipient);
    CREATE INDEX release_plans_leaf ON release_plans (leaf);
    CREATE TABLE release_approvals (
        plan INTEGER NOT NULL REFERENCES release_plans (id),
        officer TEXT NOT NULL,
        digest TEXT NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (plan, officer)
    ) STRICT;
    CREATE TABLE release_given (
        item TEXT NOT NULL,
        recipient TEXT NOT NULL,
        version INTEGER NOT NULL,
        source TEXT NOT NULL,
        theatre TEXT NOT NULL,
        shape BLOB NOT NULL,
        plan INTEGER,
        at TEXT NOT NULL,
        PRIMARY KEY (item, recipient, version)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX release_given_source ON release_given (source, item);
    CREATE TABLE release_beliefs (
        secret TEXT NOT NULL,
        pool TEXT NOT NULL,
        basis TEXT NOT NULL,
        data BLOB NOT NULL,
        digest TEXT NOT NULL,
        releases INTEGER NOT NULL,
        prior REAL NOT NULL,
        chance REAL NOT NULL,
        bits REAL NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (secret, pool)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE release_charges (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        secret TEXT NOT NULL,
        pool TEXT NOT NULL,
        recipient TEXT NOT NULL,
        item TEXT NOT NULL,
        version INTEGER NOT NULL,
        theatre TEXT NOT NULL,
        plan INTEGER,
        leaf TEXT NOT NULL DEFAULT '',
        before_chance REAL NOT NULL,
        after_chance REAL NOT NULL,
        worst_chance REAL NOT NULL,
        bits REAL NOT NULL,
        at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX release_charges_pool ON release_charges (secret, pool, id);
    CREATE INDEX release_charges_held ON release_charges (pool, id);
    CREATE INDEX release_charges_plan ON release_charges (plan);
    CREATE TABLE release_tallies (
        secret TEXT NOT NULL,
        pool TEXT NOT NULL,
        theatre TEXT NOT NULL,
        releases INTEGER NOT NULL,
        last_at TEXT NOT NULL,
        PRIMARY KEY (secret, pool, theatre)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE exposure_counts (
        recipient TEXT NOT NULL,
        kind TEXT NOT NULL,
        messages INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        PRIMARY KEY (recipient, kind)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO exposure_counts
        SELECT recipient, kind, count(*), sum(size_bytes) FROM exposures GROUP BY recipient, kind;
    CREATE TRIGGER exposures_counted AFTER INSERT ON exposures BEGIN
        INSERT OR IGNORE INTO exposure_counts VALUES (new.recipient, new.kind, 0, 0);
        UPDATE exposure_counts SET messages = messages + 1, size_bytes = size_bytes + new.size_bytes
        WHERE recipient = new.recipient AND kind = new.kind;
    END;
    """,
    # The page: who may sign in, who is signed in, what was done. Secrets are here as hashes alone.
    """
    CREATE TABLE page_officers (
        officer TEXT PRIMARY KEY, roles TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE page_links (digest TEXT PRIMARY KEY, officer TEXT NOT NULL, until TEXT NOT NULL) STRICT;
    CREATE TABLE page_keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('passkey', 'certificate')),
        name BLOB NOT NULL UNIQUE,
        officer TEXT NOT NULL,
        place TEXT NOT NULL,
        public BLOB NOT NULL,
        uses INTEGER NOT NULL DEFAULT 0,
        label TEXT NOT NULL,
        at TEXT NOT NULL,
        used TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX page_keys_officer ON page_keys (officer);
    CREATE TABLE page_sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest TEXT NOT NULL UNIQUE,
        officer TEXT NOT NULL,
        method TEXT NOT NULL,
        place TEXT NOT NULL,
        client TEXT NOT NULL,
        opened TEXT NOT NULL,
        used TEXT NOT NULL,
        until TEXT NOT NULL,
        ended TEXT NOT NULL DEFAULT '',
        why TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX page_sessions_officer ON page_sessions (officer, ended);
    CREATE TABLE page_acts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        session INTEGER,
        officer TEXT NOT NULL,
        verb TEXT NOT NULL,
        code TEXT NOT NULL
    ) STRICT;
    """,
)
"""One script a version, applied in order; never changed once released."""


class Book:
    """The open book. Safe from several threads: one transaction at a time."""

    def __init__(self, path: Path | None) -> None:
        """Open the book at ``path``, or one in memory when None."""
        self._lock = threading.RLock()
        self.on_change: Callable[[], None] = lambda: None
        """Called after each commit, in the thread that made it: it may only wake somebody."""
        try:
            self._db = sqlite3.connect(
                ":memory:" if path is None else str(path),
                isolation_level=None,
                check_same_thread=False,
                timeout=10,
            )
            self._db.row_factory = sqlite3.Row
            for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
                self._db.execute(f"PRAGMA {setting}")
            if path is not None:
                path.chmod(0o600)
            self._migrate()
        except (sqlite3.Error, OSError) as error:
            raise StoreError("book", f"desk's book: {str(error).lower()}") from error

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_SCHEMA):
            raise StoreError(
                "book-version",
                f"desk's book: expected version <= {len(_SCHEMA)}, got {version}: a later entente wrote it",
            )
        for number, script in enumerate(_SCHEMA[version:], version + 1):
            self._db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")

    @contextmanager
    def transaction(self, *, is_told: bool = True) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one transaction: all of it becomes durable, or none.

        Args:
            is_told: Whether `on_change` is called afterwards: not where the record is followed, which tells
                of itself, nor for what no officer sees.
        """
        with self._transaction():
            yield self._db
        if is_told:
            self.on_change()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            nested = self._db.in_transaction
            try:
                if not nested:
                    self._db.execute("BEGIN IMMEDIATE")
                yield
                if not nested:
                    self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back(nested=nested)
                raise StoreError("book", f"desk's book: {str(error).lower()}") from error
            except BaseException:
                self._roll_back(nested=nested)
                raise

    def _roll_back(self, *, nested: bool) -> None:
        if not nested and self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock:
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise StoreError("book", f"desk's book: {str(error).lower()}") from error

    def read_one(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        found = self.read(statement, values)
        return found[0] if found else None

    def find_meta(self, key: str) -> str | None:
        """Return a remembered text, or None."""
        row = self.read_one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row["value"])

    def put_meta(self, key: str, value: str) -> None:
        """Remember a text."""
        with self.transaction(is_told=False) as db:
            db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
