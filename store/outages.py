"""What is away is logged once: why, when it goes, and that it is back, when it returns.

Knows no store; whoever uses one tells of it.
"""

import re
from threading import Lock

import structlog

LONGEST = 200
BACKGROUND = "(Background on this error at:"
"""What SQLAlchemy puts behind what it says."""

log = structlog.get_logger()


class Outages:
    """Remembers what is away; several threads may tell of the same thing."""

    def __init__(self) -> None:
        self._away: set[str] = set()
        self._lock = Lock()

    def began(self, what: str, error: BaseException) -> None:
        """Note that something cannot be used, and why."""
        with self._lock:
            is_new = what not in self._away
            self._away.add(what)
        if is_new:
            log.warning("unavailable", what=what, error=reason(error))

    def ended(self, what: str) -> None:
        """Note that something can be used."""
        if what not in self._away:  # as nearly always
            return
        with self._lock:
            was_away = what in self._away
            self._away.discard(what)
        if was_away:
            log.warning("available again", what=what)


def reason(error: BaseException) -> str:
    """Return the last of what a store, a driver or the system said; of an S3's answer its code.

    No key and no password is in it.
    """
    cause = error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    if isinstance(cause, ValueError):  # it may hold an address
        return type(cause).__name__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    said = str(cause).partition("\n\nDebug source")[0].partition(BACKGROUND)[0].strip()
    if code := re.search(r"<Code>(\w+)</Code>", said):
        return code[1]
    first = (said.splitlines() or [""])[0]
    return first.rpartition(": ")[2][:LONGEST] or type(cause).__name__
