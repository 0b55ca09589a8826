"""Yes/no and count runs by way of the center: it matches tags made under a key that it does not hold.

Never between two parties alone: a two-party protocol that gives only the size gives a lying asker its
cells (docs/formats/blind.md section 8). Here neither party sees the other's tags, and the center sees
tags that it cannot try: the key is the pair's.

    key       from a secret of the run that the starter seals to the other party
    list      tags of a party's tokens and of the run's canaries, padded to a bucket      -> to the center
    match     the center's: all canaries meet, or INVALID; then one bit, or a bucket
    box       the result under a mask that each party gave with its list                 -> in the record

Invariants:
  * The center learns both buckets, and how many tags meet. Together with one of the two it learns everything
    the other's list holds of what the two can try: said on the page, and in docs/blind.md.
  * CLEAR only when every canary is in both lists and meets, lists are of their stated size, and no other tag
    meets. What meets of the canaries is looked for in the same search as the rest.
  * Both boxes open to the same result, to which the record holds a commitment.

It draws nothing; secrets, masks and salts are arguments. A center that lies about the bit is found by an
audit of the lists, which the record names by hash; not before.

    >>> match_lists(ours, theirs, buckets=(20, 50))
    Matched(verdict='CLEAR', code='', meeting=0)

Source: Kamara, Mohassel, Raykova, Sadeghian: Scaling Private Set Intersection to Billion-Element Sets (FC
2014).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from entente.blind.canary import make_run_canaries
from entente.blind.exact import Verdict, is_in, pad_tags
from entente.blind.group import KEY_BYTES, TAG_BYTES, Group, Progress, Rows, Tags
from entente.blind.sizes import find_bucket
from entente.kernel.errors import Malformed, VerificationFailed

MATCH_CANARIES: Final = 16
LIST_HEAD: Final = b"entente blind list 1\n"
RESULT_BYTES: Final = 64
SALT_BYTES: Final = 32
BOX_BYTES: Final = SALT_BYTES + RESULT_BYTES + 16
COUNT_BUCKETS: Final = (1, 10, 100, 1_000, 10_000)
"""What a count run says: at least so many tokens meet, the greatest of these that is true."""
_KEY_LABEL: Final = b"entente blind match key v1\n"
_RESULT_LABEL: Final = b"entente blind match result v1\n"
_NONCE: Final = bytes(12)
"""A mask is drawn for one box: one key, one message."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What two lists come to.

    Args:
        meeting: How many tags other than canaries meet; the center's to round, never to pass on.
    """

    verdict: Verdict
    code: str
    meeting: int


@dataclass(frozen=True, slots=True)
class MatchResult:
    """What both parties are told. ``at_least``: in a count run, one of `COUNT_BUCKETS`; else 0."""

    verdict: Verdict
    code: str
    at_least: int


def derive_match_key(secret: bytes, domain: bytes, name: bytes) -> bytes:
    """Return the pair's key for one run.

    Args:
        secret: 32 random bytes of the starter, sealed to the other party.
        name: The hash of what the run's first message names.
    """
    if len(secret) != KEY_BYTES:
        raise ValueError(f"match secret: expected {KEY_BYTES} bytes, got {len(secret)}")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=domain, info=_KEY_LABEL + name).derive(secret)


def make_list(
    group: Group,
    key: bytes,
    domain: bytes,
    name: bytes,
    tokens: Rows,
    *,
    mask: bytes,
    pad_seed: bytes,
    on_progress: Progress | None = None,
) -> bytes:
    """Return what a party gives to the center: mask, canaries' tags, all tags.

    Args:
        mask: 32 random bytes, under which the result comes back to this party.
    """
    if len(mask) != KEY_BYTES:
        raise ValueError(f"mask: expected {KEY_BYTES} bytes, got {len(mask)}")
    canaries = make_run_canaries(name, MATCH_CANARIES)
    tags = group.keyed_tags(np.concatenate((tokens, canaries)), domain, key, on_progress)
    padded = pad_tags(tags, find_bucket(len(tokens)) + MATCH_CANARIES, pad_seed)
    return LIST_HEAD + mask + _encode(tags[len(tokens) :]) + _encode(padded)


def _encode(tags: Tags) -> bytes:
    return tags.astype(">u8").tobytes()


@dataclass(frozen=True, slots=True)
class _List:
    mask: bytes
    canaries: Tags
    tags: Tags


def _parse_list(data: bytes, bucket: int) -> _List:
    wanted = len(LIST_HEAD) + KEY_BYTES + TAG_BYTES * (bucket + 2 * MATCH_CANARIES)
    if not data.startswith(LIST_HEAD) or len(data) != wanted:
        raise Malformed("bad-list", f"list: expected its head and {wanted} bytes, got {len(data)}")
    rest = memoryview(data)[len(LIST_HEAD) :]
    tags = np.frombuffer(rest[KEY_BYTES:], ">u8").astype(np.uint64)
    canaries, every = tags[:MATCH_CANARIES], tags[MATCH_CANARIES:]
    if not bool((every[1:] > every[:-1]).all()):
        raise Malformed("bad-list", "list: expected tags once each, ascending, got another order")
    return _List(bytes(rest[:KEY_BYTES]), canaries, every)


def match_lists(ours: bytes, theirs: bytes, buckets: tuple[int, int]) -> Matched:
    """Return what two lists come to: the center's part. Never raises for what a party sent."""
    try:
        lists = _parse_list(ours, buckets[0]), _parse_list(theirs, buckets[1])
    except Malformed as error:
        return Matched("INVALID", error.code, 0)
    first, second = lists
    if not np.array_equal(first.canaries, second.canaries):
        # Other rules, another epoch, another key: nothing would ever meet.
        return Matched("INVALID", "canaries-differ", 0)
    meeting = first.tags[is_in(first.tags, second.tags)]
    lost = MATCH_CANARIES - int(np.count_nonzero(is_in(np.unique(first.canaries), meeting)))
    if lost:
        return Matched("INVALID", "canary", 0)
    others = len(meeting) - MATCH_CANARIES
    return Matched("CONFLICT" if others else "CLEAR", "", others)


def round_result(matched: Matched, *, is_counting: bool) -> MatchResult:
    """Return what may be told of a match: one bit, or a bucket."""
    at_least = 0
    if is_counting and matched.verdict == "CONFLICT":
        at_least = max(bound for bound in COUNT_BUCKETS if bound <= matched.meeting)
    return MatchResult(matched.verdict, matched.code, at_least)


def _encode_result(result: MatchResult) -> bytes:
    return f"{result.verdict}\n{result.code}\n{result.at_least}\n".encode().ljust(RESULT_BYTES, b" ")


def commit_result(result: MatchResult, salt: bytes) -> bytes:
    """Return what the record holds of a result."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt: expected {SALT_BYTES} bytes, got {len(salt)}")
    return hashlib.sha256(_RESULT_LABEL + salt + _encode_result(result)).digest()


def box_result(result: MatchResult, salt: bytes, their_list: bytes, match: str) -> bytes:
    """Return the result for the party that gave ``their_list``, under the mask in it.

    Args:
        match: The leaf of the run's first message: a box is of one run.
    """
    mask = their_list[len(LIST_HEAD) : len(LIST_HEAD) + KEY_BYTES].ljust(KEY_BYTES, b"\0")
    return ChaCha20Poly1305(mask).encrypt(_NONCE, salt + _encode_result(result), match.encode())


def open_box(box: bytes, mask: bytes, match: str, commitment: bytes) -> MatchResult:
    """Return the result that the center told.

    Raises:
        VerificationFailed: The box is not for this mask and run, or not what the record commits to.
    """
    try:
        plain = ChaCha20Poly1305(mask).decrypt(_NONCE, box, match.encode())
    except InvalidTag as error:
        raise VerificationFailed("bad-box", f"result of {match[:12]}: does not open with our mask") from error
    salt, result = plain[:SALT_BYTES], _parse_result(plain[SALT_BYTES:])
    if commit_result(result, salt) != commitment:
        raise VerificationFailed(
            "bad-box", f"result of {match[:12]}: expected what the record commits to, got another"
        )
    return result


def _parse_result(data: bytes) -> MatchResult:
    verdict, code, at_least, *rest = [*data.decode("ascii", "replace").split("\n"), "", "", ""]
    for word in ("CLEAR", "CONFLICT", "INVALID"):
        if verdict == word and at_least.isdigit() and len(data) == RESULT_BYTES and not rest[0].strip():
            result = MatchResult(word, code, int(at_least))
            if _encode_result(result) == data:
                return result
    raise VerificationFailed("bad-box", "result: expected verdict, code and bound, got something else")
