"""Terms: what each party requires, permits and forbids; whether a programme is possible, and what blocks it.

For: writing positions down with the sentence that each rests on, and answering from them: possible or not,
why not, at what price, what now, and what would help.

Invariants:
  * Terms are values. A file gives them only when every name, reference and quotation in it holds.
  * An answer never claims more than was proven, and says how far the search for it got.
  * What the law fixes is never offered as a concession; nobody's list of enemies is "the" list.

It does not judge who is right, and it does not negotiate.

    terms = parse_terms(data, {"note.txt": text})
    terms.positions[0].demand
"""

from entente.terms.expression import (
    AllOf,
    AnyOf,
    Atom,
    Expression,
    Implies,
    Not,
    is_true,
    list_atoms,
    render_expression,
)
from entente.terms.expression_text import ExpressionInvalid, parse_expression
from entente.terms.faults import Fault, TermsInvalid
from entente.terms.model import (
    Agency,
    Clause,
    Clock,
    Designation,
    Document,
    Grade,
    Ground,
    Group,
    Link,
    Measure,
    Modality,
    Obligation,
    Party,
    Place,
    Position,
    Programme,
    Rule,
    Source,
    Terms,
    Theatre,
    Zone,
)
from entente.terms.quotation import Quotation, check_quotations
from entente.terms.reading import parse_terms

__all__ = [
    "Agency",
    "AllOf",
    "AnyOf",
    "Atom",
    "Clause",
    "Clock",
    "Designation",
    "Document",
    "Expression",
    "ExpressionInvalid",
    "Fault",
    "Grade",
    "Ground",
    "Group",
    "Implies",
    "Link",
    "Measure",
    "Modality",
    "Not",
    "Obligation",
    "Party",
    "Place",
    "Position",
    "Programme",
    "Quotation",
    "Rule",
    "Source",
    "Terms",
    "TermsInvalid",
    "Theatre",
    "Zone",
    "check_quotations",
    "is_true",
    "list_atoms",
    "parse_expression",
    "parse_terms",
    "render_expression",
]
