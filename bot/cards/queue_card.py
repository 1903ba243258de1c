"""Who waits: a member's own open orders with place and time, and how the line stands for all."""

from collections.abc import Iterator

from discord import ui

from bot.answers import Press
from bot.cards import letters, marks, order_card
from bot.cards.letters import Letter
from bot.cards.order_card import CALM
from bot.i18n import Words
from bot.markdown import plain
from bot.servers.standing import home
from bot.services import Services
from store.line import queues
from store.line.queues import Open, Queue
from store.money.ledger import Flow

PROMPT_SHOWN = 120
MOST_VARIANTS = 10


async def show(services: Services, interaction: Press) -> None:
    """Put the card into the deferred answer."""
    flow = Flow(home(interaction), interaction.user.id)
    queue = await services.database.read(queues.read, flow)
    letter = card(services.words(interaction.locale), queue)
    await interaction.edit_original_response(view=letter.view)


def card(words: Words, queue: Queue) -> Letter:
    """Return the card; each own order has a button to leave the line."""
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    shown.add_item(ui.TextDisplay(words("queue.title" if queue.orders else "queue.none")))
    for one in queue.orders:
        shown.add_item(_section(words, one))
    if (more := queue.count - len(queue.orders)) > 0:
        shown.add_item(ui.TextDisplay(f"-# {words('queue.more', count=more)}"))
    shown.add_item(ui.Separator())
    shown.add_item(ui.TextDisplay("\n".join(_line(words, queue))))
    again: ui.Button[ui.LayoutView] = ui.Button(
        label=words("queue.refresh"), custom_id=marks.button("queue", 0)
    )
    shown.add_item(ui.ActionRow(again))
    return Letter(letters.layout(shown))


def _section(words: Words, one: Open) -> ui.Section[ui.LayoutView]:
    request = one.generation.request
    name = words.name(f"variants.{one.generation.variant}", one.generation.variant)
    facts = [_place(words, one), *_time(words, one.wait.seconds)]
    text = f"**{plain(request['prompt'], PROMPT_SHOWN)}**\n{' · '.join(facts)}\n-# {plain(name)}"
    leave: ui.Button[ui.LayoutView] = ui.Button(
        label=words("buttons.cancel"), custom_id=marks.button("leave", one.generation.id)
    )
    return ui.Section(text, accessory=leave)


def _place(words: Words, one: Open) -> str:
    if one.drawing:
        done = sum(image.status == "done" for image in one.generation.images)
        return words("queue.drawing", done=done, count=len(one.generation.images))
    return order_card.place(words, one.wait.place)


def _time(words: Words, seconds: float | None) -> Iterator[str]:
    if seconds is not None:
        yield order_card.about(words, seconds)


def _line(words: Words, queue: Queue) -> Iterator[str]:
    if not queue.machines:
        yield words("queue.no_machines")
    else:
        yield words("queue.machines", count=queue.machines)
    if queue.paused:
        yield words("queue.paused")
    elif not queue.waiting:
        yield words("queue.nobody")
    by_number = sorted(queue.waiting.items(), key=lambda one: -one[1])
    for variant, count in by_number[:MOST_VARIANTS]:
        name = plain(words.short(f"variants.{variant}", variant))
        key = "queue.waiting" if queue.workers.get(variant) else "queue.waiting_alone"
        yield f"-# {words(key, variant=name, count=count, machines=queue.workers.get(variant, 0))}"
