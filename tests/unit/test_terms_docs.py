"""docs/formats/terms.md against the code: its example reads, and it names every key, code and limit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from entente.terms.file import expression_text, quotation, shape, toml_limits
from entente.terms.file.faults import MAX_FAULTS
from entente.terms.file.layout import format_terms
from entente.terms.file.reading import parse_terms
from entente.terms.file.shape import SOURCE, TABLES, TOP

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "formats" / "terms.md").read_text(encoding="utf-8")
READERS: Final = (
    *("expression_text", "layout", "naming", "reading", "reading_declared", "reading_stated"),
    *("reading_tables", "toml_limits"),
)


def test_the_example_reads_and_is_laid_out() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert format_terms(example) == example
    text = "But the Pentagon, it is said, rejected the deal."
    assert parse_terms(example.encode(), {"note.txt": text}).positions


def test_every_key_of_every_table_is_named_where_it_belongs() -> None:
    section = PAGE.partition("## 3. ")[2].partition("## 4. ")[0]
    for kind, keys in TABLES.items():
        table = next(part for part in section.split("\n\n") if f"`[[{kind}]]`" in part)
        for key, form in keys.items():
            cell = re.search(rf"`{key}`( \*)?", table)
            assert cell, f"{kind}: {key}"
            assert bool(cell[1]) == form.is_required, f"{kind}: {key}"
    for key in (*TOP, *SOURCE):
        assert f"`{key}`" in PAGE, key


def test_every_code_of_a_fault_is_named_and_no_other() -> None:
    raised: set[str] = set()
    for name in READERS:
        text = (ROOT / "src" / "entente" / "terms" / "file" / f"{name}.py").read_text(encoding="utf-8")
        raised |= set(re.findall(r'(?:add_fault|faults\.add|Fault|Slip|self\.stop)\(\s*\[?"([a-z-]+)"', text))
        raised |= set(
            re.findall(r'code = "([a-z-]+)"(?: if \w+ else "([a-z-]+)")?', text)[0]
            if "code = " in text
            else ()
        )
    table = PAGE.partition("## 8. ")[2].partition("\n8.2")[0]
    named = {
        code
        for line in table.splitlines()
        for code in re.findall(r"`([a-z-]+)`", line.split("|")[1] if line.startswith("|") else "")
    }
    assert len(raised) > 25
    assert named == raised


def test_every_limit_is_named_with_its_number() -> None:
    plain = PAGE.replace("\N{NO-BREAK SPACE}", " ")
    for number in (
        toml_limits.MAX_BYTES,
        toml_limits.MAX_TOKENS,
        toml_limits.MAX_DEPTH,
        toml_limits.MAX_KEY_PARTS,
        toml_limits.MAX_WORD,
        expression_text.MAX_CHARACTERS,
        expression_text.MAX_DEPTH,
        shape.MAX_NAME,
        shape.MAX_LINE,
        shape.MAX_TEXT,
        shape.MAX_WEIGHT,
        shape.MAX_DAYS,
        shape.MAX_HOURS,
        shape.MAX_TABLES,
        shape.MAX_GRADES,
        shape.MAX_HOLDERS,
        shape.MAX_SOURCES,
        shape.MAX_STEPS,
        quotation.MAX_GAP,
        MAX_FAULTS,
    ):
        assert re.search(rf"\b{number:,}\b".replace(",", " "), plain), number
