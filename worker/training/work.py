"""One engine that trains: claim the next training, run it, write how it ended; until none waits.

Knows neither Celery nor Discord.
"""

import time
from collections.abc import Callable
from functools import partial

import structlog
from sqlalchemy.orm import Session

from engine.errors import EngineFailed, GenerationCancelled, RequestRefused
from store.errors import FilesUnavailable, LeaseLost, StoreUnavailable
from store.host import controls
from store.outages import reason
from store.training import claims
from store.training.claims import Claim
from worker.hand import ClaimStopped
from worker.training.claimed import Work
from worker.training.parts import Parts

Ending = Callable[[], None]
"""Writes how a claim ended."""

log = structlog.get_logger()


def train_waiting(parts: Parts) -> int:
    """Train until nothing waits or the worker leaves; return the number of claims taken."""
    taken = 0
    while not parts.hand.leaving and (claim := _next(parts)):
        taken += 1
        with parts.hand.holding(claim):
            _end(parts, claim, _ending(parts, claim))
    return taken


def _next(parts: Parts) -> Claim | None:
    with parts.database.begin() as session:
        if controls.is_paused(session):
            return None
        return claims.claim(session, parts.name, tuple(parts.variants))


def _ending(parts: Parts, claim: Claim) -> Ending:
    told = log.bind(lora=claim.lora_id, attempt=claim.attempt)
    work = Work(parts, claim)
    try:
        ending = work.run()
    except ClaimStopped:
        told.info("training handed back", step=work.step)
        return _writing(parts, partial(claims.release, claim=claim))
    except GenerationCancelled:
        told.info("training cancelled", step=work.step)
        return _writing(parts, partial(claims.cancelled, claim=claim, step=work.step))
    except LeaseLost:
        told.warning("lease lost, training dropped", step=work.step)
        return lambda: None
    except FilesUnavailable as error:
        told.error("training put off", step=work.step, error=reason(error))
        return _writing(parts, partial(claims.retry, claim=claim, error=error))
    except (RequestRefused, EngineFailed) as error:
        told.exception("training failed", step=work.step)
        return _writing(parts, partial(claims.fail, claim=claim, error=error))
    except Exception:
        told.exception("training failed unexpectedly", step=work.step)
        return _writing(parts, partial(claims.retry, claim=claim, error=EngineFailed()))
    told.info("training done", steps=work.step)
    return ending


def _writing(parts: Parts, write: Callable[[Session], None]) -> Ending:
    def ending() -> None:
        with parts.database.begin() as session:
            write(session)

    return ending


def _end(parts: Parts, claim: Claim, ending: Ending) -> None:
    """Write the claim's end, waiting out a short absence of the stores."""
    give_up_at = time.monotonic() + parts.patience_s
    while True:
        try:
            ending()
            return
        except LeaseLost:
            log.warning("lease lost, result dropped", lora=claim.lora_id)
            return
        except FilesUnavailable as error:
            if time.monotonic() > give_up_at:
                log.error("training put off", lora=claim.lora_id, error=reason(error))
                ending = _writing(parts, partial(claims.retry, claim=claim, error=error))
            time.sleep(1)
        except StoreUnavailable:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(1)
