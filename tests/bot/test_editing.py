"""/edit, /variations, /expand, /upscale, their buttons and the menu, through the real bot."""

import asyncio
import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.services import Services
from bot.wishes import sources
from bot.wishes.fetch import Fetching
from engine.errors import DeviceFull
from engine.variants.bounds import Accepts
from engine.variants.catalog import Catalog
from store.choices import channels
from store.errors import FilesUnavailable
from store.money import grants
from store.money.ledger import Flow
from store.tables.orders import Generation
from tests.bot.messages import gallery, order_id, presses, text
from tests.bot.stage import Stage, staged

MENU = "Remix this image"


@pytest.fixture
def catalog() -> Catalog:
    """The starter, which paints over; one that looks at pictures; one that does neither."""
    starter = Catalog.load(["starter"])["starter"]
    looker = replace(starter, name="looker", accepts=Accepts(most_references=3))
    talker = replace(starter, name="talker", accepts=Accepts())
    return Catalog([talker, starter, looker])


def picture(
    size: tuple[int, int] = (128, 128), mode: str = "RGB", kind: str = "PNG", **options: Any
) -> bytes:
    out = io.BytesIO()
    ramp = Image.linear_gradient("L").resize(size)
    Image.merge("RGB", [ramp, ramp.rotate(180), ramp]).convert(mode).save(out, kind, **options)
    return out.getvalue()


def opened(stage: Stage, generation: Generation, digest: str) -> Image.Image:
    return Image.open(io.BytesIO(stage.services.files.get(generation.id, digest)))


async def drawn(stage: Stage, member: Any, **options: Any) -> Any:
    """Order with a size that the starter draws, as a worker would draw it."""
    result = await stage.imagine(member, **{"variant": "starter", **options})
    await drawn_to_size(stage)
    return result


async def drawn_to_size(stage: Stage) -> None:
    """Draw and deliver what waits, as large as it was asked for."""
    while stage.waiting():
        claim = stage.claim()
        size = (claim.request.width, claim.request.height)
        stage.keep(claim, picture(size, pnginfo=_note(claim.request.seed)))
    await stage.deliver()


def _note(seed: int) -> PngInfo:
    info = PngInfo()
    info.add_text("seed", str(seed))
    return info


async def edit(stage: Stage, member: Any, content: bytes, **options: Any) -> Any:
    given = {"prompt": "a red panda", "image": ("photo.png", content), **options}
    return await member.slash(stage.channel, "edit", **given)


def refusal(result: Any) -> str:
    """Return what the member alone was told."""
    told = (result.followups or [result.response])[-1]
    assert told.ephemeral
    return str(told.content)


def last(stage: Stage) -> Generation:
    return stage.orders()[-1]


async def test_a_picture_is_painted_over_by_the_first_variant_that_can(stage: Stage) -> None:
    result = await edit(stage, stage.alex, picture((300, 225)), change="little")
    order = last(stage)
    assert order.variant == "starter"
    assert (order.request["width"], order.request["height"]) == (128, 96)
    assert order.request["strength"] == 0.4
    assert opened(stage, order, order.request["canvas"]).size == (128, 96)
    stage.draw()
    await stage.deliver()
    assert "Painted over a picture · change 40%" in text(result.response)
    assert len(gallery(result.response)) == 1
    assert order.id in text(result.response)


async def test_a_variant_that_the_channel_keeps_out_is_not_taken_unasked(stage: Stage) -> None:
    with stage.database.begin() as session:
        here = (stage.guild.id, stage.channel.id)
        channels.choose_variant(session, *here, "starter", False)
    await edit(stage, stage.alex, picture())
    await stage.alex.slash(stage.channel, "variations", image=("a.png", picture()), count=1)
    assert [one.variant for one in stage.orders()] == ["looker", "looker"]
    number = stage.orders()[0].id
    await drawn_to_size(stage)
    with stage.database.begin() as session:
        channels.choose_variant(session, *here, "starter", None)
        channels.choose_variant(session, *here, "looker", False)
    stage.services.chosen.forget(stage.guild.id)
    await stage.alex.slash(stage.channel, "variations", **{"from": number, "count": 1})
    assert last(stage).variant == "starter"
    named = await edit(stage, stage.alex, picture(), variant="looker")
    words = stage.services.texts.of("en-US")
    assert refusal(named) == words("errors.channel_forbids_variant", variant="looker")


async def test_several_pictures_go_to_a_variant_that_looks_at_them(stage: Stage) -> None:
    one, two = picture((100, 200)), picture((200, 100))
    result = await edit(stage, stage.alex, one, image2=("two.png", two))
    order = last(stage)
    assert order.variant == "looker"
    files = [opened(stage, order, name).size for name in order.request["references"]]
    assert files == [(100, 200), (200, 100)]
    assert (order.request["width"], order.request["height"]) == (96, 128)
    stage.draw()
    await stage.deliver()
    assert "Drawn after pictures: 2" in text(result.response)


async def test_a_mask_says_what_is_drawn_anew(stage: Stage) -> None:
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    out = io.BytesIO()
    mask.save(out, "PNG")
    result = await edit(stage, stage.alex, picture(), mask=("mask.png", out.getvalue()))
    order = last(stage)
    kept = np.asarray(opened(stage, order, order.request["mask"]))
    assert kept[:, :60].max() == 0
    assert kept[:, 68:].min() == 255
    stage.draw()
    await stage.deliver()
    assert "the rest is the original picture" in text(result.response)


async def test_what_is_transparent_in_the_picture_is_a_mask(stage: Stage) -> None:
    image = Image.new("RGBA", (128, 128), "red")
    image.paste((0, 0, 0, 0), (0, 0, 64, 128))
    out = io.BytesIO()
    image.save(out, "PNG")
    await edit(stage, stage.alex, out.getvalue())
    order = last(stage)
    kept = np.asarray(opened(stage, order, order.request["mask"]))
    assert (kept[:, :60] == 255).all()
    assert (kept[:, 70:] == 0).all()


@pytest.mark.parametrize("suffix", ["", "-2"])
async def test_a_picture_is_named_by_the_number_under_it(stage: Stage, suffix: str) -> None:
    first = await drawn(stage, stage.alex, count=2, seed="7")
    number = order_id(first.response) + suffix
    assert order_id(first.response) in text(first.response)
    await stage.alex.slash(
        stage.channel, "edit", **{"prompt": "a cat", "from": f" {number.upper()} "}
    )
    order = last(stage)
    assert order.parent_id == order_id(first.response)
    assert order.request["canvas"]


async def test_numbers_are_suggested_with_their_words(stage: Stage) -> None:
    await drawn(stage, stage.alex, prompt="a panda in the snow")
    first = await drawn(stage, stage.alex, prompt="a rocket", count=2)
    await drawn(stage, stage.mei, prompt="a rocket of mei's")
    shown = await stage.alex.autocomplete(stage.channel, "edit", "from", "", prompt="x")
    assert [choice["name"].partition(" · ")[0] for choice in shown] == [
        "a rocket",
        "a panda in the snow",
    ]
    shown = await stage.alex.autocomplete(stage.channel, "edit", "from", "rock", prompt="x")
    placed = order_id(first.response)
    assert [choice["value"] for choice in shown] == [placed, f"{placed}-2"]


async def test_others_pictures_of_the_server_may_be_used_but_no_other_servers(
    stage: Stage,
) -> None:
    first = await drawn(stage, stage.mei)
    number = order_id(first.response)
    await stage.alex.slash(stage.channel, "variations", **{"from": number, "count": 1})
    assert last(stage).parent_id == number
    assert last(stage).user_id == stage.alex.id
    with stage.database.begin() as session:
        session.get_one(Generation, number).guild_id = 5
    result = await stage.alex.slash(stage.channel, "variations", **{"from": number})
    assert "There is no picture" in refusal(result)


@pytest.mark.parametrize("number", ["0123456789", "nonsense", "' OR 1=1", "x" * 200, "-2"])
async def test_an_unknown_number_is_explained_and_costs_nothing(stage: Stage, number: str) -> None:
    result = await stage.alex.slash(stage.channel, "variations", **{"from": number})
    assert "There is no picture" in refusal(result)
    assert stage.orders() == []


async def test_an_order_without_pictures_yet_cannot_be_started_from(stage: Stage) -> None:
    first = await stage.imagine(stage.alex, variant="starter")
    number = order_id(first.response)
    result = await stage.alex.slash(stage.channel, "upscale", **{"from": number})
    assert "There is no picture" in refusal(result)


def truncated() -> bytes:
    content = picture((256, 256), quality=95, kind="JPEG")
    return content[: len(content) // 2]


def bomb() -> bytes:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 90_000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def animated() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"not a picture at all", "picture_unreadable"),
        (lambda: b"", "picture_unreadable"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture_unreadable"),
        (lambda: picture((1, 1)), "picture_too_small"),
        (lambda: picture((20_000, 40)), "picture_too_slender"),
        (bomb, "picture_too_large"),
        (animated, "picture_animated"),
        (truncated, "picture_unreadable"),
    ],
)
@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_a_bad_picture_is_refused_in_the_members_words_and_costs_nothing(
    stage: Stage, locale: str, make: Callable[[], bytes], code: str
) -> None:
    words = stage.speaks(stage.alex, locale)
    result = await edit(stage, stage.alex, make())
    said = words(f"errors.{code}", limit="~")
    assert refusal(result).startswith(said.partition("~")[0])
    assert stage.orders() == []
    assert stage.left(stage.alex) == 10
    assert stage.channel.history() == []


async def test_a_photo_of_a_phone_is_turned_upright(stage: Stage) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    await edit(stage, stage.alex, picture((400, 300), kind="JPEG", exif=exif))
    assert (last(stage).request["width"], last(stage).request["height"]) == (96, 128)


async def test_pictures_of_printers_are_read(stage: Stage) -> None:
    await edit(stage, stage.alex, picture(mode="CMYK", kind="JPEG"))
    order = last(stage)
    assert opened(stage, order, order.request["canvas"]).mode == "RGB"


async def test_what_a_camera_wrote_into_the_file_is_not_kept(stage: Stage) -> None:
    exif = Image.Exif()
    exif[0x010E] = "home address"
    await edit(stage, stage.alex, picture(kind="JPEG", exif=exif))
    order = last(stage)
    content = stage.services.files.get(order.id, order.request["canvas"])
    assert b"home address" not in content


async def test_a_mask_of_another_shape_is_refused(stage: Stage) -> None:
    mask = ("mask.png", picture((128, 64), mode="L"))
    result = await edit(stage, stage.alex, picture(), mask=mask)
    assert "another shape" in refusal(result)
    assert stage.orders() == []


async def test_too_many_pictures_for_a_variant_are_refused(stage: Stage) -> None:
    result = await edit(
        stage, stage.alex, picture(), image2=("b.png", picture()), variant="starter"
    )
    assert "looks at 1 picture at most; you gave 2" in refusal(result)
    assert stage.orders() == []


async def test_a_file_that_is_too_large_is_never_fetched(stage: Stage) -> None:
    asked = []

    class Heavy:
        size = 26 * 2**20

        async def read(self) -> bytes:
            asked.append(1)
            return b""

    with pytest.raises(Exception, match="picture_file_too_large"):
        await stage.services.fetching.picture(Heavy())  # type: ignore[arg-type]
    assert not asked


async def test_at_most_two_files_are_read_at_once_and_a_slow_one_is_given_up() -> None:
    running, most = 0, 0

    class Slow:
        size = 10

        async def read(self) -> bytes:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(9)
            finally:
                running -= 1
            return b""

    fetching = Fetching(fetch_s=0.05)
    answers = await asyncio.gather(
        *(fetching.picture(Slow()) for _ in range(5)),  # type: ignore[arg-type]
        return_exceptions=True,
    )
    assert {getattr(one, "code", "") for one in answers} == {"picture_unfetched"}
    assert most == 2


async def test_without_a_picture_there_is_nothing_to_edit(stage: Stage) -> None:
    for command in ("edit", "variations", "expand", "upscale"):
        given = {"prompt": "a cat"} if command == "edit" else {}
        result = await stage.alex.slash(stage.channel, command, **given)
        assert "Add a picture" in refusal(result)


async def test_variations_keep_words_settings_and_size(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, prompt="a fox", size="portrait", guidance=5.0)
    placed = order_id(first.response)
    result = await stage.alex.slash(
        stage.channel, "variations", **{"from": placed, "strength": "strong"}
    )
    order = last(stage)
    assert order.request["prompt"] == "a fox"
    assert order.request["guidance"] == 5.0
    assert (order.request["width"], order.request["height"]) == (96, 128)
    assert order.request["strength"] == 0.7
    assert len(set(order.request["seeds"])) == 4
    stage.draw()
    await stage.deliver()
    assert len(gallery(result.response)) == 4


async def test_variations_of_an_upload_need_no_words(stage: Stage) -> None:
    stage.speaks(stage.alex, "zh-TW")
    await stage.alex.slash(
        stage.channel, "variations", image=("a.png", picture()), count=1, variant="looker"
    )
    order = last(stage)
    assert order.request["prompt"] == "同樣的畫面"
    assert order.request["references"]


@pytest.mark.parametrize(
    ("options", "size"),
    [({"right": 33}, (128, 96)), ({"aspect": "3:4"}, (96, 128)), ({}, (128, 128))],
)
async def test_a_picture_is_drawn_on_beyond_its_sides(
    stage: Stage, options: dict[str, Any], size: tuple[int, int]
) -> None:
    await stage.alex.slash(stage.channel, "expand", image=("a.png", picture()), **options)
    order = last(stage)
    assert (order.request["width"], order.request["height"]) == size
    mask = np.asarray(opened(stage, order, order.request["mask"]))
    assert mask.shape == size[::-1]
    assert 0 < (mask == 255).mean() < 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"aspect": "1:1"}, "adds nothing"),
        ({"left": 0}, "adds nothing"),
        ({"aspect": "10:1"}, "at most 3 times"),
        ({"aspect": "round"}, "is not a shape"),
    ],
)
async def test_what_cannot_be_expanded_is_explained(
    stage: Stage, options: dict[str, Any], said: str
) -> None:
    result = await stage.alex.slash(stage.channel, "expand", image=("a.png", picture()), **options)
    assert said in refusal(result)
    assert stage.orders() == []


async def test_a_small_picture_is_drawn_larger(stage: Stage) -> None:
    await stage.alex.slash(stage.channel, "upscale", image=("a.png", picture((64, 64))))
    order = last(stage)
    assert (order.request["width"], order.request["height"]) == (128, 128)
    assert order.request["strength"] < 0.5
    assert opened(stage, order, order.request["canvas"]).size == (64, 64)


async def test_vary_and_edit_stand_under_what_their_variant_can_do(stage: Stage) -> None:
    first = await drawn(stage, stage.alex)
    assert {"vary", "edit", "upscale"} <= set(presses(first.response))
    plain = await drawn(stage, stage.alex, variant="talker")
    assert not {"vary", "edit", "upscale"} & set(presses(plain.response))
    looked = await drawn(stage, stage.alex, variant="looker")
    assert {"vary", "edit"} == {"vary", "edit", "upscale"} & set(presses(looked.response))


async def press(stage: Stage, member: Any, message: Any, action: str) -> Any:
    return await member.click(message, custom_id=presses(message)[action])


async def test_vary_draws_near_the_only_picture_at_once(stage: Stage) -> None:
    first = await drawn(stage, stage.alex)
    result = await press(stage, stage.mei, first.response, "vary")
    order = last(stage)
    assert order.parent_id == order_id(first.response)
    assert order.user_id == stage.mei.id
    assert "cancel" in presses(result.response)


async def test_vary_asks_which_of_several_and_works_after_a_restart(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=3)
    asked = await press(stage, stage.mei, first.response, "vary")
    assert asked.response.ephemeral
    assert "Vary which picture?" in text(asked.response)
    await stage.restart()
    placed = order_id(first.response)
    await stage.mei.click(asked.response, custom_id=f"vary:{placed}:3")
    order = last(stage)
    assert order.parent_id == placed
    assert len(order.request["seeds"]) == 3


async def test_a_button_of_a_deleted_picture_is_explained(stage: Stage) -> None:
    first = await drawn(stage, stage.alex)
    with stage.database.begin() as session:
        session.query(Generation).update({"deleted_at": 1})
    for action in ("vary", "upscale", "edit"):
        result = await press(stage, stage.alex, first.response, action)
        assert "has been deleted" in refusal(result)


async def test_again_new_and_remix_work_on_an_edit_after_its_source_is_gone(
    stage: Stage,
) -> None:
    source = await drawn(stage, stage.alex)
    placed = order_id(source.response)
    result = await stage.alex.slash(stage.channel, "edit", **{"prompt": "a cat", "from": placed})
    stage.draw()
    await stage.deliver()
    asked = await press(stage, stage.alex, source.response, "delete")
    await press(stage, stage.alex, asked.response, "erase")
    await stage.services.files.aremove(placed)
    before = last(stage)
    for action in ("again", "new"):
        await press(stage, stage.alex, result.response, action)
        order = last(stage)
        assert order.request["canvas"] == before.request["canvas"]
        assert opened(stage, order, order.request["canvas"])
    form = await press(stage, stage.alex, result.response, "remix")
    names = [label["component"]["custom_id"] for label in form.modal["components"]]
    assert "size" not in names
    await stage.alex.submit_modal(form, {"prompt": "a dog", "change": "８５%", "seed": ""})
    order = last(stage)
    assert (order.request["prompt"], order.request["strength"]) == ("a dog", 0.85)
    assert opened(stage, order, order.request["canvas"])


async def test_an_amount_of_change_that_is_none_is_explained(stage: Stage) -> None:
    result = await edit(stage, stage.alex, picture())
    stage.draw()
    await stage.deliver()
    form = await press(stage, stage.alex, result.response, "remix")
    told = await stage.alex.submit_modal(form, {"prompt": "a", "change": "101", "seed": ""})
    assert "Give a number from 1 to 100" in refusal(told)


async def test_again_says_it_when_the_files_are_gone(stage: Stage) -> None:
    result = await edit(stage, stage.alex, picture())
    stage.draw()
    await stage.deliver()
    await stage.services.files.aremove(order_id(result.response))
    told = await press(stage, stage.alex, result.response, "again")
    assert "is gone, so nothing was charged" in refusal(told)
    assert len(stage.orders()) == 1


async def test_a_refused_order_leaves_no_files(stage: Stage) -> None:
    for _ in range(2):
        await stage.imagine(stage.alex, variant="starter", count=4)
    await edit(stage, stage.alex, picture(), count=4)
    folder = stage.services.files
    kept = {order.id for order in stage.orders()}
    assert len(kept) == 2
    root = [entry async for page in folder._store.list() for entry in page]
    assert not root


async def test_a_variant_switched_off_between_choosing_and_running_is_explained(
    world: Services,
) -> None:
    async with staged(world) as stage:
        first = await drawn(stage, stage.alex)
        form = await press(stage, stage.alex, first.response, "edit")
        left = Catalog([world.catalog["talker"]])
        reader = replace(world.reader, catalog=left)
        stage.services = replace(stage.services, catalog=left, reader=reader)
        await stage.restart()
        result = await stage.alex.submit_modal(form, _fill(form, prompt="a", variant=["starter"]))
        assert "There is no variant “starter” here any more" in refusal(result)
        result = await press(stage, stage.alex, first.response, "vary")
        assert "No variant that is switched on here" in refusal(result)
        assert len(stage.orders()) == 1


def _fill(form: Any, **values: Any) -> dict[str, Any]:
    """Return what is filled in, under the custom ids of the form's fields."""
    ids = [label["component"]["custom_id"] for label in form.modal["components"]]
    return {one: values[name] for one in ids if (name := one.partition("~")[0]) in values}


async def someones(stage: Stage, *files: tuple[str, bytes]) -> Any:
    """Return a message of a member with files."""
    return await stage.mei.send(stage.channel, "look", attachments=files)


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_menu_edits_anybodys_picture_across_a_restart_too(
    stage: Stage, restarted: bool
) -> None:
    message = await someones(stage, ("猫 on a very long file name.png", picture((100, 200))))
    form = await stage.alex.context_menu(stage.channel, MENU, message)
    assert form.modal["title"] == "Edit this picture"
    if restarted:
        await stage.restart()
    result = await stage.alex.submit_modal(
        form, _fill(form, prompt="a red panda", change=["lot"], variant=["starter"])
    )
    order = last(stage)
    assert order.user_id == stage.alex.id
    assert (order.request["width"], order.request["height"]) == (96, 128)
    assert order.request["strength"] == 0.8
    assert "cancel" in presses(result.response)


async def test_the_menu_takes_a_mask_and_more_pictures(stage: Stage) -> None:
    message = await someones(stage, ("a.png", picture()))
    form = await stage.alex.context_menu(stage.channel, MENU, message)
    filled = _fill(form, prompt="x", more=[("b.png", picture()), ("c.png", picture((64, 64)))])
    await stage.alex.submit_modal(form, filled)
    assert len(last(stage).request["references"]) == 3
    form = await stage.alex.context_menu(stage.channel, MENU, message)
    mask = io.BytesIO()
    Image.new("L", (128, 128), 255).save(mask, "PNG")
    filled = _fill(form, prompt="x", mask=[("m.png", mask.getvalue())])
    await stage.alex.submit_modal(form, filled)
    assert last(stage).request["mask"]


async def test_of_the_bots_own_card_the_menu_takes_the_original(stage: Stage) -> None:
    first = await drawn(stage, stage.alex, count=2)
    form = await stage.mei.context_menu(stage.channel, MENU, first.response)
    await stage.mei.submit_modal(form, _fill(form, prompt="a cat", picture=["2"]))
    order = last(stage)
    assert order.parent_id == order_id(first.response)


async def test_the_form_counts_pictures_as_they_are_shown(stage: Stage) -> None:
    first = await stage.imagine(stage.alex, variant="starter", count=3)
    stage.keep(stage.claim(), picture())
    stage.fail(stage.claim(), DeviceFull(width=128, height=128))
    stage.keep(stage.claim(), picture((64, 64)))
    await stage.deliver()
    form = await press(stage, stage.alex, first.response, "edit")
    parts = [label["component"] for label in form.modal["components"]]
    (choices,) = (one["options"] for one in parts if one["custom_id"].startswith("picture"))
    assert [(one["label"], one["value"]) for one in choices] == [("1", "1"), ("2", "3")]


async def test_a_file_named_like_one_of_ours_is_a_strangers_file(stage: Stage) -> None:
    first = await drawn(stage, stage.alex)
    name = f"reroll-{order_id(first.response)}-1.png"
    message = await someones(stage, (name, picture((100, 200))))
    form = await stage.mei.context_menu(stage.channel, MENU, message)
    await stage.mei.submit_modal(form, _fill(form, prompt="a cat"))
    assert last(stage).parent_id is None


@pytest.mark.parametrize("files", [(), (("notes.txt", b"words"),)])
async def test_a_message_without_a_picture_is_explained(stage: Stage, files: Any) -> None:
    message = await someones(stage, *files)
    result = await stage.alex.context_menu(stage.channel, MENU, message)
    assert "no finished picture in this message" in refusal(result)


async def test_a_card_that_is_still_being_drawn_has_no_picture_yet(stage: Stage) -> None:
    first = await stage.imagine(stage.alex)
    result = await stage.alex.context_menu(stage.channel, MENU, first.response)
    assert "no finished picture in this message" in refusal(result)


async def test_the_menu_and_the_form_speak_the_members_language(stage: Stage) -> None:
    stage.speaks(stage.alex, "zh-CN")
    message = await someones(stage, ("a.png", picture()))
    form = await stage.alex.context_menu(stage.channel, MENU, message)
    assert [label["label"] for label in form.modal["components"]] == [
        "提示词",
        "模型",
        "改多少",
        "蒙版",
        "更多图片",
    ]
    menu = next(one for one in stage.env.backend.commands[None].values() if one["name"] == MENU)
    assert menu["name_localizations"]["zh-TW"] == "拿這張圖來改一改"


async def test_only_variants_that_can_are_offered(stage: Stage) -> None:
    commands = stage.env.backend.commands[None]

    def offers(command: str, option: str) -> list[str]:
        named = {one["name"]: one for one in commands[(command, 1)]["options"]}
        return [choice["value"] for choice in named[option]["choices"]] if option in named else []

    assert offers("edit", "variant") == ["starter", "looker"]
    assert offers("expand", "variant") == []
    names = [one["name"] for one in commands[("edit", 1)]["options"]]
    assert names[:3] == ["prompt", "image", "from"]
    assert "image3" in names
    assert "image4" not in names


async def test_where_no_variant_starts_from_pictures_there_are_no_such_commands(
    world: Services,
) -> None:
    left = Catalog([world.catalog["talker"]])
    reader = replace(world.reader, catalog=left)
    async with staged(replace(world, catalog=left, reader=reader)) as stage:
        names = {name for name, _ in stage.env.backend.commands[None]}
    assert not {"edit", "variations", "expand", "upscale", MENU} & names
    assert "imagine" in names


def test_numbers_are_read_as_they_stand_anywhere() -> None:
    placed = "0fj29xk2p7"
    for name in (f"reroll-{placed}-1.png", placed, f"reroll-{placed}-1.webp"):
        assert sources.of_file(name) == placed
    assert sources.of_file(f"reroll-{placed}-12.png") == f"{placed}-12"
    assert sources.of_file("preview.png") is None


async def test_the_original_is_what_is_edited_not_discords_copy(stage: Stage) -> None:
    first = await drawn(stage, stage.alex)
    generation = stage.order(order_id(first.response))
    digest = generation.images[0].file_sha256 or ""
    await stage.alex.slash(stage.channel, "variations", **{"from": generation.id, "count": 1})
    order = last(stage)
    before = np.asarray(opened(stage, generation, digest).convert("RGB"))
    assert (np.asarray(opened(stage, order, order.request["canvas"])) == before).all()
    assert order.request["canvas"] != digest  # what the file tells besides is left out
    content = stage.services.files.get(order.id, order.request["canvas"])
    assert hashlib.sha256(content).hexdigest() == order.request["canvas"]
    with pytest.raises(FilesUnavailable):
        stage.services.files.get(order.id, digest)


async def test_a_drawn_picture_is_upscaled_beyond_what_its_variant_draws_at_once(
    stage: Stage,
) -> None:
    first = await drawn(stage, stage.alex)
    await press(stage, stage.alex, first.response, "upscale")
    order = last(stage)
    assert (order.request["width"], order.request["height"]) == (256, 256)
    assert order.parent_id == order_id(first.response)


def shown(result: Any) -> str:
    """Return the words of a card, wherever it came."""
    return text((result.followups or [result.response])[-1])


async def test_a_larger_picture_says_so_however_it_is_drawn_again(stage: Stage) -> None:
    with stage.database.begin() as session:
        grants.give(session, Flow(stage.guild.id, stage.alex.id), 100, by=1, gift_id=1)
    first = await drawn(stage, stage.alex)
    result = await stage.alex.slash(stage.channel, "upscale", **{"from": order_id(first.response)})
    await drawn_to_size(stage)
    cards = [result]
    for action in ("again", "new", "remix"):
        pressed = await press(stage, stage.alex, result.response, action)
        if action == "remix":
            pressed = await stage.alex.submit_modal(pressed, {"prompt": "a blue panda"})
        await drawn_to_size(stage)
        cards.append(pressed)
    for card in map(shown, cards):
        assert "An enlarged version of the original picture" in card
        assert "change" not in card
    form = await press(stage, stage.alex, result.response, "remix")
    changed = await stage.alex.submit_modal(form, {"prompt": "a panda", "change": "70"})
    near = await press(stage, stage.alex, result.response, "vary")
    await drawn_to_size(stage)
    for card, percent in ((shown(changed), 70), (shown(near), 40)):
        assert f"Painted over a picture · change {percent}%" in card
        assert "enlarged" not in card
