"""One engine at work: claim the next image, draw it, keep it, end the claim; until nothing waits.

Knows neither Celery nor Discord.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from engine.catalog import Catalog
from engine.engine import Engine
from engine.errors import EngineFailed, GenerationCancelled, InputLost, LoraLost
from engine.picture import Step
from engine.request import ImageRequest
from store import claims, controls, loras
from store.claims import Claim, Kept
from store.database import Database
from store.errors import FilesUnavailable, LeaseLost, MoneyRanOut, StoreUnavailable
from store.files import Files
from worker.events import Doorbell, Finished
from worker.finishing import Finish
from worker.hand import ClaimStopped, Hand
from worker.loras import Loras
from worker.progress import Teller
from worker.stay import Stay
from worker.till import Till

T = TypeVar("T")
Ending = Callable[[Session], bool]
"""Writes how a claim ended; True where the order is finished with it."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process draws with; `name` is the worker's own."""

    name: str
    catalog: Catalog
    database: Database
    files: Files
    engine: Engine
    doorbell: Doorbell
    hand: Hand
    loras: Loras
    stay: Stay = field(default_factory=Stay)
    finish: Finish = field(default_factory=Finish)
    patience_s: float = claims.LEASE_MS / 1000
    """How long a finished picture waits for a file store or a database that is away."""


def draw_waiting(parts: Parts) -> int:
    """Draw until nothing waits or the worker leaves; return the number of claims taken."""
    taken = 0
    while not parts.hand.leaving and (claim := _next(parts)):
        taken += 1
        with parts.hand.holding(claim), bound_contextvars(order=claim.generation_id):
            till = Till(parts.database, claim)
            _end(parts, claim, till, _ending(parts, claim, till))
    return taken


def _next(parts: Parts) -> Claim | None:
    with parts.database.begin() as session:
        if controls.is_paused(session):
            return None
        residency = parts.stay.residency(parts.catalog, parts.engine)
        return claims.claim(session, parts.name, parts.catalog.names, residency)


def _ending(parts: Parts, claim: Claim, till: Till) -> Ending:
    told = log.bind(
        image=claim.index, attempt=claim.attempt, variant=claim.order.get("variant", "")
    )
    try:
        kept = _draw(parts, claim, till)
    except ClaimStopped:
        told.info("image handed back")
        return partial(claims.release, claim=claim)
    except GenerationCancelled:
        told.info("image cancelled")
        return partial(claims.cancelled, claim=claim)
    except (EngineFailed, FilesUnavailable, MoneyRanOut) as error:
        till.ended(error)
        told.exception("image failed")
        return partial(claims.fail, claim=claim, error=error)
    except Exception:
        told.exception("image failed unexpectedly")
        return partial(claims.retry, claim=claim, error=EngineFailed())
    told.info("image drawn", seconds=round(kept.seconds, 3), pixels=kept.pixel_sha256[:12])
    return partial(claims.keep, claim=claim, kept=kept)


def _draw(parts: Parts, claim: Claim, till: Till) -> Kept:
    request = claim.request
    variant = parts.catalog[request.variant]
    teller = Teller(claim, parts.files, parts.doorbell, parts.finish)

    def on_step(step: Step) -> None:
        till.hear(step.charge)
        parts.hand.check()
        teller.tell(step)

    if variant.vendor:
        till.check(variant.name)
    files = {name: _get(parts, claim, name) for name in request.files}
    _bring(parts, request)
    with parts.stay.loading(parts.engine):
        parts.engine.load(variant)
    picture = parts.engine.draw(variant, request, on_step, files)
    till.hear(picture.charge)
    png, verdict = parts.finish.picture(claim, picture.png, picture.recipe)
    return Kept(
        file_sha256=_put(parts, claim, png),
        file_bytes=len(png),
        pixel_sha256=picture.pixel_sha256,
        recipe=picture.recipe,
        seconds=picture.seconds,
        loading_s=parts.stay.loading_s,
        verdict=verdict,
    )


def _put(parts: Parts, claim: Claim, png: bytes) -> str:
    """Keep the file, waiting out a short absence of the file store."""
    return _patiently(parts, partial(parts.files.put, claim.generation_id, png))


def _get(parts: Parts, claim: Claim, name: str) -> bytes:
    """Read a picture to start from. Raises InputLost where it is gone."""
    try:
        return _patiently(parts, partial(parts.files.get, claim.generation_id, name))
    except FilesUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise InputLost from error
        raise


def _bring(parts: Parts, request: ImageRequest) -> None:
    """Have the request's LoRAs at hand. Raises LoraLost where one is gone or was removed."""
    if not request.loras:
        return
    with parts.database.begin() as session:
        if loras.removed(session, [use.sha256 for use in request.loras]):
            raise LoraLost
    adapters = parts.engine.adapters
    lacking = adapters.lacking(request)
    with parts.stay.bringing(len(lacking)):
        for sha256 in lacking:
            _patiently(parts, partial(parts.loras.bring, adapters, sha256))


def _patiently(parts: Parts, act: Callable[[], T]) -> T:
    give_up_at = time.monotonic() + parts.patience_s
    while True:
        try:
            return act()
        except FilesUnavailable as error:
            gone = isinstance(error.__cause__, FileNotFoundError)
            if gone or time.monotonic() > give_up_at:
                raise
            parts.hand.check()
            time.sleep(1)


def _end(parts: Parts, claim: Claim, till: Till, ending: Ending) -> None:
    """Write the claim's end, waiting out a short absence of the database."""
    give_up_at = time.monotonic() + parts.patience_s
    finished = False
    while True:
        try:
            till.settle()
            with parts.database.begin() as session:
                finished = ending(session)
            break
        except LeaseLost:
            log.warning("lease lost, result dropped", order=claim.generation_id, image=claim.index)
            break
        except StoreUnavailable:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(1)
    if finished:
        parts.doorbell.ring(Finished(generation_id=claim.generation_id))
        with suppress(FilesUnavailable):
            parts.files.remove_preview(claim.generation_id)
