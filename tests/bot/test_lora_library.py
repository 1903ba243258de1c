"""/lora: added by file or link, told of by SQL, listed, changed, shared and removed."""

from typing import Any

import pytest
from sqlalchemy import select, update

from bot.loras.adding import named_after
from bot.loras.telling import Telling
from engine.loras.errors import LoraKindUnsupported
from engine.variants.catalog import Catalog
from store.choices.servers import Defaults
from store.errors import StoreUnavailable
from store.host import workers
from store.loras import fetches, library, shares
from store.loras.fetches import Held
from store.loras.library import Kept
from store.moderation import audit, sanctions
from store.money.plans import Plan, Plans
from store.tables.loras import Lora, LoraFetch
from store.tables.orders import Image, Review
from tests.bot import loras
from tests.bot.messages import gallery, png, presses, text
from tests.bot.stage import Stage
from tests.disks import no_larger

URL = "https://huggingface.co/u/r/blob/main/Ink%20Wash_v2.safetensors"


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.load(["starter", "flux1-schnell"])


@pytest.fixture
def roomy(stage: Stage) -> Stage:
    plan = Plan(daily_credits=10, loras=2, lora_mb=50)
    object.__setattr__(stage.services, "defaults", Defaults(Plans((plan,))))
    return stage


def rows(stage: Stage) -> list[Lora]:
    with stage.database.begin() as session:
        return list(session.scalars(select(Lora).order_by(Lora.created_at)))


def claim(stage: Stage) -> Held:
    with stage.database.begin() as session:
        held = fetches.claim(session, "w")
    assert held
    return held


def finish(stage: Stage, held: Held) -> None:
    kept = Kept(base="starter", sha256="a" * 64, nbytes=5_000_000, rank=8, layers=5)
    with stage.database.begin() as session:
        fetches.keep(session, held, kept)


async def tell(stage: Stage, telling: Telling | None = None) -> None:
    with stage.env.time_context():
        await (telling or Telling(stage.services, stage.bot)).tell()


async def add(stage: Stage, member: Any, **options: Any) -> Any:
    return (await member.slash(stage.channel, "lora add", **options)).response


async def run(stage: Stage, member: Any, command: str, **options: Any) -> Any:
    return (await member.slash(stage.channel, f"lora {command}", **options)).response


async def test_a_link_is_taken_in_followed_and_told_of(roomy: Stage) -> None:
    stage = roomy
    answer = await add(stage, stage.alex, url=URL, triggers="ink wash", licence="CC0")
    assert answer.ephemeral
    assert "Taking it in" in text(answer)
    held = claim(stage)
    assert held.url == URL.replace("/blob/", "/resolve/")
    assert (held.bases, held.most_bytes) == (("starter", "flux1"), 50_000_000)
    with stage.database.begin() as session:
        fetches.beat(session, held, 2_500_000, 5_000_000)
    await tell(stage)
    assert "██████░░░░░░` 2.5 of 5.0 MB" in text(answer)
    finish(stage, held)
    await tell(stage)
    for said in ("Ink Wash\\_v2", "Starter · rank 8 · 5.0 MB", "ink wash", "CC0", "Only you"):
        assert said in text(answer)
    with stage.database.begin() as session:
        assert session.scalars(select(LoraFetch)).all() == []


async def test_while_the_database_takes_nothing_a_lora_is_told_of_once(roomy: Stage) -> None:
    stage, telling = roomy, Telling(roomy.services, roomy.bot)
    answer = await add(stage, stage.alex, url=URL)
    finish(stage, claim(stage))
    before = len(stage.env.http_requests)
    with no_larger(1):
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await tell(stage, telling)
    await tell(stage, telling)
    assert "Starter · rank 8" in text(answer)
    assert len(stage.env.http_requests) == before + 1
    with stage.database.begin() as session:
        assert session.scalars(select(LoraFetch)).all() == []


async def test_a_refusal_is_told_in_the_members_language_after_a_restart(roomy: Stage) -> None:
    stage = roomy
    words = stage.speaks(stage.alex, "zh-CN")
    answer = await add(stage, stage.alex, file=("水墨.safetensors", bytes(100)))
    await stage.restart()
    with stage.database.begin() as session:
        fetches.fail(session, claim(stage), LoraKindUnsupported(kind="LoKr"))
    await tell(stage)
    assert words.error(LoraKindUnsupported(kind="LoKr")) in text(answer)
    assert "水墨" in text(answer)
    assert words("lora.private") not in text(answer)
    assert set(presses(answer)) == {"loradrop"}
    name = {"name": "水墨"}
    for command in ("share", "favourite", "preview"):
        told = await stage.alex.slash(stage.channel, f"lora {command}", **name)
        *_, said = [one for one in (told.response, *told.followups) if one is not None]
        assert words("errors.lora_not_ready", value="水墨") in text(said)
    answer = await run(stage, stage.alex, "info", name="水墨")
    assert set(presses(answer)) == {"loradrop"}
    shown = await run(stage, stage.alex, "list")
    assert words("lora.refused") in text(shown)


async def test_what_is_told_too_late_comes_by_direct_message(roomy: Stage) -> None:
    stage = roomy
    await add(stage, stage.alex, url=URL)
    finish(stage, claim(stage))
    with stage.database.begin() as session:
        session.execute(update(LoraFetch).values(token_at=0))
    await tell(stage)
    (sent,) = stage.alex.user.dm_channel.history()
    assert "Starter · rank 8" in text(sent)
    with stage.database.begin() as session:
        assert session.scalars(select(LoraFetch)).all() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "not both"),
        ({"url": "http://huggingface.co/a"}, "must begin with https://"),
        ({"url": "https://evil.test/a.safetensors"}, "Nothing is fetched from evil.test"),
        ({"url": "https://127.0.0.1/a"}, "Nothing is fetched from 127.0.0.1"),
        ({"url": URL, "name": "a:b"}, "cannot be a LoRA's name"),
        ({"url": URL, "name": "\u200b"}, "cannot be a LoRA's name"),
    ],
)
async def test_wrong_input_is_answered_at_once(
    roomy: Stage, options: dict[str, str], said: str
) -> None:
    answer = await add(roomy, roomy.alex, **options)
    assert said in answer.content
    assert rows(roomy) == []


async def test_a_full_library_says_so_and_keeps_what_it_has(roomy: Stage) -> None:
    stage = roomy
    await add(stage, stage.alex, url=URL)
    assert "already have a LoRA" in (await add(stage, stage.alex, url=URL)).content
    await add(stage, stage.alex, url=URL, name="two")
    assert "holds 2 LoRAs" in (await add(stage, stage.alex, url=URL, name="three")).content
    assert [one.name for one in rows(stage)] == ["Ink Wash_v2", "two"]
    assert "Room in your library: 0 more, 50 MB" in text(await run(stage, stage.alex, "list"))


async def test_who_may_not_order_adds_and_shares_nothing(roomy: Stage) -> None:
    stage = roomy
    loras.add(stage, stage.alex, "ink")
    with stage.database.begin() as session:
        sanctions.put(session, stage.guild.id, stage.alex.id, None, stage.moderator.id)
    refused = await add(stage, stage.alex, url=URL)
    assert refused.content == (await run(stage, stage.alex, "share", name="ink")).content
    assert len(rows(stage)) == 1


async def test_without_a_worker_nothing_is_taken_in(roomy: Stage) -> None:
    with roomy.database.begin() as session:
        workers.leave(session, "w", roomy.services.catalog.names)
    await add(roomy, roomy.alex, url=URL)
    assert rows(roomy) == []


async def test_a_plan_without_any(stage: Stage) -> None:
    assert "holds 0 LoRAs" in (await add(stage, stage.alex, url=URL)).content


async def test_many_are_pages(stage: Stage) -> None:
    for number in range(10):
        loras.add(stage, stage.alex, f"style {number}")
    shown = await run(stage, stage.alex, "list")
    assert "style 7" in text(shown)
    assert "style 8" not in text(shown)
    await stage.alex.click(shown, custom_id="loras:1")
    assert "style 8" in text(shown)


@pytest.mark.parametrize("name", ["'; DROP TABLE loras --".replace(";", ""), "**b** [x](y) @all"])
async def test_names_are_nothing_but_names(stage: Stage, name: str) -> None:
    loras.add(stage, stage.alex, name)
    shown = text(await run(stage, stage.alex, "info", name=name))
    assert "**b**" not in shown
    assert "](y)" not in shown
    (offered,) = await stage.alex.autocomplete(stage.channel, "lora info", "name", name[:3])
    assert offered["value"] == name


async def test_renamed_and_set(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink")
    loras.add(stage, stage.alex, "two")
    shown = await run(stage, stage.alex, "rename", name="INK", to="Brush")
    assert "## Brush" in text(shown)
    refused = await run(stage, stage.alex, "rename", name="brush", to="two")
    assert "already have" in refused.content
    shown = await run(stage, stage.alex, "set", name="brush", triggers="wash", weight=0.7)
    assert "Trigger words: wash" in text(shown)
    assert "Usual weight: 0.7" in text(shown)
    assert "no LoRA named" in (await run(stage, stage.mei, "rename", name="brush", to="x")).content


async def test_shared_with_all_with_a_role_and_taken_back(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink")
    assert "no LoRA named" in (await run(stage, stage.mei, "info", name="ink")).content
    assert "Shared with everyone" in text(await run(stage, stage.alex, "share", name="ink"))
    shown = text(await run(stage, stage.mei, "info", name="ink"))
    assert f"From <@{stage.alex.id}>" in shown
    assert "Shared" not in shown
    role = stage.guild.create_role("artists")
    shown = await run(stage, stage.alex, "share", name="ink", role=role)
    assert f"<@&{role.id}>" in text(shown)
    assert "no LoRA named" in (await run(stage, stage.mei, "info", name="ink")).content
    await run(stage, stage.alex, "unshare", name="ink")
    assert "Only you" in text(await run(stage, stage.alex, "info", name="ink"))


async def test_a_moderator_ends_a_share_and_it_is_written_down(stage: Stage) -> None:
    lora_id = loras.add(stage, stage.alex, "ink")
    role = stage.guild.create_role("artists")
    loras.share(stage, lora_id, role.id)
    refused = await run(stage, stage.mei, "unshare", name="ink")
    assert "no LoRA named" in refused.content
    assert "not shared here" in text(await run(stage, stage.moderator, "unshare", name="ink"))
    with stage.database.begin() as session:
        assert shares.shares(session, library.by_id(session, lora_id)) == []
        (entry,) = audit.page(session, stage.guild.id)
        assert (entry.action, entry.actor_id) == ("lora.unshare", stage.moderator.id)


async def test_favourites_come_first(stage: Stage) -> None:
    loras.add(stage, stage.alex, "a")
    loras.add(stage, stage.alex, "b")
    shown = await run(stage, stage.alex, "favourite", name="b")
    assert "★ b" in text(shown)
    found = await stage.alex.autocomplete(stage.channel, "imagine", "lora", "")
    assert [one["name"] for one in found] == ["★ b · mine", "a · mine"]
    await stage.alex.click(shown, custom_id=presses(shown)["lorafav"])
    assert "★ b" not in text(shown)


async def test_removal_asks_back(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink")
    card = await run(stage, stage.alex, "info", name="ink")
    await stage.alex.click(card, custom_id=presses(card)["loradrop"])
    asked = await run(stage, stage.alex, "remove", name="ink")
    assert "Remove “ink” for good?" in text(asked)
    assert text(card) == text(asked)
    assert rows(stage)[0].deleted_at is None
    await stage.alex.click(asked, custom_id=presses(asked)["loragone"])
    assert "is removed" in text(asked)
    assert rows(stage)[0].deleted_at


async def test_a_preview_is_an_order_whose_picture_stays(stage: Stage) -> None:
    loras.add(stage, stage.alex, "ink", triggers="wash", sha256="a" * 64)
    for prompt in (None, "a fox"):
        options = {"prompt": prompt} if prompt else {}
        await stage.alex.slash(stage.channel, "lora preview", name="ink", **options)
        stage.draw()
        await stage.deliver()
    first, second = stage.orders()
    assert (first.request["prompt"], first.request["seeds"]) == ("a cat, wash", [1])
    assert second.request["prompt"] == "a fox, wash"
    assert stage.left(stage.alex) == 8
    shown = await run(stage, stage.alex, "info", name="ink")
    assert gallery(shown) == ["preview.png"]
    (lora,) = rows(stage)
    folder = library.folder(lora.id)
    assert stage.services.files.has(folder, lora.preview or "")
    await stage.alex.slash(stage.channel, "lora preview", name="ink", prompt="a spider")
    stage.keep(stage.claim(), png(99))
    with stage.database.begin() as session:  # as where the output check has its doubts
        doubtful = update(Image).where(Image.generation_id == stage.orders()[-1].id)
        session.execute(doubtful.values(review=Review.SPOILER))
    await stage.deliver()
    assert rows(stage)[0].preview == lora.preview


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("ink.safetensors", "ink"),
        ("https://huggingface.co/a/b/resolve/main/My%20Ink%2Cv1.safetensors?x=y", "My Ink v1"),
        ("https://civitai.com/api/download/models/345", "345"),
        ("x" * 99 + ".safetensors", "x" * 32),
        ("https://huggingface.co/", "LoRA"),
        (".safetensors", ".safetensors"),
    ],
)
def test_a_name_comes_from_the_file(path: str, name: str) -> None:
    assert named_after(path) == name
