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

from entente.terms.answers import (
    Addition,
    Additions,
    BestProgramme,
    Concession,
    Feasibility,
    Inactive,
    Obstacle,
    Obstacles,
    Package,
    Packages,
    Permitted,
    Reading,
    Search,
    SharedCore,
    Unguaranteed,
)
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
from entente.terms.file_layout import format_terms
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
from entente.terms.oddities import list_oddities
from entente.terms.quotation import Quotation, check_quotations
from entente.terms.reading import parse_terms

__all__ = [
    "Addition",
    "Additions",
    "Agency",
    "AllOf",
    "AnyOf",
    "Atom",
    "BestProgramme",
    "Clause",
    "Clock",
    "Concession",
    "Designation",
    "Document",
    "Expression",
    "ExpressionInvalid",
    "Fault",
    "Feasibility",
    "Grade",
    "Ground",
    "Group",
    "Implies",
    "Inactive",
    "Link",
    "Measure",
    "Modality",
    "Not",
    "Obligation",
    "Obstacle",
    "Obstacles",
    "Package",
    "Packages",
    "Party",
    "Permitted",
    "Place",
    "Position",
    "Programme",
    "Quotation",
    "Reading",
    "Rule",
    "Search",
    "SharedCore",
    "Source",
    "Terms",
    "TermsInvalid",
    "Theatre",
    "Unguaranteed",
    "Zone",
    "check_quotations",
    "format_terms",
    "is_true",
    "list_atoms",
    "list_oddities",
    "parse_expression",
    "parse_terms",
    "render_expression",
]
