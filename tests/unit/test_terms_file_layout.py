"""The canonical layout: what it changes, what it never changes, and where each comment goes."""

from __future__ import annotations

import tomllib

import pytest

from entente.terms.file.faults import TermsInvalid
from entente.terms.file.layout import WIDTH, format_terms
from entente.terms.file.template import write_template
from tests.terms_samples import SAMPLE


def test_comments_stay_with_their_keys_while_keys_move() -> None:
    before = """

# The file.

title="T"   # of the title
entente-terms=1


# Of the party.
# Two lines.
[[ party ]]# behind the header
name = "Russia"#the Federation
# Above the id.
id = 'ru'
"""
    assert (
        format_terms(before)
        == """# The file.

title = "T"  # of the title
entente-terms = 1

# Of the party.
# Two lines.
[[party]]  # behind the header
# Above the id.
id = 'ru'
name = "Russia"  #the Federation
"""
    )


@pytest.mark.parametrize(
    "body",
    (
        'name = "N"\n\nid = "x"\n',  # a blank line groups keys
        'name = "N"\n# alone\n\nid = "x"\n',  # a comment stands alone
        '# of the table, or of the name?\nname = "N"\nid = "x"\n',
        'name = "N"\nid = "x"\n# below everything\n',
    ),
)
def test_keys_keep_their_order_where_a_comment_could_lose_its_key(body: str) -> None:
    assert format_terms(f"[[zone]]\n{body}") == f"[[zone]]\n{body}"


def test_keys_take_the_order_of_the_format_in_every_table_it_knows() -> None:
    text = (
        '[[position]]\nby = "us"\nid = "p"\nx = 1\nsays = "s"\n'
        '[[position.source]]\nwords = "w"\ndocument = "d"\n[position.weight]\nb = 1\na = 2\n'
    )
    assert format_terms(text) == (
        '[[position]]\nid = "p"\nsays = "s"\nby = "us"\nx = 1\n\n'
        '[[position.source]]\ndocument = "d"\nwords = "w"\n\n[position.weight]\nb = 1\na = 2\n'
    )


def test_a_long_list_is_broken_and_a_short_one_joined_and_comments_stay_with_their_items() -> None:
    long = ", ".join(f'"measure-{n}"' for n in range(12))
    found = format_terms(
        f"a = [\n1,\n 2\n]\nb = [{long}]\n"
        "c = [ # first\n1, # one\n # of two\n2 # two\n , 3,\n # of four\n4 ]\n"
    )
    assert found.startswith('a = [1, 2]\nb = [\n    "measure-0",\n')
    assert max(len(line) for line in found.splitlines()) <= WIDTH
    assert found.endswith(
        "c = [\n    # first\n    1,  # one\n    # of two\n    2,  # two\n    3,\n    # of four\n    4,\n]\n"
    )


def test_inline_tables_stay_on_their_line_and_texts_as_they_are_written() -> None:
    text = (
        's = {document="d",words  = "' + "x" * 200 + '" , n=[ 1,2 ]}\n'
        'm = """\n  as\twritten  \n\n""" # behind\nl = \'\'\'a\'b\'\'\'\ne = {}\nf = []\nu = "\\u0061"\n'
    )
    assert format_terms(text) == (
        's = { document = "d", words = "' + "x" * 200 + '", n = [1, 2] }\n'
        'm = """\n  as\twritten  \n\n"""  # behind\nl = \'\'\'a\'b\'\'\'\ne = {}\nf = []\nu = "\\u0061"\n'
    )


def test_keys_of_every_spelling_survive() -> None:
    text = 'a . b = 1\n"c d" = 2\n\'e\'.f = 3\n[ g . "h i" ]\nj = nan\nk = 1979-05-27T07:32:00Z\n'
    assert format_terms(text) == (
        'a.b = 1\n"c d" = 2\n\'e\'.f = 3\n\n[g."h i"]\nj = nan\nk = 1979-05-27T07:32:00Z\n'
    )


@pytest.mark.parametrize(
    "text",
    (
        "",
        "\n\n",
        "# only a comment",
        "[[party]]",
        "[[party]]\n# only a comment\n",
        "a = 1\n# before the header\n[b]\n",
        "a = 1\n\n\n# alone\n\n\n[b]\n",
        "[a]\n# x\n\n# y\n[b]\n# z",
        "a = [[1, # c\n2], {b = [3, # d\n]}]\n",
        "a = [\n# only a comment\n]\n",
        'a = """\n# no comment\n[[no.table]]\n"""\n',
        SAMPLE,
        SAMPLE.replace("\n", "\r\n"),
        write_template(),
    ),
)
def test_what_is_laid_out_stays_and_means_the_same(text: str) -> None:
    once = format_terms(text)
    assert format_terms(once) == once
    assert tomllib.loads(once) == tomllib.loads(text.replace("\r\n", "\n"))
    assert once.count("#") == text.count("#")
    assert not once or (once.endswith("\n") and not once.endswith("\n\n"))
    assert "\n\n\n" not in once.replace(SAMPLE, "")


def test_a_template_is_laid_out_already() -> None:
    for text in (
        write_template(),
        write_template([("us", "United States"), ("ru", "Russia"), ("un", "U N")]),
    ):
        assert format_terms(text) == text


@pytest.mark.parametrize("text", ("a = ", "a = 1\na = 2", "[a", "a = {b = 1,\nc = 2}", "a = 1 b = 2"))
def test_what_is_not_toml_is_told_with_its_place_and_not_laid_out(text: str) -> None:
    with pytest.raises(TermsInvalid) as caught:
        format_terms(text)
    assert caught.value.faults[0].code == "bad-toml"
    assert caught.value.faults[0].at.line >= 1
