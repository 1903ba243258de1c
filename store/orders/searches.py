"""What a member has ordered before, and what they look for in it, as conditions on rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select, tuple_
from sqlalchemy.orm import Session, selectinload

from store.money.ledger import Flow
from store.tables.money import Account
from store.tables.orders import Generation, Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Words that the prompt contains, all of them; a variant; favourites alone."""

    words: str = ""
    variant: str = ""
    starred: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything is looked for."""
        return bool(self.words or self.variant or self.starred)

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield what an order's row must meet."""
        prompt = Generation.request["prompt"].as_string()
        for word in self.words.split():
            yield prompt.icontains(word, autoescape=True)
        if self.variant:
            yield Generation.variant == self.variant
        if self.starred:
            # Asked of each order: a list would be made of all members' favourites.
            one = exists().where(Image.generation_id == Generation.id, Image.starred.is_(True))
            yield or_(Generation.starred.is_(True), one)


EVERYTHING = Search()


def of_member(user_id: int) -> tuple[ColumnElement[bool], ...]:
    """Return what the orders of a member in all servers meet: an index has them by server."""
    servers = select(Account.guild_id).where(Account.user_id == user_id)
    return Generation.guild_id.in_(servers), Generation.user_id == user_id


def history(
    session: Session,
    flow: Flow,
    wanted: Search = EVERYTHING,
    *,
    offset: int,
    limit: int,
) -> Sequence[Generation]:
    """Return a member's orders with pictures in one server that fit a search, newest first."""
    return session.scalars(
        select(Generation)
        .where(
            Generation.guild_id == flow.guild_id,
            Generation.user_id == flow.user_id,
            Generation.status == "done",
            Generation.deleted_at.is_(None),
            *wanted.conditions(),
        )
        .order_by(Generation.created_at.desc(), Generation.id)
        .offset(offset)
        .limit(limit)
        .options(selectinload(Generation.images))
    ).all()


def prompts_before(session: Session, generation: Generation, *, limit: int) -> Sequence[str]:
    """Return what the same variant drew for the member before this order ended, newest first."""
    ended = tuple_(Generation.finished_at, Generation.id)
    requests = session.scalars(
        select(Generation.request)
        .where(
            Generation.guild_id == generation.guild_id,
            Generation.user_id == generation.user_id,
            Generation.variant == generation.variant,
            Generation.status == "done",
            # The order of their ends: of several that run at once, exactly one is the first.
            ended < tuple_(generation.finished_at, generation.id),
        )
        .order_by(Generation.created_at.desc(), Generation.id)
        .limit(limit)
    )
    return [request["prompt"] for request in requests]
