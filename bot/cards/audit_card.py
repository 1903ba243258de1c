"""The audit log of a server, a page at a time; read only by those who manage it."""

from collections.abc import Iterator, Sequence

from discord import ui

from bot.answers import Press
from bot.cards import letters, marks
from bot.cards.letters import Letter
from bot.cards.order_card import CALM
from bot.i18n import Words
from bot.markdown import plain
from bot.services import Services
from store.moderation import audit
from store.tables.moderation import AuditEntry

PER_PAGE = 10
DETAIL = 80


async def show(services: Services, interaction: Press, page: int) -> None:
    """Put a page into the deferred answer."""
    found = await services.database.run(
        audit.page, interaction.guild_id or 0, offset=page * PER_PAGE, limit=PER_PAGE + 1
    )
    letter = card(services.words(interaction.locale), found, page)
    await interaction.edit_original_response(view=letter.view)


def card(words: Words, found: Sequence[AuditEntry], page: int) -> Letter:
    """Return a page; one entry more than it shows says that there is another."""
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    said = [_line(words, entry) for entry in found[:PER_PAGE]] or [words("audit.none")]
    shown.add_item(ui.TextDisplay("\n".join([words("audit.title"), *said])))
    if page or len(found) > PER_PAGE:
        shown.add_item(ui.ActionRow(*_turns(words, page, has_more=len(found) > PER_PAGE)))
    return Letter(letters.layout(shown))


def _line(words: Words, entry: AuditEntry) -> str:
    parts = [f"<t:{entry.created_at // 1000}:f>", _who(words, entry), _what(words, entry.action)]
    if entry.target_id:
        parts.append(f"→ <@{entry.target_id}>")
    if entry.generation_id:
        parts.append(f"`{entry.generation_id}`")
    details = (f"{name}: {value}" for name, value in (entry.details or {}).items())
    if told := plain(", ".join(details), DETAIL):
        parts.append(told)
    return f"- {' · '.join(parts)}"


def _who(words: Words, entry: AuditEntry) -> str:
    return f"<@{entry.actor_id}>" if entry.actor_id != audit.HOST else words("audit.bot")


def _what(words: Words, action: str) -> str:
    return words.name(f"audit_acts.{action}", f"`/{plain(action.replace('.', ' '))}`")


def _turns(words: Words, page: int, *, has_more: bool) -> Iterator[ui.Button[ui.LayoutView]]:
    for key, to, disabled in (("back", page - 1, page == 0), ("more", page + 1, not has_more)):
        yield ui.Button(
            label=words(f"variant_list.{key}"),
            custom_id=marks.button("audit", key if disabled else to),
            disabled=disabled,
        )
