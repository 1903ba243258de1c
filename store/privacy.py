"""What is known of a member, to hand out or to forget. Every column that names people stands here.

Forgetting puts a number in the member's place that stands for nobody, so that sums and counts stay
true. What must outlast it: sanctions, and the log that a law asks for (see docs/privacy.md).
"""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Table, case, delete, func, select, update
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.errors import StillDrawing
from store.loras import library
from store.money.ledger import KEPT
from store.orders import generations, searches
from store.tables.every import METADATA
from store.tables.loras import Lora
from store.tables.money import LedgerEntry, MoneyEntry
from store.tables.orders import Generation
from store.tables.showcase import Exhibit
from store.tables.trainings import Training
from store.training import trainings

MOST_MESSAGES = 100
DAY = 86_400_000
"""In milliseconds."""
NAMES = ("user_id", "owner_id", "by_id", "actor_id", "target_id", "closed_by")
HIDDEN = {"token"}


class Fate(StrEnum):
    """What forgetting does to a row that names the member."""

    UNNAME = "unname"
    ERASE = "erase"
    STAY = "stay"


TRACES: Mapping[str, Mapping[str, Fate]] = {
    "accounts": {"user_id": Fate.UNNAME},
    "audit": {"actor_id": Fate.UNNAME, "target_id": Fate.UNNAME},
    "bans": {"user_id": Fate.STAY, "by_id": Fate.UNNAME},
    "broadcasts": {"by_id": Fate.UNNAME},
    "cases": {"closed_by": Fate.UNNAME},
    "generations": {"user_id": Fate.UNNAME},
    "handouts": {"user_id": Fate.STAY},
    "hearts": {"user_id": Fate.ERASE},
    "lanes": {"user_id": Fate.UNNAME},
    "ledger": {"user_id": Fate.UNNAME, "by_id": Fate.UNNAME},
    "lora_favourites": {"user_id": Fate.ERASE},
    "lora_trainings": {"user_id": Fate.UNNAME},
    "loras": {"owner_id": Fate.UNNAME},
    "members": {"user_id": Fate.ERASE},
    "money": {"user_id": Fate.UNNAME},
    "presets": {"user_id": Fate.ERASE, "by_id": Fate.UNNAME},
    "prompt_rules": {"by_id": Fate.UNNAME},
    "reports": {"user_id": Fate.UNNAME},
    "sanctions": {"user_id": Fate.STAY, "by_id": Fate.UNNAME},
    "shy": {"user_id": Fate.ERASE},
}
"""By table and column; a test holds it to the tables."""
OWN = ("user_id", "owner_id")
"""The columns that make a row the member's own, to be handed out."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is left to do outside SQL: messages to delete, folders of files to remove."""

    messages: tuple[tuple[int, int], ...]
    folders: tuple[str, ...]


def collected(session: Session, user_id: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each table's rows about a member, and their pictures; no secret of Discord's."""
    for name, columns in TRACES.items():
        own = [one for one in OWN if one in columns]
        if own:
            table = METADATA.tables[name]
            yield name, _rows(session, table, table.c[own[0]] == user_id)
    mine = select(Generation.id).where(Generation.user_id == user_id)
    images = METADATA.tables["images"]
    yield "images", _rows(session, images, images.c.generation_id.in_(mine))
    my_loras = select(Lora.id).where(Lora.owner_id == user_id)
    shares = METADATA.tables["lora_shares"]
    yield "lora_shares", _rows(session, shares, shares.c.lora_id.in_(my_loras))


def begin(session: Session, user_id: int) -> None:
    """End what is open of a member's: waiting pictures at once, others at their next step."""
    is_open = (Generation.user_id == user_id, Generation.status == "open")
    for order in session.scalars(select(Generation.id).where(*is_open)).all():
        generations.cancel(session, order, user_id, moderator=False)
    while (training := trainings.open_of(session, user_id)) is not None:
        if training.cancel_requested or not trainings.cancel(session, training.lora_id):
            break


def finish(session: Session, user_id: int) -> Forgotten:
    """Forget a member. Raises StillDrawing while something of theirs is at work."""
    is_open = (Generation.user_id == user_id, Generation.status == "open")
    if session.scalar(select(Generation.id).where(*is_open).limit(1)):
        raise StillDrawing
    if trainings.open_of(session, user_id) is not None:
        raise StillDrawing
    left = Forgotten(_messages(session, user_id), tuple(_folders(session, user_id)))
    nobody = -1 - secrets.randbits(62)
    spent = [*_spent_lately(session, user_id), *_taken_lately(session, user_id, nobody)]
    _delete_orders(session, user_id)
    for name, columns in TRACES.items():
        for column, fate in columns.items():
            _unname(session, METADATA.tables[name], column, fate, user_id, nobody)
    session.add_all(spent)
    session.flush()
    return left


def _rows(session: Session, table: Table, mine: Any) -> list[dict[str, Any]]:
    shown = [column for column in table.columns if column.name not in HIDDEN]
    found = session.execute(select(*shown).where(mine)).mappings()
    return [dict(row) for row in found]


def _delete_orders(session: Session, user_id: int) -> None:
    """Let the sweeper take their files and their words, and empty what it does not look at."""
    mine = searches.of_member(user_id)
    hidden = update(Generation).where(*mine, Generation.deleted_at.is_(None))
    emptied = update(Generation).where(*mine)
    for change in (
        hidden.values(deleted_at=now_ms()),
        emptied.values(token="", remarks=None, error=None, message_id=None),
    ):
        session.execute(change.execution_options(synchronize_session=False))
    for lora in library.owned(session, user_id):
        library.remove(session, lora)
    kept, learnt = Lora, Training
    session.execute(
        update(kept)
        .where(kept.owner_id == user_id)
        .values(name="", key=kept.id, triggers="", licence="")
    )
    # Nobody is told of its end any more, and its folder is emptied for good.
    words: dict[str, Any] = {"prompts": {}, "examples": {}, "samples": None, "token": ""}
    told = {"told_at": func.coalesce(learnt.told_at, now_ms()), "purged_at": None}
    session.execute(update(learnt).where(learnt.user_id == user_id).values(**words, **told))


def _unname(
    session: Session, table: Table, column: str, fate: Fate, user_id: int, nobody: int
) -> None:
    mine = table.c[column] == user_id
    if fate is Fate.ERASE:
        session.execute(delete(table).where(mine))
    elif fate is Fate.UNNAME:
        session.execute(update(table).where(mine).values({column: nobody}))


def _messages(session: Session, user_id: int) -> tuple[tuple[int, int], ...]:
    """Return where the newest orders are shown, and all that hangs in a showcase or was trained."""
    mine = (*searches.of_member(user_id), Generation.message_id.is_not(None))
    shown = (
        select(Generation.channel_id, Generation.message_id)
        .where(*mine, Generation.deleted_at.is_(None))
        .order_by(Generation.created_at.desc())
        .limit(MOST_MESSAGES)
    )
    hung = (
        select(Exhibit.channel_id, Exhibit.message_id)
        .join(Generation, Generation.id == Exhibit.generation_id)
        .where(*searches.of_member(user_id), Exhibit.message_id > 0)
    )
    learnt = select(Training.channel_id, Training.message_id).where(
        Training.user_id == user_id, Training.message_id.is_not(None)
    )
    found = [row for rows in (hung, learnt, shown) for row in session.execute(rows).all()]
    return tuple((channel_id, message_id or 0) for channel_id, message_id in found)


def _folders(session: Session, user_id: int) -> Iterator[str]:
    kept, learnt = Lora, Training
    for lora_id in session.scalars(select(kept.id).where(kept.owner_id == user_id)):
        yield library.folder(lora_id)
    for lora_id in session.scalars(select(learnt.lora_id).where(learnt.user_id == user_id)):
        yield trainings.folder(lora_id)


def _spent_lately(session: Session, user_id: int) -> list[LedgerEntry]:
    """Return what must stay known of today, so that forgetting gives no credits a second time.

    Sums without orders: what was given and what is left of each day's purse, and that there was a
    check-in. Days that are over are worth nothing, whoever they are of.
    """
    entry = LedgerEntry
    given = case((entry.kind == "grant", entry.amount), else_=0)
    days = (
        select(entry.guild_id, entry.purse, func.sum(given), func.sum(entry.amount))
        .where(entry.user_id == user_id, entry.purse != KEPT, entry.created_at > now_ms() - 2 * DAY)
        .group_by(entry.guild_id, entry.purse)
    )
    made = []
    for guild_id, purse, granted, left in session.execute(days).all():
        at = {"guild_id": guild_id, "user_id": user_id, "purse": purse}
        reference = f"forgotten:{secrets.token_hex(8)}"
        made.append(entry(**at, kind="grant", amount=int(granted), reference=reference))
        made.append(entry(**at, kind="settle", amount=int(left - granted), reference=reference))
    once = select(entry.guild_id, entry.reference).where(
        entry.user_id == user_id,
        entry.reference.startswith("checkin:"),
        entry.created_at > now_ms() - 2 * DAY,
        entry.purse == KEPT,
    )
    for guild_id, reference in session.execute(once).all():
        at = {"guild_id": guild_id, "user_id": user_id, "purse": KEPT}
        made.append(entry(**at, kind="grant", amount=0, reference=reference))
    return made


def _taken_lately(session: Session, user_id: int, nobody: int) -> list[MoneyEntry]:
    """Return what must stay known of money, so that forgetting gives no share of it a second time.

    A pair for each day, which takes nothing from the server's budget once more.
    """
    entry = MoneyEntry
    # Added up here: for sums SQLite would read all entries there ever were, by server and day.
    lately = select(entry.guild_id, entry.day, entry.micros).where(
        entry.user_id == user_id, entry.created_at > now_ms() - 2 * DAY
    )
    days: Counter[tuple[int, str]] = Counter()
    for guild_id, day, micros in session.execute(lately):
        days[guild_id, day] += micros
    made = []
    for (guild_id, day), micros in days.items():
        at = {"guild_id": guild_id, "day": day, "kind": "correct"}
        made.append(entry(**at, user_id=user_id, micros=micros))
        made.append(entry(**at, user_id=nobody, micros=-micros))
    return made
