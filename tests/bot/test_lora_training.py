"""/lora train through the real bot: pictures in, the price first, a card that keeps up."""

import io
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from sqlalchemy import select

from bot.background import Sweeper
from bot.errors import ZipUnreadable
from bot.loras.training import curve, gathering
from bot.loras.training.asked import Asked, defaulted
from bot.loras.training.telling import TrainingBoard
from engine.errors import PictureFileTooLarge, PictureTooSmall
from engine.training.errors import ExamplesInvalid, TrainingDiverged
from engine.variants.catalog import VARIANTS, Catalog
from store.choices.servers import Defaults
from store.errors import StoreUnavailable
from store.files import Files
from store.host import workers
from store.loras import library
from store.loras.library import Kept
from store.money.plans import Plan, Plans
from store.tables.money import LedgerEntry
from store.tables.trainings import Training
from store.training import claims, trainings
from store.training.claims import Claim, Progress
from tests.bot.messages import gallery, presses, text
from tests.bot.stage import Stage
from tests.disks import no_larger

COLOURS = ("red", "blue", "gold", "green", "black", "white")


def picture(colour: str = "red", side: int = 160) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return file.getvalue()


def packed(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def six() -> dict[str, bytes]:
    return {f"set/{colour}.png": picture(colour) for colour in COLOURS}


@pytest.fixture
def school(stage: Stage) -> Stage:
    """A server whose members may train, and a process that does."""
    plan = Plan(daily_credits=10, loras=2, lora_mb=50, trainings=1, name="pupil")
    object.__setattr__(stage.services, "defaults", Defaults(Plans((plan,))))
    with stage.database.begin() as session:
        workers.report(session, "w-trainer", [workers.trainer("starter")])
    return stage


async def ask(stage: Stage, files: dict[str, bytes], **options: Any) -> Any:
    given = {"name": "Ink", "trigger": "inky", "zip": ("set.zip", packed(files)), **options}
    return await stage.alex.slash(stage.channel, "lora train", **given)


async def begin(stage: Stage) -> Any:
    return await go(stage, (await ask(stage, six())).response)


async def go(stage: Stage, asked: Any) -> Any:
    return (await stage.alex.click(asked, custom_id=presses(asked)["traingo"])).response


def refusal(result: Any) -> str:
    told = (result.followups or [result.response])[-1]
    assert told.ephemeral
    return str(told.content)


def rows(stage: Stage) -> list[Training]:
    with stage.database.begin() as session:
        return list(session.scalars(select(Training)))


def claim(stage: Stage) -> Claim:
    with stage.database.begin() as session:
        claimed = claims.claim(session, "w", ["starter"])
    assert claimed
    return claimed


async def tell(stage: Stage, board: TrainingBoard | None = None) -> None:
    with stage.env.time_context():
        await (board or TrainingBoard(stage.services, stage.bot)).tell()


@pytest.mark.parametrize("names", [["flux1-schnell", "starter"], ["starter"]])
def test_without_a_base_it_is_one_that_can_be_trained(names: list[str]) -> None:
    """Where there is one alone, nobody is asked for it."""
    left = {"base": None, "trigger": None, "rank": None, "steps": None}
    assert defaulted(Catalog.load(names), name="Ink", **left).base == "starter"


def test_a_hosts_own_terms_are_those_that_are_priced(tmp_path: Path) -> None:
    shipped = (VARIANTS / "starter.toml").read_text(encoding="utf-8")
    (tmp_path / "starter.toml").write_text(shipped.replace("\ncost = 2\n", "\ncost = 5\n"))
    catalog = Catalog.load(["starter"], tmp_path)
    left = dict.fromkeys(("base", "trigger", "rank", "steps"))
    asked = defaulted(catalog, name="Ink", **left)
    assert asked.price == 5 * asked.steps / 100
    assert Asked.of_form(asked.form_id(), catalog) == asked


async def test_a_zip_is_priced_confirmed_trained_and_told(school: Stage) -> None:
    stage = school
    asked = (await ask(stage, six())).response
    assert asked.ephemeral
    assert "6 pictures" in text(asked)
    assert "Train for 6 credits" in str(asked.components)
    assert rows(stage) == []
    card = await go(stage, asked)
    assert not card.ephemeral
    assert "“Ink” waits" in text(card)
    assert stage.left(stage.alex) == 4
    claimed = claim(stage)
    assert [caption for _, caption in claimed.examples] == ["inky"] * 6
    folder = trainings.folder(claimed.lora_id)
    kept = [stage.services.files.get(folder, sha256) for sha256, _ in claimed.examples]
    assert Image.open(io.BytesIO(kept[0])).size == (160, 160)
    shown = stage.services.files.put(folder, picture("pink"))
    with stage.database.begin() as session:
        claims.tell(session, claimed, Progress(150, [0.5, 0.4, 0.3], (shown,)))
    await tell(stage)
    assert "██████░░░░░░` step 150 of 300" in text(card)
    assert len(gallery(card)) == 2
    with stage.database.begin() as session:
        library.lock_file(session, "a" * 64, 9)
        file = Kept(base="starter", sha256="a" * 64, nbytes=9, rank=8, layers=5)
        claims.keep(session, claimed, file, "")
    board, before = TrainingBoard(stage.services, stage.bot), len(stage.env.http_requests)
    with no_larger(1):  # a database without room is told of it later
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await tell(stage, board)
    assert len(stage.env.http_requests) == before + 1
    await tell(stage, board)
    assert "“Ink” is in your library" in text(card)
    assert "inky" in text(card)
    assert not presses(card)
    assert rows(stage)[0].told_at
    again = await stage.alex.click(asked, custom_id=presses(asked)["traingo"])
    assert "already have a LoRA in training" in refusal(again)
    assert len(rows(stage)) == 1


async def test_a_training_is_paid_from_the_servers_own_day(school: Stage) -> None:
    stage = school
    now = stage.env.now()
    # Of these two, one has another date than UTC at every moment.
    zones = [ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")]
    zone = next(one for one in zones if now.astimezone(one).date() != now.date())
    plans = stage.services.defaults.plans
    object.__setattr__(stage.services, "defaults", Defaults(plans, zone))
    await begin(stage)
    day = stage.env.now().astimezone(zone).date().isoformat()
    assert [row.day for row in rows(stage)] == [day]
    with stage.database.begin() as session:
        entries = session.query(LedgerEntry).filter_by(user_id=stage.alex.id).all()
    assert {(one.purse, one.kind, one.amount) for one in entries} == {
        (day, "grant", 10),
        (day, "hold", -6),
    }
    quota = (await stage.alex.slash(stage.channel, "quota")).response
    assert "**4** of 10 credits" in str(quota.content)


async def test_what_is_learnt_from_is_handed_out(school: Stage) -> None:
    await begin(school)
    (row,) = rows(school)
    shown = school.services.files.put(library.folder(row.lora_id), picture("pink"))
    with school.database.begin() as session:
        library.preview(session, row.lora_id, shown)
    sent = (await school.alex.slash(school.channel, "privacy export")).response
    with zipfile.ZipFile(io.BytesIO(await sent.attachments[0].read())) as opened:
        names = opened.namelist()
        assert opened.read(f"loras/{row.lora_id}.png") == picture("pink")
        assert row.token.encode() not in opened.read("lora_trainings-1.json")
    assert sum(name.startswith(f"trainings/{row.lora_id}-") for name in names) == 6


async def test_without_a_zip_a_form_asks_across_a_restart_too(school: Stage) -> None:
    stage = school
    options = {"name": "墨", "trigger": "ink: wash", "steps": 100, "rank": 16}
    form, other = [await stage.alex.slash(stage.channel, "lora train", **options) for _ in range(2)]
    assert "墨" in form.modal["title"]
    await stage.restart()
    files = [(f"{colour}.png", picture(colour)) for colour in COLOURS]
    few = await stage.alex.submit_modal(other, {"pictures-0": files[:3]})
    assert "You sent 3 pictures" in refusal(few)
    asked = await stage.alex.submit_modal(form, {"pictures-0": files[:2], "pictures-1": files[2:]})
    assert "6 pictures · 100 steps · rank 16" in text(asked.response)
    await go(stage, asked.response)
    (row,) = rows(stage)
    assert (row.plan["rank"], row.steps, row.price) == (16, 100, 2)
    assert {caption for _, caption in row.examples["all"]} == {"ink: wash"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"zip": ("a.zip", packed({f"{c}.png": picture(c) for c in COLOURS[:3]}))}, "You sent 3"),
        ({"zip": ("a.zip", packed({**six(), "tiny.png": picture("red", 1)}))}, "32 pixels"),
        ({"zip": ("a.zip", b"PK nonsense")}, "cannot read this zip"),
        ({"trigger": "nude"}, "not drawn in this channel"),
        ({"name": "a:b"}, "cannot be a LoRA's name"),
    ],
)
async def test_what_is_wrong_costs_nothing(
    school: Stage, options: dict[str, Any], says: str
) -> None:
    assert says in refusal(await ask(school, six(), **options))
    assert rows(school) == []
    assert school.left(school.alex) == 10


async def test_a_lora_in_training_is_listed_as_such(school: Stage) -> None:
    await begin(school)
    listed = (await school.alex.slash(school.channel, "lora list")).response
    opened = (await school.alex.slash(school.channel, "lora info", name="Ink")).response
    for shown in (listed, opened):
        assert "🎓 in training" in text(shown)
        assert "being checked" not in text(shown)


async def test_pictures_without_words_need_a_trigger(school: Stage) -> None:
    archive = ("a.zip", packed(six()))
    result = await school.alex.slash(school.channel, "lora train", name="Ink", zip=archive)
    assert "no description" in refusal(result)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "zh-TW"])
async def test_a_form_without_a_trigger_makes_one_up_and_says_so(
    school: Stage, locale: str
) -> None:
    words = school.speaks(school.alex, locale)
    form = await school.alex.slash(school.channel, "lora train", name="Ink 墨")
    trigger = form.modal["custom_id"].rpartition(":")[2]
    assert re.fullmatch("ink[0-9a-f]{4}", trigger)
    hints = [label.get("description") for label in form.modal["components"]]
    hint = words("lora_train.trigger_made", trigger=trigger)
    assert hint in hints
    assert len(hint) <= 100


async def test_a_plan_without_trainings_says_so(school: Stage) -> None:
    plan = Plan(daily_credits=10, loras=2, lora_mb=50, name="free")
    asked = (await ask(school, six())).response
    object.__setattr__(school.services, "defaults", Defaults(Plans((plan,))))
    result = await school.alex.click(asked, custom_id=presses(asked)["traingo"])
    assert "includes no trainings" in refusal(result)
    assert rows(school) == []
    form = await school.alex.slash(school.channel, "lora train", name="Ink", trigger="inky")
    assert "includes no trainings" in refusal(form)
    archive = ("a.zip", packed(six()))
    zipped = await school.alex.slash(school.channel, "lora train", name="Ink", zip=archive)
    assert "includes no trainings" in refusal(zipped)


async def test_where_nobody_trains_nothing_is_taken(school: Stage) -> None:
    stage = school
    with stage.database.begin() as session:
        workers.leave(session, "w-trainer", stage.services.catalog.names)
    asked = (await ask(stage, six())).response
    result = await stage.alex.click(asked, custom_id=presses(asked)["traingo"])
    assert "Nobody trains LoRAs for Starter" in refusal(result)


async def test_stopping_gives_back_what_was_not_run(school: Stage) -> None:
    stage = school
    card = await begin(stage)
    claimed = claim(stage)
    stop = presses(card)["trainstop"]
    assert "Only the person who ordered" in refusal(await stage.mei.click(card, custom_id=stop))
    assert not rows(stage)[0].cancel_requested
    await stage.alex.click(card, custom_id=stop)
    assert rows(stage)[0].cancel_requested
    with stage.database.begin() as session:
        claims.cancelled(session, claimed, 100)
    await tell(stage)
    assert "stopped after 100 steps. 4 credits are back" in text(card)
    assert stage.left(stage.alex) == 8


async def test_pictures_go_when_the_end_was_told_though_the_file_store_was_away(
    school: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, files = school, school.services.files
    card = await begin(stage)
    folder = trainings.folder(rows(stage)[0].lora_id)
    kept = [sha256 for sha256, _ in rows(stage)[0].examples["all"]]
    await Sweeper(stage.services).sweep()
    await stage.alex.click(card, custom_id=presses(card)["trainstop"])
    await tell(stage)
    for name, value in {"REGION": "here", "ENDPOINT": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ALLOW_HTTP"):
        monkeypatch.setenv(name, "true")
    away = Files("s3://bucket/prefix")
    await Sweeper(replace(stage.services, files=away)).sweep()
    assert all(files.has(folder, name) for name in kept)
    await Sweeper(stage.services).sweep()
    assert not any(files.has(folder, name) for name in kept)
    assert rows(stage)[0].purged_at


async def test_a_failure_long_after_the_token_is_told_by_the_bot(school: Stage) -> None:
    stage = school
    card = await begin(stage)
    claimed = claim(stage)
    await stage.env.advance_time(timedelta(minutes=30).total_seconds())
    with stage.database.begin() as session:
        claims.fail(session, claimed, TrainingDiverged(step=9))
    await stage.restart()
    await tell(stage)
    assert "came to nothing" in text(card)
    assert "fell apart after 9 steps" in text(card)
    assert stage.left(stage.alex) == 10


async def test_the_card_of_a_training_is_about_no_order(school: Stage) -> None:
    card = await begin(school)
    words = school.services.texts.of("en-US")
    for menu in ("Show recipe", "Draw again", "Report this picture"):
        told = await school.mei.context_menu(school.channel, menu, card)
        assert told.response.content == words("errors.message_without_order")


async def test_where_its_thread_is_archived_a_direct_message_tells(school: Stage) -> None:
    stage = school
    await begin(stage)
    claimed = claim(stage)
    await stage.env.advance_time(timedelta(minutes=90).total_seconds())
    with stage.database.begin() as session:
        claims.fail(session, claimed, TrainingDiverged(step=9))
    archived = {"status": 400, "code": 50083, "message": "Thread is archived"}
    stage.env.inject_error("PATCH", "/channels/*/messages/*", **archived)
    await tell(stage)
    (letter,) = stage.alex.user.dm_channel.history()
    assert "fell apart after 9 steps" in text(letter)
    assert rows(stage)[0].told_at


def test_a_zip_gives_pictures_and_captions_by_name() -> None:
    files = {
        "a/cat.PNG": picture(),
        "a/cat.txt": "  a red\n cat ".encode("utf-8-sig"),
        "../../etc/dog.jpg": picture("blue"),
        "../../etc/dog.txt": "一只狗".encode("gb18030"),
        "a\\bird.webp": picture(),
        "__MACOSX/a/._cat.PNG": b"x",
        ".hidden.png": b"x",
        "notes.md": b"x",
    }
    pictures, captions = gathering.unzipped(packed(files))
    assert [captions.get(name, "") for name, _ in pictures] == ["一只狗", "a red cat", ""]


def test_bombs_and_broken_zips_are_refused() -> None:
    bomb = packed({"bomb.png": b"\0" * (26 * 2**20)})
    assert len(bomb) < 100_000
    with pytest.raises(PictureFileTooLarge):
        gathering.unzipped(bomb)
    with pytest.raises(PictureFileTooLarge):
        gathering.unzipped(packed({"long.txt": b"a" * 5000}))
    with pytest.raises(ZipUnreadable):
        gathering.unzipped(packed({f"{n}.md": b"" for n in range(201)}))
    with pytest.raises(ExamplesInvalid):
        gathering.unzipped(packed({f"{n}.png": b"" for n in range(51)}))
    whole = packed(six())
    for broken in (b"", whole[:-30], whole[:50] + b"\xff" * 40 + whole[90:]):
        with pytest.raises(ZipUnreadable):
            gathering.unzipped(broken)


def test_pictures_are_kept_no_larger_than_they_are_looked_at() -> None:
    kept = Image.open(io.BytesIO(gathering.prepared(picture(side=900), 128 * 128)))
    assert kept.width * kept.height <= 2.1 * 128 * 128
    with pytest.raises(PictureTooSmall):
        gathering.prepared(picture(side=1), 128 * 128)


def test_the_curve_is_a_small_picture() -> None:
    for losses in ([0.5, 0.4, 0.3], [1.0, 1.0]):
        drawn = curve.drawn(losses, 0.5)
        assert Image.open(io.BytesIO(drawn)).size == (curve.WIDTH, curve.HEIGHT)
        assert len(drawn) < 20_000
