"""What a lying center, or a desk fed by one, may answer to the page, each lie signed with the log's real key.

A lie is a list of answers that one page gets one after the other, and what it must make of the last one.

>>> {lie["expect"] for lie in make_lies(folder)} >= {"rolled-back", "log-forked", "other-charter"}
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from entente.desk.service import call
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.message import Seen
from entente.kernel.roots import Roots
from entente.record import leaf_hash
from entente.record.checkpoint import Checkpoint, sign_checkpoint
from entente.record.cosignature import CosignatureSigner, merge_cosignatures
from entente.record.tree import Tree
from tests.parties import ORIGIN, PartySimulator
from tests.protocol.desk_stage import Stage, make_stage

Plain = dict[str, Any]
NOW_S = 1_474_120_500


class Forger:
    """A desk's honest answers at three sizes, and the keys to lie with."""

    def __init__(self, folder: Path) -> None:
        self.stage: Stage = make_stage(folder)
        self.desk = self.stage.found()
        self.keys: list[PartySimulator] = [self.stage.center.us, self.stage.ru]
        for round_ in range(4):
            self.stage.say(f"word {round_}")
        self.desk.run_once()
        self.before = self.cosign(self.ask("record-keys"))
        for round_ in range(5):
            self.stage.say(f"later {round_}")
        self.desk.run_once()
        self.after = self.cosign(self.ask("record-proof", known=self.before["size"]))
        self.after_keys = self.cosign(self.ask("record-keys", known=self.before["size"]))

    def ask(self, verb: str, **request: Any) -> Plain:
        answer: Plain = json.loads(json.dumps(call(self.desk, verb, json.dumps(request).encode())))
        return answer

    def sign(self, size: int, root: bytes, *, by: Any = None) -> bytes:
        return sign_checkpoint(Checkpoint(ORIGIN, size, root), by or self.stage.center.signer)

    def cosign(self, answer: Plain, *, who: list[Any] | None = None, at_s: int = NOW_S) -> Plain:
        """Return the answer with cosignatures over its own checkpoint."""
        raw = answer["note"].encode()
        text = raw.rpartition(b"\n\n")[0] + b"\n"
        keys = [party.witness for party in (self.keys if who is None else who)]
        lines = [CosignatureSigner(key).cosign(text, at_s) for key in keys]
        return {**answer, "note": (merge_cosignatures(raw, lines) if lines else raw).decode()}

    def renote(self, size: int, root: bytes, **changes: Any) -> Plain:
        """Return an answer with another signed checkpoint in it."""
        answer = copy.deepcopy(self.after) | changes
        return self.cosign(answer | {"size": size, "note": self.sign(size, root).decode()})


def make_lies(folder: Path) -> list[Plain]:
    """Return every lie, and the honest answers among them."""
    forger = Forger(folder)
    before, after, keys = forger.before, forger.after, forger.after_keys
    tree, size = forger.desk.view.tree, after["size"]
    other = Tree.from_leaf_hashes([leaf_hash(b"other %d" % index) for index in range(size)])
    consistency = {"from": before["size"], "hashes": _spell(other.consistency_proof(before["size"], size))}
    stranger, bare = PartySimulator("un"), _strip(before)
    spelt = _spell(tree.consistency_proof(before["size"], size))
    earlier = {"size": before["size"], "note": before["note"], "hashes": spelt}
    flipped = tree.root()[:-1] + bytes((tree.root()[-1] ^ 1,))

    def change(answer: Plain, act: Callable[[Plain], None]) -> Plain:
        changed = copy.deepcopy(answer)
        act(changed)
        return changed

    def lie(name: str, expect: str, *answers: Plain, **more: Any) -> Plain:
        return {"name": name, "expect": expect, "answers": list(answers), **more}

    fork = forger.renote(size, other.root(), consistency=consistency)
    rolled = forger.renote(before["size"] - 1, tree.root(before["size"] - 1), consistency=None)
    ahead = forger.cosign(_strip(after), at_s=NOW_S + 90_000)
    behind = forger.cosign(_strip(after), at_s=NOW_S - 90)
    markup = "<script>alert(1)</script>\n5\n" + "A" * 43 + "=\n\n\u2014 <b>x</b> AAAAAAAA\n"
    usurped = change(keys, lambda one: one["rosters"].append(_usurp(forger.stage.ru)))
    swapped = copy.deepcopy(keys)
    swapped["rosters"][0]["entry"] = swapped["rosters"][1]["entry"]
    return [
        lie("honest", "checked", before, after, standing=[size, size]),
        lie("honest again", "checked", before, keys, after, standing=[size, size]),
        lie("fork at a larger size", "not-consistent", before, fork),
        lie(
            "fork at one size",
            "log-forked",
            before,
            forger.renote(before["size"], other.root(before["size"])),
        ),
        lie("rolled back", "rolled-back", before, rolled),
        lie("emptied", "rolled-back", before, after | {"size": 0, "note": ""}),
        lie("wrong root", "not-consistent", before, forger.renote(size, flipped)),
        lie("withheld proof", "withheld-proof", before, after | {"consistency": None}),
        lie(
            "a proof of something else",
            "withheld-proof",
            before,
            after | {"consistency": {"from": 1, "hashes": []}},
        ),
        lie(
            "a step changed",
            "not-consistent",
            before,
            change(after, lambda one: one["consistency"]["hashes"].reverse()),
        ),
        lie("no cosignature", "checked", bare, _strip(after), standing=[0, 0]),
        lie("none any more", "checked", before, _strip(after), standing=[before["size"], before["size"]]),
        lie(
            "one of two",
            "checked",
            bare,
            forger.cosign(_strip(after), who=[forger.stage.ru]),
            standing=[0, 0],
        ),
        lie("by a stranger", "checked", bare, forger.cosign(_strip(after), who=[stranger]), standing=[0, 0]),
        lie("a cosignature of another note", "bad-signature", before, _graft(after, before)),
        lie("a clock ahead", "checked", before, ahead, cautions=["ahead:ru", "ahead:us"]),
        lie("a clock going back", "checked", before, behind, cautions=["backwards:ru", "backwards:us"]),
        lie(
            "firm, it says",
            "checked",
            bare,
            _strip(after) | {"firm": earlier | {"note": bare["note"]}},
            standing=[0, 0],
        ),
        lie(
            "firm earlier",
            "checked",
            bare,
            _strip(after) | {"firm": earlier},
            standing=[before["size"], 0],
        ),
        lie("another charter", "bad-signature", before, change(keys, _change_charter)),
        lie(
            "a roster left out", "roster-rolled-back", before, change(keys, lambda one: one["rosters"].pop())
        ),
        lie("a roster twice", "roster-version", before, swapped),
        lie("a roster by new roots alone", "root-threshold", before, usurped),
        lie("a note of 300 kB", "too-large", before, after | {"note": "x" * 300_000}),
        lie("no note", "not-a-note", before, after | {"note": "nothing"}),
        lie(
            "another shape",
            "bad-answer",
            before,
            {"size": 9, "note": None, "rosters": 7, "charter": None},
            keys=True,
        ),
        lie("markup in a note", "no-known-signature", before, after | {"note": markup}),
    ]


def _spell(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(one).decode() for one in hashes]


def _strip(answer: Plain) -> Plain:
    """Return the answer with the log's own signature alone."""
    head, _, lines = answer["note"].rpartition("\n\n")
    own = [line for line in lines.splitlines() if "/witness " not in line]
    return {**answer, "note": head + "\n\n" + "\n".join(own) + "\n"}


def _graft(answer: Plain, other: Plain) -> Plain:
    lines = [line for line in other["note"].splitlines() if "ru/witness " in line]
    return {**_strip(answer), "note": _strip(answer)["note"] + "\n".join(lines) + "\n"}


def _usurp(ru: PartySimulator) -> Plain:
    """Return a second roster that only its own new root key signed, with a witness of the usurper's."""
    root = SigningKey("ru/root", bytes(31) + b"\x07")
    roots = Roots(keys=[encode_public_key(root.public)], threshold=1)
    signed = ru.write_roster(Seen(size=0, root="0" * 64), ru.statement(version=2, roots=roots), [root])
    return {"index": 9, "entry": base64.b64encode(signed.raw).decode(), "hashes": []}


def _change_charter(answer: Plain) -> None:
    """Change a name in the charter: nobody signed that."""
    raw = json.loads(base64.b64decode(answer["charter"]["entry"]))
    payload = base64.b64decode(raw["payload"]).replace(b"joint", b"joInt")
    raw["payload"] = base64.b64encode(payload).decode()
    entry = json.dumps(raw, separators=(",", ":"), sort_keys=True).encode()
    answer["charter"]["entry"] = base64.b64encode(entry).decode()
