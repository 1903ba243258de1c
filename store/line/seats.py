"""What each worker is doing, by the images that it draws and drew: for the forecast of waits."""

from collections.abc import Mapping

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.host.workers import SILENT_MS
from store.line import flows
from store.line.forecast import Seat
from store.line.paces import Paces
from store.tables.lines import Worker
from store.tables.orders import Image

LATELY = 100
"""Images looked back at for what a worker has loaded; older ones say little."""
LEAST_LEFT = 0.1
"""A picture that should be finished by now is taken to need this share of its time still."""


def of(session: Session, variant: str, known: Mapping[str, Paces], now: int) -> list[Seat]:
    """Return the live workers that draw `variant`."""
    live = select(Worker.name, Worker.variants).where(Worker.seen_at > now_ms() - SILENT_MS)
    names = {
        name: frozenset(told["names"])
        for name, told in session.execute(live)
        if variant in told["names"]
    }
    loaded = _loaded(session)
    busy = _busy(session, known, now)
    seats = []
    for name, variants in names.items():
        before, since_ms = loaded.get(name, ("", 0))
        free_at, drawing = busy.get(name, (0.0, before))
        since = (since_ms - now) / 1000 if drawing == before else 0.0
        seats.append(Seat(free_at, drawing, since, variants))
    return seats


def _busy(
    session: Session, known: Mapping[str, Paces], now: int
) -> dict[str | None, tuple[float, str]]:
    """Return for each worker that draws when it will be free, and the variant."""
    busy: dict[str | None, tuple[float, str]] = {}
    columns = (Image.worker, Image.variant, Image.effort, Image.started_at)
    for worker, variant, effort, started_at in session.execute(
        select(*columns).where(flows.RUNNING)
    ):
        pace = known.get(variant, Paces({}))
        seconds = pace.charge(effort)
        left = seconds - (now - (started_at or now)) / 1000
        busy[worker] = (max(left, seconds * LEAST_LEFT), variant)
    return busy


def _loaded(session: Session) -> dict[str | None, tuple[str, int]]:
    """Return each worker's last variant, and since when it has drawn nothing else."""
    ended = (
        select(Image.worker, Image.variant, Image.finished_at)
        .where(literal_column("finished_at IS NOT NULL"), Image.started_at.is_not(None))
        .order_by(Image.finished_at.desc())
        .limit(LATELY)
    )
    loaded: dict[str | None, tuple[str, int]] = {}
    changed: set[str | None] = set()
    for worker, variant, finished_at in session.execute(ended):
        last, _ = loaded.get(worker, (variant, 0))
        if last != variant or worker in changed:
            changed.add(worker)
            continue
        loaded[worker] = (variant, finished_at or 0)
    return loaded
