"""migrations: the steps by which a database of an older version becomes one of this version.

Invariants: a step that was published is never changed; steps are numbered and form one line; each runs in a
transaction, so that a crash between two leaves a whole older version.

    >>> database = open_sqlite(path)   # runs what is missing
"""
