"""The oblivious function of blind checks: RFC 9497, ristretto255-SHA512, with proofs of the key.

What it is for: one side has a key, the other has inputs; the other learns the function's output for its
inputs, the key's holder learns how many they were. A proof shows that the answers were made with the key
whose public half is known beforehand.

Invariants:
  * The bytes are those of RFC 9497 (modes OPRF and VOPRF; tests/vectors/test_blind_oprf): nothing of entente
    is in them. What binds an agreement's grid is in the *input* (`Inputs.domain`), what binds partner and
    epoch is in the *key*.
  * A key serves one partner in one epoch, and is derived from the party's master secret.
  * Elements and scalars from the wire have one spelling; a proof is 64 bytes of canonical scalars, neither
    of them zero.
  * Nothing is drawn here: seed, blinds and the nonce of a proof are arguments. A blind or a nonce that is
    used twice gives away what it hides; the caller keeps that from happening.

A proof says nothing about which inputs were asked, or whether the holder's own tags were made with the key.

    >>> key = derive_epoch_key(group, master, partner="icrc", epoch=7)
    >>> blinded = group.blind(inputs, GROUP_DST, blinds)
    >>> proof = prove(group, key, blinded, evaluate(group, key, blinded), nonce=nonce)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from entente.blind.expand import expand_message, prefixed
from entente.blind.group import (
    ELEMENT_BYTES,
    HASH_BYTES,
    KEY_BYTES,
    SCALAR_BYTES,
    Group,
    Inputs,
    Progress,
    Rows,
    Tags,
    check_rows,
    check_scalars,
    rows_of,
)
from entente.kernel.errors import Malformed, VerificationFailed

PROOF_BYTES: Final = 2 * SCALAR_BYTES
PROOF_MOST: Final = 65_535
"""Elements under one proof: an element's place is two bytes in it, RFC 9497 section 2.2.1."""
KEY_INFO: Final = b"entente/blind/key/v1"
_SALT: Final = b"entente/blind/epoch-seed/v1"


class Mode(IntEnum):
    """The RFC's modes. Checks use `VOPRF`; `OPRF` is here for its vectors."""

    OPRF = 0
    VOPRF = 1


def make_context(mode: Mode) -> bytes:
    """Return CreateContextString of section 3.1."""
    return b"OPRFV1-" + bytes((mode,)) + b"-ristretto255-SHA512"


def make_group_dst(mode: Mode) -> bytes:
    """Return what separates the hash to the group, section 4.1."""
    return b"HashToGroup-" + make_context(mode)


GROUP_DST: Final = make_group_dst(Mode.VOPRF)


@dataclass(frozen=True, slots=True)
class PrfKey:
    """A key of the function.

    Args:
        secret: One scalar, (1, 32). `wipe` overwrites it; copies that Python made on the way are not reached.
        public: The generator times the secret: what is in the record beforehand.
    """

    secret: Rows = field(repr=False)
    public: bytes

    def wipe(self) -> None:
        """Overwrite the secret; the key is of no use afterwards."""
        self.secret.fill(0)


def derive_key(group: Group, seed: bytes, info: bytes, mode: Mode = Mode.VOPRF) -> PrfKey:
    """Return DeriveKeyPair of section 3.2.1.

    Args:
        seed: 32 secret bytes.
        info: What the key is for, at most 65,535 bytes.
    """
    if len(seed) != KEY_BYTES:
        raise ValueError(f"seed: expected {KEY_BYTES} bytes, got {len(seed)}")
    dst = b"DeriveKeyPair" + make_context(mode)
    for counter in range(256):
        wide = expand_message(seed + prefixed(info) + bytes((counter,)), dst)
        secret = group.reduce_scalars(rows_of(wide))
        if secret.any():
            return PrfKey(secret, group.multiply_generator(secret).tobytes())
    raise AssertionError("a key: 256 hashes were zero modulo the order")


def derive_epoch_seed(master: bytes, *, partner: str, epoch: int) -> tuple[bytes, bytes]:
    """Return seed and info of `derive_key` for one partner in one epoch: what is opened to an auditor.

    Args:
        master: The party's secret for blind checks, at least 32 bytes.
        partner: The partner's name in the charter.
        epoch: From 0; of the agreement's periods, not of the center's leaders.
    """
    if len(master) < KEY_BYTES:
        raise ValueError(f"master secret: expected at least {KEY_BYTES} bytes, got {len(master)}")
    about = prefixed(partner.encode()) + epoch.to_bytes(8, "big")
    seed = HKDF(algorithm=SHA512(), length=KEY_BYTES, salt=_SALT, info=about).derive(master)
    return seed, KEY_INFO + prefixed(about)


def derive_epoch_key(group: Group, master: bytes, *, partner: str, epoch: int) -> PrfKey:
    """Return the key for one partner in one epoch; from one of them nothing follows about another."""
    return derive_key(group, *derive_epoch_seed(master, partner=partner, epoch=epoch))


def evaluate(group: Group, key: PrfKey, blinded: Rows, on_progress: Progress | None = None) -> Rows:
    """Return BlindEvaluate of section 3.3.1 for each element that the other side sent."""
    return group.multiply(blinded, key.secret, on_progress)


def tag_own(group: Group, key: PrfKey, inputs: Inputs, on_progress: Progress | None = None) -> Tags:
    """Return the tags of the holder's own inputs, in their order: Evaluate of section 3.3.1, shortened."""
    return group.tag_inputs(inputs, GROUP_DST, key.secret, on_progress)


def tag_answered(
    group: Group, inputs: Inputs, evaluated: Rows, blinds: Rows, on_progress: Progress | None = None
) -> Tags:
    """Return the tags of the asker's inputs: Finalize of section 3.3.1, shortened, in their order.

    Args:
        evaluated: The answers, in the order of ``inputs``. Whether they were made with the right key is for
            `verify_proof`, or probes.
        blinds: What each input was blinded with.
    """
    if not len(inputs) == len(evaluated) == len(blinds):
        raise Malformed(
            "blind-answers",
            f"answers: expected {len(inputs)} elements for {len(blinds)} blinds, got {len(evaluated)}",
        )
    inverses = group.invert_scalars(blinds)
    try:
        return group.tag_answers(inputs, evaluated, inverses, on_progress)
    finally:
        inverses.fill(0)


def prove(
    group: Group,
    key: PrfKey,
    blinded: Rows,
    evaluated: Rows,
    *,
    nonce: Rows,
    mode: Mode = Mode.VOPRF,
) -> bytes:
    """Return GenerateProof of section 2.2.1: that every answer is its element times this key.

    Args:
        nonce: A scalar, (1, 32), drawn for this proof alone. SECURITY: two proofs of one nonce
            give away the key.
    """
    _check_batch(blinded, evaluated)
    weights = _weigh(group, key.public, blinded, evaluated, mode)
    composite = group.combine(blinded, weights)
    answered = group.multiply(composite, key.secret)
    shares = group.multiply_generator(nonce), group.multiply(composite, nonce)
    challenge = _challenge(group, key.public, composite, answered, *shares, mode)
    response = group.subtract_scalars(nonce, group.multiply_scalars(challenge, key.secret))
    return challenge.tobytes() + response.tobytes()


def verify_proof(
    group: Group,
    public: bytes,
    blinded: Rows,
    evaluated: Rows,
    proof: bytes,
    *,
    mode: Mode = Mode.VOPRF,
) -> None:
    """Check VerifyProof of section 2.2.2.

    Raises:
        Malformed: Lengths that do not fit, elements that are none, scalars that are not canonical.
        VerificationFailed: An answer not made with the key, not in its place, or not asked for.
    """
    _check_batch(blinded, evaluated)
    if len(proof) != PROOF_BYTES:
        raise Malformed("blind-proof", f"proof: expected {PROOF_BYTES} bytes, got {len(proof)}")
    if len(public) != ELEMENT_BYTES:
        raise Malformed("blind-public-key", f"public key: expected {ELEMENT_BYTES} bytes, got {len(public)}")
    scalars = check_scalars(rows_of(proof[:SCALAR_BYTES], proof[SCALAR_BYTES:]), "proof")
    challenge, response = scalars[:1], scalars[1:]
    group.check_elements(rows_of(public))
    weights = _weigh(group, public, blinded, evaluated, mode)
    composite, answered = group.combine(blinded, weights), group.combine(evaluated, weights)
    pair = np.concatenate((response, challenge))
    shares = (
        group.combine(np.concatenate((_generator(group), rows_of(public))), pair),
        group.combine(np.concatenate((composite, answered)), pair),
    )
    if _challenge(group, public, composite, answered, *shares, mode).tobytes() != challenge.tobytes():
        raise VerificationFailed(
            "blind-proof",
            f"proof of {len(blinded)} answers: expected one made with the key {public.hex()}, got another",
        )


def is_own_probe(group: Group, public: bytes, scalars: Rows, evaluated: Rows) -> NDArray[np.bool_]:
    """Return, for each answer to a probe, whether it is the public key times the probe's scalar.

    A probe is the generator times a scalar (`Group.multiply_generator`); nobody can tell it from a blinded
    input. Probes show the key of a batch that is too large for a proof, and fill a request up to its bucket.
    """
    expected = group.multiply(rows_of(public), scalars)
    found: NDArray[np.bool_] = (expected == check_rows(evaluated, ELEMENT_BYTES, "answers")).all(axis=1)
    return found


def _check_batch(blinded: Rows, evaluated: Rows) -> None:
    if not 1 <= len(blinded) <= PROOF_MOST:
        raise Malformed("blind-batch", f"batch: expected 1 to {PROOF_MOST} elements, got {len(blinded)}")
    if len(evaluated) != len(blinded):
        raise Malformed("blind-answers", f"answers: expected {len(blinded)} elements, got {len(evaluated)}")


def _weigh(group: Group, public: bytes, blinded: Rows, evaluated: Rows, mode: Mode) -> Rows:
    """Return the weights of ComputeComposites, section 2.2.1: one for each pair, from all that was said."""
    context = make_context(mode)
    seed = hashlib.sha512(prefixed(public) + prefixed(b"Seed-" + context)).digest()
    dst = b"HashToScalar-" + context
    wide = [
        expand_message(
            prefixed(seed)
            + place.to_bytes(2, "big")
            + prefixed(one.tobytes())
            + prefixed(two.tobytes())
            + b"Composite",
            dst,
        )
        for place, (one, two) in enumerate(zip(blinded, evaluated, strict=True))
    ]
    return group.reduce_scalars(np.frombuffer(b"".join(wide), np.uint8).reshape(-1, HASH_BYTES))


def _challenge(
    group: Group, public: bytes, composite: Rows, answered: Rows, base: Rows, share: Rows, mode: Mode
) -> Rows:
    said = prefixed(public) + b"".join(
        prefixed(each.tobytes()) for each in (composite, answered, base, share)
    )
    wide = expand_message(said + b"Challenge", b"HashToScalar-" + make_context(mode))
    return group.reduce_scalars(rows_of(wide))


def _generator(group: Group) -> Rows:
    return group.multiply_generator(rows_of((1).to_bytes(SCALAR_BYTES, "little")))
