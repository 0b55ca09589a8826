"""A bell that PostgreSQL rings when a leader has committed (LISTEN and NOTIFY).

Invariant: it only wakes. What has changed is read from the tables; a ring that is lost costs whoever waits no
more than the time that he was going to wait.

    >>> bell = Bell(url)
    >>> bell.wait(1.0)
    True
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from entente.kernel.errors import StoreError
from entente.store.sql_postgres import CHANNEL, connect


class Bell:
    """A session that listens. One thread waits; `stop` may be called from any."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._stopping = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it rings, or for so long; say whether it rang. It never raises."""
        import psycopg  # noqa: PLC0415 - see `sql_postgres`

        try:
            if self._connection is None:
                self._connection = connect(self._url, autocommit=True)
                self._connection.execute(f"LISTEN {CHANNEL}")
                # What rang before we listened is unknown: look at once.
                return True
            return any(True for _ in self._connection.notifies(timeout=timeout_s, stop_after=1))
        except (StoreError, psycopg.Error):
            self.close()
            self._stopping.wait(timeout_s)
            return False

    def stop(self) -> None:
        """Have a wait without a server end now."""
        self._stopping.set()

    def close(self) -> None:
        """End the session; harmless when repeated."""
        import psycopg  # noqa: PLC0415 - see `sql_postgres`

        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()
