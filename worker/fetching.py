"""Files on their way between a claim and the file store, whose short absences are waited out."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import InputLost, LoraLost
from engine.request import ImageRequest
from store.errors import FilesUnavailable
from store.loras import unneeded
from worker.hand import Grip
from worker.patience import patiently

if TYPE_CHECKING:
    from worker.drawing import Parts


def put(parts: "Parts", grip: Grip, png: bytes) -> str:
    """Keep a finished file; return its name."""
    keep = partial(parts.files.put, grip.claim.generation_id, png)
    return patiently(parts.patience_s, grip.check, keep)


def pictures(parts: "Parts", grip: Grip, request: ImageRequest) -> Mapping[str, bytes]:
    """Read what the request starts from. Raises InputLost where one is gone."""
    return {name: _picture(parts, grip, name) for name in request.files}


def loras(parts: "Parts", grip: Grip, request: ImageRequest) -> None:
    """Have the request's LoRAs at hand. Raises LoraLost where one is gone or was removed."""
    if not request.loras:
        return
    with parts.database.reading() as session:
        if unneeded.gone(session, [use.sha256 for use in request.loras]):
            raise LoraLost
    adapters = parts.engine.adapters
    lacking = adapters.lacking(request)
    with parts.stay.bringing(len(lacking)):
        for sha256 in lacking:
            bring = partial(parts.loras.bring, adapters, sha256)
            patiently(parts.patience_s, grip.check, bring)


def _picture(parts: "Parts", grip: Grip, name: str) -> bytes:
    try:
        read = partial(parts.files.get, grip.claim.generation_id, name)
        return patiently(parts.patience_s, grip.check, read)
    except FilesUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise InputLost from error
        raise
