"""The LoRA library: whose they are, what they are called, and what became of their files.

A LoRA is its owner's in every server. Who else may use it stands in `store.loras.shares`, whose
file is fetched in `store.loras.fetches`; files that nobody needs leave by `store.loras.unneeded`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from engine.errors import RerollError
from store import names
from store.choices import members
from store.clock import now_ms
from store.database import upsert
from store.loras.errors import LoraNameInvalid, LoraNameTaken, LorasFull, LorasTooLarge, LoraUnknown
from store.orders.order import new_id
from store.tables.loras import Lora, LoraFile

FOLDER = "loras"
"""Where canonical files lie in the file store, by their sha256."""
NAME_LIMIT = 32
MOST_REFUSALS = 10
NOT_IN_NAMES = frozenset(",:;#、，：；")
"""These tell several LoRAs and their weights apart."""
TEXT_LIMIT = 200
MB = 10**6


@dataclass(frozen=True, slots=True)
class Room:
    """How many LoRAs a member may keep, and how many bytes all of them together."""

    loras: int
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A LoRA that is to be; `source` is upload, url or trained, `id` a new one or none yet."""

    owner_id: int
    name: str
    source: str
    triggers: str = ""
    weight: float = 1.0
    licence: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A canonical file that lies in the file store."""

    base: str
    sha256: str
    nbytes: int
    rank: int
    layers: int


def create(session: Session, new: New, room: Room) -> Lora:
    """Take a name and a place for a LoRA whose file is still to come (status checking).

    One that was refused gives way to it. Raises LoraNameInvalid, LoraNameTaken, LorasFull or
    LorasTooLarge.
    """
    name = tidy(new.name)
    members.lock(session, new.owner_id)  # two at once must not both find the last place free
    _free_name(session, new.owner_id, name)
    _check_room(session, new.owner_id, room)
    _forget_refusals(session, new.owner_id)
    lora = Lora(
        id=new.id or new_id(),
        owner_id=new.owner_id,
        key=names.key(name),
        name=name,
        source=new.source,
        triggers=plain(new.triggers),
        weight=new.weight,
        licence=plain(new.licence),
    )
    session.add(lora)
    session.flush()
    return lora


def ready(session: Session, lora_id: str, kept: Kept) -> bool:
    """Say what its file is; False where the LoRA was removed meanwhile, which takes it along.

    The caller holds the file's row (`lock_file`) and has seen the file after that.
    """
    file = {"sha256": kept.sha256, "nbytes": kept.nbytes}
    told = {"base": kept.base, "rank": kept.rank, "layers": kept.layers}
    if _settle(session, lora_id, status="ready", error=None, **file, **told):
        return True
    gone = update(Lora).where(Lora.id == lora_id, Lora.deleted_at.is_not(None))
    session.execute(
        gone.values(purged_at=None, **file).execution_options(synchronize_session=False)
    )
    return False


def refuse(session: Session, lora_id: str, error: RerollError) -> bool:
    """Say why it cannot be kept; False where the LoRA was removed meanwhile."""
    told = {"code": error.code, "params": dict(error.params)}
    return _settle(session, lora_id, status="refused", error=told)


def lock_file(session: Session, sha256: str, nbytes: int) -> None:
    """Hold a canonical file's row, made where it is missing, until the transaction ends.

    Whoever holds it may look whether the file is there, and rely on that until then.
    """
    made = upsert(session, LoraFile).values(sha256=sha256, nbytes=nbytes)
    session.execute(made.on_conflict_do_nothing())
    row = select(LoraFile.sha256).where(LoraFile.sha256 == sha256)
    session.execute(row.with_for_update()).one()


def preview(session: Session, lora_id: str, sha256: str) -> None:
    """Show a LoRA by this picture, which lies in its `folder`."""
    session.execute(update(Lora).where(Lora.id == lora_id).values(preview=sha256))


def unpreview(session: Session, lora_id: str, sha256: str) -> bool:
    """Show a LoRA by this picture no longer; return whether it was."""
    shown = update(Lora).where(Lora.id == lora_id, Lora.preview == sha256)
    return session.scalar(shown.values(preview=None).returning(Lora.id)) is not None


def folder(lora_id: str) -> str:
    """Return the folder of a LoRA's own pictures in the file store."""
    return f"lora-{lora_id}"


def owned(session: Session, owner_id: int) -> Sequence[Lora]:
    """Return a member's LoRAs by name."""
    mine = select(Lora).where(Lora.owner_id == owner_id, Lora.deleted_at.is_(None))
    return session.scalars(mine.order_by(Lora.key)).all()


def own(session: Session, owner_id: int, typed: str) -> Lora:
    """Return a member's own LoRA by name. Raises LoraUnknown."""
    named = select(Lora).where(
        Lora.owner_id == owner_id, Lora.key == names.key(typed), Lora.deleted_at.is_(None)
    )
    found = session.scalar(named.execution_options(populate_existing=True))
    if found is None:
        raise LoraUnknown(value=typed[:NAME_LIMIT])
    return found


def by_id(session: Session, lora_id: str) -> Lora:
    """Return a LoRA. Raises LoraUnknown where it was removed."""
    lora = session.get(Lora, lora_id, populate_existing=True)
    if lora is None or lora.deleted_at is not None:
        raise LoraUnknown(value=lora_id)
    return lora


def rename(session: Session, lora: Lora, typed: str) -> None:
    """Give a LoRA another name. Raises LoraNameInvalid or LoraNameTaken."""
    name = tidy(typed)
    members.lock(session, lora.owner_id)
    if names.key(name) != lora.key:
        _free_name(session, lora.owner_id, name)
    lora.name, lora.key = name, names.key(name)
    session.flush()


def remove(session: Session, lora: Lora) -> None:
    """Take a LoRA out of the library; its file leaves once nobody needs it."""
    session.execute(
        update(Lora)
        .where(Lora.id == lora.id, Lora.deleted_at.is_(None))
        .values(deleted_at=now_ms())
        .execution_options(synchronize_session=False)
    )


def change(
    session: Session,
    lora: Lora,
    *,
    triggers: str | None = None,
    weight: float | None = None,
    licence: str | None = None,
) -> None:
    """Set what is not None."""
    if triggers is not None:
        lora.triggers = plain(triggers)
    if weight is not None:
        lora.weight = weight
    if licence is not None:
        lora.licence = plain(licence)
    session.flush()


def room_left(session: Session, owner_id: int, room: Room) -> Room:
    """Return what a member's plan leaves; below 0 where another plan gave more."""
    count, nbytes = session.execute(
        select(func.count(), func.coalesce(func.sum(Lora.nbytes), 0)).where(
            Lora.owner_id == owner_id, Lora.deleted_at.is_(None), Lora.status != "refused"
        )
    ).one()
    return Room(room.loras - count, room.nbytes - int(nbytes))


def tidy(typed: str) -> str:
    """Return a LoRA's name as it is shown. Raises LoraNameInvalid."""
    name = names.tidy(typed, NAME_LIMIT)
    if name is None or NOT_IN_NAMES & (set(name) | set(names.key(name))):
        shown = " ".join(typed.split())[:NAME_LIMIT]
        raise LoraNameInvalid(value=shown, limit=NAME_LIMIT, signs=", : ; #")
    return name


def plain(typed: str) -> str:
    """Return a short text as it is kept: one line, without signs that cannot be kept."""
    kept = "".join(one for one in typed if one.isprintable() or one.isspace())
    return " ".join(kept.split())[:TEXT_LIMIT]


def _free_name(session: Session, owner_id: int, name: str) -> None:
    try:
        holder = own(session, owner_id, name)
    except LoraUnknown:
        return
    if holder.status != "refused":
        raise LoraNameTaken(value=name)
    remove(session, holder)


def _check_room(session: Session, owner_id: int, room: Room) -> None:
    left = room_left(session, owner_id, room)
    if left.loras <= 0:
        raise LorasFull(limit=room.loras)
    if left.nbytes <= 0:
        raise LorasTooLarge(limit=room.nbytes // MB)


def _forget_refusals(session: Session, owner_id: int) -> None:
    """Take all but a member's newest refusals out of their list: they count nowhere else."""
    refused = (Lora.owner_id == owner_id, Lora.status == "refused", Lora.deleted_at.is_(None))
    newest = select(Lora.id).where(*refused).order_by(Lora.created_at.desc(), Lora.id)
    old = session.scalars(newest.offset(MOST_REFUSALS)).all()
    session.execute(update(Lora).where(Lora.id.in_(old)).values(deleted_at=now_ms()))


def _settle(session: Session, lora_id: str, **values: Any) -> bool:
    written = session.execute(
        update(Lora)
        .where(Lora.id == lora_id, Lora.deleted_at.is_(None), Lora.status == "checking")
        .values(**values)
        .returning(Lora.id)
        .execution_options(synchronize_session=False)
    ).first()
    return written is not None
