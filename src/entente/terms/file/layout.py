r"""The canonical layout of a terms file: one way to lay out one text, with every comment where it belongs.

Invariants:
  * The values are the same before and after, and so are the comments: both are checked on the result, always.
  * A comment above a key or header stays above it; one behind a key, header or list item stays behind it.
  * Keys take the order of `shape` within their table only where no comment could lose its key by it: not
    where blank lines group keys, where a comment stands alone, or where one stands between the header and a
    first key that would move (it may speak of the table).
  * What is laid out already stays as it is. Texts stay as they are written, at any length.

It does not look at names or references: a text that is TOML can be laid out, valid terms or not.

    >>> format_terms('[[party]]\nname="Russia"  # the Federation\nid = "ru"')
    '[[party]]\nid = "ru"\nname = "Russia"  # the Federation\n'
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import tree_sitter

from entente.terms.file.faults import Fault, TermsInvalid
from entente.terms.file.reading import load_toml
from entente.terms.file.shape import GRADE, SOURCE, TABLES, TOP
from entente.terms.file.toml_limits import check_limits
from entente.terms.file.toml_places import get_text, parse_tree, read_key
from entente.terms.model import Place

WIDTH: Final = 100
_INDENT: Final = "    "
_ITEMS: Final = frozenset({"pair", "comment", "table", "table_array_element"})
_KEYS: Final = frozenset({"bare_key", "quoted_key", "dotted_key"})


@dataclass(slots=True)
class _Entry:
    """A key with its value, or comments that stand alone (``text`` is "" then)."""

    comments: list[str] = field(default_factory=list)
    key: tuple[str, ...] = ()
    text: str = ""
    behind: str = ""
    has_blank_before: bool = False


@dataclass(slots=True)
class _Section:
    """A header with the comments above it, and what stands under it. The first section has no header."""

    comments: list[str] = field(default_factory=list)
    key: tuple[str, ...] = ()
    header: str = ""
    behind: str = ""
    entries: list[_Entry] = field(default_factory=list)


def format_terms(text: str) -> str:
    """Return the text in canonical layout.

    Raises:
        TermsInvalid: The text is not TOML, passes a limit, or is TOML that cannot be laid out without loss.

    Source: docs/formats/terms.md section 9.
    """
    text = text.replace("\r\n", "\n")
    check_limits(text)
    load_toml(text)
    tree = parse_tree(text)
    if tree.root_node.has_error:
        message = "terms file: expected TOML that can be laid out, got a form that cannot"
        raise TermsInvalid([Fault("cannot-format", message, Place(1, 1))])
    lines: list[str] = []
    for section in _split(tree.root_node):
        lines += _lay_out(section, is_first=not lines)
    result = "\n".join(lines) + "\n" if lines else ""
    _require_same(text, result, tree)
    return result


def _require_same(text: str, result: str, tree: tree_sitter.Tree) -> None:
    # Numbers stay text here: not-a-number is not equal to itself.
    if tomllib.loads(text, parse_float=str) != tomllib.loads(result, parse_float=str):
        raise AssertionError("layout: the values are not what they were")
    if sorted(_list_comments(tree)) != sorted(_list_comments(parse_tree(result))):
        raise AssertionError("layout: the comments are not what they were")


def _walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children))


def _list_comments(tree: tree_sitter.Tree) -> list[str]:
    return [_clean(node) for node in _walk(tree.root_node) if node.type == "comment"]


def _clean(comment: tree_sitter.Node) -> str:
    return get_text(comment).rstrip()


def _split(root: tree_sitter.Node) -> list[_Section]:
    """Return the sections of the text, each comment with what it belongs to."""
    sections = [_Section()]
    pending = _Entry()
    target: _Section | _Entry | None = None
    last_row = -1
    for node in _list_items(root):
        row = node.start_point[0]
        has_blank = 0 <= last_row < row - 1
        if has_blank and pending.comments:
            # A blank line parts these comments from what follows: they stand alone.
            sections[-1].entries.append(pending)
            pending = _Entry()
        if node.type == "comment" and row == last_row and target is not None:
            target.behind = _clean(node)
        elif node.type == "comment":
            pending.has_blank_before |= has_blank and not pending.comments
            pending.comments.append(_clean(node))
            target, last_row = None, row
        elif node.type == "pair":
            key, value = _get_parts(node)
            prefix = f"{_spell_key(key)} = "
            pending.key = read_key(key)
            pending.text = prefix + _lay_out_value(value, len(prefix), "", may_break=True)
            pending.has_blank_before |= has_blank and not pending.comments
            sections[-1].entries.append(pending)
            target, last_row, pending = pending, value.end_point[0], _Entry()
        else:
            section = _make_section(node)
            section.comments, pending = pending.comments, _Entry()
            sections.append(section)
            target, last_row = section, row
    if pending.comments:
        sections[-1].entries.append(pending)
    return sections


def _list_items(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """Yield headers (as the table that they open), keys with values, and comments, in order."""
    waiting = list(reversed(root.children))
    while waiting:
        node = waiting.pop()
        if node.type in _ITEMS:
            yield node
            # The grammar puts a comment that follows a key's value on its line inside of the key's node.
            waiting.extend(reversed([child for child in node.children if child.type in {"pair", "comment"}]))


def _get_parts(pair: tree_sitter.Node) -> tuple[tree_sitter.Node, tree_sitter.Node]:
    """Return key and value."""
    key, value, *_ = (child for child in pair.named_children if child.type != "comment")
    return key, value


def _spell_key(node: tree_sitter.Node) -> str:
    return ".".join(get_text(one) for one in _walk(node) if one.type in {"bare_key", "quoted_key"})


def _make_section(node: tree_sitter.Node) -> _Section:
    key = next(child for child in node.children if child.type in _KEYS)
    opening, closing = ("[", "]") if node.type == "table" else ("[[", "]]")
    return _Section(key=read_key(key), header=f"{opening}{_spell_key(key)}{closing}")


def _lay_out_value(node: tree_sitter.Node, used: int, indent: str, *, may_break: bool) -> str:
    """Return a value as text; recursion is as deep as the nesting, which `check_limits` bounds."""
    if node.type == "inline_table":
        listed = []
        for pair in (child for child in node.named_children if child.type == "pair"):
            key, value = _get_parts(pair)
            listed.append(f"{_spell_key(key)} = {_lay_out_value(value, 0, indent, may_break=False)}")
        return "{ " + ", ".join(listed) + " }" if listed else "{}"
    if node.type != "array":
        return get_text(node)
    if not any(one.type == "comment" for one in _walk(node)):
        values = node.named_children
        line = "[" + ", ".join(_lay_out_value(value, 0, indent, may_break=False) for value in values) + "]"
        if not may_break or not values or ("\n" not in line and used + len(indent) + len(line) <= WIDTH):
            return line
    return _break_array(node, indent)


def _break_array(node: tree_sitter.Node, indent: str) -> str:
    """Return a list with one item a line, each comment with its item."""
    inner = indent + _INDENT
    lines = ["["]
    last_row, is_behind = node.start_point[0], False
    for child in node.named_children:
        if child.type != "comment":
            lines.append(f"{inner}{_lay_out_value(child, 1, inner, may_break=True)},")
            is_behind = True
        elif is_behind and child.start_point[0] == last_row:
            lines[-1] += f"  {_clean(child)}"
            is_behind = False
        else:
            lines.append(inner + _clean(child))
            is_behind = False
        last_row = child.end_point[0]
    return "\n".join([*lines, f"{indent}]"])


def _lay_out(section: _Section, *, is_first: bool) -> list[str]:
    """Return the lines of a section, with the blank line that parts it from what is above."""
    lines = []
    if section.header:
        lines = ([] if is_first else [""]) + section.comments
        lines.append(section.header + (f"  {section.behind}" if section.behind else ""))
    for index, entry in enumerate(_order(section)):
        if entry.has_blank_before and index:
            lines.append("")
        lines += entry.comments
        if entry.text:
            lines.append(entry.text + (f"  {entry.behind}" if entry.behind else ""))
    return lines


def _order(section: _Section) -> list[_Entry]:
    """Return the entries in canonical order where no comment could lose its key by it, else as they are."""
    entries = section.entries
    if any(not entry.text or (entry.has_blank_before and index) for index, entry in enumerate(entries)):
        return entries
    match section.key:
        case ():
            known = list(TOP)
        case (kind,) if kind in TABLES:
            known = list(TABLES[kind])
        case (_, "source"):
            known = list(SOURCE)
        case (_, "grades"):
            known = list(GRADE)
        case _:
            return entries
    ranks = {key: rank for rank, key in enumerate(known)}
    ordered = sorted(entries, key=lambda entry: ranks.get(entry.key[0], len(ranks)))
    is_moved = bool(entries) and ordered[0] is not entries[0]
    return entries if is_moved and entries[0].comments else ordered
