"""Yes/no and count runs by way of the center: it matches tags made under a key that it does not hold.

Never between two parties alone: a two-party protocol that gives only the size gives a lying asker its
cells (docs/formats/blind.md section 8). Here neither party sees the other's tags, and the center sees
tags that it cannot try: the key is the pair's.

    key       from a secret of the run that the starter seals to the other party
    lists     a real one, of a party's tokens, and decoys of random tags, in an order that the key gives;
              each with canaries and padded to a bucket                                  -> to the center
    match     the center's: of each list, canaries meet, or INVALID; then one bit, or a bucket
    box       the results under a mask that each party gave with its lists               -> in the record

Invariants:
  * The center learns both buckets, and how many tags meet in each list; not which list is real. Together
    with one of the two it learns everything that the other's list holds of what it can try: said on the page,
    and in docs/blind.md.
  * CLEAR only when every canary of every list meets, lists are of their stated size, no other tag of the real
    list meets, and the center has said of every decoy what the pair knows. In the decoys both have planted
    tags that meet: a center that hides a meeting must guess which list is real. It guesses by the numbers
    that meet: by the first run of a plan as well as by chance; the more runs of a plan it sees, the better,
    for the decoys' numbers change and the real one does not. Where nothing meets, it knows the real list,
    and can call it a conflict.
  * Both boxes open to the same results, to which the record holds a commitment.

It draws nothing; secrets, masks and salts are arguments.

    >>> match_lists(ours, theirs, buckets=(20, 50))[0]
    Matched(verdict='CLEAR', code='', meeting=0)

Source: Kamara, Mohassel, Raykova, Sadeghian: Scaling Private Set Intersection to Billion-Element
Sets (FC 2014), where the parties find a lying server out by planted elements too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from entente.blind.canary import make_run_canaries
from entente.blind.exact import Verdict, pad_tags
from entente.blind.group import KEY_BYTES, TAG_BYTES, Group, Progress, Rows, Tags
from entente.blind.sizes import find_bucket
from entente.blind.tags import is_in
from entente.kernel.errors import Malformed, VerificationFailed

MATCH_CANARIES: Final = 16
LISTS: Final = 4
"""One real list and the decoys."""
LIST_HEAD: Final = b"entente blind list 1\n"
SALT_BYTES: Final = 32
_LINE_BYTES: Final = 64
_CODE_CHARS: Final = 40
RESULT_BYTES: Final = _LINE_BYTES * LISTS
BOX_BYTES: Final = SALT_BYTES + RESULT_BYTES + 16
COUNT_BUCKETS: Final = (1, 10, 100, 1_000, 10_000)
"""What a count run says: at least so many tokens meet, the greatest of these that is true."""
_KEY_LABEL: Final = b"entente blind match key v1\n"
_PLAN_LABEL: Final = b"entente blind match decoys v1\n"
_PLANT_LABEL: Final = b"entente blind match planted v1\n"
_RESULT_LABEL: Final = b"entente blind match result v1\n"
_NONCE: Final = bytes(12)
"""A mask is drawn for one box: one key, one message."""
_VERDICTS: Final[tuple[Verdict, ...]] = ("CLEAR", "CONFLICT", "INVALID")


@dataclass(frozen=True, slots=True)
class Matched:
    """What two lists of one place come to.

    Args:
        meeting: How many tags other than canaries meet; the center's to round, never to pass on.
    """

    verdict: Verdict
    code: str
    meeting: int


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a list. ``at_least``: in a count run, one of `COUNT_BUCKETS`; else 0."""

    verdict: Verdict
    code: str
    at_least: int


MatchResult = tuple[Told, ...]
"""What both parties are told: of each place's lists, the real one among them."""


@dataclass(frozen=True, slots=True)
class DecoyPlan:
    """Which list is real, and how many tags are planted in each decoy: known to the pair alone."""

    real: int
    planted: tuple[int, ...]
    spare: tuple[int, ...]
    """Where the other party's list is too small for what is planted: what its number follows from."""

    def count_planted(self, place: int, bucket: int) -> int:
        """Return how many planted tags a list of a bucket has."""
        many = self.planted[place]
        return many if many <= bucket else _draw_count(self.spare[place], bucket)


def derive_match_key(secret: bytes, domain: bytes, name: bytes) -> bytes:
    """Return the pair's key for one run.

    Args:
        secret: 32 random bytes of the starter, sealed to the other party.
        name: The hash of what the run's first message names.
    """
    if len(secret) != KEY_BYTES:
        raise ValueError(f"match secret: expected {KEY_BYTES} bytes, got {len(secret)}")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=domain, info=_KEY_LABEL + name).derive(secret)


def plan_decoys(key: bytes, bucket: int) -> DecoyPlan:
    """Return the pair's plan for a run.

    Args:
        bucket: Of the starter's list. SECURITY: up to all of it is planted, few as likely as many: of a
            number that no decoy can have the center would know that it is of the real list
            (tests/unit/test_blind_matching.py, test_no_number_is_of_the_real_list_alone).
    """
    drawn = hashlib.shake_256(_PLAN_LABEL + key).digest(8 * (1 + 2 * LISTS))
    real, *words = (int.from_bytes(drawn[place : place + 8], "big") for place in range(0, len(drawn), 8))
    planted = [_draw_count(word, bucket) for word in words[:LISTS]]
    planted[real % LISTS] = 0
    return DecoyPlan(real % LISTS, tuple(planted), tuple(words[LISTS:]))


def _draw_count(word: int, most: int) -> int:
    """Return a number from 1 to ``most``, each power of two as likely as the others."""
    bits, rest = word % most.bit_length(), word >> 8
    return (1 << bits) + rest % min(1 << bits, most - (1 << bits) + 1)


@dataclass(frozen=True, slots=True)
class Pairing:
    """What both parties know of a run by way of the center.

    Args:
        key: `derive_match_key`.
        name: The hash of what the run's first message names.
        bucket: Of the starter's list, as that message says.
    """

    key: bytes = field(repr=False)
    domain: bytes
    name: bytes
    bucket: int


def make_list(
    group: Group,
    pairing: Pairing,
    tokens: Rows,
    *,
    mask: bytes,
    pad_seed: bytes,
    said: int | None = None,
    on_progress: Progress | None = None,
) -> bytes:
    """Return what a party gives to the center: mask; then, for each list, canaries' tags and all tags.

    Args:
        mask: 32 random bytes, under which the result comes back to this party.
        said: The bucket that a message says, where a list is made again (`find_bucket`).
    """
    if len(mask) != KEY_BYTES:
        raise ValueError(f"mask: expected {KEY_BYTES} bytes, got {len(mask)}")
    key, domain = pairing.key, pairing.domain
    plan, bucket = plan_decoys(key, pairing.bucket), find_bucket(len(tokens), said)
    every = make_run_canaries(pairing.name, MATCH_CANARIES * LISTS)
    canaries = group.keyed_tags(every, domain, key)
    parts = [LIST_HEAD, mask]
    for place in range(LISTS):
        own = canaries[place * MATCH_CANARIES : (place + 1) * MATCH_CANARIES]
        if place == plan.real:
            inside = group.keyed_tags(tokens, domain, key, on_progress)
        else:
            inside = _plant(key, place, plan.count_planted(place, bucket))
        padding = pad_seed + place.to_bytes(1, "big")
        padded = pad_tags(np.concatenate((inside, own)), bucket + MATCH_CANARIES, padding)
        parts += [_encode(own), _encode(padded)]
    return b"".join(parts)


def _plant(key: bytes, place: int, count: int) -> Tags:
    """Return tags that both parties put into a decoy: nothing that is tagged has them."""
    drawn = hashlib.shake_256(_PLANT_LABEL + key + place.to_bytes(1, "big")).digest(8 * count)
    return np.frombuffer(drawn, ">u8").astype(np.uint64)


def _encode(tags: Tags) -> bytes:
    return tags.astype(">u8").tobytes()


@dataclass(frozen=True, slots=True)
class _List:
    canaries: Tags
    tags: Tags


def _parse_lists(data: bytes, bucket: int) -> list[_List]:
    each_bytes = TAG_BYTES * (bucket + 2 * MATCH_CANARIES)
    wanted = len(LIST_HEAD) + KEY_BYTES + LISTS * each_bytes
    if not data.startswith(LIST_HEAD) or len(data) != wanted:
        raise Malformed("bad-list", f"list: expected its head and {wanted} bytes, got {len(data)}")
    rest = memoryview(data)[len(LIST_HEAD) + KEY_BYTES :]
    lists = []
    for place in range(LISTS):
        tags = np.frombuffer(rest[place * each_bytes : (place + 1) * each_bytes], ">u8").astype(np.uint64)
        canaries, every = tags[:MATCH_CANARIES], tags[MATCH_CANARIES:]
        if not bool((every[1:] > every[:-1]).all()):
            raise Malformed("bad-list", "list: expected tags once each, ascending, got another order")
        lists.append(_List(canaries, every))
    return lists


def match_lists(ours: bytes, theirs: bytes, buckets: tuple[int, int]) -> tuple[Matched, ...]:
    """Return what two parties' lists come to, place by place: the center's part.

    Never raises for what a party sent: that is INVALID, in every place.
    """
    try:
        lists = _parse_lists(ours, buckets[0]), _parse_lists(theirs, buckets[1])
    except Malformed as error:
        return (Matched("INVALID", error.code, 0),) * LISTS
    return tuple(_match(first, second) for first, second in zip(*lists, strict=True))


def _match(first: _List, second: _List) -> Matched:
    if not np.array_equal(first.canaries, second.canaries):
        # Other rules, another epoch, another key: nothing would ever meet.
        return Matched("INVALID", "canaries-differ", 0)
    meeting = first.tags[is_in(first.tags, second.tags)]
    lost = MATCH_CANARIES - int(np.count_nonzero(is_in(np.unique(first.canaries), meeting)))
    if lost:
        return Matched("INVALID", "canary", 0)
    others = len(meeting) - MATCH_CANARIES
    return Matched("CONFLICT" if others else "CLEAR", "", others)


def round_result(matched: Iterable[Matched], *, is_counting: bool) -> MatchResult:
    """Return what may be told of a match: of each place one bit, or a bucket."""
    return tuple(_round(one, is_counting=is_counting) for one in matched)


def _round(matched: Matched, *, is_counting: bool) -> Told:
    at_least = 0
    if is_counting and matched.verdict == "CONFLICT":
        at_least = max(bound for bound in COUNT_BUCKETS if bound <= matched.meeting)
    return Told(matched.verdict, matched.code, at_least)


def _encode_result(result: MatchResult) -> bytes:
    return b"".join(
        f"{one.verdict}\n{one.code}\n{one.at_least}\n".encode().ljust(_LINE_BYTES, b" ") for one in result
    )


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
    """Return what the center told of each list.

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
    result = tuple(
        _parse_told(data[place : place + _LINE_BYTES]) for place in range(0, len(data), _LINE_BYTES)
    )
    if _encode_result(result) != data or len(result) != LISTS:
        raise VerificationFailed("bad-box", f"result: expected {RESULT_BYTES} bytes in their one spelling")
    return result


def _parse_told(line: bytes) -> Told:
    verdict, code, at_least, *_ = [*line.decode("ascii", "replace").split("\n"), "", "", ""]
    for word in _VERDICTS:
        # SECURITY: a code is shown on terminals, and is the center's word (tests/unit/test_blind_matching.py,
        # test_a_code_that_is_no_word_is_no_result).
        is_word = len(code) <= _CODE_CHARS and all("a" <= one <= "z" or one == "-" for one in code)
        if verdict == word and is_word and at_least.isdecimal() and at_least.isascii():
            return Told(word, code, int(at_least))
    raise VerificationFailed("bad-box", "result: expected verdict, code and bound, got something else")


def judge_result(result: MatchResult, pairing: Pairing, joined: int, *, is_counting: bool) -> Told:
    """Return what the real lists came to, having checked what the center said of every decoy.

    Args:
        joined: Bucket of the other party's list.

    A decoy that is not answered as the pair knows makes the run INVALID, ``center-lied``. It is the center's
    lie, or a list of one of the two lacks what it was to have: both lists lie at the center until the audit,
    their hashes in the record, and with the pair's key anyone can tell. A party that sent a bad list makes
    every place INVALID.
    """
    plan = plan_decoys(pairing.key, pairing.bucket)
    for place, told in enumerate(result):
        if told.verdict == "INVALID":
            return told
        if place == plan.real:
            continue
        meeting = plan.count_planted(place, joined)
        expected = _round(Matched("CONFLICT", "", meeting), is_counting=is_counting)
        if told != expected:
            return Told("INVALID", "center-lied", 0)
    found = result[plan.real]
    has_bound = found.at_least in COUNT_BUCKETS if is_counting else not found.at_least
    if not (has_bound if found.verdict == "CONFLICT" else not found.at_least):
        # More than the mode tells.
        return Told("INVALID", "bad-box", 0)
    return found
