"""Quoted words against the document that they are said to stand in."""

from __future__ import annotations

import pytest

from entente.terms.file.quotation import MAX_GAP, check_quotations, find_nearest, find_words, normalise
from entente.terms.file.reading import parse_terms
from tests.terms_samples import DOCUMENTS, SAMPLE

TEXT = (
    "The two leaders — in a 45\u2011minute call — “emphasized that joining efforts” is a top"
    "\n\n  priority. Russia\u2019s view differs. "
    "The two sides agreed on nothing, and the cafe\u0301 was closed. Art. 5 holds."
)
DOCUMENT = normalise(TEXT)


@pytest.mark.parametrize(
    "words",
    (
        "The two leaders",
        "the two leaders",
        "the two leaders - in a 45-minute call",
        '"emphasized that joining efforts"',
        "«emphasized that joining efforts» is a top priority",
        "is a top   priority",
        "Russia's view differs",
        "russia's view",
        "the café was closed",
        "The two sides [...] on nothing",
        "The two sides […] on nothing",
        "The two sides … nothing",
        "[...] agreed on nothing, [...]",
        "two [...] sides",
        "Art. 5 holds.",
        "op\u00adposite"[:2] + "\u00ad",
    ),
)
def test_what_typesetting_changes_is_looked_past(words: str) -> None:
    document = DOCUMENT if not words.startswith("op") else DOCUMENT + " op"
    assert find_words(words, document) is not None


@pytest.mark.parametrize(
    "words",
    (
        "The two sides did not agree",
        "two Leaders",
        "the two leader",
        "wo leaders",
        "efforts is a top",
        "Russias view",
        "Art 5",
        "Art. 6",
        "on nothing [...] The two sides",
        "The two leaders [...] on everything",
        "[...]",
        "…",
        "",
    ),
)
def test_a_word_that_differs_or_an_order_that_is_turned_is_not_found(words: str) -> None:
    assert find_words(words, DOCUMENT) is None


def test_a_quotation_cannot_be_put_together_from_all_over_a_document() -> None:
    near, far = "x " * (MAX_GAP // 2 - 1), "x " * (MAX_GAP // 2 + 1)
    assert find_words("agreed [...] to nothing", normalise(f"They agreed {near}to nothing"))
    assert not find_words("agreed [...] to nothing", normalise(f"They agreed {far}to nothing"))
    # Each gap is measured from the nearest piece before it, wherever else that piece stands.
    twice = normalise(f"agreed {far} agreed {near}to nothing")
    assert find_words("agreed [...] to nothing", twice)


def test_the_place_of_what_was_found_is_told() -> None:
    found = find_words("joining efforts [...] priority", DOCUMENT)
    assert found is not None
    assert DOCUMENT[slice(*found)] == 'joining efforts" is a top priority'


def test_many_gaps_and_many_repeats_take_bounded_work() -> None:
    document = normalise("a b " * 5_000)
    assert find_words("a [...] b [...] " * 15 + "c", document) is None
    assert find_words("a [...] b", document) is not None


def test_the_nearest_passage_is_named() -> None:
    assert find_nearest("the two sides agreed on everything", DOCUMENT) == "The two sides agreed on"
    assert find_nearest("unheard words", DOCUMENT) == ""
    assert len(find_nearest("word " * 200, normalise("word " * 500))) <= 160


def test_each_source_says_what_became_of_it() -> None:
    terms = parse_terms(SAMPLE.encode())
    states = {
        (each.statement, each.source.document): each.state for each in check_quotations(terms, DOCUMENTS)
    }
    assert states == {
        ("link 'sharing-teaches'", "note"): "found",
        ("position 'ru-joint-strikes'", "note"): "found",
        ("position 'pentagon-methods'", "note"): "found",
        ("position 'us-sharing'", "note"): "found",
        ("position 'us-sharing'", "annex"): "paraphrase",
    }
    assert {each.state for each in check_quotations(terms, {})} == {"not at hand", "paraphrase"}


def test_words_that_a_document_at_hand_does_not_have_name_the_nearest_passage() -> None:
    terms = parse_terms(SAMPLE.encode())
    documents = {"note.txt": DOCUMENTS["note.txt"].replace("strongly ", "")}
    (missing,) = [each for each in check_quotations(terms, documents) if each.state == "not found"]
    assert missing.statement == "position 'pentagon-methods'"
    assert missing.nearest == "the Pentagon rejected the deal"
