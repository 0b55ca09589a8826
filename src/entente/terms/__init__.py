"""Terms: what each party requires, permits and forbids; whether a programme is possible, and what blocks it.

For: writing positions down with the sentence that each rests on; answering from them whether a programme is
possible, why not, at what price, what now, and what would help; and keeping the agreement that comes of it in
the record.

    model, expression   what terms are
    answers             what each question comes back with
    file/               the terms file: read, checked against its documents, laid out, described to editors
    search/             the questions, and the solvers behind them
    words/              answers in plain English, as JSON, and as a page to hand to whoever decides
    picture/            who blocks what, as a picture and as its text twin
    agreement/          a programme that all have signed: kinds of message, clocks, state

Invariants:
  * Terms are values. A file gives them only when every name, reference and quotation in it holds.
  * An answer never claims more than was proven, and says how far the search for it got.
  * What the law fixes is never offered as a concession; nobody's list of enemies is "the" list.

It does not judge who is right, and it does not negotiate. Nothing is imported here: whoever keeps a record
needs the agreements and no solver.

    terms = parse_terms(data, {"note.txt": text})                       # entente.terms.file
    find_obstacles(terms, programme="joint-operation").obstacles       # entente.terms.search
"""
