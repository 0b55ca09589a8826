"""migrations: the steps by which a database of an older version becomes one of this version.

Invariants: a step that was published is never changed; steps are numbered and form one line, the same for
SQLite and PostgreSQL; all that are missing run in one transaction, so that a crash leaves a whole older
version; each can be taken back, and what both versions have survives that.

    >>> database = open_sqlite(path)   # runs what is missing
"""
