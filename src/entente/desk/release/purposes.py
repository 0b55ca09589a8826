"""Purposes and pools: for what, to whom, with how many officers; and who may put together what they got.

What it is for: the two private lists of a party that no label and no agreement can hold. Files for the
officer, TOML, read as a whole or not at all:

    [[purpose]]
    id = "deconfliction"
    words = "keep aircraft apart"
    to = ["ru"]                     # nobody who is not named
    officers = 1                    # or 2
    two_officers = ["SECRET"]       # classifications for which two are asked
    onward = "ask"                  # or "never": whether the recipient may ask to pass it on
    keep_days = 30                  # 0: no end

    [[pool]]
    id = "astana"
    words = "two that talk to each other"
    members = ["ru", "tr"]

Invariants: a purpose without a recipient is nobody's; members are never taken out of a pool
(`check_successor`): who has put together what he had has done so. A pool that is not judged any more is
closed.

It decides nothing: see `policy`.

    >>> parse_pools(text)
    [Pool(id='astana', words='two that talk to each other', members=['ru', 'tr'], closed=False)]
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from entente.kernel.canonical import encode_canonical
from entente.kernel.errors import Denied, Malformed
from entente.kernel.wire import NoteText, SlugText, WireStruct

MAX_FILE_BYTES: Final = 1 << 20
MAX_MEMBERS: Final = 64
LabelWord = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class Purpose(WireStruct, frozen=True, kw_only=True):
    """What items may be given for; see the module."""

    id: SlugText
    words: NoteText = ""
    to: Annotated[list[SlugText], msgspec.Meta(max_length=MAX_MEMBERS)] = msgspec.field(default_factory=list)
    officers: Annotated[int, msgspec.Meta(ge=1, le=2)] = 1
    two_officers: Annotated[list[LabelWord], msgspec.Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )
    onward: Literal["ask", "never"] = "never"
    keep_days: Annotated[int, msgspec.Meta(ge=0, le=36_600)] = 0


class Pool(WireStruct, frozen=True, kw_only=True):
    """Recipients that may put together what they got. Each recipient alone is a pool anyway."""

    id: SlugText
    words: NoteText = ""
    members: Annotated[list[SlugText], msgspec.Meta(min_length=2, max_length=MAX_MEMBERS)]
    closed: bool = False


class _PurposeFile(WireStruct, frozen=True):
    purpose: Annotated[list[Purpose], msgspec.Meta(min_length=1, max_length=1000)]


class _PoolFile(WireStruct, frozen=True):
    pool: Annotated[list[Pool], msgspec.Meta(min_length=1, max_length=1000)]


F = TypeVar("F", _PurposeFile, _PoolFile)
S = TypeVar("S", Purpose, Pool)


def parse_purposes(text: str) -> list[Purpose]:
    """Return the purposes of a file, or raise `Malformed` with the place of the fault."""
    return _check_names(_parse(text, _PurposeFile, "purposes").purpose, "purpose")


def parse_pools(text: str) -> list[Pool]:
    """Return the pools of a file, or raise `Malformed` with the place of the fault."""
    pools = _check_names(_parse(text, _PoolFile, "pools").pool, "pool")
    for place, pool in enumerate(pools):
        if sorted(set(pool.members)) != sorted(pool.members):
            raise Malformed(
                "twice", f"pool {pool.id!r}: expected each member once", path=f"pool[{place}].members"
            )
    return pools


def encode_house(thing: Purpose | Pool) -> bytes:
    """Return a purpose or pool as it lies on the shelf."""
    return encode_canonical(thing)


def decode_purpose(data: bytes) -> Purpose:
    """Return a purpose from the shelf."""
    return msgspec.json.decode(data, type=Purpose)


def decode_pool(data: bytes) -> Pool:
    """Return a pool from the shelf."""
    return msgspec.json.decode(data, type=Pool)


def check_successor(old: Pool, new: Pool) -> None:
    """Return if ``new`` may follow ``old``: nobody was taken out.

    SECURITY: what two have put together stays put together; a pool that forgets a member would forget what
    it knows (tests/protocol/test_desk_release_attacks.py, test_a_pool_forgets_nobody).
    """
    gone = sorted(set(old.members) - set(new.members))
    if gone:
        raise Denied(
            "member-gone",
            f"pool {new.id!r}: expected every member that it had, {', '.join(gone)} would be gone; close it "
            "and make another",
        )


def _parse(text: str, kind: type[F], what: str) -> F:
    if len(text.encode()) > MAX_FILE_BYTES:
        raise Malformed("too-large", f"{what}: expected <= {MAX_FILE_BYTES} bytes")
    try:
        plain: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Malformed("bad-toml", f"{what}: {str(error).lower()}") from error
    try:
        return msgspec.convert(plain, kind, strict=True)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise Malformed(
            f"bad-{what}",
            f"{what}: {message[:1].lower()}{message[1:]}",
            path=where.removesuffix("`").removeprefix("$."),
        ) from error


def _check_names(found: list[S], what: str) -> list[S]:
    names = [one.id for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Malformed("twice", f"{what}: expected each id once, got {', '.join(twice)} again", path=what)
    return found
