"""`python -m worker`: one process that draws on one device, or trains LoRAs on it with `train`.

`doctor` looks at what it needs.
"""

import sys
from functools import partial

import structlog
import torch
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from engine import setting_names
from engine.engine import Engine
from engine.errors import EngineFailed, RequestRefused, VariantTooBig
from engine.judging.judge import JudgeUnusable, appointed
from engine.judging.verdicts import RulesUnreadable
from engine.labels.errors import CertificateUnusable, ProviderInvalid
from engine.memory.levers import LeverRefused
from engine.variants.catalog import Catalog
from engine.vendor.connection import connected
from store import logs
from store.database import Database
from store.files import Files
from store.host import schema
from store.host.proxies import ProxyUnusable, proxy_for
from store.loras.addresses import DISCORD
from store.metrics.observers import NoTracing, observers
from store.outages import Outages
from store.sweep import reclaim
from worker import app, measured
from worker.doctor import visit
from worker.drawing import Parts, draw_waiting
from worker.events import Doorbell, Finished
from worker.finishing import Finish
from worker.hand import Hand
from worker.heart import Heart
from worker.librarian import Librarian
from worker.lookout import Lookout
from worker.lora_download import Downloader, loopback
from worker.loras import Loras
from worker.patience import once_there
from worker.queue import BrokerEvicts, Tickets, refuse_eviction
from worker.settings import WorkerSettings
from worker.training import process

REHEARSED_S = 6.0
"""After which no further size is measured; a worker is promised within 20 seconds."""

log = structlog.get_logger()


def main() -> None:
    """Build everything, take back what a former life held, and work."""
    if sys.argv[1:2] == ["doctor"]:
        raise SystemExit(visit.main(sys.argv[2:]))
    settings = _settings()
    registry = CollectorRegistry()
    try:
        watching = list(observers(settings, "worker", registry))
    except NoTracing as error:
        raise SystemExit(f"worker: {error}") from None
    logs.configure(settings.log_level, settings.log_format, *watching)
    _require_keeping(settings.broker_url.get_secret_value())
    if sys.argv[1:2] == ["train"]:
        _train(settings)
    else:
        _draw(settings, registry)


def _draw(settings: WorkerSettings, registry: CollectorRegistry) -> None:
    broker_url = settings.broker_url.get_secret_value()
    parts = _parts(settings, broker_url)
    _require_room(parts)
    _require_tables(parts.database)
    tickets = Tickets(broker_url)
    _warm(parts)
    for generation_id in once_there(partial(_take_back, parts)):
        parts.doorbell.ring(Finished(generation_id=generation_id))
    endpoint = measured.endpoint(settings, parts, registry)
    heart, lookout = Heart(parts, tickets), Lookout(parts)
    once_there(heart.start)
    lookout.start()
    librarian = _librarian(settings, parts)
    once_there(librarian.start)
    try:
        work = partial(draw_waiting, parts)
        application = app.build(broker_url, parts.catalog.names, work)
        with endpoint:
            app.run(application, parts.hand, grace_s=settings.grace_s)
    finally:
        librarian.stop()
        lookout.stop()
        heart.stop()
        tickets.close()
        parts.doorbell.close()
        parts.database.close()


def _take_back(parts: Parts) -> list[str]:
    with parts.database.begin() as session:
        return list(reclaim(session, parts.name))


def _train(settings: WorkerSettings) -> None:
    try:
        parts = process.parts(settings, _catalog(settings), _finish(settings))
    except LeverRefused as error:
        raise SystemExit(f"worker: {error}") from None
    _require_tables(parts.database)
    process.run(parts, settings.broker_url.get_secret_value())


def _settings() -> WorkerSettings:
    try:
        return WorkerSettings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        names = ", ".join(setting_names.wrong(error))
        raise SystemExit(f"worker: settings missing or wrong: {names}. See .env.example.") from None


def _parts(settings: WorkerSettings, broker_url: str) -> Parts:
    catalog = _catalog(settings)
    vendor = connected(settings)
    hosted = [name for name in catalog.names if catalog[name].vendor]
    if hosted and vendor is None:
        log.warning("REROLL_BFL_KEY is missing; these cannot be drawn", variants=hosted)
    if not settings.check_model:  # said here alone: a process that trains stands beside one
        log.warning("REROLL_CHECK_MODEL is empty: nobody looks at pictures before members do")
    files = Files(settings.files_url, Outages())
    return Parts(
        name=settings.worker_name,
        catalog=catalog,
        database=Database(settings.database_url.get_secret_value()),
        files=files,
        engine=Engine(device=settings.device or None, vendor=vendor, wishes=settings.wishes),
        doorbell=Doorbell(broker_url),
        hand=Hand(),
        finish=_finish(settings),
        loras=Loras(files, settings.lora_disk),
    )


def _catalog(settings: WorkerSettings) -> Catalog:
    try:
        return settings.catalog()
    except (RequestRefused, ValueError) as error:  # all that a file or its licence may lack
        raise SystemExit(f"worker: REROLL_VARIANTS: {error}") from None


def _finish(settings: WorkerSettings) -> Finish:
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        labels, judge = settings.labels(), appointed(settings, device)
    except (CertificateUnusable, ProviderInvalid, JudgeUnusable, RulesUnreadable) as error:
        raise SystemExit(f"worker: {error}") from None
    if judge is None:
        return Finish(labels)
    return Finish(labels, lambda png, restricted: judge.verdict(png, age_restricted=restricted))


def _librarian(settings: WorkerSettings, parts: Parts) -> Librarian:
    try:
        proxy_for(f"https://{DISCORD[0]}")
    except ProxyUnusable as error:
        raise SystemExit(f"worker: {error}") from None
    downloader = Downloader(
        hosts=(*settings.lora_host_names, *DISCORD), local=loopback(settings.discord_url)
    )
    # One that was thought dead must not write into what another goes on with.
    folder = settings.parts_folder / parts.name.replace("/", "_")
    return Librarian(parts.name, parts.database, parts.files, downloader, folder)


def _require_keeping(broker_url: str) -> None:
    try:
        refuse_eviction(broker_url)
    except BrokerEvicts as error:
        raise SystemExit(f"worker: {error}") from None


def _require_tables(database: Database) -> None:
    """Wait for a database that is away; end the process where its tables are too old."""
    try:
        once_there(partial(schema.require, database))
    except schema.SchemaOld as error:
        raise SystemExit(f"worker: {error}") from None


def _require_room(parts: Parts) -> None:
    """End the process where a variant could never be drawn: each order would be refunded."""
    refused = []
    for name in parts.catalog.names:
        variant = parts.catalog[name]
        if variant.vendor:
            continue
        try:
            parts.engine.levers(variant)
        except LeverRefused as error:
            raise SystemExit(f"worker: {error}") from None
        except VariantTooBig as error:
            needed, free, helps = (error.params[key] for key in ("needed", "free", "helps"))
            hint = f"; it would with {helps}" if helps else ""
            refused.append(f"{name} needs {needed} GB, {free} GB are free{hint}")
    if refused:
        raise SystemExit("worker: REROLL_VARIANTS: " + ". ".join(refused))


def _warm(parts: Parts) -> None:
    """Load the default variant before the first order, and see how many pictures it takes at once.

    Whoever orders should not have to wait for it.
    """
    try:
        parts.engine.load(parts.catalog.default)
        parts.engine.rehearse(parts.catalog.default, within_s=REHEARSED_S)
    except LeverRefused as error:
        raise SystemExit(f"worker: {error}") from None
    except EngineFailed:
        log.exception("the default variant cannot be drawn", variant=parts.catalog.default.name)


if __name__ == "__main__":
    main()
