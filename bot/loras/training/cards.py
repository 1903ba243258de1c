"""What members see of a training: the question before it, how far it is, how it ended."""

from collections.abc import Iterator, Sequence

import discord
from discord import ui

from bot.cards import letters, marks
from bot.cards.letters import Attachment, Letter
from bot.cards.order_card import BUSY, CALM, CELLS, SORRY
from bot.i18n import Words
from bot.loras.cards import base_name
from bot.loras.training import curve
from bot.loras.training.asked import Pending
from bot.markdown import plain
from engine.errors import EngineFailed
from store.tables.loras import Lora
from store.tables.trainings import Training

CURVE = "curve.png"


def question(words: Words, key: str, pending: Pending) -> Letter:
    """Return the card that tells the price and asks."""
    asked = pending.asked
    lines = [
        f"### {words('lora_train.title', name=plain(asked.name))}",
        words(
            "lora_train.facts",
            base=base_name(words, asked.base),
            count=len(pending.examples),
            steps=asked.steps,
            rank=asked.rank,
        ),
    ]
    if asked.trigger:
        lines.append(words("lora.says", triggers=plain(asked.trigger)))
    lines.append(f"-# {words('lora_train.rules')}")
    shown = _container("\n".join(lines), BUSY)
    go: ui.Button[ui.LayoutView] = ui.Button(
        label=words("lora_train.go", price=asked.price),
        style=discord.ButtonStyle.primary,
        custom_id=marks.button("traingo", key),
    )
    shown.add_item(ui.ActionRow(go))
    return Letter(letters.layout(shown))


def under_way(
    words: Words, training: Training, lora: Lora, pictures: Sequence[bytes] = ()
) -> Letter:
    """Return the card of a training that waits or runs."""
    key = "stopping" if training.cancel_requested else training.status
    lines = [
        f"### {words(f'lora_train.{key}', name=plain(lora.name))}",
        f"{_bar(training)} {words('lora_train.step', step=training.step, steps=training.steps)}",
        f"-# {words('lora_train.stays')}",
    ]
    shown = _container("\n".join(lines), BUSY)
    attachments = tuple(_shown(shown, training, pictures))
    stop: ui.Button[ui.LayoutView] = ui.Button(
        label=words("lora_train.stop"),
        custom_id=marks.button("trainstop", training.lora_id),
        disabled=training.cancel_requested,
    )
    shown.add_item(ui.ActionRow(stop))
    return Letter(letters.layout(shown), attachments)


def ended(words: Words, training: Training, lora: Lora, pictures: Sequence[bytes] = ()) -> Letter:
    """Return the card of a training that has ended."""
    name = plain(lora.name)
    if training.status == "done":
        shown = _container(_done(words, training, lora), CALM)
        return Letter(letters.layout(shown), tuple(_shown(shown, training, pictures)))
    if training.status == "cancelled":
        back = training.price - (training.due or 0)
        text = words("lora_train.cancelled", name=name, step=training.step, back=back)
    else:
        text = f"{words('lora_train.failed', name=name)}\n{_reason(words, training)}"
    return Letter(letters.layout(_container(text, SORRY)))


def _reason(words: Words, training: Training) -> str:
    """Say why one failed; where that is not known, not in the words for pictures."""
    error = training.error or {"code": EngineFailed.code, "params": {}}
    if error["code"] == EngineFailed.code:
        return words("lora_train.again")
    return words.failure(error["code"], error["params"])


def _done(words: Words, training: Training, lora: Lora) -> str:
    lines = [f"### {words('lora_train.done', name=plain(lora.name))}"]
    if lora.triggers:
        lines.append(words("lora.says", triggers=plain(lora.triggers)))
    lines.append(f"-# {words('lora_train.use', name=plain(lora.name))}")
    return "\n".join(lines)


def _shown(
    card: "ui.Container[ui.LayoutView]", training: Training, pictures: Sequence[bytes]
) -> Iterator[Attachment]:
    files = []
    losses = (training.curve or {}).get("all", ())
    if len(losses) > 1:
        files.append(Attachment(CURVE, curve.drawn(losses, training.step / training.steps)))
    files += [Attachment(f"sample-{at}.png", one) for at, one in enumerate(pictures, start=1)]
    if files:
        items = [discord.MediaGalleryItem(f"attachment://{file.name}") for file in files]
        card.add_item(ui.MediaGallery(*items))
    yield from files


def _bar(training: Training) -> str:
    filled = CELLS * training.step // training.steps
    return f"`{'█' * filled}{'░' * (CELLS - filled)}`"


def _container(text: str, colour: discord.Colour) -> "ui.Container[ui.LayoutView]":
    shown: ui.Container[ui.LayoutView] = ui.Container(accent_colour=colour)
    shown.add_item(ui.TextDisplay(text))
    return shown
