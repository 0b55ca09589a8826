"""A center in memory that speaks docs/formats/http.md, honestly by the real checks, and lies on demand.

Invariants: an honest `LyingCenter` accepts and refuses what a real one does
(`tests.parties.CenterSimulator`); everything it signs is signed with the real log key or center key, so that
its lies are the lies of the host, not of a stranger.

    >>> center = LyingCenter(us, ru)
    >>> status, _, body = center.request("POST", "/messages", body=encode_submission(raw, {}))
    >>> center.lies.add("stale")
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from entente.desk.answers import REFUSAL_TYPE, Refusal
from entente.joint import KINDS, AlreadyRecorded
from entente.kernel.envelope import (
    MESSAGE_TYPE,
    SignedMessage,
    build_envelope,
    encode_pae,
    parse_envelope,
    sign_envelope,
)
from entente.kernel.errors import Denied, EntenteError, TransportError
from entente.kernel.ids import KeyID
from entente.kernel.message import encode_body, encode_payload, parse_message
from entente.kernel.roster import RosterStatement
from entente.record.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from entente.record.cosignature import CosignatureSigner, merge_cosignatures
from entente.record.note import NoteSigner
from entente.record.tiles import ENTRIES, encode_entry_bundle, encode_hash_tile, parse_tile_path
from entente.record.tree import Tree, leaf_hash
from tests.parties import AT, ORIGIN, CenterSimulator, PartySimulator

Answer = tuple[int, str, bytes]
JSON: Final = "application/json"
RECORDED: Final = "2016-09-17T13:55:01Z"
COSIGNED_S: Final = 1_474_120_500


class CardParty(PartySimulator):
    """A party whose roster was made elsewhere (by a desk), so that it cannot be drawn from its name."""

    def __init__(self, name: str, card: RosterStatement) -> None:
        super().__init__(name)
        self.card = card

    def statement(self, **lies: Any) -> RosterStatement:
        assert not lies
        return self.card


class LyingCenter:
    """One center, the parties' real keys around it, and a set of lies that are switched on by name."""

    def __init__(self, us: CardParty, *others: PartySimulator) -> None:
        self.us = us
        self.others = {party.name: party for party in others}
        self.core = CenterSimulator(us, *others, kinds=KINDS)
        self.signer = NoteSigner(self.core.log)
        self.sealed: dict[tuple[str, str], bytes] = {}
        self.lies: set[str] = set()
        self.tree = self.core.tree
        self.entries = self.core.entries
        self.shown_size: int | None = None
        self.refusals: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.received: list[bytes] = []
        self.last_answer: bytes = b""
        self.refuse_next = ""
        self.fail_after = False
        self.cosigners: list[PartySimulator] = []
        self.charter = encode_payload(self.core.draft("charter", self.core.draft_charter(), self.core.seen()))
        self.is_founded = False

    # The wire

    def request(self, method: str, path: str, *, body: bytes = b"", content_type: str = JSON) -> Answer:
        self.requests.append((method, path))
        if body:
            self.received.append(body)
        if "no-network" in self.lies:
            raise TransportError("no-answer", "center: ConnectError")
        answer = self._answer(method, path, body)
        if self.fail_after:
            self.fail_after = False
            raise TransportError("no-answer", "center: ReadTimeout")
        return answer

    def _answer(self, method: str, path: str, body: bytes) -> Answer:
        match method, path.split("/")[1:]:
            case "GET", ["charter"]:
                return self._charter()
            case "POST", ["charter", "signatures"]:
                return self._sign_charter(json.loads(body))
            case "POST", ["messages"]:
                return self._submit(body)
            case "GET", ["record", "checkpoint"]:
                return (200, "text/plain", self.note()) if self.is_founded else (404, JSON, b"{}")
            case "GET", ["record", "checkpoint", word]:
                return self._standing(word)
            case "GET", ["record", *rest]:
                return self._tile("/".join(rest))
            case "GET", ["sealed", leaf, party]:
                return self._sealed(leaf, party)
            case "GET", ["status"]:
                plain = {"size": self.tree.size, "now": RECORDED, "exercise": True}
                return 200, JSON, json.dumps(plain).encode()
        return 404, JSON, b'{"code":"not-found","message":"no such place"}'

    # Founding

    def _charter(self) -> Answer:
        payload = (
            self.charter if "other-charter" not in self.lies else self.charter.replace(b"joint", b"joInt")
        )
        plain = {
            "state": "founded" if self.is_founded else "draft",
            "payload": base64.b64encode(payload).decode(),
            "signed": [],
            "missing": [] if self.is_founded else [self.us.name],
            "envelope": json.loads(self.entries[0]) if self.is_founded else None,
        }
        return 200, JSON, json.dumps(plain).encode()

    def _sign_charter(self, plain: dict[str, Any]) -> Answer:
        if self.is_founded:
            return 200, JSON, b"{}"
        pae = encode_pae(MESSAGE_TYPE, self.charter)
        keys = [self.core.key, *(key for party in self.others.values() for key in party.roots)]
        signatures = [(key.public.key_id, key.sign(pae)) for key in keys]
        signatures += [(KeyID(one["keyid"]), base64.b64decode(one["sig"])) for one in plain["signatures"]]
        self.core.submit(build_envelope(self.charter, MESSAGE_TYPE, signatures))
        roster = json.dumps(plain["roster"], separators=(",", ":"), sort_keys=True).encode()
        for name in sorted((*self.others, self.us.name)):
            party = self.others.get(name)
            signed = (
                parse_envelope(roster)
                if party is None
                else party.write_roster(self.core.seen(0), party.statement(), party.roots)
            )
            self.core.submit(signed)
        self.is_founded = True
        return 200, JSON, b"{}"

    # Messages

    def _submit(self, body: bytes) -> Answer:
        plain = json.loads(body)
        raw = json.dumps(
            plain["envelope"], separators=(",", ":"), sort_keys=True, ensure_ascii=False
        ).encode()
        assert b'"envelope":' + raw in body, "the envelope's own bytes stand in the request unchanged"
        signed = parse_envelope(raw)
        if "replayed-answer" in self.lies and self.last_answer:
            return 200, JSON, self.last_answer
        if self.refuse_next:
            code, self.refuse_next = self.refuse_next, ""
            return self._refuse(signed, code, "no", 409 if code.startswith(("seen", "bad", "equal")) else 403)
        try:
            index = int(self.core.submit(signed).index)
        except AlreadyRecorded as known:
            index = int(known.index)
        except Denied as error:
            return self._refuse(signed, error.code, error.message, 403)
        except EntenteError as error:
            return self._refuse(signed, error.code, error.message, 409)
        for each in plain["ciphertexts"]:
            self.sealed[signed.leaf, each["party"]] = base64.b64decode(each["data"])
        self.last_answer = self.answer(signed.leaf, index)
        return 200, JSON, self.last_answer

    def answer(self, leaf: str, index: int, *, tree: Tree | None = None) -> bytes:
        """Return the answer to a recorded message, under the newest checkpoint."""
        tree = tree or self.core.tree
        proof = tree.inclusion_proof(index, tree.size)
        if "bad-proof" in self.lies and proof:
            proof = [bytes(32), *proof[1:]]
        plain = {
            "index": index,
            "leaf": leaf,
            "recorded": RECORDED,
            "proof": [base64.b64encode(one).decode() for one in proof],
            "checkpoint": self.sign(tree).decode(),
        }
        return json.dumps(plain).encode()

    def _refuse(self, signed: SignedMessage, code: str, message: str, status: int) -> Answer:
        refusal = Refusal(
            at=RECORDED, center=ORIGIN, code=code, leaf=signed.leaf, message=message, size=self.tree.size
        )
        envelope = sign_envelope(encode_body(refusal), REFUSAL_TYPE, [self.core.key])
        self.refusals[signed.leaf] = envelope.raw
        plain: dict[str, Any] = {"code": code, "message": message, "path": "", "incident": "1"}
        if "unsigned-refusal" not in self.lies:
            plain["refusal"] = json.loads(envelope.raw)
        return status, JSON, json.dumps(plain).encode()

    # The record

    def sign(self, tree: Tree, size: int | None = None) -> bytes:
        """Return a signed checkpoint of a tree, with every cosigner's line."""
        size = tree.size if size is None else size
        note = sign_checkpoint(Checkpoint(ORIGIN, size, tree.root(size)), self.signer)
        text = verify_checkpoint(note, self.signer.key).text
        lines = [CosignatureSigner(party.witness).cosign(text, COSIGNED_S) for party in self.cosigners]
        return merge_cosignatures(note, lines)

    def note(self) -> bytes:
        """Return what is served as the newest checkpoint."""
        return self.sign(self.tree, self.shown_size)

    def _standing(self, word: str) -> Answer:
        everyone = len(self.cosigners) == len(self.others) + 1
        if self.is_founded and ("false-standing" in self.lies or everyone):
            return 200, "text/plain", self.note()
        return 404, JSON, b"{}"

    def _tile(self, path: str) -> Answer:
        tile = parse_tile_path(path)
        if "withheld-tile" in self.lies and tile.level == 0:
            return 404, JSON, b"{}"
        if tile.level == ENTRIES:
            first = tile.index * 256
            entries = self.entries[first : first + tile.width]
            if "bad-entry" in self.lies:
                entries = [*entries[:-1], entries[-1][:-2] + b"  "]
            return 200, "application/octet-stream", encode_entry_bundle(entries)
        data = encode_hash_tile(self.tree, tile)
        if "bad-tile" in self.lies:
            data = data[:-1] + bytes((data[-1] ^ 1,))
        return 200, "application/octet-stream", data

    def _sealed(self, leaf: str, party: str) -> Answer:
        data = self.sealed.get((leaf, party))
        if data is None or "withheld-ciphertext" in self.lies:
            return 404, JSON, b"{}"
        if "swapped-ciphertext" in self.lies:
            data = data[:-1] + bytes((data[-1] ^ 1,))
        return 200, "application/octet-stream", data

    # Lies about history

    def rewrite(self, entries: list[bytes]) -> None:
        """Show another history than the one that was signed before."""
        self.entries = entries
        self.tree = Tree.from_leaf_hashes([leaf_hash(entry) for entry in entries])

    def be_honest(self) -> None:
        """Show the true history again."""
        self.lies.clear()
        self.shown_size = None
        self.tree, self.entries = self.core.tree, self.core.entries

    def insert(self, raw: bytes) -> None:
        """Put an entry into the record that no rule let in."""
        self.rewrite([*self.entries, raw])

    # Partners

    def say(self, author: str, kind: str, body: Any, **fields: Any) -> str:
        """Let another party say something; return the message's name."""
        party = self.others[author]
        signed = party.write(kind, body, self.core.seen(), at=fields.pop("at", AT), **fields)
        self.core.submit(signed)
        return signed.leaf

    def say_sealed(self, author: str, kind: str, body: bytes, *, officers: list[str], **lies: Any) -> str:
        """Let another party say something to us alone, true to the form or not; return its name."""
        party = self.others[author]
        signed, found = party.write_sealed_bytes(
            kind, body, [self.us], self.core.seen(), officers=officers, **lies
        )
        self.core.submit(signed)
        for name, data in found.items():
            self.sealed[signed.leaf, name] = data
        return signed.leaf


def read_kind(raw: bytes) -> str:
    """Return the kind of an entry."""
    return parse_message(parse_envelope(raw), KINDS.bodies).payload.kind
