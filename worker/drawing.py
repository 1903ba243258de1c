"""One engine at work: claim images, draw them side by side, keep each, end its claim.

Knows neither Celery nor Discord.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from engine.drawing.meeting import Drawing
from engine.drawing.picture import Picture, Step
from engine.engine import Engine
from engine.errors import EngineFailed, GenerationCancelled, RequestRefused
from engine.variants.catalog import Catalog
from store.database import Database
from store.errors import FilesUnavailable, LeaseLost, StoreUnavailable
from store.files import Files
from store.line import claims, endings
from store.line.claims import Claim
from store.line.endings import Ending, Kept
from store.money.errors import MoneyRanOut
from store.outages import reason
from store.tables.orders import Generation
from worker import fetching
from worker.endings import Endings
from worker.events import Doorbell, Finished
from worker.finishing import Finish
from worker.hand import ClaimStopped, Hand
from worker.joins import Joins
from worker.loras import Loras
from worker.progress import Teller
from worker.stay import Stay
from worker.till import Till

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


class Work:
    """One claim under way: its drawing, its money, and what was loaded for it."""

    def __init__(self, parts: Parts, claim: Claim) -> None:
        self.claim, self.grip = claim, parts.hand.take(claim)
        self.till = Till(parts.database, claim)
        self.ending: Future[Ending] | None = None
        self._parts = parts
        self._teller = Teller(claim, parts.files, parts.doorbell, parts.finish)
        self._loading_s = 0.0
        self._error: Exception | None = None
        self._drawing: Drawing[Picture] | None = None

    def begin(self) -> None:
        """Load what it needs, and take it to its first forward."""
        try:
            self._drawing = self._begun()
        except Exception as error:  # answered where the others end too: see `_ending`
            self._error = error

    @property
    def ended(self) -> bool:
        """Tell whether the picture is finished, or will never be."""
        return self._drawing is None or self._drawing.ended

    def leave(self) -> None:
        """Give the picture up where it is."""
        if self._drawing and not self._drawing.ended:
            self._drawing.stop(ClaimStopped())

    def check(self) -> None:
        """Leave the picture where it was cancelled, or the worker shuts down."""
        try:
            self.grip.check()
        except (GenerationCancelled, ClaimStopped) as error:
            if self._drawing and not self._drawing.ended:
                self._drawing.stop(error)

    def kept(self) -> Kept:
        """Keep the finished picture. Raises what it ended with."""
        if self._error or self._drawing is None:
            raise self._error or AssertionError("it has not begun")
        picture = self._drawing.finished()
        self.till.hear(picture.charge)
        png, verdict = self._parts.finish.picture(self.claim, picture.png, picture.recipe)
        return Kept(
            file_sha256=fetching.put(self._parts, self.grip, png),
            file_bytes=len(png),
            pixel_sha256=picture.pixel_sha256,
            recipe=picture.recipe,
            seconds=picture.seconds,
            loading_s=self._loading_s,
            verdict=verdict,
        )

    def _begun(self) -> Drawing[Picture]:
        parts, request = self._parts, self.claim.request
        variant = parts.catalog[request.variant]
        if variant.vendor:
            self.till.check(variant.name)
        files = fetching.pictures(parts, self.grip, request)
        fetching.loras(parts, self.grip, request)
        with parts.hand.loading(), parts.stay.loading(parts.engine):
            parts.engine.load(variant)
        self._loading_s = parts.stay.loading_s
        return parts.engine.admit(variant, request, self._heard, files)

    def _heard(self, step: Step) -> None:
        self.till.hear(step.charge)
        self.grip.check()
        self._teller.tell(step)


def draw_waiting(parts: Parts) -> int:
    """Draw until nothing waits or the worker leaves; return the number of claims taken."""
    taken = 0
    works: list[Work] = []
    joins = Joins(parts)
    try:
        with Endings() as ends:
            while not parts.hand.leaving or works:
                while begun := [Work(parts, claim) for claim in joins.next(works)]:
                    taken += len(begun)
                    works += begun  # all in hand before the first one loads anything
                    for work in begun:
                        with bound_contextvars(order=work.claim.generation_id):
                            work.begin()
                if works:
                    _go_on(parts, works, ends)
                elif not ends.wait():  # one of them may have given its image back
                    break
    finally:
        # Only where the database stays away: their leases run out.
        for work in works:
            _abandon(parts, work)
    return taken


def _go_on(parts: Parts, works: list[Work], ends: Endings) -> None:
    """Do one step, and hand over what has ended."""
    for work in works:
        work.check()
    parts.engine.step()
    for work in works:
        if work.ended and work.ending is None:
            work.ending = ends.add(partial(_ending, work))
    for ended in _to_hand_over(works, parts.engine.goes_on):
        for work in ended:
            works.remove(work)
        ends.add(partial(_finish, parts, ended))


def _to_hand_over(works: Sequence[Work], goes_on: bool) -> Sequence[list[Work]]:
    """Return what has ended, by order.

    Where the same step goes on, an order's pictures wait for each other: they are shown together.
    Each is kept meanwhile, while the next one is decoded.
    """
    orders: dict[str, list[Work]] = {}
    for work in works:
        orders.setdefault(work.claim.generation_id, []).append(work)
    ended = [[work for work in order if work.ended] for order in orders.values()]
    whole = [found for found, order in zip(ended, orders.values(), strict=True) if found == order]
    return whole if goes_on else [found for found in ended if found]


def _finish(parts: Parts, works: Sequence[Work]) -> None:
    """End claims of one order."""
    order = works[0].claim.generation_id
    try:
        with bound_contextvars(order=order):
            _end(parts, order, [(work, _unless_lost(work)) for work in works])
    finally:
        for work in works:
            parts.hand.drop(work.grip)


def _abandon(parts: Parts, work: Work) -> None:
    work.leave()
    parts.hand.drop(work.grip)


def _ending(work: Work) -> Ending:
    with bound_contextvars(order=work.claim.generation_id):
        return _kept_or_not(work)


def _kept_or_not(work: Work) -> Ending:
    claim = work.claim
    told = log.bind(
        image=claim.index, attempt=claim.attempt, variant=claim.order.get("variant", "")
    )
    try:
        kept = work.kept()
    except (ClaimStopped, StoreUnavailable):
        told.info("image handed back")
        return partial(endings.release, claim=claim)
    except GenerationCancelled:
        told.info("image cancelled")
        return partial(endings.cancelled, claim=claim)
    except (EngineFailed, RequestRefused, FilesUnavailable, MoneyRanOut) as error:
        work.till.ended(error)
        if isinstance(error, RequestRefused):
            told.info("image refused", error=error.code)  # as by a tokenizer, which no bot has
        elif isinstance(error, FilesUnavailable):
            told.error("image failed", error=reason(error))
        else:
            told.exception("image failed")
        return partial(endings.fail, claim=claim, error=error)
    except Exception:
        told.exception("image failed unexpectedly")
        # What a vendor was paid for would be paid for anew.
        end = endings.fail if work.till.is_charged else endings.retry
        return partial(end, claim=claim, error=EngineFailed())
    told.info("image drawn", seconds=round(kept.seconds, 3), pixels=kept.pixel_sha256[:12])
    return partial(endings.keep, claim=claim, kept=kept)


def _unless_lost(work: Work) -> Ending:
    """Let what ends with it stand where its own lease is lost."""
    assert work.ending is not None, "it has not ended"
    ending = work.ending.result()

    def written(session: Session, generation: Generation) -> float:
        try:
            return ending(session, generation)
        except LeaseLost:
            log.warning("lease lost, result dropped", image=work.claim.index)
            return 0.0

    return written


def _end(parts: Parts, order: str, ended: Sequence[tuple[Work, Ending]]) -> None:
    """Write how claims of an order ended, waiting out a short absence of the database."""
    give_up_at = time.monotonic() + parts.patience_s
    while True:
        try:
            for work, _ in ended:
                work.till.settle()
            with parts.database.begin() as session:
                finished = endings.end(session, order, [ending for _, ending in ended])
            break
        except StoreUnavailable:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(1)
    if finished:
        parts.doorbell.ring(Finished(generation_id=order))
        with suppress(FilesUnavailable):
            parts.files.remove_preview(order)
