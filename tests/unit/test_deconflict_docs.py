"""The page about kinds says what the code does: every kind, its marks, its fields, each reason to refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from entente import blind, deconflict, dialogue, release
from entente.kernel.kinds import SignedBy
from entente.terms import agreement

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "formats" / "kinds.md").read_text(encoding="utf-8")
KINDS: Final = {
    kind.name: kind
    for kind in (*deconflict.KINDS, *dialogue.KINDS, *agreement.KINDS, *blind.KINDS, *release.KINDS)
}
_ROW: Final = re.compile(r"(?m)^\| `([a-z]+\.[a-z-]+)` \| ([^|]+) \| (\w+) \| (\w+) \| (.+) \|$")
ROWS: Final = {row[0]: row[1:] for row in _ROW.findall(PAGE)}


def test_every_kind_stands_on_the_page_and_no_other() -> None:
    assert len(KINDS) == 68
    assert set(ROWS) == set(KINDS)


def test_who_signs_and_what_it_asks_for_is_as_in_the_code() -> None:
    for name, (signed, ack, sealed, _) in ROWS.items():
        kind = KINDS[name]
        assert signed.startswith("center" if kind.signed_by is SignedBy.CENTER else "desk"), name
        officers = re.search(r"\d", signed)
        assert int(officers[0]) == kind.min_officers if officers else kind.min_officers == 0, name
        assert (ack == "yes") is kind.acknowledged, name
        assert (sealed == "yes") is kind.may_be_sealed, name


def test_every_field_of_every_body_is_named() -> None:
    for name, kind in KINDS.items():
        named = set(re.findall(r"\w+", ROWS[name][3]))
        fields = {field.name for field in msgspec.structs.fields(kind.body)}
        assert fields <= named, (name, fields - named)


def test_every_reason_to_refuse_is_named() -> None:
    codes = set()
    for room in ("deconflict", "dialogue", "terms", "release"):
        files = sorted((ROOT / "src" / "entente" / room).glob("*.py"))
        assert files
        for file in files:
            codes |= set(re.findall(r"denied\(\s*\"([a-z-]+)\"", file.read_text(encoding="utf-8")))
    assert len(codes) > 40
    missing = {code for code in codes if f"`{code}`" not in PAGE}
    assert missing == set()
