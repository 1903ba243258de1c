"""What can be done with one picture of several: opened, drawn again, favoured, deleted, at hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.variants.bounds import Accepts
from engine.variants.catalog import Catalog
from store.moderation import audit
from store.orders import generations
from tests.bot.messages import gallery, order_id, parts, png, presses, text
from tests.bot.stage import Stage
from tests.bot.test_editing import _fill, drawn
from tests.bot.test_reviews import spoilers
from tests.disks import barred


@pytest.fixture
def catalog() -> Catalog:
    """The starter, and one that looks at several pictures."""
    starter = Catalog.load(["starter"])["starter"]
    looker = replace(starter, name="looker", accepts=Accepts(most_references=3))
    return Catalog([starter, looker])


def picks(message: Any) -> list[str]:
    ids = [part.get("custom_id", "") for part in parts(message.components)]
    return [one for one in ids if one.startswith("pick:")]


async def opened(stage: Stage, member: Any, message: Any, nth: int) -> Any:
    return (await member.click(message, custom_id=picks(message)[nth - 1])).response


async def test_each_of_several_pictures_opens_alone(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=3, seed="7")
    assert len(picks(first.response)) == 3
    card = await opened(stage, stage.alex, first.response, 2)
    assert card.ephemeral
    assert gallery(card) == [f"reroll-{order_id(first.response)}-2.png"]
    assert f"seed `8`\n-# `{order_id(first.response)}-2`" in text(card)
    every = {"new", "again", "remix", "vary", "edit", "upscale", "refer"}
    assert set(presses(card)) == every | {"original", "recipe", "star", "delete"}
    others = await opened(stage, stage.mei, first.response, 2)
    assert "star" not in presses(others)


async def test_of_a_single_picture_there_is_one_button_for_more(stage: Stage) -> None:
    first = await drawn(stage, stage.alex)
    assert len(picks(first.response)) == 1
    card = await opened(stage, stage.alex, first.response, 1)
    assert gallery(card) == gallery(first.response)


async def test_one_is_drawn_again_and_compared_with_itself(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=3, seed="7")
    card = await opened(stage, stage.alex, first.response, 3)
    again = await stage.alex.click(card, custom_id=presses(card)["again"])
    assert stage.orders()[-1].request["seeds"] == [9]
    claim = stage.claim()
    stage.keep(claim, stage.services.files.get(order_id(first.response), _digest(stage, 3)))
    await stage.deliver()
    assert "Identical" in text(again.response)
    await stage.alex.click(card, custom_id=presses(card)["new"])
    seeds = stage.orders()[-1].request["seeds"]
    assert len(seeds) == 1
    assert seeds != [9]


def _digest(stage: Stage, nth: int) -> str:
    return stage.order(stage.orders()[0].id).images[nth - 1].file_sha256 or ""


@pytest.mark.parametrize("restarted", [False, True])
async def test_one_is_remixed_across_a_restart_too(stage: Stage, restarted: bool) -> None:
    first = await drawn(stage, stage.alex, count=3, seed="7")
    card = await opened(stage, stage.alex, first.response, 2)
    form = await stage.alex.click(card, custom_id=presses(card)["remix"])
    fields = {one["component"]["custom_id"]: one["component"] for one in form.modal["components"]}
    assert fields["seed"]["value"] == "8"
    if restarted:
        await stage.restart()
    await stage.alex.submit_modal(form, {"prompt": "a cat", "size": "", "seed": "8"})
    order = stage.orders()[-1]
    assert (order.request["prompt"], order.request["seeds"]) == ("a cat", [8])


async def test_one_is_a_favourite_and_found_as_one(stage: Stage) -> None:
    await drawn(stage, stage.alex, prompt="a cat")
    first = await drawn(stage, stage.alex, count=2)
    card = await opened(stage, stage.alex, first.response, 2)
    told = await stage.alex.click(card, custom_id=presses(card)["star"])
    assert told.response.content.startswith("⭐")
    assert "⭐" in text(await opened(stage, stage.alex, first.response, 2))
    assert "⭐" not in text(await opened(stage, stage.alex, first.response, 1))
    found = await stage.alex.slash(stage.channel, "history", favourites=True)
    assert order_id(first.response) in str(found.response.components)
    assert "a cat" not in text(found.response)
    await stage.alex.click(card, custom_id=presses(card)["star"])
    found = await stage.alex.slash(stage.channel, "history", favourites=True)
    assert "No favourites yet" in text(found.response)
    assert "fewer words" not in text(found.response)


async def test_one_is_deleted_and_the_others_stay(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=3, seed="7")
    digest = _digest(stage, 2)
    card = await opened(stage, stage.alex, first.response, 2)
    asked = await stage.alex.click(card, custom_id=presses(card)["delete"])
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["rub"])
    number = order_id(first.response)
    assert gallery(first.response) == [f"reroll-{number}-1.png", f"reroll-{number}-3.png"]
    assert not stage.services.files.has(number, digest)
    assert stage.left(stage.alex) == 7
    told = await stage.alex.click(card, custom_id=presses(card)["original"])
    assert told.response.content == stage.services.texts.of("en-US")("errors.files_lost")
    # Its recipe is kept, so it can come again.
    await stage.alex.click(card, custom_id=presses(card)["again"])
    assert stage.orders()[-1].request["seeds"] == [8]


async def rubbed(stage: Stage, message: Any, nth: int) -> Any:
    """Let Alex delete one picture; return what is told."""
    card = await opened(stage, stage.alex, message, nth)
    asked = await stage.alex.click(card, custom_id=presses(card)["delete"])
    return asked.response, presses(asked.response)["rub"]


async def test_one_leaves_its_message_in_an_archived_thread_too(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=2)
    asked, rub = await rubbed(stage, first.response, 2)
    archived = {"status": 400, "code": 50083, "message": "Thread is archived"}
    stage.env.inject_error("PATCH", f"/webhooks/*/{first.response.id}", **archived)
    stage.env.inject_error("PATCH", "/channels/*/messages/*", **archived)
    await stage.alex.click(asked, custom_id=rub)
    assert len(gallery(first.response)) == 1


async def test_one_that_is_deleted_while_files_are_away_leaves_its_message_later(
    stage: Stage, tmp_path: Path
) -> None:
    first = await drawn(stage, stage.alex, count=2)
    asked, rub = await rubbed(stage, first.response, 2)
    with barred(tmp_path / "files"):
        told = await stage.alex.click(asked, custom_id=rub)
    assert told.followups == []
    await stage.deliver()
    (message,) = stage.channel.history(viewer=stage.mei)
    assert (message.id, len(gallery(message))) == (first.response.id, 1)


async def test_one_of_an_order_at_work_is_deleted_and_the_card_goes_on(stage: Stage) -> None:
    first = await stage.imagine(stage.alex, variant="starter", count=3)
    for _ in range(2):
        stage.keep(stage.claim(), png(1, (128, 128)))
    before = text(first.response)
    number = f"{order_id(first.response)}-2"
    card = (await stage.alex.slash(stage.channel, "show", number=number)).response
    asked = (await stage.alex.click(card, custom_id=presses(card)["delete"])).response
    await stage.alex.click(asked, custom_id=presses(asked)["rub"])
    assert text(first.response) == before
    stage.draw()
    await stage.deliver()
    assert len(gallery(first.response)) == 2


async def test_the_last_one_takes_the_order_with_it(stage: Stage) -> None:
    first = await drawn(stage, stage.alex)
    card = await opened(stage, stage.alex, first.response, 1)
    asked = await stage.alex.click(card, custom_id=presses(card)["delete"])
    await stage.alex.click(asked.response, custom_id=presses(asked.response)["erase"])
    assert stage.orders()[0].deleted_at


async def test_only_its_owner_or_a_moderator_deletes_one(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=2)
    card = await opened(stage, stage.mei, first.response, 1)
    told = await stage.mei.click(card, custom_id=presses(card)["delete"])
    assert "Only the person who ordered this" in told.response.content
    card = await opened(stage, stage.moderator, first.response, 1)
    asked = await stage.moderator.click(card, custom_id=presses(card)["delete"])
    await stage.moderator.click(asked.response, custom_id=presses(asked.response)["rub"])
    assert len(gallery(first.response)) == 1
    with stage.database.begin() as session:
        (entry,) = audit.page(session, stage.guild.id)
    assert (entry.action, entry.actor_id, entry.target_id, entry.details) == (
        "delete",
        stage.moderator.id,
        stage.alex.id,
        {"picture": 1},
    )


async def test_several_at_hand_are_looked_at_together(stage: Stage) -> None:
    one = await drawn(stage, stage.alex, count=2)
    other = await drawn(stage, stage.mei, spoiler=True)
    for message, nth in ((one.response, 2), (other.response, 1)):
        card = await opened(stage, stage.alex, message, nth)
        hand = await stage.alex.click(card, custom_id=presses(card)["refer"])
    assert spoilers(hand.response) == [False, True]
    await stage.restart()
    form = await stage.alex.click(hand.response, custom_id=presses(hand.response)["handed"])
    await stage.alex.submit_modal(form, _fill(form, prompt="both together", variant=["looker"]))
    order = stage.orders()[-1]
    assert len(order.request["references"]) == 2
    assert order.parent_id == order_id(one.response)


async def test_what_was_deleted_is_at_hand_no_longer(stage: Stage) -> None:
    one, other = await drawn(stage, stage.alex), await drawn(stage, stage.alex, count=2)
    for message, nth in ((one.response, 1), (other.response, 1), (other.response, 2)):
        card = await opened(stage, stage.alex, message, nth)
        hand = await stage.alex.click(card, custom_id=presses(card)["refer"])
    assert "At hand: 3" in text(hand.response)
    await stage.services.database.run(_delete, order_id(one.response), stage.alex.id)
    asked, rub = await rubbed(stage, other.response, 1)
    await stage.alex.click(asked, custom_id=rub)
    form = await stage.alex.click(hand.response, custom_id=presses(hand.response)["handed"])
    await stage.alex.submit_modal(form, _fill(form, prompt="a cat", variant=["looker"]))
    order = stage.orders()[-1]
    assert len(order.request["references"]) == 1
    assert order.parent_id == order_id(other.response)


def _delete(session: Any, generation_id: str, user_id: int) -> None:
    generations.delete(session, generation_id, user_id, moderator=False)


async def test_what_is_at_hand_is_laid_down(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=2)
    card = await opened(stage, stage.alex, first.response, 1)
    hand = await stage.alex.click(card, custom_id=presses(card)["refer"])
    assert "At hand: 1" in text(hand.response)
    hand = await stage.alex.click(card, custom_id=presses(card)["refer"])
    assert "Nothing at hand" in text(hand.response)
    hand = await stage.alex.click(card, custom_id=presses(card)["refer"])
    hand = await stage.alex.click(hand.response, custom_id=presses(hand.response)["laydown"])
    assert "Nothing at hand" in text(hand.response)


async def test_recipe_and_original_of_one(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=2, seed="7")
    card = await opened(stage, stage.alex, first.response, 2)
    shown = await stage.alex.click(card, custom_id=presses(card)["recipe"])
    assert "seed: 8\n" in text(shown.response)
    assert f"{order_id(first.response)}-2" in text(shown.response)
    sent = await stage.alex.click(card, custom_id=presses(card)["original"])
    assert [one.filename for one in sent.response.attachments] == gallery(card)
