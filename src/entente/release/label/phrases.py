"""What a label policy says about printing: prefixes, separators, suffixes and phrases, by language.

For: `entente.release.label.marking`, which puts the line at the foot of a page together.

Invariants: what a language does not say is taken from the entries without one; a language with a region falls
back to the language alone (``fr-CA`` to ``fr``), then to none.

It is about words only: nothing here decides who may see what.

    >>> markings.find("fr").qualifiers["prefix"]
    'Communicable a '
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Place = Literal["document-end", "document-start", "page-bottom", "page-top"]
PLACES: Final[Mapping[str, frozenset[Place]]] = {
    "documentEnd": frozenset({"document-end"}),
    "documentStart": frozenset({"document-start"}),
    "pageBottom": frozenset({"page-bottom"}),
    "pageTop": frozenset({"page-top"}),
    "pageTopBottom": frozenset({"page-bottom", "page-top"}),
}
"""The marking codes that say where; a phrase that says nothing of the kind is for the foot of the page."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One ``markingData``.

    Args:
        text: What is printed; None where only the codes matter and the name stays.
        places: Where.
        is_name_hidden: ``noNameDisplay`` or ``noMarkingDisplay``.
        is_class_hidden: ``suppressClassName``.
        is_policy_replaced: ``replacePolicy``: the text stands for the policy's name.
    """

    text: str | None
    places: frozenset[Place]
    is_name_hidden: bool
    is_class_hidden: bool
    is_policy_replaced: bool


@dataclass(frozen=True, slots=True)
class Marking:
    """The qualifiers and phrases of one language."""

    qualifiers: Mapping[str, str]
    phrases: tuple[Phrase, ...]

    def find_phrase(self, place: Place) -> Phrase | None:
        """Return the first phrase for a place, or None."""
        return next((one for one in self.phrases if place in one.places), None)


@dataclass(frozen=True, slots=True)
class Markings:
    """The markings of a policy, classification, tag or category, by language; empty for none."""

    by_language: Mapping[str, Marking]

    def find(self, language: str) -> Marking | None:
        """Return what is printed in a language, or None when nothing is said at all."""
        for name in (language, language.partition("-")[0], ""):
            if name in self.by_language:
                return self.by_language[name]
        return None


NO_MARKINGS: Final = Markings({})
EMPTY_MARKING: Final = Marking({}, ())
