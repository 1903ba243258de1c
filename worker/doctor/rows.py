"""How many pictures share a forward, looked at by a doctor: given, or as this worker found it."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.variants.catalog import Variant
from store.database import Database
from store.doctor import places
from store.doctor.report import Finding, ok
from store.errors import StoreUnavailable
from store.host import workers
from store.host.workers import Rows
from worker.doctor.shared import catalog_of
from worker.settings import WorkerSettings

UNMEASURED = "not measured: the worker of this name is not at work, or has not drawn it yet"
ALONE = "1: what starts from pictures is drawn one by one"


def shared(settings: WorkerSettings) -> Iterator[Finding]:
    """Tell for each variant how many of its pictures share a forward, and why."""
    catalog = catalog_of(settings)
    if catalog is None:
        return
    given, told = _given(settings), _told(settings)
    for name in catalog.names:
        if not catalog[name].vendor:
            yield ok(f"rows of {name}", given or _measured(catalog[name], told.get(name, {})))


def _given(settings: WorkerSettings) -> str:
    if settings.rows:
        return f"{settings.rows}: REROLL_ROWS"
    from engine.engine import Engine  # torch takes seconds, and the other checks do without

    rows = Engine(device=settings.device or None, wishes=settings.wishes).rows_given
    why = "REROLL_COMPILE" if settings.compile else "REROLL_MODE=exact on a GPU"
    return f"{rows}: {why}" if rows else ""


def _told(settings: WorkerSettings) -> Mapping[str, Rows]:
    """Return what the worker of this name says, nothing where it or the database is away."""
    url = settings.database_url.get_secret_value()
    if not url or places.missing_file(url):
        return {}
    database = Database(url)
    try:
        with database.reading() as session:
            return workers.rows(session, settings.worker_name)
    except StoreUnavailable:
        return {}
    finally:
        database.close()


def _measured(variant: Variant, sizes: Rows) -> str:
    if variant.accepts.needs_picture:
        return ALONE
    return "; ".join(f"{size}: {_size(found)}" for size, found in sizes.items()) or UNMEASURED


def _size(found: Mapping[str, Any]) -> str:
    costs = ", ".join(f"{cost:.2f} of {rows}" for rows, cost in found["costs"] if rows > 1)
    why = f"a row costs {costs}" if costs else "its forwards hold one"
    return f"{found['rows']} ({why}{'' if found['alike'] else '; the last with other bits'})"
