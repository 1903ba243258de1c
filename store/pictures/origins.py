"""Where a picture comes from: found by its pixels, or by the number that its file tells."""

import re
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from store.tables.orders import Generation, Image

NUMBER = re.compile(r"([0-9a-z]{10})-([1-9][0-9]?)")
LOOKED_AT = 20
"""Pictures of the same pixels: "again" makes more of them, and any of them tells the same."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and in which server: told in full is what they could see by other ways too."""

    guild_id: int
    user_id: int

    def sees(self, generation: Generation) -> bool:
        """Tell whether an order is the member's, or of the server they are in."""
        is_here = bool(self.guild_id) and generation.guild_id == self.guild_id
        return is_here or generation.user_id == self.user_id


@dataclass(frozen=True, slots=True)
class Origin:
    """The order and the picture (0-based) that something is; its pixels are `exact` or not."""

    generation: Generation
    index: int
    exact: bool


def find(session: Session, pixels: str | None, number: str, viewer: Viewer) -> Origin | None:
    """Return the picture of these pixels, else the one of that number; one that is seen first."""
    if pixels:
        same = _orders().where(Image.pixel_sha256 == pixels)
        rows = session.execute(same.order_by(Generation.created_at.desc()).limit(LOOKED_AT))
        if found := [Origin(generation, index, exact=True) for generation, index in rows]:
            return next((one for one in found if viewer.sees(one.generation)), found[0])
    if (match := NUMBER.fullmatch(number)) is None:
        return None
    named = _orders().where(Image.generation_id == match[1], Image.index == int(match[2]) - 1)
    row = session.execute(named).first()
    return Origin(row[0], row[1], exact=False) if row else None


def _orders() -> Select[Generation, int]:
    return select(Generation, Image.index).join(Image).where(Generation.deleted_at.is_(None))
