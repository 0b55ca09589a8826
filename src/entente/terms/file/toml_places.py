r"""Where each key and value of a TOML text stands.

The standard parser gives values and no places; tree-sitter gives places. Both read the same text, and a
place is looked up by the path of keys and indexes that leads to the value.

Invariants:
  * Lines and columns count from 1; columns count characters, as editors do, never bytes.
  * The tree is walked without recursion: nesting costs no stack.
  * A path that the tree does not know gets the place of the nearest part of it that the tree knows.

It does not judge the text: call it on what `tomllib` accepted.

    >>> places = find_places('[[party]]\\nid = "us"')
    >>> places.of_value(("party", 0, "id"))
    Place(line=2, column=6)
"""

from __future__ import annotations

import tomllib
from typing import Final, TypeAlias

import tree_sitter
import tree_sitter_toml

from entente.terms.model import NOWHERE, Place

Path: TypeAlias = tuple[str | int, ...]

_LANGUAGE: Final = tree_sitter.Language(tree_sitter_toml.language())
_KEYS: Final = frozenset({"bare_key", "quoted_key", "dotted_key"})
_ESCAPE_SIZES: Final = {"u": 6, "U": 10, "x": 4}


def parse_tree(text: str) -> tree_sitter.Tree:
    """Return the syntax tree of a text whose lines end in line feeds."""
    return tree_sitter.Parser(_LANGUAGE).parse(text.encode())


def read_key(node: tree_sitter.Node) -> tuple[str, ...]:
    """Return the parts of a key, dotted or not."""
    parts: list[str] = []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.type == "dotted_key":
            waiting.extend(reversed(one.named_children))
        elif one.type == "quoted_key":
            parts.append(next(iter(tomllib.loads(f"{get_text(one)} = 0"))))
        elif one.type == "bare_key":
            parts.append(get_text(one))
    return tuple(parts)


def get_text(node: tree_sitter.Node) -> str:
    """Return a node's own text."""
    return (node.text or b"").decode()


class Places:
    """Places by path. Made by `find_places`."""

    def __init__(self, text: str) -> None:
        self._lines = [line.encode() for line in text.split("\n")]
        self._keys: dict[Path, tree_sitter.Node] = {}
        self._values: dict[Path, tree_sitter.Node] = {}
        self._tree = parse_tree(text)
        self._walk(self._tree.root_node)

    def of_key(self, path: Path) -> Place:
        """Return where the key stands that introduces this value."""
        return self._find(path, self._keys, self._values)

    def of_value(self, path: Path) -> Place:
        """Return where the value starts."""
        return self._find(path, self._values, self._keys)

    def inside(self, path: Path, offset: int) -> Place:
        """Return where character ``offset`` of a text value stands, quotation marks and escapes counted."""
        node = self._values.get(path)
        if node is None or node.type != "string":
            return self.of_value(path)
        start = self._place(node)
        raw = get_text(node)
        used = _skip_content(raw, offset)
        last_break = raw.rfind("\n", 0, used)
        if last_break < 0:
            return Place(start.line, start.column + used)
        return Place(start.line + raw.count("\n", 0, used), used - last_break)

    def _find(self, path: Path, *tables: dict[Path, tree_sitter.Node]) -> Place:
        for size in range(len(path), 0, -1):
            for table in tables:
                if path[:size] in table:
                    return self._place(table[path[:size]])
        return NOWHERE if not path else Place(1, 1)

    def _place(self, node: tree_sitter.Node) -> Place:
        row, column = node.start_point
        return Place(row + 1, len(self._lines[row][:column].decode(errors="replace")) + 1)

    def _walk(self, root: tree_sitter.Node) -> None:
        counts: dict[Path, int] = {}
        top: Path = ()
        waiting = [(root, top)]
        while waiting:
            node, path = waiting.pop()
            children = [child for child in node.named_children if child.type != "comment"]
            below: list[tuple[tree_sitter.Node, Path]] = []
            match node.type:
                case "table" | "table_array_element" if children and children[0].type in _KEYS:
                    inner = self._enter(node, children[0], counts)
                    self._values[inner] = node
                    below = [(child, inner) for child in children[1:]]
                case "pair" if len(children) > 1:
                    inner = path
                    for part in read_key(children[0]):
                        inner = (*inner, part)
                        self._keys.setdefault(inner, children[0])
                    self._values[inner] = children[1]
                    below = [(children[1], inner)]
                case "array":
                    below = [(child, (*path, index)) for index, child in enumerate(children)]
                    self._values.update((inner, child) for child, inner in below)
                case "document" | "inline_table":
                    below = [(child, path) for child in children]
            waiting.extend(reversed(below))

    def _enter(self, node: tree_sitter.Node, key: tree_sitter.Node, counts: dict[Path, int]) -> Path:
        """Return the path of a table by its header: through the last element of each array of tables."""
        parts = read_key(key)
        path: Path = ()
        for index, part in enumerate(parts):
            path = (*path, part)
            self._keys.setdefault(path, key)
            if node.type == "table_array_element" and index == len(parts) - 1:
                counts[path] = counts.get(path, 0) + 1
            if path in counts:
                path = (*path, counts[path] - 1)
        return path


def find_places(text: str) -> Places:
    """Return the place of every key and value."""
    return Places(text)


def _skip_content(raw: str, count: int) -> int:
    """Return how many characters of a string as written come before character ``count`` of its value."""
    mark = raw[:3] if raw[:3] in {'"""', "'''"} else raw[:1]
    at = len(mark)
    if len(mark) == 3 and raw[at : at + 1] == "\n":
        at += 1
    while count > 0 and at < len(raw):
        if raw[at] != "\\" or mark[0] == "'":
            at += 1
        elif raw[at + 1 : at + 2].isspace():
            # A backslash at the end of a line takes the white space behind it out of the value.
            at += 1
            while at < len(raw) and raw[at].isspace():
                at += 1
            continue
        else:
            at += _ESCAPE_SIZES.get(raw[at + 1 : at + 2], 2)
        count -= 1
    return at
