"""Files of LoRAs that nobody needs any more: found, and given up one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Text, cast, delete, exists, select, update
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.loras import library
from store.tables.loras import Lora, LoraFile
from store.tables.orders import Generation

RECENT_MS = 3600_000
"""What was removed a moment ago may still be on its way into an order."""
REFUSED_MS = 7 * 24 * 3600_000
"""How long a list shows what was refused, and why."""
MOST = 50


@dataclass(frozen=True, slots=True)
class Unneeded:
    """Files to remove: a canonical one, and a picture in the LoRA's own folder."""

    sha256: str | None
    preview: str | None


def removed(session: Session, *, recent_ms: int = RECENT_MS) -> Sequence[str]:
    """Return the ids of LoRAs that were removed a while ago and still have files."""
    gone = Lora.deleted_at < now_ms() - recent_ms, Lora.purged_at.is_(None)
    return session.scalars(select(Lora.id).where(*gone).limit(MOST)).all()


def give_up(session: Session, lora_id: str) -> Unneeded | None:
    """Return what of a removed LoRA is to be removed before this transaction ends.

    None where an order that is open needs its file. The file's row is locked meanwhile, so that an
    equal one that is just being kept waits, and is put there again.
    """
    lora = session.get_one(Lora, lora_id, populate_existing=True)
    needed = False
    if lora.sha256 is not None:
        library.lock_file(session, lora.sha256, lora.nbytes)
        if _ordered(session, lora.sha256):
            return None
        needed = _kept(session, lora)
        if not needed:
            session.execute(delete(LoraFile).where(LoraFile.sha256 == lora.sha256))
    session.execute(update(Lora).where(Lora.id == lora_id).values(purged_at=now_ms()))
    return Unneeded(None if needed else lora.sha256, lora.preview)


def gone(session: Session, sha256s: Sequence[str]) -> set[str]:
    """Return which of these files only removed LoRAs have."""
    known = select(Lora.sha256, Lora.deleted_at).where(Lora.sha256.in_(list(sha256s)))
    rows = session.execute(known).all()
    return {sha256 for sha256, _ in rows if sha256} - {
        sha256 for sha256, deleted_at in rows if sha256 and deleted_at is None
    }


def forget_refused(session: Session, *, after_ms: int = REFUSED_MS) -> None:
    """Take what was refused long ago out of the lists."""
    session.execute(
        update(Lora)
        .where(
            Lora.status == "refused",
            Lora.deleted_at.is_(None),
            Lora.created_at < now_ms() - after_ms,
        )
        .values(deleted_at=now_ms())
        .execution_options(synchronize_session=False)
    )


def _kept(session: Session, lora: Lora) -> bool:
    other = exists().where(Lora.sha256 == lora.sha256, Lora.id != lora.id, Lora.purged_at.is_(None))
    return bool(session.scalar(select(other)))


def _ordered(session: Session, sha256: str) -> bool:
    asked = cast(Generation.request, Text).contains(sha256, autoescape=True)
    return bool(session.scalar(select(exists().where(Generation.status == "open", asked))))
