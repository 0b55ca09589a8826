"""Cases for the page's own check of the record, made by the Python that the desk checks with.

Each case is what a function of `page/record` is called with, and whether Python takes it. Good ones, and
every kind of lie beside them: a changed bit, a step too many, another root, a second spelling.

>>> all(case["good"] in (True, False) for case in make_cases())
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from entente.kernel.errors import EntenteError
from entente.kernel.keys import SigningKey
from entente.record import leaf_hash
from entente.record.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from entente.record.cosignature import CosignatureSigner, merge_cosignatures, verify_cosignatures
from entente.record.note import NoteSigner, encode_note, encode_note_key, parse_note_key, sign_note
from entente.record.policy import Policy
from entente.record.proof import encode_proof, make_proof, verify_proof
from entente.record.quorum import make_quorum_policy
from entente.record.tree import Tree, verify_consistency, verify_inclusion

Case = dict[str, Any]
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LOG = NoteSigner(SigningKey("center.example/record", hashlib.sha256(b"log").digest()))
STRANGER = NoteSigner(SigningKey("center.example/record", hashlib.sha256(b"stranger").digest()))
WITNESSES = {
    name: CosignatureSigner(SigningKey(f"{name}/witness", hashlib.sha256(name.encode()).digest()))
    for name in ("ru", "un", "us", "zz")
}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def is_good(check: Callable[[], object]) -> bool:
    """Tell what the desk's own code says."""
    try:
        check()
    except EntenteError:
        return False
    return True


def make_tree(size: int) -> Tree:
    return Tree.from_leaf_hashes(leaf_hash(b"entry %d" % index) for index in range(size))


def _flip(data: bytes, place: int = 0) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def _spoil(proof: list[bytes]) -> Iterator[list[bytes]]:
    yield proof
    yield [*proof, bytes(32)]
    yield proof[:-1]
    yield [b"", *proof[1:]]
    yield proof[::-1]
    for place in range(min(3, len(proof))):
        yield [_flip(one) if at == place else one for at, one in enumerate(proof)]


def make_tree_cases() -> Iterator[Case]:
    """Yield inclusion and consistency, at every size up to 9 and at some larger ones."""
    tree = make_tree(300)
    for size in (*range(1, 10), 16, 255, 256, 257, 300):
        root = tree.root(size)
        for index in sorted({0, 1, size // 2, size - 1, size} & set(range(size + 1))):
            proof = tree.inclusion_proof(min(index, size - 1), size)
            for spoilt in _spoil(proof):
                for leaf in (leaf_hash(b"entry %d" % index), b""):
                    yield _inclusion(leaf, index, size, spoilt, root)
            yield _inclusion(leaf_hash(b"entry %d" % index), index, size, proof, _flip(root))
            yield _inclusion(leaf_hash(b"entry %d" % index), index + 1, size, proof, root)
        for old in sorted({0, 1, 2, size // 2, size - 1, size} & set(range(size + 1))):
            proof = tree.consistency_proof(old, size)
            for spoilt in _spoil(proof):
                yield _consistency(old, size, tree.root(old), root, spoilt)
            yield _consistency(old, size, _flip(tree.root(old)), root, proof)
            yield _consistency(old, size, tree.root(old), _flip(root, 31), proof)
            yield _consistency(size + 1, size, tree.root(old), root, proof)
    yield _inclusion(b"", 0, 1, [], b"")  # an empty "hash" against an empty root
    yield _consistency(3, 3, b"", b"", [])
    # An inner node in the place of a leaf, with the steps from there on: a step too few.
    yield _inclusion(tree.node(1, 0), 0, 4, [tree.node(1, 1)], tree.root(4))


def _inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> Case:
    good = is_good(lambda: verify_inclusion(leaf, index, size, proof, root))
    return {
        "check": "inclusion",
        "args": [b64(leaf), index, size, [b64(one) for one in proof], b64(root)],
        "good": good,
    }


def _consistency(old: int, size: int, old_root: bytes, root: bytes, proof: list[bytes]) -> Case:
    good = is_good(lambda: verify_consistency(old, size, old_root, root, proof))
    return {
        "check": "consistency",
        "args": [old, size, b64(old_root), b64(root), [b64(one) for one in proof]],
        "good": good,
    }


def make_note(size: int = 300, *, signer: NoteSigner = LOG, witnesses: str = "ru un us zz") -> bytes:
    tree = make_tree(size)
    raw = sign_checkpoint(Checkpoint("center.example/record", size, tree.root()), signer)
    text = raw.partition(b"\n\n")[0] + b"\n"
    lines = [WITNESSES[name].cosign(text, 1_474_120_500) for name in witnesses.split()]
    return merge_cosignatures(raw, lines) if lines else raw


def make_note_cases() -> Iterator[Case]:
    """Yield checkpoint notes, good and in every way broken."""
    good = make_note()
    text, _, lines = good.partition(b"\n\n")
    # The same root in a second spelling, signed so: the unused bits of the last letter are not zero.
    root = text.split(b"\n")[2]
    again = bytes(ALPHABET[ALPHABET.index(root[-2]) | 1] if at == 42 else one for at, one in enumerate(root))
    respelt = encode_note(sign_note(text.replace(root, again) + b"\n", LOG))
    first = lines.split(b"\n")[0]
    forged = make_note(signer=STRANGER, witnesses="").partition(b"\n\n")[2].strip(b"\n")
    broken = first[:-8] + (b"AAAA" if first[-8:-4] != b"AAAA" else b"BBBB") + first[-4:]
    changed = text.replace(b"\n300\n", b"\n301\n")
    for raw in (
        good,
        respelt,
        make_note(witnesses="us"),
        make_note(witnesses=""),
        make_note(signer=STRANGER),
        changed + b"\n\n" + lines,
        text + b"\n\n" + forged + b"\n",
        text + b"\n\n" + first + b"\n" + broken + b"\n",  # bad-beside-good
        text + b"\n\n" + first + b"\n" + forged + b"\n",
        text + b"\n\n",
        text + b"\n" + lines,
        text,
        b"",
        b"\n\n",
        good[:-1],
        good + b"\n",
        b"\xef\xbb\xbf" + good,
        good.replace(b"center", b"cent\xffer"),
        good.replace(b"\n300\n", b"\n0300\n"),
        good.replace(b"\n300\n", b"\n300\r\n"),
        good.replace(b"\xe2\x80\x94 ", b"- "),
        text + b"\n\n" + (first + b"\n") * 101,
        text + b"\n\n" + (first + b"\n") * 100,
        b"x" * 262_145,
        text + b"\n\n" + b"\xe2\x80\x94 a b AAAA\n",
        text + b"\n\n" + first + b" \n",
        sign_checkpoint(Checkpoint("other.example/record", 3, bytes(32)), LOG),
        sign_checkpoint(Checkpoint("center.example/record", 0, bytes(32)), LOG),
        sign_checkpoint(Checkpoint("center.example/record", 0, hashlib.sha256(b"").digest()), LOG),
        sign_checkpoint(Checkpoint("center.example/record", 5, bytes(32), ("extension \u202e",)), LOG),
    ):
        yield {
            "check": "checkpoint",
            "args": [b64(raw), encode_note_key(LOG.key)],
            "good": is_good(lambda raw=raw: verify_checkpoint(raw, LOG.key)),  # type: ignore[misc]
        }
    for vkey in (
        encode_note_key(LOG.key),
        encode_note_key(LOG.key) + "=",
        encode_note_key(LOG.key).replace("center", "centre"),
        encode_note_key(WITNESSES["us"].key),
        "center.example/record+00000000+AAAA",
        "a b+00000000+AAAA",
        "\ufeff",
        "",
    ):
        good_key = is_good(lambda vkey=vkey: parse_note_key(vkey))  # type: ignore[misc]
        yield {"check": "vkey", "args": [vkey], "good": good_key}


def make_cosignature_cases() -> Iterator[Case]:
    """Yield cosignatures: how many of four keys count, or -1 where the note is refused."""
    raw = make_note(witnesses="ru un")
    checkpoint = verify_checkpoint(make_note(witnesses=""), LOG.key)
    line = next(one for one in raw.split(b"\n") if b"ru/witness" in one)
    other = make_note(size=299, witnesses="us")
    stolen = next(one for one in other.split(b"\n") if b"us/witness" in one)
    keys = [WITNESSES[name].key for name in ("ru", "un", "us", "zz")]
    for note in (
        raw,
        make_note(witnesses=""),
        make_note(),
        raw + line.replace(b"ru/witness", b"xx/witness") + b"\n",
        raw + line[:-8] + b"AAAA" + line[-4:] + b"\n",
        raw + stolen + b"\n",
        other,
        make_note(size=299, witnesses=""),
    ):
        try:
            count = len(verify_cosignatures(note, checkpoint, keys))
        except EntenteError:
            count = -1
        yield {
            "check": "cosignatures",
            "args": [b64(note), b64(make_note(witnesses="")), [encode_note_key(key) for key in keys]],
            "good": True,
            "value": count,
        }


def make_proof_cases() -> Iterator[Case]:
    """Yield proof files under the quorum of four witnesses."""
    tree, entry = make_tree(300), b"entry 77"
    keys = {name: signer.key for name, signer in WITNESSES.items()}
    policy: Policy = make_quorum_policy(LOG.key, keys, host=None)  # type: ignore[arg-type]
    good = encode_proof(make_proof(tree, 77, make_note(), extra=entry))
    for data, said in (
        (good, entry),
        (good, b"entry 78"),
        (good.replace(b"index 77", b"index 78"), entry),
        (good.replace(b"index 77", b"index 077"), entry),
        (good.replace(b"@v1", b"@v2"), entry),
        (good.replace(b"index", b"extra AAAA\nindex"), entry),
        (encode_proof(make_proof(tree, 77, make_note(witnesses="ru un us"))), entry),
        (encode_proof(make_proof(tree, 77, make_note(witnesses="ru un"))), entry),
        (encode_proof(make_proof(tree, 77, make_note(signer=STRANGER))), entry),
        (good[:200], entry),
        (b"", b""),
    ):
        yield {
            "check": "proof",
            "args": [
                b64(data),
                b64(said),
                encode_note_key(LOG.key),
                {name: encode_note_key(key) for name, key in keys.items()},
            ],
            "good": is_good(lambda data=data, said=said: verify_proof(data, said, policy)),  # type: ignore[misc]
        }


def make_ed25519_cases(vectors: Path) -> Iterator[Case]:
    """Yield the published corner cases of Ed25519: none may pass here that libsodium refuses."""
    from entente.kernel.keys import PublicKey, verify_signature

    for case in json.loads(vectors.read_bytes()):
        public, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        message = case["msg"].encode()
        key = PublicKey("us/desk", public)
        good = is_good(lambda key=key, sig=signature, msg=message: verify_signature(key, sig, msg))  # type: ignore[misc]
        yield {"check": "ed25519", "args": [b64(public), b64(signature), b64(message)], "good": good}


def make_cases() -> list[Case]:
    """Return every case but the published vectors."""
    return [*make_tree_cases(), *make_note_cases(), *make_cosignature_cases(), *make_proof_cases()]
