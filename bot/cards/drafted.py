"""What an order is going to be, in a line or two, before it is placed."""

from collections.abc import Iterator

from bot.cards import remarks
from bot.i18n import Words
from bot.markdown import plain
from bot.wishes.options import Draft
from engine.variants.catalog import Variant

NEGATIVE_SHOWN = 300


def lines(words: Words, variant: Variant, draft: Draft, *, seeded: bool) -> Iterator[str]:
    """Yield what will be drawn by what, and what is remarked on; its seed where it is `seeded`."""
    facts = " · ".join(_facts(words, variant, draft, seeded=seeded))
    yield words("several.each", facts=facts)
    if draft.request.negative:
        yield words("result.negative", negative=plain(draft.request.negative, NEGATIVE_SHOWN))
    yield from remarks.lines(words, draft.remarks)


def _facts(words: Words, variant: Variant, draft: Draft, *, seeded: bool) -> Iterator[str]:
    request = draft.request
    name = words.name(f"variants.{variant.name}", variant.name)
    yield f"**{plain(name.partition(' · ')[0])}**"
    yield f"{request.width}×{request.height}"
    yield words("several.pictures", count=request.count)
    if seeded:
        yield words("result.seed", seeds=f"`{request.seeds[0]}`")
    if variant.steps.is_choice:
        yield words("result.steps", steps=request.steps)
    if variant.guidance.is_choice:
        yield words("result.guidance", guidance=f"{request.guidance:g}")
    if draft.spoiler:
        yield words("several.hidden")
    yield words("several.credits", price=variant.price(request))
