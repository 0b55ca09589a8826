"""The center's side of the witnesses: asks them first, shows them the newest checkpoint, keeps their lines.

Invariants:
  * Nothing is shown to a witness that is not durable and published.
  * All are asked about one checkpoint at a time, so that their lines meet on it; whoever is slow keeps the
    others waiting a moment and no longer, and joins again at a later one.
  * Only the newest checkpoint is pushed: what came and went in between needs no line of its own.
  * A conflict is logged as an error each time and never papered over.

It decides nothing about standing: `standings` does, in the writer's thread.

    >>> witnesses = Witnesses(desk_of_the_center)
    >>> witnesses.start()
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import structlog

from entente.center.circle import CircleMember
from entente.center.sequencer import Sequencer
from entente.center.standings import Standings
from entente.center.startup import StartDecision, StartState, WitnessReport, decide_start, parse_report
from entente.center.witness_link import WitnessLink
from entente.center.writer import RecordWriter
from entente.kernel.errors import EntenteError, PeerError
from entente.kernel.ids import PartyID
from entente.kernel.ports import Clock, Random
from entente.kernel.time import encode_utc
from entente.record import (
    NoteKey,
    SignatureLine,
    Tree,
    VerifiedCheckpoint,
)
from entente.store.tls import make_client_context

MAX_ANSWER_BYTES: Final = 262_144
ANSWER_S: Final = 5.0
_PATIENCE_S: Final = 2.0
"""How long the witnesses that have answered wait for those that have not."""
_TICK_S: Final = 0.05
_NOT_READ: Final = object()
_ASK_AGAIN_S: Final = 1.0
_Found = tuple[WitnessLink, VerifiedCheckpoint, SignatureLine | None]


@dataclass(frozen=True, slots=True)
class WitnessView:
    """A witness as ``/status`` shows it."""

    party: PartyID
    size: int
    at: str
    state: str


@dataclass(frozen=True, slots=True)
class WitnessPorts:
    """What the witnesses' side needs of the rest of the center.

    Attributes:
        find_published: The newest published checkpoint, or None.
        list_members: The circle in force; called in this room's own thread.
        find_ring: An object that changes when a roster does.
        count_needed: How many of so many witnesses must answer to start without the rest.
        on_start: Told the decision of the start-up check, each time it changes.
        client_certificate: Certificate and key that the center shows to a witness behind TLS.
    """

    sequencer: Sequencer
    tree: Tree
    log_key: NoteKey
    find_published: Callable[[], VerifiedCheckpoint | None]
    list_members: Callable[[], list[CircleMember]]
    find_ring: Callable[[], object]
    count_needed: Callable[[int], int]
    on_start: Callable[[StartDecision], None]
    on_fatal: Callable[[BaseException], None]
    clock: Clock
    random: Random
    without: Collection[str] = ()
    client_certificate: tuple[Path, Path] | None = None


class Witnesses:
    """Runs in a thread of its own, with an event loop of its own."""

    def __init__(self, ports: WitnessPorts) -> None:
        self._ports = ports
        self._links: dict[PartyID, WitnessLink] = {}
        self._clients: dict[PartyID, tuple[CircleMember, httpx.AsyncClient]] = {}
        self._pending: set[asyncio.Task[_Found]] = set()
        self._target: VerifiedCheckpoint | None = None
        self._target_since_s = 0.0
        self._ring: object = _NOT_READ
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._is_stopping = False
        self._log = structlog.get_logger("witnesses")
        self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)
        self._standings = Standings()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is a newer checkpoint; from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(self._news.set)
            except RuntimeError:
                self._log.debug("witnesses-stopped")

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the thread; a question under way is dropped."""
        self._is_stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def list_views(self) -> list[WitnessView]:
        """Return every witness as it was last seen, by party."""
        links = sorted(self._links.items())
        return [WitnessView(party, link.cosigned_size, link.at, link.state) for party, link in links]

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - a center without witnesses' lines must not look healthy
            self._ports.on_fatal(error)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            if await self._check_start():
                await self._push_forever()
        finally:
            for task in self._pending:
                task.cancel()
            for _, client in self._clients.values():
                await client.aclose()

    # The start-up check

    async def _check_start(self) -> bool:
        """Ask until the decision stands; False when the center must not sign or is stopping."""
        if self._ports.find_published() is None:
            # A draft: there is nothing that could be forked. Founding opens the record.
            while self._ports.find_published() is None and not self._is_stopping:
                await self._wait_for_news(_ASK_AGAIN_S)
            return not self._is_stopping
        reports: dict[PartyID, WitnessReport] = {}
        last: StartDecision | None = None
        while not self._is_stopping:
            self._refresh_links()
            silent = [link for party, link in self._links.items() if party not in reports and link.member.url]
            for report in await asyncio.gather(*(self._ask(link) for link in silent)):
                if report is not None:
                    reports[report.party] = report
            decision = decide_start(
                self._ports.tree,
                reports.values(),
                [link.member for link in self._links.values()],
                needed=self._ports.count_needed(len(self._links)),
                without=self._ports.without,
            )
            if decision != last:
                self._ports.on_start(decision)
                last = decision
            if decision.state is not StartState.WAITING:
                return decision.state is StartState.OPEN
            await self._wait_for_news(_ASK_AGAIN_S)
        return False

    async def _ask(self, link: WitnessLink) -> WitnessReport | None:
        origin = hashlib.sha256(self._ports.log_key.name.encode()).hexdigest()
        party = link.member.party
        try:
            status, _, body = await self._request(link, "GET", f"/{origin}/checkpoint", b"")
            report = parse_report(party, status, body, self._ports.log_key)
        except (EntenteError, httpx.HTTPError, OSError) as error:
            self._log.warning("witness-silent", party=party, reason=_describe(error))
            link.state = "unreachable"
            return None
        link.at = encode_utc(self._ports.clock.now_utc())
        if report.checkpoint is not None:
            link.known_size = report.checkpoint.size
        return report

    # Pushing

    async def _push_forever(self) -> None:
        while not self._is_stopping:
            self._launch()
            if not self._pending:
                await self._wait_for_news(_ASK_AGAIN_S)
                continue
            # Lines that come close together are kept in one step.
            done, self._pending = await asyncio.wait(self._pending, timeout=_TICK_S)
            await self._keep([task.result() for task in done])

    def _launch(self) -> None:
        """Ask those who are free about the present target, or about a newer one when it is time."""
        now_s = time.monotonic()
        newest = self._ports.find_published()
        if newest is None:
            return
        target = self._target
        is_over = (
            target is None
            or not self._pending
            or self._standings.firm_size >= target.size
            or now_s - self._target_since_s > _PATIENCE_S
        )
        if is_over and (target is None or newest.size > target.size):
            self._refresh_links()
            self._target, self._target_since_s, target = newest, now_s, newest
        if target is None:
            return
        busy = {task.get_name() for task in self._pending}
        for party, link in self._links.items():
            if party not in busy and link.is_due(target.size, now_s):
                self._pending.add(asyncio.create_task(self._push(link, target), name=party))

    async def _push(self, link: WitnessLink, target: VerifiedCheckpoint) -> _Found:
        """Ask one witness, with a new proof each time it says that it stands elsewhere. Never raises."""
        party = link.member.party
        try:
            for _ in range(3):
                if link.known_size > target.size:
                    return self._find_ahead(link, target)
                body = link.encode_request(target, self._ports.tree)
                status, kind, answer = await self._request(link, "POST", "/add-checkpoint", body)
                at = encode_utc(self._ports.clock.now_utc())
                line = link.take_answer(target, status, kind, answer, at=at)
                if line is not None:
                    return link, target, line
                if link.state != "stale":
                    break
        except (EntenteError, httpx.HTTPError, OSError) as error:
            link.fail("unreachable", _describe(error), time.monotonic(), self._draw())
            self._log.warning("witness-unreachable", party=party, reason=link.reason, failures=link.failures)
            return link, target, None
        link.fail(link.state, link.reason, time.monotonic(), self._draw())
        log = self._log.error if link.state == "conflict" else self._log.warning
        log(f"witness-{link.state}", party=party, size=target.size, reason=link.reason)
        return link, target, None

    def _find_ahead(self, link: WitnessLink, target: VerifiedCheckpoint) -> _Found:
        newest = self._ports.find_published()
        if newest is not None and link.known_size <= newest.size:
            return link, target, None  # it has seen a newer one than the target: the next target is for it
        link.fail("ahead", f"cosigned {link.known_size}", time.monotonic(), self._draw())
        # SECURITY: either this witness lies, or our log signed what we do not know.
        self._log.error("witness-ahead", party=link.member.party, size=target.size, cosigned=link.known_size)
        return link, target, None

    async def _keep(self, found: list[_Found]) -> None:
        by_target: dict[int, tuple[VerifiedCheckpoint, dict[str, SignatureLine]]] = {}
        for link, target, line in found:
            if line is not None:
                by_target.setdefault(target.size, (target, {}))[1][link.member.party] = line
        for checkpoint, lines in by_target.values():
            job = self._ports.sequencer.call(_keep_lines(checkpoint, lines))
            self._standings = await asyncio.wrap_future(job)

    def _refresh_links(self) -> None:
        """Follow the rosters: keys and addresses may have changed."""
        ring = self._ports.find_ring()
        if ring is self._ring:
            return
        # Taken before the rows are read: if a roster comes in between, they are read again.
        self._ring = ring
        members = {member.party: member for member in self._ports.list_members()}
        for party, member in members.items():
            link = self._links.get(party)
            if link is None or link.member.key != member.key:
                self._links[party] = WitnessLink(member)
            elif link.member != member:
                link.member = member
        for party in self._links.keys() - members.keys():
            del self._links[party]

    async def _request(
        self, link: WitnessLink, method: str, path: str, body: bytes
    ) -> tuple[int, str, bytes]:
        client = await self._find_client(link.member)
        headers = {"content-type": "text/plain; charset=utf-8"} if body else {}
        async with (
            asyncio.timeout(2 * ANSWER_S),
            client.stream(method, link.member.url + path, content=body or None, headers=headers) as answer,
        ):
            pieces, size = [], 0
            async for piece in answer.aiter_bytes():
                size += len(piece)
                if size > MAX_ANSWER_BYTES:
                    raise PeerError("too-large", f"witness: expected <= {MAX_ANSWER_BYTES} bytes, got more")
                pieces.append(piece)
            return answer.status_code, answer.headers.get("content-type", ""), b"".join(pieces)

    async def _find_client(self, member: CircleMember) -> httpx.AsyncClient:
        known = self._clients.get(member.party)
        if known is not None and known[0] == member:
            return known[1]
        if known is not None:
            await known[1].aclose()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if member.tls_ca:
            certificate, key = self._ports.client_certificate or (None, None)
            context = make_client_context(ca_pem=member.tls_ca, certificate=certificate, key=key)
        client = httpx.AsyncClient(
            verify=context, timeout=ANSWER_S, trust_env=False, follow_redirects=False,
            headers={"user-agent": "entente-center"},
        )  # fmt: skip
        self._clients[member.party] = (member, client)
        return client

    async def _wait_for_news(self, timeout_s: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return
        self._news.clear()

    def _draw(self) -> float:
        return int.from_bytes(self._ports.random.draw(4), "big") / 2**32


def _keep_lines(
    checkpoint: VerifiedCheckpoint, lines: dict[str, SignatureLine]
) -> Callable[[RecordWriter], Standings]:
    return lambda writer: writer.add_cosignatures(checkpoint, lines)


def _describe(error: BaseException) -> str:
    if isinstance(error, EntenteError):
        return str(error)
    return f"{type(error).__name__}: {error}".rstrip(": ")[:200]
