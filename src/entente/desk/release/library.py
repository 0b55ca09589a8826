"""What lies on the shelves, read: the catalogue, reports, policies, clearances, pools and purposes in force.

Invariants: a file is put as a whole or not at all; what was read is kept until something on a shelf changes;
a recipient without a clearance, a label without a policy and a report without a source are found as missing,
never made up.

It decides nothing: see `policy` and `planning`.

    >>> library.load("reports", text, officer="duty-1")
    >>> library.get_report("r-17").value.source
    'hill-post'
"""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from entente.desk.release.purposes import (
    MAX_FILE_BYTES,
    Pool,
    Purpose,
    check_successor,
    decode_pool,
    decode_purpose,
    encode_house,
    parse_pools,
    parse_purposes,
)
from entente.desk.release.shelves import ShelfName, Shelved, Shelves
from entente.kernel.canonical import encode_canonical
from entente.kernel.errors import Denied, Malformed
from entente.kernel.ids import SLUG_PATTERN
from entente.release.label import TLP, Clearance, ClearanceWire, Policies, read_spif
from entente.release.label.clearance import encode_clearance, parse_clearance, parse_clearance_table
from entente.release.label.policy import LabelPolicy
from entente.release.source.catalogue import Catalogue, check_report, encode_catalogue, parse_catalogue
from entente.release.source.catalogue_file import read_catalogue
from entente.release.source.observer import Observer
from entente.release.source.report import Report, encode_report, parse_report
from entente.release.source.report_file import read_reports
from entente.space import distance_and_bearing

CATALOGUE: Final = "catalogue"
EMPTY: Final = Catalogue(observers=(), sources=(), secrets=())
T = TypeVar("T")
_PARTY: Final = re.compile(SLUG_PATTERN)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """A value and its version on the shelf."""

    value: T
    version: int


class Library:
    """The shelves of one desk, read. Safe from several threads."""

    def __init__(self, shelves: Shelves) -> None:
        self.shelves = shelves
        # Held for the dictionary alone: whoever asks the book under it would wait for who holds the book.
        self._lock = threading.Lock()
        self._mark = -1
        self._held: dict[str, Any] = {}

    # Putting

    def load(self, kind: str, text: str, *, officer: str) -> tuple[list[Shelved], int]:
        """Put a file on the shelves, all of it or nothing; return what it holds, and how much of it is new.

        Raises:
            Malformed: With the place of the fault.
            Denied: It takes away what must stay.
        """
        found = list(self._read(kind, text))
        changed, shelved = 0, []
        with self.shelves.transaction():
            for shelf, name, data in found:
                known = self.shelves.find(shelf, name)
                version = self.shelves.put(shelf, name, data, officer=officer)
                changed += known is None or known.version != version
                shelved.append(self.shelves.get(shelf, name))
        return shelved, changed

    def _read(self, kind: str, text: str) -> Iterator[tuple[ShelfName, str, bytes]]:
        match kind:
            case "catalogue":
                yield "catalogue", CATALOGUE, encode_catalogue(self._check_catalogue(text))
            case "reports":
                catalogue = self.get_catalogue()[1]
                for report in read_reports(text.encode()):
                    self._check_report(report, catalogue)
                    yield "report", report.id, encode_report(report)
            case "policy":
                policy = self._check_policy(text.encode())
                yield "policy", _name_policy(policy), text.encode()
            case "clearances":
                for party, clearance in parse_clearances(text):
                    under = _slug(clearance.policy or clearance.policy_id)
                    data = encode_canonical(encode_clearance(clearance))
                    yield "clearance", f"{party}:{under}", data
            case "pools":
                pools = parse_pools(text)
                self._check_pools(pools)
                for pool in pools:
                    old = self.shelves.find("pool", pool.id)
                    if old is not None and old.data is not None:
                        check_successor(decode_pool(old.data), pool)
                    yield "pool", pool.id, encode_house(pool)
            case "purposes":
                for purpose in parse_purposes(text):
                    yield "purpose", purpose.id, encode_house(purpose)
            case _:
                raise Malformed("bad-kind", f"file: expected a kind of shelf, got {kind!r}", path="$.kind")

    def _check_report(self, report: Report, catalogue: Catalogue) -> None:
        """Return if a report fits its source, and follows the version before it."""
        for fault in check_report(report, catalogue):
            raise Malformed("bad-report", fault, path=report.id)
        source = catalogue.source[report.source]
        if not covers(catalogue.observer[source.observer], report.lat_e7, report.lon_e7):
            # Nothing that a ledger said about it would hold: the model rules it out.
            raise Malformed(
                "bad-report",
                f"report {report.id!r}: expected a place that its source covers, got one outside",
                path=report.id,
            )
        old = self.shelves.find("report", report.id)
        if old is not None and old.data is not None and parse_report(old.data).source != report.source:
            raise Denied("other-source", f"report {report.id!r}: expected the source of its earlier versions")

    def _check_catalogue(self, text: str) -> Catalogue:
        """Return a file's catalogue, or raise `Denied` where it forgets what is charged.

        SECURITY: nothing is judged by a secret that is not there, or by one that a source no longer touches.
        That is not done by leaving a line out, once releases were charged to it
        (tests/protocol/test_desk_release_attacks.py, test_a_charged_secret_is_not_left_out).
        """
        new, old = read_catalogue(text.encode()), self.get_catalogue()[1]
        charged = self.shelves.list_charged()
        gone = sorted(charged & set(old.secret) - set(new.secret))
        if gone:
            raise Denied(
                "secret-gone",
                f"catalogue: expected every secret that releases were charged to, "
                f"{', '.join(gone)} would be gone",
            )
        for source in old.sources:
            follows = new.source.get(source.id)
            lost = sorted(charged & set(source.secrets) - set(() if follows is None else follows.secrets))
            if lost:
                raise Denied(
                    "secret-gone",
                    f"catalogue, source {source.id!r}: expected it to keep {', '.join(lost)}, which releases "
                    "were charged to",
                )
        return new

    def _check_pools(self, new: list[Pool]) -> None:
        """Return if no two pools that are judged hold the same members: a pool has one budget."""
        held = {pool.id: pool for pool in self.list_pools()} | {pool.id: pool for pool in new}
        seen: dict[frozenset[str], str] = {}
        for pool in held.values():
            members = frozenset(pool.members)
            if not pool.closed and members in seen:
                raise Malformed(
                    "pool-twice",
                    f"pool {pool.id!r}: expected members of its own, {seen[members]!r} has the same",
                    path=pool.id,
                )
            if not pool.closed:
                seen[members] = pool.id

    def _check_policy(self, data: bytes) -> LabelPolicy:
        policy = read_spif(data)
        others = [one for one in self.policies() if _name_policy(one) != _name_policy(policy)]
        if any(one.id == policy.id or one.name == policy.name for one in others):
            raise Malformed(
                "policy-twice", f"policy {policy.name!r}: expected a name and identifier of its own"
            )
        return policy

    def drop(self, shelf: ShelfName, name: str, *, officer: str) -> None:
        """Take a thing down from its shelf.

        Raises:
            Denied: The catalogue, and pools: what they hold is only followed by what holds as much.
        """
        if shelf in {"catalogue", "pool"}:
            raise Denied(
                "not-dropped", f"{shelf}: expected another version; close a pool that is not judged any more"
            )
        self.shelves.drop(shelf, name, officer=officer)

    def forget(self) -> None:
        """Let go of what was read from a shelf that was not kept after all."""
        with self._lock:
            self._held.clear()
            self._mark = -1

    # Finding

    def _get(self, name: str) -> tuple[int, Any]:
        """Return what was read under a name while the shelves were as they are now, and their mark."""
        mark = self.shelves.find_mark()
        with self._lock:
            if mark != self._mark:
                self._held.clear()
                self._mark = mark
            return mark, self._held.get(name)

    def _keep(self, mark: int, name: str, value: T) -> T:
        """Keep what was read at a mark, unless somebody has seen a later one since."""
        with self._lock:
            if mark == self._mark:
                self._held[name] = value
        return value

    def get_catalogue(self) -> tuple[int, Catalogue]:
        """Return version and value of the catalogue in force; an empty one where none was put."""
        mark, held = self._get("catalogue")
        found: tuple[int, Catalogue] | None = held
        if found is not None:
            return found
        shelved = self.shelves.find("catalogue", CATALOGUE)
        if shelved is None or shelved.data is None:
            return self._keep(mark, "catalogue", (0, EMPTY))
        return self._keep(mark, "catalogue", (shelved.version, parse_catalogue(shelved.data)))

    def get_report(self, name: str, *, version: int | None = None) -> Versioned[Report]:
        """Return a report's newest version, or a given one; raise `NotFound`."""
        shelved = self.shelves.get("report", name, version=version)
        if shelved.data is None:
            raise AssertionError("shelf: gave what was taken down")
        return Versioned(parse_report(shelved.data), shelved.version)

    def policies(self) -> Policies:
        """Return the label policies in force: TLP, and those of the shelf."""
        mark, held = self._get("policies")
        found: Policies | None = held
        if found is not None:
            return found
        shelved = [one.data for one in self.shelves.list_standing("policy") if one.data is not None]
        read = [read_spif(data) for data in shelved]
        own = [] if any(one.name == TLP.name for one in read) else [TLP]
        return self._keep(mark, "policies", Policies([*own, *read]))

    def list_clearances(self, party: str) -> list[Clearance]:
        """Return what a partner may see, one for each policy."""
        mark, held = self._get("clearances")
        found: dict[str, list[Clearance]] | None = held
        if found is None:
            found = {}
            for one in self.shelves.list_standing("clearance"):
                wire = msgspec.json.decode(one.data or b"", type=ClearanceWire)
                found.setdefault(one.name.partition(":")[0], []).append(parse_clearance(wire))
            self._keep(mark, "clearances", found)
        return found.get(party, [])

    def list_pools(self) -> list[Pool]:
        """Return the pools of the shelf, closed ones too."""
        mark, held = self._get("pools")
        found: list[Pool] | None = held
        if found is None:
            data = [one.data for one in self.shelves.list_standing("pool")]
            found = self._keep(mark, "pools", [decode_pool(one) for one in data if one is not None])
        return found

    def find_purpose(self, name: str) -> Purpose | None:
        """Return a purpose, or None."""
        mark, held = self._get("purposes")
        found: dict[str, Purpose] | None = held
        if found is None:
            data = [one.data for one in self.shelves.list_standing("purpose")]
            read = [decode_purpose(one) for one in data if one is not None]
            found = self._keep(mark, "purposes", {one.id: one for one in read})
        return found.get(name)


def covers(observer: Observer, lat_e7: int, lon_e7: int) -> bool:
    """Tell whether an observer covers a place."""
    if observer.circles is None:
        return True
    return any(
        distance_and_bearing(one.lat_e7 / 1e7, one.lon_e7 / 1e7, lat_e7 / 1e7, lon_e7 / 1e7)[0]
        <= one.radius_m
        for one in observer.circles
    )


def parse_clearances(text: str) -> list[tuple[str, Clearance]]:
    """Return parties and clearances of a file: ``[[clearance]]`` with ``party = "ru"`` and its keys."""
    if len(text.encode()) > MAX_FILE_BYTES:
        raise Malformed("too-large", f"clearances: expected <= {MAX_FILE_BYTES} bytes")
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Malformed("bad-toml", f"clearances: {str(error).lower()}") from error
    tables = plain.pop("clearance", None)
    if plain or not isinstance(tables, list) or not tables:
        raise Malformed("bad-clearances", "clearances: expected [[clearance]] tables alone", path="clearance")
    found, seen = [], set()
    for place, table in enumerate(tables):
        path = f"clearance[{place}]"
        party = table.pop("party", None) if isinstance(table, dict) else None
        if not isinstance(party, str) or not _PARTY.match(party):
            raise Malformed(
                "bad-clearances", "clearances: expected the name of a party", path=f"{path}.party"
            )
        clearance = parse_clearance_table(table, path=path)
        name = (party, clearance.policy or clearance.policy_id)
        if name in seen:
            raise Malformed("twice", f"clearances: expected one of {party!r} for each policy", path=path)
        seen.add(name)
        found.append((party, clearance))
    return found


def _slug(text: str) -> str:
    """Return a policy's name as it is spelt on a shelf."""
    slug = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
    return slug[:60].strip("-.") or "policy"


def _name_policy(policy: LabelPolicy) -> str:
    return _slug(policy.name or policy.id)
