"""What a member sees in a message, and pictures to put into one."""

import io
from collections.abc import Iterator
from typing import Any

from PIL import Image


def png(seed: int, size: tuple[int, int] = (16, 16)) -> bytes:
    """Return a picture whose colour depends on the seed."""
    out = io.BytesIO()
    Image.new("RGB", size, (seed % 256, seed // 256 % 256, 99)).save(out, "PNG")
    return out.getvalue()


def parts(components: Any) -> Iterator[dict[str, Any]]:
    """Yield every component at any depth."""
    for component in components:
        component = component if isinstance(component, dict) else component.to_dict()
        yield component
        yield from parts(component.get("components", []))
        yield from parts([component["accessory"]] if "accessory" in component else [])


def text(message: Any) -> str:
    """Return all words of a message."""
    shown = [part["content"] for part in parts(message.components) if "content" in part]
    return "\n".join([message.content, *shown]).strip()


def presses(message: Any) -> dict[str, str]:
    """Return the custom ids of a message's buttons by action."""
    ids = [part["custom_id"] for part in parts(message.components) if "custom_id" in part]
    return {custom_id.split(":")[0]: custom_id for custom_id in ids}


def order_id(message: Any) -> str:
    """Return the order a message is about."""
    return next(iter(presses(message).values())).split(":")[1]


def gallery(message: Any) -> list[str]:
    """Return the names of the pictures shown."""
    return [
        item["media"]["url"].rpartition("/")[2]
        for part in parts(message.components)
        for item in part.get("items", [])
    ]
