"""/show, /again, the recipe, the originals, favourites and the menus of messages."""

import asyncio
import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from bot.services import Services
from engine.labels import tags as labelled
from engine.variants.catalog import Catalog
from store.errors import StoreUnavailable
from tests.bot.messages import gallery, order_id, parts, png, presses, text
from tests.bot.stage import Stage, staged

RECIPE, AGAIN = "Show recipe", "Draw again"


async def take(stage: Stage, member: Any, message: Any, action: str) -> Any:
    return (await member.click(message, custom_id=presses(message)[action])).response


async def show(stage: Stage, member: Any, typed: str) -> Any:
    return (await member.slash(stage.channel, "show", number=typed)).response


def pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as picture:
        return picture.tobytes()


def noise(seed: int, side: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), seed + 50).save(out, "PNG", compress_level=0)
    return out.getvalue()


async def test_the_recipe_is_all_that_is_needed_to_type_it_again(stage: Stage) -> None:
    first = await stage.drawn(
        stage.alex, prompt="a *panda*\nwith `ticks`", negative="blur", count=2, seed="7", steps=9
    )
    shown = (await stage.mei.context_menu(stage.channel, RECIPE, first.response)).response
    assert shown.ephemeral
    block = text(shown).split("```")[1]
    assert block.strip().splitlines() == [
        "prompt: a *panda*",
        "with `ticks`",
        "negative: blur",
        "variant: starter",
        "size: 128x128",
        "seed: 7 8",
        "count: 2",
        "steps: 9",
        f"guidance: {stage.services.catalog.default.guidance.default:g}",
        f"number: {order_id(first.response)}",
    ]
    link = f"https://discord.com/channels/{stage.guild.id}/{stage.channel.id}/{first.response.id}"
    assert link in text(shown)
    assert set(presses(shown)) == {"original", "again", "remix"}


async def test_the_recipe_names_what_it_comes_of_in_the_members_language(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    second = await stage.mei.click(first.response, custom_id=presses(first.response)["new"])
    stage.draw()
    await stage.deliver()
    words = stage.speaks(stage.alex, "zh-CN")
    shown = (await stage.alex.context_menu(stage.channel, RECIPE, second.response)).response
    assert f"{words('recipe.parent')}：{order_id(first.response)}" in text(shown)
    assert f"/{first.response.id})" in text(shown)
    await stage.services.database.run(_forget, order_id(first.response))
    shown = (await stage.alex.context_menu(stage.channel, RECIPE, second.response)).response
    assert f"/{first.response.id})" not in text(shown)


def _forget(session: Any, generation_id: str) -> None:
    from store.tables.orders import Generation

    session.get_one(Generation, generation_id).deleted_at = 1


@pytest.mark.parametrize("prompt", ["```\n@everyone **x**", "a ````` b", "\u202eabc", "`" * 399])
async def test_a_prompt_cannot_leave_its_block(stage: Stage, prompt: str) -> None:
    first = await stage.drawn(stage.alex, prompt=prompt)
    shown = (await stage.mei.context_menu(stage.channel, RECIPE, first.response)).response
    assert text(shown).count("```") == 2
    assert "\u202e" not in text(shown)
    assert len(text(shown)) < 4000


async def test_what_grows_too_long_in_its_block_comes_as_a_file(
    world: Services, catalog: Catalog
) -> None:
    roomy = Catalog([replace(catalog.default, prompt_limit=4000)])
    reader = replace(world.reader, catalog=roomy)
    async with staged(replace(world, catalog=roomy, reader=reader)) as stage:
        first = await stage.drawn(stage.alex, prompt="`" * 3000)
        shown = (await stage.alex.context_menu(stage.channel, RECIPE, first.response)).response
        (file,) = shown.attachments
        assert (await file.read()).decode().startswith(f"prompt: {'`' * 3000}\n")


async def test_a_menu_on_a_message_that_is_not_ours_is_explained(stage: Stage) -> None:
    message = await stage.mei.send(stage.channel, "hello")
    for menu in (RECIPE, AGAIN):
        result = await stage.alex.context_menu(stage.channel, menu, message)
        assert "not one of my pictures" in result.response.content
    assert stage.orders() == []


async def test_a_waiting_card_has_a_recipe_too(stage: Stage) -> None:
    first = await stage.imagine(stage.alex, seed="5")
    shown = (await stage.alex.context_menu(stage.channel, RECIPE, first.response)).response
    assert "seed: 5" in text(shown)


async def test_the_menu_draws_the_same_again(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, seed="7")
    result = await stage.mei.context_menu(stage.channel, AGAIN, first.response)
    stage.draw()
    await stage.deliver()
    assert "Identical to the original" in text(result.response)
    assert not result.response.ephemeral


async def test_again_by_number_with_ones_own_offered(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, prompt="a panda", seed="7")
    await stage.drawn(stage.mei, prompt="somebody else's")
    (offered,) = await stage.alex.autocomplete(stage.channel, "again", "number", "pan")
    assert offered["value"] == order_id(first.response)
    await stage.alex.slash(stage.channel, "again", number=offered["value"])
    before, _, after = stage.orders()
    assert (after.request, after.parent_id) == (before.request, before.id)


@pytest.mark.parametrize("command", ["show", "again"])
async def test_an_unknown_number_is_told_to_the_member_alone(stage: Stage, command: str) -> None:
    for typed in ("0000000000", "' OR 1=1", "x" * 90):
        result = await stage.alex.slash(stage.channel, command, number=typed)
        told = result.followups[-1] if result.followups else result.response
        assert "There is no picture" in told.content
        assert told.ephemeral
    assert stage.orders() == []


async def test_show_opens_any_order_of_the_server_for_the_member_alone(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, count=2)
    number = order_id(first.response)
    theirs = await show(stage, stage.mei, f" #{number.upper()} ")
    assert theirs.ephemeral
    assert len(gallery(theirs)) == 2
    assert "star" not in presses(theirs)
    assert "star" in presses(await show(stage, stage.alex, number))


async def test_the_number_of_one_picture_means_that_picture_alone(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, count=3, seed="7")
    number = order_id(first.response)
    offered = await stage.alex.autocomplete(stage.channel, "again", "number", number)
    assert [one["value"] for one in offered] == [number, f"{number}-2", f"{number}-3"]
    assert gallery(await show(stage, stage.mei, f"{number}-2")) == [f"reroll-{number}-2.png"]
    before = stage.left(stage.alex)
    await stage.alex.slash(stage.channel, "again", number=f"{number}-2")
    assert stage.orders()[-1].request["seeds"] == [8]
    assert before - stage.left(stage.alex) == stage.orders()[0].price / 3
    words = stage.speaks(stage.alex, "zh-CN")
    for command in ("show", "again"):
        told = await stage.alex.slash(stage.channel, command, number=f"{number}-4")
        said = (told.followups[-1] if told.followups else told.response).content
        assert said == words("errors.picture_unknown", value=f"{number}\\-4")
    assert len(stage.orders()) == 2


async def test_the_originals_are_the_files_as_they_were_drawn(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, count=2, seed="7")
    shown = await show(stage, stage.mei, order_id(first.response))
    sent = await take(stage, stage.mei, shown, "original")
    assert sent.ephemeral
    contents = [await attachment.read() for attachment in sent.attachments]
    assert [pixels(one) for one in contents] == [pixels(png(7)), pixels(png(8))]
    assert [labelled.read(one).aigc is not None for one in contents] == [True, True]
    assert [one.filename for one in sent.attachments] == gallery(first.response)


async def test_originals_of_a_spoiler_stay_one_and_still_tell_their_number(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, spoiler=True)
    shown = await show(stage, stage.alex, order_id(first.response))
    (file,) = (await take(stage, stage.alex, shown, "original")).attachments
    assert file.is_spoiler()
    again = await show(stage, stage.alex, file.filename)
    assert order_id(first.response) in text(again)


async def test_an_original_over_the_limit_is_named_and_the_others_come(stage: Stage) -> None:
    stage.upload_limit = 200_000
    first = await stage.imagine(stage.alex, count=2)
    stage.keep(stage.claim())
    stage.keep(stage.claim(), noise(1, 600))
    await stage.deliver()
    words = stage.speaks(stage.alex, "zh-CN")
    shown = await show(stage, stage.alex, order_id(first.response))
    sent = await take(stage, stage.alex, shown, "original")
    assert words("originals.too_large", nth=2, size="0.3", limit="0.2") in sent.content
    assert [one.filename[-6:] for one in sent.attachments] == ["-1.png"]


async def test_lost_originals_are_told(stage: Stage) -> None:
    first = await stage.drawn(stage.alex)
    shown = await show(stage, stage.alex, order_id(first.response))
    await stage.services.files.aremove(order_id(first.response))
    sent = await take(stage, stage.alex, shown, "original")
    assert "its file is gone" in sent.content
    assert sent.attachments == []


async def test_favourites_are_found_again_and_searched(stage: Stage) -> None:
    for prompt in ("red panda", "blue panda", "red fish"):
        first = await stage.drawn(stage.alex, prompt=prompt)
    shown = await show(stage, stage.alex, order_id(first.response))
    assert "favourite now" in (await take(stage, stage.alex, shown, "star")).content
    found = await stage.alex.slash(stage.channel, "history", favourites=True)
    assert "⭐ **red fish**" in text(found.response)
    assert "panda" not in text(found.response)
    found = await stage.alex.slash(stage.channel, "history", search="PANDA  red")
    assert "**red panda**" in text(found.response)
    assert "blue" not in text(found.response)
    found = await stage.alex.slash(stage.channel, "history", search="**x** %")
    assert "Nothing found" in text(found.response)
    assert "**x**" not in text(found.response)


async def test_a_search_stays_with_its_pages_and_what_is_deleted_there(stage: Stage) -> None:
    for number in range(5):
        await stage.drawn(stage.alex, prompt=f"panda ~{number}: *")
        if number == 2:
            await stage.drawn(stage.alex, prompt="fish")
    found = await stage.alex.slash(stage.channel, "history", search="panda ~")
    buttons = [part.get("custom_id", "") for part in parts(found.response.components)]
    older = next(one for one in buttons if one.startswith("page:1"))
    await stage.alex.click(found.response, custom_id=older)
    assert "panda \\~0" in text(found.response)
    assert "fish" not in text(found.response)
    await take(stage, stage.alex, found.response, "drop")
    assert "Delete this for good" in text(found.response)
    await take(stage, stage.alex, found.response, "page")
    await take(stage, stage.alex, found.response, "drop")
    await take(stage, stage.alex, found.response, "dropped")
    assert "with “panda \\~”" in text(found.response)
    assert sum(order.deleted_at is not None for order in stage.orders()) == 1


async def test_a_slow_database_is_told_before_anything_is_public(world: Services) -> None:
    async def never(*_: Any, **__: Any) -> Any:
        await asyncio.sleep(0)
        raise StoreUnavailable

    async with staged(world) as stage:
        first = await stage.drawn(stage.alex)
        number = order_id(first.response)
        read, stage.services.database.read = stage.services.database.read, never  # type: ignore[method-assign]
        result = await stage.alex.slash(stage.channel, "again", number=number)
        stage.services.database.read = read  # type: ignore[method-assign]
        assert result.response.ephemeral
        assert "records cannot be reached" in result.response.content
