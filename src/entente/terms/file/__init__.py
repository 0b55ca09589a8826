"""The terms file: read, checked, quoted words looked up, laid out, described to editors.

Invariants:
  * A file gives terms only when all of it holds; otherwise every fault is told at its line and column.
  * Nothing that a file holds can cost more than its size: limits stand before the parsers.
  * The layout changes neither a value nor a comment.

It does not open files: whoever calls brings bytes and texts. The form, clause by clause:
docs/formats/terms.md.

    terms = parse_terms(data, {"note.txt": text})
    format_terms(data.decode())
"""

from entente.terms.file.expression_text import ExpressionInvalid, parse_expression
from entente.terms.file.faults import Fault, TermsInvalid
from entente.terms.file.layout import format_terms
from entente.terms.file.oddities import list_oddities
from entente.terms.file.quotation import Quotation, check_quotations
from entente.terms.file.reading import parse_terms

__all__ = [
    "ExpressionInvalid",
    "Fault",
    "Quotation",
    "TermsInvalid",
    "check_quotations",
    "format_terms",
    "list_oddities",
    "parse_expression",
    "parse_terms",
]
