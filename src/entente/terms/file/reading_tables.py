"""One table of a terms file, key by key: each value of the form that the key has, each fault at its place.

Invariants:
  * Reading goes on after a fault, with a value of the right type, so that one reading tells all faults.
  * A number is a whole one within its limits: fractions, infinity, not-a-number, and yes/no in place of a
    number are refused, so are keys that the format does not have.
  * A text holds nothing that a terminal acts upon; a name for display holds nothing that cannot be seen.

It does not know what names refer to: see `entente.terms.file.naming`.

    >>> Table(reading, "party", {"id": "us", "name": "United States"}, ("party", 0)).get_slug("id")
    'us'
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from entente.kernel.errors import describe
from entente.kernel.ids import SLUG_PATTERN
from entente.terms.file.faults import FaultList
from entente.terms.file.look_alikes import find_fault_of_name, find_hidden, name_character
from entente.terms.file.shape import MAX_LINE, MAX_NAME, MAX_TEXT, get_keys
from entente.terms.file.toml_places import Path, Places
from entente.terms.model import Place

_SLUG: Final = re.compile(SLUG_PATTERN)
_SLUG_WORDS: Final = "1 to 40 of a-z, 0-9 and inner hyphens"


@dataclass(frozen=True, slots=True)
class Reading:
    """What every table of one reading shares."""

    places: Places
    faults: FaultList = field(default_factory=FaultList)


class Table:
    """A table at its place in the file."""

    def __init__(self, reading: Reading, kind: str, value: Mapping[str, Any], path: Path) -> None:
        self.reading = reading
        self.kind = kind
        self.path = path
        self._value = value
        self.at = reading.places.of_value(path) if path else Place(1, 1)
        name = value.get("id")
        numbers = [part for part in path if isinstance(part, int)]
        if path and isinstance(name, str) and _SLUG.match(name):
            self.label = f"{kind} {name!r}"
        else:
            self.label = f"{kind} number {numbers[0] + 1}" if numbers else f"terms {kind}"

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def add_fault(
        self, code: str, message: str, key: str = "", *, offset: int | None = None, suggestion: str = ""
    ) -> None:
        """Tell a fault of this table, at a key's value (or a character in it), or of the table as a whole."""
        path = (*self.path, key) if key else self.path
        at = self.reading.places.of_value(path) if path else Place(1, 1)
        if offset is not None:
            at = self.reading.places.inside(path, offset)
        self.reading.faults.add(code, f"{self.label}: {message}", at, suggestion)

    def check_keys(self) -> None:
        """Tell keys that this kind of table does not have, and those that it lacks."""
        known = get_keys(self.kind)
        for key in self._value:
            if key in known:
                continue
            shown = repr(key[:60])
            foreign = next((c for c in key if not c.isascii()), "")
            if foreign:
                shown += f" with {name_character(foreign)}"
            self.reading.faults.add(
                "unknown-key",
                f"{self.label}: expected one of the keys {', '.join(known)}, got {shown}",
                self.reading.places.of_key((*self.path, key)),
                self.reading.faults.suggest(key, known),
            )
        for key, form in known.items():
            if form.is_required and key not in self._value:
                self.add_fault("missing-key", f"expected the key {key}, got none")

    def get_text(self, key: str, *, limit: int = MAX_TEXT) -> str:
        """Return a text of at most ``limit`` characters, "" when there is none."""
        value = self._value.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.add_fault(
                "wrong-type", f"{key}: expected a text in quotation marks, got {describe(value)}", key
            )
            return ""
        if not value.strip():
            self.add_fault("empty", f"{key}: expected a text, got an empty one", key)
        elif len(value) > limit:
            self.add_fault("too-long", f"{key}: expected at most {limit} characters, got {len(value)}", key)
            return value[:limit]
        hidden = find_hidden(value)
        if hidden is not None:
            got = name_character(value[hidden])
            self.add_fault(
                "hidden-character",
                f"{key}: expected characters that can be seen, got {got}",
                key,
                offset=hidden,
            )
        return value

    def get_line(self, key: str, *, limit: int = MAX_LINE) -> str:
        """Return a text without line breaks."""
        value = self.get_text(key, limit=limit)
        breaks = [offset for offset, c in enumerate(value) if c in "\n\t"]
        if breaks:
            self.add_fault(
                "line-break", f"{key}: expected one line, got a line break or tab", key, offset=breaks[0]
            )
        return value

    def get_name(self, key: str = "name") -> str:
        """Return a name for display, of which every reader sees every character."""
        value = self.get_line(key, limit=MAX_NAME)
        offset, message = find_fault_of_name(value)
        # What no text may hold at all has been told by `get_text` already.
        if message and find_hidden(value) is None and "\n" not in value and "\t" not in value:
            self.add_fault("bad-name", f"{key}: {message}", key, offset=offset)
        elif value != " ".join(value.split()) and value.strip():
            self.add_fault(
                "bad-name", f"{key}: expected single spaces between words only, got {value!r}", key
            )
        return value

    def get_slug(self, key: str) -> str:
        """Return an identifier, "" when there is none or it is not one."""
        value = self._value.get(key)
        return "" if value is None else self._check_slug(value, key, (*self.path, key))

    def _check_slug(self, value: object, key: str, path: Path) -> str:
        places, faults = self.reading.places, self.reading.faults
        if not isinstance(value, str):
            message = f"{self.label}: {key}: expected a name in quotation marks, got {describe(value)}"
            faults.add("wrong-type", message, places.of_value(path))
            return ""
        if _SLUG.match(value):
            return value
        foreign = next((i for i, c in enumerate(value) if not c.isascii()), None)
        got = describe(value)
        at = places.of_value(path)
        suggestion = ""
        if foreign is not None:
            got += f" with {name_character(value[foreign])}"
            at = places.inside(path, foreign)
        else:
            likely = re.sub(r"[^a-z0-9]+", "-", value.lower())[:40].strip("-")
            suggestion = likely if _SLUG.match(likely) else ""
        faults.add("bad-name", f"{self.label}: {key}: expected {_SLUG_WORDS}, got {got}", at, suggestion)
        return ""

    def get_slugs(self, key: str, limit: int, *, may_stand_alone: bool = True) -> list[tuple[str, Path]]:
        """Return one identifier or a list of them, each once, with their paths."""
        value = self._value.get(key)
        if value is None:
            return []
        path = (*self.path, key)
        if isinstance(value, str) and may_stand_alone:
            listed: list[tuple[object, Path]] = [(value, path)]
        elif isinstance(value, list):
            listed = [(each, (*path, index)) for index, each in enumerate(value[:limit])]
        else:
            form = "a name or a list of names" if may_stand_alone else "a list of names"
            self.add_fault("wrong-type", f"{key}: expected {form}, got {describe(value)}", key)
            return []
        if isinstance(value, list) and not 1 <= len(value) <= limit:
            self.add_fault("bad-count", f"{key}: expected 1 to {limit} names, got {len(value)}", key)
        found: dict[str, Path] = {}
        for each, at in listed:
            name = self._check_slug(each, key, at)
            if name in found:
                message = f"{self.label}: {key}: expected each name once, got {name!r} again"
                self.reading.faults.add("duplicate", message, self.reading.places.of_value(at))
            elif name:
                found[name] = at
        return list(found.items())

    def get_flag(self, key: str, *, default: bool) -> bool:
        """Return yes or no."""
        value = self._value.get(key, default)
        if isinstance(value, bool):
            return value
        self.add_fault("wrong-type", f"{key}: expected true or false, got {describe(value)}", key)
        return default

    def get_count(self, key: str, high: int, *, default: int) -> int:
        """Return a whole number from 1 to ``high``."""
        if key not in self._value:
            return default
        return self.check_count(self._value[key], key, (*self.path, key), high) or default

    def check_count(self, value: object, what: str, path: Path, high: int) -> int:
        """Return the number, or tell the fault and return 0."""
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= high:
            return value
        message = f"{self.label}: {what}: expected a whole number from 1 to {high}, got {describe(value)}"
        self.reading.faults.add("bad-number", message, self.reading.places.of_value(path))
        return 0

    def get_counts(self, key: str, limit: int, high: int) -> tuple[int, ...]:
        """Return a list of whole numbers from 1 to ``high``."""
        value = self._value.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not 1 <= len(value) <= limit:
            self.add_fault(
                "wrong-type",
                f"{key}: expected a list of 1 to {limit} numbers, got {describe(value)}",
                key,
            )
            return ()
        path = (*self.path, key)
        found = [self.check_count(each, key, (*path, i), high) for i, each in enumerate(value)]
        return tuple(found) if all(found) else ()

    def get_choice(self, key: str, options: Sequence[str]) -> str:
        """Return one of the options, "" when there is none or it is no option."""
        value = self._value.get(key)
        if value is None or (isinstance(value, str) and value in options):
            return value or ""
        message = f"{key}: expected {' or '.join(map(repr, options))}, got {describe(value)}"
        suggestion = self.reading.faults.suggest(value, options) if isinstance(value, str) else ""
        self.add_fault("bad-choice", message, key, suggestion=suggestion)
        return ""

    def get_date(self, key: str) -> str:
        """Return a year, month or day, as text; a TOML date (without quotation marks) is one too."""
        value = self._value.get(key)
        if value is None:
            return ""
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value.isoformat()
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", value, re.ASCII):
            try:
                dt.date.fromisoformat(value + "-01-01"[len(value) - 4 :] if len(value) < 10 else value)
            except ValueError:
                pass
            else:
                return value
        got = describe(value)
        self.add_fault(
            "bad-date", f"{key}: expected a date such as 2016, 2016-09 or 2016-09-13, got {got}", key
        )
        return ""

    def get_raw(self, key: str) -> Any:  # noqa: ANN401 - whatever TOML holds
        """Return the value as the file has it; None when there is none."""
        return self._value.get(key)

    def list_tables(
        self, key: str, kind: str, limit: int, *, may_stand_alone: bool = True
    ) -> Iterator[Table]:
        """Yield one table or each of a list of tables, their keys checked."""
        value = self._value.get(key)
        path = (*self.path, key)
        if value is None:
            return
        if isinstance(value, dict) and may_stand_alone:
            listed: list[tuple[object, Path]] = [(value, path)]
        elif isinstance(value, list):
            if len(value) > limit:
                self.add_fault("too-many", f"{key}: expected at most {limit}, got {len(value)}", key)
            listed = [(each, (*path, index)) for index, each in enumerate(value[:limit])]
        else:
            form = "a table or a list of tables" if may_stand_alone else f"tables headed [[{key}]]"
            self.add_fault("wrong-type", f"{key}: expected {form}, got {describe(value)}", key)
            return
        for each, at in listed:
            if isinstance(each, dict):
                table = Table(self.reading, kind, each, at)
                table.check_keys()
                yield table
            else:
                message = f"{self.label}: {key}: expected a table, got {describe(each)}"
                self.reading.faults.add("wrong-type", message, self.reading.places.of_value(at))
