"""The variants of this bot as ephemeral pages: what each is good for, takes, costs and allows.

It shows what the variants' files say, which of them a worker draws now and which the host has
switched off; it decides nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from discord import ui
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import letters, marks
from bot.cards.letters import Letter
from bot.cards.order_card import CALM
from bot.i18n import Words
from bot.markdown import plain
from bot.services import Services
from engine.variants.catalog import Catalog, Variant
from store.host import controls, workers

MOST_A_PAGE = 8
"""Two components each; for the eye more than for Discord's forty."""


async def show(services: Services, interaction: Press, page: int) -> None:
    """Put a page into the deferred answer; past the end, the last one."""
    told = await services.database.read(readiness, services.catalog.names)
    words = services.words(interaction.locale)
    letter = card(words, pages(words, services.catalog, told), page)
    await interaction.edit_original_response(view=letter.view)


def readiness(session: Session, names: Sequence[str]) -> Mapping[str, str]:
    """Return of each variant whether it is `off`, `serving`, or `away`: no worker draws it."""
    off, served = controls.read(session).off, workers.serving(session)
    return {
        name: "off" if name in off else "serving" if name in served else "away" for name in names
    }


def pages(words: Words, catalog: Catalog, told: Mapping[str, str]) -> list[list[str]]:
    """Return the entries of each page."""
    default = catalog.default.name
    each = (described(words, catalog[name], default, told[name]) for name in catalog.names)
    return letters.pages(each, MOST_A_PAGE)


def card(words: Words, filled: Sequence[Sequence[str]], page: int) -> Letter:
    """Return one page, with buttons to turn where there are several."""
    page = min(page, len(filled) - 1)
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    shown.add_item(ui.TextDisplay(words("variant_list.title")))
    for entry in filled[page]:
        shown.add_item(ui.Separator())
        shown.add_item(ui.TextDisplay(entry))
    if len(filled) > 1:
        shown.add_item(ui.Separator())
        shown.add_item(_turning(words, page, is_last=page == len(filled) - 1))
    return Letter(letters.layout(shown))


def described(words: Words, variant: Variant, default: str, ready: str) -> str:
    """Return the entry of one variant."""
    name, suffix = plain(words.name(f"variants.{variant.name}", variant.name)), ""
    if variant.name == default:
        suffix = f" · {words('variant_list.default')}"
    price = words("variant_list.price", price=variant.cost)
    lines = [
        f"**{name}**{suffix}",
        words.name(f"good_for.{variant.name}", ""),
        f"{words(f'variant_list.{ready}')} · {price}",
        *(f"-# {' · '.join(facts)}" for facts in _facts(words, variant)),
        "" if variant.licence.commercial else words("variant_list.personal"),
    ]
    return "\n".join(line for line in lines if line)


def _facts(words: Words, variant: Variant) -> Iterator[list[str]]:
    yield [
        words("variant_list.reads", languages=_languages(words, variant.languages)),
        words("variant_list.writes", languages=_languages(words, variant.glyphs))
        if variant.glyphs
        else words("variant_list.writes_nothing"),
    ]
    yield [_sizes(words, variant)]
    yield [*_choices(words, variant), *_pictures(words, variant)]
    yield [words("variant_list.licence", licence=plain(variant.licence.name))]


def _sizes(words: Words, variant: Variant) -> str:
    sizes = variant.sizes
    if sizes.presets_only:
        each = (f"{width}×{height}" for width, height in sizes.presets.values())
        return words("variant_list.sizes_set", choices=words("list.comma").join(each))
    return words(
        "variant_list.sizes",
        least=sizes.least_side,
        most=sizes.most_side,
        multiple=sizes.multiple,
        pixels=sizes.most_pixels,
    )


def _choices(words: Words, variant: Variant) -> Iterator[str]:
    steps, guidance = variant.steps, variant.guidance
    if steps.is_choice:
        yield words("variant_list.steps", least=steps.least, most=steps.most)
    elif variant.vendor is None:
        yield words("variant_list.steps_set", steps=steps.default)
    if guidance.is_choice:
        yield words("variant_list.guidance", least=f"{guidance.least:g}", most=f"{guidance.most:g}")
    yield words("variant_list.seeds" if variant.seeds else "variant_list.seedless")


def _pictures(words: Words, variant: Variant) -> Iterator[str]:
    if variant.accepts.needs_picture:
        yield words("variant_list.picture")
    if variant.accepts.most_references:
        yield words("variant_list.references", most=variant.accepts.most_references)
    if variant.accepts.canvas:
        yield words("variant_list.canvas")


def _languages(words: Words, languages: Iterable[str]) -> str:
    each = (words.name(f"languages.{language}", language) for language in languages)
    return words("list.comma").join(each)


def _turning(words: Words, page: int, *, is_last: bool) -> ui.ActionRow[ui.LayoutView]:
    turns = (("back", page - 1, page == 0), ("more", page + 1, is_last))
    return ui.ActionRow(
        *(
            # A disabled button needs an id too, and 0 - 1 is not one that the pattern reads.
            ui.Button(
                label=words(f"variant_list.{key}"),
                custom_id=marks.button("variants", to if not disabled else key),
                disabled=disabled,
            )
            for key, to, disabled in turns
        )
    )
