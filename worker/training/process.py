"""`python -m worker train`: one process that trains LoRAs on one device."""

from functools import partial

import structlog

from engine.engine import Engine
from engine.errors import VariantTooBig
from engine.memory.levers import Offload
from engine.training.plan import trainers
from engine.variants.catalog import Catalog, Variant
from store.database import Database
from store.files import Files
from store.outages import Outages
from store.training import claims
from worker import app
from worker.finishing import Finish
from worker.patience import once_there
from worker.queue import Tickets
from worker.settings import WorkerSettings
from worker.training.parts import Parts
from worker.training.pulse import TrainingPulse
from worker.training.work import train_waiting

log = structlog.get_logger()


def parts(settings: WorkerSettings, catalog: Catalog, finish: Finish) -> Parts:
    """Return what to train with."""
    known = trainers((catalog[name] for name in catalog.names), catalog.folder)
    engine = Engine(device=settings.device or None, wishes=settings.wishes)
    fitting = {base: variant for base, variant in known.items() if _has_room(engine, variant)}
    if not fitting:
        # Not an end: whoever starts it again would do so for ever.
        log.warning("no LoRAs can be trained for any of REROLL_VARIANTS here")
    return Parts(
        # A name of its own: at the start it takes back what its former life held.
        name=f"{settings.worker_name}-trainer",
        variants=fitting,
        database=Database(settings.database_url.get_secret_value()),
        files=Files(settings.files_url, Outages()),
        engine=engine,
        finish=finish,
    )


def run(parts: Parts, broker_url: str) -> None:
    """Train until SIGTERM or SIGINT; what is in hand then is kept as it is, and handed on."""
    tickets = Tickets(broker_url)
    once_there(partial(_take_back, parts))
    pulse = TrainingPulse(parts, tickets)
    once_there(pulse.start)
    try:
        application = app.build(broker_url, parts.names, partial(train_waiting, parts))
        app.run(application, parts.hand, grace_s=0)
    finally:
        pulse.stop()
        tickets.close()
        parts.database.close()


def _take_back(parts: Parts) -> None:
    with parts.database.begin() as session:
        claims.reclaim(session, parts.name)


def _has_room(engine: Engine, variant: Variant) -> bool:
    try:
        levers = engine.levers(variant)
    except VariantTooBig:
        fits = False
    else:
        # What a step back needs would have left the device again, or be rounded to 8 bits.
        fits = levers.offload is not Offload.GROUP and not levers.fp8
    if not fits:
        log.warning("too large to be trained on this device", variant=variant.name)
    return fits
