"""Reading an officer's file key by key: each value of the form that the key has, every fault at its place.

What it is for: a catalogue of sources is written by hand. Whoever wrote it is told everything that is wrong
at once, by line, by key and in words.

Invariants:
  * Any bytes give a value or `FileInvalid`, in time and memory bounded by the size of the file, which is
    limited.
  * A file counts only when all of it holds. A key that is not known is a fault, never ignored.
  * Numbers with a point are read as decimals, never through binary fractions: what was typed is what is kept.
  * A text holds nothing that a terminal acts upon or that cannot be seen.

It does not know what names refer to: see `entente.release.source.catalogue`.

    >>> Table(file, {"id": "hill-post"}, ("observer", 0)).slug("id")
    'hill-post'
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from entente.kernel.errors import Malformed, describe
from entente.kernel.ids import SLUG_PATTERN
from entente.release.source.catalogue import PathOf, say_path_of
from entente.release.source.fraction import parse_fraction, say_fraction
from entente.terms.file.faults import TermsInvalid
from entente.terms.file.look_alikes import find_hidden
from entente.terms.file.toml_limits import read_text
from entente.terms.file.toml_places import Places, find_places
from entente.terms.model import Place

MAX_FAULTS: Final = 100
"""Whoever has more to mend than this mends these first."""

_SLUG: Final = re.compile(SLUG_PATTERN)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_E7: Final = Decimal(10_000_000)
_DIGITS: Final = 20
"""Longest number that is looked at: decimals are exact to 28 digits, and a scale takes eight."""


@dataclass(frozen=True, slots=True)
class FileFault:
    """One thing that is wrong. ``path``: the keys that lead to it; ``line``: from 1."""

    code: str
    message: str
    path: str
    line: int
    column: int


class FileInvalid(Malformed):
    """A file that does not hold. ``faults``: in the order of the file; ``more``: how many were not kept."""

    def __init__(self, what: str, faults: Sequence[FileFault], more: int = 0) -> None:
        first = faults[0]
        others = len(faults) - 1 + more
        message = f"{what}: {first.message}" + (f" (and {others} more)" if others else "")
        where = f"{first.path}, line {first.line}" if first.path else f"line {first.line}"
        super().__init__(first.code, message, path=where)
        self.faults = tuple(faults)
        self.more = more


class OfficerFile:
    """One file while it is read: its value, its places, the faults found so far."""

    def __init__(self, data: bytes, what: str) -> None:
        """Read the TOML.

        Raises:
            FileInvalid: Too large, too deep, not UTF-8, not TOML.
        """
        self.what = what
        self._faults: list[FileFault] = []
        self._count = 0
        # The limits and places of terms files, in this file's name.
        try:
            text = read_text(data)
        except TermsInvalid as error:
            at = error.faults[0].at
            message = error.faults[0].message.removeprefix("terms file: ")
            raise FileInvalid(what, [FileFault(error.code, message, "", at.line, at.column)]) from error
        try:
            self.value: dict[str, Any] = tomllib.loads(text, parse_float=_read_decimal)
        except (ValueError, RecursionError) as error:
            message = f"expected TOML, got: {str(error)[:1].lower()}{str(error)[1:200]}"
            line = re.search(r"at line (\d+), column (\d+)", message)
            at = Place(int(line[1]), int(line[2])) if line else Place(text.count("\n") + 1, 1)
            raise FileInvalid(what, [FileFault("bad-toml", message, "", at.line, at.column)]) from error
        self._text = text
        self._places: Places | None = None

    def add(self, code: str, message: str, path: PathOf, *, is_key: bool = False) -> None:
        """Keep a fault, or count it when there are enough."""
        self._count += 1
        if len(self._faults) < MAX_FAULTS:
            if self._places is None:  # most files have no fault, and finding places takes longer than reading
                self._places = find_places(self._text)
            places = self._places
            at = places.of_key(path) if is_key else places.of_value(path) if path else Place(1, 1)
            self._faults.append(FileFault(code, message, say_path_of(path), at.line, at.column))

    def require_none(self) -> None:
        """Raise `FileInvalid` if there is any fault."""
        if self._faults:
            kept = sorted(self._faults, key=lambda fault: (fault.line, fault.column))
            raise FileInvalid(self.what, kept, self._count - len(kept))

    def top(self, version_key: str, tables: Iterable[str]) -> Table:
        """Return the top of the file, after its version and the names of its tables are checked."""
        top = Table(self, self.value, ())
        top.check_keys((version_key,), tables)
        if version_key in self.value:
            top.whole(version_key, 1, 1)
        return top


def _read_decimal(text: str) -> Decimal:
    try:
        number = Decimal(text.replace("_", ""))
    except InvalidOperation:
        return Decimal("NaN")
    # Beyond these limits arithmetic would round, or overflow: no such number has a use here.
    is_ordinary = number.is_finite() and len(number.as_tuple().digits) <= _DIGITS
    return number if is_ordinary and abs(number.adjusted()) <= _DIGITS else Decimal("NaN")


class Table:
    """A table at its place in the file. Each reader gives a value of the right type, after a fault too."""

    def __init__(self, file: OfficerFile, value: Mapping[str, Any], path: PathOf) -> None:
        self.file = file
        self.path = path
        self._value = value
        name = value.get("id", value.get("name"))
        kind = next((part for part in reversed(path) if isinstance(part, str)), "file")
        self.label = f"{kind} {name!r}" if isinstance(name, str) and _SLUG.match(name) else kind

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def raw(self, key: str) -> object:
        """Return a value as it stands."""
        return self._value.get(key)

    def add(self, code: str, key: str, message: str) -> None:
        """Tell a fault of a key's value, or of the whole table (key "")."""
        path = (*self.path, key) if key else self.path
        self.file.add(code, f"{self.label}: {message}", path)

    def check_keys(self, needed: Iterable[str], others: Iterable[str] = ()) -> None:
        """Tell keys that are not known, and those that are missing."""
        needed = tuple(needed)
        known = (*needed, *others)
        for key in self._value:
            if key not in known:
                self.file.add(
                    "unknown-key",
                    f"{self.label}: expected one of the keys {', '.join(known)}, got {key[:60]!r}",
                    (*self.path, key),
                    is_key=True,
                )
        for key in needed:
            if key not in self._value:
                self.add("missing-key", "", f"expected the key {key}, got none")

    def text(self, key: str, *, most: int = 120, lines: bool = False) -> str:
        """Return a text of 1 to ``most`` characters; several lines only if ``lines``."""
        value = self._value.get(key, "")
        if not isinstance(value, str):
            self.add("wrong-type", key, f"{key}: expected text in quotation marks, got {describe(value)}")
            return ""
        if key in self._value and not 1 <= len(value) <= most:
            self.add("bad-text", key, f"{key}: expected 1 to {most} characters, got {len(value)}")
            return ""
        # The file's own text was checked, but TOML can spell a character by its number.
        if find_hidden(value) is not None or (not lines and re.search(r"[\t\n]", value)):
            self.add("bad-text", key, f"{key}: expected characters that can be seen, got {value[:60]!a}")
            return ""
        return value

    def slug(self, key: str) -> str:
        """Return a name."""
        return self._slug(self._value.get(key), (*self.path, key)) if key in self._value else ""

    def slugs(self, key: str, *, least: int = 0, most: int = 64) -> tuple[str, ...]:
        """Return a list of names."""
        return tuple(
            self._slug(each, (*self.path, key, number))
            for number, each in enumerate(self.items(key, least=least, most=most))
        )

    def _slug(self, value: object, path: PathOf) -> str:
        if isinstance(value, str) and _SLUG.match(value):
            return value
        message = f"expected a name (1 to 40 of a-z, 0-9 and inner hyphens), got {describe(value)}"
        self.file.add("bad-id", f"{self.label}, {say_path_of(path[len(self.path) :])}: {message}", path)
        return ""

    def items(self, key: str, *, least: int = 0, most: int) -> list[Any]:
        """Return a list with a bounded number of entries; none where the key is missing."""
        if key not in self._value:
            return []
        value = self._value[key]
        if not isinstance(value, list):
            self.add("wrong-type", key, f"{key}: expected a list, got {describe(value)}")
            return []
        if not least <= len(value) <= most:
            self.add("bad-count", key, f"{key}: expected {least} to {most}, got {len(value)}")
        return value[:most]

    def tables(self, key: str, *, least: int = 0, most: int) -> Iterator[Table]:
        """Yield the tables of a list."""
        for number, each in enumerate(self.items(key, least=least, most=most)):
            path = (*self.path, key, number)
            if isinstance(each, dict):
                yield Table(self.file, each, path)
            else:
                self.file.add("wrong-type", f"{key}: expected a table, got {describe(each)}", path)

    def table(self, key: str) -> Table | None:
        """Return a table, or None where there is none."""
        value = self._value.get(key)
        if isinstance(value, dict):
            return Table(self.file, value, (*self.path, key))
        if value is not None:
            self.add("wrong-type", key, f"{key}: expected a table, got {describe(value)}")
        return None

    def whole(self, key: str, least: int, most: int, *, absent: int = 0) -> int:
        """Return a whole number within limits."""
        value = self._value.get(key, absent)
        if key not in self._value:
            return absent
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            expected = f"{least} to {most}" if least < most else str(least)
            message = f"{key}: expected a whole number, {expected}, got {describe(value)}"
            self.add("bad-number", key, message)
            return least
        return value

    def scaled(self, key: str, scale: int, most: int) -> int | None:
        """Return a number times ``scale``, as a whole one of at most ``most`` either way; None if missing."""
        return self._scale(self._value[key], scale, most, (*self.path, key)) if key in self._value else None

    def _scale(self, value: object, scale: int, most: int, path: PathOf) -> int:
        number = Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
        name = f"{self.label}, {say_path_of(path[len(self.path) :])}"
        if not isinstance(number, Decimal) or not number.is_finite() or abs(number) * scale > most:
            limit = Decimal(most) / scale
            self.file.add(
                "bad-number",
                f"{name}: expected a number, -{limit} to {limit}, got {describe(value)}",
                path,
            )
            return 0
        exact = number * scale
        if exact != exact.to_integral_value():
            self.file.add(
                "bad-number", f"{name}: expected a multiple of 1/{scale}, got {describe(value)}", path
            )
            return 0
        return int(exact)

    def place(self, key: str) -> tuple[int, int] | None:
        """Return latitude and longitude, given in degrees, in 1e-7 degree; None if missing."""
        if key not in self._value:
            return None
        value = self._value[key]
        if not isinstance(value, list) or len(value) != 2:
            self.add(
                "bad-place",
                key,
                f"{key}: expected [latitude, longitude] in degrees, got {describe(value)}",
            )
            return None
        lat_e7 = self._scale(value[0], int(_E7), 900_000_000, (*self.path, key, 0))
        lon_e7 = self._scale(value[1], int(_E7), 1_800_000_000, (*self.path, key, 1))
        # One spelling: the antimeridian is -180.
        return lat_e7, -1_800_000_000 if lon_e7 == 1_800_000_000 else lon_e7

    def fraction(self, key: str, *, absent: str = "") -> str:
        """Return a fraction in its stored spelling: of text ``"1/4"``, ``"0.25"``, or of a whole number."""
        value = self._value.get(key, absent)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12:
            return str(value)
        if isinstance(value, Decimal) and value.is_finite():
            value = f"{value:f}"
        if not isinstance(value, str):
            self.add("bad-fraction", key, f"{key}: expected a fraction such as '1/4', got {describe(value)}")
            return "0"
        try:
            return say_fraction(parse_fraction(value))
        except Malformed as error:
            self.add(error.code, key, f"{key}: {error.message}")
        except ValueError as error:
            self.add("bad-fraction", key, f"{key}: {error}")
        return "0"

    def choice(self, key: str, choices: Sequence[str], *, absent: str) -> str:
        """Return one of several words."""
        value = self._value.get(key, absent)
        if value in choices:
            return str(value)
        self.add("bad-choice", key, f"{key}: expected one of {', '.join(choices)}, got {describe(value)}")
        return absent

    def yes(self, key: str) -> bool:
        """Return true or false; false if missing."""
        value = self._value.get(key, False)
        if not isinstance(value, bool):
            self.add("wrong-type", key, f"{key}: expected true or false, got {describe(value)}")
            return False
        return value

    def moment(self, key: str) -> dt.datetime | None:
        """Return a moment with its offset, in UTC; None if missing."""
        value = self._value.get(key)
        if value is None:
            return None
        if not isinstance(value, dt.datetime) or value.tzinfo is None:
            self.add(
                "bad-time",
                key,
                f"{key}: expected a time with its offset such as 2026-11-28T12:30:00Z, got {describe(value)}",
            )
            return None
        try:
            return value.astimezone(dt.UTC)
        except OverflowError:
            self.add("bad-time", key, f"{key}: expected a time of the years 1688 to 2251, got {value}")
            return None

    def moment_us(self, key: str, most_us: int) -> int:
        """Return a moment in microseconds since 1970."""
        moment = self.moment(key)
        if moment is None:
            return 0
        moment_us = (moment - _EPOCH) // dt.timedelta(microseconds=1)
        if abs(moment_us) > most_us:
            self.add("bad-time", key, f"{key}: expected a time of the years 1688 to 2251, got {moment}")
            return 0
        return moment_us
