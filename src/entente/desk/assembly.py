"""A whole desk put together: its folder opened, every part checked against the others, and made to work.

Invariants: what was found damaged stops the start (`StoreError`), except the views, which are computed again;
a fork that was found before the last stop is still a fork; `run_once` is all that the threads of `serve` do,
so that a desk without threads (a test, a command on a stopped desk) behaves the same.

It opens no port: see `serve`.

    >>> with open_desk(vault, clock=clock, random=random) as desk:
    ...     desk.run_once()
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import structlog

from entente.blind.group import Group
from entente.deconflict import ConflictIndex
from entente.desk.archive import Archive, ArchiveEntries
from entente.desk.blind.assembly import make_blind
from entente.desk.blind.carrier import BlindCarrier
from entente.desk.blind.post import NoParcels, ParcelWire
from entente.desk.book import Book
from entente.desk.checks import CenterView
from entente.desk.client import CenterClient
from entente.desk.compose import Composer
from entente.desk.evidence import AlarmBoard
from entente.desk.gate import BookLedger, Gate
from entente.desk.gazetteer import load_gazetteer
from entente.desk.inbox import Inbox
from entente.desk.joining import Pin, get_pin
from entente.desk.joint_reader import JointReader
from entente.desk.outbox import QUEUED, RECORDED, SIGNED, Outbox, OutboxItem
from entente.desk.picture.kept import KeptRows, clear_tables, is_kept, open_tables
from entente.desk.picture.past import Past
from entente.desk.plans import PlanShelf
from entente.desk.record_index import RecordIndex
from entente.desk.release.assembly import make_release
from entente.desk.release.carrier import ReleaseCarrier
from entente.desk.sync import Follower
from entente.desk.terms_room.room import TermsRoom
from entente.desk.terms_room.shelf import TermsShelf
from entente.desk.vault import Vault
from entente.desk.views import JointViews, find_applied
from entente.desk.witness import STATE_FILE, DeskWitness
from entente.joint import KINDS
from entente.kernel.charter import Charter
from entente.kernel.errors import Fork, NotFound, PeerError, StoreError, TransportError
from entente.kernel.keys import parse_public_key
from entente.kernel.ports import Clock, Random, Transport
from entente.kernel.rows import Rows
from entente.record.checkpoint import VerifiedCheckpoint, verify_checkpoint
from entente.record.cosignature import CosignatureSigner
from entente.record.note import NoteKey, parse_note_key
from entente.record.tile_reader import TileReader
from entente.record.tree import Tree
from entente.release.veto import Veto
from entente.space import Gazetteer
from entente.store.index_home import clear_index, fill_missing, make_index
from entente.store.mirror import Mirror
from entente.store.sql import open_sqlite
from entente.store.sql_rows import SqlRows
from entente.store.tables import ROW_INDEX, ROWS, SHEAF_PLACES, SHEAVES
from entente.store.tls import make_client_context

_LOG = structlog.get_logger("desk")
_MAX_STEPS = 1_000


class ViewHome(Protocol):
    """Where the rows of both views live. One writer; readers see what was committed."""

    def open(self, mirrored_size: int) -> JointViews:
        """Return the views as they were left, or empty ones when they cannot be gone on with."""

    def reset(self) -> JointViews:
        """Return empty views; readers see them fill again from the mirror."""

    def reader(self) -> Rows:
        """Return our own view's rows, for any thread."""

    def look(self) -> AbstractContextManager[ConflictIndex]:
        """Give our own view's index; in the block it and this thread's rows are of one moment.

        Who follows the record does not wait for who looks.
        """

    def find_past(self) -> Past | None:
        """Return our own view's rows at every earlier moment; None where no past is kept."""

    def close(self) -> None:
        """Let go of what is open."""


class SqlViews:
    """Both views in SQLite, a database each (`ViewHome`)."""

    def __init__(self, folder: Path, party: str, charter: bytes) -> None:
        self._databases = [open_sqlite(folder / name) for name in ("public.db", "own.db")]
        self._party = party
        self._charter = charter

    def open(self, mirrored_size: int) -> JointViews:
        """Return the views as they were committed; empty ones when they differ or are ahead of the mirror."""
        open_tables(self._databases[1])
        public, own = (SqlRows(database, cache_rows=0) for database in self._databases)
        sizes = find_applied(public), find_applied(own)
        # A desk of an older version kept no past: it follows from the mirror as the rows do.
        if sizes[0] != sizes[1] or sizes[0] > mirrored_size or not is_kept(self._databases[1]):
            return self.reset()
        return self._open()

    def reset(self) -> JointViews:
        """Return empty views; readers see them fill again from the mirror."""
        for database in self._databases:
            with database.write() as connection:
                for table in (ROW_INDEX, ROWS, SHEAF_PLACES, SHEAVES):
                    connection.execute(table.delete())
            clear_index(database)
        clear_tables(self._databases[1])
        return self._open()

    def _open(self) -> JointViews:
        public, own = SqlRows(self._databases[0]), KeptRows(self._databases[1])
        indexes = make_index(self._databases[0]), make_index(self._databases[1])
        for database, rows, index in zip(self._databases, (public, own), indexes, strict=True):
            fill_missing(database, rows, index)  # of a desk of an older version
        return JointViews(public, own, party=self._party, charter=self._charter, indexes=indexes)

    def reader(self) -> Rows:
        """Return our own view's rows: without a cache they hold no state that threads could share."""
        return SqlRows(self._databases[1], cache_rows=0)

    @contextmanager
    def look(self) -> Iterator[ConflictIndex]:
        """Give our own view's index; in the block it and this thread's rows are of one moment."""
        own = self._databases[1]
        with own.snapshot():
            yield make_index(own)

    def find_past(self) -> Past:
        """Return our own view's rows at every earlier moment."""
        return Past(self._databases[1])

    def close(self) -> None:
        """Close both databases."""
        for database in self._databases:
            database.close()


@dataclass(slots=True)
class Link:
    """How the line to the center is, for people."""

    state: str = "never"
    trouble: str = ""
    since: str = ""


@dataclass(slots=True)
class Desk:
    """An open desk. Every part is safe from several threads, `follower` and `outbox.step` from one each."""

    vault: Vault
    pin: Pin
    charter: Charter
    clock: Clock
    random: Random
    transport: Transport
    book: Book
    board: AlarmBoard
    ledger: BookLedger
    view: CenterView
    view_home: ViewHome
    mirror: Mirror
    follower: Follower
    outbox: Outbox
    witness: DeskWitness
    plans: PlanShelf
    archive: Archive
    record: RecordIndex
    rows: Rows
    blind: BlindCarrier
    release: ReleaseCarrier
    inbox: Inbox = field(init=False)
    terms: TermsRoom = field(init=False)
    link: Link = field(default_factory=Link)
    is_served: bool = False
    on_change: Callable[[], None] = lambda: None
    """Called when the record was followed or the line changed, in that thread: it may only wake somebody."""
    _gazetteer: Gazetteer | None = None
    _gazetteer_lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.terms = TermsRoom(TermsShelf(self.vault.folder / "terms", self.book, self.clock))
        self.inbox = Inbox(
            party=self.party,
            rows=self.rows,
            book=self.book,
            board=self.board,
            outbox=self.outbox,
            get_gazetteer=self.get_gazetteer,
            reminder_s=self.vault.config.reminder_minutes * 60,
        )

    @property
    def party(self) -> str:
        """Whose desk this is."""
        return self.vault.party

    def get_gazetteer(self) -> Gazetteer:
        """Return the known places; the first call takes a second, or several when no cache was made yet."""
        with self._gazetteer_lock:
            if self._gazetteer is None:
                self._gazetteer = load_gazetteer(self.vault.folder)
            return self._gazetteer

    def follow_once(self) -> bool:
        """Follow the record once; return whether the center answered and stood up to every check.

        Raises:
            StoreError: Our own disk failed: the process must stop.
        """
        try:
            followed = self.follower.follow()
        except TransportError as error:
            self._set_link("down", str(error))
            return False
        except Fork as error:
            self._set_link("forked", str(error))
            return False
        except PeerError as error:
            self._set_link("lying", str(error))
            _LOG.warning("center-did-not-stand-up", code=error.code, error=error.message)
            return False
        self._set_link("good" if followed.is_founded else "not-founded", "")
        if followed.is_founded:
            self.plans.review()
        self.on_change()
        return True

    def send_once(self) -> OutboxItem | None:
        """Make one attempt to send; None when there is nothing to send, or no answer was had."""
        try:
            return self.outbox.step()
        except (TransportError, PeerError) as error:
            _LOG.info("not-sent", code=error.code, error=error.message)
            return None

    def run_once(self) -> None:
        """Follow and send until nothing moves any more: what the threads of a served desk do all the time."""
        for _ in range(_MAX_STEPS):
            if not self.follow_once():
                return
            has_moved = self.blind.step() | self.release.step()
            if self.send_once() is None and not has_moved:
                return

    def _set_link(self, state: str, trouble: str) -> None:
        if (state, trouble) != (self.link.state, self.link.trouble):
            self.link = Link(state, trouble, self.clock.now_utc().isoformat())
            self.on_change()

    def wait_for(self, number: int, wait_s: float) -> OutboxItem:
        """Return a message of ours once it is answered and followed, or as it is when the time is over."""
        if not self.is_served:
            self.run_once()
            return self.outbox.get(number)
        deadline_s = time.monotonic() + wait_s
        while True:
            item = self.outbox.get(number)
            is_open = item.state in {QUEUED, SIGNED}
            is_unseen = item.state == RECORDED and self.follower.views.size <= (item.index or 0)
            left_s = deadline_s - time.monotonic()
            if not (is_open or is_unseen) or left_s <= 0:
                return item
            with self.follower.changed:
                self.follower.changed.wait(min(left_s, 0.25))

    def close(self) -> None:
        """Close the book and the views; nothing is lost by not doing so."""
        self.view_home.close()
        self.record.close()
        self.book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_desk(  # noqa: PLR0913 - the ports of one desk, each by its name
    vault: Vault,
    *,
    clock: Clock,
    random: Random,
    transport: Transport | None = None,
    parcels: ParcelWire | None = None,
    view_home: ViewHome | None = None,
    progress: Callable[[int, int], None] | None = None,
    load_group: Callable[[], Group] | None = None,
    veto: Veto | None = None,
) -> Desk:
    """Open the desk in a vault's folder; it must have joined a center.

    Args:
        transport: To the center; by default the real one, with the CA of the pinned charter.
        parcels: The same for parcels; by default ``transport`` where it carries them.
        view_home: Where rows live; by default SQLite in the folder.
        load_group: What blind checks compute with; by default libsodium.
        veto: The party's own rules about releases; by default those in the folder.

    Raises:
        NotFound: ``not-joined``.
        StoreError: Something in the folder is damaged.
    """
    folder = vault.folder
    pin = get_pin(folder)
    _, charter = pin.parse()
    log_key, center_key = parse_note_key(charter.log), parse_public_key(charter.center)
    book = Book(folder / "desk.db")
    keys = {
        "log-key.txt": f"{charter.log}\n".encode(),
        "center-key.txt": f"{charter.center.ed25519}\n".encode(),
    }
    board = AlarmBoard(book, folder / "evidence", clock, keys=keys)
    mirror = Mirror(folder / "mirror")
    view = restore_view(mirror, log_key)
    forked = book.find_meta("forked")
    if forked is not None:
        view.fork = Fork("log-forked", forked, evidence={})
    home = view_home or SqlViews(folder / "views", vault.party, pin.payload.encode())
    views, own = home.open(view.size), home.reader()
    ledger = BookLedger(book, clock)
    release_parts, exposures, entering = make_release(
        vault, rows=own, book=book, board=board, ledger=ledger, clock=clock, random=random, veto=veto
    )
    gate = Gate(entering)
    wire = transport if transport is not None else _connect(vault, pin, charter, random)
    followed: list[Follower] = []
    joint = JointReader(vault.party, view, own, lambda: bool(followed) and followed[0].is_followed)
    composer = Composer(vault.desk_key, vault.party, pin.origin, joint, view, KINDS, random)
    outbox = Outbox(
        book,
        composer,
        center_key=center_key,
        transport=wire,
        gate=gate,
        board=board,
        clock=clock,
    )
    follower = Follower(
        party=vault.party,
        view=view,
        views=views,
        mirror=mirror,
        transport=wire,
        book=book,
        board=board,
        outbox=outbox,
        seal_key=vault.seal_key,
        clock=clock,
        make_views=home.reset,
        stale_s=vault.config.stale_s,
        progress=progress,
    )
    followed.append(follower)
    blind = make_blind(
        vault,
        pin.origin,
        rows=own,
        book=book,
        outbox=outbox,
        board=board,
        gate=gate,
        clock=clock,
        random=random,
        wire=parcels or (wire if isinstance(wire, CenterClient) else NoParcels()),
        is_stopped=lambda: view.fork is not None or not follower.is_followed,
        load_group=load_group,
    )
    release = ReleaseCarrier(
        release_parts,
        exposures,
        outbox,
        is_stopped=lambda: view.fork is not None or not follower.is_followed,
    )
    archive = Archive(view, mirror, book, own)
    return Desk(
        vault=vault,
        pin=pin,
        charter=charter,
        clock=clock,
        random=random,
        transport=wire,
        book=book,
        board=board,
        ledger=ledger,
        view=view,
        view_home=home,
        mirror=mirror,
        follower=follower,
        outbox=outbox,
        witness=DeskWitness(
            folder / STATE_FILE,
            signer=CosignatureSigner(vault.witness_key),
            view=view,
            board=board,
            clock=clock,
        ),
        plans=PlanShelf(book, party=vault.party, rows=own, outbox=outbox, board=board, clock=clock),
        archive=archive,
        record=RecordIndex(folder / "views" / "record.db", ArchiveEntries(vault.party, archive)),
        rows=own,
        blind=blind,
        release=release,
    )


def restore_view(mirror: Mirror, log_key: NoteKey) -> CenterView:
    """Return the verified history that the mirror holds, every hash of it checked again.

    Raises:
        StoreError: The mirror is damaged: move it aside, and it is fetched again.
    """
    note = mirror.find_checkpoint()
    if note is None:
        return CenterView(log_key, Tree())
    try:
        checkpoint: VerifiedCheckpoint = verify_checkpoint(note, log_key)
        reader = TileReader(mirror.source, checkpoint)
        tree = Tree.from_leaf_hashes(reader.read_leaf_hashes(0, checkpoint.size))
    except (NotFound, PeerError) as error:
        raise StoreError(
            "bad-mirror", f"mirror: {error.message}: move the folder 'mirror' aside, and it is fetched again"
        ) from error
    if tree.root() != checkpoint.root:
        raise StoreError(
            "bad-mirror", f"mirror: expected root {checkpoint.root.hex()}, got {tree.root().hex()}"
        )
    return CenterView(log_key, tree, checkpoint)


def _connect(vault: Vault, pin: Pin, charter: Charter, random: Random) -> CenterClient:
    url = vault.config.center_url or pin.url
    tls = None
    if url.startswith("https"):
        certificate, key = vault.client_cert_paths
        tls = make_client_context(ca_pem=charter.tls_ca, certificate=certificate, key=key)
    # The outbox and the follower have patience of their own; a short second try spares them a hiccup.
    return CenterClient(url, random=random, tls=tls, attempts=2)
