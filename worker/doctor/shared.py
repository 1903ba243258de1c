"""What bot and worker share, looked at by a doctor: the queue, variants; torch-free."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import redis
from pydantic import ValidationError

from engine import setting_names
from engine.errors import RequestRefused, VariantUnknown
from engine.labels.errors import CertificateUnusable, ProviderInvalid
from engine.labels.settings import LabelSettings
from engine.variants.catalog import Catalog, VariantUnreadable
from engine.variants.licences import LicenceUnacknowledged
from engine.variants.vocabulary import VocabularyUnreadable
from store.doctor import places
from store.doctor.places import GIVE_ADDRESS
from store.doctor.report import Check, Finding, broken, ok, warning
from store.settings import Settings, VariantSettings
from worker.events import redis_url
from worker.queue import TIMEOUTS, BrokerEvicts, refuse_eviction

FEW_DAYS = 30
"""What a new certificate may take."""


def shared(settings: Settings) -> Mapping[str, Check]:
    """Return checks of what all processes share."""
    database = settings.database_url.get_secret_value()
    return {
        "database": partial(places.database, database),
        "broker": partial(broker, settings.broker_url.get_secret_value()),
        "files": partial(places.files, settings.files_url),
        "disk": partial(places.disk, database, settings.files_url),
        "variants": partial(variants, settings),
        "labels": partial(labels, settings),
    }


def labels(settings: LabelSettings) -> Iterator[Finding]:
    """Look whether files can be labelled and signed, and for how long."""
    try:
        seal = settings.labels().seal
    except (CertificateUnusable, ProviderInvalid) as error:
        yield broken("labels", str(error), "correct REROLL_C2PA_CHAIN, _KEY or REROLL_PROVIDER")
        return
    if seal is None:
        yield ok("labels", "in every file; none is signed (docs/labels.md)")
    elif (days := (seal.until - datetime.now(UTC)).days) < FEW_DAYS:
        yield warning("labels", f"the certificate ends in {days} days", "get the next one")
    else:
        yield ok("labels", f"in every file, signed; the certificate holds for {days} days")


def wrong_settings(error: ValidationError) -> Finding:
    """Return what settings cannot be used, without their values."""
    faults = zip(setting_names.wrong(error), error.errors(), strict=True)
    names = ", ".join(f"{name}: {fault['msg']}" for name, fault in faults)
    return broken("settings", names, "correct them; .env.example names each")


def broker(url: str) -> Iterator[Finding]:
    """Look whether the queue answers, and whether it may throw tickets away."""
    if not url:
        mend = GIVE_ADDRESS.format(name="REROLL_BROKER_URL")
        yield broken("broker", "REROLL_BROKER_URL is not set", mend)
        return
    client = redis.Redis.from_url(redis_url(url), **TIMEOUTS)
    try:
        started = time.monotonic()
        client.ping()
        took_ms = (time.monotonic() - started) * 1000
        yield ok("broker", f"{_version(client)} answers in {took_ms:.0f} ms")
        yield _eviction(url)
        yield from _memory(client)
    except redis.AuthenticationError:
        yield broken("broker", "it refuses the password", "correct it in REROLL_BROKER_URL")
    except redis.RedisError as error:
        mend = "see that Redis or Valkey runs there; orders wait in SQL meanwhile"
        yield broken("broker", f"{_place(url)} does not answer: {error}", mend)
    finally:
        client.close()


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path


def _version(client: redis.Redis) -> str:
    told: Any = client.info("server")
    for kind in ("valkey", "redis"):
        if version := told.get(f"{kind}_version"):
            return f"{kind} {version}"
    return "a server"


def _eviction(url: str) -> Finding:
    try:
        refuse_eviction(url)
    except BrokerEvicts:
        said = "it throws tickets away when its memory is full"
        return broken("eviction", said, "set maxmemory-policy to noeviction")
    return ok("eviction", "it keeps what it is given")


def _memory(client: redis.Redis) -> Iterator[Finding]:
    told: Any = client.info("memory")
    used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    if most and used > most * 0.9:
        said = f"{used / 1e6:.0f} of {most / 1e6:.0f} MB are used"
        yield warning("broker memory", said, "raise maxmemory")


def catalog_of(settings: VariantSettings) -> Catalog | None:
    """Return the variants, or None where they cannot be read."""
    try:
        return settings.catalog()
    except (RequestRefused, ValueError, OSError):
        return None


def variants(settings: VariantSettings) -> Iterator[Finding]:
    """Look whether the variants can be read and their licences are acknowledged."""
    try:
        catalog = settings.catalog()
    except VariantUnknown as error:
        said = f"REROLL_VARIANTS names {error.params['name']}, which is unknown"
        yield broken("variants", said, f"choose among: {error.params['known']}")
    except LicenceUnacknowledged as error:
        yield broken("licences", "not acknowledged", str(error))
    except VocabularyUnreadable as error:
        yield broken("variants", str(error), "correct [vocabulary] in the variant's file")
    except (VariantUnreadable, OSError) as error:
        yield broken("variants", str(error), "compare it with those in engine/variants/")
    else:
        yield ok("variants", ", ".join(catalog.names))
        yield ok("licences", _licences(catalog))


def _licences(catalog: Catalog) -> str:
    named = {catalog[name].licence for name in catalog.names}
    free = all(licence.commercial for licence in named)
    names = ", ".join(sorted(licence.name for licence in named))
    return names if free else f"{names}; not all for commercial use, which is acknowledged"
