"""What an entry says, as far as it can be listed and searched: header, texts, names, other entries, a line.

Invariants: any bytes at all give an answer, since a void entry may be anything; nothing here makes a text of
a partner's harmless: whoever shows it does.

It knows no kind of message but by the names of its fields, so that a new kind is listed and found without a
change here.

    >>> list(find_leaves({"messages": ["ab" * 32]}))
    [('abab...', 'messages[0]')]
"""

from __future__ import annotations

import base64
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

import msgspec

_MAX_WORDS: Final = 240
_LONGEST_UNBROKEN: Final = 200
"""A longer text without a space is a key or a certificate: nobody looks for it by its letters."""
_LEAF: Final = re.compile(r"[0-9a-f]{64}\Z")
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
_THING_FIELDS: Final = frozenset({"id", "thread", "activity", "incident", "agreement", "rules"})
_NAME_FIELDS: Final = ("id", "thread", "activity", "incident")
_TEXT_FIELDS: Final = (
    "title", "name", "text", "observed", "words", "reason", "note", "answer", "outcome", "word", "found",
    "verdict", "by", "step", "purpose",
)  # fmt: skip
_POINTING_FIELDS: Final = (
    "message", "version", "proposal", "ask", "match", "of", "motion", "alarm", "rules",
)  # fmt: skip


def fold(text: str) -> str:
    """Return a text as search compares it: case and width of letters do not count."""
    return unicodedata.normalize("NFKC", text).casefold()


def split_search(text: str) -> list[str]:
    """Return what must all stand in an entry: words, and whole phrases in double quotes."""
    found = [phrase or word for phrase, word in re.findall(r'"([^"]+)"|(\S+)', text)]
    return [fold(one) for one in found]


def parse_header(data: bytes) -> dict[str, Any]:
    """Return what an entry says of itself, as far as it says anything: a void one may be any bytes at all."""
    empty = {"kind": "", "author": "", "officers": [], "at": "", "seq": 0, "to": [], "body": None}
    try:
        payload = msgspec.json.decode(base64.b64decode(msgspec.json.decode(data)["payload"]))
        return {
            "kind": str(payload["kind"])[:80],
            "author": str(payload["author"])[:80],
            "officers": [str(one)[:80] for one in payload["officers"]][:8],
            "at": str(payload["at"])[:40],
            "seq": int(payload["seq"]),
            "to": [str(one["party"])[:80] for one in payload["to"]][:80],
            "body": payload["body"],
        }
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError):
        return empty


def _walk(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - JSON
    """Yield every text in a body with its path and the name of its field."""
    stack: list[tuple[Any, str, str]] = [(value, path, "")]
    while stack:
        one, at, name = stack.pop()
        if isinstance(one, str):
            yield one, at, name
        elif isinstance(one, dict):
            stack += [(each, f"{at}.{key}" if at else key, key) for key, each in reversed(one.items())]
        elif isinstance(one, list):
            stack += [(each, f"{at}[{place}]", name) for place, each in reversed(list(enumerate(one)))]


def find_leaves(body: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Yield every text that has the form of a message's name, and where in the body it stands."""
    for text, path, _ in _walk(body):
        if _LEAF.match(text):
            yield text, path


def find_things(kind: str, body: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the names of activities, zones, sites, threads, incidents and agreements that a body is about."""
    if not isinstance(body, dict):
        return
    for holder in (body, body.get("about"), body.get("readout"), body.get("text")):
        if isinstance(holder, dict):
            for name in _THING_FIELDS:
                value = holder.get(name)
                if (kind, name) == ("activity.notify", "activity"):
                    continue  # there the field says what sort of activity it is, elsewhere which one
                if isinstance(value, str) and _SLUG.match(value):
                    yield value


def find_texts(body: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield every text of a body that somebody may look for."""
    for text, _, _ in _walk(body):
        if text and not _LEAF.match(text) and (len(text) <= _LONGEST_UNBROKEN or " " in text):
            yield text


def say_words(db: sqlite3.Connection, kind: str, body: Any) -> str:  # noqa: ANN401 - JSON
    """Return one line of what an entry says, in its author's words: to be shown as a stranger's."""
    if not isinstance(body, dict):
        return ""
    holder = next((body[name] for name in ("readout", "text") if isinstance(body.get(name), dict)), body)
    found = [str(holder[name]) for name in _NAME_FIELDS if isinstance(holder.get(name), str)][:1]
    if kind == "roster.statement":
        found.append(f"version {body.get('version')}")
    named = [body[name] for name in _POINTING_FIELDS if isinstance(body.get(name), str)]
    named += [one if isinstance(one, str) else one.get("leaf", "") for one in body.get("messages", [])[:20]]
    places = [place for place in (_find_place(db, leaf) for leaf in named if _LEAF.match(leaf)) if place]
    if places:
        left_out = f" and {len(body['messages']) - 20} more" if len(body.get("messages", [])) > 20 else ""
        found.append(f"of {', '.join(places)}{left_out}")
    found += [
        str(holder[name]) for name in _TEXT_FIELDS if isinstance(holder.get(name), str) and holder[name]
    ][:2]
    words = ": ".join(dict.fromkeys(found))
    return words if len(words) <= _MAX_WORDS else f"{words[:_MAX_WORDS]}…"


def _find_place(db: sqlite3.Connection, leaf: str) -> str:
    row = db.execute("SELECT idx FROM entries WHERE leaf = ? LIMIT 1", (leaf,)).fetchone()
    return "" if row is None else f"entry {row[0]}"
