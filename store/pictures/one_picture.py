"""What a member does with one picture of an order: favour it, delete it, keep it at hand.

Pictures are counted from 1. A deleted one keeps its row and recipe, so that it can be drawn again.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.choices import members
from store.errors import Gone, NotYours
from store.moderation import audit
from store.orders import generations
from store.orders.generations import Ward
from store.tables.orders import Generation, Image

MOST_AT_HAND = 10
"""As many as any variant looks at."""


def star(session: Session, generation_id: str, nth: int, user_id: int) -> bool:
    """Make a picture a favourite of who ordered it, or one no longer; return which it is now.

    Raises Gone or NotYours.
    """
    generation, image = _owned(session, generation_id, nth, user_id)
    image.starred = not image.starred
    if len(generation.images) == 1:
        generation.starred = image.starred
    session.flush()
    return image.starred


def remove(
    session: Session,
    generation_id: str,
    nth: int,
    user_id: int,
    *,
    moderator: bool,
    here: Ward | None = None,
) -> tuple[Generation, str | None]:
    """Take a picture out of its order; return the order, and the file that nothing names any more.

    Moderators as in `generations.cancel`. Raises Gone or NotYours.
    """
    asked = generations.get(session, generation_id)
    keeps_order = moderator and (here is None or here.holds(asked))
    generation, image = _owned(session, generation_id, nth, user_id, moderator=keeps_order)
    if generation.user_id != user_id:
        audit.record(
            session,
            generation.guild_id,
            user_id,
            "delete",
            target_id=generation.user_id,
            generation_id=generation_id,
            details={"picture": nth},
        )
    digest, image.file_sha256 = image.file_sha256, None
    named = {one.file_sha256 for one in generation.images}
    named |= {generation.request.get("canvas"), generation.request.get("mask")}
    named |= set(generation.request.get("references") or ())
    session.flush()
    return generation, None if digest in named else digest


def at_hand(session: Session, user_id: int) -> Sequence[str]:
    """Return the numbers of the pictures that a member has at hand, the oldest first.

    One that has been deleted is at hand no longer.
    """
    member = members.found(session, user_id)
    numbers = tuple(member.at_hand or ()) if member else ()
    there = (
        select(Image.generation_id, Image.index)
        .join(Generation)
        .where(
            Image.generation_id.in_([one.partition("-")[0] for one in numbers]),
            Image.file_sha256.is_not(None),
            Generation.deleted_at.is_(None),
        )
    )
    found = {f"{order_id}-{index + 1}" for order_id, index in session.execute(there)}
    return tuple(one for one in numbers if (one if "-" in one else f"{one}-1") in found)


def take(session: Session, user_id: int, number: str) -> Sequence[str]:
    """Take a picture to hand, or lay it down where it is there; return what then is at hand.

    Where there are too many, the oldest goes.
    """
    member = members.lock(session, user_id)
    kept = [one for one in member.at_hand or () if one != number]
    if len(kept) == len(member.at_hand or ()):
        kept = [*kept, number][-MOST_AT_HAND:]
    member.at_hand = kept or None
    session.flush()
    return tuple(kept)


def lay_down(session: Session, user_id: int) -> None:
    """Lay down all that a member has at hand."""
    members.lock(session, user_id).at_hand = None
    session.flush()


def _owned(
    session: Session, generation_id: str, nth: int, user_id: int, *, moderator: bool = False
) -> tuple[Generation, Image]:
    generation = generations.get(session, generation_id)
    if generation.user_id != user_id and not moderator:
        raise NotYours
    chosen = select(Image).where(Image.generation_id == generation_id, Image.index == nth - 1)
    image = session.scalar(chosen.with_for_update().execution_options(populate_existing=True))
    if image is None or image.file_sha256 is None:
        raise Gone(id=generation_id)
    return generation, image
