"""An exact run: who asks learns which of its own cells the other side holds; who answers learns a bucket.

Four steps, each a function of its arguments; desks carry what they give:

    hold      the tags of what a party holds, under its committed key, padded          -> the tags' parcel
    question  the asker's cells, canaries and probes, blinded, in an order of its own  -> the request
    answer    each element times the key, with a proof, and the run's canaries' tags   -> the reply
    finish    verified, unblinded, looked up: CLEAR, CONFLICT or INVALID

Invariants:
  * CLEAR only when every check held: lengths, the proof (or every probe), every canary of the run and of the
    holding, and no cell of ours among their tags. What cannot be shown is INVALID with its reason, never
    CLEAR.
  * Everything that is random follows from one seed, to which the question commits: it can be made again by an
    auditor, and by nobody else. One seed, one question.
  * Nothing that leaves depends on the cells but by way of elements that are uniformly random, and tags.

It draws nothing, keeps nothing and charges nothing: the desk charges before it calls `answer`.

    >>> asked = question(group, asking, tokens, seed)
    >>> finish(group, asked, reply, their_tags).verdict
    'CLEAR'

Source: RFC 9497 (VOPRF); the asker's probes and canaries: docs/formats/blind.md section 5.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from entente.blind.asking import Ask
from entente.blind.canary import hash_named, make_canaries, make_run_canaries
from entente.blind.cells import TOKEN_BYTES
from entente.blind.group import KEY_BYTES, Group, Inputs, Progress, Rows, Tags, check_rows
from entente.blind.oprf import (
    GROUP_DST,
    PrfKey,
    evaluate,
    is_own_probe,
    prove,
    tag_answered,
    tag_own,
    verify_proof,
)
from entente.blind.parcels import (
    Refusal,
    Reply,
    encode_reply,
    encode_request,
    parse_reply,
    parse_request,
)
from entente.blind.sizes import CANARIES, SESSION_CANARIES, RunType, count_elements, find_bucket, is_proven
from entente.blind.tags import is_in, make_held
from entente.kernel.errors import EntenteError, Malformed

Verdict = Literal["CLEAR", "CONFLICT", "INVALID"]
_ORDER_LABEL: Final = b"entente blind order v1\n"
_PAD_LABEL: Final = b"entente blind padding v1\n"
MOST_CHECKED: Final = 1_024
"""Probes that are checked, of those there are: 1 % of wrong answers escapes so many 3 times in 100,000.
A bucket that is half full has more probes than that by far, and each costs as much as an answer."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What both sides of a run know of it.

    Args:
        domain: `rules.make_domain`.
        public_key: Of the responder, as committed to.
        name: `name_run`: the hash of what the question names.
    """

    domain: bytes
    public_key: bytes
    run: RunType
    name: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A party's list of tags toward one partner in one epoch.

    Args:
        tags: Cells', canaries' and padding's, ascending.
        cell_tags: Of the held tokens, in their order: to withdraw one later.
        bucket: How many the list has, canaries not counted.
    """

    tags: Tags
    cell_tags: Tags = field(repr=False)
    bucket: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a version of a holding adds to the one before, and the tags that it takes back, ascending."""

    added: Held
    withdrawn: Tags = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A request, and what its asker must keep until the reply is there. Secret but for ``request``."""

    asking: Asking
    bucket: int
    request: bytes = field(repr=False)
    tokens: Rows = field(repr=False)
    """The asked cells' tokens."""
    inputs: Rows = field(repr=False)
    """Tokens, canaries of the holding, canaries of the run."""
    scalars: Rows = field(repr=False)
    order: NDArray[np.int64] = field(repr=False)
    """Place of each element in the request before it was put into order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one party's question ended.

    Args:
        hits: Rows of the asked tokens that the other side holds.
        outputs: Tags of the asked tokens under the other's key, to be looked up in what it adds later; empty
            when INVALID.
    """

    verdict: Verdict
    code: str
    words: str
    hits: Rows = field(repr=False)
    outputs: Tags = field(repr=False)


def name_run(asker: str, ask: Ask, domain: bytes) -> bytes:
    """Return the name of a run: everything that its question says but the request itself."""
    return hash_named(
        domain, asker, str(ask.number), ask.run, str(ask.bucket), ask.own, ask.others, ask.asked, ask.seed
    )


def hold(
    group: Group,
    key: PrfKey,
    domain: bytes,
    tokens: Rows,
    pad_seed: bytes,
    on_progress: Progress | None = None,
    *,
    said: int | None = None,
) -> Held:
    """Return the tags of what is held from the beginning of an epoch: tokens, canaries, padding.

    Args:
        said: The bucket that a message says, here and below, where a list is made again (`find_bucket`).
    """
    tokens = check_rows(tokens, TOKEN_BYTES, "tokens")
    canaries = make_canaries(domain, key.public, CANARIES["whole"])
    every = tag_own(group, key, Inputs(np.concatenate((tokens, canaries)), domain), on_progress)
    bucket = find_bucket(len(tokens), said)
    return Held(pad_tags(every, bucket + len(canaries), pad_seed), every[: len(tokens)], bucket)


def change(
    group: Group,
    key: PrfKey,
    domain: bytes,
    old: Rows,
    new: Rows,
    pad_seed: bytes,
    *,
    said: int | None = None,
) -> Change:
    """Return what a holding of tokens ``old`` sends to become one of ``new``."""
    return Change(
        _add(group, key, domain, subtract_rows(new, old), pad_seed, said),
        np.sort(tag_own(group, key, Inputs(subtract_rows(old, new), domain))),
    )


def _add(group: Group, key: PrfKey, domain: bytes, tokens: Rows, pad_seed: bytes, said: int | None) -> Held:
    """Return the tags of what is added later: tokens and padding; no tokens, no tags."""
    tokens = check_rows(tokens, TOKEN_BYTES, "tokens")
    if not len(tokens):
        none = np.empty(0, np.uint64)
        return Held(none, none, 0)
    tags = tag_own(group, key, Inputs(tokens, domain))
    bucket = find_bucket(len(tokens), said)
    return Held(pad_tags(tags, bucket, pad_seed), tags, bucket)


def pad_tags(tags: Tags, count: int, pad_seed: bytes) -> Tags:
    """Return ``count`` tags, ascending: these and others that nobody can tell from them."""
    different = len(make_held(tags))
    if different != len(tags) or not tags.all():
        # Two of a million cells share 8 bytes once in 37 million times; a list that lost one, or has nothing
        # in its place, is never sent.
        raise Malformed("tags-collide", f"tags: expected {len(tags)} different ones, got {different}")
    more = count - len(tags)
    while True:
        drawn = np.frombuffer(hashlib.shake_256(_PAD_LABEL + pad_seed).digest(8 * more), ">u8")
        padded = make_held(np.concatenate((tags, drawn.astype(np.uint64))))
        if len(padded) == count:
            return padded
        more += count - len(padded)  # some were drawn twice, or are a cell's


def question(
    group: Group,
    asking: Asking,
    tokens: Rows,
    seed: bytes,
    on_progress: Progress | None = None,
    *,
    said: int | None = None,
) -> Question:
    """Return the request for these tokens, every one different, and what is needed to read the reply."""
    if len(seed) != KEY_BYTES:
        raise ValueError(f"seed: expected {KEY_BYTES} bytes, got {len(seed)}")
    tokens = check_rows(tokens, TOKEN_BYTES, "tokens")
    run = asking.run
    held = make_canaries(asking.domain, asking.public_key, CANARIES["whole"])[: CANARIES[run]]
    inputs = np.concatenate((tokens, held, make_run_canaries(asking.name, SESSION_CANARIES[run])))
    bucket = find_bucket(len(tokens), said)
    count = count_elements(bucket, run)
    scalars = group.derive_scalars(seed, 0, count)
    blinded = group.blind(Inputs(inputs, asking.domain), GROUP_DST, scalars[: len(inputs)], on_progress)
    probes = group.multiply_generator(scalars[len(inputs) :])
    # SECURITY: in an order that only the seed gives: a responder that could tell canaries and probes from
    # cells would answer those rightly and cells as it likes (tests/unit/test_blind_exact.py,
    # test_places_tell_nothing).
    order = _draw_order(seed, count)
    elements = np.concatenate((blinded, probes))[order]
    return Question(asking, bucket, encode_request(elements), tokens, inputs, scalars, order)


def _draw_order(seed: bytes, count: int) -> NDArray[np.int64]:
    drawn = np.frombuffer(hashlib.shake_256(_ORDER_LABEL + seed).digest(8 * count), ">u8")
    return np.argsort(drawn, kind="stable").astype(np.int64)


def answer(
    group: Group,
    key: PrfKey,
    asking: Asking,
    request: bytes,
    bucket: int,
    nonce_seed: bytes,
    on_progress: Progress | None = None,
) -> bytes:
    """Return the reply to a request. The caller has charged it, by ``bucket``, before.

    Args:
        nonce_seed: 32 random bytes, drawn for this answer alone.

    Raises:
        Malformed: The request is not of its form, or has what is no element: nothing was evaluated.
    """
    count = count_elements(bucket, asking.run)
    elements = parse_request(request, count=count)
    evaluated = evaluate(group, key, elements, on_progress)
    proof = b""
    if is_proven(count):
        nonce = group.derive_scalars(nonce_seed, 0, 1)
        proof = prove(group, key, elements, evaluated, nonce=nonce)
    canaries = make_run_canaries(asking.name, SESSION_CANARIES[asking.run])
    tags = tag_own(group, key, Inputs(canaries, asking.domain)) if len(canaries) else np.empty(0, np.uint64)
    return encode_reply(evaluated, proof, tags)


def finish(
    group: Group,
    asked: Question,
    reply: bytes,
    their_tags: Tags,
    their_count: int,
    on_progress: Progress | None = None,
) -> Finding:
    """Return how a run ended. Never raises for what the other side sent: that is INVALID.

    Args:
        their_tags: Everything the other side holds in the version that the question names, ascending.
        their_count: How many those are, as the record says.
    """
    if len(their_tags) != their_count:
        return make_invalid("tags-lost", f"their list: expected {their_count} tags, got {len(their_tags)}")
    try:
        return _finish(group, asked, reply, their_tags, on_progress)
    except EntenteError as error:
        return make_invalid(error.code, error.message)


def _finish(
    group: Group, asked: Question, reply: bytes, their_tags: Tags, on_progress: Progress | None
) -> Finding:
    asking, run = asked.asking, asked.asking.run
    count = count_elements(asked.bucket, run)
    said = parse_reply(reply, count=count, is_proven=is_proven(count), canaries=SESSION_CANARIES[run])
    if isinstance(said, Refusal):
        return make_invalid("refused", f"the other side refused: {said.words} [{said.code}]")
    evaluated = np.empty_like(said.elements)
    evaluated[asked.order] = said.elements
    cells, inputs = len(asked.tokens), len(asked.inputs)
    trouble = _verify(group, asked, said, evaluated)
    if trouble is not None:
        return trouble
    outputs = tag_answered(
        group,
        Inputs(asked.inputs, asking.domain),
        evaluated[:inputs],
        asked.scalars[:inputs],
        on_progress,
    )
    if len(make_held(outputs)) != inputs or not outputs.all():
        # A library that gives one value for what it dropped: different tokens have different outputs; none is
        # zero. SECURITY: no count in the words: they are told to the other side, and it is that of our cells.
        return make_invalid("outputs-lost", "outputs: expected each different from all others and from zero")
    held_end = cells + CANARIES[run]
    lost = np.count_nonzero(outputs[held_end:] != said.canary_tags)
    if lost:
        return make_invalid(
            "run-canary", f"canaries of the run: expected all {len(said.canary_tags)} to meet, {lost} do not"
        )
    is_held = is_in(outputs[:held_end], their_tags)
    lost = CANARIES[run] - np.count_nonzero(is_held[cells:])
    if lost:
        return make_invalid(
            "canary", f"canaries of their list: expected all {CANARIES[run]} to meet, {lost} do not"
        )
    hits = asked.tokens[is_held[:cells]]
    return conclude(hits, outputs[:cells])


def _verify(group: Group, asked: Question, said: Reply, evaluated: Rows) -> Finding | None:
    """Return INVALID unless the answers were made with the committed key, as far as can be shown."""
    asking, inputs = asked.asking, len(asked.inputs)
    if is_proven(len(evaluated)):
        elements = parse_request(asked.request, count=len(evaluated))
        verify_proof(group, asking.public_key, elements, said.elements, said.proof)
        return None
    checked = slice(inputs, inputs + MOST_CHECKED)
    if not is_own_probe(group, asking.public_key, asked.scalars[checked], evaluated[checked]).all():
        # SECURITY: the words are told to the other side: how many probes there are says how many cells, and
        # how many of some answers were probes says which (tests/unit/test_blind_exact.py,
        # test_words_of_an_invalid_run_tell_no_number_of_cells).
        return make_invalid("probe", "probes: expected every one answered with the committed key")
    return None


def conclude(hits: Rows, outputs: Tags) -> Finding:
    """Return CLEAR or CONFLICT for a run in which every check held."""
    if len(hits):
        return Finding(
            "CONFLICT", "", f"{len(hits)} tokens of ours are held by the other side", hits, outputs
        )
    return Finding("CLEAR", "", "no token of ours is held by them", hits, outputs)


def make_invalid(code: str, words: str) -> Finding:
    """Return INVALID with its reason."""
    none = np.empty((0, TOKEN_BYTES), np.uint8)
    return Finding("INVALID", code, words, none, np.empty(0, np.uint64))


def subtract_rows(rows: Rows, others: Rows) -> Rows:
    """Return the rows that are not among the others, sorted bytewise and each once."""
    row = np.dtype((np.void, TOKEN_BYTES))
    first, second = (
        np.unique(check_rows(each, TOKEN_BYTES, "rows").view(row).reshape(-1)) for each in (rows, others)
    )
    kept = first[~np.isin(first, second)]
    return kept.view(np.uint8).reshape(-1, TOKEN_BYTES)


def match_added(tokens: Rows, outputs: Tags, added: Tags) -> Rows:
    """Return the tokens, of those whose outputs are known, that the other side has added to what it holds."""
    return tokens[is_in(outputs, added)]


def apply_amendment(tags: Tags, added: Tags, withdrawn: Tags) -> Tags:
    """Return a list of tags after an amendment.

    Raises:
        Malformed: A tag is withdrawn that is not there, or added that is.
    """
    missing = len(withdrawn) - np.count_nonzero(is_in(withdrawn, tags))
    if missing:
        raise Malformed("bad-tags", f"tags withdrawn: expected every one to be held, {missing} are not")
    kept = tags[~is_in(tags, withdrawn)]
    whole = make_held(np.concatenate((kept, added)))
    if len(whole) != len(kept) + len(added):
        raise Malformed("bad-tags", "tags added: expected new ones, some are held already")
    return whole
