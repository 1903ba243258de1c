"""Folders of trainings that have ended and been told of: found until their files are gone."""

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.tables.trainings import Training

MOST = 100


def trained(session: Session) -> tuple[str, ...]:
    """Return the LoRAs' ids of trainings whose pictures and checkpoints may still be there."""
    told = Training.told_at.is_not(None), Training.purged_at.is_(None)
    return tuple(session.scalars(select(Training.lora_id).where(*told).limit(MOST)))


def purged(session: Session, lora_ids: Collection[str]) -> None:
    """Record that the folders of these trainings are empty."""
    session.execute(
        update(Training).where(Training.lora_id.in_(lora_ids)).values(purged_at=now_ms())
    )
