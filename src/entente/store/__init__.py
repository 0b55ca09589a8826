"""store: durable input and output, shared by center and desk.

For: files that survive a crash, the journal's file, projected rows in SQL, mirrors, clocks, randomness, and
the X.509 that protects connections.

Invariants: a failed flush is never tried again; what a reader is shown was durable before; one process owns
a folder.

It knows no protocol: what may be written, in which order, its callers decide.

    >>> database = open_sqlite(folder / "center.db")
    >>> rows = SqlRows(database)
    >>> rows.put(row)
    >>> rows.commit()
"""
