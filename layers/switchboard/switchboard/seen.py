"""Which messages a campaign has had: digests in a database that is gone with the process, so that memory stays flat."""

import sqlite3
from collections.abc import Mapping

_CACHE = 8 * 1024  # KiB that are held in memory; the rest lies in a temporary file that has no name


class Seen:
    """Digests, each with the number of the row that had it first."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, row INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, digest: bytes, row: int) -> int:
        """The row that had this digest first, which may be this one."""
        added = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, row))
        if added.rowcount:
            return row
        return int(self._database.execute("SELECT row FROM seen WHERE digest = ?", (digest,)).fetchone()[0])

    def load(self, digests: Mapping[int, bytes]) -> None:
        """What earlier workers had, by row."""
        rows = ((digest, row) for row, digest in digests.items())
        self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", rows)

    def close(self) -> None:
        """Forget them all."""
        self._database.close()
