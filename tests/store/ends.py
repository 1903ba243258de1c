"""One claim's end in a transaction of its own."""

from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from engine.errors import RerollError
from store.line import endings
from store.line.claims import Claim
from store.line.endings import Kept


def keep(session: Session, claim: Claim, kept: Kept) -> bool:
    """Record its picture; return True if the order is finished with it."""
    return _end(session, endings.keep, claim=claim, kept=kept)


def fail(session: Session, claim: Claim, error: RerollError) -> bool:
    """Record its failure; return as `keep`."""
    return _end(session, endings.fail, claim=claim, error=error)


def cancelled(session: Session, claim: Claim) -> bool:
    """Record that it was stopped; return as `keep`."""
    return _end(session, endings.cancelled, claim=claim)


def release(session: Session, claim: Claim) -> bool:
    """Hand its image back; return as `keep`."""
    return _end(session, endings.release, claim=claim)


def retry(session: Session, claim: Claim, error: RerollError) -> bool:
    """Queue its image again; return as `keep`."""
    return _end(session, endings.retry, claim=claim, error=error)


def _end(session: Session, ending: Any, *, claim: Claim, **given: Any) -> bool:
    return endings.end(session, claim.generation_id, [partial(ending, claim=claim, **given)])
