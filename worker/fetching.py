"""Files on their way between a claim and the file store, whose short absences are waited out."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from engine.errors import InputLost, LoraLost
from engine.request import ImageRequest
from store.errors import FilesUnavailable
from store.loras import unneeded
from worker.hand import Grip

if TYPE_CHECKING:
    from worker.drawing import Parts

T = TypeVar("T")


def put(parts: "Parts", grip: Grip, png: bytes) -> str:
    """Keep a finished file; return its name."""
    return _patiently(parts, grip, partial(parts.files.put, grip.claim.generation_id, png))


def pictures(parts: "Parts", grip: Grip, request: ImageRequest) -> Mapping[str, bytes]:
    """Read what the request starts from. Raises InputLost where one is gone."""
    return {name: _picture(parts, grip, name) for name in request.files}


def loras(parts: "Parts", grip: Grip, request: ImageRequest) -> None:
    """Have the request's LoRAs at hand. Raises LoraLost where one is gone or was removed."""
    if not request.loras:
        return
    with parts.database.begin() as session:
        if unneeded.gone(session, [use.sha256 for use in request.loras]):
            raise LoraLost
    adapters = parts.engine.adapters
    lacking = adapters.lacking(request)
    with parts.stay.bringing(len(lacking)):
        for sha256 in lacking:
            _patiently(parts, grip, partial(parts.loras.bring, adapters, sha256))


def _picture(parts: "Parts", grip: Grip, name: str) -> bytes:
    try:
        return _patiently(parts, grip, partial(parts.files.get, grip.claim.generation_id, name))
    except FilesUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise InputLost from error
        raise


def _patiently(parts: "Parts", grip: Grip, act: Callable[[], T]) -> T:
    give_up_at = time.monotonic() + parts.patience_s
    while True:
        try:
            return act()
        except FilesUnavailable as error:
            gone = isinstance(error.__cause__, FileNotFoundError)
            if gone or time.monotonic() > give_up_at:
                raise
            grip.check()
            time.sleep(1)
