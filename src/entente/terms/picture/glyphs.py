"""Glyphs: how wide a text is in DejaVu Sans, and where it breaks into lines.

What it is for: a picture is laid out where no font is at hand, and its texts still fit their boxes.

Invariants:
  * For the scripts of the table (Latin, Greek, Cyrillic) a text is never narrower here than the font sets it:
    each advance is rounded up, and kerning, which only tightens, is left out.
  * What `wrap_text` returns fits the width, whatever the words; what is cut off ends in an ellipsis.

The tables are the font's own advances (tests/unit/test_terms_graph.py compares them with the font).

    >>> wrap_text("sharing the locations of groups", 100, 14)
    ['sharing the', 'locations of', 'groups']
"""

from __future__ import annotations

import unicodedata
from typing import Final

_RANGES: Final = (
    (0x20, 0x7F),
    (0xA0, 0x180),
    (0x370, 0x400),
    (0x400, 0x4A0),
    (0x2010, 0x2027),
    (0x20AC, 0x20AD),
)
"""Code points of the tables, in their order; the end does not belong to it."""

# One character a glyph: its code less 33 is the advance in 64ths of the font's size, rounded up.
_REGULAR: Final = (
    "6;?WJ^S3::AW6967JJJJJJJJJJ77WWWCaMMNSJFSR44KEYQTHTNJIPMaMIM:7:WAAIJEJI8JJ33G3`JIJJ<C;JGVGGCJ7JW6;JJJ"
    "J7AAa@IW9aAAW;;AJJ6A;@I```CMMMMMM`NJJJJ4444SQTTTTTWTPPPPIHJIIIIII`EIIII3333IJIIIIIWIJJJJGJGMIMIMINEN"
    r"ENENESJSJJIJIJIJIJISJSJSJSJRJ\N4343434343GE43KGGE3E3E9E7E4QJQJQJVQJTITITIfcN<N<N<JCJCJCJCI;I;I;PJPJP"
    "JPJPJPJaVIGIMCMCMC8KFYK33QKaaAEEE7aaaaaAAN6QY<aUaVV7MMEMJMRT4KMYQJTRHaJIITMTR4ILDJ7GLJGIDDJI7GGJEEIH"
    "JGJHGLFLW7GIGWKIINWNLWLTIKGF?LLYJ]WRLTIMHSINIIDLJE3TIIHJNYKJNNNJJTINJ444gdTOQHRMMMISJfKQQORYRTRHNIHY"
    r"MSMfgWZMNgNIIGCNI[DKKHJRKIKJEGGXGMG\^OTGEWHIIICEC333[[KHKGK]WSL^QZTlbTIcVJDXZTISLSLa[^Rmc]WNEB!!!!!<"
    "<SMMGHJICMGICf[KDOHOHOH99JAaaAA6666CCCCAAGG7LaJ"
)
_BOLD: Final = (
    "8?CWNbY5??CW:<:9NNNNNNNNNN;;WWWGaSRPWMMVW99SJaWXPXSPMUShSPP?9?WAAMOGOM=OO77L7dOMOOAH@OK]KKGO9OW8?NNJ"
    "N9AAaFKW<aAAW>>AQJ:A>FKdddGSSSSSSgPMMMM9999WWXXXXXWXUUUUPQPMMMMMMeGMMMM7777MOMMMMMWMOOOOKOKSMSMSMPGP"
    "GPGPGWOWOMMMMMMMMMMVOVOVOVOWO`T9797979797QM97SLLJ7J7J@JEK9WOWOWO`WOXMXMXMlhSASASAPHPHPHPHM@M@M@UOUOU"
    "OUOUOUOh]PKPPGPGPG=NFcW55WNaaAGEE;aaaaa>AU:XbFaZa`[:SRJSMPWX9SSaWJXWPaMMPXSXX9PMEO:MMOMMEGOM:OJQMGMT"
    r"OGSJMTKTY:MMMYSKLQ`QTYQXMPGMANL\JgWWO]QPKTLROMGQOG7XKKQOPaPONPNMMZJPP999kjZVWSWSRRJZMpOWWVWaWXWPPMSa"
    "S]Uqv^dRPmSMNJCUMaGNNMPVNMNOGGKaKQMehR[JG`KMMOCGH777a_PMNKNgYWQbWaWxiXMqbNEfeXMXNXNkdfY{mgYPGK!!!!!<"
    "<_URIPOJCLDULpaOGSMVMVM<<NAaaAA::::LLLLAAJJ7LaN"
)


def _read_table(table: str) -> dict[str, float]:
    letters = [chr(code) for start, end in _RANGES for code in range(start, end)]
    return {letter: (ord(each) - 33) / 64 for letter, each in zip(letters, table, strict=True)}


_ADVANCES: Final = {False: _read_table(_REGULAR), True: _read_table(_BOLD)}
ELLIPSIS: Final = "\u2026"


def measure_text(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return the width of a text in the unit of ``size``."""
    table = _ADVANCES[is_bold]
    return size * sum(table[letter] if letter in table else _guess(letter) for letter in text)


def _guess(letter: str) -> float:
    # Other scripts: marks take no room; the widest letters of any script in the font are within 1.2 em.
    return 0.0 if unicodedata.category(letter) in {"Mn", "Me", "Cf"} else 1.2


def wrap_text(
    text: str, width: float, size: float, *, is_bold: bool = False, max_lines: int = 0
) -> list[str]:
    """Return a text in lines that fit.

    Args:
        width: In the unit of ``size``; wide enough for the widest letter.
        max_lines: 0 for as many as it takes; what does not fit is cut and ends in an ellipsis.
    """
    lines: list[str] = []
    current = ""
    for word in text.split():
        joined = f"{current} {word}" if current else word
        if measure_text(joined, size, is_bold=is_bold) <= width:
            current = joined
            continue
        if current:
            lines.append(current)
        *full, current = _break_word(word, width, size, is_bold=is_bold)
        lines += full
        if max_lines and len(lines) > max_lines:
            break
    if current:
        lines.append(current)
    if max_lines and len(lines) > max_lines:
        lines = [
            *lines[: max_lines - 1],
            cut_text(" ".join(lines[max_lines - 1 :]), width, size, is_bold=is_bold),
        ]
    return lines


def _break_word(word: str, width: float, size: float, *, is_bold: bool) -> list[str]:
    parts, current, used = [], "", 0.0
    for letter in word:
        step = measure_text(letter, size, is_bold=is_bold)
        if current and used + step > width:
            parts.append(current)
            current, used = "", 0.0
        current += letter
        used += step
    return [*parts, current]


def cut_text(text: str, width: float, size: float, *, is_bold: bool = False) -> str:
    """Return a text on one line that fits, with an ellipsis where it was cut."""
    if measure_text(text, size, is_bold=is_bold) <= width:
        return text
    left = width - measure_text(ELLIPSIS, size, is_bold=is_bold)
    kept = ""
    for letter in text:
        left -= measure_text(letter, size, is_bold=is_bold)
        if left < 0:
            break
        kept += letter
    return f"{kept.rstrip()}{ELLIPSIS}"
