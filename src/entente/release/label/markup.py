"""XML from strangers, read within limits, and XML of ours, escaped.

For: labels, clearances and label policies. What is read comes out as plain `Element` values; what is asked of
them (one child of a name, a number, no attribute that we do not know) raises `Malformed` with the line.

Invariants:
  * Bytes are counted before any parser sees them; depth, elements and attributes while it reads: what is too
    large is refused early.
  * No document type, no entity of one's own, nothing fetched from elsewhere, UTF-8 only.
  * Nothing but `Malformed` comes out.

It knows no schema: what an element means is known where it is read.

    >>> parse_markup(b"<a b='1'>c</a>", what="label").attributes
    {'b': '1'}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from entente.kernel.errors import Malformed

MAX_LABEL_BYTES: Final = 64 * 1024
"""A label with every country's name in it has 12 KiB."""
MAX_POLICY_BYTES: Final = 4 * 1024 * 1024
"""The largest published policy has 90 KiB."""
_MAX_DEPTH: Final = 24
_MAX_ATTRIBUTES: Final = 32
_MAX_ELEMENTS: Final = 100_000
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_ENCODING: Final = re.compile(rb"\A\s*<\?xml[^>]*?\bencoding\s*=\s*[\"']([^\"']{1,40})[\"']")
# Attributes that say nothing about the content: where a schema lies, what editors keep.
_IDLE_SPACES: Final = frozenset(
    {"http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/XML/1998/namespace"}
)
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(slots=True)
class Element:
    """One element: namespace and name apart, the text directly in it, its children in order.

    Args:
        space: Namespace, empty for none.
        attributes: By name; with ``{namespace}`` before it when it has one.
        line: Where it starts, from 1.
    """

    space: str
    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def fail(self, code: str, message: str) -> Malformed:
        """Return the error that this element is at fault with."""
        return Malformed(code, f"{self.name}: {message}", path=f"line {self.line}")

    def expect(self, *names: str) -> None:
        """Raise `Malformed` unless every child is in this element's namespace and has one of these names."""
        for child in self.children:
            if child.name not in names or child.space != self.space:
                raise child.fail("unknown-element", f"expected one of {sorted(names)} inside {self.name}")

    def expect_attributes(self, *names: str) -> None:
        """Raise `Malformed` for an attribute without a namespace that is not one of these."""
        for name in self.attributes:
            if not name.startswith("{") and name not in names:
                raise self.fail("unknown-attribute", f"expected one of {sorted(names)}, got {name[:60]!r}")

    def expect_nothing_foreign(self) -> None:
        """Raise `Malformed` for attributes of foreign namespaces, other than those that say nothing."""
        for name in self.attributes:
            if name.startswith("{") and name[1:].partition("}")[0] not in _IDLE_SPACES:
                raise self.fail(
                    "unknown-attribute", f"expected none of a foreign namespace, got {name[:100]!r}"
                )

    def get(self, name: str) -> str:
        """Return an attribute, or raise `Malformed`."""
        if name not in self.attributes:
            raise self.fail("missing-attribute", f"expected the attribute {name!r}")
        return self.attributes[name]

    def get_number(self, name: str) -> int:
        """Return an attribute that is a number of up to ten digits, or raise `Malformed`."""
        # SECURITY: counted before it is converted: a number of a million digits costs the square of that
        # (tests/unit/test_release_hostile.py, test_huge_numbers_are_refused).
        text = self.get(name)
        if not _NUMBER.fullmatch(text) or not text.isascii():
            raise self.fail("bad-number", f"expected {name} of 1 to 10 digits, got {text[:40]!r}")
        return int(text)

    def get_flag(self, name: str) -> bool:
        """Return an attribute that is true or false; absent means false."""
        text = self.attributes.get(name, "false")
        if text not in {"true", "false", "1", "0"}:
            raise self.fail("bad-flag", f"expected {name} true or false, got {text[:40]!r}")
        return text in {"true", "1"}

    def expect_no_text(self) -> None:
        """Raise `Malformed` for text directly in this element: a person would read it, and no program."""
        if self.text:
            raise self.fail("unexpected-text", f"expected elements alone, got {self.text[:40]!r}")

    def find_all(self, name: str) -> Iterator[Element]:
        """Yield the children of this element's own namespace with that name."""
        return (child for child in self.children if child.name == name and child.space == self.space)

    def find(self, name: str) -> Element | None:
        """Return the one child of that name, or None; two are refused."""
        found = list(self.find_all(name))
        if len(found) > 1:
            raise found[1].fail("duplicate-element", f"expected one inside {self.name}, got {len(found)}")
        return found[0] if found else None

    def get_child(self, name: str) -> Element:
        """Return the one child of that name, or raise `Malformed`."""
        found = self.find(name)
        if found is None:
            raise self.fail("missing-element", f"expected the element {name!r}")
        return found


class _Tree:
    """What the parser tells is made into elements here, and counted."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.root: Element | None = None
        self.locate: Callable[[], int] = lambda: 0
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._elements = 0

    def _fail(self, code: str, message: str) -> Malformed:
        return Malformed(code, f"{self.what}: {message}", path=f"line {self.locate()}")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > _MAX_ELEMENTS:
            raise self._fail("too-large", f"expected <= {_MAX_ELEMENTS} elements")
        if len(self._open) >= _MAX_DEPTH:
            raise self._fail("too-deep", f"expected elements nested <= {_MAX_DEPTH} deep")
        if len(attributes) > _MAX_ATTRIBUTES:
            raise self._fail("too-large", f"expected <= {_MAX_ATTRIBUTES} attributes, got {len(attributes)}")
        space, _closed, name = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
        element = Element(space, name, dict(attributes), self.locate())
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def end(self, _tag: str) -> None:
        self._open.pop().text = "".join(self._texts.pop()).strip()

    def data(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def close(self) -> None:
        """Nothing to do: the parser calls it at the end."""


def parse_markup(data: bytes, *, what: str, max_bytes: int = MAX_LABEL_BYTES) -> Element:
    """Return the root element, or raise `Malformed`.

    Args:
        data: XML 1.0 in UTF-8.
        what: The subject of error messages: ``"label"``.
        max_bytes: More is refused before anything is read.
    """
    # SECURITY: the size first, then the encoding, then a parser that stops at the first document type or
    # entity: no bomb expands, nothing is fetched (tests/unit/test_release_hostile.py).
    if len(data) > max_bytes:
        raise Malformed("too-large", f"{what}: expected <= {max_bytes} bytes, got {len(data)}")
    named = _ENCODING.match(data)
    if named and named[1].lower() not in {b"utf-8", b"us-ascii", b"ascii"}:
        raise Malformed(
            "bad-encoding", f"{what}: expected UTF-8, got {named[1].decode('ascii', 'replace')!r}"
        )
    tree = _Tree(what)
    parser = DefusedXMLParser(
        target=tree, encoding="utf-8", forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    tree.locate = lambda: int(parser.parser.CurrentLineNumber)
    try:
        parser.feed(data.decode("utf-8"))
        parser.close()
    except DefusedXmlException as error:
        raise Malformed(
            "forbidden-markup",
            f"{what}: expected no document type, entity or external reference, got {type(error).__name__}",
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise Malformed("not-xml", f"{what}: expected XML 1.0 in UTF-8: {str(error)[:200]}") from error
    if tree.root is None:
        raise Malformed("not-xml", f"{what}: expected one element, got none")
    return tree.root


def spell_element(name: str, attributes: dict[str, str], content: str) -> str:
    """Return an element of ours; ``content`` is already markup, attributes are escaped here."""
    spelt = "".join(f' {key}="{spell_text(value)}"' for key, value in attributes.items())
    return f"<{name}{spelt}>{content}</{name}>"


def spell_text(text: str) -> str:
    """Return text as it stands in markup and in attributes."""
    return text.translate(_ESCAPES)
