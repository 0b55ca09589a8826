"""The words that are printed for a label, in a language: ``NATO RESTRICTED Releasable to Japan, Ukraine``.

For: the foot of a page, a list, a map. The order is that of the policy: its name or what replaces it, the
classification, then the categories tag by tag.

Invariants: what a policy hides is hidden, and nothing else is; a label that its policy does not know raises.

It is for people. Nothing reads it back, and nothing is decided by it.

    >>> mark(Label("", "TLP", "AMBER+STRICT"), TLP)
    'TLP:AMBER+STRICT'
"""

from __future__ import annotations

from collections.abc import Iterable

from entente.release.label.bound import bind_clearance, bind_label
from entente.release.label.clearance import Clearance
from entente.release.label.label import Label
from entente.release.label.phrases import EMPTY_MARKING, Marking, Markings, Phrase, Place
from entente.release.label.policy import Classification, LabelPolicy, TagCategory, find_bits


def mark(label: Label, policy: LabelPolicy, language: str = "", place: Place = "page-bottom") -> str:
    """Return what is printed for a label.

    Args:
        label: Valid or not: an invalid one is still shown to the person who is to mend it.
        policy: The label's policy.
        language: As in BCP 47: ``"fr"``, ``"fr-CA"``; what it lacks is taken from entries without one.
        place: Where it stands; policies may print less at the head of a page than at its foot.

    Raises:
        Denied: The label names what the policy does not have.
    """
    bound = bind_label(label, policy)
    language = language.lower().replace("_", "-")
    categories = list(policy.find_categories(bound.mask))
    own = policy.markings.find(language) or EMPTY_MARKING
    separator = own.qualifiers.get("separator", " ")
    parts = [_spell_policy(policy, bound.classification, categories, language, place)]
    hidden = any(
        phrase.is_class_hidden
        for one in categories
        if (phrase := _find_phrase(one.markings, language, place)) is not None
    )
    if not hidden:
        parts.append(_spell_classification(policy, bound.classification, language, place))
    parts += _spell_categories(categories, language, place)
    text = separator.join(part for part in parts if part)
    return own.qualifiers.get("prefix", "") + text + own.qualifiers.get("suffix", "")


def mark_clearance(clearance: Clearance, policy: LabelPolicy, language: str = "") -> str:
    """Return what is printed for a clearance: its classifications in braces, then what it holds."""
    bound = bind_clearance(clearance, policy)
    language = language.lower().replace("_", "-")
    own = policy.markings.find(language) or EMPTY_MARKING
    classes = "{" + "|".join(policy.classifications[rank].name for rank in find_bits(bound.classes)) + "}"
    parts = [classes, *_spell_categories(policy.find_categories(bound.held), language, "page-bottom")]
    text = own.qualifiers.get("separator", " ").join(parts)
    return own.qualifiers.get("prefix", "") + text + own.qualifiers.get("suffix", "")


def _find_phrase(markings: Markings, language: str, place: Place) -> Phrase | None:
    found = markings.find(language)
    return found.find_phrase(place) if found else None


def _find_replacement(markings: Markings, language: str, place: Place) -> Phrase | None:
    """Return the phrase that stands for the policy's name; one without a language holds for all of them."""
    for name in (language, ""):
        phrase = _find_phrase(markings, name, place)
        if phrase is not None and phrase.is_policy_replaced:
            return phrase
    return None


def _spell_policy(
    policy: LabelPolicy,
    classification: Classification,
    categories: list[TagCategory],
    language: str,
    place: Place,
) -> str:
    for markings, name in (
        (policy.markings, policy.name),
        (classification.markings, classification.name),
        *((one.markings, one.name) for one in categories),
    ):
        phrase = _find_replacement(markings, language, place)
        if phrase is not None:
            return name if phrase.text is None else phrase.text
    return policy.name


def _spell_name(phrase: Phrase | None, name: str) -> str:
    """Return what is printed for a classification or category."""
    if phrase is None:
        return name
    if phrase.is_name_hidden:
        return ""
    return name if phrase.is_policy_replaced or phrase.text is None else phrase.text


def _spell_classification(
    policy: LabelPolicy, classification: Classification, language: str, place: Place
) -> str:
    markings = classification.markings if classification.markings.find(language) else policy.markings
    return _spell_name(_find_phrase(markings, language, place), classification.name)


def _spell_categories(categories: Iterable[TagCategory], language: str, place: Place) -> list[str]:
    """Return a part for each tag that has something to print."""
    printed: dict[int, list[str]] = {}
    tags: dict[int, Marking] = {}
    for one in categories:
        markings = one.markings if one.markings.find(language) else one.tag.markings
        text = _spell_name(_find_phrase(markings, language, place), one.name)
        if text:
            printed.setdefault(one.tag.index, []).append(text)
            tags[one.tag.index] = one.tag.markings.find(language) or EMPTY_MARKING
    return [
        tags[index].qualifiers.get("prefix", "")
        + (tags[index].qualifiers.get("separator") or "/").join(texts)
        + tags[index].qualifiers.get("suffix", "")
        for index, texts in printed.items()
    ]
