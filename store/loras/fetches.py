"""Files of LoRAs to bring in: waiting, in a worker's hands by lease and fence, then to be told of.

A fetch goes with its LoRA's row and is gone once its member was told; whatever dies meanwhile, the
next process goes on with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from engine.errors import RerollError
from store import clock
from store.choices import members
from store.clock import now_ms
from store.errors import LeaseLost, StoreRefused
from store.loras import library
from store.loras.errors import LoraFetchGivenUp, LorasTooLarge, LoraTwin
from store.loras.library import Kept
from store.tables.loras import Lora, LoraFetch, LoraFile

LEASE_MS = 60_000
"""Longer than an image's: nothing beats while a large file is converted."""
PUT_OFF_MS = 30 * 60_000
"""The longest wait of one whose next try brings the file. A worker that starts looks at once."""
MOST_ATTEMPTS = 3
MOST_TELLINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to bring in, and the interaction that asked for it; `token` is Discord's.

    `most_bytes` are what the member's plan leaves for it.
    """

    lora_id: str
    url: str = field(repr=False)
    bases: tuple[str, ...]
    most_bytes: int
    application_id: int
    channel_id: int
    message_id: int | None
    token: str = field(repr=False)
    token_at: int
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A fetch in a worker's hands; `fence` goes with every write."""

    lora_id: str
    url: str = field(repr=False)
    bases: tuple[str, ...]
    most_bytes: int
    fence: int


def want(session: Session, wanted: Wanted) -> None:
    """Queue a fetch."""
    values = {name: getattr(wanted, name) for name in Wanted.__slots__}
    session.add(LoraFetch(**{**values, "bases": {"names": list(wanted.bases)}}))
    session.flush()


def claim(session: Session, worker: str, *, lease_ms: int = LEASE_MS) -> Held | None:
    """Take the oldest fetch that nobody holds; None where there is none.

    One whose workers died too often is given up instead.
    """
    while found := _free(session):
        if found.attempts >= MOST_ATTEMPTS:
            _finish(session, found, LoraFetchGivenUp())
            continue
        found.worker, found.lease_until = worker, now_ms() + lease_ms
        found.fence += 1
        found.attempts += 1
        session.flush()
        return Held(
            lora_id=found.lora_id,
            url=found.url,
            bases=tuple(found.bases["names"]),
            most_bytes=found.most_bytes,
            fence=found.fence,
        )
    return None


def beat(
    session: Session, held: Held, got: int, of: int | None, *, lease_ms: int = LEASE_MS
) -> bool:
    """Prolong the lease and say how far it is; False where the LoRA was removed meanwhile.

    Raises LeaseLost.
    """
    _write(session, held, lease_until=now_ms() + lease_ms, got_bytes=got, all_bytes=of)
    deleted = select(Lora.deleted_at).where(Lora.id == held.lora_id)
    return session.scalar(deleted) is None


def keep(session: Session, held: Held, kept: Kept) -> None:
    """Record the file, as `loras.ready` does.

    One that its owner has already is refused, or that others which came meanwhile leave no room
    for. Raises LeaseLost.
    """
    _write(session, held, finished_at=now_ms(), lease_until=None)
    refused: StoreRefused | None = None
    if twin := _twin(session, held.lora_id, kept.sha256):
        refused = LoraTwin(value=twin)
    else:
        refused = _too_large(session, held, kept)
    if refused:
        library.refuse(session, held.lora_id, refused)
    else:
        library.ready(session, held.lora_id, kept)


def fail(session: Session, held: Held, error: RerollError) -> None:
    """Record why there is no file. Raises LeaseLost."""
    _write(session, held, finished_at=now_ms(), lease_until=None)
    library.refuse(session, held.lora_id, error)


def release(session: Session, held: Held) -> None:
    """Hand a fetch back unharmed, as a worker that shuts down does. Raises LeaseLost."""
    _write(session, held, lease_until=None, worker=None, attempts=LoraFetch.attempts - 1)


def retry(session: Session, held: Held) -> None:
    """Hand a fetch back to be tried again, which spends an attempt. Raises LeaseLost."""
    _write(session, held, lease_until=None)


def put_off(session: Session, held: Held, *, costs: bool) -> None:
    """Leave a fetch alone for a while, which spends no attempt. Raises LeaseLost.

    Where the next try `costs` a file that is brought over the network for nothing, it is made when
    the fetch is twice as old, within bounds; one that only looks is made soon.
    """
    now = clock.now(session)
    begun = select(LoraFetch.created_at).where(LoraFetch.lora_id == held.lora_id)
    age_ms = now - (session.scalar(begun) or now) if costs else 0
    wait_ms = min(max(LEASE_MS, age_ms), PUT_OFF_MS)
    _write(session, held, lease_until=now + wait_ms, attempts=LoraFetch.attempts - 1)


def reclaim(session: Session, worker: str) -> None:
    """Take back what `worker`'s former life held."""
    session.execute(
        update(LoraFetch)
        .where(LoraFetch.worker == worker, LoraFetch.finished_at.is_(None))
        .values(lease_until=None, worker=None)
        .execution_options(synchronize_session=False)
    )


def under_way(session: Session) -> Sequence[tuple[LoraFetch, Lora]]:
    """Return the fetches that some worker holds, with their LoRAs."""
    held = LoraFetch.finished_at.is_(None), LoraFetch.lease_until > now_ms()
    rows = session.execute(select(LoraFetch, Lora).join(Lora).where(*held).limit(100))
    return [(fetch, lora) for fetch, lora in rows]


def to_tell(session: Session) -> Sequence[tuple[LoraFetch, Lora]]:
    """Return finished fetches whose members are to be told now, with their LoRAs."""
    due = LoraFetch.finished_at.is_not(None), LoraFetch.next_telling_at <= now_ms()
    rows = session.execute(
        select(LoraFetch, Lora).join(Lora).where(*due).order_by(LoraFetch.finished_at).limit(20)
    )
    return [(fetch, lora) for fetch, lora in rows]


def told(session: Session, lora_id: str) -> None:
    """Forget a fetch, its address and its token."""
    session.execute(delete(LoraFetch).where(LoraFetch.lora_id == lora_id))


def postpone(session: Session, fetch: LoraFetch) -> None:
    """Tell later, with growing waits; in the end not at all: the list shows it anyway."""
    if fetch.tell_attempts + 1 >= MOST_TELLINGS:
        told(session, fetch.lora_id)
        return
    wait_ms = 2_000 * 2 ** min(fetch.tell_attempts, 8)
    session.execute(
        update(LoraFetch)
        .where(LoraFetch.lora_id == fetch.lora_id)
        .values(tell_attempts=fetch.tell_attempts + 1, next_telling_at=now_ms() + wait_ms)
        .execution_options(synchronize_session=False)
    )


def _twin(session: Session, lora_id: str, sha256: str) -> str | None:
    owner = select(Lora.owner_id).where(Lora.id == lora_id).scalar_subquery()
    same = select(Lora.name).where(
        Lora.sha256 == sha256, Lora.owner_id == owner, Lora.deleted_at.is_(None)
    )
    return session.scalar(same.limit(1))


def _too_large(session: Session, held: Held, kept: Kept) -> LorasTooLarge | None:
    """Tell whether its owner's LoRAs have grown too much since there was room for this one.

    Several may be asked for at once, each of which has all the room that there is.
    """
    lora, began = session.execute(
        select(Lora, LoraFetch.created_at).join(LoraFetch).where(Lora.id == held.lora_id)
    ).one()
    if lora.deleted_at is not None:
        return None
    members.lock(session, lora.owner_id)  # two that come at once
    mine = (Lora.owner_id == lora.owner_id, Lora.deleted_at.is_(None), Lora.status == "ready")
    came = LoraFile.created_at >= began
    files = select(func.sum(case((came, Lora.nbytes), else_=0)), func.sum(Lora.nbytes))
    row = session.execute(files.join(LoraFile, LoraFile.sha256 == Lora.sha256).where(*mine)).one()
    grown, all_bytes = (int(one or 0) for one in row)
    if not grown or grown + kept.nbytes <= held.most_bytes:
        return None
    return LorasTooLarge(limit=(held.most_bytes + all_bytes - grown) // library.MB)


def _free(session: Session) -> LoraFetch | None:
    nobodys = or_(LoraFetch.lease_until.is_(None), LoraFetch.lease_until < now_ms())
    return session.scalar(
        select(LoraFetch)
        .where(LoraFetch.finished_at.is_(None), nobodys)
        .order_by(LoraFetch.created_at, LoraFetch.lora_id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _finish(session: Session, fetch: LoraFetch, error: RerollError) -> None:
    fetch.finished_at, fetch.lease_until = now_ms(), None
    fetch.fence += 1  # who held it and is alive after all must not write any more
    session.flush()
    library.refuse(session, fetch.lora_id, error)


def _write(session: Session, held: Held, **values: Any) -> None:
    written = session.execute(
        update(LoraFetch)
        .where(
            LoraFetch.lora_id == held.lora_id,
            LoraFetch.fence == held.fence,
            LoraFetch.finished_at.is_(None),
        )
        .values(**values)
        .returning(LoraFetch.lora_id)
        .execution_options(synchronize_session=False)
    ).first()
    if written is None:
        raise LeaseLost(f"fetch {held.lora_id} fence {held.fence}")
