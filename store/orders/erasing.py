"""What is left of orders that are gone, and when they go: prompts, tokens, a server's retention."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, selectinload

from store.clock import now_ms
from store.tables.loras import LoraFetch
from store.tables.orders import Generation
from store.tables.servers import Server
from store.tables.trainings import Training

DAY_MS = 86_400_000
TOKEN_MS = 20 * 60_000
"""Discord's tokens live 15 minutes; our clock may be another's."""
MOST = 100
"""Orders that one sweep lets go at the most: its transaction must stay short."""
WORDS = ("prompt", "negative")


def sweep(session: Session) -> None:
    """Empty what tokens have died, and delete what servers keep no longer."""
    for kind in (Generation, Training, LoraFetch):
        _empty_tokens(session, kind)
    limits = select(Server.guild_id, Server.retention_days).where(Server.retention_days > 0)
    for guild_id, days in session.execute(limits).all():
        _retire(session, guild_id, days or 0)


def erase(session: Session, generation_ids: Collection[str]) -> None:
    """Take the words out of orders, and out of the recipes of their pictures."""
    orders = select(Generation).where(Generation.id.in_(generation_ids))
    for generation in session.scalars(orders.options(selectinload(Generation.images))).all():
        generation.request = _wordless(generation.request)
        generation.remarks = generation.error = None
        generation.token = ""
        for image in generation.images:
            if image.recipe:
                request = _wordless(image.recipe.get("request", {}))
                image.recipe = {**image.recipe, "request": request}
    session.flush()


def _empty_tokens(session: Session, kind: type[Any]) -> None:
    old = (kind.token != "", kind.token_at < now_ms() - TOKEN_MS)
    found = select(kind).where(*old).limit(MOST).with_for_update(skip_locked=True)
    for row in session.scalars(found).all():
        row.token = ""
    session.flush()


def _wordless(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, **{name: "" for name in WORDS if name in request}}


def _retire(session: Session, guild_id: int, days: int) -> None:
    old: tuple[ColumnElement[bool], ...] = (
        Generation.guild_id == guild_id,
        Generation.finished_at < now_ms() - days * DAY_MS,
        Generation.deleted_at.is_(None),
    )
    found = select(Generation.id).where(*old).limit(MOST).with_for_update(skip_locked=True)
    ids = session.scalars(found).all()
    if ids:
        gone = update(Generation).where(Generation.id.in_(ids)).values(deleted_at=now_ms())
        session.execute(gone.execution_options(synchronize_session=False))
