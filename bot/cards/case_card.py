"""A reported order as moderators see it: what was said of it, what was done, what can be done."""

from collections.abc import Iterator

import discord
from discord import ui

from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.delivery.pictures import Fetched
from bot.i18n import Words
from bot.markdown import plain, quote
from store.moderation.reports import ACTS, Seen
from store.tables.moderation import AuditEntry

PROMPT = 600
REASON = 200
SUSPENSIONS = (1, 24, 7 * 24, 30 * 24)
"""Hours that a moderator picks from."""
ROWS = (("rhide", "rdelete", "rwarn"), ("rsuspend", "rban", "rdismiss"))
GRAVE = ("rdelete", "rban")


def card(words: Words, seen: Seen, fetched: Fetched) -> Letter:
    """Return the message of a case; its pictures are behind spoilers."""
    is_open = not seen.case.outcome
    colour = order_card.BUSY if is_open else order_card.CALM
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=colour)
    shown.add_item(ui.TextDisplay("\n".join(_lines(words, seen))))
    if fetched.attachments:
        gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
        for file in fetched.attachments.values():
            gallery.add_item(media=f"attachment://{file.name}", spoiler=True)
        shown.add_item(gallery)
    if seen.acts:
        shown.add_item(ui.TextDisplay("\n".join(_act(words, act) for act in seen.acts)))
    for row in ROWS if is_open else ():
        shown.add_item(ui.ActionRow(*(_button(words, one, seen.generation.id) for one in row)))
    return Letter(letters.layout(shown), tuple(fetched.attachments.values()))


def lengths(words: Words, generation_id: str) -> Letter:
    """Return the question for how long a member is suspended."""
    asked: ui.Container[ui.LayoutView] = ui.Container(accent_colour=order_card.BUSY)
    asked.add_item(ui.TextDisplay(words("case.how_long")))
    asked.add_item(
        ui.ActionRow(
            *(
                ui.Button(
                    label=span(words, hours),
                    custom_id=marks.button("rsuspend", generation_id, hours),
                )
                for hours in SUSPENSIONS
            )
        )
    )
    return Letter(letters.layout(asked))


def span(words: Words, hours: int) -> str:
    """Say how long, in hours or in days."""
    if hours < 24:
        return words("case.hours", count=hours)
    return words("case.days", count=hours // 24)


def _lines(words: Words, seen: Seen) -> Iterator[str]:
    generation = seen.generation
    yield words("case.title", id=generation.id, user=generation.user_id)
    if prompt := generation.request["prompt"]:  # a deleted order has none
        yield quote(prompt, PROMPT)
    if generation.deleted_at is None and generation.message_id:
        place = f"{generation.guild_id}/{generation.channel_id}/{generation.message_id}"
        yield f"[{words('case.message')}](https://discord.com/channels/{place})"
    for report in seen.reports:
        yield words("case.said", user=report.user_id, reason=plain(report.reason, REASON))


def _act(words: Words, act: AuditEntry) -> str:
    did = words.name(f"case_acts.{act.action.removeprefix(ACTS)}", act.action)
    hours = (act.details or {}).get("hours")
    text = words("case.act", user=act.actor_id, did=did, at=act.created_at // 1000)
    return f"{text} · {span(words, hours)}" if hours else text


def _button(words: Words, action: str, generation_id: str) -> ui.Button[ui.LayoutView]:
    style = discord.ButtonStyle.danger if action in GRAVE else discord.ButtonStyle.secondary
    label = words(f"buttons.{action}")
    return ui.Button(label=label, style=style, custom_id=marks.button(action, generation_id))
