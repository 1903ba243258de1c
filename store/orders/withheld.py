"""Held pictures of an order that its member deletes: nobody will see them, so they cost nothing."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import PictureWithheld
from store.money import ledger
from store.money.ledger import Flow
from store.tables.orders import Generation, Image, Review


def drop(session: Session, generation: Generation) -> None:
    """Take the held pictures out of a locked order, with their price back where it was settled.

    In an order that is open still they are refunded with the rest when it ends.
    """
    held = select(Image).where(Image.generation_id == generation.id, Image.held_sha256.is_not(None))
    fresh = held.execution_options(populate_existing=True)
    for image in session.scalars(fresh).all():
        image.held_sha256, image.review = None, Review.REFUSED
        image.status = "failed"
        image.error = {"code": PictureWithheld.code, "params": {}}
        price = generation.price // len(generation.request["seeds"])
        if price and generation.status != "open":
            flow = Flow(generation.guild_id, generation.user_id)
            reference = f"{generation.id}-{image.index}"
            ledger.give_back(session, flow, generation.id, price, reference)
    session.flush()
