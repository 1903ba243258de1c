"""What a reader sees in a message: words, pictures, buttons, and whether it is still working."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from engine.pictures.images import pixel_sha256
from local.discord import simulation as sim
from local.phrases import Button

LOADING = 1 << 7
EPHEMERAL = 1 << 6
BUTTON, LINK_STYLE, PREMIUM_STYLE = 2, 5, 6
CANCEL = "cancel"
"""A message that can still be cancelled is not final; the bot names such a button so."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One image in a message."""

    filename: str
    size: int
    sha256: str
    pixel_sha256: str
    width: int
    height: int
    url: str


def parts(components: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every component at any depth, in reading order."""
    if isinstance(components, list):
        for component in components:
            yield from parts(component)
    elif isinstance(components, Mapping):
        if "type" in components:
            yield components
        for key in ("components", "component", "accessory"):
            yield from parts(components.get(key))


def words(message: sim.Message) -> str:
    """Return the text of a message, classic or built from components."""
    texts = [part.get("content") for part in parts(message.components)]
    embeds = [embed.get(key) for embed in message.embeds for key in ("title", "description")]
    return "\n".join(str(text) for text in [message.content, *embeds, *texts] if text)


def buttons(message: sim.Message) -> list[Button]:
    """Return the buttons that can be pressed."""
    return [
        Button(part.get("label") or (part.get("emoji") or {}).get("name") or "", part["custom_id"])
        for part in parts(message.components)
        if part["type"] == BUTTON
        and part.get("style") not in (LINK_STYLE, PREMIUM_STYLE)
        and not part.get("disabled")
    ]


def is_working(message: sim.Message) -> bool:
    """Whether the bot will change this message again by itself.

    It will while Discord shows "thinking", and while one of its components can cancel the work.
    Anything else is final, whatever it says: a result, a refusal, an error. So the rule needs no
    word of the bot's texts, only that a custom_id of its cancel button contains "cancel".
    """
    can_cancel = any(CANCEL in str(part.get("custom_id")) for part in parts(message.components))
    return bool(message.flags & LOADING) or can_cancel


def is_ephemeral(message: sim.Message) -> bool:
    """Whether only one member sees the message."""
    return bool(message.flags & EPHEMERAL)


def pictures(message: sim.Message, cdn: Any) -> list[Picture]:
    """Return the images in a message, measured and hashed."""
    found = (_picture(item, cdn.get(item["url"]) or b"") for item in message.attachments)
    return [picture for picture in found if picture is not None]


def _picture(item: Mapping[str, Any], data: bytes) -> Picture | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            pixels = pixel_sha256(image.convert("RGB"))
            width, height = image.size
    except OSError:  # not an image, or a broken one, which is no picture to a reader either
        return None
    return Picture(
        filename=item["filename"],
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_sha256=pixels,
        width=width,
        height=height,
        url=item["url"],
    )
