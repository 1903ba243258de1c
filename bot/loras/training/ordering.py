"""A training from the command to its row: pictures, price, the member's word, then one transaction.

Nothing is charged before the button is pressed. The answer to that press is the card that shows how
far it is; `bot.loras.training.telling` edits it from then on.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import discord
import structlog
from discord import ui
from sqlalchemy.orm import Session

from bot import answers
from bot.answers import Press
from bot.loras import shown
from bot.loras.training import cards, gathering
from bot.loras.training.asked import Asked, Pending, made_up, prompts
from bot.orders import ruling
from bot.servers import places
from bot.servers.standing import home, rank
from bot.services import Services
from bot.wishes import fetch
from engine.training.plan import LEAST_EXAMPLES, Example, check
from store.choices import channels
from store.choices.channels import Place
from store.errors import FilesUnavailable
from store.host import controls, workers
from store.loras import library
from store.moderation import sanctions
from store.orders.order import new_id
from store.tables.loras import Lora
from store.tables.trainings import Training
from store.training import trainings
from store.training.errors import TrainerMissing
from store.training.trainings import Ordered
from worker.queue import BrokerUnavailable

UPLOADS, EACH = 5, 10
"""What Discord's forms hold: fields, and files in one."""
OPEN_S = 14 * 60

log = structlog.get_logger()


async def ask(
    services: Services, interaction: Press, asked: Asked, archive: discord.Attachment | None
) -> None:
    """Take pictures from a zip, or open the form for them. Raises a RequestRefused."""
    library.tidy(asked.name)
    check(asked.variant, asked.plan, LEAST_EXAMPLES)
    # Asked before anybody uploads pictures for nothing.
    plan = await services.database.read(shown.plan_in, services, interaction)
    trainings.check_plan(plan)
    if archive is None:
        # Pictures of a form have no descriptions: without a trigger word they teach nothing.
        named = asked if asked.trigger else replace(asked, trigger=made_up(asked.name))
        is_made_up = named is not asked
        form = _form(services, interaction, named, is_made_up=is_made_up)
        await interaction.response.send_modal(form)
        return
    await interaction.response.defer(ephemeral=True, thinking=True)
    examples = await gathering.from_zip(services, archive, asked.trigger, _pixels(asked))
    await _question(services, interaction, asked, examples)


async def submitted(services: Services, interaction: Press) -> None:
    """Take the pictures of a submitted form."""
    async with answers.guarded(interaction, services.words(interaction.locale)):
        data: Mapping[str, Any] = {**(interaction.data or {})}
        asked = Asked.of_form(str(data.get("custom_id")), services.catalog)
        check(asked.variant, asked.plan, LEAST_EXAMPLES)
        files = _uploaded(interaction, data)
        gathering.check_count(len(files))
        await interaction.response.defer(ephemeral=True, thinking=True)
        examples = await gathering.from_attachments(services, files, asked.trigger, _pixels(asked))
        await _question(services, interaction, asked, examples)


async def confirmed(services: Services, interaction: Press, key: str, _page: int) -> None:
    """Order the training that the button is about, once."""
    places.require_permissions(interaction)
    pending = services.trainings.take(key, interaction.user.id, services.now())
    callback = await interaction.response.defer(thinking=True)
    message_id = callback.message_id if callback else None
    try:
        training, lora = await _order(services, interaction, pending, message_id)
    except Exception as error:
        services.trainings.put_back(key, pending)
        words = services.words(interaction.locale)
        await answers.withdraw(interaction, words.error(answers.expected(error)))
        return
    letter = cards.under_way(services.words(interaction.locale), training, lora)
    with suppress(discord.HTTPException):  # the telling shows it again
        await interaction.edit_original_response(view=letter.view)
    with suppress(BrokerUnavailable):  # the trainer's own sweep finds it
        await services.tickets.asend(workers.trainer(training.base))


async def stopped(services: Services, interaction: Press, lora_id: str, _page: int) -> None:
    """Stop the member's own training."""
    await interaction.response.defer()

    def stop(session: Session) -> None:
        trainings.stop(session, lora_id, interaction.user.id)

    await services.database.run(stop)


async def _question(
    services: Services, interaction: Press, asked: Asked, examples: tuple[Example, ...]
) -> None:
    check(asked.variant, asked.plan, len(examples))
    here = places.place(interaction)
    # Every caption is drawn sooner or later: as a sample, or by whoever uses the LoRA.
    for caption in dict.fromkeys(one.caption for one in examples):
        ruling.require_allowed(await ruling.verdict_on(services, here, caption))
    pending = Pending(asked, examples, interaction.user.id, services.now())
    key = services.trainings.keep(pending)
    letter = cards.question(services.words(interaction.locale), key, pending)
    await interaction.edit_original_response(view=letter.view)


async def _order(
    services: Services, interaction: Press, pending: Pending, message_id: int | None
) -> tuple[Training, Lora]:
    lora_id = new_id()
    folder = trainings.folder(lora_id)
    try:
        kept = [await services.files.aput(folder, one.picture) for one in pending.examples]
        ordered = _ordered(services, interaction, pending, (lora_id, message_id, kept))
        place = places.place(interaction)

        def create(session: Session) -> tuple[Training, Lora]:
            _check(session, interaction, pending, place)
            server = shown.server_in(session, services, interaction)
            plan = server.plan(rank(interaction))
            made = trainings.create(session, ordered, plan, shown.room(plan), server.now)
            return made, session.get_one(Lora, made.lora_id)

        made = await services.database.run(create)
    except Exception:
        with suppress(FilesUnavailable):
            await services.files.aremove(folder)
        raise
    log.info("training ordered", lora=lora_id, base=pending.asked.base)
    return made


def _check(session: Session, interaction: Press, pending: Pending, place: Place) -> None:
    asked = pending.asked
    controls.check(session, interaction.user.id, asked.variant.name)
    sanctions.check(session, home(interaction), interaction.user.id)
    channels.read(session, place).check(asked.variant.name)
    if workers.trainer(asked.base) not in workers.serving(session):
        raise TrainerMissing(base=asked.base)


def _ordered(
    services: Services,
    interaction: Press,
    pending: Pending,
    made: tuple[str, int | None, Sequence[str]],
) -> Ordered:
    (lora_id, message_id, kept), asked = made, pending.asked
    return Ordered(
        lora_id=lora_id,
        guild_id=home(interaction),
        user_id=interaction.user.id,
        name=asked.name,
        triggers=asked.trigger,
        base=asked.base,
        plan=asked.plan,
        examples=[
            (sha256, one.caption) for sha256, one in zip(kept, pending.examples, strict=True)
        ],
        prompts=prompts(pending.examples),
        price=asked.price,
        application_id=interaction.application_id,
        channel_id=interaction.channel_id or 0,
        message_id=message_id,
        token=services.seals.seal(interaction.token),
        token_at=int(services.now().timestamp() * 1000),
        locale=str(interaction.locale),
    )


def _form(services: Services, interaction: Press, asked: Asked, *, is_made_up: bool) -> ui.Modal:
    words = services.words(interaction.locale)
    title = words("lora_train.form", name=asked.name)[:45]
    form = ui.Modal(title=title, custom_id=asked.form_id(), timeout=OPEN_S)
    for number in range(UPLOADS):
        field: ui.FileUpload[ui.Modal] = ui.FileUpload(
            custom_id=f"pictures-{number}",
            required=number == 0,
            min_values=1 if number == 0 else 0,
            max_values=EACH,
        )
        text = words("lora_train.pictures", first=number * EACH + 1, last=(number + 1) * EACH)
        hint = words("lora_train.pictures_hint") if number == 0 else None
        if number == 1 and is_made_up:
            hint = words("lora_train.trigger_made", trigger=asked.trigger)
        form.add_item(ui.Label(text=text, description=hint, component=field))
    return form


def _uploaded(interaction: Press, data: Mapping[str, Any]) -> list[discord.Attachment]:
    files = (data.get("resolved") or {}).get("attachments") or {}
    parts = [label["component"] for label in data["components"] if "component" in label]
    chosen = [one for part in parts for one in part.get("values") or ()]
    return [fetch.attachment_of(interaction, files[one]) for one in chosen]


def _pixels(asked: Asked) -> int:
    training = asked.variant.training
    return training.pixels if training else 0
