"""What members see of LoRAs: one, a page of them, how far a file is. It decides nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import discord
from discord import ui

from bot.cards import letters, marks
from bot.cards.letters import Attachment, Letter
from bot.cards.order_card import BUSY, CALM, CELLS, SORRY
from bot.i18n import Words
from bot.markdown import plain
from store.loras.library import MB, Room
from store.loras.shares import EVERYONE, Found
from store.tables.loras import Lora, LoraFetch, LoraShare

PER_PAGE = 8
PREVIEW = "preview.png"
REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A LoRA and what its card tells beyond its row; `shares` are for its owner's eyes."""

    lora: Lora
    is_own: bool
    is_favourite: bool
    shares: Sequence[LoraShare] = ()
    guild_id: int = 0
    preview: bytes | None = None


def info(words: Words, known: Known) -> Letter:
    """Return the card of one LoRA."""
    lora = known.lora
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=_colour(lora))
    star = "★ " if known.is_favourite else ""
    lines = [f"## {star}{plain(lora.name)}", *_facts(words, lora)]
    if not known.is_own:
        lines.append(words("lora.by", user=lora.owner_id))
    elif lora.status != REFUSED:
        lines.append(_shared(words, known))
    if lora.status == "ready":
        lines.append(f"-# {words('lora.use')}")
    shown.add_item(ui.TextDisplay("\n".join(lines)))
    attachments: tuple[Attachment, ...] = ()
    if known.preview:
        attachments = (Attachment(PREVIEW, known.preview),)
        shown.add_item(ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{PREVIEW}")))
    if buttons := list(_buttons(words, known)):
        shown.add_item(ui.ActionRow(*buttons))
    return Letter(letters.layout(shown), attachments)


def listing(words: Words, found: Sequence[Found], count: int, page: int, left: Room) -> Letter:
    """Return a page of what a member may use here, with buttons to turn."""
    last = max(0, (count - 1) // PER_PAGE)
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    shown.add_item(ui.TextDisplay(words("lora_list.title" if count else "lora_list.empty")))
    for item in found:
        shown.add_item(ui.TextDisplay(entry(words, item)))
    room = words("lora_list.room", count=max(0, left.loras), mb=max(0, left.nbytes) // MB)
    shown.add_item(ui.TextDisplay(f"-# {room}"))
    if last:
        shown.add_item(ui.Separator())
        shown.add_item(ui.ActionRow(*_turns(words, page, last)))
    return Letter(letters.layout(shown))


def entry(words: Words, item: Found) -> str:
    """Return a LoRA in two lines."""
    lora = item.lora
    star = "★ " if item.is_favourite else ""
    whose = words("lora.mine" if item.is_own else "lora.shared")
    parts = [base_name(words, lora.base) if lora.base else "", _status(words, lora)]
    if lora.triggers:
        parts.append(words("lora.says", triggers=plain(lora.triggers, 80)))
    facts = " · ".join(part for part in parts if part)
    return f"**{star}{plain(lora.name)}** · {whose}\n-# {facts}"


def fetching(words: Words, lora: Lora, fetch: LoraFetch | None = None) -> Letter:
    """Return the card of a file that is on its way."""
    lines = [f"### {words('lora_add.waiting')}", f"**{plain(lora.name)}**"]
    if fetch is not None and fetch.got_bytes:
        lines[0] = f"### {words('lora_add.fetching')}"
        lines.append(_progress(words, fetch.got_bytes, fetch.all_bytes))
        if fetch.got_bytes == fetch.all_bytes:
            lines[0] = f"### {words('lora_add.checking')}"
    return _notice("\n".join([*lines, f"-# {words('lora_add.stays')}"]), BUSY)


def removal(words: Words, lora: Lora) -> Letter:
    """Return the card that asks back."""
    asked = words("lora_remove.question", name=plain(lora.name))
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=SORRY)
    shown.add_item(ui.TextDisplay(asked))
    yes: ui.Button[ui.LayoutView] = ui.Button(
        label=words("removal.yes"),
        style=discord.ButtonStyle.danger,
        custom_id=marks.button("loragone", lora.id),
    )
    no: ui.Button[ui.LayoutView] = ui.Button(
        label=words("removal.no"), custom_id=marks.button("keep", lora.id)
    )
    shown.add_item(ui.ActionRow(yes, no))
    return Letter(letters.layout(shown))


def said(text: str) -> Letter:
    """Return a card of one sentence."""
    return _notice(text, CALM)


def base_name(words: Words, base: str) -> str:
    """Return how a base is called."""
    return words.name(f"lora_bases.{base}", plain(base))


def _notice(text: str, colour: discord.Colour) -> Letter:
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=colour)
    shown.add_item(ui.TextDisplay(text))
    return Letter(letters.layout(shown))


def _colour(lora: Lora) -> discord.Colour:
    return {"ready": CALM, REFUSED: SORRY}.get(lora.status, BUSY)


def _facts(words: Words, lora: Lora) -> Iterator[str]:
    if lora.error:
        yield words.failure(lora.error["code"], lora.error["params"])
        return
    if lora.base is None:
        yield _status(words, lora)
        return
    size = f"{lora.nbytes / MB:.1f} MB"
    facts = (base_name(words, lora.base), words("lora.rank", rank=lora.rank), size)
    yield " · ".join(facts)
    yield words("lora.weight", weight=f"{lora.weight:g}")
    if lora.triggers:
        yield words("lora.says", triggers=plain(lora.triggers))
    if lora.licence:
        yield words("lora.licence", licence=plain(lora.licence))
    source, day = words(f"lora.source_{lora.source}"), f"<t:{lora.created_at // 1000}:d>"
    yield f"-# {source} · {day} · `{lora.id}`"


def _status(words: Words, lora: Lora) -> str:
    if lora.status == "ready":
        return ""
    if (lora.status, lora.source) == ("checking", "trained"):
        return words("lora.training")  # nothing to check yet: its file is what the training makes
    return words(f"lora.{lora.status}")


def _shared(words: Words, known: Known) -> str:
    here = [one for one in known.shares if one.guild_id == known.guild_id]
    elsewhere = len({one.guild_id for one in known.shares} - {known.guild_id})
    parts = []
    if any(one.role_id == EVERYONE for one in here):
        parts.append(words("lora.shared_here"))
    elif here:
        roles = " ".join(f"<@&{one.role_id}>" for one in here)
        parts.append(words("lora.shared_roles", roles=roles))
    if elsewhere:
        parts.append(words("lora.shared_elsewhere", count=elsewhere))
    return " · ".join(parts) or words("lora.private")


def _progress(words: Words, got: int, of: int | None) -> str:
    if not of:
        return words("lora_add.got", mb=f"{got / MB:.1f}")
    filled = CELLS * got // of
    bar = f"`{'█' * filled}{'░' * (CELLS - filled)}`"
    return f"{bar} {words('lora_add.got_of', mb=f'{got / MB:.1f}', all=f'{of / MB:.1f}')}"


def _buttons(words: Words, known: Known) -> Iterator[ui.Button[ui.LayoutView]]:
    """Yield what can be done with it: one that nobody can draw with is no favourite."""
    lora = known.lora
    if known.is_favourite or lora.status == "ready":
        key = "unfavour" if known.is_favourite else "favour"
        yield ui.Button(label=words(f"lora.{key}"), custom_id=marks.button("lorafav", lora.id))
    if known.is_own:
        yield ui.Button(label=words("lora.remove"), custom_id=marks.button("loradrop", lora.id))


def _turns(words: Words, page: int, last: int) -> Iterator[ui.Button[ui.LayoutView]]:
    for key, to, disabled in (("back", page - 1, page == 0), ("more", page + 1, page == last)):
        yield ui.Button(
            label=words(f"variant_list.{key}"),
            custom_id=marks.button("loras", key if disabled else to),
            disabled=disabled,
        )
