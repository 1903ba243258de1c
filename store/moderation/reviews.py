"""Pictures that the output check held: shown, hidden or refused by a moderator, once.

A refused one is refunded like one that failed; where its order has been settled by then, its price
comes back as lasting credits. One that nobody looks at in time is refused.
"""

from contextlib import suppress
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Overdue:
    """A picture that nobody has looked at in time, and its file in the order's folder."""

    generation_id: str
    index: int
    sha256: str


def decide(
    session: Session, generation_id: str, index: int, review: Review, *, by: int
) -> str | None:
    """Decide on a held picture; return the file that is to be removed, if any.

    Raises Gone, or ReviewDone where somebody else has decided.
    """
    generation, image = _held(session, generation_id, index)
    if generation.deleted_at is not None:
        raise ReviewDone
    return _decided(session, generation, image, review, by)


def channel(session: Session, guild_id: int) -> int | None:
    """Return where a server's moderators are told what waits for them, if anywhere."""
    server = session.get(Server, guild_id)
    return server.reports_channel_id if server else None


def overdue(session: Session) -> tuple[Overdue, ...]:
    """Return what has waited too long, until `refuse` was said of it."""
    waiting = (
        select(Image.generation_id, Image.index, Image.held_sha256)
        .where(Image.held_sha256.is_not(None), Image.finished_at < now_ms() - PATIENCE_MS)
        .limit(MOST)
    )
    rows = session.execute(waiting).all()
    return tuple(Overdue(order, index, held) for order, index, held in rows if held)


def refuse(session: Session, late: Overdue) -> None:
    """Refuse what nobody has looked at in time, after its file was removed."""
    with suppress(ReviewDone):
        generation, image = _held(session, late.generation_id, late.index)
        _decided(session, generation, image, Review.REFUSED, audit.HOST)


def _held(session: Session, generation_id: str, index: int) -> tuple[Generation, Image]:
    """Return a held picture and its locked order. Raises Gone or ReviewDone."""
    generation = generations.lock(session, generation_id)
    image = session.get(Image, (generation_id, index), populate_existing=True)
    if image is None or image.held_sha256 is None:
        raise ReviewDone
    return generation, image


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
