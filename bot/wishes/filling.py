"""What a member has kept, put where an order leaves an option out. Pure.

An option that was typed always counts. One that is kept counts where the variant can take it, so
that a default made for one variant never stands in the way of another; what was left out is named.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bot.wishes import routing
from bot.wishes.options import RawOptions, Reader, is_visible
from engine.errors import RequestRefused
from engine.variants.bounds import UNGUIDED, Guidance, Steps
from engine.variants.catalog import Variant

Kept = Mapping[str, Any]
"""Options by name, as SQL has them; another version may have written others."""
KEPT = ("variant", "size", "lora", "count", "negative", "steps", "guidance", "spoiler", "polish")
PLACE = "{prompt}"
"""Where in a style the prompt goes; a style without it comes behind the prompt."""


def with_variant(raw: RawOptions, kept: Kept, may: Callable[[str], bool]) -> RawOptions:
    """Return the options with the variant that is kept, if none was typed and it may be used."""
    named = kept.get("variant")
    if raw.variant or not isinstance(named, str) or not may(named):
        return raw
    return replace(raw, variant=named)


def with_rest(
    reader: Reader, raw: RawOptions, kept: Kept, variant: Variant
) -> tuple[RawOptions, tuple[str, ...]]:
    """Return the options with all else that is kept, and the names of what does not fit."""
    fitting = dict(_fitting(reader, raw, kept, variant))
    missing = tuple(
        name
        for name in KEPT
        if kept.get(name) is not None and _left_out(raw, name) and name not in fitting
    )
    return replace(raw, prompt=styled(raw.prompt, kept.get("style")), **fitting), missing


def styled(prompt: str, style: str | None) -> str:
    """Return the prompt in a style; one that says nothing stays as it is."""
    if not style or not any(map(is_visible, prompt)):
        return prompt
    if PLACE in style:
        return style.replace(PLACE, prompt)
    comma = "，" if routing.SIGN.search(style) else ", "
    return f"{prompt}{comma}{style}"


def _fitting(
    reader: Reader, raw: RawOptions, kept: Kept, variant: Variant
) -> Iterator[tuple[str, Any]]:
    # Of another variant these numbers would mean something else.
    same = kept.get("variant") in (None, variant.name)
    given = {
        name: kept[name] for name in KEPT if kept.get(name) is not None and _left_out(raw, name)
    }
    if "size" in given and _is_drawn(reader, given["size"], variant):
        yield "size", given["size"]
    if "lora" in given and variant.loras:
        yield "lora", given["lora"]
    if "count" in given:
        yield "count", min(given["count"], variant.max_count)
    yield from ((name, given[name]) for name in ("spoiler", "polish") if name in given)
    if "steps" in given and same and _within(variant.steps, given["steps"]):
        yield "steps", given["steps"]
    guidance = variant.guidance.default if raw.guidance is None else raw.guidance
    if "guidance" in given and same and _within(variant.guidance, given["guidance"]):
        guidance = given["guidance"]
        yield "guidance", guidance
    if "negative" in given and _is_heard(variant, given["negative"], guidance):
        yield "negative", given["negative"]


def _left_out(raw: RawOptions, name: str) -> bool:
    typed = getattr(raw, name)
    return typed is None or (isinstance(typed, str) and not typed.strip())


def _is_drawn(reader: Reader, size: str, variant: Variant) -> bool:
    try:
        reader.size(size, variant)
    except RequestRefused:
        return False
    return True


def _within(bounds: Steps | Guidance, value: float) -> bool:
    return bounds.least <= value <= bounds.most


def _is_heard(variant: Variant, negative: str, guidance: float) -> bool:
    fits = len(negative) <= variant.prompt_limit
    return variant.negative and guidance > UNGUIDED and fits
