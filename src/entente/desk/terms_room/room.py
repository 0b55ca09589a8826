"""Asking a terms file at the desk: one search at a time, watched, stopped in time, its answer remembered.

Invariants:
  * A search ends after the seconds that it was given, or when its asker stops it or asks again; what it had
    found by then is its answer, and says so.
  * One search runs at a time, and a few wait: whoever comes on top is told so and takes no thread. Between
    two pieces of a search, none longer than some tenths of a second, other threads of the desk run.
  * An answer is remembered by the bytes of the file and all that was asked: another file has other answers.
    A stopped one is given again only to who would not wait longer.
  * What a what-if changes is compared with the answer to the file as it stands, and never mixed with it.

    >>> asked = Asked("why-not", "joint-operation")
    >>> room.ask(file, asked, whatif="offer.blind-check", seconds=5.0, asker="tab-1")
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from entente.desk.terms_room.questions import Asked, Said, ask_question
from entente.desk.terms_room.shelf import TermsFile, TermsShelf
from entente.kernel.errors import Denied, NotFound
from entente.terms.answers import Additions, Feasibility, Obstacle, Obstacles, Packages
from entente.terms.file.faults import TermsInvalid
from entente.terms.file.reading import parse_terms
from entente.terms.model import Terms
from entente.terms.picture.graph import build_graph, graph_json
from entente.terms.search.watch import Progress
from entente.terms.search.whatif import Change, apply_changes, encode_changes, parse_changes
from entente.terms.words.phrases import Phrasebook
from entente.terms.words.report import Findings, say_verdict

VERDICT: Final = ("possible", "why-not", "price", "additions")
"""Questions about one programme: one sentence answers all four, so they are answered together."""
MAX_WAITING: Final = 4
_KEPT_ANSWERS: Final = 64
_KEPT_TERMS: Final = 4
_KEPT_BRIEFS: Final = 128
_WAIT_S: Final = 60.0

K = TypeVar("K")
V = TypeVar("V")
Plain = dict[str, Any]


class Kept(Generic[K, V]):
    """The last few of something, by key. Safe from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: K) -> V | None:
        """Return what is held, now the newest."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: K, value: V) -> V:
        """Hold a value; the oldest goes."""
        with self._lock:
            self._held[key] = value
            self._held.move_to_end(key)
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return value


class RoomWatch:
    """Ends each search after so many seconds, or at once when it is stopped (`search.watch.Watch`)."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until_s = time.monotonic() + seconds
        self._stopped = threading.Event()
        self.progress = Progress("")
        self.began_s = time.monotonic()

    def restart(self) -> None:
        """Give the next search its whole time."""
        self._until_s = time.monotonic() + self._seconds

    def stop(self) -> None:
        """End the search at its next look, and those after it."""
        self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        """Tell whether somebody stopped it."""
        return self._stopped.is_set()

    def look(self, progress: Progress) -> str:
        """Note how far it is, and say whether to stop."""
        self.progress = progress
        if self._stopped.is_set():
            return "interrupt"
        return "time" if time.monotonic() >= self._until_s else ""


@dataclass(slots=True)
class _Told:
    """An answer, and the pieces of it that a comparison needs."""

    plain: Plain
    is_whole: bool
    seconds: float
    obstacles: Obstacles | None = None
    packages: Packages | None = None


@dataclass(slots=True)
class _Found:
    """What was asked for a verdict, as far as it is known."""

    said: dict[str, Said] = field(default_factory=dict)

    def get(self, kind: type[V]) -> V | None:
        return next((one.answer for one in self.said.values() if isinstance(one.answer, kind)), None)


class TermsRoom:
    """The one place of a desk where terms are asked about."""

    def __init__(self, shelf: TermsShelf) -> None:
        self.shelf = shelf
        self._terms: Kept[str, Terms] = Kept(_KEPT_TERMS)
        self._briefs: Kept[str, Plain] = Kept(_KEPT_BRIEFS)
        self._answers: Kept[tuple[Any, ...], _Told] = Kept(_KEPT_ANSWERS)
        self._turn = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MAX_WAITING)
        self._watches: dict[str, RoomWatch] = {}
        self._lock = threading.Lock()

    # Files

    def read(self, file: TermsFile) -> Terms:
        """Return a file's terms, or raise `TermsInvalid`."""
        return self._terms.find(file.sha256) or self._terms.put(file.sha256, parse_terms(file.data))

    def brief(self, file: TermsFile) -> Plain:
        """Return what a list tells of a file."""
        known = self._briefs.find(file.sha256)
        if known is not None:
            return known
        try:
            terms = self.read(file)
        except TermsInvalid as error:
            count = len(error.faults) + error.more
            told = {"is_sound": False, "faults": count, "title": "", "question": ""}
            return self._briefs.put(file.sha256, told)
        told = {"is_sound": True, "faults": 0, "title": terms.title, "question": terms.question}
        return self._briefs.put(file.sha256, told)

    # Asking

    def ask(self, file: TermsFile, asked: Asked, *, whatif: str, seconds: float, asker: str) -> Plain:
        """Return the answer, and with changes how it differs from the answer to the file as it stands.

        Raises:
            TermsInvalid: The file has faults.
            NotFound: No such programme, position, measure, ...
            Denied: ``busy``: others are waiting already.
        """
        changes = parse_changes(whatif)
        terms = self.read(file)
        if asked.programme and not any(each.id == asked.programme for each in terms.programmes):
            known = ", ".join(each.id for each in terms.programmes) or "none"
            raise NotFound("no-programme", f"programme: expected one of {known}, got {asked.programme!r}")
        with self._take_turn(asker, seconds) as watch:
            real = self._tell(file.sha256, terms, asked, (), seconds, watch)
            if not changes:
                return real.plain | {"whatif": "", "real": None}
            told = self._tell(file.sha256, terms, asked, changes, seconds, watch)
        return told.plain | {"whatif": encode_changes(changes), "real": _compare(real, told)}

    def find_progress(self, asker: str) -> Plain:
        """Return how far an asker's search is; ``is_asking`` false where none runs."""
        with self._lock:
            watch = self._watches.get(asker)
        if watch is None:
            return {"is_asking": False}
        now = watch.progress
        return {
            "is_asking": True,
            "stage": now.stage,
            "found": now.found,
            "steps": now.steps,
            "at_least": now.at_least,
            "seconds": round(time.monotonic() - watch.began_s, 1),
        }

    def stop(self, asker: str) -> bool:
        """Stop an asker's search; return whether one ran."""
        with self._lock:
            watch = self._watches.get(asker)
        if watch is not None:
            watch.stop()
        return watch is not None

    @contextmanager
    def _take_turn(self, asker: str, seconds: float) -> Iterator[RoomWatch]:
        # SECURITY: each waiting question holds a thread of the desk's few; whoever comes on top is refused
        # instead (tests/protocol/test_desk_terms.py, test_too_many_questions_at_once_are_refused).
        if not self._waiting.acquire(blocking=False):
            raise Denied(
                "busy", f"terms: expected <= {MAX_WAITING} questions at once, got more: ask again soon"
            )
        watch = RoomWatch(seconds)
        try:
            with self._lock:
                earlier = self._watches.pop(asker, None) if asker else None
                if asker:
                    self._watches[asker] = watch
            if earlier is not None:
                earlier.stop()  # whoever asks anew waits for the old answer no more
            if not self._turn.acquire(timeout=_WAIT_S):
                raise Denied("busy", "terms: expected the search before to end in time: ask again soon")
            try:
                watch.restart()
                yield watch
            finally:
                self._turn.release()
        finally:
            with self._lock:
                if self._watches.get(asker) is watch:
                    del self._watches[asker]
            self._waiting.release()

    def _tell(
        self,
        sha256: str,
        terms: Terms,
        asked: Asked,
        changes: tuple[Change, ...],
        seconds: float,
        watch: RoomWatch,
    ) -> _Told:
        key = (sha256, asked, changes)
        known = self._answers.find(key)
        if known is not None and (known.is_whole or known.seconds >= seconds):
            return known
        told = _answer(apply_changes(terms, changes), asked, seconds, watch, is_supposed=bool(changes))
        if told.is_whole or not watch.is_stopped:
            self._answers.put(key, told)
        return told


def _answer(terms: Terms, asked: Asked, seconds: float, watch: RoomWatch, *, is_supposed: bool) -> _Told:
    names: tuple[str, ...] = (asked.question,)
    if asked.question in VERDICT:
        names = (asked.question, *(name for name in VERDICT if name != asked.question))
    found = _Found()
    for name in names:
        watch.restart()
        found.said[name] = ask_question(terms, replace(asked, question=name), watch)
    plain: Plain = {
        "question": asked.question,
        "programme": asked.programme,
        "answers": {name: said.plain for name, said in found.said.items()},
        "lines": {name: said.lines for name, said in found.said.items()},
        "verdict": "",
        "sentence": _say_first(found.said[asked.question].lines),
        "graph": None,
    }
    obstacles, packages = found.get(Obstacles), found.get(Packages)
    if obstacles is not None:
        plain |= _tell_verdict(terms, found, obstacles, packages, is_supposed=is_supposed)
    is_whole = all(_is_whole(said) for said in found.said.values())
    return _Told(plain, is_whole, seconds, obstacles, packages)


def _tell_verdict(
    terms: Terms, found: _Found, obstacles: Obstacles, packages: Packages | None, *, is_supposed: bool
) -> Plain:
    feasibility = found.get(Feasibility)
    findings = Findings(
        terms, obstacles, feasibility=feasibility, packages=packages, additions=found.get(Additions)
    )
    best = packages.packages[0] if packages is not None and packages.packages else None
    graph = build_graph(
        terms,
        obstacles,
        package=best,
        is_cheapest=best is not None and packages is not None and packages.at_least >= best.cost,
    )
    # SECURITY: read alone, or copied, a supposed answer must not pass for one to what somebody said
    # (tests/protocol/test_desk_terms.py, test_a_supposed_answer_never_says_that_positions_stand_so).
    stand = "if that were so (nobody said it)" if is_supposed else "as the positions stand"
    is_possible = None if feasibility is None else feasibility.is_possible
    if obstacles.obstacles:
        is_possible = False  # one obstacle proves it, whatever the other search had time for
    return {
        "verdict": {True: "yes", False: "no", None: "unknown"}[is_possible],
        "sentence": say_verdict(Phrasebook(terms), findings, how_they_stand=stand),
        "graph": graph_json(graph),
    }


def _say_first(lines: list[str]) -> str:
    return next((line.strip() for line in lines if line.strip()), "")


def _is_whole(said: Said) -> bool:
    if said.answer is not None:
        search = getattr(said.answer, "search", None)
        return search is None or search.is_complete
    return not said.plain.get("stopped_by", "")


def _compare(real: _Told, told: _Told) -> Plain:
    """Return the answer to the file as it stands, in short, and what differs from it."""
    before, after = _list_obstacles(real), _list_obstacles(told)
    known = {each.members for each in before}, {each.members for each in after}
    searches = [one.obstacles.search for one in (real, told) if one.obstacles is not None]
    return {
        "verdict": real.plain["verdict"],
        "sentence": real.plain["sentence"],
        "cost": _find_cost(real),
        "cost_now": _find_cost(told),
        "gone": [list(each.members) for each in before if each.members not in known[1]],
        "new": [list(each.members) for each in after if each.members not in known[0]],
        "statements": real.plain["answers"].get("why-not", {}).get("statements", {}),
        # Of obstacles that were not all found, one may be missing on either side without being gone or new.
        "are_all": bool(searches) and all(search.is_all for search in searches),
    }


def _list_obstacles(told: _Told) -> tuple[Obstacle, ...]:
    return () if told.obstacles is None else told.obstacles.obstacles


def _find_cost(told: _Told) -> int | None:
    if told.packages is None:
        return None
    if told.packages.is_possible:
        return 0
    return told.packages.packages[0].cost if told.packages.packages else None
