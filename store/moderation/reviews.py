"""Pictures that the output check held: shown, hidden or refused by a moderator, once.

A refused one is refunded like one that failed; where its order has been settled by then, its price
comes back as lasting credits. One that nobody looks at in time is refused.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import PictureWithheld
from store.clock import now_ms
from store.line import endings
from store.moderation import audit
from store.moderation.errors import ReviewDone
from store.money import ledger
from store.orders import deliveries, generations
from store.tables.orders import Generation, Image, Review
from store.tables.servers import Server

PATIENCE_MS = 3 * 86_400_000
"""How long a picture waits for a moderator."""
MOST = 20


def decide(
    session: Session, generation_id: str, index: int, review: Review, *, by: int
) -> str | None:
    """Decide on a held picture; return the file that is to be removed, if any.

    Raises Gone, or ReviewDone where somebody else has decided.
    """
    generation = generations.lock(session, generation_id)
    image = session.get(Image, (generation_id, index), populate_existing=True)
    if image is None or image.held_sha256 is None or generation.deleted_at is not None:
        raise ReviewDone
    return _decided(session, generation, image, review, by)


def channel(session: Session, guild_id: int) -> int | None:
    """Return where a server's moderators are told what waits for them, if anywhere."""
    server = session.get(Server, guild_id)
    return server.reports_channel_id if server else None


def refuse_overdue(session: Session) -> list[tuple[str, str]]:
    """Refuse what has waited too long; return the files to remove, each with its order."""
    waiting = (
        select(Image.generation_id, Image.index)
        .where(Image.held_sha256.is_not(None), Image.finished_at < now_ms() - PATIENCE_MS)
        .limit(MOST)
    )
    dropped = []
    for generation_id, index in session.execute(waiting).all():
        generation = generations.lock_if_free(session, generation_id)
        image = session.get(Image, (generation_id, index), populate_existing=True)
        if generation and image and image.held_sha256:
            held = _decided(session, generation, image, Review.REFUSED, audit.HOST)
            dropped += [(generation_id, held)] if held else []
    return dropped


def _decided(
    session: Session, generation: Generation, image: Image, review: Review, by: int
) -> str | None:
    held, image.held_sha256, image.review = image.held_sha256, None, review
    if review is Review.REFUSED:
        _refuse(session, generation, image)
    else:
        image.file_sha256 = held
    deliveries.again(session, generation)
    audit.record(
        session,
        generation.guild_id,
        by,
        f"review.{review}",
        target_id=generation.user_id,
        generation_id=generation.id,
        details={"picture": image.index + 1},
    )
    return held if review is Review.REFUSED else None


def _refuse(session: Session, generation: Generation, image: Image) -> None:
    image.status, image.error = "failed", endings.as_json(PictureWithheld())
    session.flush()
    if generation.status == "open":
        return  # refunded with the rest when the order ends
    states = session.scalars(select(Image.status).where(Image.generation_id == generation.id))
    generation.error = generation.error or image.error
    generation.status = "done" if "done" in set(states) else "failed"
    count = len(generation.request["seeds"])
    if price := generation.price // count:
        reference = f"refused:{generation.id}-{image.index}"
        ledger.grant(session, generations.flow_of(generation), price, reference)
