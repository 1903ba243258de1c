"""What /verify tells, from the surest to what a file merely says about itself."""

from collections.abc import Iterator

import discord
from discord import ui

from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.i18n import Words
from bot.markdown import plain, quote
from bot.services import Services
from bot.verify.looking import Looked
from engine.labels.seal import Signature
from engine.pictures.uploads import FORMATS
from engine.request import ImageRequest
from store.pictures.origins import Origin, Viewer

PROMPT = 800
READABLE = ["WebP" if one == "WEBP" else one for one in FORMATS]
"""As the formats write themselves."""


def card(
    services: Services, locale: object, looked: Looked, origin: Origin | None, viewer: Viewer
) -> Letter:
    """Return the card, with a button to draw it again where the order is known to the viewer."""
    words = services.words(locale)
    seen = origin if origin and viewer.sees(origin.generation) else None
    key, signs = _judgement(looked, origin), services.labels.seal is not None
    title = "unknown_unsigned" if key == "unknown" and not signs else key
    lines = [
        words(f"verify.{title}", formats=words("list.comma").join(READABLE)),
        *_order(words, origin, seen),
        *_signature(words, looked, signs=signs),
        _label(words, looked),
        *_recipe(words, looked),
    ]
    if key == "unreadable":
        del lines[1:]  # it says nothing
    colour = order_card.SORRY if key in ("unknown", "unreadable") else order_card.CALM
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=colour)
    shown.add_item(ui.TextDisplay("\n".join(lines)))
    if seen and _repeats(services, seen):
        shown.add_item(ui.ActionRow(_prove(words, seen)))
    return Letter(letters.layout(shown))


def _judgement(looked: Looked, origin: Origin | None) -> str:
    if origin and origin.exact:
        return "exact"
    if looked.found.signed.signature is Signature.OURS:
        return "signed"
    if origin:
        return "claimed"
    return "unknown" if looked.is_picture or _says_anything(looked) else "unreadable"


def _says_anything(looked: Looked) -> bool:
    found = looked.found
    return bool(found.aigc or found.recipe) or found.signed.signature is not Signature.NONE


def _order(words: Words, origin: Origin | None, seen: Origin | None) -> Iterator[str]:
    if seen:
        generation = seen.generation
        at = generation.created_at // 1000
        yield words("verify.order", id=generation.id, nth=seen.index + 1, at=at)
    elif origin:
        yield words("verify.elsewhere")


def _signature(words: Words, looked: Looked, *, signs: bool) -> Iterator[str]:
    """Say who signed; that nobody did means nothing where the host `signs` nothing."""
    signed = looked.found.signed
    if signs or signed.signature is not Signature.NONE:
        yield words(f"verify.signature_{signed.signature}", signer=plain(signed.signer, 160))


def _label(words: Words, looked: Looked) -> str:
    """Say what the AIGC field says; one of a value that the standard lacks is none."""
    aigc = looked.found.aigc
    if aigc is None or f"verify.aigc_{aigc.label}" not in words.texts:
        return words("verify.aigc_none")
    parts = [words(f"verify.aigc_{aigc.label}")]
    if aigc.producer:
        parts.append(words("verify.producer", producer=plain(aigc.producer, 80)))
    if aigc.produce_id:
        parts.append(words("verify.number", number=plain(aigc.produce_id, 80)))
    return " · ".join(parts)


def _recipe(words: Words, looked: Looked) -> Iterator[str]:
    recipe = looked.found.recipe
    if recipe is None:
        yield words("verify.recipe_none")
        return
    request = recipe.request
    yield words("verify.recipe", facts=_facts(words, request))
    yield quote(request.prompt, PROMPT) if request.prompt else words("verify.wordless")


def _facts(words: Words, request: ImageRequest) -> str:
    name = words.name(f"variants.{request.variant}", request.variant)
    size = f"{request.width}×{request.height}"
    return " · ".join((plain(name, 80), size, words("result.seed", seeds=f"`{request.seed}`")))


def _repeats(services: Services, origin: Origin) -> bool:
    """Tell whether the order's variant is here still, and draws the same twice."""
    name = origin.generation.variant
    return name in services.catalog.names and services.catalog[name].seeds


def _prove(words: Words, origin: Origin) -> ui.Button[ui.LayoutView]:
    return ui.Button(
        style=discord.ButtonStyle.primary,
        label=words("buttons.prove"),
        custom_id=marks.button("again", origin.generation.id),
    )
