"""What tests of released items say most often: a variant, a label, items, questions and answers."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from entente.release.item import ItemRow, ReleaseItem
from entente.release.label import LabelWire
from entente.release.onward import AskOnward, GrantOnward
from entente.release.recall import ReleaseRecall
from entente.release.variant.sent import VariantWire, hash_variant
from tests.unit.test_deconflict_simulator import RecordSimulator

LABEL = LabelWire(
    policy_id="1.2.3",
    policy="TEST",
    classification="RESTRICTED",
    categories=[],
    created="2016-09-17T12:00:00Z",
)
VARIANT = VariantWire(
    format="entente-variant-1",
    place=None,
    window=None,
    height=None,
    path=("air",),
    fields=(),
    text="An aircraft was seen.",
)
SHA256 = hash_variant(VARIANT)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_item(originator: str = "us", **more: Any) -> ReleaseItem:
    item = ReleaseItem(
        item=digest("item"),
        variant=VARIANT,
        label=LABEL,
        originator=originator,
        grant=None,
        purpose="relief",
        onward="ask",
        until=None,
        replaces=None,
        note="",
    )
    return msgspec.structs.replace(item, **more)


class ReleaseRecord:
    """A record of four: ``us`` has reports, ``ru`` gets items, ``un`` is told further, ``il`` not yet."""

    def __init__(self) -> None:
        self.record = RecordSimulator(("il", "ru", "un", "us"))

    def item(self, author: str = "us", to: str = "ru", **more: Any) -> str:
        return self.record.send(author, "release.item", make_item(**more), to=[to])

    def ask(self, author: str = "ru", originator: str = "us", to: str = "un", **more: Any) -> str:
        body = AskOnward(variant=SHA256, to=to, purpose="relief", words="they are on the road")
        return self.record.send(author, "release.ask", msgspec.structs.replace(body, **more), to=[originator])

    def grant(self, ask: str | None, *, author: str = "us", addressed: Any = None, **more: Any) -> str:
        body = msgspec.structs.replace(
            GrantOnward(
                ask=ask,
                granted=True,
                label=LABEL,
                variant=SHA256,
                holder="ru",
                to="un",
                purpose="relief",
                until=None,
                use_until=None,
                words="",
            ),
            **more,
        )
        if not body.granted:
            body = msgspec.structs.replace(body, label=None)
        both = [body.holder, body.to] if body.granted else [body.holder]
        return self.record.send(author, "release.grant", body, to=both if addressed is None else addressed)

    def recall(self, of: str, *, author: str = "us", to: Any = ("ru",), **more: Any) -> str:
        body = msgspec.structs.replace(ReleaseRecall(of=of, reason="wrong", words=""), **more)
        return self.record.send(author, "release.recall", body, to=list(to))

    def find_item(self, reader: str | None, leaf: str) -> ItemRow | None:
        return self.record.rows(reader).find(ItemRow, leaf)

    def get_item(self, reader: str, leaf: str) -> ItemRow:
        found = self.find_item(reader, leaf)
        assert found is not None
        return found
