"""What the host does to all servers at once: pause, drain, switch variants, ban; each is audited.

`paused` draws nothing, and orders wait; `draining` takes no new orders, and draws those there are.
"""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store import clock
from store.database import upsert
from store.host.errors import Banned, HostDrains, NotBanned, VariantOff
from store.moderation import audit
from store.tables.host import Ban, Control

FLOW, OFF = "flow", "variants_off"


class Flow(StrEnum):
    """How orders go."""

    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Controls:
    """What is switched: how orders go, and the variants that are `off`."""

    flow: Flow = Flow.RUNNING
    off: Set[str] = frozenset()


def read(session: Session) -> Controls:
    """Return what is switched now."""
    values = {row.name: row.value for row in session.scalars(select(Control))}
    flow = values.get(FLOW, {}).get("is", Flow.RUNNING)
    return Controls(
        # A state of another version stops nothing.
        Flow(flow) if flow in set(Flow) else Flow.RUNNING,
        frozenset(values.get(OFF, {}).get("names", ())),
    )


def is_paused(session: Session) -> bool:
    """Tell whether nothing is to be drawn."""
    return read(session).flow is Flow.PAUSED


def was_paused(session: Session, within_ms: int) -> bool:
    """Tell whether nothing is to be drawn, or was not at some time within the last `within_ms`."""
    if is_paused(session):
        return True
    return _resumed_at(session) > clock.now(session) - within_ms


def check(session: Session, user_id: int, variant: str) -> Controls:
    """Return what is switched. Raises Banned, HostDrains or VariantOff."""
    check_member(session, user_id)
    now = read(session)
    if now.flow is Flow.DRAINING:
        raise HostDrains
    if variant in now.off:
        raise VariantOff(variant=variant)
    return now


def check_member(session: Session, user_id: int) -> None:
    """Raise Banned where the host lets a member do nothing."""
    if session.get(Ban, user_id) is not None:
        raise Banned


def set_flow(session: Session, flow: Flow, *, by: int) -> None:
    """Pause, drain, or let orders go again."""
    goes_on = is_paused(session) and flow is not Flow.PAUSED
    resumed_at = clock.now(session) if goes_on else _resumed_at(session)
    _put(session, FLOW, {"is": flow.value, "resumed_at": resumed_at})
    audit.record(session, audit.HOST, by, f"host.{flow.value}")


def set_variant(session: Session, name: str, *, on: bool, by: int) -> None:
    """Switch a variant on or off for new orders."""
    off = read(session).off
    names = off - {name} if on else off | {name}
    _put(session, OFF, {"names": sorted(names)})
    action = "host.variant_on" if on else "host.variant_off"
    audit.record(session, audit.HOST, by, action, details={"variant": name})


def ban(session: Session, user_id: int, reason: str, *, by: int) -> None:
    """Let somebody order nothing any more, anywhere; without a reason an earlier one stays."""
    values = {"reason": reason[:200], "by_id": by}
    put = upsert(session, Ban).values(user_id=user_id, **values)
    said = {name: value for name, value in values.items() if value}
    session.execute(put.on_conflict_do_update(index_elements=["user_id"], set_=said))
    audit.record(session, audit.HOST, by, "host.ban", target_id=user_id)


def unban(session: Session, user_id: int, *, by: int) -> None:
    """Let them order again. Raises NotBanned."""
    lifted = delete(Ban).where(Ban.user_id == user_id).returning(Ban.user_id)
    if session.scalar(lifted) is None:
        raise NotBanned
    audit.record(session, audit.HOST, by, "host.unban", target_id=user_id)


def _resumed_at(session: Session) -> int:
    """Return when orders last went on after a pause, in epoch milliseconds; 0 for never."""
    flow = session.scalar(select(Control.value).where(Control.name == FLOW)) or {}
    return int(flow.get("resumed_at", 0))


def _put(session: Session, name: str, value: dict[str, object]) -> None:
    put = upsert(session, Control).values(name=name, value=value)
    session.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
